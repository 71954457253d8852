#include "record_impl.h"
#include "cleanup.h"
#include "log.h"
#include <dirent.h>
#include <fcntl.h>
#include <string.h>

/* ---- reading one ---- */

/* load - @damaged: one whose record.json is damaged is given with its id only, and dead, so that it can be removed */
static int load(const struct carrier *carrier, int containers_fd, const char *id, bool damaged, struct container *ret,
		struct error *err)
{
	cleanup_container struct container c = CONTAINER_NONE;
	c.dir = pool_printf(&c.pool, "%s/containers/%s", carrier->root, id);
	c.dir_fd = openat(containers_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c.dir_fd < 0)
		return error_set(err, errno, "open '%s'", c.dir);
	struct error why = { 0 };
	int r = record_document_read(&c, "record.json", &record_type, &c.record, &why);
	if (r == 0 && !str_eq(c.record.id, id))
		r = error_say(&why, EBADMSG, "'%s/record.json' is of another container, '%.64s'", c.dir, c.record.id);
	if (r < 0 && !(r == -EBADMSG && damaged))
		return error_say(err, -r, "%s", why.text);
	if (r < 0) {
		log_warn("%s; `carrier rm %.*s` removes the container", why.text, SHORT_ID, id);
		c.record = (struct record) { .id = pool_strdup(&c.pool, id), .name = pool_strdup(&c.pool, ""),
			.created = pool_strdup(&c.pool, "") };
		c.status.state = pool_strdup(&c.pool, "running");
		c.state = RECORD_DEAD;
	} else {
		r = record_refresh(&c, err);
		if (r < 0)
			return r;
	}
	*ret = c;
	c = (struct container) CONTAINER_NONE;
	return 0;
}

/* ---- finding ---- */

