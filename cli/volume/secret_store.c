#include "secret_store.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { DOCUMENT_MAX = 1 << 20, ID_LEN = 25 };

#define T struct secret_record
static const struct json_type secret_type = JSON_TYPE(T, JSON_REQUIRED(T, name, "name"), JSON_REQUIRED(T, id, "id"),
	JSON_REQUIRED(T, created, "created"), JSON_FIELD(T, updated, "updated"), JSON_FIELD(T, labels, "labels"));
#undef T

void secret_done(struct secret *s)
{
	pool_done(&s->pool);
	*s = (struct secret) { 0 };
}

static int secrets_open(const struct carrier *c, bool make, struct named *ret, struct error *err)
{
	return named_open(c, "secrets", "secret", make, ret, err);
}

/* ---- reading ---- */

static int read_secret(const struct named *secrets, const char *name, struct secret *ret, struct error *err)
{
	cleanup_secret struct secret s = { 0 };
	cleanup_free char *file = xasprintf("%s/secret.json", name), *text = NULL;
	struct error why = { 0 };
	struct secret_record *record;
	size_t len;
	int r = fs_read_file(secrets->fd, file, DOCUMENT_MAX, &text, &len, &why);
	if (r == -ENOENT)
		return error_say(err, ENOENT, "there is no secret '%s'", name);
	if (r == 0)
		r = json_decode(&secret_type, text, len, &s.pool, &record, &why);
	if (r < 0)
		return error_say(err, -r, "secret '%s' in '%s': %s", name, secrets->path, why.text);
	s.record = *record;
	*ret = s;
	s = (struct secret) { 0 };
	return 0;
}

