/* Directories are in a hash table, since any entry may turn out to be one of them. What was removed meanwhile is not looked for
 * at once: at the end each name is compared with the tree. */
#include "pending_set.h"
#include "../image/chain.h"
#include "beneath.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include "place.h"
#include "str.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum { NAMES_MAX = 4 << 20 };

struct directory { char *path; bool implicit, whiteouts; };
struct pending_set {
	struct directory *slots;	/* open addressing; size is a power of two */
	size_t n, size;
	struct pending_link *links;
	size_t n_links, links_size;
	size_t bytes;
	uint64_t seed;			/* nobody can choose names that collide */
};

struct pending_set *pending_set_new(void)
{
	struct pending_set *p = xcalloc(1, sizeof *p);
	(void) !getrandom(&p->seed, sizeof p->seed, GRND_NONBLOCK);
	p->size = 256;
	p->slots = xcalloc(p->size, sizeof *p->slots);
	return p;
}

void pending_set_free(struct pending_set *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->size; i++)
		free(p->slots[i].path);
	for (size_t i = 0; i < p->n_links; i++) {
		free(p->links[i].path);
		free(p->links[i].target);
	}
	free(p->slots);
	free(p->links);
	free(p);
}

static struct directory *slot_of(const struct pending_set *p, const char *path)
{
	uint64_t hash = 14695981039346656037U ^ p->seed;
	for (const char *s = path; *s; s++)
		hash = (hash ^ (unsigned char) *s) * 1099511628211U;
	size_t i = (hash ^ hash >> 29) & (p->size - 1);
	while (p->slots[i].path && strcmp(p->slots[i].path, path) != 0)
		i = (i + 1) & (p->size - 1);
	return &p->slots[i];
}

static void grow(struct pending_set *p)
{
	struct directory *old = p->slots;
	size_t old_size = p->size;
	p->size *= 2;
	p->slots = xcalloc(p->size, sizeof *p->slots);
	for (size_t i = 0; i < old_size; i++)
		if (old[i].path)
			*slot_of(p, old[i].path) = old[i];
	free(old);
}

/* ---- names ---- */

static int check_name(struct pending_set *p, const char *path, struct error *err)
{
	p->bytes += strlen(path) + 32;
	if (p->bytes > NAMES_MAX)
		return error_say(err, E2BIG, "more than 4 MiB of names in it depend on the layers below");
	return 0;
}

static int find_or_add(struct pending_set *p, const char *path, struct directory **ret, struct error *err)
{
	*ret = slot_of(p, path);
	if ((*ret)->path)
		return 0;
	int r = check_name(p, path, err);
	if (r < 0)
		return r;
	if (2 * ++p->n > p->size) {
		grow(p);
		*ret = slot_of(p, path);
	}
	**ret = (struct directory) { .path = xstrdup(path) };
	return 0;
}

int pending_set_directory(struct pending_set *p, const char *path, struct error *err)
{
	struct directory *d;
	int r = find_or_add(p, path, &d, err);
	if (r == 0)
		d->implicit = true;
	return r;
}

int pending_set_whiteouts(struct pending_set *p, const char *path, struct error *err)
{
	struct directory *d;
	int r = find_or_add(p, path, &d, err);
	if (r == 0)
		d->whiteouts = true;
	return r;
}

void pending_set_explicit(struct pending_set *p, const char *path)
{
	struct directory *d = slot_of(p, path);
	if (d->path)
		d->implicit = false;
}

int pending_set_link(struct pending_set *p, const char *path, const char *target, struct error *err)
{
	int r = check_name(p, path, err);
	if (r == 0)
		r = check_name(p, target, err);
	if (r < 0)
		return r;
	if (p->n_links == p->links_size) {
		p->links_size = p->links_size ? 2 * p->links_size : 16;
		p->links = xreallocarray(p->links, p->links_size, sizeof *p->links);
	}
	p->links[p->n_links++] = (struct pending_link) { xstrdup(path), xstrdup(target) };
	return 0;
}

static void drop_link(struct pending_set *p, size_t i)
{
	free(p->links[i].path);
	free(p->links[i].target);
	memmove(p->links + i, p->links + i + 1, (p->n_links - i - 1) * sizeof *p->links);
	p->n_links--;
}

void pending_set_forget(struct pending_set *p, const char *path)
{
	size_t len = strlen(path);
	for (size_t i = p->n_links; i-- > 0;)
		if (strncmp(p->links[i].path, path, len) == 0 && (p->links[i].path[len] == '/' || !p->links[i].path[len]))
			drop_link(p, i);
}

/* ---- the end ---- */

static bool is_opaque(int diff_fd, const char *path)
{
	char value;
	cleanup_close int fd = beneath_plain(diff_fd, path, O_RDONLY | O_DIRECTORY);
	return fd >= 0 && fgetxattr(fd, "user.overlay.opaque", &value, 1) == 1;
}

