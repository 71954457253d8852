/* The holder's life: making U and N, the helper, waiting, the end. */
#include "holder_impl.h"
#include "../container/apart.h"
#include "../container/life.h"
#include "../container/memory.h"
#include "../container/userns.h"
#include "cleanup.h"
#include "fs.h"
#include "link.h"
#include "netns.h"
#include "network.h"
#include "proc.h"
#include "str.h"
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { MOUNTS_MAX = 64 << 20 };

struct holder {
	struct holder_made *made;
	struct network_helper helper;
	int64_t started_ms, delay_ms, due_ms;	/* of the helper: when it was started last, waited last, and is to be started; 0: it runs */
	char lost[sizeof ((struct error *) 0)->text];
};

/* ---- a process of its own ---- */

/* keep_only - of what the monitor has open, only ours, N first */
static void keep_only(struct holder_made *m)
{
	int *const ours[] = { &m->net_fd, &m->dir_fd, &m->members_fd, &m->lock_fd, &m->user_fd, &m->answer_fd };
	apart_keep(ours, sizeof ours / sizeof *ours, HOLDER_NET_FD);
}

/* leave_mounts - a monitor that makes a new holder has its container's files mounted: in a mount namespace of our own they are not */
static void leave_mounts(const char *root)
{
	cleanup_free char *text = NULL;
	struct strings lines cleanup_strings = { 0 };
	if (unshare(CLONE_NEWNS) < 0 || fs_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTS_MAX, &text, NULL, NULL) < 0)
		return;
	strings_split(&lines, text, "\n");
	for (size_t i = lines.n; i-- > 0;) {
		char place[4096];
		const char *rest = sscanf(lines.v[i], "%*s %*s %*s %*s %4095s", place) == 1 ? str_after(place, root) : NULL;
		if (rest && *rest == '/')
			(void) umount2(place, MNT_DETACH);
	}
}

/* ---- U and N ---- */

static int make_world(struct holder_made *m, struct error *err)
{
	bool over = m->net_fd >= 0;
	/* with a flag it makes a user namespace also for root of a container that may make no other; we need none of the kind */
	int r = over ? userns_enter_fd(m->user_fd, false, err) : userns_become_root(CLONE_NEWUTS, NULL, NULL, err);
	if (r < 0)
		return r;
	if (over) {
		leave_mounts(m->carrier->root);
		return 0;
	}
	/* a route that was learnt would go when N begins to forward, and keep ours from being made meanwhile */
	int fd = netns_make(false, err);
	m->net_fd = fd < 0 ? -1 : dup3(fd, HOLDER_NET_FD, O_CLOEXEC);
	if (fd >= 0 && fd != HOLDER_NET_FD)
		(void) close(fd);
	return fd < 0 ? fd : m->net_fd < 0 ? error_set(err, errno, "keep a network namespace") : 0;
}

static int save_state(const struct holder *h, struct error *err)
{
	struct holder_state s = { .boot_id = (char *) (uintptr_t) proc_boot_id(), .pid = getpid(), .helper = (char *) (uintptr_t) h->helper.name,
				  .helper_pid = h->helper.pid > 0 ? h->helper.pid : 0, .lost = *h->lost ? (char *) (uintptr_t) h->lost : NULL };
	(void) proc_start_time(getpid(), &s.start_time);
	size_t len;
	cleanup_free char *text = json_encode(&holder_state_type, &s, JSON_COMPACT, &len);
	return fs_replace_file(h->made->dir_fd, HOLDER_STATE, text, len, 0600, false, err);
}

/* ---- the helper ---- */

static void plan_helper(struct holder *h)
{
	int64_t now = now_ms(), lived = h->started_ms ? now - h->started_ms : 0;
	h->delay_ms = restart_delay_ms(h->delay_ms, lived);
	h->due_ms = now + h->delay_ms;
}

/* give_six - slirp4netns would have N wait for a router's advertisement, and then for somebody who has the address already: seconds */
static int give_six(void *ctx, struct error *err)
{
	cleanup_netlink struct netlink nl = NETLINK_INIT;
	const int *net_fd = ctx;
	struct address ours, router;
	if (access("/proc/sys/net/ipv6", F_OK) < 0)
		return 0;
	(void) address_parse("fd00::100", &ours);
	(void) address_parse("fd00::2", &router);
	if (setns(*net_fd, CLONE_NEWNET) < 0)
		return error_set(err, errno, "enter the network namespace of this user's networks");
	int r = netlink_open(NETLINK_ROUTE, -1, &nl, err);
	int tap = r < 0 ? r : link_find(&nl, "tap0", err);
	r = tap < 0 ? tap : link_address(&nl, tap, &ours, 64, err);
	return r < 0 ? r : link_default(&nl, tap, &router, err);
}

