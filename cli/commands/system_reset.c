#include "../container/apart.h"
#include "../container/runtime.h"
#include "../image/mount.h"
#include "ask.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include <fcntl.h>

struct reset_options { bool force; };
static const struct option_def options[] = {
	OPTION(struct reset_options, force, 'f', "force", NULL, "do not ask"),
};

/* stop_all - also those that run */
static int stop_all(const struct carrier *c, struct error *err)
{
	struct container *list = NULL;
	size_t n = 0;
	int r = record_list(c, &list, &n, err);
	for (size_t i = 0; i < n; i++) {
		if (r == 0 && container_active(&list[i]))
			r = container_stop(c, &list[i], SIGKILL, 0, err);
		else if (r == 0 && list[i].state == RECORD_DEAD)
			r = container_kill_rest(c, &list[i], err);
		container_done(&list[i]);
	}
	free(list);
	return r;
}

/* remove_all - only what is carrier's: the directory itself may be one that has other things in it */
static int remove_all(void *ctx, struct error *err)
{
	static const char *const ours[] = { "names", "containers", "volumes", "secrets", "networks", "store", "userns.lock", "version" };
	const struct carrier *c = ctx;
	struct store s cleanup_store = STORE_INIT;
	int r = store_open(c->root, &s, err);
	cleanup_close int hold = r < 0 ? -1 : openat(s.fd, "hold", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (r == 0 && (hold < 0 || fs_lock(hold, true, false) < 0))
		return error_say(err, EBUSY, "another command is at work in '%s': wait until it has ended", s.root);
	struct strings mounted cleanup_strings = { 0 };
	if (r == 0)
		r = image_mounts(c, &mounted, err);
	for (size_t i = 0; r == 0 && i < mounted.n; i++)
		r = image_unmount(c, mounted.v[i], true, err);
	cleanup_close int root = r < 0 ? -1 : open(c->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return r < 0 ? r : error_set(err, errno, "open '%s'", c->root);
	for (size_t i = 0; r == 0 && i < sizeof ours / sizeof *ours; i++)
		r = fs_remove_tree(root, ours[i], err);
	return r;
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct carrier *c = program;
	const struct reset_options *o = given;
	struct error err = { 0 };
	cleanup_free char *text = xasprintf("This kills and removes all containers, and removes all images, volumes and secrets, of '%s'.", c->root);
	int r = ask(o->force, text, &err);
	if (r == 0)
		return 0;
	if (r > 0)
		r = stop_all(c, &err);
	if (r >= 0)
		r = apart_as_owner(c->rootless, remove_all, c, &err);
	return r < 0 ? carrier_fail(&err) : 0;
}

const struct command command_system_reset = {
	.name = "reset", .summary = "remove everything: containers, images, volumes, secrets, the store",
	.description = "What is in --root and not carrier's stays. Asks first; where no terminal is, --force is needed.",
	.examples = "Begin anew: all containers and images are removed:\n\tcarrier system reset --force",
	OPTIONS(struct reset_options, options), .run = run,
};
