/* Theory of operation: the order of the end.
 *
 * 1. cwd, first try: with our own privileges, for a directory that only root can enter.
 * 2. bounding set, groups, gid, uid: need CAP_SETGID, CAP_SETUID, CAP_SETPCAP. The permitted set survives the change of uid.
 * 3. cwd, second try: as the user, for a directory that only the user can enter (root without CAP_DAC_OVERRIDE on it, NFS).
 *    Then the cwd is verified to lie beneath /, or an fd that leaked in could be used to stay outside (CVE-2024-21626).
 * 4. every fd but 0-2 and the preserved ones is set close-on-exec.
 * 5. Landlock and the seccomp filter. With no_new_privs they are open to anyone, and the filter is last; without, they need CAP_SYS_ADMIN, which
 *    step 2 left effective for this moment.
 * 6. the five capability sets, with capset(2) and prctl(2), and execve(2): nothing else runs under the filter.
 */
#include "execute.h"
#include "annotations.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* ---- before the start ---- */

/* make_env - process.env with each name once (the last one wins), and a HOME */
static char **make_env(const struct spec_process *p)
{
	struct strings env = { 0 };
	for (char **e = p->env; e && *e; e++)
		if (strchr(*e, '='))
			env_set(&env, *e);
	if (str_empty(env_get(env.v, "HOME"))) {
		cleanup_free char *passwd = NULL;
		/* the container's file, so: no larger than sane, and beneath / like everything here */
		if (fs_read_file(AT_FDCWD, "/etc/passwd", 16 << 20, &passwd, NULL, NULL) < 0)
			passwd = xstrdup("");
		cleanup_free char *home = identity_home(passwd, p->user.uid);
		cleanup_free char *line = xasprintf("HOME=%s", home);
		env_set(&env, line);
	}
	return env.v;
}

/* is_executable - by somebody: not even root executes a directory, or a file without any x bit */
static bool is_executable(const struct stat *st)
{
	return S_ISREG(st->st_mode) && (st->st_mode & 0111);
}

static bool is_program(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && is_executable(&st);
}

/* find_program - as execvp(3) would. Only existence and an x bit are looked at: whether this user may execute it is
 * known by execve alone, with the final capabilities. The sentence is one that engines look for. */
