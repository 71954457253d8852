#include "woody.h"
#include "cleanup.h"
#include "exeseal.h"
#include "idmap.h"
#include "log.h"
#include "mem.h"
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#ifdef WOODY_LIBEXECDIR
#define SYSTEMD_WORD "+SYSTEMD "
#else
#define SYSTEMD_WORD ""
#endif

static const struct option_def options[] = {
	OPTION(struct woody, root, 0, "root", "DIR", "keep the state of containers here (default: /run/woody, or $XDG_RUNTIME_DIR/woody)"),
	OPTION(struct woody, log, 0, "log", "FILE", "write messages to FILE instead of stderr"),
	OPTION(struct woody, log_format, 0, "log-format", "FORMAT", "text (the default) or json"),
	OPTION(struct woody, log_level, 0, "log-level", "LEVEL", "error, warn, info or debug"),
	OPTION(struct woody, debug, 0, "debug", NULL, "the same as --log-level debug"),
	OPTION(struct woody, systemd_cgroup, 0, "systemd-cgroup", NULL, "let systemd manage cgroups; linux.cgroupsPath is slice:prefix:name"),
	OPTION(struct woody, manager, 0, "cgroup-manager", "NAME", "cgroupfs (the default), systemd or disabled"),
	OPTION(struct woody, rootless_word, 0, "rootless", "true|false|auto", "whether missing permission for cgroups is forgiven"),
	OPTION(struct woody, criu, 0, "criu", "PATH", "the program that does checkpoint and restore (default: criu, in PATH)"),
};

static const struct command *const commands[] = {
	&command_create, &command_start, &command_state, &command_kill, &command_delete, &command_run, &command_exec,
	&command_list, &command_ps, &command_pause, &command_resume, &command_update, &command_events,
	&command_checkpoint, &command_restore,
	&command_spec, &command_features, &command_mounts, NULL,
};

static void print_version(FILE *out)
{
	const struct scmp_version *v = seccomp_version();
	fprintf(out, "woody version " VERSION "\ncommit: " VERSION "\nspec: 1.3.0\nlibseccomp: %u.%u.%u\n" SYSTEMD_WORD "+SECCOMP +CAP +YAJL\n",
		v->major, v->minor, v->micro);
}

int fail(const struct woody *w, const char *command, const struct error *err)
{
	cleanup_free char *text = xasprintf("woody %s failed: %s", command, err->text);
	log_write(LOG_LEVEL_ERROR, text);
	if (w->log)	/* the log is a file: say it where people look, too */
		fprintf(stderr, "%s\n", text);
	return 1;
}

/* close_others - what the caller left open besides 0-2 and the preserved ones: a waiting init must not keep its pipes open */
static void close_others(const struct woody *w, unsigned first)
{
	unsigned last = w->log ? (unsigned) w->log_fd : ~0U;
	if (first < last)
		(void) syscall(SYS_close_range, first, w->log ? last - 1 : last, 0);
	if (w->log)
		(void) syscall(SYS_close_range, first > last ? first : last + 1, ~0U, 0);
}

int seal(const struct woody *w, int64_t preserve_fds, struct error *err)
{
	if (preserve_fds < 0 || preserve_fds > 1 << 20)
		return error_say(err, EINVAL, "--preserve-fds: %lld is not a number of file descriptors", (long long) preserve_fds);
	int r = exeseal(w->argv, err);
	if (r == 0)
		close_others(w, 3 + (unsigned) preserve_fds);
	return r;
}

static int usage(const char *text, const char *value)
{
	fprintf(stderr, "woody: %s '%s'\n", text, value);
	return 1;
}

static int open_log(struct woody *w)
{
	enum log_format format = LOG_FORMAT_TEXT;
	enum log_level level = w->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
	if (w->log_format && strcmp(w->log_format, "json") == 0)
		format = LOG_FORMAT_JSON;
	else if (w->log_format && strcmp(w->log_format, "text") != 0)
		return usage("--log-format: text or json, not", w->log_format);
	if (w->log_level && !w->debug && log_level_parse(w->log_level, &level) < 0)
		return usage("--log-level: error, warn, info or debug, not", w->log_level);
	int fd = STDERR_FILENO;
	if (w->log) {
		fd = open(w->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);	/* open until we end */
		if (fd < 0) {
			fprintf(stderr, "woody: open the log '%s': %s\n", w->log, strerror(errno));
			return 1;
		}
	}
	w->log_fd = fd;
	log_open(fd, format, level, "woody");
	return 0;
}

/* prepare - what the global options mean together */
static int prepare(void *program, void *unused)
{
	struct woody *w = program;
	(void) unused;
	int r = open_log(w);
	if (r)
		return r;
	if (w->systemd_cgroup)
		w->manager = (char *) "systemd";
	if (!w->manager)
		w->manager = (char *) "cgroupfs";
	static const char *const managers[] = { "cgroupfs", "systemd", "disabled", NULL };
	if (!strings_have((char *const *) managers, w->manager))
		return usage("--cgroup-manager: cgroupfs, systemd or disabled, not", w->manager);

	const char *word = w->rootless_word ? w->rootless_word : "auto";
	w->nested = !idmap_is_initial(-1);
	bool user = geteuid() != 0 || w->nested;
	w->rootless = strcmp(word, "true") == 0 || (strcmp(word, "auto") == 0 && user);
	if (!w->rootless && strcmp(word, "false") != 0 && strcmp(word, "auto") != 0)
		return usage("--rootless: true, false or auto, not", word);
	w->root_given = w->root != NULL;
	if (!w->root) {
		const char *runtime_dir = user ? getenv("XDG_RUNTIME_DIR") : NULL;
		if (user && str_empty(runtime_dir))
			return usage("XDG_RUNTIME_DIR is not set: give the directory for the state with", "--root DIR");
		w->root = user ? xasprintf("%s/woody", runtime_dir) : xstrdup("/run/woody");
	}
	return 0;
}

/* open_stdio - a caller that closed 0, 1 or 2 must not have one of our files appear there */
static void open_stdio(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void) close(fd);
}

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "woody", .summary = "Open Container Initiative runtime", .version = VERSION,
		.description = "woody creates and runs containers from OCI bundles (a directory with config.json and a root file "
			       "system). It is made to be called by carrier, podman, containerd, CRI-O and docker, with the "
			       "commands and options of runc.",
		OPTIONS(struct woody, options), .commands = commands, .man_section = 8, .usage_exit = 1, .prepare = prepare,
		.print_version = print_version,
	};
	struct woody w = { .argc = argc, .argv = argv };
	open_stdio();
	(void) signal(SIGPIPE, SIG_IGN);
	return command_main(&program, &w, &w, argc, argv);
}
