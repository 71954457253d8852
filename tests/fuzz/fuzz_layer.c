/* Any bytes as a layer, unpacked for real into a directory of a tmpfs: the directory is all that changes, a failure leaves nothing,
 * and what was written can be removed again. As root owners and nodes are made, too. */
#include "../../cli/unpack/layer.h"
#include "fs.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char base[] = "/dev/shm/fuzz-layer-XXXXXX";
static int base_fd = -1;

static void remove_base(void)
{
	(void) fs_remove_tree(AT_FDCWD, base, NULL);
}

/* set_up - base/outside/canary is what names that climb out would reach */
static void set_up(void)
{
	(void) umask(0);
	if (!mkdtemp(base) || (base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || mkdirat(base_fd, "outside", 0755) < 0 ||
	    mkdirat(base_fd, "outside/canary", 0755) < 0)
		abort();
	(void) atexit(remove_base);
}

static int entries(const char *path)
{
	int fd = openat(base_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		abort();
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stat before, after;
	struct error err = { 0 };
	struct layer *l;
	const struct layer_limits limits = { .max_entries = 1000, .max_holes = 1 << 20 };
	if (base_fd < 0)
		set_up();
	if (mkdirat(base_fd, "layer", 0700) < 0 || fstatat(base_fd, "outside", &before, 0) < 0)
		abort();
	int dir_fd = openat(base_fd, "layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = layer_open(dir_fd, &limits, &l, &err);
	if (r < 0)
		abort();
	r = layer_feed(l, data, size, &err);
	if (r == 0)
		r = layer_finish(l, &err);
	layer_free(l);
	if (r < 0) {
		if (err.code != -r || !*err.text)
			abort();
		layer_undo(dir_fd);
		if (entries("layer") != 0)
			abort();
	}
	close(dir_fd);
	if (fs_remove_tree(base_fd, "layer", &err) < 0)
		abort();
	if (fstatat(base_fd, "outside", &after, 0) < 0 || memcmp(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim) != 0 ||
	    before.st_mode != after.st_mode || entries("outside") != 1 || entries(".") != 1)
		abort();
	return 0;
}
