#include "../container/log_journal.h"
#include "../container/log_reader.h"
#include "../words.h"
#include "cleanup.h"
#include <ctype.h>
#include <regex.h>
#include <string.h>
#include <time.h>

struct logs_options { bool follow, timestamps, latest, details, names; char *tail, *since, *until, *search, *regex, *fuzzy; };

static const struct logs_options defaults = { .tail = (char *) "all" };
static const struct option_def options[] = {
	OPTION(struct logs_options, follow, 'f', "follow", NULL, "go on until the container ends"),
	OPTION(struct logs_options, tail, 'n', "tail", "N", "only the last N lines, or all"),
	OPTION(struct logs_options, timestamps, 't', "timestamps", NULL, "the time in front of every line"),
	OPTION(struct logs_options, since, 0, "since", "TIME", "only what was written since then: a time, or a duration before now (10m)"),
	OPTION(struct logs_options, until, 0, "until", "TIME", "only what was written until then"),
	OPTION(struct logs_options, search, 0, "search", "TEXT", "only lines that contain this text"),
	OPTION(struct logs_options, regex, 0, "regex", "EXPRESSION", "only lines that this extended regular expression matches"),
	OPTION(struct logs_options, fuzzy, 0, "fuzzy", "TEXT", "only lines that have these characters in this order, in any case, others between"),
	OPTION(struct logs_options, details, 0, "details", NULL, "the tag of --log-opt in front of every line"),
	OPTION(struct logs_options, names, 0, "names", NULL, "the container's name in front of every line"),
	OPTION(struct logs_options, latest, 'l', "latest", NULL, "of the container that was made last"),
};

/* struct printer - what is shown, and how */
struct printer {
	const struct logs_options *o;
	int64_t since_ns, until_ns;	/* 0: no limit */
	regex_t regex;
	bool filters;			/* whole lines are looked at, so parts of one are kept until its end */
	char *details, *name;		/* or NULL */
	struct { struct buf line, time; bool inside; } stream[2];
};

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- which lines ---- */

static bool matches_fuzzily(const char *line, const char *text)
{
	for (; *line && *text; line++)
		text += tolower((unsigned char) *line) == tolower((unsigned char) *text);
	return !*text;
}

static bool is_wanted(const struct printer *p, const char *line, size_t len)
{
	const struct logs_options *o = p->o;
	if (o->search && !memmem(line, len, o->search, strlen(o->search)))
		return false;
	cleanup_free char *text = o->regex || o->fuzzy ? xstrndup(line, len) : NULL;
	if (o->regex && regexec(&p->regex, text, 0, NULL, 0) != 0)
		return false;
	return !o->fuzzy || matches_fuzzily(text, o->fuzzy);
}

/* ---- printing ---- */

static int print(struct printer *p, bool to_stderr, const char *time, const char *text, size_t len, bool begins)
{
	FILE *out = to_stderr ? stderr : stdout;
	if (to_stderr && fflush(stdout))	/* in order, where both are one terminal; stderr has no buffer */
		return -EPIPE;
	if (begins && p->name)
		(void) fprintf(out, "%s ", p->name);
	if (begins && p->o->timestamps)
		(void) fprintf(out, "%s ", time);
	if (begins && p->details)
		(void) fprintf(out, "tag=%s ", p->details);
	return len && fwrite(text, 1, len, out) != len ? -EPIPE : 0;
}

/* print_entry - 1 when it is behind --until */
static int print_entry(struct printer *p, const struct log_entry *e)
{
	int64_t when = 0;
	bool ends = e->text.len && e->text.data[e->text.len - 1] == '\n', inside = p->stream[e->stderr_].inside;
	struct buf *line = &p->stream[e->stderr_].line;
	if ((p->since_ns || p->until_ns) && words_instant(buf_str(&e->time), &when) == 0) {
		if (p->until_ns && when > p->until_ns)
			return 1;
		if (p->since_ns && when < p->since_ns)
			return 0;
	}
	p->stream[e->stderr_].inside = !ends;
	if (!p->filters)
		return print(p, e->stderr_, buf_str(&e->time), e->text.data, e->text.len, !inside);
	buf_add(line, e->text.data, e->text.len);
	if (!ends)
		return 0;
	int r = is_wanted(p, line->data, line->len - 1) ? print(p, e->stderr_, buf_str(&e->time), line->data, line->len, true) : 0;
	line->len = 0;
	return r;
}

/* print_rest - lines that have no end and will not get one */
static void print_rest(struct printer *p)
{
	for (int s = 0; s < 2; s++) {
		struct buf *line = &p->stream[s].line;
		if (line->len && is_wanted(p, line->data, line->len))
			(void) print(p, s, "", line->data, line->len, false);
	}
}

