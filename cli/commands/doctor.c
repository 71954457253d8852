/* `doctor`: the checks of cli/doctor/, and the store's. */
#include "system_check.h"
#include "../doctor/doctor.h"
#include "cleanup.h"
#include <string.h>

struct doctor_options { struct check_options store; bool quiet, quick; };
static const struct doctor_options defaults = { .store.registry = REGISTRY_OPTIONS_DEFAULT };
static const struct option_def options[] = {
	OPTION(struct doctor_options, store.fix, 0, "fix|repair", NULL, "take away what is left behind, and unpack or fetch again what is damaged"),
	OPTION(struct doctor_options, quiet, 'q', "quiet", NULL, "only what is not as it should be"),
	OPTION(struct doctor_options, store.json, 0, "json", NULL, "print a JSON object"),
	OPTION(struct doctor_options, quick, 0, "quick", NULL, "leave the images unread"),
	OPTION(struct doctor_options, store.deep, 0, "deep", NULL, "unpack every layer of the images again, and compare each file"),
	REGISTRY_OPTION_ROWS(struct doctor_options, store.registry),
};

struct report { struct finding *checks; size_t n_checks; int64_t bad, warnings; struct examination *store; };
#define T struct finding
static const struct json_type finding_type = JSON_TYPE(T, JSON_ALWAYS(T, code, "Code"), JSON_ALWAYS(T, name, "Name"), JSON_ALWAYS(T, level, "Level"),
	JSON_ALWAYS(T, text, "Text"), JSON_FIELD(T, remedy, "Remedy"), JSON_FIELD(T, fixed, "Fixed"));
#undef T
#define T struct report
static const struct json_type report_type = JSON_TYPE(T, JSON_LIST(T, checks, "Checks", finding_type), JSON_ALWAYS(T, bad, "Bad"),
	JSON_ALWAYS(T, warnings, "Warnings"), JSON_OBJECT(T, store, "Store", examination_type));
#undef T

/* look_store - one finding for each problem; codes by what is damaged */
static struct examination *look_store(struct doctor *d, struct carrier *c, const struct check_options *o)
{
	static const struct doctor_check check = { "CD0901", "images", NULL };
	struct examination *e = NULL;
	struct error err = { 0 };
	d->now = &check;
	if (store_check(c, o, &d->pool, &e, &err) < 0) {
		doctor_error(d, true, &err);
		return NULL;
	}
	for (size_t i = 0; i < e->n_problems; i++) {
		const struct problem *p = &e->problems[i];
		if (p->repaired)
			doctor_fixed(d, "%s %s: %s; it was repaired", p->kind, p->object, p->text);
		else
			doctor_bad(d, "carrier doctor --fix", "%s %s: %s", p->kind, p->object, p->text);
	}
	if (!e->n_problems)
		doctor_ok(d, "%lld of them, %lld blobs and %lld layers are whole", (long long) e->images, (long long) e->blobs,
			  (long long) e->layers);
	return e;
}

static void print(const struct doctor *d, bool quiet)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct finding *f = &d->list[i];
		if (quiet && strcmp(f->level, "ok") == 0 && !f->fixed)
			continue;
		printf("%s  %-5s %s: %s\n", f->code, f->fixed ? "fixed" : f->level, f->name, f->text);
		if (f->remedy)
			printf("              %s: %s\n", strcmp(f->level, "ok") == 0 ? "for more" : "remedy", f->remedy);
	}
	size_t bad = doctor_count(d, "bad"), warnings = doctor_count(d, "warn");
	if (!quiet)
		printf("%zu checked: %zu bad, %zu warnings%s\n", d->n, bad, warnings, bad + warnings ? "" : "; all is well");
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct carrier *c = program;
	const struct doctor_options *o = given;
	struct doctor d CLEANUP(doctor_done) = { .carrier = c, .fix = o->store.fix };
	struct examination *e = NULL;
	doctor_run(&d);
	if (!o->quick)
		e = look_store(&d, c, &o->store);
	size_t bad = doctor_count(&d, "bad");
	if (o->store.json) {
		const struct report r = { d.list, d.n, (int64_t) bad, (int64_t) doctor_count(&d, "warn"), e };
		cleanup_free char *text = json_encode(&report_type, &r, JSON_INDENTED, NULL);
		(void) fputs(text, stdout);
	} else {
		print(&d, o->quiet);
	}
	return bad ? 1 : 0;
}

const struct command command_doctor = {
	.name = "doctor", .summary = "look at what this machine has, at what was left behind, and whether all images are whole",
	.description = "Each line has a code that stays the same, what was looked at and what was found: ok; warn, where something is slower "
		       "or not to be had; bad, where commands fail, or something is damaged or left behind. Where something can be done, "
		       "it is said. Much is found out by trying: a user namespace is made, an overlay mounted, as a container would.\n\n"
		       "With --fix what killed monitors and commands have left is taken away (stale names and records, half-written files, volumes "
		       "and secrets, cgroups, processes, mounts), and images are repaired as by `carrier system check --fix`. What needs "
		       "another user's rights is only said.",
	.examples = "Is all well?\n\tcarrier doctor\n\nOnly what is not:\n\tcarrier doctor -q\n\n"
		    "For a script, in which somebody waits:\n\tcarrier doctor --quick --json | jq -r '.Checks[] | select(.Level != \"ok\").Code'\n\n"
		    "Clear up after a crash:\n\tcarrier doctor --fix",
	.exit_status = "0 when nothing is bad (any more), 1 when something is.",
	OPTIONS(struct doctor_options, options), .defaults = &defaults, .run = run,
};
