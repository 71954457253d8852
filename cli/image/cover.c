#include "cover.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include "proc.h"
#include "reference.h"
#include "str.h"
#include "walk.h"
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { DUE_MAX = 64 };	/* of an image's mapped trees at a time: others have a later turn */

/* layer_of - ".../layers/sha256/HEX" of the lowerdir that is its tree. Caller frees; NULL: not of the store */
static char *layer_of(const char *root, const char *lowerdir)
{
	const char *rest = str_after(lowerdir, root), *hex = rest ? str_after(rest, "/store/layers/sha256/") : NULL;
	return hex ? xstrndup(lowerdir, (size_t) (hex - lowerdir) + strcspn(hex, "/")) : NULL;
}

/* is_due - written in this boot, not covered, and old enough */
static bool is_due(int dir_fd)
{
	struct stat st;
	cleanup_free char *boot = NULL;
	if (fs_read_file(dir_fd, "boot", 128, &boot, NULL, NULL) < 0 || strcmp(boot, proc_boot_id()) != 0)
		return false;
	return fstatat(dir_fd, "boot", &st, AT_SYMLINK_NOFOLLOW) == 0 && time(NULL) - st.st_mtime >= COVER_AGE_S;
}

/* mark - readable to all: the store may be shared, and else its directory is closed */
static int mark(int dir_fd, struct error *err)
{
	char fingerprint[FINGERPRINT_MAX];
	int r = 0;
	if (faccessat(dir_fd, "diff", F_OK, AT_SYMLINK_NOFOLLOW) == 0 && faccessat(dir_fd, "fingerprint", F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		r = walk_fingerprint(dir_fd, "diff", true, fingerprint, err);
		if (r == 0)
			r = fs_replace_file(dir_fd, "fingerprint", fingerprint, strlen(fingerprint), 0644, false, err);
	}
	return r == 0 ? fs_replace_file(dir_fd, "boot", "synced", 6, 0644, false, err) : r;
}

/* add_due - the directory @path to the open @fds when it is one */
static void add_due(const char *path, int *fds, size_t *n)
{
	cleanup_close int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd >= 0 && is_due(fd))
		fds[(*n)++] = take_fd(fd);
}

/* add_mapped - what was made of the image for containers with other ids */
static void add_mapped(const char *root, const char *image_id, int *fds, size_t *n)
{
	cleanup_free char *path = xasprintf("%s/store/mapped", root);
	cleanup_dir DIR *d = opendir(path);
	const char *hex = digest_hex(image_id);
	struct dirent *e;
	for (size_t end = *n + DUE_MAX; d && *n < end && (e = readdir(d));)
		if (str_starts(e->d_name, hex)) {
			cleanup_free char *dir = xasprintf("%s/%s", path, e->d_name);
			add_due(dir, fds, n);
		}
}

int cover_layers(const char *root, char *const *lowerdirs, const char *image_id, struct error *err)
{
	size_t due = 0;
	int *fds = xcalloc(strings_count(lowerdirs) + 1 + DUE_MAX, sizeof *fds), r = 0;
	for (; *lowerdirs; lowerdirs++) {
		cleanup_free char *layer = layer_of(root, *lowerdirs);
		add_due(layer, fds, &due);
	}
	cleanup_free char *chain = image_id ? xasprintf("%s/store/chains/%s", root, digest_hex(image_id)) : NULL;
	add_due(chain, fds, &due);
	if (image_id)
		add_mapped(root, image_id, fds, &due);
	if (due && syncfs(fds[0]) < 0)
		r = error_set(err, errno, "sync the store '%s'", root);
	for (size_t i = 0; i < due; i++) {
		if (r == 0)
			r = mark(fds[i], err);
		close_fd(&fds[i]);
	}
	free(fds);
	return r;
}
