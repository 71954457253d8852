#include "checkpoint.h"
#include "checkpoint_mounts.h"
#include "cleanup.h"
#include "console.h"
#include "criu.h"
#include "fs.h"
#include "log.h"
#include <fcntl.h>
#include <sched.h>
#include <string.h>

/* ---- fds that lead out of the container ---- */

struct descriptors { char **fds; };
#define T struct descriptors
static const struct json_type descriptors_type = JSON_TYPE(T, JSON_REQUIRED(T, fds, "fds"));
#undef T

/* struct inherited - what criu gets from us, and the images know by a name */
struct inherited {
	struct proc_fd fds[CHECKPOINT_STDIO + NAMESPACES_MAX];
	size_t n;
};

static void inherit(struct criu *c, struct inherited *i, int fd, const char *key)
{
	int theirs = CRIU_FIRST_FD + (int) i->n;
	i->fds[i->n++] = (struct proc_fd) { fd, theirs };
	criu_put_pair(&c->options, CRIU_INHERIT_FD, key, theirs);
}

static int inherit_stdio(struct criu *c, struct inherited *inherited, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct descriptors *d = NULL;
	cleanup_free char *text = NULL;
	int r = fs_read_file(c->images_fd, CHECKPOINT_DESCRIPTORS, 1 << 20, &text, NULL, err);
	if (r < 0) {
		error_wrap(err, "there is no checkpoint in '%s'", c->images);
		return r;
	}
	cleanup_free char *object = xasprintf("{\"fds\":%s}", text);
	r = json_decode(&descriptors_type, object, strlen(object), &pool, &d, err);
	if (r < 0)
		return error_wrap(err, "'%s/" CHECKPOINT_DESCRIPTORS "'", c->images);
	for (size_t i = 0; d->fds[i] && i < CHECKPOINT_STDIO; i++) {
		bool outside = str_starts(d->fds[i], "pipe:[") || str_starts(d->fds[i], "file[") ||
			       str_starts(d->fds[i], "tty[");
		bool again = false;	/* 1 and 2 are one pipe: then both are our 1 */
		for (size_t k = 0; k < i; k++)
			again |= str_eq(d->fds[k], d->fds[i]);
		if (outside && !again)
			inherit(c, inherited, (int) i, d->fds[i]);
	}
	return 0;
}

static void inherit_namespaces(struct criu *c, struct inherited *inherited, const struct namespaces *n)
{
	for (int i = 0; i < n->n_join; i++)
		if (n->join[i].flag == CLONE_NEWNET)
			inherit(c, inherited, n->join[i].fd, CHECKPOINT_NET_KEY);
		else if (n->join[i].flag == CLONE_NEWPID)
			inherit(c, inherited, n->join[i].fd, CHECKPOINT_PID_KEY);
}

/* ---- while it is restored ---- */

static int take_terminal(struct launch *l, int fd, struct error *err)
{
	if (fd < 0)
		return error_say(err, EPROTO, "criu passed no terminal");
	if (l->init.console_fd >= 0)
		return console_send_to(l->init.console_fd, fd, err);
	l->master_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return l->master_fd < 0 ? error_set(err, errno, "keep the terminal") : console_clear_onlcr(l->master_fd, err);
}

/* notify - at "post-restore" all processes are there, and none runs yet: whatever fails until then leaves nothing done by them */
static int notify(void *ctx, const struct criu_response *n, int fd, struct error *err)
{
	struct launch *l = ctx;
	if (strcmp(n->script, "orphan-pts-master") == 0)
		return take_terminal(l, fd, err);
	if (strcmp(n->script, "setup-namespaces") == 0)
		return launch_restore_hooks(l, n->pid, err);
	if (strcmp(n->script, "post-restore") == 0)
		return launch_restored(l, n->pid, err);
	return 0;
}

/* start - criu, in a mount namespace where the rootfs lies over the container's directory, which nobody there needs */
static int start(struct launch *l, struct criu *c, const struct inherited *inherited, struct error *err)
{
	struct strings externals cleanup_strings = { 0 };
	struct restore_view view = RESTORE_VIEW_INIT;
	const struct rootfs rootfs = {
		.spec = l->container.spec, .bundle = l->container.record.bundle, .path = l->container.record.rootfs, .fd = -1, .proc_fd = -1,
	};
	cleanup_free char *at = NULL;
	int r = fs_absolute(l->container.dir, &at, err);
	if (r < 0)
		return r;
	r = restore_view_enter(&view, &rootfs, at, l->cgroup, &externals, err);
	for (size_t i = 0; i < externals.n; i++)
		criu_put_string(&c->options, CRIU_EXTERNAL, externals.v[i]);
	criu_put_string(&c->options, CRIU_ROOT, at);
	if (r == 0)
		r = criu_reopen(c, err);
	if (r == 0)
		r = criu_start(c, inherited->fds, inherited->n, false, err);
	struct error lost = { 0 };
	int left = restore_view_leave(&view, &lost);
	if (r == 0 && left < 0) {
		if (err)
			*err = lost;
		return left;
	}
	return r;
}

/* put_cgroup_roots - v1: the images' cgroups are found below those that criu has entered */
static int put_cgroup_roots(struct criu *c, struct error *err)
{
	cleanup_free char *path = xasprintf("/proc/%d/cgroup", c->pid), *text = NULL;
	int r = fs_read_file(AT_FDCWD, path, 1 << 20, &text, NULL, err);
	if (r < 0)
		return r;
	char *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *name = strchr(line, ':'), *at = name ? strchr(++name, ':') : NULL;	/* number:controllers:path */
		if (!at || at == name)
			continue;	/* v2 */
		*at++ = 0;
		criu_put_strings(&c->options, CRIU_CG_ROOT, name, at);
	}
	return 0;
}

static int restore(struct launch *l, struct criu *c, const struct restore_request *q, const char *program, struct error *err)
{
	struct inherited inherited = { 0 };
	struct criu_response response;
	int r = launch_restore(l, err);
	if (r == 0)
		r = checkpoint_prepare(c, program, &q->settings, l->container.spec, true, err);
	if (r == 0)
		r = inherit_stdio(c, &inherited, err);
	if (r < 0)
		return r;
	inherit_namespaces(c, &inherited, &l->namespaces);
	criu_put_flag(&c->options, CRIU_RST_SIBLING, true);	/* the process is our child, not criu's */
	criu_put_string(&c->options, CRIU_LSM_PROFILE, q->lsm_profile);
	criu_put_string(&c->options, CRIU_LSM_MOUNT_CONTEXT, q->lsm_mount_context);
	r = launch_restore_cgroup(l, err);
	if (r == 0)
		r = start(l, c, &inherited, err);
	if (r == 0)
		r = launch_restore_enter(l, c->pid, err);
	if (r == 0 && !str_eq(q->settings.cgroups_mode, "ignore"))
		r = put_cgroup_roots(c, err);
	return r < 0 ? r : criu_ask(c, CRIU_RESTORE, notify, l, &response, err);
}

int checkpoint_restore(struct launch *l, const struct restore_request *q, const char *program, struct error *err)
{
	struct criu c cleanup_criu = CRIU_INIT;
	int r = restore(l, &c, q, program, err);
	if (r < 0) {
		criu_done(&c);
		if (l->container.dir_fd >= 0)
			launch_undo(l);
	}
	return r;
}
