/* Being a member: joining, mending, visiting. The FIFO is opened for writing under the lock and without waiting: ENXIO means that nobody
 * reads, so there is no holder. Who makes one opens the reading end first and hands it on, so at no instant is there a holder without a member. */
#include "holder_impl.h"
#include "../container/apart.h"
#include "../container/userns.h"
#include "cleanup.h"
#include "fs.h"
#include "leases.h"
#include "networks.h"
#include "proc.h"
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char fifo[] = "members";
enum { STATE_MAX = 1 << 16 };

#define T struct holder_state
const struct json_type holder_state_type = JSON_TYPE(T, JSON_REQUIRED(T, boot_id, "bootId"), JSON_REQUIRED(T, pid, "pid"),
	JSON_REQUIRED(T, start_time, "startTime"), JSON_FIELD(T, helper, "helper"), JSON_FIELD(T, helper_pid, "helperPid"),
	JSON_FIELD(T, lost, "lost"));
#undef T

/* ---- the place ---- */

static int open_place(const struct carrier *c, bool make, struct error *err)
{
	cleanup_free char *path = xasprintf("%s/network", c->runroot);
	int r = make ? fs_mkdir_all(AT_FDCWD, path, 0700, err) : 0;
	int fd = r < 0 ? r : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && fd < 0)
		return error_set(err, errno, "open '%s'", path);
	if (r == 0 && make && mkfifoat(fd, fifo, 0600) < 0 && errno != EEXIST) {
		r = error_set(err, errno, "make '%s/%s'", path, fifo);
		(void) close(fd);
	}
	return r < 0 ? r : fd;
}

int holder_lock(int dir_fd, struct error *err)
{
	cleanup_close int fd = openat(dir_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fs_lock(fd, true, true);
	return r < 0 ? error_set(err, -r, "lock the networks of this user") : take_fd(fd);
}

/* ---- who has U and N ---- */

/* struct keeper - a process in U that has N open */
struct keeper { int user_fd, net_fd; };
#define KEEPER_NONE { .user_fd = -1, .net_fd = -1 }

static void keeper_done(struct keeper *k)
{
	close_fd(&k->user_fd);
	close_fd(&k->net_fd);
}

/* open_keeper - -ESRCH: it is gone */
static int open_keeper(pid_t pid, uint64_t start_time, struct keeper *ret, struct error *err)
{
	cleanup_close int pidfd = proc_open(pid, start_time);
	if (pidfd < 0)
		return error_set(err, -pidfd, "find process %d, which keeps the network namespace of this user", (int) pid);
	cleanup_free char *user = xasprintf("/proc/%d/ns/user", (int) pid), *net = xasprintf("/proc/%d/fd/%d", (int) pid, HOLDER_NET_FD);
	struct keeper k CLEANUP(keeper_done) = { .user_fd = open(user, O_RDONLY | O_CLOEXEC) };
	k.net_fd = k.user_fd < 0 ? -1 : open(net, O_RDONLY | O_CLOEXEC);
	if (k.net_fd < 0)
		return error_set(err, errno == ENOENT ? ESRCH : errno, "open '%s'", k.user_fd < 0 ? user : net);
	*ret = k;
	k = (struct keeper) KEEPER_NONE;
	return 0;
}

static int find_holder(int dir_fd, struct keeper *ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	cleanup_free char *text = NULL;
	struct holder_state *s;
	size_t len;
	int r = fs_read_file(dir_fd, HOLDER_STATE, STATE_MAX, &text, &len, err);
	r = r < 0 ? r : json_decode(&holder_state_type, text, len, &pool, &s, err);
	if (r == 0 && !str_eq(s->boot_id, proc_boot_id()))
		r = error_say(err, ESRCH, "the holder of this user's networks was of another boot");
	return r < 0 ? r : open_keeper((pid_t) s->pid, s->start_time, ret, err);
}

/* find_keeper - a process that answers names. Return: 0 also when there is none */
static int find_keeper(const struct carrier *c, struct keeper *ret, struct error *err)
{
	struct network *list;
	size_t n;
	int r = network_list(c, &list, &n, err);
	for (size_t i = 0; i < n && ret->net_fd < 0; i++) {
		cleanup_leases struct leases l = { 0 };
		cleanup_close int dir_fd = network_open(c, list[i].record.name, NULL);
		if (dir_fd < 0 || leases_read(dir_fd, &l, NULL) < 0)
			continue;
		for (size_t k = 0; k < l.n && ret->net_fd < 0; k++)
			if (l.list[k].keeper)
				(void) open_keeper((pid_t) l.list[k].keeper, l.list[k].keeper_start, ret, NULL);
	}
	network_list_free(list, n);
	return r;
}

/* ---- making a holder ---- */

/* read_answer - a holder that ends without one was killed */
static int read_answer(int fd, struct error *err)
{
	struct error answer;
	ssize_t n = fs_read_all(fd, &answer, sizeof answer);
	if (n != (ssize_t) sizeof answer)
		return error_say(err, ECANCELED, "the process that holds the networks of this user ended early");
	return answer.code ? error_say(err, answer.code, "%s", answer.text) : 0;
}

/* make_holder - the lock is held; @members_fd: the reading end */
static int make_holder(const struct carrier *c, int dir_fd, int lock_fd, int members_fd, const struct keeper *from, bool world, int *ret_ready_fd,
			 struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "make a pipe");
	cleanup_close int ours = ends[0], theirs = ends[1];
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		return error_set(err, errno, "start the process that holds the networks of this user");
	if (pid == 0) {
		struct holder_made made = { .carrier = c, .dir_fd = dir_fd, .lock_fd = lock_fd, .members_fd = members_fd, .user_fd = from->user_fd,
					    .net_fd = from->net_fd, .answer_fd = theirs, .world = world };
		holder_live(&made);
	}
	close_fd(&theirs);
	int r = read_answer(ours, err);
	if (r < 0) {
		(void) proc_wait(pid);
		return r;
	}
	*ret_ready_fd = take_fd(ours);
	return 0;
}

