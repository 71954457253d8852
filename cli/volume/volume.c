#include "volume.h"
#include "../container/apart.h"
#include "../container/event.h"
#include "../container/record.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

enum { DOCUMENT_MAX = 1 << 20, RANDOM = 32 };

#define T struct volume_record
static const struct json_type volume_type = JSON_TYPE(T, JSON_REQUIRED(T, name, "name"), JSON_REQUIRED(T, created, "created"),
	JSON_FIELD(T, anonymous, "anonymous"), JSON_FIELD(T, labels, "labels"), JSON_FIELD(T, options, "options"));
#undef T

void volume_done(struct volume *v)
{
	pool_done(&v->pool);
	*v = (struct volume) { 0 };
}

int volumes_open(const struct carrier *c, bool make, struct named *ret, struct error *err)
{
	return named_open(c, "volumes", "volume", make, ret, err);
}

/* ---- options of the driver ---- */

static const char *find(const struct json_map *map, const char *key)
{
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->pairs[i].key, key) == 0)
			return map->pairs[i].value;
	return NULL;
}

const char *volume_option(const struct volume_record *v, const char *key) { return find(&v->options, key); }

/* has_word - is @word in the comma-separated @list, alone or with a value behind it? */
static bool has_word(const char *list, const char *word)
{
	struct strings words cleanup_strings = { 0 };
	strings_split(&words, list ? list : "", ",");
	for (size_t i = 0; i < words.n; i++) {
		const char *rest = str_after(words.v[i], word);
		if (rest && (!*rest || *rest == '='))
			return true;
	}
	return false;
}

static int check_type(const struct carrier *c, const char *type, const char *device, const char *o, struct error *err)
{
	bool bind = str_eq(type, "bind") || has_word(o, "bind") || has_word(o, "rbind");
	if (str_eq(type, "tmpfs"))
		return 0;
	if (str_empty(device))
		return error_say(err, EINVAL, "--opt type=%s: device= is missing: what is to be mounted", type);
	if (bind)
		return *device == '/' ? 0 : error_say(err, EINVAL, "--opt device=%s: a directory that is bound is named by its absolute "
						      "path", device);
	if (c->rootless)
		return error_say(err, EPERM, "--opt type=%s: only root of the host can mount that; without root there are tmpfs and bind "
				 "(type=none, o=bind, device=DIR)", type);
	if (str_starts(type, "nfs") && !has_word(o, "addr"))
		return error_say(err, EINVAL, "--opt type=%s: the server's address is missing: --opt o=addr=ADDRESS", type);
	return 0;
}

int volume_check_options(const struct carrier *c, const struct json_map *options, struct error *err)
{
	static const char *const keys[] = { "type", "device", "o", NULL };
	for (size_t i = 0; i < options->n; i++)
		if (!strings_have((char *const *) keys, options->pairs[i].key))
			return error_say(err, EINVAL, "--opt '%s': the driver local knows type, device and o", options->pairs[i].key);
	if (!options->n)
		return 0;
	const char *type = find(options, "type"), *o = find(options, "o");
	if (str_empty(type) && !has_word(o, "bind") && !has_word(o, "rbind"))
		return error_say(err, EINVAL, "--opt: type= is missing: tmpfs, nfs, or none with o=bind");
	return check_type(c, str_empty(type) ? "none" : type, find(options, "device"), o, err);
}

/* ---- reading ---- */

static int read_volume(const struct named *volumes, const char *name, struct volume *ret, struct error *err)
{
	cleanup_volume struct volume v = { 0 };
	cleanup_free char *file = xasprintf("%s/volume.json", name), *text = NULL;
	struct error why = { 0 };
	struct volume_record *record;
	size_t len;
	int r = fs_read_file(volumes->fd, file, DOCUMENT_MAX, &text, &len, &why);
	if (r == -ENOENT)
		return error_say(err, ENOENT, "there is no volume '%s'", name);
	if (r == 0)
		r = json_decode(&volume_type, text, len, &v.pool, &record, &why);
	if (r < 0)
		return error_say(err, -r, "volume '%s' in '%s': %s", name, volumes->path, why.text);
	v.record = *record;
	v.data = pool_printf(&v.pool, "%s/%s/_data", volumes->path, name);
	*ret = v;
	v = (struct volume) { 0 };
	return 0;
}

