#include "../launch.h"
#include "../validate.h"
#include "../woody.h"
#include "cleanup.h"
#include "fs.h"
#include <fcntl.h>
#include <string.h>

enum { FAILED = 255, PROCESS_MAX = 16 << 20 };

struct exec_options {
	char *console_socket, *cwd, *user, *process, *pid_file, *pidfd_socket, *apparmor, *process_label;
	struct strings env, gids, caps, cgroups;
	int64_t preserve_fds;
	bool tty, detach, no_new_privs, ignore_paused, no_subreaper, explain;
};

static const struct option_def options[] = {
	OPTION(struct exec_options, console_socket, 0, "console-socket", "PATH", "UNIX socket that receives the terminal's master"),
	OPTION(struct exec_options, cwd, 0, "cwd", "DIR", "start in this directory of the container"),
	OPTION(struct exec_options, env, 'e', "env", "NAME=VALUE", "add to the environment; again for more"),
	OPTION(struct exec_options, tty, 't', "tty", NULL, "give it a terminal"),
	OPTION(struct exec_options, user, 'u', "user", "UID[:GID]", "run as this user"),
	OPTION(struct exec_options, gids, 'g', "additional-gids", "GID", "a further group; again for more"),
	OPTION(struct exec_options, process, 'p', "process", "FILE", "the whole process as a JSON document (runtime-spec's process)"),
	OPTION(struct exec_options, detach, 'd', "detach", NULL, "return once the program runs"),
	OPTION(struct exec_options, explain, 0, "explain", NULL, "tell on stderr which system calls the seccomp profile denies, and by which rule"),
	OPTION(struct exec_options, pid_file, 0, "pid-file", "FILE", "write the pid of the process to FILE"),
	OPTION(struct exec_options, pidfd_socket, 0, "pidfd-socket", "PATH", "UNIX socket that receives a pidfd of the process"),
	OPTION(struct exec_options, caps, 'c', "cap", "CAPABILITY", "add a capability; again for more"),
	OPTION(struct exec_options, no_new_privs, 0, "no-new-privs", NULL, "never gain privileges by execve"),
	OPTION(struct exec_options, apparmor, 0, "apparmor", "PROFILE", "confine it by this AppArmor profile, which must be loaded"),
	OPTION(struct exec_options, process_label, 0, "process-label", "LABEL", "run it with this SELinux label"),
	OPTION(struct exec_options, preserve_fds, 0, "preserve-fds", "N", "pass N file descriptors, from 3 on"),
	OPTION(struct exec_options, cgroups, 0, "cgroup", "[CTRL[,CTRL]:]PATH", "run in this cgroup below the container's"),
	OPTION(struct exec_options, ignore_paused, 0, "ignore-paused", NULL, "also in a paused container: runs once it is resumed"),
	OPTION(struct exec_options, no_subreaper, 0, "no-subreaper", NULL, NULL),	/* we never are one */
};

static int read_process(const char *path, struct pool *pool, struct spec_process **ret, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r = fs_read_file(AT_FDCWD, path, PROCESS_MAX, &text, &len, err);
	if (r == 0)
		r = json_decode(&spec_process_type, text, len, pool, ret, err);
	if (r == 0)
		r = validate_process(*ret, err);
	return r < 0 ? error_wrap(err, "%s", path) : 0;
}

/* read_beneath - a file of the container's, through its root as the kernel shows it; "" when it has none */
static char *read_beneath(int root_fd, const char *path)
{
	char *text = NULL;
	cleanup_close int fd = root_fd < 0 ? -1 : fs_open_beneath(root_fd, path, O_RDONLY, 0, NULL);
	return fd >= 0 && fs_read_fd(fd, path, PROCESS_MAX, &text, NULL, NULL) == 0 ? text : xstrdup("");
}

static int set_user(const struct container *c, const char *word, struct pool *pool, struct spec_user *user, struct error *err)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%lld/root", (long long) c->record.pid);
	cleanup_close int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *passwd = read_beneath(root, "/etc/passwd");
	cleanup_free char *group = read_beneath(root, "/etc/group");
	uint32_t *umask = user->umask;
	int r = identity_parse_user(word, passwd, group, pool, user, err);
	user->umask = umask;
	return r < 0 ? error_wrap(err, "--user '%s'", word) : 0;
}

static char **pool_list(struct pool *pool, char *const *a, char *const *b)
{
	size_t n = strings_count(a), m = strings_count(b);
	char **list = pool_alloc(pool, (n + m + 1) * sizeof *list);
	if (n)
		memcpy(list, a, n * sizeof *list);
	if (m)
		memcpy(list + n, b, m * sizeof *list);
	return list;
}

/* add_capabilities - to bounding, effective and permitted; to ambient only where the spec has an inheritable set, because ambient
 * capabilities must be inheritable (CVE-2022-29162) */
static void add_capabilities(struct pool *pool, struct spec_process *p, char *const *names)
{
	struct spec_capabilities *c = pool_alloc(pool, sizeof *c);
	if (p->capabilities)
		*c = *p->capabilities;
	c->bounding = pool_list(pool, c->bounding, names);
	c->effective = pool_list(pool, c->effective, names);
	c->permitted = pool_list(pool, c->permitted, names);
	if (c->inheritable && c->inheritable[0])
		c->ambient = pool_list(pool, c->ambient, names);
	p->capabilities = c;
}

