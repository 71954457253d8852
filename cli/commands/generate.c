/* The group `generate`: containers as configuration of other programs. */
#include "../generate/created.h"
#include "cleanup.h"
#include "fs.h"
#include "str.h"
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct generate_options { bool files, new_container, name; char *restart; int64_t time; };
static const struct generate_options defaults = { .time = -1 };
#define RESTART_WORDS "no|on-success|on-failure|on-abnormal|on-watchdog|on-abort|always"
static const struct option_def systemd_options[] = {
	OPTION(struct generate_options, new_container, 0, "new", NULL, "make the container anew at each start, and remove it at the end"),
	OPTION(struct generate_options, name, 'n', "name", NULL, "call the unit and the container by the container's name, not by its id"),
	OPTION(struct generate_options, files, 'f', "files", NULL, "write container-NAME.service here, and print its path"),
	OPTION(struct generate_options, restart, 0, "restart-policy", RESTART_WORDS, "when systemd starts it again (default: on-failure)"),
	OPTION(struct generate_options, time, 't', "time|stop-timeout", "SECONDS",
	       "how long a stop waits before it kills (default: the container's)"),
};
static const struct option_def quadlet_options[] = {
	OPTION(struct generate_options, files, 'f', "files", NULL, "write NAME.container here, and print its path"),
	OPTION(struct generate_options, restart, 0, "restart-policy", RESTART_WORDS,
	       "when systemd starts it again (default: by the container's own policy)"),
};

static int write_file(const char *name, const char *text, struct error *err)
{
	cleanup_free char *path = NULL;
	int r = fs_replace_file(AT_FDCWD, name, text, strlen(text), 0644, false, err);
	if (r == 0)
		r = fs_absolute(name, &path, err);
	if (r == 0)
		puts(path);
	return r;
}

static int make(const struct carrier *c, const struct generate_options *o, const char *program, const char *word, bool quadlet, struct error *err)
{
	struct container container cleanup_container = CONTAINER_NONE;
	cleanup_free char *text = NULL;
	int r = record_find(c, word, false, &container, err);
	if (r < 0)
		return r;
	bool by_name = o->name || o->new_container || quadlet;
	const struct unit_options unit = { o->new_container, by_name, program, o->restart, o->time };
	r = (quadlet ? unit_quadlet : unit_systemd)(c, &container, &unit, &text, err);
	if (r < 0)
		return r;
	const char *name = by_name ? container.record.name : container.record.id;
	cleanup_free char *file = quadlet ? xasprintf("%s.container", name) : xasprintf("container-%s.service", name);
	if (o->files)
		return write_file(file, text, err);
	printf("# %s\n%s", file, text);
	return 0;
}

static int each(const struct carrier *c, const struct generate_options *o, char **args, bool quadlet)
{
	static const char *const words[] = { "no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always", NULL };
	char program[PATH_MAX];
	struct error err = { 0 };
	if (o->restart && !strings_have((char *const *) words, o->restart)) {
		error_say(&err, EINVAL, "--restart-policy '%s' is not one of systemd's: %s", o->restart, RESTART_WORDS);
		return carrier_fail(&err);
	}
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	if (n < 0) {
		(void) error_set(&err, errno, "find out where carrier is");
		return carrier_fail(&err);
	}
	program[n] = 0;
	for (; *args; args++)
		if (make(c, o, program, *args, quadlet, &err) < 0)
			return carrier_fail(&err);
	return 0;
}

static int run_systemd(void *program, void *given, char **args, int n_args) { return each(program, given, args, false); }
static int run_quadlet(void *program, void *given, char **args, int n_args) { return each(program, given, args, true); }

static const struct command command_generate_systemd = {
	.name = "systemd", .arguments = "CONTAINER...", .summary = "print a systemd unit that starts and stops a container",
	.description = "The unit runs carrier in the foreground, so systemd knows when the container ends, and how; what it writes goes "
		       "to the journal. An ordinary user's unit is for ~/.config/systemd/user, root's for /etc/systemd/system. Containers "
		       "of an ordinary user end with the last logout unless lingering is on: `loginctl enable-linger`.\n\n"
		       "With --new the command line that made the container is the unit's, and the container is not needed any more. "
		       "Paths in it should be absolute; variables that were passed on have the values that they had then.\n\n"
		       "Give the container no --restart of its own: systemd does that.",
	.examples = "A service of your own, from now on and after each boot:\n\tcd ~/.config/systemd/user\n"
		    "\tcarrier generate systemd --new --files web\n"
		    "\tsystemctl --user daemon-reload && systemctl --user enable --now container-web.service",
	OPTIONS(struct generate_options, systemd_options), .defaults = &defaults, .min_args = 1, .max_args = -1, .run = run_systemd,
};

static const struct command command_generate_quadlet = {
	.name = "quadlet", .arguments = "CONTAINER...", .summary = "print a .container file, of which podman's generator makes a unit",
	.description = "For /etc/containers/systemd or ~/.config/containers/systemd. What podman has a key for is said by that, the rest "
		       "by PodmanArgs=. See podman-systemd.unit(5).",
	.examples = "The same container under podman:\n\tcarrier generate quadlet web > ~/.config/containers/systemd/web.container",
	OPTIONS(struct generate_options, quadlet_options), .defaults = &defaults, .min_args = 1, .max_args = -1, .run = run_quadlet,
};

static const struct command *const commands[] = { &command_generate_systemd, &command_generate_quadlet, NULL };

const struct command command_generate = { .name = "generate", .summary = "write containers down as units of systemd", .sub = commands };
