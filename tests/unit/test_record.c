#include "../../cli/container/record.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "proc.h"
#include "str.h"
#include "tap.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <utime.h>

static char root[] = "/tmp/test_record.XXXXXX";
static struct carrier carrier = { .root = root, .runroot = root };

static bool exists(const char *dir, const char *name)
{
	cleanup_free char *path = xasprintf("%s/%s%s", root, dir, name);
	struct stat st;
	return lstat(path, &st) == 0;
}

static struct container make(const char *name)
{
	struct container c = CONTAINER_NONE;
	struct error err = { 0 };
	if (!OK(record_new(&carrier, name, &c, &err) == 0 && record_commit(&c, &err) == 0 && status_save(&c, &err) == 0))
		printf("# %s\n", err.text);
	return c;
}

static void set_status(struct container *c, const char *state, pid_t pid)
{
	c->status.state = pool_strdup(&c->pool, state);
	c->status.pid = pid;
	c->status.boot_id = pool_strdup(&c->pool, proc_boot_id());
	if (pid > 0)
		OK(proc_start_time(pid, &c->status.start_time) == 0);
	OK(status_save(c, NULL) == 0);
}

static void remove_it(struct container *c)
{
	struct error err = { 0 };
	if (!OK(record_remove(&carrier, c, &err) == 0))
		printf("# %s\n", err.text);
	container_done(c);
}

