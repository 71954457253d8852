#include "mount_live.h"
#include "cleanup.h"
#include "clone.h"
#include "fs.h"
#include "idmap.h"
#include "mem.h"
#include "mounts.h"
#include "namespaces.h"
#include "proc.h"
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

struct live {
	const struct container *c;
	struct runtime_spec spec;	/* what the container's mounts would be if it had only these */
	struct spec_linux linux_;
	struct spec_namespace userns;
	char userns_path[40];
	struct rootfs r;
	int pidfd, flags;		/* CLONE_NEW* of the namespaces in which the container is not where we are */
	int *sources;			/* one for each mount; -1: none */
};

/* struct outcome - what a child tells, in memory that is shared with it */
struct outcome { int result; bool told; struct error error; };

static void live_done(struct live *l)
{
	for (size_t i = 0; l->sources && i < l->spec.n_mounts; i++)
		close_fd(&l->sources[i]);
	free(l->sources);
	close_fd(&l->pidfd);
	close_fd(&l->r.proc_fd);
	rootfs_done(&l->r);
}
#define LIVE_INIT { .pidfd = -1, .r = ROOTFS_INIT }
#define cleanup_live __attribute__((cleanup(live_done)))

/* ---- outside ---- */

static int open_container(struct live *l, const struct container *c, const struct spec_mounts *list, struct error *err)
{
	l->c = c;
	l->pidfd = container_pidfd(c);
	if (l->pidfd < 0)
		return error_say(err, ESRCH, "container '%s' is not running", c->id);
	l->r.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (l->r.proc_fd < 0 || fs_is_type(l->r.proc_fd, PROC_SUPER_MAGIC) <= 0)
		return error_say(err, EINVAL, "/proc is not a procfs");
	int r = namespaces_of(l->r.proc_fd, (pid_t) c->record.pid, &l->flags, err);
	if (r < 0)
		return r;
	if (!(l->flags & CLONE_NEWNS))
		return error_say(err, EINVAL, "container '%s' has no mount namespace of its own: its mounts are the host's", c->id);

	l->spec = (struct runtime_spec) { .mounts = list->mounts, .n_mounts = list->n_mounts, .linux_ = &l->linux_ };
	if (l->flags & CLONE_NEWUSER) {		/* option idmap without mappings takes them from there */
		snprintf(l->userns_path, sizeof l->userns_path, "/proc/%d/ns/user", (int) c->record.pid);
		l->userns = (struct spec_namespace) { .type = (char *) "user", .path = l->userns_path };
		l->linux_ = (struct spec_linux) { .namespaces = &l->userns, .n_namespaces = 1 };
	}
	l->r.spec = &l->spec;
	l->r.bundle = c->record.bundle;
	l->r.path = c->record.rootfs;
	l->r.user_namespace = (l->flags & CLONE_NEWUSER) || !idmap_is_initial(l->r.proc_fd);
	l->r.mount_namespace = true;
	/* it is still the process whose namespaces were looked at */
	return proc_signal(l->pidfd, 0) < 0 ? error_say(err, ESRCH, "container '%s' has ended", c->id) : 0;
}

static int check(const struct mount_entry *e, struct error *err)
{
	if (str_eq(e->destination, "/"))
		return error_say(err, EINVAL, "the root of a running container cannot be exchanged");
	if (e->options.flags & MS_REMOUNT)
		return error_say(err, EINVAL, "option remount: only new mounts can be added");
	if (e->options.copy_symlink)
		return error_say(err, EINVAL, "option copy-symlink: only mounts can be added");
	if (!e->options.bind && (str_eq(e->spec->type, "cgroup") || str_eq(e->spec->type, "cgroup2")))
		return error_say(err, EINVAL, "cgroups cannot be mounted later; bind the directory that is wanted");
	return 0;
}

/* has_procfs - it shows the pid namespace of the process that makes it */
static bool has_procfs(const struct runtime_spec *spec)
{
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (str_eq(spec->mounts[i].type, "proc"))
			return true;
	return false;
}

/* open_sources - of bind mounts; with the privileges that the caller has where it is */
static int open_sources(struct live *l, struct error *err)
{
	l->r.privileged_parent = true;
	l->sources = xmalloc((l->spec.n_mounts + 1) * sizeof *l->sources);
	for (size_t i = 0; i < l->spec.n_mounts; i++)
		l->sources[i] = -1;
	for (size_t i = 0; i < l->spec.n_mounts; i++) {
		struct mount_entry e cleanup_mount_entry = { 0 };
		int r = mount_entry_parse(&l->r, i, &e, err);
		if (r == 0)
			r = check(&e, err);
		if (r < 0)
			return error_wrap(err, "mount at \"%s\"", l->spec.mounts[i].destination);
		if (!e.options.bind)
			continue;
		r = rootfs_source(&l->r, i, err);
		if (r < 0)
			return r;
		l->sources[i] = r;
	}
	return 0;
}

/* ---- children ---- */

