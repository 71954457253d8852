/* Freezing and killing: through whichever hierarchy can do it. v1's freezer comes first where there is one, because that is
 * what `pause` of other runtimes uses and callers look at. */
#include "cleanup.h"
#include "driver.h"
#include "fs.h"
#include <signal.h>
#include <string.h>
#include <time.h>

enum { FREEZE_WAIT_US = 5000000, KILL_PASSES = 100 };

static void nap(long us)
{
	(void) nanosleep(&(struct timespec) { .tv_nsec = us * 1000 }, NULL);
}

static int put(const char *dir, const char *file, const char *word)
{
	cleanup_free char *path = xasprintf("%s/%s", dir, file);
	return fs_write_file(AT_FDCWD, path, word, NULL);
}

/* ---- freezing ---- */

/* v1: a write begins it, FREEZING says that some process is not stopped yet, perhaps because it has just been forked; another
 * write catches that one */
static int freeze_v1(const char *dir, bool freeze)
{
	const char *word = freeze ? "FROZEN" : "THAWED";
	for (long waited = 0, step = 50; waited < FREEZE_WAIT_US; waited += step) {
		int r = put(dir, "freezer.state", word);
		if (r == 0)
			r = tree_file_has(dir, "freezer.state", word);
		if (r != 0)
			return r < 0 ? r : 0;
		nap(step);
		step = step < 10000 ? step * 2 : step;
	}
	return -ETIMEDOUT;
}

static int freeze_v2(const char *dir, bool freeze)
{
	int r = put(dir, "cgroup.freeze", freeze ? "1" : "0");
	for (long waited = 0, step = 50; r == 0 && waited < FREEZE_WAIT_US; waited += step) {
		r = tree_file_has(dir, "cgroup.events", freeze ? "frozen 1" : "frozen 0");
		if (r != 0)
			return r < 0 ? r : 0;
		nap(step);
		step = step < 10000 ? step * 2 : step;
	}
	return r < 0 ? r : -ETIMEDOUT;
}

int cgroup_freeze(const struct cgroup *c, bool freeze, struct error *err)
{
	const char *what = freeze ? "freeze" : "thaw";
	const char *v1 = cgroup_dir(c, "freezer"), *v2 = cgroup_dir(c, "");
	if (!v1 && !v2)
		return error_say(err, EOPNOTSUPP, "cannot %s the container: it has no cgroup with a freezer", what);
	int r = v1 ? freeze_v1(v1, freeze) : freeze_v2(v2, freeze);
	if (r == 0)
		return 0;
	if (freeze)	/* half frozen is worse than running */
		(void) (v1 ? put(v1, "freezer.state", "THAWED") : put(v2, "cgroup.freeze", "0"));
	if (r == -ETIMEDOUT && !freeze)
		return error_say(err, ETIMEDOUT, "cannot thaw cgroup '%s': one above it is frozen", v1 ? v1 : v2);
	return r == -ENOENT ? error_say(err, ENOENT, "cannot %s cgroup '%s': it is gone, or has no freezer", what, v1 ? v1 : v2)
			    : error_set(err, -r, "%s cgroup '%s'", what, v1 ? v1 : v2);
}

void cgroup_thaw_process(pid_t pid)
{
	struct layout own cleanup_layout = { 0 }, its cleanup_layout = { 0 };
	char path[32];
	cleanup_free char *text = NULL;
	snprintf(path, sizeof path, "/proc/%d/cgroup", pid);
	if (fs_read_file(AT_FDCWD, path, 65536, &text, NULL, NULL) < 0 || layout_read(LAYOUT_LISTED, &own, NULL) < 0)
		return;
	layout_guess(text, &its);
	for (size_t i = 0; i < its.n; i++)
		for (size_t k = 0; k < own.n; k++) {
			const char *below = layout_below_mount(own.v[k].root, its.v[i].own);
			if (!below || !layout_has(its.v[i].name, "freezer") || strcmp(its.v[i].name, own.v[k].name) != 0)
				continue;
			cleanup_free char *dir = xasprintf("%s%s", own.v[k].mount, below);
			if (tree_file_has(dir, "freezer.state", "THAWED") == 0)
				(void) freeze_v1(dir, false);
		}
}

int cgroup_frozen(const struct cgroup *c)
{
	const char *v1 = cgroup_dir(c, "freezer"), *v2 = cgroup_dir(c, "");
	if (v1)
		return tree_file_has(v1, "freezer.state", "FROZEN");
	if (!v2)
		return 0;
	/* an empty cgroup that was told to freeze is frozen; a thawed one below a frozen one is, too */
	return tree_file_has(v2, "cgroup.events", "frozen 1");
}

