#include "credentials.h"
#include "cleanup.h"
#include "credential_helper.h"
#include "fs.h"
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { FILE_MAX = 1 << 20 };
static const char hub_url[] = "https://index.docker.io/v1/";	/* what docker calls itself in files and to helpers */

/* ---- which files ---- */

static void add_below(struct strings *l, const char *dir, const char *home, const char *below, const char *file)
{
	if (!str_empty(dir))
		strings_printf(l, "%s/%s", dir, file);
	else if (!str_empty(home))
		strings_printf(l, "%s/%s/%s", home, below, file);
}

static void list_files(const char *authfile, struct strings *ret)
{
	const char *given = str_empty(authfile) ? getenv("REGISTRY_AUTH_FILE") : authfile, *home = getenv("HOME");
	if (!str_empty(given)) {
		strings_add(ret, given);
		return;
	}
	add_below(ret, getenv("XDG_RUNTIME_DIR"), NULL, "", "containers/auth.json");
	add_below(ret, getenv("XDG_CONFIG_HOME"), home, ".config", "containers/auth.json");
	add_below(ret, getenv("DOCKER_CONFIG"), home, ".docker", "config.json");
}

/* read_file - "" when it is not there */
static int read_file(const char *path, char **ret, size_t *len, struct error *err)
{
	int r = fs_read_file(AT_FDCWD, path, FILE_MAX, ret, len, err);
	if (r != -ENOENT && r != -ENOTDIR)
		return r;
	*ret = xstrdup("");
	*len = 0;
	return 0;
}

static int must_exist(const char *authfile, struct error *err)
{
	if (str_empty(authfile) || access(authfile, R_OK) == 0)
		return 0;
	return error_set(err, errno, "--authfile '%s'", authfile);
}

/* ---- finding ---- */

/* ask_helper - under the names by which it may know the registry */
static int ask_helper(const char *name, const char *registry, struct pool *pool, struct credential *ret, struct error *err)
{
	bool hub = strcmp(registry, "docker.io") == 0;
	int r = hub ? helper_get(name, hub_url, pool, ret, err) : 0;
	if (r == 0)
		r = helper_get(name, registry, pool, ret, err);
	return r;
}

/* ask_file - 1 when it has some */
static int ask_file(const char *file, const char *registry, const char *path, struct pool *pool, struct credential *ret, char **ret_from,
		    struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	struct authfile_found found;
	int r = read_file(file, &text, &len, err);
	if (r == 0)
		r = authfile_lookup(text, len, registry, path, pool, &found, err);
	if (r < 0)
		return error_wrap(err, "credentials in '%s'", file);
	if (found.helper) {
		*ret_from = pool_printf(pool, "docker-credential-%s", found.helper);
		r = ask_helper(found.helper, registry, pool, ret, err);
	}
	if (r == 0 && found.credential.username) {
		*ret = found.credential;
		*ret_from = pool_strdup(pool, file);
		r = 1;
	}
	if (r == 0 && found.store) {
		*ret_from = pool_printf(pool, "docker-credential-%s", found.store);
		r = ask_helper(found.store, registry, pool, ret, err);
	}
	return r < 0 ? error_wrap(err, "credentials for %s", registry) : r;
}

int credentials_find(const char *authfile, const struct strings *helpers, const char *registry, const char *path, struct pool *pool,
		     struct credential *ret, char **ret_from, struct error *err)
{
	static char *own[] = { (char *) "containers-auth.json", NULL };
	struct strings files cleanup_strings = { 0 };
	char *from = NULL;
	int r = must_exist(authfile, err);
	list_files(authfile, &files);
	char *const *sources = helpers && helpers->n ? helpers->v : own;
	*ret = (struct credential) { 0 };
	for (; r == 0 && *sources; sources++) {
		if (strcmp(*sources, own[0]) != 0) {
			from = pool_printf(pool, "docker-credential-%s", *sources);
			r = ask_helper(*sources, registry, pool, ret, err);
			continue;
		}
		for (size_t i = 0; r == 0 && i < files.n; i++)
			r = ask_file(files.v[i], registry, path, pool, ret, &from, err);
	}
	if (r > 0 && ret_from)
		*ret_from = from;
	return r < 0 ? r : 0;
}

/* ---- changing ---- */

/* A file that is being changed: the directory is locked, so that two logins at once lose nothing. */
struct change { char *path; int dir_fd; char *text; size_t len; };
static void change_done(struct change *c)
{
	free(c->path);
	free(c->text);
	close_fd(&c->dir_fd);
}
#define cleanup_change __attribute__((cleanup(change_done)))

/* begin - @make: its directories, too. A symlink is followed first: people keep such files elsewhere */
static int begin(const char *file, bool make, struct change *c, struct error *err)
{
	char real[PATH_MAX];
	c->path = xstrdup(realpath(file, real) ? real : file);
	char *slash = strrchr(c->path, '/');
	cleanup_free char *dir = slash ? xstrndup(c->path, slash == c->path ? 1 : (size_t) (slash - c->path)) : xstrdup(".");
	if (make && fs_mkdir_all(AT_FDCWD, dir, 0700, err) < 0)
		return -err->code;
	c->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->dir_fd < 0 && !make && errno == ENOENT)
		return -ENOENT;
	if (c->dir_fd < 0)
		return error_set(err, errno, "open '%s'", dir);
	if (flock(c->dir_fd, LOCK_EX) < 0)
		return error_set(err, errno, "lock '%s'", dir);
	return read_file(c->path, &c->text, &c->len, err);
}