/* begin_helper - as for `private` without ports, and where that is slirp4netns, with IPv6 */
static int begin_helper(struct holder *h, struct error *err)
{
	struct network_request q = { .dir_fd = h->made->dir_fd };
	bool slirp = str_eq(network_helper_name(&q), "slirp4netns");
	if (slirp)
		q.mode = "slirp4netns:enable_ipv6=true";
	int r = network_start(&q, h->made->net_fd, &h->helper, err);
	r = r < 0 ? r : network_wait(&q, &h->helper, err);
	return r == 0 && slirp ? apart_run(give_six, &h->made->net_fd, err) : r;
}

static int start_helper(struct holder *h, struct error *err)
{
	h->started_ms = now_ms();
	h->due_ms = 0;
	int r = begin_helper(h, err);
	if (r < 0) {
		snprintf(h->lost, sizeof h->lost, "%s", err->text);
		network_stop(&h->helper);
		plan_helper(h);
	} else {
		*h->lost = 0;
	}
	(void) save_state(h, NULL);
	return r;
}

static void lose_helper(struct holder *h)
{
	snprintf(h->lost, sizeof h->lost, "%s ended: it is started again", h->helper.name);
	network_stop(&h->helper);
	plan_helper(h);
	(void) save_state(h, NULL);
}

/* ---- waiting ---- */

static bool is_alone(const struct holder *h)
{
	struct pollfd p = { .fd = h->made->members_fd };
	return poll(&p, 1, 0) > 0 && p.revents & POLLHUP;
}

/* leave - before the lock is let go, as a process that ends lets go of its files in no order: who has it then must find no reader any more */
static void leave(struct holder_made *m)
{
	(void) unlinkat(m->dir_fd, HOLDER_STATE, 0);
	close_fd(&m->members_fd);
}

/* end - unless somebody has become a member meanwhile; who waits for the lock finds no holder behind it */
static void end(struct holder *h)
{
	cleanup_close int lock_fd = holder_lock(h->made->dir_fd, NULL);
	(void) lock_fd;		/* without it the directory was removed, and nobody can become one */
	if (!is_alone(h))
		return;
	network_stop(&h->helper);
	leave(h->made);
	_exit(0);
}

/* hasten - a new member needs the world: a helper that is waited with is tried at once */
static void hasten(struct holder *h)
{
	char words[4096];
	(void) !read(h->made->members_fd, words, sizeof words);
	if (h->due_ms) {
		h->delay_ms = 0;
		h->due_ms = now_ms();
	}
}

static void serve(struct holder *h)
{
	for (;;) {
		struct pollfd p[] = { { .fd = h->made->members_fd, .events = POLLIN }, { .fd = h->helper.pidfd, .events = POLLIN } };
		int64_t now = now_ms();
		int n = poll(p, 2, !h->due_ms ? -1 : h->due_ms > now ? (int) (h->due_ms - now) : 0);
		if (n > 0 && p[0].revents & POLLIN)
			hasten(h);
		if (n > 0 && p[0].revents & POLLHUP)
			end(h);
		if (n > 0 && p[1].revents)
			lose_helper(h);
		if (h->due_ms && now_ms() >= h->due_ms)
			(void) start_helper(h, &(struct error) { 0 });
	}
}

static void answer(const struct holder_made *m, const struct error *err)
{
	if (fs_write_all(m->answer_fd, err, sizeof *err) < 0 && err->code)
		_exit(1);
}

_Noreturn void holder_live(struct holder_made *m)
{
	struct holder h = { .made = m, .helper = NETWORK_HELPER_NONE };
	struct error err = { 0 };
	sigset_t set;
	sigemptyset(&set);
	keep_only(m);
	(void) setsid();
	(void) !chdir("/");
	(void) signal(SIGTERM, SIG_DFL);
	(void) signal(SIGPIPE, SIG_IGN);	/* who made us may be gone */
	(void) sigprocmask(SIG_SETMASK, &set, NULL);
	(void) prctl(PR_SET_NAME, "carrier-holder");
	(void) prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	bool over = m->net_fd >= 0;
	int r = make_world(m, &err);
	close_fd(&m->user_fd);
	(void) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);	/* newuidmap(1) has done its work */
	/* members find N by our /proc/PID */
	if (r == 0 && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		r = error_set(&err, errno, "show the network namespace to others of this user");
	r = r < 0 ? r : save_state(&h, &err);
	if (r < 0)
		close_fd(&m->members_fd);
	answer(m, &err);
	if (r < 0)
		_exit(1);
	if (over)
		close_fd(&m->lock_fd);
	r = start_helper(&h, &err);
	if (r == 0 || !m->world)
		err = (struct error) { 0 };
	answer(m, &err);
	if (r < 0 && m->world) {
		leave(m);
		_exit(1);
	}
	close_fd(&m->answer_fd);
	close_fd(&m->lock_fd);
	memory_give_back();
	serve(&h);
	_exit(0);
}