/* in_child - @run in a child; what it says becomes ours */
static int in_child(struct live *l, int (*run)(struct live *l, struct error *err), struct error *err)
{
	struct outcome *o = mmap(NULL, sizeof *o, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (o == MAP_FAILED)
		return error_set(err, errno, "share memory with a child");
	struct clone_request request = { .cgroup_fd = -1 };
	pid_t pid = clone_process(&request, err);
	if (pid == 0) {
		int r = run(l, &o->error);
		o->result = r;
		o->told = true;
		_exit(0);
	}
	int r = pid < 0 ? pid : proc_wait(pid);
	if (pid > 0 && r >= 0) {
		r = o->told ? o->result : error_say(err, EPIPE, "the process that went into the container was ended");
		if (o->told && r < 0 && err)
			*err = o->error;
	}
	(void) munmap(o, sizeof *o);
	return r;
}

static int become_root(struct error *err)
{
	if ((setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) && errno != EINVAL)
		return error_set(err, errno, "become root of the user namespace");
	return 0;
}

/* enter - @flags: those namespaces of the container */
static int enter(struct live *l, int flags, struct error *err)
{
	if (setns(l->pidfd, flags) < 0)
		return error_set(err, errno, "enter the container's namespaces");
	int r = l->flags & CLONE_NEWUSER ? become_root(err) : 0;
	(void) prctl(PR_SET_DUMPABLE, 0);	/* other credentials may have brought it back */
	if (r < 0)
		return r;
	/* the namespace's root, not the one that init may have changed to */
	l->r.fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return l->r.fd < 0 ? error_set(err, errno, "open the container's root") : 0;
}

/* give_source - rootfs.h: what open_sources() opened */
static int give_source(void *context, size_t index, struct error *err)
{
	struct live *l = context;
	return l->sources[index] >= 0 ? take_fd(l->sources[index]) : error_set(err, ENOENT, "the source of a mount");
}

static int attach(struct live *l, struct error *err)
{
	l->r.ask = give_source;
	l->r.ask_context = l;
	l->r.sources_outside = true;
	return rootfs_add_mounts(&l->r, err);
}

/* add - in a child. Who is not root may clone the sources only in the container's user namespace, where a copy of the
 * host's mounts is still to be had. */
static int add(struct live *l, struct error *err)
{
	(void) prctl(PR_SET_DUMPABLE, 0);
	bool procfs = (l->flags & CLONE_NEWPID) && has_procfs(&l->spec);
	int flags = procfs ? l->flags : l->flags & ~CLONE_NEWPID;
	if (geteuid() != 0 && (flags & CLONE_NEWUSER)) {
		if (setns(l->pidfd, CLONE_NEWUSER) < 0 || unshare(CLONE_NEWNS) < 0)
			return error_set(err, errno, "enter the container's user namespace");
		flags &= ~CLONE_NEWUSER;
	}
	int r = open_sources(l, err);
	if (r == 0)
		r = enter(l, flags, err);
	if (r < 0)
		return r;
	return procfs ? in_child(l, attach, err) : attach(l, err);
}

static int remove_one(const struct live *l, const char *destination, struct error *err)
{
	char name[32];
	struct statx st;
	cleanup_free char *path = fs_clean_path(destination);
	if (str_eq(path, "/"))
		return error_say(err, EINVAL, "the root of a running container cannot be removed");
	cleanup_close int fd = fs_open_beneath(l->r.fd, path, O_PATH, 0, err);
	if (fd < 0)
		return fd;
	if (statx(fd, "", AT_EMPTY_PATH, 0, &st) < 0)
		return error_set(err, errno, "look at it");
	if ((st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) && !(st.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return error_say(err, EINVAL, "nothing is mounted there");
	/* through the fd: the name may mean something else by now */
	if (fchdir(l->r.proc_fd) < 0)
		return error_set(err, errno, "enter /proc");
	snprintf(name, sizeof name, "self/fd/%d", fd);
	if (umount2(name, MNT_DETACH) == 0)
		return 0;
	int code = errno;
	error_set(err, code, "unmount it");
	if (code == EINVAL && l->r.user_namespace)
		error_hint(err, "it came with the mount that it lies on, or is none");
	return -code;
}

/* remove_all - in a child */
static int remove_all(struct live *l, struct error *err)
{
	(void) prctl(PR_SET_DUMPABLE, 0);
	int entered = enter(l, l->flags & ~CLONE_NEWPID, err);
	if (entered < 0)
		return entered;
	for (size_t i = l->spec.n_mounts; i-- > 0;) {
		int r = remove_one(l, l->spec.mounts[i].destination, err);
		if (r < 0)
			return error_wrap(err, "mount at \"%s\"", l->spec.mounts[i].destination);
	}
	return 0;
}

/* ---- both ---- */

int mount_live_add(const struct container *c, const struct spec_mounts *list, struct error *err)
{
	struct live l cleanup_live = LIVE_INIT;
	int r = open_container(&l, c, list, err);
	return r < 0 ? r : in_child(&l, add, err);
}

int mount_live_remove(const struct container *c, const struct spec_mounts *list, struct error *err)
{
	struct live l cleanup_live = LIVE_INIT;
	int r = open_container(&l, c, list, err);
	return r < 0 ? r : in_child(&l, remove_all, err);
}