/* finish - Return: what authfile_edit() does */
static int finish(const struct change *c, const char *key, const struct credential *credential, struct error *err)
{
	cleanup_free char *now = NULL;
	int n = authfile_edit(c->text, c->len, key, credential, &now, err);
	if (n < 0)
		return error_wrap(err, "change '%s'", c->path);
	if (n == 0 && !credential)
		return 0;
	const char *slash = strrchr(c->path, '/');
	int r = fs_replace_file(c->dir_fd, slash ? slash + 1 : c->path, now, strlen(now), 0600, true, err);
	return r < 0 ? r : n;
}

static const char *server_of(const char *key) { return strcmp(key, "docker.io") == 0 ? hub_url : key; }

/* choose_file - which is to keep what is for @key */
static int choose_file(const struct strings *files, const char *key, const char **ret, struct error *err)
{
	const char *slash = strchr(key, '/');
	cleanup_free char *host = xstrndup(key, slash ? (size_t) (slash - key) : strlen(key));
	*ret = files->n ? files->v[files->n - 1] : NULL;
	for (size_t i = 0; i < files->n; i++) {
		struct pool pool CLEANUP(pool_done) = { 0 };
		struct authfile_found found;
		cleanup_free char *text = NULL;
		size_t len;
		int r = read_file(files->v[i], &text, &len, err);
		if (r == 0)
			r = authfile_lookup(text, len, host, slash ? slash + 1 : NULL, &pool, &found, err);
		if (r < 0)
			return error_wrap(err, "credentials in '%s'", files->v[i]);
		if (found.credential.username || found.helper) {
			*ret = files->v[i];
			return 0;
		}
	}
	return *ret ? 0 : error_say(err, ENOENT, "there is no place for credentials: neither HOME nor DOCKER_CONFIG is set; give --authfile FILE");
}

int credentials_store(const char *authfile, const char *key, const struct credential *c, char **ret_where, struct error *err)
{
	static const struct credential elsewhere = { 0 };
	struct strings files cleanup_strings = { 0 };
	struct change change cleanup_change = { .dir_fd = -1 };
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct authfile_found found = { 0 };
	const char *file, *slash = strchr(key, '/');
	cleanup_free char *host = xstrndup(key, slash ? (size_t) (slash - key) : strlen(key));
	list_files(authfile, &files);
	int r = choose_file(&files, key, &file, err);
	if (r == 0)
		r = begin(file, true, &change, err);
	if (r == 0)
		r = authfile_lookup(change.text, change.len, host, slash ? slash + 1 : NULL, &pool, &found, err);
	if (r < 0)
		return r;
	/* helpers know hosts only; what is for one path stays in the file */
	const char *helper = found.helper ? found.helper : slash ? NULL : found.store;
	if (helper) {
		r = helper_store(helper, server_of(key), c, err);
		if (r < 0)
			return r;
	}
	r = finish(&change, server_of(key), helper ? &elsewhere : c, err);
	if (r >= 0)
		*ret_where = helper ? xasprintf("docker-credential-%s", helper) : xstrdup(change.path);
	return r < 0 ? r : 0;
}

/* erase_in_helper - 1 when it had some */
static int erase_in_helper(const char *name, const char *key, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct credential had;
	int r = helper_get(name, key, &pool, &had, err);
	if (r <= 0)
		return r;
	r = helper_erase(name, key, err);
	return r < 0 ? r : 1;
}

static int erase_in_helpers(const struct strings *helpers, const char *key, struct error *err)
{
	int n = 0, r = 0;
	for (size_t i = 0; r >= 0 && i < helpers->n; i++) {
		struct strings servers cleanup_strings = { 0 };
		if (key) {
			strings_add(&servers, key);
			if (server_of(key) != key)
				strings_add(&servers, server_of(key));
		} else {
			r = helper_list(helpers->v[i], &servers, err);
		}
		for (size_t k = 0; r >= 0 && k < servers.n; k++) {
			r = erase_in_helper(helpers->v[i], servers.v[k], err);
			n += r > 0;
		}
	}
	return r < 0 ? r : n;
}

int credentials_erase(const char *authfile, const char *key, struct error *err)
{
	struct strings files cleanup_strings = { 0 };
	int n = 0, r = must_exist(authfile, err);
	list_files(authfile, &files);
	for (size_t i = 0; r >= 0 && i < files.n; i++) {
		struct change change cleanup_change = { .dir_fd = -1 };
		struct strings helpers cleanup_strings = { 0 }, keys cleanup_strings = { 0 };
		r = begin(files.v[i], false, &change, err);
		if (r == -ENOENT) {
			r = 0;
			continue;
		}
		if (r == 0)
			r = authfile_keys(change.text, change.len, &keys, &helpers, err);
		if (r < 0)
			return error_wrap(err, "credentials in '%s'", files.v[i]);
		int kept = erase_in_helpers(&helpers, key, err);
		r = kept < 0 ? kept : finish(&change, key, NULL, err);
		/* an entry that only says that a helper has it is counted once */
		n += r > kept ? r : kept > 0 ? kept : 0;
	}
	return r < 0 ? r : n;
}