/* shadowed - by an opaque directory above it: nothing of the layers below is seen there */
static bool shadowed(int diff_fd, const char *path)
{
	cleanup_free char *above = xstrdup(path);
	for (char *slash; (slash = strrchr(above, '/'));) {
		*slash = 0;
		if (is_opaque(diff_fd, above))
			return true;
	}
	return strcmp(path, ".") != 0 && is_opaque(diff_fd, ".");
}

static bool still_implicit(int diff_fd, const char *path)
{
	cleanup_close int fd = beneath_plain(diff_fd, path, O_PATH | O_DIRECTORY);
	return fd >= 0 && !shadowed(diff_fd, path);
}

/* still_hiding - has it whiteouts, and may they hide something? Those that cannot are removed */
static bool still_hiding(int diff_fd, const char *path)
{
	cleanup_close int fd = beneath_plain(diff_fd, path, O_RDONLY | O_DIRECTORY);
	bool hides = fd >= 0 && !is_opaque(diff_fd, path) && !shadowed(diff_fd, path), found = false;
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(dup(fd));
	struct stat st;
	for (struct dirent *e; d && (e = readdir(d));) {
		bool whiteout = fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && place_is_whiteout(&st);
		found = found || whiteout;
		if (whiteout && !hides)
			(void) unlinkat(fd, e->d_name, 0);
		else if (whiteout)
			break;
	}
	return found && hides;
}

static bool still_missing(int diff_fd, const char *path)
{
	cleanup_free char *parent = xstrdup(path);
	char *slash = strrchr(parent, '/');
	if (slash)
		*slash = 0;
	cleanup_close int fd = beneath_plain(diff_fd, slash ? parent : ".", O_PATH | O_DIRECTORY);
	struct stat st;
	return fd >= 0 && fstatat(fd, slash ? slash + 1 : path, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

static int by_name(const void *a, const void *b)
{
	const char *l = *(char *const *) a, *r = *(char *const *) b;
	/* "." is the parent of all */
	if (strcmp(l, ".") == 0 || strcmp(r, ".") == 0)
		return (strcmp(r, ".") == 0) - (strcmp(l, ".") == 0);
	return strcmp(l, r);
}

static void replace(char **text, char *with)
{
	free(*text);
	*text = with;
}

/* collect - the directories of which @still is so, parents first, as pending.json writes names */
static void collect(const struct pending_set *p, int diff_fd, bool implicit, bool (*still)(int diff_fd, const char *path), struct strings *ret)
{
	cleanup_free char **paths = xcalloc(p->n + 1, sizeof *paths);
	size_t n = 0;
	for (size_t i = 0; i < p->size; i++) {
		const struct directory *d = &p->slots[i];
		if (d->path && (implicit ? d->implicit : d->whiteouts) && still(diff_fd, d->path))
			paths[n++] = d->path;
	}
	qsort(paths, n, sizeof *paths, by_name);
	for (size_t i = 0; i < n; i++)
		strings_take(ret, pending_escape(paths[i]));
}

/* drop_empty - directories that only whiteouts had made, and that have none any more; with their parents */
static void drop_empty(const struct pending_set *p, int diff_fd)
{
	for (size_t i = 0; i < p->size; i++) {
		if (!p->slots[i].path || !p->slots[i].whiteouts)
			continue;
		cleanup_free char *path = xstrdup(p->slots[i].path);
		for (char *slash = path; slash && slot_of(p, path)->path && slot_of(p, path)->implicit;) {
			slash = strrchr(path, '/');
			if (slash)
				*slash = 0;
			cleanup_close int parent = beneath_plain(diff_fd, slash ? path : ".", O_PATH | O_DIRECTORY);
			if (parent < 0 || unlinkat(parent, slash ? slash + 1 : path, AT_REMOVEDIR) < 0)
				break;
		}
	}
}

int pending_set_write(struct pending_set *p, int layer_fd, int diff_fd, struct error *err)
{
	cleanup_strings struct strings directories = { 0 }, whiteouts = { 0 };
	collect(p, diff_fd, false, still_hiding, &whiteouts);
	drop_empty(p, diff_fd);
	collect(p, diff_fd, true, still_implicit, &directories);
	for (size_t i = p->n_links; i-- > 0;)
		if (!still_missing(diff_fd, p->links[i].path))
			drop_link(p, i);
	if (directories.n == 0 && whiteouts.n == 0 && p->n_links == 0)
		return 0;

	for (size_t i = 0; i < p->n_links; i++) {
		replace(&p->links[i].path, pending_escape(p->links[i].path));
		replace(&p->links[i].target, pending_escape(p->links[i].target));
	}
	struct pending document = { .directories = directories.v, .links = p->links, .n_links = p->n_links, .whiteouts = whiteouts.v };
	size_t len;
	cleanup_free char *text = json_encode(&pending_type, &document, JSON_COMPACT, &len);
	int r = fs_replace_file(layer_fd, "pending.json", text, len, 0600, false, err);
	return r < 0 ? r : 1;
}
