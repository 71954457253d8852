#include "../container/apart.h"
#include "../container/begin.h"
#include "../container/event.h"
#include "../container/runtime.h"
#include "cleanup.h"
#include "fs.h"
#include "select.h"
#include <string.h>

/* Where a checkpoint is: in the container's directory, so that it goes when the container goes; or where --dir says. */

struct checkpoint_options { bool leave_running, tcp_established, file_locks, ext_unix_sk, keep; char *dir; struct selection which; };

#define COMMON_ROWS \
	OPTION(struct checkpoint_options, dir, 0, "dir|checkpoint-dir", "DIR", \
	       "where the images of its processes are (default: in the container's directory)"), \
	OPTION(struct checkpoint_options, tcp_established, 0, "tcp-established", NULL, "with open TCP connections"), \
	OPTION(struct checkpoint_options, file_locks, 0, "file-locks", NULL, "with file locks"), \
	OPTION(struct checkpoint_options, ext_unix_sk, 0, "ext-unix-sk", NULL, "with UNIX sockets that lead out of the container")

static const struct option_def checkpoint_options[] = {
	SELECT_OPTION_ROWS(struct checkpoint_options, which, "every container that runs"),
	COMMON_ROWS,
	OPTION(struct checkpoint_options, leave_running, 'R', "leave-running", NULL, "the container goes on afterwards"),
};
static const struct option_def restore_options[] = {
	SELECT_OPTION_ROWS(struct checkpoint_options, which, "every container that has a checkpoint and does not run"),
	COMMON_ROWS,
	OPTION(struct checkpoint_options, keep, 'k', "keep", NULL, "keep the images; without it they are removed when the container runs"),
};

/* image_dir - of one container. Caller frees. */
static char *image_dir(const struct container *c, const struct checkpoint_options *o)
{
	char *path = NULL;
	if (o->dir && fs_absolute(o->dir, &path, NULL) == 0)
		return path;
	return xasprintf("%s/checkpoint", c->dir);
}

/* check - a second one's images in the same directory would be written over the first one's. Return: 0, or an exit code */
static int check(const char *command, int n_names, const struct checkpoint_options *o)
{
	struct error err = { 0 };
	int r = selection_check(command, n_names, &o->which);
	if (r || !o->dir || o->which.latest || (size_t) n_names + o->which.cidfiles.n == 1)
		return r;
	(void) error_say(&err, EINVAL, "%s: --dir holds the images of one container: name one, or leave out --dir, and each has its own", command);
	return carrier_fail(&err);
}

static void add_flags(const struct checkpoint_options *o, struct strings *ret)
{
	if (o->tcp_established)
		strings_add(ret, "--tcp-established");
	if (o->file_locks)
		strings_add(ret, "--file-locks");
	if (o->ext_unix_sk)
		strings_add(ret, "--ext-unix-sk");
}

/* ---- checkpoint ---- */

struct call { const struct carrier *c; const struct container *container; char *const *args; };

static int call_inside(void *ctx, struct error *err)
{
	const struct call *call = ctx;
	const struct carrier own = runtime_of(call->c, &call->container->record, NULL);
	int r = runtime_enter(&own, call->container, err);
	return r < 0 ? r : runtime_run(&own, call->args, NULL, err);
}

static int call_runtime(const struct carrier *c, const struct container *container, const struct checkpoint_options *o, const char *dir,
			struct error *err)
{
	struct strings args cleanup_strings = { 0 };
	strings_add(&args, "checkpoint");
	strings_printf(&args, "--image-path=%s", dir);
	strings_printf(&args, "--work-path=%s", container->dir);	/* its log stays when the rest goes */
	add_flags(o, &args);
	if (container->record.tty)
		strings_add(&args, "--shell-job");
	if (o->leave_running)
		strings_add(&args, "--leave-running");
	strings_add(&args, container->record.id);
	struct call call = { c, container, args.v };
	return c->rootless ? apart_run(call_inside, &call, err) : call_inside(&call, err);
}

