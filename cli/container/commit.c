/* Theory of operation. A child becomes root of the namespace that the container's owners are of, reads upper/ (or, to squash, the whole tree)
 * through carrier-pack, and makes the image; the parent gets the id by shared memory. Another child holds the container still as long as
 * a socket is open, so that it goes on however we end. */
#include "commit.h"
#include "../image/instructions.h"
#include "apart.h"
#include "cleanup.h"
#include "log.h"
#include "str.h"
#include "tree.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct commit {
	const struct carrier *c;
	const struct container *container;
	const struct commit_options *o;
	char *id;			/* shared with the parent */
};

/* ---- its image ---- */

/* find_image - by its manifest, which is not moved by a later pull of the same name */
static int find_image(const struct store *s, const struct record *record, struct image *ret, struct error *err)
{
	struct image *list = NULL;
	size_t n = 0, found;
	int r = store_list(s, &list, &n, err);
	if (r < 0)
		return r;
	for (found = 0; found < n && !str_eq(list[found].manifest_digest, record->manifest); found++)
		;
	for (size_t i = 0; found == n && i < n; i++)
		if (str_eq(list[i].config_digest, record->image_id))
			found = i;
	for (size_t i = 0; i < n; i++)
		if (i != found)
			image_done(&list[i]);
	if (found < n)
		*ret = list[found];
	free(list);
	return found < n ? 0 : error_say(err, ENOENT, "the image of container %s, '%s', is not in the store any more: pull it again", record->name,
					 record->image ? record->image : record->image_id);
}

/* ---- its settings ---- */

/* is_prefix - does @list begin with all of @prefix? */
static bool is_prefix(char *const *prefix, char *const *list)
{
	for (; prefix && *prefix; prefix++, list++)
		if (!*list || strcmp(*prefix, *list) != 0)
			return false;
	return true;
}

/* take_settings - as the container was run. Of its arguments those of the image's entrypoint stay that. */
static void take_settings(struct image_settings *s, const struct record *record, struct pool *pool)
{
	static char *nothing[] = { NULL };
	struct strings env cleanup_strings = { 0 };
	char **args = record->args ? record->args : nothing;
	if (s->entrypoint && is_prefix(s->entrypoint, args))
		args += strings_count(s->entrypoint);
	else
		s->entrypoint = NULL;
	s->cmd = *args ? args : NULL;
	for (char **v = record->env; v && *v; v++)
		if (!(record->tty && strcmp(*v, "TERM=xterm") == 0))	/* --tty's, not the container's */
			strings_add(&env, *v);
	s->env = pool_alloc(pool, (env.n + 1) * sizeof *s->env);
	for (size_t i = 0; i < env.n; i++)
		s->env[i] = pool_strdup(pool, env.v[i]);
	s->user = record->user;
	if (s->working_dir || (record->workdir && strcmp(record->workdir, "/") != 0))
		s->working_dir = record->workdir;
	s->stop_signal = record->stop_signal;
	s->labels = record->labels;
}

static char *joined(char *const *words, struct pool *pool)
{
	struct buf b cleanup_buf = { 0 };
	for (; words && *words; words++)
		buf_printf(&b, "%s%s", b.len ? " " : "", *words);
	return pool_strdup(pool, buf_str(&b));
}

/* ---- the work ---- */

static int pack(const struct commit *k, const struct place *p, int tree_fd, struct made_layer *layer, struct error *err)
{
	struct idmap uids cleanup_idmap = { 0 }, gids cleanup_idmap = { 0 };
	int r = container_owners(k->container, !k->o->squash, &uids, &gids, err);
	const struct pack_job how = { .tree_fd = tree_fd, .kind = k->o->squash ? "layer" : "overlay", .uids = &uids, .gids = &gids,
				      .compression = k->o->compression, .level = k->o->level };
	return r < 0 ? r : make_layer(p, &how, layer, err);
}

/* add_layer - what the container wrote, if it was ever started */
static int add_layer(const struct commit *k, const struct place *p, int tree_fd, struct image_config *config, struct descriptor *layers,
		     size_t *n, struct image_history *history, struct pool *pool, struct error *err)
{
	struct made_layer layer;
	if (tree_fd < 0) {	/* nothing */
		history->empty_layer = true;
		make_add_history(config, history, pool);
		return 0;
	}
	int r = pack(k, p, tree_fd, &layer, err);
	if (r == 0)
		make_add_layer(config, layers, n, &layer, history, pool);
	return r;
}