static int add_gids(struct pool *pool, struct spec_user *user, const struct strings *words, struct error *err)
{
	uint32_t *v = pool_alloc(pool, (user->additional_gids.n + words->n) * sizeof *v);
	size_t n = user->additional_gids.n;
	if (n)
		memcpy(v, user->additional_gids.v, n * sizeof *v);
	for (size_t i = 0; i < words->n; i++) {
		uint64_t gid;
		if (str_to_u64(words->v[i], UINT32_MAX - 1, &gid) < 0)
			return error_say(err, EINVAL, "--additional-gids: '%s' is not a group id", words->v[i]);
		v[n++] = (uint32_t) gid;
	}
	user->additional_gids.n = n;
	user->additional_gids.v = v;
	return 0;
}

/* inherit - what a process document does not say is as in the container, with runc's idea of what belongs to that */
static void inherit(struct spec_process *p, const struct spec_process *own)
{
	if (!p->user.umask)
		p->user.umask = own->user.umask;
	if (!p->capabilities)
		p->capabilities = own->capabilities;
	if (!p->rlimits) {
		p->rlimits = own->rlimits;
		p->n_rlimits = own->n_rlimits;
	}
	if (!p->oom_score_adj)
		p->oom_score_adj = own->oom_score_adj;
	if (!p->scheduler)
		p->scheduler = own->scheduler;
	if (!p->io_priority)
		p->io_priority = own->io_priority;
	if (!p->exec_cpu_affinity)
		p->exec_cpu_affinity = own->exec_cpu_affinity;
	if (str_empty(p->apparmor_profile))
		p->apparmor_profile = own->apparmor_profile;
	if (str_empty(p->selinux_label))
		p->selinux_label = own->selinux_label;
	p->no_new_privileges |= own->no_new_privileges;
}

/* make_process - the container's process with what the options change, or the one in --process */
static int make_process(struct container *c, const struct exec_options *o, char **args, struct spec_process **ret, struct error *err)
{
	struct pool *pool = &c->pool;
	struct spec_process *p = NULL;
	if (o->process) {
		int r = read_process(o->process, pool, &p, err);
		if (r < 0)
			return r;
		if (c->spec->process)
			inherit(p, c->spec->process);
	} else {
		if (!args[0])
			return error_say(err, EINVAL, "process args cannot be empty: give a command, or --process FILE");
		p = pool_alloc(pool, sizeof *p);
		if (c->spec->process)
			*p = *c->spec->process;
		p->args = args;
		p->terminal = o->tty;
		if (!p->cwd)
			p->cwd = (char *) "/";
	}
	int r = 0;
	if (o->cwd)
		p->cwd = o->cwd;
	if (o->tty)
		p->terminal = true;
	if (o->no_new_privs)
		p->no_new_privileges = true;
	if (o->apparmor)
		p->apparmor_profile = o->apparmor;
	if (o->process_label)
		p->selinux_label = o->process_label;
	if (o->env.n)
		p->env = pool_list(pool, p->env, o->env.v);
	if (o->caps.n)
		add_capabilities(pool, p, o->caps.v);
	if (o->user) {
		r = set_user(c, o->user, pool, &p->user, err);
		/* HOME is the new user's, unless the caller names one */
		if (r == 0 && !env_get(o->env.v, "HOME"))
			p->env = pool_list(pool, p->env, (char *[]) { (char *) "HOME=", NULL });
	}
	if (r == 0 && o->gids.n)
		r = add_gids(pool, &p->user, &o->gids, err);
	*ret = p;
	return r;
}

static int exec(struct woody *w, const struct exec_options *o, char **args, struct launch *l, struct error *err)
{
	int r = container_load(w->root, args[0], &l->container, err);
	if (r == 0)
		r = container_read_spec(&l->container, err);
	if (r < 0)
		return r;
	enum container_status status = container_status(&l->container);
	if (status == CONTAINER_STOPPED || status == CONTAINER_CREATING)
		return error_say(err, ESRCH, "cannot exec in a stopped container");
	if (status == CONTAINER_PAUSED && !o->ignore_paused)
		return error_say(err, EBUSY, "cannot exec in a paused container (use --ignore-paused to override)");

	struct spec_process *p = NULL;
	r = make_process(&l->container, o, args + 1, &p, err);
	if (r < 0)
		return r;
	l->init.process = p;
	r = launch_exec(l, &l->container.record.cgroup, o->cgroups.v, err);
	if (r < 0 || o->detach)
		return r;
	return launch_wait(l, err);
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct woody *w = program;
	struct exec_options *o = given;
	struct error err = { 0 };
	(void) n_args;
	struct launch l = LAUNCH_INIT;
	l.root = w->root;
	l.id = args[0];
	l.console_socket = o->console_socket;
	l.pid_file = o->pid_file;
	l.pidfd_socket = o->pidfd_socket;
	l.detach = o->detach;
	l.nested = w->nested;
	l.preserve_fds = (int) o->preserve_fds;
	l.explain = o->explain;
	int r = explain_check(o->explain, o->detach, &err);
	if (r == 0)
		r = seal(w, o->preserve_fds, &err);
	if (r == 0)
		r = exec(w, o, args, &l, &err);
	launch_done(&l);
	if (r < 0) {
		(void) fail(w, "exec", &err);
		return FAILED;
	}
	return r;
}

const struct command command_exec = {
	.name = "exec", .arguments = "CONTAINER-ID [COMMAND [ARG...]]", .summary = "execute a further program in a running container",
	.description = "Exits with the program's exit code, or 128 + n when signal n ended it; 255 when it could not be started. " EXPLAIN_HELP,
	OPTIONS(struct exec_options, options), .min_args = 1, .max_args = -1, .stop_after = 2, .run = run,
};
