#include "cover.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include "proc.h"
#include "str.h"
#include "walk.h"
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* owner_of - the directory whose `boot` speaks for @lowerdir: ".../layers/sha256/HEX" or ".../chains/HEX". Caller frees; NULL: not of the store */
static char *owner_of(const char *root, const char *lowerdir)
{
	const char *rest = str_after(lowerdir, root);
	rest = rest ? str_after(rest, "/store/") : NULL;
	const char *hex = rest ? str_after(rest, "layers/sha256/") : NULL;
	if (rest && !hex)
		hex = str_after(rest, "chains/");
	return hex ? xstrndup(lowerdir, (size_t) (hex - lowerdir) + strcspn(hex, "/")) : NULL;
}

/* is_due - written in this boot, not covered, and old enough */
static bool is_due(int dir_fd, bool now)
{
	struct stat st;
	cleanup_free char *boot = NULL;
	if (fs_read_file(dir_fd, "boot", 128, &boot, NULL, NULL) < 0 || strcmp(boot, proc_boot_id()) != 0)
		return false;
	return now || (fstatat(dir_fd, "boot", &st, AT_SYMLINK_NOFOLLOW) == 0 && time(NULL) - st.st_mtime >= COVER_AGE_S);
}

static int mark(int dir_fd, struct error *err)
{
	char fingerprint[FINGERPRINT_MAX];
	int r = 0;
	if (faccessat(dir_fd, "diff", F_OK, AT_SYMLINK_NOFOLLOW) == 0 && faccessat(dir_fd, "fingerprint", F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		r = walk_fingerprint(dir_fd, "diff", true, fingerprint, err);
		if (r == 0)
			r = fs_replace_file(dir_fd, "fingerprint", fingerprint, strlen(fingerprint), 0600, false, err);
	}
	return r == 0 ? fs_replace_file(dir_fd, "boot", "synced", 6, 0600, false, err) : r;
}

int cover_layers(const char *root, char *const *lowerdirs, bool now, struct error *err)
{
	size_t n = strings_count(lowerdirs), due = 0;
	int *fds = xcalloc(n + 1, sizeof *fds), r = 0;
	for (size_t i = 0; i < n; i++) {
		cleanup_free char *dir = owner_of(root, lowerdirs[i]);
		cleanup_close int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
		if (fd >= 0 && is_due(fd, now))
			fds[due++] = take_fd(fd);
	}
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