int holder_wait(struct holder_member *m, struct error *err)
{
	if (m->ready_fd < 0)
		return 0;
	int r = read_answer(m->ready_fd, err);
	close_fd(&m->ready_fd);
	return r;
}

/* make_first - nobody reads the FIFO: a holder, of what a keeper has or of new namespaces, and us as its member */
static int make_first(const struct carrier *c, int dir_fd, int lock_fd, bool world, struct holder_member *m, struct keeper *k, struct error *err)
{
	cleanup_close int reading = openat(dir_fd, fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	m->members_fd = reading < 0 ? -1 : openat(dir_fd, fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (m->members_fd < 0)
		return error_set(err, errno, "open '%s/network/%s'", c->runroot, fifo);
	struct keeper from CLEANUP(keeper_done) = KEEPER_NONE;
	int r = find_keeper(c, &from, err);
	r = r < 0 ? r : make_holder(c, dir_fd, lock_fd, reading, &from, world, &m->ready_fd, err);
	if (r < 0)
		return r;
	struct error why = { 0 };
	r = find_holder(dir_fd, k, &why);
	int waited = r < 0 ? holder_wait(m, err) : 0;	/* its helper could not be started, and it has ended already: so says this */
	if (waited < 0)
		return waited;
	return r < 0 ? error_say(err, -r, "%s", why.text) : 0;
}

int holder_join(const struct carrier *c, bool world, struct holder_member *ret, struct error *err)
{
	struct holder_member m CLEANUP(holder_leave) = HOLDER_MEMBER_NONE;
	struct keeper k CLEANUP(keeper_done) = KEEPER_NONE;
	cleanup_close int dir_fd = open_place(c, true, err);
	cleanup_close int lock_fd = dir_fd < 0 ? dir_fd : holder_lock(dir_fd, err);
	if (lock_fd < 0)
		return lock_fd;
	m.members_fd = openat(dir_fd, fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (m.members_fd < 0 && errno != ENXIO)
		return error_set(err, errno, "open '%s/network/%s'", c->runroot, fifo);
	int r = m.members_fd < 0 ? make_first(c, dir_fd, lock_fd, world, &m, &k, err) : find_holder(dir_fd, &k, err);
	if (r < 0)
		return r;
	if (world && m.ready_fd < 0)	/* a helper that is lost is tried again at once; without a reader nobody is there to do so */
		(void) !write(m.members_fd, "", 1);
	m.user_fd = take_fd(k.user_fd);
	m.net_fd = take_fd(k.net_fd);
	*ret = m;
	m = (struct holder_member) HOLDER_MEMBER_NONE;
	return 0;
}

void holder_leave(struct holder_member *m)
{
	close_fd(&m->net_fd);
	close_fd(&m->members_fd);
	close_fd(&m->user_fd);
	close_fd(&m->ready_fd);
}

/* ---- a holder that was killed ---- */

static bool is_lost(int members_fd)
{
	struct pollfd p = { .fd = members_fd };
	return poll(&p, 1, 0) > 0 && p.revents & POLLERR;
}

int holder_mend(const struct carrier *c, struct holder_member *m, struct error *err)
{
	cleanup_close int dir_fd = open_place(c, true, err);
	cleanup_close int lock_fd = dir_fd < 0 ? dir_fd : holder_lock(dir_fd, err);
	if (lock_fd < 0)
		return lock_fd;
	if (!is_lost(m->members_fd))	/* by another member */
		return 0;
	cleanup_close int reading = openat(dir_fd, fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct keeper from CLEANUP(keeper_done) = { .user_fd = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC),
						    .net_fd = fcntl(m->net_fd, F_DUPFD_CLOEXEC, 3) };
	if (reading < 0 || from.user_fd < 0 || from.net_fd < 0)
		return error_set(err, errno, "make a new holder of this user's networks");
	cleanup_close int ready_fd = -1;	/* its helper is not waited for: holder.json says how it fares */
	return make_holder(c, dir_fd, lock_fd, reading, &from, false, &ready_fd, err);
}

/* ---- jobs in N ---- */

struct visit { int user_fd, net_fd; int (*job)(void *ctx, struct error *err); void *ctx; };

static int enter(void *ctx, struct error *err)
{
	const struct visit *v = ctx;
	int r = v->user_fd < 0 ? 0 : userns_enter_fd(v->user_fd, false, err);
	if (r == 0 && setns(v->net_fd, CLONE_NEWNET) < 0)
		r = error_set(err, errno, "enter the network namespace of this user's networks");
	return r < 0 ? r : v->job(v->ctx, err);
}

int holder_run(const struct holder_member *m, int (*job)(void *ctx, struct error *err), void *ctx, struct error *err)
{
	struct visit v = { .user_fd = -1, .net_fd = m->net_fd, .job = job, .ctx = ctx };
	return m->net_fd < 0 ? job(ctx, err) : apart_run(enter, &v, err);
}

int holder_visit(const struct carrier *c, int (*job)(void *ctx, struct error *err), void *ctx, struct error *err)
{
	struct keeper k CLEANUP(keeper_done) = KEEPER_NONE;
	if (!c->rootless)
		return job(ctx, err);
	cleanup_close int dir_fd = open_place(c, false, NULL);
	if (dir_fd < 0 || find_holder(dir_fd, &k, NULL) < 0) {
		int r = find_keeper(c, &k, err);
		if (r < 0 || k.net_fd < 0)
			return r;
	}
	struct visit v = { .user_fd = k.user_fd, .net_fd = k.net_fd, .job = job, .ctx = ctx };
	return apart_run(enter, &v, err);
}