static int find_program(const struct spec_process *p, char *const *env, char **ret, struct error *err)
{
	const char *name = p->args[0];
	struct stat st;
	if (strchr(name, '/')) {
		int r = stat(name, &st);
		if (r < 0 && (errno == ENOENT || errno == ENOTDIR))
			return error_say(err, ENOENT, "exec: \"%s\": stat %s: no such file or directory", name, name);
		if (r == 0 && !is_executable(&st))
			return error_say(err, EACCES, "exec: \"%s\": permission denied", name);
		*ret = xstrdup(name);
		return 0;
	}
	const char *path = env_get(env, "PATH");
	struct strings dirs cleanup_strings = { 0 };
	strings_split(&dirs, path ? path : default_path, ":");
	for (size_t i = 0; i < dirs.n; i++) {
		cleanup_free char *candidate = xasprintf("%s/%s", dirs.v[i], name);
		if (is_program(candidate)) {
			*ret = take_ptr(candidate);
			return 0;
		}
	}
	return error_say(err, ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
}

int execute_prepare(const struct init *i, struct program *ret, struct error *err)
{
	const struct spec_process *p = i->process;
	if (!p)
		return 0;	/* `start` will say so */
	if (!p->args || !p->args[0])
		return error_say(err, EINVAL, "process.args: at least the program is needed");
	if (p->cwd[0] != '/')
		return error_say(err, EINVAL, "process.cwd: Cwd must be an absolute path, not '%s'", p->cwd);

	ret->in_cwd = chdir(p->cwd) == 0;
	if (!ret->in_cwd && errno != EACCES)
		return error_set(err, errno, "chdir to cwd ('%s') set in config.json", p->cwd);
	ret->env = make_env(p);
	return find_program(p, ret->env, &ret->path, err);
}

/* ---- after it ---- */

static int enter_cwd(const struct spec_process *p, const struct program *program, struct error *err)
{
	if (!program->in_cwd && chdir(p->cwd) < 0)
		return error_set(err, errno, "chdir to cwd ('%s') set in config.json", p->cwd);

	/* the system call, not getcwd(3), which would try to make sense of a directory outside */
	char cwd[PATH_MAX];
	if (syscall(SYS_getcwd, cwd, sizeof cwd) < 0)
		return error_set(err, errno, "look at the working directory");
	if (cwd[0] != '/')
		return error_say(err, EPERM, "current working directory is outside of container mount namespace root -- "
				 "possible container breakout detected: '%s'", p->cwd);
	return 0;
}

static void close_on_exec_from(int first)
{
	if (syscall(SYS_close_range, (unsigned) first, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	/* before Linux 5.11, or denied: one by one, as far as the limit allows fds to exist */
	long max = sysconf(_SC_OPEN_MAX);
	for (int fd = first; fd < (max > 0 && max < 1 << 16 ? (int) max : 1 << 16); fd++)
		(void) fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void default_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	for (int sig = 1; sig < 65; sig++)
		(void) sigaction(sig, &dfl, NULL);
	sigset_t none;
	sigemptyset(&none);
	(void) sigprocmask(SIG_SETMASK, &none, NULL);
}

static int load_filter(const struct init *i, struct error *err)
{
	int r = seccomp_filter_load(i->seccomp, err);
	if (r >= 0 && i->seccomp->notify)
		seccomp_notify_give(i->notify, r);
	return r;
}

int execute_program(const struct init *i, const struct program *program, struct error *err)
{
	const struct spec_process *p = i->process;
	bool filter = i->seccomp && i->seccomp->code;
	bool admin_for_filter = (filter || i->landlock_fd >= 0) && !p->no_new_privileges;
	int keep = (admin_for_filter ? IDENTITY_KEEP_ADMIN : 0) |
		   (annotation_on(i->spec, ANNOTATION_KEEP_GROUPS) ? IDENTITY_KEEP_GROUPS : 0);

	struct capability_sets capabilities = i->capabilities;
	if (i->exec)
		log_debug("setns_init: about to exec");	/* while no filter forbids to say so */
	int r = identity_become(&p->user, &capabilities, keep, err);
	if (r == 0)
		r = enter_cwd(p, program, err);
	if (r < 0)
		return r;
	/* the preserved ones were inherited, so they are not close-on-exec; all of ours are, also those in gaps between them */
	close_on_exec_from(3 + i->preserve_fds);
	default_signals();
	if (p->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, errno, "set no_new_privs");

	if (filter && i->seccomp->notify)
		r = seccomp_notify_begin(i->notify, err);
	if (r >= 0 && i->landlock_fd >= 0)	/* not for whom that has just started */
		r = landlock_restrict(i->landlock_fd, err);
	if (r >= 0 && filter && admin_for_filter)
		r = load_filter(i, err);
	if (r >= 0)
		r = identity_capabilities(&capabilities, err);
	if (r >= 0 && filter && !admin_for_filter)
		r = load_filter(i, err);
	if (r < 0)
		return r;

	execve(program->path, p->args, program->env);
	int failed = errno;
	/* lower-case and in this form because engines sort errors by it */
	error_say(err, failed, "exec %s: %s", program->path,
			 failed == ENOENT ? "no such file or directory" : failed == EACCES ? "permission denied" :
			 failed == ENOEXEC ? "exec format error" : strerror(failed));
	if (failed == EACCES && i->landlock_fd >= 0)
		error_hint(err, "the annotation " ANNOTATION_LANDLOCK " must have exec: for the program and its interpreter or loader");
	return -failed;
}