static int wait_ms(const struct printer *p)
{
	int64_t left = p->until_ns ? (p->until_ns - now_ns()) / 1000000 + 1 : -1;
	return p->until_ns && left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int) left;
}

static int show(struct printer *p, struct log_reader *r, struct container *c, struct error *err)
{
	struct log_entry e cleanup_log_entry = { 0 };
	for (;;) {
		int result, printed = 0;
		while ((result = log_reader_next(r, &e, err)) == 1 && printed == 0)
			printed = print_entry(p, &e);
		if (result < 0)
			return result;
		if (fflush(stdout) || fflush(stderr) || printed < 0)
			return error_say(err, EPIPE, "nobody reads the output");
		if (printed == 1 || !p->o->follow || (p->until_ns && now_ns() > p->until_ns))
			break;
		result = log_reader_wait(r, c, wait_ms(p), err);
		if (result <= 0)
			return result;
	}
	print_rest(p);
	return fflush(stdout) ? error_say(err, EPIPE, "nobody reads the output") : 0;
}

/* ---- what was asked for ---- */

static int parse_moment(const char *option, const char *text, int64_t *ret, struct error *err)
{
	if (!text || words_moment(text, now_ns(), ret) == 0)
		return 0;
	return error_say(err, EINVAL, "%s '%s': give a time (2006-01-02T15:04:05Z, 2006-01-02, seconds since 1970) or a duration before now (10m)",
			 option, text);
}

static int parse_regex(struct printer *p, struct error *err)
{
	char why[128];
	if (!p->o->regex)
		return 0;
	int code = regcomp(&p->regex, p->o->regex, REG_EXTENDED | REG_NOSUB);
	if (code == 0)
		return 0;
	(void) regerror(code, &p->regex, why, sizeof why);
	return error_say(err, EINVAL, "--regex '%s': %s", p->o->regex, why);
}

static int prepare(struct printer *p, int64_t *ret_tail, struct error *err)
{
	const struct logs_options *o = p->o;
	*ret_tail = -1;
	if (!str_eq(o->tail, "all") && str_to_i64(o->tail, INT64_MIN, INT64_MAX, ret_tail) < 0)
		return error_say(err, EINVAL, "--tail '%s' is not a number of lines, and not \"all\"", o->tail);
	int r = parse_moment("--since", o->since, &p->since_ns, err);
	r = r < 0 ? r : parse_moment("--until", o->until, &p->until_ns, err);
	p->filters = o->search || o->regex || o->fuzzy;
	return r < 0 ? r : parse_regex(p, err);
}

static void done(struct printer *p)
{
	if (p->o->regex)
		regfree(&p->regex);
	free(p->details);
	free(p->name);
	for (int s = 0; s < 2; s++)
		buf_done(&p->stream[s].line);
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct logs_options *o = given;
	struct container c cleanup_container = CONTAINER_NONE;
	cleanup_log_reader struct log_reader *reader = NULL;
	struct printer p = { .o = o };
	struct error err = { 0 };
	int64_t tail;
	if (o->latest ? n_args > 0 : n_args == 0) {
		error_say(&err, EINVAL, "logs: name a container, or give --latest");
		return carrier_fail(&err);
	}
	if (prepare(&p, &tail, &err) < 0)
		return carrier_fail(&err);
	int r = record_find(program, o->latest ? "" : args[0], o->latest, &c, &err);
	if (r == 0)
		r = log_reader_open(&c, tail, &reader, &err);
	if (r == 0) {
		p.details = o->details && c.record.life.log.tag ? log_tag(c.record.life.log.tag, &c) : NULL;
		p.name = o->names ? xstrdup(c.record.name) : NULL;
		r = show(&p, reader, &c, &err);
	}
	done(&p);
	if (r == -EPIPE)	/* `carrier logs x | head`: what was wanted was shown */
		return 0;
	return r < 0 ? (carrier_fail(&err), 1) : 0;
}

const struct command command_logs = {
	.name = "logs", .arguments = "[CONTAINER]", .summary = "print what a container wrote",
	.description = "What it wrote to stdout goes to stdout, what it wrote to stderr to stderr, byte by byte. Files that were rotated "
		       "are read, too. --tail counts lines before --search, --regex, --fuzzy and --since choose among them; several of "
		       "these choose what they all do.",
	.examples = "The last lines, and what comes:\n\tcarrier logs --tail 20 -f web",
	.exit_status = "0, or 1 when there is no such container or it has no log.",
	OPTIONS(struct logs_options, options), .defaults = &defaults, .max_args = 1, .run = run,
};