int volume_find(const struct carrier *c, const char *name, struct volume *ret, struct error *err)
{
	struct named volumes cleanup_named = NAMED_NONE;
	int r = named_check("volume", name, err);
	if (r == 0)
		r = volumes_open(c, false, &volumes, err);
	if (r == -ENOENT)
		return error_say(err, ENOENT, "there is no volume '%s'", name);
	return r < 0 ? r : read_volume(&volumes, name, ret, err);
}

int volume_list(const struct carrier *c, struct volume **ret, size_t *n, struct error *err)
{
	struct named volumes cleanup_named = NAMED_NONE;
	struct strings names cleanup_strings = { 0 };
	struct error why = { 0 };
	*ret = NULL;
	*n = 0;
	int r = volumes_open(c, false, &volumes, err);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = named_list(&volumes, &names, err);
	if (r < 0)
		return r;
	*ret = xcalloc(names.n + 1, sizeof **ret);
	for (size_t i = 0; i < names.n; i++) {
		r = read_volume(&volumes, names.v[i], &(*ret)[*n], &why);
		if (r == 0)
			++*n;
		else if (r != -ENOENT)	/* removed meanwhile */
			log_warn("%s", why.text);
	}
	return 0;
}

void volume_list_free(struct volume *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		volume_done(&list[i]);
	free(list);
}

/* ---- making ---- */

static bool same_options(const struct json_map *a, const struct json_map *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!str_eq(find(b, a->pairs[i].key), a->pairs[i].value))
			return false;
	return true;
}

static char *invent_name(struct pool *pool)
{
	unsigned char random[RANDOM];
	char *name = pool_alloc(pool, 2 * RANDOM + 1);
	if (getrandom(random, sizeof random, 0) == (ssize_t) sizeof random)	/* so few bytes never fail */
		str_hex(random, sizeof random, name);
	return name;
}

static int write_new(int dir_fd, const struct volume_record *record, struct error *err)
{
	size_t len;
	cleanup_free char *text = json_encode(&volume_type, record, JSON_COMPACT, &len);
	/* the mode that a container sees; whoever starts us may have another umask */
	if (mkdirat(dir_fd, "_data", 0755) < 0 || fchmodat(dir_fd, "_data", 0755, 0) < 0)
		return error_set(err, errno, "make the volume's directory");
	return fs_replace_file(dir_fd, "volume.json", text, len, 0600, !record->anonymous, err);
}

static int make_new(const struct named *volumes, const struct volume_record *record, struct error *err)
{
	char temporary[40];
	cleanup_close int fd = named_new(volumes, temporary, err);
	if (fd < 0)
		return fd;
	int r = write_new(fd, record, err);
	if (r < 0) {
		(void) fs_remove_tree(volumes->fd, temporary, NULL);
		return r;
	}
	return named_publish(volumes, temporary, record->name, err);
}

/* take_existing - -ENOENT without a sentence when there is none */
static int take_existing(const struct named *volumes, const struct volume_record *wanted, struct volume *ret, struct error *err)
{
	struct error why = { 0 };
	int r = read_volume(volumes, wanted->name, ret, &why);
	if (r == -ENOENT)
		return r;
	if (r < 0)
		return error_say(err, -r, "%s", why.text);
	if (wanted->options.n == 0 || same_options(&ret->record.options, &wanted->options))
		return 0;
	volume_done(ret);
	return error_say(err, EEXIST, "there is a volume '%s' already, and its options are others: remove it, or choose another name", wanted->name);
}

