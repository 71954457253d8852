/* Theory of operation.
 *
 * Making: the directory first, then the name's link, so a link never points to nothing; record.json comes last, and what has none is
 * not listed. Removing: the link first, then the directory, which is renamed ("ID.removed") before anything in it goes. What a crash
 * leaves between is therefore a directory without record.json (removed by whoever lists, once it is older than anybody needs to write
 * one), one without a name (found by its id), or one that was renamed (removed by whoever lists, unless it is still locked).
 * Only those who unlink a name lock (flock(2) on ROOT/names): making one is atomic by itself.
 */
#include "record_impl.h"
#include "cleanup.h"
#include "event.h"
#include "fs.h"
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

enum { ID_BYTES = 32 };

/* ---- making ---- */

static int make_dir(const struct carrier *carrier, int containers_fd, struct container *c, struct error *err)
{
	unsigned char random[ID_BYTES];
	char id[ID_LEN + 1];
	if (getrandom(random, sizeof random, 0) != sizeof random)
		return error_set(err, errno, "get random numbers from the kernel");
	str_hex(random, sizeof random, id);
	c->record.id = pool_strdup(&c->pool, id);
	c->dir = pool_printf(&c->pool, "%s/containers/%s", carrier->root, id);
	if (mkdirat(containers_fd, id, 0700) < 0)
		return error_set(err, errno, "make directory '%s'", c->dir);
	c->dir_fd = openat(containers_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c->dir_fd < 0)
		return error_set(err, errno, "open '%s'", c->dir);
	(void) flock(c->dir_fd, LOCK_EX | LOCK_NB);	/* is_being_made(); until record_commit() */
	return 0;
}

int record_new(const struct carrier *carrier, const char *name, struct container *ret, struct error *err)
{
	if (!str_empty(name) && !record_name_is_valid(name))
		return record_name_invalid(name, err);
	cleanup_close int containers_fd = record_place_open(carrier, "containers", true, err);
	if (containers_fd < 0)
		return containers_fd;
	cleanup_close int names_fd = record_place_open(carrier, "names", true, err);
	if (names_fd < 0)
		return names_fd;

	cleanup_container struct container c = CONTAINER_NONE;
	int r = make_dir(carrier, containers_fd, &c, err);
	if (r == 0)
		r = record_name_choose(names_fd, containers_fd, name, &c, err);
	if (r < 0) {
		if (c.record.id)
			(void) unlinkat(containers_fd, c.record.id, AT_REMOVEDIR);
		return r;
	}
	struct timespec now;
	char created[40];
	clock_gettime(CLOCK_REALTIME, &now);
	c.record.created = pool_strdup(&c.pool, str_rfc3339(now.tv_sec, now.tv_nsec, created));
	c.status.state = pool_strdup(&c.pool, "created");
	c.state = RECORD_CREATED;
	*ret = c;
	c = (struct container) CONTAINER_NONE;
	return 0;
}

/* ---- removing ---- */

int record_retire(const struct carrier *carrier, struct container *c, struct error *err)
{
	c->status.state = (char *) "removing";
	int r = status_save(c, err);
	if (r == 0)
		record_name_give_up(carrier, c);
	return r;
}

int record_remove(const struct carrier *carrier, struct container *c, struct error *err)
{
	cleanup_close int containers_fd = record_place_open(carrier, "containers", false, err);
	if (containers_fd < 0)
		return containers_fd;
	bool retired = c->state == RECORD_REMOVING;	/* by us, who are its monitor: the name is free, and the lock ours */
	struct error why = { 0 };
	cleanup_close int lock_fd = retired ? -1 : record_lock(c, &why);
	if (!retired && lock_fd < 0)
		return lock_fd == -ENOENT ? 0 : error_say(err, why.code, "%s", why.text);
	if (!retired)
		record_name_give_up(carrier, c);
	cleanup_free char *renamed = xasprintf("%s" REMOVED, c->record.id);
	/* at once: what has lost half of its files, but not its record, would be taken for a container */
	if (renameat(containers_fd, c->record.id, containers_fd, renamed) < 0 && errno != ENOENT)
		return error_set(err, errno, "remove container %.12s", c->record.id);
	int r = record_place_remove(carrier, containers_fd, renamed, err);
	if (r == 0)
		event_container(carrier, c, "destroy", NULL);
	return r;
}
