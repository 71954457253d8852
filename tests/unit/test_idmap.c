#include "cleanup.h"
#include "fs.h"
#include "idmap.h"
#include "mem.h"
#include "proc.h"
#include "str.h"
#include "tap.h"
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* told - the map as text, "container host size," for each range; the caller frees */
static char *told(const struct idmap *m)
{
	struct buf b = { 0 };
	for (size_t i = 0; i < m->n; i++)
		buf_printf(&b, "%u %u %u,", m->ranges[i].container_id, m->ranges[i].host_id,
			   m->ranges[i].size);
	return buf_take(&b);
}

/* ---- parsers ---- */

static void test_user_name(void)
{
	static const char text[] =
		"root:x:0:0:root:/root:/bin/sh\n\n# comment\nbob:x:1000:100::/home/bob:/bin/sh\n"
		"bobby:x:1000:100::/home/bob:/bin/sh\n+nis:x:1001:1::/:\n:x:1002:1::/:\nshort:x\n"
		"neg:x:-1:1::/:\nblank:x: 1003:1::/:\nlast:x:1004:1::/:";
	static const struct { uid_t uid; const char *name;
	} cases[] = {
		{ 0, "root" },	{ 1000, "bob" },  { 1001, NULL }, { 1002, NULL },
		{ 1003, NULL }, { 1004, "last" }, { 7, NULL },	  { (uid_t) -1, NULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cleanup_free char *name = idmap_user_name(text, cases[i].uid);
		OK(str_eq(name, cases[i].name));
	}
	OK(!idmap_user_name("", 0) && !idmap_user_name("\n\n", 0) && !idmap_user_name(":", 0));
	cleanup_free char *endless = xmalloc(1001);
	memset(endless, 'x', 1000);
	strcpy(endless + 1000, "");
	cleanup_free char *too_long = xasprintf("%s:x:5:\nok:x:5:\n", endless),
			  *name = idmap_user_name(too_long, 5);
	OK_STR(name, "ok");
}

static void test_other_sources(void)
{
	static const struct { const char *text; bool others; } nsswitch[] = {
		{ "", false },
		{ "passwd: files sss\n", false },
		{ "subid: files\n", false },
		{ "subid:\n", false },
		{ "# subid: sss\n", false },
		{ "passwd: files\nsubid: sss\n", true },
		{ " \tsubid:sss", true },
		{ "subid: filesystem\n", true },
		{ "subid: # none\n", false },
		{ "subids: sss\n", false },
	};
	for (size_t i = 0; i < sizeof nsswitch / sizeof *nsswitch; i++)
		OK(idmap_asks_others(nsswitch[i].text) == nsswitch[i].others);

	static const struct { const char *output, *map; } answers[] = {
		{ "", "" },
		{ "0: bob 100000 65536\n", "1 100000 65536," },
		{ "0: bob 100000 10\n1: bob 300000 5\n", "1 100000 10,11 300000 5," },
		{ "Error fetching ranges\n", "" },
		{ "0: bob 100000\n0: bob 1 x\n0: bob 100000 10 more\n: bob 1 1\n", "" },
		{ "0: bob 4294967295 10\n0: bob 99999999999999999999 1\n", "" },
	};
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		cleanup_idmap struct idmap m = { 0 };
		(void) idmap_getsubids(&m, answers[i].output, 1);
		cleanup_free char *map = told(&m);
		OK_STR(map, answers[i].map);
	}

	cleanup_idmap struct idmap uids = { 0 }, gids = { 0 };
	idmap_add(&uids, 7, 8, 9);
	idmap_single(&uids, &gids);
	OK(uids.n == 1 && uids.ranges[0].host_id == geteuid() && uids.ranges[0].size == 1 && gids.n == 1 && gids.ranges[0].host_id == getegid());
	OK(!idmap_is_single());
}