/* find_prefix - the only id that begins with @prefix */
static int find_prefix(int containers_fd, const char *prefix, char id[ID_LEN + 1], struct error *err)
{
	cleanup_close int fd = openat(containers_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return error_set(err, errno, "list the containers");
	(void) take_fd(fd);	/* closedir(3) closes it */
	size_t found = 0;
	for (struct dirent *e; (e = readdir(d));) {
		if (!record_place_is_id(e->d_name) || !str_starts(e->d_name, prefix))
			continue;
		if (found++ == 0)
			memcpy(id, e->d_name, ID_LEN + 1);
	}
	if (found > 1)
		return error_say(err, ENOTUNIQ, "'%s' is the beginning of %zu containers' ids: give more digits, or a name", prefix, found);
	return found ? 0 : -ENOENT;
}

static int find_id(const struct carrier *carrier, int containers_fd, const char *name, char id[ID_LEN + 1], struct error *err)
{
	if (record_place_is_id(name)) {
		memcpy(id, name, ID_LEN + 1);
		return 0;
	}
	struct error why = { 0 };
	cleanup_close int names_fd = record_place_open(carrier, "names", false, &why);
	if (names_fd < 0 && names_fd != -ENOENT)
		return error_say(err, why.code, "%s", why.text);
	if (names_fd >= 0 && record_name_is_valid(name) && record_name_target(names_fd, name, id) == 0)
		return 0;
	if (strlen(name) < ID_LEN && *name && strspn(name, "0123456789abcdef") == strlen(name))
		return find_prefix(containers_fd, name, id, err);
	return -ENOENT;
}

static int find_latest(const struct carrier *carrier, struct container *ret, struct error *err)
{
	struct container *all;
	size_t n;
	int r = record_list(carrier, &all, &n, err);
	if (r < 0)
		return r;
	if (n)
		*ret = all[0];
	else
		r = error_say(err, ENOENT, "there is no container");
	for (size_t i = 1; i < n; i++)
		container_done(&all[i]);
	free(all);
	return r;
}

int record_find(const struct carrier *carrier, const char *name, bool latest, struct container *ret, struct error *err)
{
	if (latest && str_empty(name))
		return find_latest(carrier, ret, err);
	struct error why = { 0 };
	char id[ID_LEN + 1];
	cleanup_close int containers_fd = record_place_open(carrier, "containers", false, &why);
	int r = containers_fd < 0 ? containers_fd : find_id(carrier, containers_fd, name, id, &why);
	if (r == 0)
		r = load(carrier, containers_fd, id, true, ret, &why);
	if (r == 0 && ret->state == RECORD_REMOVING) {
		container_done(ret);
		r = -ENOENT;
	}
	if (r == -ENOENT)
		return error_say(err, ENOENT, "no container '%s'", name);
	return r < 0 ? error_say(err, -r, "%s", why.text) : 0;
}

/* ---- listing ---- */

/* open_containers - the directory, and to read it; -ENOENT, which is said nowhere: there has never been one */
static int open_containers(const struct carrier *carrier, DIR **ret, struct error *err)
{
	struct error why = { 0 };
	cleanup_close int containers_fd = record_place_open(carrier, "containers", false, &why);
	if (containers_fd == -ENOENT)
		return -ENOENT;
	if (containers_fd < 0)
		return error_say(err, why.code, "%s", why.text);
	cleanup_close int fd = openat(containers_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*ret = fd < 0 ? NULL : fdopendir(fd);
	if (!*ret)
		return error_set(err, errno, "list '%s/containers'", carrier->root);
	(void) take_fd(fd);
	return take_fd(containers_fd);
}

static int newest_first(const void *a, const void *b)
{
	const struct record *x = &((const struct container *) a)->record, *y = &((const struct container *) b)->record;
	int order = strcmp(y->created, x->created);
	return order ? order : strcmp(x->id, y->id);
}

/* sweep - a directory without a record, when nobody makes one of it; its name first, so that it never points to nothing */
static void sweep(const struct carrier *carrier, int containers_fd, const char *id)
{
	if (!record_place_is_gone(containers_fd, id))
		return;
	record_name_drop(carrier, id);
	(void) record_place_remove(carrier, containers_fd, id, NULL);
}

int record_list(const struct carrier *carrier, struct container **ret, size_t *ret_n, struct error *err)
{
	*ret = NULL;
	*ret_n = 0;
	struct error why = { 0 };
	cleanup_dir DIR *d = NULL;
	cleanup_close int containers_fd = open_containers(carrier, &d, err);
	if (containers_fd < 0)
		return containers_fd == -ENOENT ? 0 : containers_fd;

	struct container *all = NULL;
	size_t n = 0, size = 0;
	for (struct dirent *e; (e = readdir(d));) {
		if (!record_place_is_id(e->d_name)) {
			if (str_ends(e->d_name, REMOVED))
				record_place_sweep(carrier, containers_fd, e->d_name);
			continue;
		}
		if (n == size)
			all = xreallocarray(all, size = size ? 2 * size : 16, sizeof *all);
		int r = load(carrier, containers_fd, e->d_name, false, &all[n], &why);
		if (r == 0 && all[n].state == RECORD_REMOVING)
			container_done(&all[n]);
		else if (r == 0)
			n++;
		else if (r != -ENOENT)
			log_warn("%s", why.text);
		else
			sweep(carrier, containers_fd, e->d_name);
	}
	if (n)
		qsort(all, n, sizeof *all, newest_first);
	*ret = all;
	*ret_n = n;
	return 0;
}

/* ---- a thousand of them ---- */

/* For `ps` every call and every page of memory counts: a document is read by open, one read and close, by its path beneath containers/; a
 * container's directory is opened only where there is more to look at (a lock, or a document that is longer than usual); and one after
 * another uses the same memory. */

enum { BRIEF_MAX = 16384 };

/* what ps shows and filters by: fewer rows to compare each member with */
#define T struct record
static const struct json_type brief_type = JSON_TYPE(T,
	JSON_REQUIRED(T, id, "id"), JSON_REQUIRED(T, name, "name"), JSON_REQUIRED(T, created, "created"),
	JSON_FIELD(T, image, "image"), JSON_FIELD(T, image_id, "imageId"), JSON_FIELD(T, args, "args"), JSON_FIELD(T, rootfs, "rootfs"),
	JSON_FIELD(T, network, "network"), JSON_LIST(T, mounts, "mounts", record_mount_type), JSON_FIELD(T, labels, "labels"),
	JSON_FIELD(T, lowerdirs, "lowerdirs"), JSON_INLINE(T, networking, "networking", record_networking_type));
#undef T

static int read_brief(int containers_fd, struct container *c, const char *id, const char *file, const struct json_type *type, void *ret)
{
	static char text[BRIEF_MAX];
	char path[ID_LEN + 16];
	void *object;
	snprintf(path, sizeof path, "%s/%s", id, file);
	int fd = openat(containers_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, text, sizeof text);
	(void) close(fd);
	if (n < 0 || n == sizeof text || json_decode(type, text, (size_t) n, &c->pool, &object, NULL) < 0)
		return -EBADMSG;	/* the long way will do, or say why not */
	memcpy(ret, object, type->size);
	return 0;
}

/* load_brief - as load(), without an open directory unless it is or may be active. 1: @only_active and it is not */
static int load_brief(const struct carrier *carrier, int containers_fd, const char *id, bool only_active, struct container *ret, struct error *err)
{
	cleanup_container struct container c = CONTAINER_NONE;
	c.dir = pool_printf(&c.pool, "%s/containers/%s", carrier->root, id);
	int r = read_brief(containers_fd, &c, id, "status.json", &status_type, &c.status);
	if (r == -ENOENT)
		c.status.state = pool_strdup(&c.pool, "created");
	if ((r < 0 && r != -ENOENT) || status_is_active(&c.status))
		return load(carrier, containers_fd, id, false, ret, err);
	c.state = str_eq(c.status.state, "created") ? RECORD_CREATED : RECORD_EXITED;
	if (only_active && r == 0)
		return 1;
	r = read_brief(containers_fd, &c, id, "record.json", &brief_type, &c.record);
	if (r < 0 || !str_eq(c.record.id, id))
		return load(carrier, containers_fd, id, false, ret, err);
	if (only_active)
		return 1;
	*ret = c;
	c = (struct container) CONTAINER_NONE;
	return 0;
}

int record_each(const struct carrier *carrier, bool only_active, void (*visit)(void *ctx, const struct container *c), void *ctx, struct error *err)
{
	struct error why = { 0 };
	cleanup_dir DIR *d = NULL;
	cleanup_close int containers_fd = open_containers(carrier, &d, err);
	if (containers_fd < 0)
		return containers_fd == -ENOENT ? 0 : containers_fd;
	for (struct dirent *e; (e = readdir(d));) {
		cleanup_container struct container c = CONTAINER_NONE;
		if (!record_place_is_id(e->d_name)) {
			if (str_ends(e->d_name, REMOVED))
				record_place_sweep(carrier, containers_fd, e->d_name);
			continue;
		}
		int r = load_brief(carrier, containers_fd, e->d_name, only_active, &c, &why);
		if (r == 0 && c.state != RECORD_REMOVING)
			visit(ctx, &c);
		else if (r == -ENOENT)
			sweep(carrier, containers_fd, e->d_name);
		else if (r < 0 && r != -ENOENT)
			log_warn("%s", why.text);
	}
	return 0;
}
