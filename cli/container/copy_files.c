#include "copy_files.h"
#include "../transfer/unpacker.h"
#include "apart.h"
#include "cleanup.h"
#include "fs.h"
#include "proc.h"
#include "runtime.h"
#include "tree.h"
#include "users.h"
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { SYMLINKS_MAX = 40, MESSAGE_MAX = 1024 };

/* ---- paths ---- */

/* struct side - one end: a root directory (AT_FDCWD: the host) and a path in it */
struct side {
	int root_fd;
	const char *path;
	const char *name;		/* of the container, for sentences; NULL: the host */
};

/* struct spot - a directory, and what it is about in it */
struct spot {
	int dir_fd;			/* O_RDONLY */
	char *name;			/* in it; "." itself */
	bool exists;
	struct stat st;
};
#define SPOT_NONE { .dir_fd = -1 }
static void spot_done(struct spot *s)
{
	close_fd(&s->dir_fd);
	cleanup_freep(&s->name);
}
#define cleanup_spot __attribute__((cleanup(spot_done)))

static int failed(const struct side *s, int code, const char *path, struct error *err)
{
	if (s->name && code == ENOENT)
		return error_say(err, ENOENT, "there is no '%s' in container %s", path, s->name);
	return s->name ? error_set(err, code, "open '%s' in container %s", path, s->name) : error_set(err, code, "open '%s'", path);
}

static int open_dir(const struct side *s, const char *path, struct error *err)
{
	int fd = s->root_fd == AT_FDCWD ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) :
		fs_open_beneath(s->root_fd, path, O_RDONLY | O_DIRECTORY, 0, NULL);
	if (fd >= 0)
		return fd;
	int code = s->root_fd == AT_FDCWD ? errno : -fd;
	return failed(s, code, path, err);
}

/* names_itself - does @path end in "/", "." or ".."? Then there is no name to look for in a directory above */
static bool names_itself(const char *path)
{
	const char *last = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	return !*last || strcmp(last, ".") == 0 || strcmp(last, "..") == 0;
}

static void split(const char *path, char **dir, char **name)
{
	const char *slash = strrchr(path, '/');
	*dir = !slash ? xstrdup(".") : slash == path ? xstrdup("/") : xstrndup(path, (size_t) (slash - path));
	*name = xstrdup(slash ? slash + 1 : path);
}

static char *behind_link(const char *dir, const char *target)
{
	return *target == '/' ? xstrdup(target) : xasprintf("%s/%s", dir, target);
}

/* look - at the last part of @path; @follow: while it is a symlink, at what that leads to, still within the root */
static int look(const struct side *s, const char *path, bool follow, struct spot *ret, struct error *err)
{
	cleanup_free char *now = xstrdup(path);
	for (int links = 0; links < SYMLINKS_MAX; links++) {
		cleanup_spot struct spot spot = SPOT_NONE;
		cleanup_free char *dir = NULL;
		char target[PATH_MAX];
		if (names_itself(now)) {
			dir = xstrdup(now);
			spot.name = xstrdup(".");
		} else {
			split(now, &dir, &spot.name);
		}
		spot.dir_fd = open_dir(s, dir, err);
		if (spot.dir_fd < 0)
			return spot.dir_fd;
		spot.exists = fstatat(spot.dir_fd, spot.name, &spot.st, AT_SYMLINK_NOFOLLOW) == 0;
		if (!spot.exists && errno != ENOENT)
			return failed(s, errno, path, err);
		if (!follow || !spot.exists || !S_ISLNK(spot.st.st_mode)) {
			*ret = spot;
			spot = (struct spot) SPOT_NONE;
			return 0;
		}
		ssize_t n = readlinkat(spot.dir_fd, spot.name, target, sizeof target - 1);
		if (n < 0)
			return failed(s, errno, path, err);
		target[n] = 0;
		char *next = behind_link(dir, target);
		free(now);
		now = next;
	}
	return failed(s, ELOOP, path, err);
}

/* content_only - docker's: "dir/." is what is in it; so is "." */
static bool content_only(const char *path) { return strcmp(path, ".") == 0 || str_ends(path, "/."); }

/* own_name - what a source is called where it goes to; caller frees */
static char *own_name(const struct side *s, const char *path)
{
	char full[PATH_MAX];
	cleanup_free char *clean = s->root_fd == AT_FDCWD && names_itself(path) && realpath(path, full) ? xstrdup(full) : fs_clean_path(path);
	const char *last = strrchr(clean, '/');
	return xstrdup(last && last[1] ? last + 1 : ".");	/* of / there is only the content */
}

/* ---- the container ---- */

static int open_running(const struct copy_files *w, struct error *err)
{
	const struct status *s = &w->container->status;
	int r = runtime_enter(w->carrier, w->container, err);
	if (r < 0)
		return r;
	cleanup_free char *path = xasprintf("/proc/%lld/root", (long long) s->pid);
	cleanup_close int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int code = errno;
	/* looked at behind the open: the number may have become another's before */
	int state = proc_state((pid_t) s->pid, s->start_time);
	if (fd < 0 || state < 0 || state == 'Z' || state == 'X')
		return state >= 0 && fd < 0 ? error_set(err, code, "open the root directory of container %s", w->container->record.name)
					    : error_say(err, ESRCH, "container %s has just ended: try again", w->container->record.name);
	return take_fd(fd);
}