static void test_parse(void)
{
	cleanup_idmap struct idmap m = { 0 };
	static const char *const bad[] = { "", "1", "1:2", "1:2:", "1:2:3x", "1:2:3:4", "a:2:3" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		OK(idmap_parse(bad[i], &m) == -EINVAL && m.n == 0);
	OK(idmap_parse("1:20:300", &m) == 0 && idmap_parse("0:5:1", &m) == 0);
	OK(m.n == 2 && idmap_to_host(&m, 2) == 21 && idmap_to_host(&m, 0) == 5);
}

static void test_subids(void)
{
	static const struct {
		const char *text, *user, *map;
		uid_t uid;
		uint32_t first;
		uint64_t count;
	} cases[] = {
		{ "", "bob", "", 1000, 1, 0 },
		{ "bob:100000:65536\n", "bob", "1 100000 65536,", 1000, 1, 65536 },
		{ "bob:100000:65536", "bob", "1 100000 65536,", 1000, 1, 65536 },
		{ "bobby:1:5\nbo:1:5\nbob:7:3\n", "bob", "1 7 3,", 1000, 1, 3 },
		{ "1000:500:10\nbob:700:10\n1001:800:1\n", "bob", "1 500 10,11 700 10,", 1000, 1, 20 },
		{ "1000:500:10\nbob:700:10\n", NULL, "0 500 10,", 1000, 0, 10 },
		/* no id twice: repeated, overlapping, enclosing */
		{ "bob:500:10\n1000:500:10\n", "bob", "1 500 10,", 1000, 1, 10 },
		{ "bob:500:10\nbob:505:10\n", "bob", "1 500 10,11 510 5,", 1000, 1, 15 },
		{ "bob:500:10\nbob:520:10\nbob:490:50\n", "bob",
		  "1 500 10,11 520 10,21 490 10,31 510 10,41 530 10,", 1000, 1, 50 },
		/* broken lines */
		{ "bob\nbob:\nbob:1\nbob:1:\nbob::1\nbob:x:1\nbob:1:x\nbob:-1:5\nbob: "
		  "1:5\nbob:1:5:\nbob:1:5:9\n:1:5\n#bob:1:5\n",
		  "bob", "", 1000, 1, 0 },
		{ "bob:1:0\nbob:4294967295:1\nbob:4294967294:2\nbob:4294967296:1\nbob:99999999999999999999:"
		  "1\n",
		  "bob", "", 1000, 1, 0 },
		{ "bob:4294967294:1\r\nbob:4294967294:1\n", "bob", "1 4294967294 1,", 1000, 1, 1 },
		/* no more ids inside than there are */
		{ "bob:0:4294967295\n", "bob", "4294967290 0 5,", 1000, 4294967290U, 5 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cleanup_idmap struct idmap m = { 0 };
		OK(idmap_subids(&m, cases[i].text, cases[i].user, cases[i].uid, cases[i].first) ==
		   cases[i].count);
		cleanup_free char *text = told(&m);
		OK_STR(text, cases[i].map);
	}

	/* what the map has already is not given again */
	cleanup_idmap struct idmap m = { 0 };
	idmap_add(&m, 0, 100005, 1);
	OK(idmap_subids(&m, "bob:100000:10\n", "bob", 1000, 1) == 9);
	cleanup_free char *text = told(&m);
	OK_STR(text, "0 100005 1,1 100000 5,6 100006 4,");
	OK(idmap_to_host(&m, 0) == 100005 && idmap_to_host(&m, 1) == 100000 &&
	   idmap_to_host(&m, 5) == 100004);
	OK(idmap_to_host(&m, 9) == 100009 && idmap_to_host(&m, 10) == (uint32_t) -1);
}

/* ---- a real user namespace ---- */

struct waiting { pid_t pid; int go_fd; };

/* start_waiting - a child in a new user namespace that waits until ->go_fd is closed; -errno when there is
 * none */
static int start_waiting(struct waiting *w)
{
	int ready[2], go[2];
	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	fflush(stdout);
	w->pid = fork();
	if (w->pid == 0) {
		close(go[1]);
		unsigned char code = unshare(CLONE_NEWUSER) < 0 ? (unsigned char) errno : 0;
		(void) fs_write_all(ready[1], &code, 1);
		(void) fs_read_all(go[0], &code, 1);
		_exit(0);
	}
	close(go[0]);
	close(ready[1]);
	w->go_fd = go[1];
	unsigned char code = EPIPE;
	(void) fs_read_all(ready[0], &code, 1);
	close(ready[0]);
	return -code;
}

static void end_waiting(struct waiting *w)
{
	close(w->go_fd);
	(void) proc_wait(w->pid);
}

/* kernel_map - what the kernel says the map is, as told() would; the caller frees */
static char *kernel_map(pid_t pid, const char *file)
{
	cleanup_free char *path = xasprintf("/proc/%d/%s", (int) pid, file), *text = NULL;
	cleanup_idmap struct idmap m = { 0 };
	if (fs_read_file(AT_FDCWD, path, 65536, &text, NULL, NULL) < 0)
		return NULL;
	unsigned a, b, c;
	int n;
	for (const char *p = text; sscanf(p, "%u %u %u%n", &a, &b, &c, &n) == 3; p += n)
		idmap_add(&m, a, b, c);
	return told(&m);
}

static bool has_line(pid_t pid, const char *file, const char *line)
{
	cleanup_free char *path = xasprintf("/proc/%d/%s", (int) pid, file), *text = NULL;
	return fs_read_file(AT_FDCWD, path, 65536, &text, NULL, NULL) == 0 && strstr(text, line);
}

/* apply - both maps to a new child, and see that the kernel has them. 0: it does, 1: it has others, else
 * -errno */
static int apply(const struct idmap *uids, const struct idmap *gids, const char *setgroups, struct error *err)
{
	struct waiting w;
	int r = start_waiting(&w);
	if (r == 0)
		r = idmap_apply(w.pid, uids, gids, err);
	if (r == 0) {
		cleanup_free char *want_uids = told(uids), *want_gids = told(gids);
		cleanup_free char *got_uids = kernel_map(w.pid, "uid_map"),
				  *got_gids = kernel_map(w.pid, "gid_map");
		r = !str_eq(want_uids, got_uids) || !str_eq(want_gids, got_gids) ||
		    !has_line(w.pid, "setgroups", setgroups);
	}
	end_waiting(&w);
	return r;
}

static void own_maps(struct idmap *uids, struct idmap *gids)
{
	idmap_add(uids, 0, geteuid(), 1);
	idmap_add(gids, 0, getegid(), 1);
}

static void test_root(void)
{
	struct error err = { 0 };
	cleanup_idmap struct idmap uids = { 0 }, gids = { 0 };
	idmap_add(&uids, 0, 100000, 65536);
	idmap_add(&uids, 70000, 0, 1);
	idmap_add(&gids, 0, 200000, 1000);
	idmap_add(&gids, 1000, 300000, 64536);
	OK(apply(&uids, &gids, "allow", &err) == 0);

	struct waiting w;
	OK(start_waiting(&w) == 0);
	OK(idmap_apply(w.pid, &uids, &gids, &err) == 0);
	OK(idmap_apply(w.pid, &uids, &gids, &err) == -EPERM);	/* a map is written once */
	char want[300];
	snprintf(want, sizeof want,
		 "write '0 100000 65536' to '/proc/%d/uid_map': Operation not permitted; the process must be "
		 "in a user namespace made in this one that has no map yet, and the ids must be mapped here "
		 "(id 0 also needs "
		 "CAP_SETFCAP)",
		 (int) w.pid);
	OK_STR(err.text, want);
	end_waiting(&w);
	OK(idmap_apply(w.pid, &uids, &gids, &err) == -ENOENT);
	idmap_add(&uids, 5, 5, 5);	/* inside twice */
	OK(apply(&uids, &gids, "allow", &err) == -EINVAL);
}

static void test_own(void)
{
	struct error err = { 0 };
	cleanup_idmap struct idmap uids = { 0 }, gids = { 0 }, none = { 0 }, many = { 0 };
	own_maps(&uids, &gids);
	OK(apply(&uids, &gids, geteuid() ? "deny" : "allow", &err) == 0);
	OK(idmap_apply(getpid(), &none, &gids, &err) == -EINVAL);
	OK_STR(err.text, "there are no user ids to map");
	OK(idmap_apply(getpid(), &uids, &none, &err) == -EINVAL);
	OK_STR(err.text, "there are no group ids to map");
	for (uint32_t i = 0; i < 341; i++)
		idmap_add(&many, i, i, 1);
	OK(idmap_apply(getpid(), &uids, &many, &err) == -EINVAL);
	OK_STR(err.text, "341 ranges of group ids are more than the 340 that Linux can map");
}

/* as_stranger - as a user whom no file knows: what it may, and what it is told. Return: 0, or the step that
 * failed */
static int as_stranger(void)
{
	enum { STRANGER = 54321 };
	struct error err = { 0 };
	if (setgroups(0, NULL) < 0 || setresgid(STRANGER, STRANGER, STRANGER) < 0 ||
	    setresuid(STRANGER, STRANGER, STRANGER) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return 1;
	cleanup_idmap struct idmap uids = { 0 }, gids = { 0 };
	own_maps(&uids, &gids);
	if (apply(&uids, &gids, "deny", &err) != 0)
		return 2;
	unsetenv("USER");
	if (idmap_rootless(&uids, &gids, &err) != -ENOENT || uids.n != 1 || uids.ranges[0].size != 1 ||
	    !str_starts(err.text, "user 54321 has no name in /etc/passwd and no subordinate user and group "
				  "ids in /etc/subuid "
				  "and /etc/subgid; as root, add the line '54321:") ||
	    !str_ends(err.text, ":65536' there"))
		return 3;
	setenv("USER", "nobody-at-all", 1);
	if (idmap_rootless(&uids, &gids, &err) != -ENOENT ||
	    !str_starts(err.text, "user 'nobody-at-all' has no subordinate user and group ids in /etc/subuid "
				  "and /etc/subgid; "
				  "as root, run `usermod --add-subuids "))
		return 4;

	idmap_add(&uids, 1, 100000, 65536);
	cleanup_free char *helper = proc_find("newuidmap", "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin");
	int r = apply(&uids, &gids, "allow", &err);
	printf("# %s\n", err.text);
	fflush(stdout);
	if (!helper)
		return r == -ENOENT && strstr(err.text, "install the `uidmap` package") ? 0 : 5;
	return r == -EPERM && strstr(err.text, "map user ids of process ") &&
			       strstr(err.text, "newuidmap' failed: ")
		       ? 0
		       : 6;
}

/* mapping_fails - as that stranger, with the helpers as the caller has left them; @says: part of the sentence
 */
static int mapping_fails(int code, const char *says)
{
	struct error err = { 0 };
	if (setresgid(54321, 54321, 54321) < 0 || setresuid(54321, 54321, 54321) < 0 ||
	    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return 2;
	cleanup_idmap struct idmap uids = { 0 }, gids = { 0 };
	own_maps(&uids, &gids);
	idmap_add(&uids, 1, 100000, 65536);
	int r = apply(&uids, &gids, "allow", &err);
	printf("# %s\n", err.text);
	fflush(stdout);
	return r == -code && strstr(err.text, says) ? 0 : 3;
}

/* cover - bind @over (itself when NULL) over each helper that is installed, in a mount namespace of our own
 */
static int cover(const char *over, unsigned long flags)
{
	static const char *const names[] = { "newuidmap", "newgidmap" };
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		cleanup_free char *path = proc_find(names[i], "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin");
		if (path && (mount(over ? over : path, path, NULL, MS_BIND, NULL) < 0 ||
			     (flags && mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | flags, NULL) < 0)))
			return -1;
	}
	return 0;
}

/* /dev/null is no program: as if they were not installed */
static int without_package(void)
{
	return cover("/dev/null", 0) < 0
		       ? 1
		       : mapping_fails(ENOENT, ": newuidmap is not installed, and without it only one's "
					       "own id can be mapped; install the `uidmap` package");
}

static int without_setuid(void)
{
	return cover(NULL, MS_NOSUID) < 0
		       ? 1
		       : mapping_fails(EPERM, "; its file system is mounted nosuid; mount it without");
}

static int without_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? 1
		: mapping_fails(EPERM, "; this process was started with no_new_privs, under which");
}

static int in_child(int (*f)(void))
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		_exit(f());
	return proc_wait(pid);
}