static int checkpoint_one(const struct carrier *c, struct container *container, void *given, struct error *err)
{
	const struct checkpoint_options *o = given;
	const char *name = container->record.name;
	cleanup_free char *dir = image_dir(container, o);
	bool runs = container->state == RECORD_RUNNING;
	if (!runs && o->which.all)
		return 1;
	if (!runs)
		return error_say(err, ESRCH, "container %s is not running under its monitor (it is %s): there is nothing that could be saved", name,
				 record_state_word(container));
	int r = fs_mkdir_all(AT_FDCWD, dir, 0700, err);
	if (r == 0 && !o->leave_running)	/* its end is wanted: no policy starts it again */
		r = record_note_stop(container, false, err);
	if (r == 0)
		r = call_runtime(c, container, o, dir, err);
	if (r < 0) {
		record_forget_stop(container);
		if (!o->dir)
			(void) fs_remove_tree(container->dir_fd, "checkpoint", NULL);
		return error_wrap(err, "checkpoint container %s", name);
	}
	event_container(c, container, "checkpoint", NULL);
	return 0;
}

static int run_checkpoint(void *program, void *given, char **args, int n_args)
{
	struct checkpoint_options *o = given;
	int r = check("checkpoint", n_args, o);
	return r ? r : each_selected(program, args, &o->which, checkpoint_one, o);
}

const struct command command_checkpoint = {
	.name = "checkpoint", .arguments = "[CONTAINER...]", .summary = "save the processes of containers as they are, and end them",
	.description = "By CRIU, which has to be installed and needs root. `carrier restore` lets them go on where they were, also after a reboot.",
	.examples = "Before a new kernel is booted, and afterwards:\n\tcarrier checkpoint web\n\tcarrier restore web",
	.exit_status = "0, or 1 when any of them could not be saved; that one runs on.",
	OPTIONS(struct checkpoint_options, checkpoint_options), .max_args = -1, .run = run_checkpoint,
};

/* ---- restore ---- */

static int restore_one(const struct carrier *c, struct container *container, void *given, struct error *err)
{
	const struct checkpoint_options *o = given;
	const char *name = container->record.name;
	cleanup_free char *dir = image_dir(container, o);
	bool there = access(dir, F_OK) == 0;
	struct strings restore cleanup_strings = { 0 };
	if (o->which.all && (!there || container_active(container)))
		return 1;
	if (!there)
		return error_say(err, ENOENT, "container %s has no checkpoint in '%s': `carrier checkpoint %s` makes one", name, dir, name);
	if (container_active(container))
		return error_say(err, EALREADY, "container %s is running", name);
	strings_printf(&restore, "--image-path=%s", dir);
	strings_printf(&restore, "--work-path=%s", container->dir);
	add_flags(o, &restore);
	if (container->record.tty)
		strings_add(&restore, "--shell-job");
	container->restore = restore.v;
	int r = container_begin_detached(c, container, err);
	container->restore = NULL;
	if (r < 0)
		return error_wrap(err, "restore container %s", name);
	if (!o->keep && !o->dir)
		(void) fs_remove_tree(container->dir_fd, "checkpoint", NULL);
	event_container(c, container, "restore", NULL);
	return 0;
}

static int run_restore(void *program, void *given, char **args, int n_args)
{
	struct checkpoint_options *o = given;
	int r = check("restore", n_args, o);
	return r ? r : each_selected(program, args, &o->which, restore_one, o);
}

const struct command command_restore = {
	.name = "restore", .arguments = "[CONTAINER...]", .summary = "let containers go on where `carrier checkpoint` has saved them",
	.examples = "One that was saved, and keep what was saved:\n\tcarrier restore --keep web",
	.exit_status = "0, or 1 when any of them could not go on.",
	OPTIONS(struct checkpoint_options, restore_options), .max_args = -1, .run = run_restore,
};
