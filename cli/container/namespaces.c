#include "namespaces.h"
#include "../network/mode.h"
#include "cleanup.h"
#include "fs.h"
#include "lists.h"
#include "proc.h"
#include "record.h"
#include "runtime.h"
#include "socket.h"
#include "str.h"
#include "userns.h"
#include <linux/nsfs.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define T struct record_namespaces
const struct json_type record_namespaces_type = JSON_TYPE(T, JSON_FIELD(T, pid, "pid"), JSON_FIELD(T, ipc, "ipc"), JSON_FIELD(T, uts, "uts"),
	JSON_FIELD(T, cgroup, "cgroup"));
#undef T

static const char other[] = "container:";

/* ---- options ---- */

static int parse(const char *option, const char *word, const char *const *modes, struct pool *pool, char **ret, struct error *err)
{
	*ret = NULL;
	if (str_empty(word))
		return 0;
	const char *name = str_after(word, other);
	if (name ? !*name : !strings_have((char *const *) modes, word)) {
		const char *near = name ? NULL : str_nearest(word, modes);
		return error_say(err, EINVAL, "%s '%s': %s%s%s%s", option, word, near ? "did you mean '" : "give private, host or container:NAME",
				 near ? near : "", near ? "'?" : "", !near && strings_have((char *const *) modes, "none") ?
				 "; there are shareable and none as well" : "");
	}
	if (strcmp(word, "private") != 0 || strcmp(option, "--ipc") == 0)
		*ret = pool_strdup(pool, word);
	return 0;
}

int namespaces_to_record(const struct namespace_options *o, const char *hostname, struct pool *pool, struct record_namespaces *ret,
			 struct error *err)
{
	static const char *const usual[] = { "private", "host", NULL }, *const of_ipc[] = { "private", "host", "shareable", "none", NULL };
	struct record_namespaces n;
	int r = parse("--pid", o->pid, usual, pool, &n.pid, err);
	r = r < 0 ? r : parse("--ipc", o->ipc, of_ipc, pool, &n.ipc, err);
	r = r < 0 ? r : parse("--uts", o->uts, usual, pool, &n.uts, err);
	r = r < 0 ? r : parse("--cgroupns", o->cgroup, usual, pool, &n.cgroup, err);
	if (r == 0 && hostname && n.uts)
		r = error_say(err, EINVAL, "--hostname with --uts %s would rename %s; leave one out", n.uts,
			      strcmp(n.uts, "host") == 0 ? "the host" : "the other container");
	if (r == 0)
		*ret = n;
	return r;
}

static int resolve(const struct carrier *c, const char *option, char **mode, struct pool *pool, struct error *err)
{
	struct container found cleanup_container = CONTAINER_NONE;
	const char *name = *mode ? str_after(*mode, other) : NULL;
	if (!name)
		return 0;
	int r = record_find(c, name, false, &found, err);
	if (r < 0)
		return error_wrap(err, "%s", option);
	*mode = pool_printf(pool, "%s%s", other, found.record.id);
	return 0;
}

/* check_netns - nsfs knows of which kind a namespace is: ioctl_ns(2) */
static int check_netns(const char *mode, struct error *err)
{
	const char *path = network_argument(mode);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return error_set(err, errno, "--network: open '%s'", path);
	return ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET ? 0 : error_say(err, EINVAL, "--network: '%s' is not a network namespace, such as `ip netns add` "
									"makes", path);
}

int namespaces_resolve(const struct carrier *c, struct record_namespaces *n, char **network, struct pool *pool, struct error *err)
{
	int r = resolve(c, "--pid", &n->pid, pool, err);
	r = r < 0 ? r : resolve(c, "--ipc", &n->ipc, pool, err);
	r = r < 0 ? r : resolve(c, "--uts", &n->uts, pool, err);
	r = r < 0 ? r : resolve(c, "--cgroupns", &n->cgroup, pool, err);
	r = r < 0 ? r : resolve(c, "--network", network, pool, err);
	return r == 0 && *network && network_kind(*network) == NETWORK_NS ? check_netns(*network, err) : r;
}

/* ---- the others ---- */

static int find(const struct carrier *c, const char *option, const char *mode, pid_t *ret, struct error *err)
{
	struct container found cleanup_container = CONTAINER_NONE;
	const char *id = mode ? str_after(mode, other) : NULL;
	if (!id)
		return 0;
	int r = record_find(c, id, false, &found, err);
	if (r < 0)
		return error_wrap(err, "%s", option);
	if (!record_runs(&found))
		return error_say(err, ESRCH, "%s: container %s does not run: start it first", option, found.record.name);
	const char *ipc = strcmp(option, "--ipc") == 0 ? found.record.namespaces.ipc : NULL;
	if (str_eq(ipc, "private") || str_eq(ipc, "none"))
		return error_say(err, EPERM, "--ipc: container %s does not share its own: it was made with --ipc %s; with --ipc shareable it can "
				 "be joined", found.record.name, ipc);
	*ret = (pid_t) found.status.pid;
	return 0;
}

