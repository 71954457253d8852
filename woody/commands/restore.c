#include "../checkpoint.h"
#include "../woody.h"
#include "log.h"

struct restore_options {
	struct restore_request q;
	char *bundle, *console_socket, *pid_file;
	bool detach, no_subreaper, no_pivot;
};

static const struct option_def options[] = {
	OPTION(struct restore_options, console_socket, 0, "console-socket", "PATH",
	       "UNIX socket that receives the master of the container's terminal"),
	OPTION(struct restore_options, q.settings.image_path, 0, "image-path", "DIR", "where the images are (default: ./checkpoint)"),
	OPTION(struct restore_options, q.settings.work_path, 0, "work-path", "DIR", "CRIU's log goes here (default: where the images are)"),
	OPTION(struct restore_options, q.settings.tcp_established, 0, "tcp-established", NULL, "with open TCP connections"),
	OPTION(struct restore_options, q.settings.ext_unix_sk, 0, "ext-unix-sk", NULL, "with UNIX sockets that lead out of the container"),
	OPTION(struct restore_options, q.settings.shell_job, 0, "shell-job", NULL, "with a terminal of the caller's"),
	OPTION(struct restore_options, q.settings.file_locks, 0, "file-locks", NULL, "with file locks"),
	OPTION(struct restore_options, q.settings.cgroups_mode, 0, "manage-cgroups-mode", "soft|full|strict|ignore",
	       "what is restored of cgroups (default: soft); ignore: config.json names another cgroup than the saved one"),
	OPTION(struct restore_options, bundle, 'b', "bundle", "DIR", "the bundle's directory (default: the current one)"),
	OPTION(struct restore_options, detach, 'd', "detach", NULL, "return once the container runs"),
	OPTION(struct restore_options, pid_file, 0, "pid-file", "FILE", "write the pid of the container's process to FILE"),
	OPTION(struct restore_options, no_subreaper, 0, "no-subreaper", NULL, NULL),	/* we never are one */
	OPTION(struct restore_options, no_pivot, 0, "no-pivot", NULL, NULL),		/* CRIU chooses */
	OPTION(struct restore_options, q.settings.empty_ns, 0, "empty-ns", "network", "do not restore what is in this namespace"),
	OPTION(struct restore_options, q.settings.auto_dedup, 0, "auto-dedup", NULL, "remove from the images what has been restored"),
	OPTION(struct restore_options, q.settings.lazy_pages, 0, "lazy-pages", NULL, "get memory from `criu lazy-pages` when it is used"),
	OPTION(struct restore_options, q.lsm_profile, 0, "lsm-profile", "TYPE:NAME", "confine it by this profile: apparmor:NAME or selinux:LABEL"),
	OPTION(struct restore_options, q.lsm_mount_context, 0, "lsm-mount-context", "CONTEXT", "mount its file systems with this SELinux context"),
};

static int run(void *program, void *given, char **args, int n_args)
{
	struct woody *w = program;
	struct restore_options *o = given;
	struct error err = { 0 };
	(void) n_args;
	struct launch l = LAUNCH_INIT;
	l.root = w->root;
	l.id = args[0];
	l.bundle = o->bundle ? o->bundle : ".";
	l.manager = w->manager;
	l.rootless = w->rootless;
	l.nested = w->nested;
	l.console_socket = o->console_socket;
	l.pid_file = o->pid_file;
	l.detach = o->detach;

	int r = checkpoint_restore(&l, &o->q, w->criu, &err);
	if (r == 0 && !o->detach)
		r = launch_foreground(&l, false, &err);
	launch_done(&l);
	return r < 0 ? fail(w, "restore", &err) : r;
}

const struct command command_restore = {
	.name = "restore", .arguments = "CONTAINER-ID", .summary = "bring a container back that `checkpoint` has saved",
	.description = "The bundle is the one it had, or one like it: its config.json says where the root file system, what is bound into it, and the "
		       "cgroup are. 0, 1 and 2, where they were pipes or files of the host, become those of this command; a file must be as long as "
		       "it was. Then it waits for the program "
		       "and deletes the container, and exits with the program's exit code, or 128 + n when signal n ended it, unless --detach says "
		       "otherwise. When it cannot be brought back nothing is left, and the log restore.log says why.\n\n"
		       "Hooks: prestart and createRuntime run again, and poststop in the end; the others' work is in the images.",
	.see_also = "criu(8)",
	OPTIONS(struct restore_options, options), .min_args = 1, .max_args = 1, .run = run,
};