/* find_id - the only one whose id begins with @prefix; takes it out of the list */
static int find_id(const struct carrier *c, const char *prefix, struct secret *ret, struct error *err)
{
	struct secret *list;
	size_t n, found = 0, at = 0;
	int r = secret_list(c, &list, &n, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (str_starts(list[i].record.id, prefix)) {
			at = i;
			found++;
		}
	if (found == 1) {
		*ret = list[at];
		list[at] = (struct secret) { 0 };
	}
	secret_list_free(list, n);
	if (found > 1)
		return error_say(err, ENOTUNIQ, "'%s' is the beginning of %zu secrets' ids: give more digits, or a name", prefix, found);
	return found ? 0 : error_say(err, ENOENT, "there is no secret '%s'", prefix);
}

int secret_find(const struct carrier *c, const char *name, struct secret *ret, struct error *err)
{
	struct named secrets cleanup_named = NAMED_NONE;
	struct error why = { 0 };
	int r = named_check("secret", name, err);
	if (r == 0)
		r = secrets_open(c, false, &secrets, err);
	if (r == -ENOENT)
		return error_say(err, ENOENT, "there is no secret '%s'", name);
	if (r < 0)
		return r;
	r = read_secret(&secrets, name, ret, &why);
	if (r == -ENOENT && strspn(name, "0123456789abcdef") == strlen(name))
		return find_id(c, name, ret, err);
	return r < 0 ? error_say(err, -r, "%s", why.text) : 0;
}

int secret_list(const struct carrier *c, struct secret **ret, size_t *n, struct error *err)
{
	struct named secrets cleanup_named = NAMED_NONE;
	struct strings names cleanup_strings = { 0 };
	struct error why = { 0 };
	*ret = NULL;
	*n = 0;
	int r = secrets_open(c, false, &secrets, err);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = named_list(&secrets, &names, err);
	if (r < 0)
		return r;
	*ret = xcalloc(names.n + 1, sizeof **ret);
	for (size_t i = 0; i < names.n; i++) {
		r = read_secret(&secrets, names.v[i], &(*ret)[*n], &why);
		if (r == 0)
			++*n;
		else if (r != -ENOENT)
			log_warn("%s", why.text);
	}
	return 0;
}

void secret_list_free(struct secret *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		secret_done(&list[i]);
	free(list);
}

int secret_value(const char *secrets, const char *name, char **ret, size_t *len, struct error *err)
{
	cleanup_free char *path = xasprintf("%s/%s/data", secrets, name);
	struct error why = { 0 };
	int r = fs_read_file(AT_FDCWD, path, SECRET_STORE_MAX, ret, len, &why);
	if (r == -ENOENT)
		return error_say(err, ENOENT, "there is no secret '%s' any more: make it again (carrier secret create)", name);
	return r < 0 ? error_say(err, -r, "%s", why.text) : 0;
}

/* ---- making ---- */

static int write_new(int dir_fd, const struct secret_record *record, const void *value, size_t len, struct error *err)
{
	size_t text_len;
	cleanup_free char *text = json_encode(&secret_type, record, JSON_COMPACT, &text_len);
	int r = fs_replace_file(dir_fd, "data", value, len, 0600, true, err);
	return r < 0 ? r : fs_replace_file(dir_fd, "secret.json", text, text_len, 0600, true, err);
}

/* was_created - the date of the one that is replaced; NULL when there is none */
static char *was_created(const struct named *secrets, const char *name, struct pool *pool)
{
	struct secret s cleanup_secret = { 0 };
	return read_secret(secrets, name, &s, NULL) == 0 ? pool_strdup(pool, s.record.created) : NULL;
}

static int put(const struct named *secrets, const struct secret_record *record, const void *value, size_t len, bool replace, struct error *err)
{
	char temporary[40];
	cleanup_close int hold = named_hold(secrets, replace, err);
	cleanup_close int fd = hold < 0 ? hold : named_new(secrets, temporary, err);
	if (fd < 0)
		return fd;
	int r = write_new(fd, record, value, len, err);
	if (r == 0 && replace)
		r = named_retire(secrets, record->name, err);
	if (r < 0 && r != -ENOENT) {
		(void) fs_remove_tree(secrets->fd, temporary, NULL);
		return r;
	}
	r = named_publish(secrets, temporary, record->name, err);
	close_fd(&hold);
	return r < 0 ? r : named_sweep(secrets, err);
}

int secret_make(const struct carrier *c, const char *name, const struct json_map *labels, const void *value, size_t len, bool replace,
		char ret_id[26], struct error *err)
{
	struct named secrets cleanup_named = NAMED_NONE;
	struct pool pool CLEANUP(pool_done) = { 0 };
	unsigned char random[ID_LEN / 2 + 1];
	char id[2 * sizeof random + 1], now_text[40];
	struct timespec now;
	int r = named_check("secret", name, err);
	if (r == 0 && (len == 0 || len > SECRET_STORE_MAX))
		r = error_say(err, EINVAL, "secret '%s': its value has %zu bytes; 1 to %d are possible", name, len, SECRET_STORE_MAX);
	if (r == 0)
		r = secrets_open(c, true, &secrets, err);
	if (r < 0)
		return r;
	if (getrandom(random, sizeof random, 0) != (ssize_t) sizeof random)
		return error_set(err, errno, "get random numbers from the kernel");
	str_hex(random, sizeof random, id);
	id[ID_LEN] = 0;
	clock_gettime(CLOCK_REALTIME, &now);
	char *updated = pool_strdup(&pool, str_rfc3339(now.tv_sec, now.tv_nsec, now_text)), *created = was_created(&secrets, name, &pool);
	if (created && !replace)
		return error_say(err, EEXIST, "there is a secret '%s' already: remove it, or give --replace", name);
	const struct secret_record record = { .name = (char *) (uintptr_t) name, .id = id, .created = created ? created : updated,
					      .updated = updated, .labels = *labels };
	r = put(&secrets, &record, value, len, replace, err);
	memcpy(ret_id, id, ID_LEN + 1);
	return r;
}

int secret_remove(const struct carrier *c, const char *name, struct error *err)
{
	struct named secrets cleanup_named = NAMED_NONE;
	struct secret s cleanup_secret = { 0 };
	int r = secret_find(c, name, &s, err);
	if (r == 0)
		r = secrets_open(c, false, &secrets, err);
	if (r == 0)
		r = named_retire(&secrets, s.record.name, err);
	if (r == -ENOENT)
		return error_say(err, ENOENT, "there is no secret '%s'", name);
	return r < 0 ? r : named_sweep(&secrets, err);
}