static void test_names(void)
{
	struct error err = { 0 };
	struct container again = CONTAINER_NONE;
	cleanup_container struct container web = make("web-1.x_y"), invented = make("");
	OK(strlen(web.record.id) == 64 && strspn(web.record.id, "0123456789abcdef") == 64);
	OK_STR(web.record.name, "web-1.x_y");
	OK(strchr(invented.record.name, '_') && exists("names/", invented.record.name));
	OK(record_new(&carrier, "web-1.x_y", &again, &err) == -EEXIST);
	cleanup_free char *want = xasprintf("the name 'web-1.x_y' is used by container %.12s: `carrier rm web-1.x_y` frees it",
					    web.record.id);
	OK_STR(err.text, want);

	static const char *const bad[] = { "a", "-ab", ".ab", "_ab", "a b", "a/b", "../names", "ab\n", "\xc3\xa4\xc3\xb6" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		OK(record_new(&carrier, bad[i], &again, &err) == -EINVAL);
	OK(record_new(&carrier, "a/b", &again, &err) == -EINVAL && str_starts(err.text, "'a/b' cannot be a container's name: "));

	/* the failed ones left nothing */
	struct container *all;
	size_t n;
	OK(record_list(&carrier, &all, &n, &err) == 0 && n == 2);
	OK_STR(all[0].record.id, invented.record.id);	/* newest first */
	for (size_t i = 0; i < n; i++)
		container_done(&all[i]);
	free(all);
	remove_it(&web);
	OK(!exists("names/", "web-1.x_y"));
	cleanup_container struct container next = make("web-1.x_y");
	remove_it(&next);
	remove_it(&invented);
}

/* a name whose container was removed by hand, or never finished */
static void test_left_names(void)
{
	cleanup_container struct container c = make("left");
	cleanup_free char *dir = xstrdup(c.dir), *id = xstrdup(c.record.id);
	OK(fs_remove_tree(AT_FDCWD, dir, NULL) == 0);
	cleanup_container struct container found = CONTAINER_NONE;
	OK(record_find(&carrier, "left", false, &found, NULL) == -ENOENT);
	cleanup_container struct container heir = make("left");
	OK(!str_eq(heir.record.id, id));
	/* the removal of the first does not free what is another's now */
	OK(record_remove(&carrier, &c, NULL) == 0 && exists("names/", "left"));
	remove_it(&heir);

	struct error err = { 0 };
	cleanup_container struct container half = CONTAINER_NONE, second = CONTAINER_NONE;
	OK(record_new(&carrier, "half", &half, &err) == 0);
	OK(record_new(&carrier, "half", &second, &err) == -EEXIST);	/* it may still be written */
	struct container *all;
	size_t n;
	OK(record_list(&carrier, &all, &n, &err) == 0 && n == 0 && exists("containers/", half.record.id));
	free(all);
	struct utimbuf old = { 1000, 1000 };
	OK(utime(half.dir, &old) == 0 && record_list(&carrier, &all, &n, &err) == 0 && n == 0);
	free(all);
	OK(exists("containers/", half.record.id));	/* its maker is slow */
	(void) close(half.dir_fd);			/* its maker was killed */
	half.dir_fd = -1;
	OK(record_list(&carrier, &all, &n, &err) == 0 && n == 0);
	free(all);
	OK(!exists("containers/", half.record.id));
	OK(record_new(&carrier, "half", &second, &err) == 0);
	remove_it(&second);
}

static void test_find(void)
{
	struct error err = { 0 };
	struct container c[17], found = CONTAINER_NONE;
	for (int i = 0; i < 17; i++)	/* two of 17 ids begin with the same digit */
		c[i] = make(NULL);
	char prefix[2] = "";
	for (int i = 0; i < 17 && !*prefix; i++)
		for (int k = 0; k < i; k++)
			if (c[i].record.id[0] == c[k].record.id[0])
				prefix[0] = c[i].record.id[0];
	OK(record_find(&carrier, prefix, false, &found, &err) == -ENOTUNIQ);
	OK(strstr(err.text, "containers' ids: give more digits, or a name"));

	char short_id[13];
	snprintf(short_id, sizeof short_id, "%.12s", c[3].record.id);
	const char *const ways[] = { short_id, c[3].record.id, c[3].record.name };
	for (int i = 0; i < 3; i++) {
		OK(record_find(&carrier, ways[i], false, &found, &err) == 0);
		OK_STR(found.record.id, c[3].record.id);
		container_done(&found);
	}
	OK(record_find(&carrier, "", true, &found, &err) == 0);
	OK_STR(found.record.id, c[16].record.id);
	container_done(&found);

	OK(record_find(&carrier, "nobody", false, &found, &err) == -ENOENT);
	OK_STR(err.text, "no container 'nobody'");
	OK(record_find(&carrier, "", false, &found, &err) == -ENOENT);
	OK(record_find(&carrier, "../containers", false, &found, &err) == -ENOENT);
	OK(record_find(&carrier, "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", false, &found, &err) == -ENOENT);
	for (int i = 0; i < 17; i++)
		remove_it(&c[i]);
	OK(record_find(&carrier, "", true, &found, &err) == -ENOENT);
	OK_STR(err.text, "there is no container");
}

static void keep_warning(void *ctx, enum log_level level, const char *text)
{
	(void) snprintf(ctx, 1200, "%s", text);
}

static void test_content(void)
{
	struct container c = CONTAINER_NONE;
	OK(record_new(&carrier, "full", &c, NULL) == 0);
	char *args[] = { (char *) "sh", (char *) "-c", (char *) "exit 3", NULL };
	struct record_mount mount = { .type = (char *) "bind", .source = (char *) "/a:b", .destination = (char *) "/c", .options = args };
	c.record.args = args;
	c.record.memory = 1 << 20;
	c.record.tty = true;
	c.record.mounts = &mount;
	c.record.n_mounts = 1;
	OK(record_save(&c, NULL) == 0);
	c.status.state = (char *) "exited";
	c.status.exit_code = 137;
	c.status.start_time = UINT64_MAX;
	OK(status_save(&c, NULL) == 0 && c.state == RECORD_EXITED);

	struct container found = CONTAINER_NONE;
	OK(record_find(&carrier, "full", false, &found, NULL) == 0);
	OK(strings_count(found.record.args) == 3 && found.record.memory == 1 << 20 && found.record.tty && !found.record.remove);
	OK(found.record.n_mounts == 1);
	OK_STR(found.record.mounts[0].source, "/a:b");
	OK(found.status.exit_code == 137 && found.status.start_time == UINT64_MAX && found.state == RECORD_EXITED);
	container_done(&found);

	/* torn by a crash of the host */
	cleanup_free char *status = xasprintf("%s/status.json", c.dir), *record = xasprintf("%s/record.json", c.dir);
	OK(truncate(status, 0) == 0 && record_refresh(&c, NULL) == 0 && c.state == RECORD_DEAD);
	OK(truncate(record, 20) == 0);
	char warning[1200] = "";
	log_redirect(keep_warning, warning);
	OK(record_find(&carrier, c.record.id, false, &found, NULL) == 0 && found.state == RECORD_DEAD);
	log_redirect(NULL, NULL);
	OK(strstr(warning, "/record.json' is damaged: ") && strstr(warning, "removes the container"));
	container_done(&c);
	remove_it(&found);
	OK(record_find(&carrier, "full", false, &found, NULL) == -ENOENT);
	c = make("full");	/* whose link was left */
	remove_it(&c);
}

/* hold_lock - a monitor that lives until its pipe is closed */
static pid_t hold_lock(const struct container *c, int *ret_fd)
{
	int go[2], ready[2];
	char byte = 0;
	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		(void) close(go[1]);
		if (record_lock(c, NULL) >= 0)
			(void) fs_write_all(ready[1], "k", 1);
		(void) fs_read_all(go[0], &byte, 1);
		_exit(0);
	}
	(void) close(go[0]);
	(void) close(ready[1]);
	OK(fs_read_all(ready[0], &byte, 1) == 1);
	(void) close(ready[0]);
	*ret_fd = go[1];
	return pid;
}