/* the whole of it, as whoever runs this: with ranges the kernel has them, without the sentence says how to
 * get them */
static void test_rootless(void)
{
	struct error err = { 0 };
	cleanup_idmap struct idmap uids = { 0 }, gids = { 0 };
	int r = idmap_rootless(&uids, &gids, &err);
	if (r < 0) {
		printf("# %s\n", err.text);
		OK(r == -ENOENT && strstr(err.text, "no subordinate ") && strstr(err.text, "; as root, ") &&
		   uids.n == 0);
		return;
	}
	OK(uids.n >= 2 && idmap_to_host(&uids, 0) == geteuid() && uids.ranges[1].container_id == 1);
	OK(gids.n >= 2 && idmap_to_host(&gids, 0) == getegid() && gids.ranges[1].container_id == 1);
	if (!OK(apply(&uids, &gids, "allow", &err) == 0))
		printf("# %s\n", err.text);
}

int main(void)
{
	test_user_name();
	test_parse();
	test_subids();
	test_other_sources();
	struct waiting w;
	int r = start_waiting(&w);
	end_waiting(&w);
	if (r < 0) {
		printf("ok %d # SKIP no user namespaces here: unshare -U true says %s\n", ++tap_count,
		       strerror(-r));
		return tap_done();
	}
	test_own();
	test_rootless();
	if (geteuid() == 0) {
		test_root();
		OK(in_child(as_stranger) == 0);
		OK(in_child(without_package) == 0);
		cleanup_free char *helper = proc_find("newuidmap", NULL);
		if (helper) {
			OK(in_child(without_setuid) == 0);
			OK(in_child(without_new_privileges) == 0);
		} else {
			printf("ok %d # SKIP what newuidmap lacks: it is not installed (newuidmap)\n",
			       ++tap_count);
		}
	} else {
		printf("ok %d # SKIP only root can become other users (id -u)\n", ++tap_count);
	}
	return tap_done();
}