int volume_make(const struct carrier *c, const struct named *volumes, const struct volume_record *wanted, struct volume *ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct volume_record record = *wanted;
	struct timespec now;
	char created[40];
	int r = record.name ? named_check("volume", record.name, err) : 0;
	if (r < 0)
		return r;
	if (record.name) {
		r = take_existing(volumes, &record, ret, err);
		if (r != -ENOENT)
			return r;
	} else {
		record.name = invent_name(&pool);
		record.anonymous = true;
	}
	r = volume_check_options(c, &record.options, err);
	if (r < 0)
		return r;
	clock_gettime(CLOCK_REALTIME, &now);
	record.created = pool_strdup(&pool, str_rfc3339(now.tv_sec, now.tv_nsec, created));
	struct error why = { 0 };
	r = make_new(volumes, &record, &why);
	if (r == -EEXIST)	/* somebody was faster */
		return take_existing(volumes, &record, ret, err);
	if (r < 0)
		return error_say(err, -r, "%s", why.text);
	event_record(c, "volume", "create", record.name, NULL, NULL, "driver", "local", NULL);
	r = read_volume(volumes, record.name, ret, err);
	return r < 0 ? r : 1;
}

/* ---- who uses it ---- */

bool volume_in(const struct record *r, const char *name)
{
	for (size_t i = 0; i < r->n_mounts; i++)
		if (str_eq(r->mounts[i].type, "volume") && str_eq(r->mounts[i].name, name))
			return true;
	return false;
}

int volume_users(const struct carrier *c, const char *name, const char *but, struct strings *ret, struct error *err)
{
	struct container *list = NULL;
	size_t n = 0;
	int r = record_list(c, &list, &n, err);
	for (size_t i = 0; i < n; i++) {
		if (r == 0 && volume_in(&list[i].record, name) && !str_eq(list[i].record.id, but))
			strings_add(ret, list[i].record.name);
		container_done(&list[i]);
	}
	free(list);
	return r;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *) a, *(char *const *) b); }

int volume_used(const struct carrier *c, struct strings *ret, struct error *err)
{
	struct container *list = NULL;
	size_t n = 0;
	int r = record_list(c, &list, &n, err);
	for (size_t i = 0; i < n; i++) {
		const struct record *rec = &list[i].record;
		for (size_t k = 0; k < rec->n_mounts; k++)
			if (str_eq(rec->mounts[k].type, "volume") && rec->mounts[k].name)
				strings_add(ret, rec->mounts[k].name);
		container_done(&list[i]);
	}
	free(list);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, by_text);
	return r;
}

/* ---- removing ---- */

static int in_use(const char *name, const struct strings *users, struct error *err)
{
	struct buf b cleanup_buf = { 0 };
	for (size_t i = 0; i < users->n; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", users->v[i]);
	return error_say(err, EBUSY, "volume '%s' is used by %s %s: remove %s first", name, users->n > 1 ? "the containers" : "container",
			 buf_str(&b), users->n > 1 ? "them" : "it");
}

static int sweep(void *ctx, struct error *err) { return named_sweep(ctx, err); }

static int retire(const struct carrier *c, const struct named *volumes, const char *name, const char *but, struct error *err)
{
	struct strings users cleanup_strings = { 0 };
	cleanup_close int hold = named_hold(volumes, true, err);
	int r = hold < 0 ? hold : volume_users(c, name, but, &users, err);
	if (r == 0 && users.n)
		r = in_use(name, &users, err);
	if (r == 0)
		r = named_retire(volumes, name, err);
	return r;
}

static int remove_one(const struct carrier *c, const char *name, const char *but, struct error *err)
{
	struct named volumes cleanup_named = NAMED_NONE;
	int r = named_check("volume", name, err);
	if (r == 0)
		r = volumes_open(c, false, &volumes, err);
	if (r == 0)
		r = retire(c, &volumes, name, but, err);
	if (r == -ENOENT)
		return error_say(err, ENOENT, "there is no volume '%s'", name);
	if (r < 0)
		return r;
	event_record(c, "volume", "destroy", name, NULL, NULL, "driver", "local", NULL);
	return apart_as_owner(c->rootless, sweep, &volumes, err);
}

int volume_remove(const struct carrier *c, const char *name, struct error *err) { return remove_one(c, name, NULL, err); }

void volume_drop(const struct carrier *c, const struct container *container)
{
	const struct record *r = &container->record;
	for (size_t i = 0; i < r->n_mounts; i++) {
		struct error why = { 0 };
		if (!r->mounts[i].anonymous || !r->mounts[i].name)
			continue;
		int code = remove_one(c, r->mounts[i].name, r->id, &why);
		if (code < 0 && code != -ENOENT && code != -EBUSY)
			log_warn("%s", why.text);
	}
}