/* ---- listing ---- */

/* members - where to look for the processes: v2 holds all that were cloned into it; of v1's the freezer, so that who is listed
 * and who is frozen are the same */
static const char *members(const struct cgroup *c, bool v1)
{
	static const char *const order[] = { "freezer", "pids", "devices", "memory", NULL };
	for (size_t i = 0; v1 && order[i]; i++) {
		const char *dir = cgroup_dir(c, order[i]);
		if (dir)
			return dir;
	}
	for (size_t i = 0; v1 && i < c->n; i++)
		if (c->h[i].dir && *c->h[i].name)
			return c->h[i].dir;
	return v1 ? NULL : cgroup_dir(c, "");
}

ssize_t cgroup_procs(const struct cgroup *c, pid_t **ret)
{
	const char *dir = members(c, false);
	if (!dir)
		dir = members(c, true);
	*ret = NULL;
	return dir ? tree_procs(dir, ret) : 0;
}

/* ---- killing ---- */

static bool have(const pid_t *list, ssize_t n, pid_t pid)
{
	for (ssize_t i = 0; i < n; i++)
		if (list[i] == pid)
			return true;
	return false;
}

/* signal_pass - one pass over the members that are not in @done; replaces @done by those that were seen.
 * Return: how many were new, or -errno */
static ssize_t signal_pass(const char *dir, int sig, pid_t **done, ssize_t *n_done)
{
	pid_t *pids = NULL;
	ssize_t n = tree_procs(dir, &pids), sent = 0;
	if (n < 0)
		return n == -ENOENT ? 0 : n;
	int failed = 0;
	for (ssize_t i = 0; i < n; i++) {
		if (have(*done, *n_done, pids[i]) || pids[i] == getpid())
			continue;
		if (kill(pids[i], sig) < 0 && errno != ESRCH)
			failed = errno;
		sent++;
	}
	free(*done);
	*done = pids;
	*n_done = n;
	return failed ? -failed : sent;
}

/* signal_all - who has SIGKILL pending cannot fork any more, so passes that find new processes come to an end, unless they
 * multiply faster than we list them; that is what freezing is for */
static int signal_all(const struct cgroup *c, const char *dir, int sig, bool dying)
{
	pid_t *done = NULL;
	ssize_t n_done = 0, sent = 1;
	bool frozen = cgroup_frozen(c) == 1;
	bool freeze = !frozen && !dying && cgroup_freeze(c, true, NULL) == 0;
	for (int pass = 0; sent > 0 && pass < (sig == SIGKILL ? KILL_PASSES : 1); pass++)
		sent = signal_pass(dir, sig, &done, &n_done);
	if (freeze || (frozen && sig == SIGKILL))
		(void) cgroup_freeze(c, false, NULL);
	free(done);
	return sent < 0 ? (int) sent : 0;
}

/* kill_v2 - cgroup.kill, since Linux 5.14: everything below, whatever it forks. Return: 1 killed, 0 nobody there, or -errno */
static int kill_v2(const char *dir)
{
	int r = tree_file_has(dir, "cgroup.events", "populated 1");
	if (r == 1)
		r = put(dir, "cgroup.kill", "1");
	else
		return r == -ENOENT ? 0 : r;
	return r < 0 ? r : 1;
}

/* is_empty - a glance, without those below: enough when v2, which knows about all below, has said so already */
static bool is_empty(const char *dir)
{
	return tree_file_has(dir, "cgroup.procs", NULL) <= 0;
}

int cgroup_kill(const struct cgroup *c, int sig, struct error *err)
{
	const char *v1 = members(c, true), *v2 = members(c, false);
	int killed = v2 && sig == SIGKILL ? kill_v2(v2) : -EOPNOTSUPP;
	const char *dir = v1 ? v1 : killed < 0 ? v2 : NULL;
	if (!v1 && killed == 1 && cgroup_frozen(c) == 1)
		(void) cgroup_freeze(c, false, NULL);
	if (!dir || (killed == 0 && is_empty(dir)))
		return 0;	/* the way of every delete of a container that has ended by itself */

	cleanup_free pid_t *pids = NULL;
	ssize_t n = tree_procs(dir, &pids);
	int r = n > 0 ? signal_all(c, dir, sig, killed == 1) : n == -ENOENT ? 0 : (int) n;
	return r < 0 ? error_set(err, -r, "signal the processes in cgroup '%s'", dir) : 0;
}
