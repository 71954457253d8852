#include "store.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "proc.h"
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define STORE_VERSION "2"
static const char version_text[] = STORE_VERSION "\n";

/* ---- the version ---- */

/* upgrade - from version 1, in which what was settled did not say in which boot: it is settled again when it is needed */
static int upgrade(const struct store *s, int root_fd, struct error *err)
{
	cleanup_free char *old = xasprintf("tmp/chains-of-version-1-%d", (int) getpid());
	if (renameat(s->fd, "chains", s->fd, old) < 0 && errno != ENOENT)
		return error_set(err, errno, "upgrade '%s/chains'", s->root);
	if (mkdirat(s->fd, "chains", 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "create '%s/chains'", s->root);
	return fs_replace_file(root_fd, "version", version_text, strlen(version_text), 0644, true, err);
}

/* check_version - @ours: may be written to */
static int check_version(const struct store *s, const char *root, int root_fd, bool ours, struct error *err)
{
	cleanup_free char *text = NULL;
	uint64_t version;
	int r = fs_read_file(root_fd, "version", 64, &text, NULL, NULL);
	if (r == -ENOENT && ours)
		return fs_replace_file(root_fd, "version", version_text, strlen(version_text), 0644, true, err);
	if (r < 0)
		return error_set(err, -r, "read '%s/version'", root);
	if (strcmp(text, version_text) == 0)
		return 0;
	text[strcspn(text, "\n")] = 0;
	if (str_to_u64(text, UINT64_MAX, &version) < 0 || version == 0)
		return error_say(err, EBADMSG, "'%s/version' holds '%.20s', which is no version: is this a directory of carrier's? If it is, "
				 "write " STORE_VERSION " into the file, then run `carrier system check`", root, text);
	if (version > strtoul(STORE_VERSION, NULL, 10))
		return error_say(err, EPROTO, "'%s' is a store of version %s, made by a newer carrier: use that, or another --root", root, text);
	if (!ours)
		return error_say(err, EPROTO, "the additional store '%s' is of version %s: its owner upgrades it to " STORE_VERSION " by "
				 "`carrier --root %s images`", root, text, root);
	return upgrade(s, root_fd, err);
}

/* ---- opening ---- */

static int make_layout(struct store *s, struct error *err)
{
	static const char *const dirs[] = { "blobs", "blobs/sha256", "layers", "layers/sha256", "chains", "tmp" };
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	static const char index[] = "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"manifests\":[]}";
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		if (mkdirat(s->fd, dirs[i], 0700) < 0 && errno != EEXIST)
			return error_set(err, errno, "create '%s/%s'", s->root, dirs[i]);
	int r = 0;
	if (faccessat(s->fd, "index.json", F_OK, 0) < 0)
		r = fs_replace_file(s->fd, "index.json", index, strlen(index), 0644, true, err);
	/* last: whoever sees it sees a complete layout */
	if (r == 0)
		r = fs_replace_file(s->fd, "oci-layout", layout, strlen(layout), 0644, true, err);
	return r;
}

/* open_one - ROOT/store alone. @ours: made if need be */
static int open_one(const char *root, bool ours, struct store *ret, struct error *err)
{
	struct store s cleanup_store = STORE_INIT;
	s.root = xasprintf("%s/store", root);
	int r = ours ? fs_mkdir_all(AT_FDCWD, s.root, 0700, err) : 0;
	if (r < 0)
		return error_wrap(err, "store");
	cleanup_close int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s.fd = open(s.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0 || s.fd < 0)
		return error_set(err, errno, "open the store '%s'", s.root);
	r = check_version(&s, root, root_fd, ours, err);
	if (r == 0 && ours && faccessat(s.fd, "oci-layout", F_OK, 0) < 0)
		r = make_layout(&s, err);
	if (r < 0)
		return r;
	*ret = s;
	s = (struct store) STORE_INIT;
	return 0;
}

/* open_others - the additional stores. One that cannot be used is a warning: what it has may be had elsewhere. */
static void open_others(struct store *s)
{
	const char *list = getenv(STORE_ADDITIONAL);
	struct strings dirs cleanup_strings = { 0 };
	if (!list)
		return;
	strings_split(&dirs, list, ":");
	s->others = xcalloc(dirs.n + 1, sizeof *s->others);
	for (size_t i = 0; i < dirs.n; i++) {
		struct error why = { 0 };
		int r = open_one(dirs.v[i], false, &s->others[s->n_others], &why);
		if (r < 0 && r == -EACCES)
			(void) error_hint(&why, "its owner shares it by `carrier --root %s system share`", dirs.v[i]);
		if (r < 0)
			log_warn("an additional store is left out: %s", why.text);
		else
			s->n_others++;
	}
}

int store_open(const char *root, struct store *ret, struct error *err)
{
	int r = open_one(root, true, ret, err);
	if (r == 0)
		open_others(ret);
	return r;
}

void store_close(struct store *s)
{
	for (size_t i = 0; i < s->n_others; i++)
		store_close(&s->others[i]);
	cleanup_freep(&s->others);
	close_fd(&s->fd);
	cleanup_freep(&s->root);
	*s = (struct store) STORE_INIT;
}

/* ---- blobs ---- */

static void blob_path(const char *digest, char out[128])
{
	snprintf(out, 128, "blobs/sha256/%.100s", digest_hex(digest));
}

/* at - the store, itself first, then the additional ones, in which @path is; the store itself when it is nowhere */
static const struct store *at(const struct store *s, const char *path)
{
	if (s->n_others == 0 || faccessat(s->fd, path, F_OK, 0) == 0)
		return s;
	for (size_t i = 0; i < s->n_others; i++)
		if (faccessat(s->others[i].fd, path, F_OK, 0) == 0)
			return &s->others[i];
	return s;
}

int store_has_blob(const struct store *s, const char *digest)
{
	char path[128];
	blob_path(digest, path);
	return faccessat(at(s, path)->fd, path, F_OK, 0) == 0;
}

int store_open_blob(const struct store *s, const char *digest, struct error *err)
{
	char path[128];
	blob_path(digest, path);
	const struct store *where = at(s, path);
	int fd = openat(where->fd, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_set(err, errno, "open '%s/%s'", where->root, path) : fd;
}

int store_read_blob(const struct store *s, const char *digest, char **ret, size_t *len, struct error *err)
{
	char path[128];
	blob_path(digest, path);
	return fs_read_file(at(s, path)->fd, path, IMAGE_DOCUMENT_MAX, ret, len, err);
}

int store_put_blob(const struct store *s, int from_fd, const char *name, const char *digest, struct error *err)
{
	char path[128];
	blob_path(digest, path);
	return renameat(from_fd, name, s->fd, path) < 0 ? error_set(err, errno, "store '%s/%s'", s->root, path) : 0;
}

/* ---- layers and chains ---- */

/* covered - the boot-id rule, of a layer or a chain. Files are not fsynced one by one: what was written in this boot is whole, whatever
 * happened to us since; after another boot only what a syncfs had covered is. */
static bool covered(const struct store *s, const char *path)
{
	char file[192];
	cleanup_free char *boot = NULL;
	snprintf(file, sizeof file, "%s/boot", path);
	if (fs_read_file(s->fd, file, 128, &boot, NULL, NULL) < 0)
		return false;
	return strcmp(boot, "synced") == 0 || strcmp(boot, proc_boot_id()) == 0;
}

/* whole_at - the store that has the tree @path, and may trust it; or NULL */
static const struct store *whole_at(const struct store *s, const char *path)
{
	if (covered(s, path))
		return s;
	for (size_t i = 0; i < s->n_others; i++)
		if (covered(&s->others[i], path))
			return &s->others[i];
	return NULL;
}

static void layer_path(const char *diff_id, char out[160])
{
	snprintf(out, 160, "layers/sha256/%.100s", digest_hex(diff_id));
}

static void chain_path(const char *config_digest, char out[160])
{
	snprintf(out, 160, "chains/%.100s", digest_hex(config_digest));
}

int store_has_layer(const struct store *s, const char *diff_id)
{
	char path[160];
	layer_path(diff_id, path);
	return whole_at(s, path) != NULL;
}

int store_has_chain(const struct store *s, const char *config_digest)
{
	char path[160];
	chain_path(config_digest, path);
	return whole_at(s, path) != NULL;
}

int store_open_layer(const struct store *s, const char *diff_id, struct error *err)
{
	char path[160];
	layer_path(diff_id, path);
	const struct store *where = whole_at(s, path);
	int fd = where ? openat(where->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0)
		return error_set(err, where ? errno : ENOENT, "open layer %s", diff_id);
	return fd;
}

/* put_tree - @from/@name becomes @path at once, unless one is there that can be trusted. One that cannot takes its place in @from. */
static int put_tree(const struct store *s, int from_fd, const char *name, const char *path, struct error *err)
{
	if (renameat2(from_fd, name, s->fd, path, RENAME_NOREPLACE) == 0)
		return 0;
	/* not every file system knows the flag, and an empty directory may be replaced all the same */
	int code = errno;
	if (code == EINVAL || code == ENOSYS) {
		if (renameat(from_fd, name, s->fd, path) == 0)
			return 0;
		code = errno;
	}
	if (code != EEXIST && code != ENOTEMPTY)
		return error_set(err, code, "store '%s/%s'", s->root, path);
	if (covered(s, path))
		return 0;	/* somebody else was faster: both are right */
	log_info("'%s/%s' was written before an unclean end, and is replaced", s->root, path);
	if (renameat2(from_fd, name, s->fd, path, RENAME_EXCHANGE) == 0)
		return 0;
	cleanup_free char *old = xasprintf("tmp/replaced-%d", (int) getpid());
	if (renameat(s->fd, path, s->fd, old) < 0 || renameat(from_fd, name, s->fd, path) < 0)
		return error_set(err, errno, "replace '%s/%s'", s->root, path);
	return fs_remove_tree(s->fd, old, err);
}

int store_put_layer(const struct store *s, int from_fd, const char *name, const char *diff_id, struct error *err)
{
	char path[160];
	layer_path(diff_id, path);
	return put_tree(s, from_fd, name, path, err);
}

int store_put_chain(const struct store *s, int from_fd, const char *name, const char *config_digest, struct error *err)
{
	char path[160];
	chain_path(config_digest, path);
	return put_tree(s, from_fd, name, path, err);
}

int store_has_mapped(const struct store *s, const char *name)
{
	char path[160];
	snprintf(path, sizeof path, "mapped/%.120s", name);
	return covered(s, path);
}

int store_put_mapped(const struct store *s, int from_fd, const char *from, const char *name, struct error *err)
{
	char path[160];
	snprintf(path, sizeof path, "mapped/%.120s", name);
	if (mkdirat(s->fd, "mapped", 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "create '%s/mapped'", s->root);
	return put_tree(s, from_fd, from, path, err);
}

/* hides_lower - its root is opaque; overlayfs looks at that of directories below the root only */
static bool hides_lower(const char *diff)
{
	char value;
	return getxattr(diff, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

int store_lowerdirs(const struct store *s, const struct image *i, struct strings *ret, struct error *err)
{
	char **diff_ids = i->config->rootfs.diff_ids;
	size_t n = strings_count(diff_ids);
	char path[160], settled[192];
	chain_path(i->config_digest, path);
	const struct store *chain = whole_at(s, path);
	if (!chain)
		return error_say(err, ENOENT, "image %s is not complete in the store: pull it again", i->config_digest);
	for (size_t k = n; k-- > 0;) {
		layer_path(diff_ids[k], path);
		const struct store *layer = whole_at(s, path);
		if (!layer)
			return error_say(err, ENOENT, "layer %s of the image is not unpacked: pull it again", diff_ids[k]);
		chain_path(i->config_digest, settled);
		snprintf(settled + strlen(settled), sizeof settled - strlen(settled), "/%zu/diff", k);
		if (faccessat(chain->fd, settled, F_OK, 0) == 0)
			strings_printf(ret, "%s/%s", chain->root, settled);
		cleanup_free char *diff = xasprintf("%s/%s/diff", layer->root, path);
		/* overlayfs takes no directory twice; of one that is there again further up nothing could be seen */
		if (strings_have(ret->v, diff))
			continue;
		strings_add(ret, diff);
		if (k > 0 && hides_lower(ret->v[ret->n - 1]))
			break;
	}
	return 0;
}
