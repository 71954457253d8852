#include "../container.h"
#include "../mount_live.h"
#include "../woody.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include <fcntl.h>
#include <string.h>

enum { MOUNTS_MAX = 16 << 20 };

/* read_list - an array of mounts, or an object whose member `mounts` is one, such as a config.json */
static int read_list(const char *path, struct pool *pool, struct spec_mounts **ret, struct error *err)
{
	cleanup_free char *text = NULL;
	int r = fs_read_file(AT_FDCWD, str_eq(path, "-") ? "/dev/stdin" : path, MOUNTS_MAX, &text, NULL, err);
	if (r < 0)
		return r;
	bool array = text[strspn(text, " \t\r\n")] == '[';
	cleanup_free char *document = array ? xasprintf("{\"mounts\":%s}", text) : take_ptr(text);
	r = json_decode(&spec_mounts_type, document, strlen(document), pool, ret, err);
	for (size_t i = 0; r == 0 && i < (*ret)->n_mounts; i++)
		if (str_empty((*ret)->mounts[i].destination))
			r = error_say(err, EINVAL, "mounts[%zu].destination: empty", i);
	if (r == 0 && (*ret)->n_mounts == 0)
		r = error_say(err, EINVAL, "no mounts in it: an array of mounts as in config.json is wanted");
	return r < 0 ? error_wrap(err, "%s", path) : 0;
}

static int change(struct woody *w, char **args, bool add, struct error *err)
{
	struct container c cleanup_container = CONTAINER_INIT;
	struct spec_mounts *list = NULL;
	int r = seal(w, 0, err);	/* a process of ours goes into the container */
	if (r == 0)
		r = container_load(w->root, args[0], &c, err);
	if (r < 0)
		return r;
	enum container_status status = container_status(&c);
	if (status == CONTAINER_STOPPED || status == CONTAINER_CREATING)
		return error_say(err, ESRCH, "container '%s' is not running: %s", c.id, container_status_name(status));
	r = read_list(args[1], &c.pool, &list, err);
	if (r < 0)
		return r;
	return add ? mount_live_add(&c, list, err) : mount_live_remove(&c, list, err);
}

static int run_add(void *program, void *given, char **args, int n_args)
{
	struct error err = { 0 };
	(void) given;
	(void) n_args;
	return change(program, args, true, &err) < 0 ? fail(program, "mounts add", &err) : 0;
}

static int run_remove(void *program, void *given, char **args, int n_args)
{
	struct error err = { 0 };
	(void) given;
	(void) n_args;
	return change(program, args, false, &err) < 0 ? fail(program, "mounts remove", &err) : 0;
}

static const struct command command_add = {
	.name = "add", .arguments = "CONTAINER-ID FILE", .summary = "mount something in a running container",
	.description = "FILE (- for stdin) is JSON: an array of mounts as in config.json, or an object with a member mounts. They are "
		       "attached in their order; relative sources start at the bundle. When one fails those before it stay. File "
		       "systems are mounted in the namespaces of the container; mounts of type cgroup, the option remount and the "
		       "destination / are refused.",
	.min_args = 2, .max_args = 2, .run = run_add,
};

static const struct command command_remove = {
	.name = "remove", .arguments = "CONTAINER-ID FILE", .summary = "unmount something in a running container",
	.description = "FILE as for `mounts add`; only destinations count. They are detached from the last to the first, together "
		       "with what is mounted in them.",
	.min_args = 2, .max_args = 2, .run = run_remove,
};

static const struct command *const commands[] = { &command_add, &command_remove, NULL };

const struct command command_mounts = {
	.name = "mounts", .summary = "add mounts to a running container, or remove them", .sub = commands,
};
