#include "build.h"
#include "../container/apart.h"
#include "cleanup.h"
#include "instructions.h"
#include <sys/mman.h>

struct build { const struct carrier *c; const struct build_options *o; char *id; };

static int make(const struct build *b, const struct store *s, struct pool *pool, struct error *err)
{
	const struct build_options *o = b->o;
	struct place place cleanup_place = PLACE_INIT;
	struct image_config config = { .created = make_now(pool), .author = (char *) (uintptr_t) o->author };
	struct made_layer layer = { .size = 0 };
	struct descriptor descriptors[1];
	size_t n = 0;
	int r = make_platform(&config, o->platform, pool, err);
	for (char *const *change = o->changes; r == 0 && change && *change; change++)
		r = instruction_apply(&config.config, *change, pool, err);
	if (r == 0)
		r = place_open(s, o->archive ? "import" : "snapshot", &place, err);
	if (r < 0)
		return r;
	const struct pack_job how = { .tree_fd = o->fd, .kind = "layer", .compression = o->compression, .level = o->level };
	r = o->archive ? make_layer_of_archive(&place, o->fd, NULL, &layer, err) : make_layer(&place, &how, &layer, err);
	if (r < 0)
		return r;
	const struct image_history history = {
		.created = config.created, .author = config.author, .comment = (char *) (uintptr_t) (o->message ? o->message : o->comment),
	};
	make_add_layer(&config, descriptors, &n, &layer, &history, pool);
	struct descriptor manifest;
	r = make_image(&place, &config, NULL, descriptors, n, pool, b->id, &manifest, err);
	return r < 0 ? r : make_names(s, &manifest, o->names, err);
}

static int work(void *ctx, struct error *err)
{
	const struct build *b = ctx;
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct store store cleanup_store = STORE_INIT;
	cleanup_close int hold = make_begin(b->c, &store, err);
	if (hold < 0)
		return hold;
	int r = make(b, &store, &pool, err);
	if (r < 0) {
		close_fd(&hold);
		(void) store_collect(&store, NULL);	/* what was made, and nothing names */
	}
	return r;
}

int build_image(const struct carrier *c, const struct build_options *o, char id[80], struct error *err)
{
	enum { ROOM = 80 };
	char *shared = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return error_set(err, errno, "share memory with a child");
	struct build b = { c, o, shared };
	int r = apart_run(work, &b, err);
	snprintf(id, ROOM, "%s", shared);
	(void) munmap(shared, ROOM);
	return r;
}
