#include "../carrier.h"
#include "../container/apart.h"
#include "../image/store.h"
#include "../image/walk.h"
#include "cleanup.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* open_up - others may read what is the store's own; what is in a layer's tree keeps its modes, which are the image's */
static int open_up(void *ctx, const struct walk_entry *e, struct error *err)
{
	const char *rest = strstr(e->path, "/diff/");
	mode_t mode = e->st.st_mode & 07777;
	if (rest || S_ISLNK(e->st.st_mode) || str_starts(e->path, "tmp") || str_ends(e->path, "/diff"))
		return 0;
	mode_t wanted = mode | (S_ISDIR(e->st.st_mode) ? 0755 : 0644);
	if (mode != wanted && fchmodat(e->dir_fd, e->name, wanted, 0) < 0)
		return error_set(err, errno, "change the mode of '%s'", e->path);
	return 0;
}

static int share(void *ctx, struct error *err)
{
	const struct carrier *c = ctx;
	struct store s cleanup_store = STORE_INIT;
	int r = store_open(c->root, &s, err);
	cleanup_close int hold = r < 0 ? -1 : store_hold(&s, err);
	if (hold < 0)
		return r < 0 ? r : hold;
	if (chmod(c->root, 0755) < 0)
		return error_set(err, errno, "change the mode of '%s'", c->root);
	return walk_tree(AT_FDCWD, s.root, open_up, NULL, err);
}

static int run(void *program, void *options, char **args, int n_args)
{
	struct carrier *c = program;
	struct error err = { 0 };
	return apart_as_owner(c->rootless, share, c, &err) < 0 ? carrier_fail(&err) : 0;
}

const struct command command_system_share = {
	.name = "share", .summary = "let other users read this store, as their --additional-store",
	.description = "Makes the images of --root readable for everybody: run it again after each pull. Containers stay private.\n\n"
		       "Files of an image keep their modes: what only their owner may read (such as /etc/shadow) is not readable for others. Files "
		       "whose owners a user has no ids for (those of a store that root made) are shown as root's, by the storage driver "
		       "fuse-overlayfs or, without it, in a copy. To share layers natively, with all owners, let the store be made by the user "
		       "who uses it, or in a user namespace with the ids that the users have in common.",
	.examples = "A store for everybody, and who uses it:\n\tcarrier --root /srv/images system share\n"
		    "\tcarrier --additional-store /srv/images run debian",
	.run = run,
};