static int make(const struct commit *k, const struct store *s, int tree_fd, struct pool *pool, struct error *err)
{
	const struct record *record = &k->container->record;
	struct image image cleanup_image = { 0 };
	struct place place cleanup_place = PLACE_INIT;
	struct image_config config;
	struct descriptor *layers;
	int r = find_image(s, record, &image, err);
	if (r == 0)
		r = place_open(s, "commit", &place, err);
	if (r < 0)
		return r;
	config = *image.config;
	size_t n = image.manifest->n_layers;
	layers = make_layers_of(&image, 1, pool, err);
	if (!layers)
		return -EINVAL;
	if (k->o->squash) {
		n = config.n_history = 0;
		config.rootfs.diff_ids = NULL;
	}
	take_settings(&config.config, record, pool);
	for (char *const *change = k->o->changes; r == 0 && change && *change; change++)
		r = instruction_apply(&config.config, *change, pool, err);
	if (r < 0)
		return r;
	config.created = make_now(pool);
	config.author = k->o->author ? (char *) (uintptr_t) k->o->author : config.author;
	struct image_history history = {
		.created = config.created, .created_by = joined(record->args, pool), .author = config.author,
		.comment = (char *) (uintptr_t) k->o->message,
	};
	r = add_layer(k, &place, tree_fd, &config, layers, &n, &history, pool, err);
	struct descriptor manifest;
	if (r == 0)
		r = make_image(&place, &config, NULL, layers, n, pool, k->id, &manifest, err);
	return r < 0 ? r : make_names(s, &manifest, k->o->names, err);
}

/* What is packed: -1 when it has written nothing. */
struct packed { int fd; struct rootfs mounted; struct place place; };

/* written_by_copy - the part of a copy's files that are not in its layers, as a layer */
static int written_by_copy(const struct store *s, const struct container *container, int whole_fd, const struct view *below,
			   struct packed *ret, struct error *err)
{
	struct idmap uids cleanup_idmap = { 0 }, gids cleanup_idmap = { 0 };
	int r = container_owners(container, true, &uids, &gids, err);
	const struct view whole = { &whole_fd, 1, uids.n ? &uids : NULL, &gids };
	if (r == 0)
		r = place_open(s, "written", &ret->place, err);
	if (r == 0 && mkdirat(ret->place.fd, "tree", 0700) < 0)
		r = error_set(err, errno, "create '%s/%s/tree'", s->root, ret->place.name);
	if (r < 0)
		return r;
	ret->fd = openat(ret->place.fd, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return ret->fd < 0 ? error_set(err, errno, "open '%s/%s/tree'", s->root, ret->place.name) : container_written(&whole, below, ret->fd, err);
}

static int find_written(const struct store *s, const struct container *container, int *fds, size_t n, size_t own, bool whole, struct packed *ret,
			struct error *err)
{
	const struct view below = { fds + own, n - own };
	int r = 0;
	if (own && whole)
		r = written_by_copy(s, container, fds[0], &below, ret, err);
	else if (own)
		ret->fd = take_fd(fds[0]);
	for (size_t i = 0; i < n; i++)
		close_fd(&fds[i]);
	free(fds);
	return r;
}

/* enter - be where its files can be read; with --squash they are seen as a whole then */
static int enter(const struct commit *k, struct packed *ret, int **fds, size_t *n, size_t *own, bool *whole, struct error *err)
{
	if (!k->o->squash)
		return container_layers(k->c, k->container, fds, n, own, whole, err);
	ret->fd = container_tree(k->c, k->container, &ret->mounted, err);
	return ret->fd < 0 ? ret->fd : 0;
}

static int work(void *ctx, struct error *err)
{
	const struct commit *k = ctx;
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct store store cleanup_store = STORE_INIT;
	struct packed packed = { .fd = -1, .mounted = ROOTFS_NONE, .place = PLACE_INIT };
	bool whole = false;
	int *fds = NULL;
	size_t n = 0, own = 0;
	int r = enter(k, &packed, &fds, &n, &own, &whole, err);
	if (r == 0)
		r = store_open(k->c->root, &store, err);
	cleanup_close int hold = r < 0 ? -1 : make_hold(&store, err);
	if (r == 0)
		r = hold < 0 ? hold : find_written(&store, k->container, fds, n, own, whole, &packed, err);
	if (r == 0)
		r = make(k, &store, packed.fd, &pool, err);
	close_fd(&packed.fd);
	container_tree_end(k->container, &packed.mounted);
	place_close(&packed.place);
	if (r < 0 && hold >= 0) {
		close_fd(&hold);
		(void) store_collect(&store, NULL);	/* what was made, and nothing names */
	}
	return r;
}

static int hold_still(const struct carrier *c, const struct container *container, const struct commit_options *o)
{
	struct error why = { 0 };
	if (!o->pause || container->state != RECORD_RUNNING)
		return -1;
	int fd = container_freeze(c, container, &why);
	if (fd < 0)
		log_warn("container %s cannot be paused (%s): a file that it writes just now may be in the image half-written",
			 container->record.name, why.text);
	return fd;
}

int commit_container(const struct carrier *c, const struct container *container, const struct commit_options *o, char id[80],
		     struct error *err)
{
	enum { ROOM = 80 };
	char *shared = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return error_set(err, errno, "share memory with a child");
	int freezer = hold_still(c, container, o);
	struct commit k = { .c = c, .container = container, .o = o, .id = shared };
	int r = apart_run(work, &k, err);
	container_thaw(&freezer);
	snprintf(id, ROOM, "%s", shared);
	(void) munmap(shared, ROOM);
	return r < 0 ? error_wrap(err, "commit %s", container->record.name) : 0;
}
