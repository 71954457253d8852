#include "event.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "str.h"
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define T struct event_actor
static const struct json_type actor_type = JSON_TYPE(T, JSON_ALWAYS(T, id, "ID"), JSON_ALWAYS(T, attributes, "Attributes"));
#undef T
#define T struct event
const struct json_type event_type = JSON_TYPE(T, JSON_FIELD(T, status, "status"), JSON_FIELD(T, id, "id"), JSON_FIELD(T, from, "from"),
	JSON_REQUIRED(T, type, "Type"), JSON_REQUIRED(T, action, "Action"), JSON_INLINE(T, actor, "Actor", actor_type),
	JSON_ALWAYS(T, scope, "scope"), JSON_ALWAYS(T, time, "time"), JSON_ALWAYS(T, time_nano, "timeNano"));
#undef T

/* open_events - the file that has the name now; made, with its directory, if need be */
static int open_events(const char *dir, const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? -errno : fd;
	int r = fs_mkdir_all(AT_FDCWD, dir, 0700, NULL);
	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

/* rotate - only who has the lock of the file that still has the name renames it: of two who find it too long the second would
 * otherwise put the new one in the old one's place. Return: has it another name now? */
static bool rotate(int fd, const char *path)
{
	struct stat ours, named;
	cleanup_free char *old = xasprintf("%s.1", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return false;	/* somebody is at it; this line still goes into the old one */
	if (fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_ino == named.st_ino && ours.st_dev == named.st_dev)
		return rename(path, old) == 0;
	return true;
}

static int append(const struct carrier *c, const char *line, size_t len)
{
	struct stat st;
	cleanup_free char *path = xasprintf("%s/events", c->runroot);
	cleanup_close int fd = open_events(c->runroot, path);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size >= EVENT_FILE_MAX && rotate(fd, path)) {
		close_fd(&fd);
		fd = open_events(c->runroot, path);
	}
	if (fd < 0)
		return fd;
	ssize_t n = write(fd, line, len);
	return n < 0 ? -errno : (size_t) n == len ? 0 : -ENOSPC;
}

static void add(struct json_map *map, struct pool *pool, const char *key, const char *value)
{
	if (value)
		map->pairs[map->n++] = (struct json_pair) { pool_strdup(pool, key), pool_strdup(pool, value) };
}

struct subject { const char *type, *action, *id, *name, *image; const struct json_map *labels; };

static void record(const struct carrier *c, const struct subject *s, va_list ap)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct timespec now;
	size_t pairs = 2 + (s->labels ? s->labels->n : 0);
	va_list count;
	va_copy(count, ap);
	while (va_arg(count, const char *)) {
		(void) va_arg(count, const char *);
		pairs++;
	}
	va_end(count);

	clock_gettime(CLOCK_REALTIME, &now);
	bool container = str_eq(s->type, "container");
	struct event e = {
		.type = (char *) s->type, .action = (char *) s->action, .scope = (char *) "local", .actor.id = (char *) (s->id ? s->id : ""),
		.actor.attributes.pairs = pool_alloc(&pool, pairs * sizeof *e.actor.attributes.pairs),
		.status = container || str_eq(s->type, "image") ? (char *) s->action : NULL, .time = now.tv_sec,
		.time_nano = now.tv_sec * INT64_C(1000000000) + now.tv_nsec,
	};
	e.id = e.status ? e.actor.id : NULL;
	e.from = container ? (char *) s->image : NULL;
	add(&e.actor.attributes, &pool, "image", s->image);
	add(&e.actor.attributes, &pool, "name", s->name);
	for (size_t i = 0; s->labels && i < s->labels->n; i++)
		add(&e.actor.attributes, &pool, s->labels->pairs[i].key, s->labels->pairs[i].value ? s->labels->pairs[i].value : "");
	for (const char *key; (key = va_arg(ap, const char *));)
		add(&e.actor.attributes, &pool, key, va_arg(ap, const char *));

	size_t len;
	cleanup_free char *text = json_encode(&event_type, &e, JSON_COMPACT, &len);
	text = xrealloc(text, len + 2);
	memcpy(text + len, "\n", 2);
	int r = append(c, text, len + 1);
	if (r < 0)
		log_info("the event '%s %s' is not in '%s/events': %s", s->type, s->action, c->runroot, strerror(-r));
}

void event_record(const struct carrier *c, const char *type, const char *action, const char *id, const char *name, const char *image, ...)
{
	va_list ap;
	va_start(ap, image);
	record(c, &(struct subject) { type, action, id, name, image, NULL }, ap);
	va_end(ap);
}

void event_container(const struct carrier *c, const struct container *container, const char *action, ...)
{
	const struct record *r = &container->record;
	va_list ap;
	va_start(ap, action);
	record(c, &(struct subject) { "container", action, r->id, r->name, r->image ? r->image : r->rootfs, &r->labels }, ap);
	va_end(ap);
}