int namespaces_find(const struct carrier *c, const struct record *r, struct namespace_pids *ret, struct error *err)
{
	const struct record_namespaces *n = &r->namespaces;
	int result = find(c, "--pid", n->pid, &ret->pid, err);
	result = result < 0 ? result : find(c, "--ipc", n->ipc, &ret->ipc, err);
	result = result < 0 ? result : find(c, "--uts", n->uts, &ret->uts, err);
	result = result < 0 ? result : find(c, "--network", r->network, &ret->network, err);
	result = result < 0 ? result : find(c, "--userns", r->users.userns, &ret->user, err);
	return result < 0 ? result : find(c, "--cgroupns", n->cgroup, &ret->cgroup, err);
}

static pid_t any(const struct namespace_pids *p)
{
	return p->user ? p->user : p->pid ? p->pid : p->ipc ? p->ipc : p->uts ? p->uts : p->cgroup ? p->cgroup : p->network;
}

/* read_map - the ids of the user namespace that we are in now */
static void read_map(const char *path, struct idmap *ret)
{
	struct strings lines cleanup_strings = { 0 };
	cleanup_free char *text = NULL;
	if (fs_read_file(AT_FDCWD, path, 1 << 16, &text, NULL, NULL) == 0)
		strings_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		unsigned inside, outside, size;
		if (sscanf(lines.v[i], "%u %u %u", &inside, &outside, &size) == 3)
			idmap_add(ret, inside, outside, size);
	}
}

/* check_same_user - one process can be in one user namespace only */
static int check_same_user(const struct namespace_pids *others, struct error *err)
{
	const pid_t pids[] = { others->pid, others->ipc, others->uts, others->cgroup, others->user, others->network };
	struct stat first, st;
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/ns/user", (int) any(others));
	if (stat(path, &first) < 0)
		return error_set(err, errno, "look at '%s'", path);
	for (size_t i = 0; i < sizeof pids / sizeof *pids; i++) {
		snprintf(path, sizeof path, "/proc/%d/ns/user", (int) pids[i]);
		if (pids[i] && stat(path, &st) < 0)
			return error_set(err, errno, "look at '%s'", path);
		if (pids[i] && st.st_ino != first.st_ino)
			return error_say(err, EINVAL, "container:NAME with different containers: each has a user namespace of its own, "
					 "and an ordinary user's container can be in one only; give the same container everywhere");
	}
	return 0;
}

/* enter_world - of the others, or the one of this user's named networks: there the others must be, too */
static int enter_world(const struct record *r, const struct namespace_pids *others, int user_fd, struct error *err)
{
	int result = user_fd < 0 ? check_same_user(others, err) : userns_enter_fd(user_fd, r->process.keep_groups, err);
	if (result == 0 && user_fd < 0)
		/* files of a container with ids of its own are mounted from the namespace around: there its monitor is */
		return userns_enter(any(others), others->user && users_mapped(r), err);
	const pid_t pids[] = { others->pid, others->ipc, others->uts, others->cgroup, others->user };
	for (size_t i = 0; result == 0 && i < sizeof pids / sizeof *pids; i++)
		if (pids[i] && !userns_is_within(pids[i]))
			return error_say(err, EINVAL, "container:NAME together with a named network: an ordinary user's containers on named networks "
					 "share a user namespace, and that container is not in it: give it a named network, too");
	return result;
}

int namespaces_world(const struct carrier *c, const struct record *r, const struct namespace_pids *others, int user_fd, struct idmap *uids,
		     struct idmap *gids, struct error *err)
{
	int flags = CLONE_NEWNS | (r->process.keep_groups ? USERNS_KEEP_GROUPS : 0);
	if (user_fd < 0 && (!c->rootless || !any(others)))
		return userns_become_root(flags, uids, gids, err);
	int result = enter_world(r, others, user_fd, err);
	if (result < 0)
		return result;
	if (unshare(CLONE_NEWNS) < 0)
		return error_set(err, errno, "make a mount namespace");
	read_map("/proc/self/uid_map", uids);
	read_map("/proc/self/gid_map", gids);
	return 0;
}

int namespaces_find_again(const struct carrier *c, const struct record *r, struct namespace_pids *others, struct error *err)
{
	struct namespace_pids now = { 0 };
	int result = namespaces_find(c, r, &now, err);
	if (result < 0 || memcmp(&now, others, sizeof now) == 0)
		return result;
	const pid_t pids[] = { now.pid, now.ipc, now.uts, now.cgroup, now.user, now.network };
	for (size_t i = 0; c->rootless && i < sizeof pids / sizeof *pids; i++)
		if (pids[i] && !userns_is_within(pids[i]))
			return error_say(err, EPERM, "the container whose namespaces it shares was started anew, in a user namespace that "
					 "cannot be entered from here: `carrier restart %s`", r->name);
	*others = now;
	return 1;
}

/* ---- /dev/shm ---- */