/* open_root - @mounted: for container_tree_end() */
static int open_root(const struct copy_files *w, struct rootfs *mounted, int *lock, struct error *err)
{
	struct container *c = w->container;
	if (record_runs(c))
		return open_running(w, err);
	if (c->state == RECORD_STARTING)
		return error_say(err, EBUSY, "container %s is being started: try again when it runs", c->record.name);
	*lock = record_lock(c, err);	/* or it could be started while its files are mounted twice */
	return *lock < 0 ? *lock : container_whole_tree(c, mounted, err);
}

/* ---- where to ---- */

static int no_directory(const struct side *s, const char *what, struct error *err)
{
	return error_say(err, ENOENT, "'%s' is not there%s%s: the directory must exist", what, s->name ? " in container " : "",
			 s->name ? s->name : "");
}

/* struct aim - where a copy goes to, looked at before it is known what it is of */
struct aim {
	struct spot spot;		/* of a directory that is there: itself */
	bool asserts;			/* the path says that it is a directory */
};

static int take_aim(const struct side *s, struct aim *ret, struct error *err)
{
	cleanup_free char *bare = xstrdup(s->path);
	ret->asserts = names_itself(s->path);
	for (size_t n = strlen(bare); n > 1 && bare[n - 1] == '/'; n--)	/* "new/" may be made, of a directory */
		bare[n - 1] = 0;
	struct error why = { 0 };
	int r = look(s, bare, true, &ret->spot, &why);
	if (r < 0)
		return r == -ENOENT ? no_directory(s, s->path, err) : error_say(err, -r, "%s", why.text);
	if (!ret->spot.exists || !S_ISDIR(ret->spot.st.st_mode))
		return 0;
	int fd = openat(ret->spot.dir_fd, ret->spot.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return failed(s, errno, s->path, err);
	close_fd(&ret->spot.dir_fd);
	ret->spot.dir_fd = fd;
	return 0;
}

/* choose - the name that the source, which is called @name, gets in aim's directory; borrowed. @content: of a directory only what is in it */
static int choose(const struct side *s, const struct aim *aim, bool is_dir, bool content, const char *name, const char **ret, struct error *err)
{
	const struct spot *spot = &aim->spot;
	bool there = spot->exists, to_dir = there && S_ISDIR(spot->st.st_mode);
	if (there && !to_dir && is_dir)
		return error_say(err, ENOTDIR, "'%s' is a file: a directory cannot be copied to it", s->path);
	if (there && !to_dir && aim->asserts)
		return error_say(err, ENOTDIR, "'%s' is no directory", s->path);
	if (!there && aim->asserts && !is_dir)
		return no_directory(s, s->path, err);
	*ret = !to_dir ? spot->name : is_dir && content ? "." : name;
	return 0;
}

static bool is_stream(const char *path) { return strcmp(path, "-") == 0; }

static int find_source(const struct side *s, bool follow, struct spot *ret, struct error *err)
{
	int r = look(s, s->path, follow, ret, err);
	if (r < 0)
		return r;
	return ret->exists ? 0 : failed(s, ENOENT, s->path, err);
}

/* ---- the copy ---- */

/* struct result - crosses from the child */
struct result { char left_out[MESSAGE_MAX]; int64_t bytes; };

struct copying {
	const struct copy_files *w;
	struct result *result;		/* shared memory */
	struct idmap uids, gids;	/* of the container's owners, to what they are in its files: users.h */
	/* what is looked at before we become another and see other mounts */
	struct side host;
	struct spot source;		/* into the container */
	char *source_name;
	struct aim aim;			/* out of it */
};

static void note(struct copying *k, const char *left_out, int64_t bytes)
{
	snprintf(k->result->left_out, MESSAGE_MAX, "%s", left_out ? left_out : "");
	k->result->bytes = bytes;
}

static int send(struct copying *k, const struct spot *from, const char *as, int to_fd, struct error *err)
{
	cleanup_free char *left_out = NULL;
	int64_t bytes = 0;
	struct pack_job pack = { .tree_fd = from->dir_fd, .kind = "archive", .compression = LAYER_PLAIN, .entry = from->name, .as = as,
				 .mounts = true };
	struct unpack_job extract = { .blob_dir_fd = -1, .layer_dir_fd = to_fd, .compression = LAYER_PLAIN, .extract = true, .ours = !k->w->archive };
	if (k->w->out) {
		pack.uids = &k->uids;
		pack.gids = &k->gids;
	} else {
		extract.uids = &k->uids;
		extract.gids = &k->gids;
	}
	int r = pack_and_extract(&pack, &extract, &left_out, &bytes, err);
	if (r == 0)
		note(k, left_out, bytes);
	return r;
}

/* write_archive - to standard output */
static int write_archive(struct copying *k, const struct spot *from, const char *as, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct unpack_report *report;
	const struct pack_job pack = { .tree_fd = from->dir_fd, .output_fd = STDOUT_FILENO, .kind = "archive", .compression = LAYER_PLAIN,
				       .entry = from->name, .as = as, .mounts = true, .uids = &k->uids, .gids = &k->gids };
	int r = pack_all(&pack, &pool, &report, err);
	if (r == 0)
		note(k, report->message, 0);
	return r;
}

/* read_archive - from standard input; owners are what the archive says */
static int read_archive(struct copying *k, const struct side *to, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct unpack_report *report;
	cleanup_spot struct spot spot = SPOT_NONE;
	int r = look(to, to->path, true, &spot, err);
	if (r == 0 && !(spot.exists && S_ISDIR(spot.st.st_mode)))
		r = spot.exists ? error_say(err, ENOTDIR, "'%s' is no directory of container %s: an archive is unpacked in one", to->path, to->name)
				: no_directory(to, to->path, err);
	if (r < 0)
		return r;
	cleanup_close int dir = openat(spot.dir_fd, spot.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return failed(to, errno, to->path, err);
	const struct unpack_job extract = { .input_fd = STDIN_FILENO, .blob_dir_fd = -1, .layer_dir_fd = dir, .compression = LAYER_UNKNOWN,
					    .extract = true,
					    .uids = &k->uids, .gids = &k->gids };
	r = unpack_all(&extract, &pool, &report, err);
	if (r == 0)
		note(k, report->message, 0);
	return r;
}

static int copy_out(struct copying *k, const struct side *from, struct error *err)
{
	cleanup_spot struct spot spot = SPOT_NONE;
	cleanup_free char *name = own_name(from, from->path);
	const char *as;
	int r = find_source(from, k->w->follow, &spot, err);
	if (r < 0)
		return r;
	bool content = content_only(from->path);
	if (is_stream(k->w->target))
		return write_archive(k, &spot, content ? "." : name, err);
	r = choose(&k->host, &k->aim, S_ISDIR(spot.st.st_mode), content, name, &as, err);
	return r < 0 ? r : send(k, &spot, as, k->aim.spot.dir_fd, err);
}

static int copy_in(struct copying *k, const struct side *to, struct error *err)
{
	struct aim aim = { .spot = SPOT_NONE };
	const char *as;
	if (is_stream(k->w->source))
		return read_archive(k, to, err);
	int r = take_aim(to, &aim, err);
	if (r == 0)
		r = choose(to, &aim, S_ISDIR(k->source.st.st_mode), content_only(k->w->source), k->source_name, &as, err);
	if (r == 0)
		r = send(k, &k->source, as, aim.spot.dir_fd, err);
	spot_done(&aim.spot);
	return r;
}

static int work(void *ctx, struct error *err)
{
	struct copying *k = ctx;
	const struct copy_files *w = k->w;
	struct rootfs mounted = ROOTFS_NONE;
	cleanup_close int lock = -1;
	cleanup_close int root = open_root(w, &mounted, &lock, err);
	if (root < 0) {
		container_tree_end(w->container, &mounted);
		return root;
	}
	const struct side side = { .root_fd = root, .path = w->out ? w->source : w->target, .name = w->container->record.name };
	int r = w->out ? copy_out(k, &side, err) : copy_in(k, &side, err);
	close_fd(&root);
	container_tree_end(w->container, &mounted);
	return r;
}

/* look_at_host - all that is done there by name */
static int look_at_host(struct copying *k, struct error *err)
{
	const struct copy_files *w = k->w;
	k->host = (struct side) { .root_fd = AT_FDCWD, .path = w->out ? w->target : w->source };
	if (is_stream(k->host.path))
		return 0;
	if (w->out)
		return take_aim(&k->host, &k->aim, err);
	k->source_name = own_name(&k->host, w->source);
	return find_source(&k->host, w->follow, &k->source, err);
}

int copy_files(const struct copy_files *what, char **ret_left_out, int64_t *ret_bytes, struct error *err)
{
	struct copying k = { .w = what, .source = SPOT_NONE, .aim = { .spot = SPOT_NONE } };
	k.result = mmap(NULL, sizeof *k.result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (k.result == MAP_FAILED)
		return error_set(err, errno, "share memory with a child");
	int r = users_maps(&what->container->record, &k.uids, &k.gids, err);
	if (r == 0)
		r = look_at_host(&k, err);
	if (r == 0)
		r = apart_run(work, &k, err);
	*ret_left_out = r == 0 && *k.result->left_out ? xstrdup(k.result->left_out) : NULL;
	*ret_bytes = k.result->bytes;
	spot_done(&k.source);
	spot_done(&k.aim.spot);
	free(k.source_name);
	idmap_done(&k.uids);
	idmap_done(&k.gids);
	(void) munmap(k.result, sizeof *k.result);
	return r;
}