static void test_states(void)
{
	struct error err = { 0 };
	struct container c = make("states");
	OK(record_refresh(&c, &err) == 0 && c.state == RECORD_CREATED);

	pid_t process = fork();
	if (process == 0)
		for (;;)
			pause();
	int monitor_fd = -1;
	pid_t monitor = hold_lock(&c, &monitor_fd);
	set_status(&c, "starting", -1);
	OK(record_refresh(&c, &err) == 0 && c.state == RECORD_STARTING);
	set_status(&c, "running", process);
	OK(record_refresh(&c, &err) == 0 && c.state == RECORD_RUNNING);
	OK_STR(record_state_name(c.state), "running");
	OK(record_lock(&c, &err) == -EAGAIN && strstr(err.text, "is attended by another process already"));

	OK(kill(monitor, SIGKILL) == 0 && proc_wait(monitor) == 137);
	(void) close(monitor_fd);
	OK(record_refresh(&c, &err) == 0 && c.state == RECORD_UNATTENDED);

	/* the pid is another process' by now */
	c.status.start_time++;
	OK(status_save(&c, &err) == 0 && record_refresh(&c, &err) == 0 && c.state == RECORD_DEAD);
	set_status(&c, "running", process);
	OK(record_refresh(&c, &err) == 0 && c.state == RECORD_UNATTENDED);
	c.status.boot_id = pool_strdup(&c.pool, "00000000-0000-0000-0000-000000000000");
	OK(status_save(&c, &err) == 0 && record_refresh(&c, &err) == 0 && c.state == RECORD_DEAD);
	set_status(&c, "running", process);

	/* a zombie counts as gone, as does what was reaped */
	siginfo_t info;
	OK(kill(process, SIGKILL) == 0 && waitid(P_PID, (id_t) process, &info, WEXITED | WNOWAIT) == 0);
	OK(record_refresh(&c, &err) == 0 && c.state == RECORD_DEAD);
	OK(proc_wait(process) == 137 && record_refresh(&c, &err) == 0 && c.state == RECORD_DEAD);
	OK_STR(record_state_name(c.state), "dead");
	set_status(&c, "starting", -1);
	OK(record_refresh(&c, &err) == 0 && c.state == RECORD_DEAD);
	set_status(&c, "exited", -1);
	OK(record_refresh(&c, &err) == 0 && c.state == RECORD_EXITED);

	int fd = record_lock(&c, &err);
	OK(fd >= 0 && close(fd) == 0);
	remove_it(&c);
}

/* test_retired - of --rm: its monitor gives up the name it has when it ends, and looks no more; a rename under way at that moment does */
static void test_retired(void)
{
	cleanup_container struct container c = make("ending"), other = CONTAINER_NONE, late = CONTAINER_NONE;
	cleanup_close int lock = record_lock(&c, NULL);
	set_status(&c, "running", getpid());
	OK(record_find(&carrier, "ending", false, &other, NULL) == 0 && record_find(&carrier, "ending", false, &late, NULL) == 0);
	OK(lock >= 0 && record_rename(&carrier, &other, "renamed", NULL) == 0 && exists("names/", "renamed") && !exists("names/", "ending"));
	OK(record_retire(&carrier, &c, NULL) == 0 && !exists("names/", "renamed"));	/* the monitor had not read it again */
	container_done(&other);
	OK(record_find(&carrier, c.record.id, false, &other, NULL) == -ENOENT);
	(void) record_rename(&carrier, &late, "belated", NULL);
	OK(!exists("names/", "belated"));
	OK(record_remove(&carrier, &c, NULL) == 0 && !exists("containers/", c.record.id) && !exists("names/", "belated"));
	OK(record_rename(&carrier, &late, "too-late", NULL) < 0 && !exists("names/", "too-late"));
}

static void test_removal(void)
{
	struct container c = make("deep");
	OK(fs_mkdir_all(c.dir_fd, "upper/a/b/c", 0700, NULL) == 0);
	OK(fs_mkdir_all(c.dir_fd, "work/work", 0700, NULL) == 0 && fchmodat(c.dir_fd, "work/work", 0, 0) == 0);
	OK(symlinkat("/etc", c.dir_fd, "upper/a/etc") == 0);
	cleanup_free char *id = xstrdup(c.record.id);
	OK(record_remove(&carrier, &c, NULL) == 0);
	OK(record_remove(&carrier, &c, NULL) == 0);	/* twice is no failure */
	container_done(&c);
	OK(!exists("containers/", id) && !exists("names/", "deep") && access("/etc/passwd", F_OK) == 0);
}

int main(void)
{
	(void) setvbuf(stdout, NULL, _IONBF, 0);	/* children must not print it again */
	if (!mkdtemp(root))
		return 1;
	struct container *all;
	size_t n;
	OK(record_list(&carrier, &all, &n, NULL) == 0 && n == 0 && !all);	/* before anything was made */
	test_names();
	test_left_names();
	test_find();
	test_content();
	test_states();
	test_retired();
	test_removal();
	OK(fs_remove_tree(AT_FDCWD, root, NULL) == 0);
	return tap_done();
}