/* send_shm - in the other's mount namespace: a detached copy of its mount goes through the socket */
static int send_shm(pid_t pid, int socket, struct error *err)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int) pid);
	cleanup_close int ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNS) < 0)
		return error_set(err, errno, "enter the mount namespace of process %d", (int) pid);
	cleanup_close int tree = (int) syscall(SYS_open_tree, AT_FDCWD, "/dev/shm", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return error_set(err, errno, "copy the mount on its /dev/shm");
	return socket_send(socket, "", 1, tree);
}

int namespaces_stage(const struct container *c, const struct namespace_pids *others, struct error *err)
{
	int ends[2], tree_fd = -1;
	if (!others->ipc)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, errno, "create a socket pair");
	cleanup_close int ours = ends[0], theirs = ends[1];
	pid_t pid = fork();
	if (pid < 0)
		return error_set(err, errno, "make a process");
	if (pid == 0) {
		struct error why = { 0 };
		int r = send_shm(others->ipc, theirs, &why);
		if (r < 0)
			(void) socket_send(theirs, &why, sizeof why, -1);
		_exit(0);
	}
	close_fd(&theirs);
	struct error why = { 0 };
	ssize_t n = socket_receive(ours, &why, sizeof why, &tree_fd);
	cleanup_close int tree = tree_fd;
	(void) proc_wait(pid);
	if (tree < 0)
		return error_say(err, n == (ssize_t) sizeof why ? why.code : EPIPE, "--ipc: %s", n == (ssize_t) sizeof why ? why.text :
				 "the process that enters the other container ended early");
	if (mkdirat(c->dir_fd, "shm", 0755) < 0 && errno != EEXIST)
		return error_set(err, errno, "make '%s/shm'", c->dir);
	cleanup_free char *path = xasprintf("%s/shm", c->dir);
	(void) umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);	/* of the last start; EINVAL: there was none */
	if (syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_set(err, errno, "mount the other container's /dev/shm on '%s'", path);
	return 0;
}

/* ---- config.json ---- */

bool namespaces_own_uts(const struct record_namespaces *n) { return !n->uts; }

bool namespaces_network_first(const struct record *r) { return network_is_helped(r->network) && !users_mapped(r); }

void namespaces_to_spec(const struct container *c, const struct namespace_pids *others, struct pool *pool, struct spec_linux *l)
{
	const struct record_namespaces *n = &c->record.namespaces;
	const char *network = c->record.network;
	const struct { const char *type, *mode, *file; pid_t pid; } rows[] = {
		{ "pid", n->pid, "pid", others->pid }, { "ipc", n->ipc, "ipc", others->ipc }, { "uts", n->uts, "uts", others->uts },
		{ "mount", NULL, "mnt", 0 }, { "cgroup", n->cgroup, "cgroup", others->cgroup },
		{ "network", network_kind(network) == NETWORK_HOST ? "host" : NULL, "net", others->network },
	};
	l->namespaces = pool_alloc(pool, sizeof rows / sizeof *rows * sizeof *l->namespaces);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (str_eq(rows[i].mode, "host"))
			continue;
		struct spec_namespace *ns = &l->namespaces[l->n_namespaces++];
		ns->type = pool_strdup(pool, rows[i].type);
		if (rows[i].pid)
			ns->path = pool_printf(pool, "/proc/%d/ns/%s", (int) rows[i].pid, rows[i].file);
		else if (strcmp(rows[i].type, "network") == 0 && network_kind(network) == NETWORK_NS)
			ns->path = pool_strdup(pool, network_argument(network));
		else if (strcmp(rows[i].type, "network") == 0 && namespaces_network_first(&c->record))
			ns->path = pool_printf(pool, "%s/" NAMESPACE_NETWORK, c->dir);
	}
}

static void set_bind(struct spec_mount *m, const char *source, const char *options, struct pool *pool)
{
	m->type = pool_strdup(pool, "bind");
	m->source = pool_strdup(pool, source);
	m->options = list_words(pool, options);
}

bool namespaces_mount(const struct container *c, bool rootless, struct pool *pool, struct spec_mount *m)
{
	const struct record_namespaces *n = &c->record.namespaces;
	bool shm = strcmp(m->destination, "/dev/shm") == 0, host_ipc = str_eq(n->ipc, "host");
	if (shm && str_eq(n->ipc, "none"))
		return false;
	if (shm && host_ipc)
		set_bind(m, "/dev/shm", "bind nosuid noexec nodev rprivate", pool);
	else if (shm && n->ipc && str_starts(n->ipc, other))
		set_bind(m, pool_printf(pool, "%s/shm", c->dir), "bind nosuid noexec nodev rprivate", pool);
	/* these file systems are mounted anew only by who owns the namespace */
	if (rootless && host_ipc && strcmp(m->destination, "/dev/mqueue") == 0) {
		if (access("/dev/mqueue", F_OK) < 0)
			return false;
		set_bind(m, "/dev/mqueue", "bind nosuid noexec nodev rprivate", pool);
	}
	if (rootless && str_eq(n->pid, "host") && strcmp(m->destination, "/proc") == 0)
		set_bind(m, "/proc", "rbind nosuid noexec nodev rprivate", pool);
	return true;
}
