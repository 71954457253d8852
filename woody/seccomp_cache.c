#include "seccomp_cache.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "mem.h"
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

static const char subdir[] = ".seccomp";

enum { FILES_MAX = 64 };

struct header {
	char magic[8];
	uint32_t key_len, n; /* bytes of key, instructions of code behind it */
	uint64_t check;	     /* hash of key and code */
};

static const char magic[8] = "WOODYSC1";

/* FNV-1a: finds accidents and spreads names. It does not keep anyone out, the owner check does. */
static uint64_t hash(uint64_t h, const void *data, size_t len)
{
	const unsigned char *p = data;
	while (len--)
		h = (h ^ *p++) * 0x100000001b3;
	return h;
}

static uint64_t hash_key(const char *key, size_t len) { return hash(0xcbf29ce484222325, key, len); }

static void file_name(char out[24], uint64_t key_hash)
{
	snprintf(out, 24, "%016llx", (unsigned long long) key_hash);
}

static bool is_ours(int fd, mode_t type_and_mode, struct stat *st)
{
	return fstat(fd, st) == 0 && st->st_uid == geteuid() && st->st_mode == type_and_mode;
}

/* remove_all - also the temporaries of killed writers; one that is being written will not be stored, which is no harm */
static void remove_all(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		close_fd(&fd);
		return;
	}
	for (struct dirent *e; (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			(void) unlinkat(dir_fd, e->d_name, 0);
}

/* repair - a directory that is ours and only has a wrong mode (a copied root, an ACL, a chmod -R) gets the right one. Who could
 * write until now may have put filters there: it is emptied once nobody else can. */
static bool repair(int fd, struct stat *st)
{
	if (!S_ISDIR(st->st_mode) || st->st_uid != geteuid() || fchmod(fd, 0700) < 0)
		return false;
	remove_all(fd);
	return is_ours(fd, S_IFDIR | 0700, st);
}

/* open_dir - readable, made and repaired when @make, else for lookups only; -1 when it is not there or not to be trusted */
static int open_dir(const char *dir, bool make)
{
	struct stat st;
	cleanup_close int parent = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return -1;
	if (make)
		(void) mkdirat(parent, subdir, 0700);
	cleanup_close int fd =
		openat(parent, subdir, (make ? O_RDONLY : O_PATH) | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (!is_ours(fd, S_IFDIR | 0700, &st) && !(make && repair(fd, &st))) {
		log_debug("seccomp: '%s/%s' is not a directory of ours with mode 0700, so it is not used",
			  dir, subdir);
		return -1;
	}
	return take_fd(fd);
}

/* check_file - @data is the whole file */
static bool check_file(const char *data, size_t size, const char *key, size_t key_len, uint64_t key_hash,
		       struct header *h)
{
	if (size < sizeof *h)
		return false;
	memcpy(h, data, sizeof *h);
	if (memcmp(h->magic, magic, sizeof magic) != 0 || h->key_len != key_len || h->n == 0 ||
	    h->n > BPF_MAXINSNS || size != sizeof *h + key_len + h->n * sizeof(struct sock_filter))
		return false;
	const char *file_key = data + sizeof *h;
	return memcmp(file_key, key, key_len) == 0 &&
	       h->check == hash(key_hash, file_key + key_len, h->n * sizeof(struct sock_filter));
}

bool seccomp_cache_get(const char *dir, const char *key, size_t key_len, struct sock_filter **ret,
		       unsigned short *ret_n)
{
	cleanup_close int dir_fd = open_dir(dir, false);
	if (dir_fd < 0)
		return false;
	uint64_t key_hash = hash_key(key, key_len);
	char name[24];
	file_name(name, key_hash);
	cleanup_close int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;

	struct stat st;
	size_t max = sizeof(struct header) + key_len + BPF_MAXINSNS * sizeof(struct sock_filter);
	if (!is_ours(fd, S_IFREG | 0600, &st) || st.st_size < 0 || (uint64_t) st.st_size > max) {
		log_debug("seccomp: '%s/%s/%s' is not a file of ours with mode 0600, so it is not used", dir,
			  subdir, name);
		return false;
	}
	size_t size = (size_t) st.st_size;
	cleanup_free char *data = xmalloc(size);
	struct header h;
	if (fs_read_all(fd, data, size) != (ssize_t) size ||
	    !check_file(data, size, key, key_len, key_hash, &h)) {
		log_debug("seccomp: '%s/%s/%s' is damaged or of another profile, so it is not used", dir,
			  subdir, name);
		return false;
	}
	*ret = xreallocarray(NULL, h.n, sizeof **ret);
	memcpy(*ret, data + sizeof h + key_len, h.n * sizeof **ret);
	*ret_n = (unsigned short) h.n;
	return true;
}

/* make_room - profiles are few; 64 files mean that they are generated, and then none is worth keeping */
static void make_room(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		close_fd(&fd);
		return;
	}
	int n = 0;
	for (struct dirent *e; (e = readdir(d));)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	if (n >= FILES_MAX)
		remove_all(dir_fd);
}

void seccomp_cache_put(const char *dir, const char *key, size_t key_len, const struct sock_filter *code,
		       unsigned short n)
{
	cleanup_close int dir_fd = open_dir(dir, true);
	if (dir_fd < 0 || key_len > UINT32_MAX)
		return;
	make_room(dir_fd);

	uint64_t key_hash = hash_key(key, key_len);
	struct header h = { .key_len = (uint32_t) key_len, .n = n };
	memcpy(h.magic, magic, sizeof magic);
	h.check = hash(key_hash, code, n * sizeof *code);
	size_t size = sizeof h + key_len + n * sizeof *code;
	cleanup_free char *data = xmalloc(size);
	memcpy(data, &h, sizeof h);
	memcpy(data + sizeof h, key, key_len);
	memcpy(data + sizeof h + key_len, code, n * sizeof *code);

	char name[24];
	struct error err;
	file_name(name, key_hash);
	if (fs_replace_file(dir_fd, name, data, size, 0600, false, &err) < 0)
		log_debug("seccomp: the compiled filter is not kept: %s", err.text);
}
