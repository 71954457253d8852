/* What a launch needs is read, checked and opened here; nothing is made yet. */
#include "launch_impl.h"
#include "affinity.h"
#include "annotations.h"
#include "cleanup.h"
#include "console.h"
#include "fs.h"
#include "intel_rdt.h"
#include "log.h"
#include "memory_policy.h"
#include "proc.h"
#include "scheduling.h"
#include "sysctl.h"
#include "validate.h"
#include <linux/magic.h>
#include <sched.h>
#include <time.h>


#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

enum { CONFIG_MAX = 16 << 20 };

/* container_saved_config goes with this: the text is what later commands read */
int launch_read_config(struct launch *l, char **text, size_t *len, struct error *err)
{
	cleanup_free char *path = l->config ? xstrdup(l->config) : xasprintf("%s/config.json", l->bundle);
	int r = fs_read_file(AT_FDCWD, path, CONFIG_MAX, text, len, err);
	if (r == -ENOENT && !l->config)
		return error_say(err, ENOENT, "no config.json in the bundle '%s': No such file or directory; give the "
				 "bundle's directory with --bundle, or make one with `woody spec`", l->bundle);
	if (r < 0)
		return r;
	r = json_decode(&runtime_spec_type, *text, *len, &l->container.pool, &l->container.spec, err);
	return r < 0 ? error_wrap(err, "%s", path) : validate_spec(l->container.spec, err);
}

int launch_open_proc(int *ret, struct error *err)
{
	cleanup_close int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "open /proc");
	if (fs_is_type(fd, PROC_SUPER_MAGIC) <= 0)
		return error_say(err, EINVAL, "/proc is not a procfs");
	*ret = take_fd(fd);
	return 0;
}

/* launch_fill_record - what `state` shows; the pid comes later */
int launch_fill_record(struct launch *l, struct error *err)
{
	struct container_record *rec = &l->container.record;
	struct pool *pool = &l->container.pool;
	const struct runtime_spec *spec = l->container.spec;
	struct timespec now;
	char when[40];
	clock_gettime(CLOCK_REALTIME, &now);

	cleanup_free char *bundle = NULL;
	int r = fs_absolute(l->bundle, &bundle, err);
	if (r < 0)
		return r;
	rec->oci_version = spec->oci_version;
	rec->id = l->container.id;
	rec->bundle = pool_strdup(pool, bundle);
	const char *root = spec->root->path;
	cleanup_free char *joined = root[0] == '/' ? xstrdup(root) : xasprintf("%s/%s", bundle, root);
	cleanup_free char *rootfs = NULL;
	r = fs_absolute(joined, &rootfs, err);
	if (r < 0)
		return r;
	rec->rootfs = pool_strdup(pool, rootfs);
	rec->created = pool_strdup(pool, str_rfc3339(now.tv_sec, now.tv_nsec, when));
	rec->boot_id = pool_strdup(pool, proc_boot_id());
	rec->owner = geteuid();
	rec->annotations = spec->annotations;
	return 0;
}

/* launch_prepare_terminal - who gets the pty's master is decided before anything is made */
int launch_prepare_terminal(struct launch *l, const struct spec_process *p, struct error *err)
{
	bool terminal = p && p->terminal;
	if (terminal && !l->console_socket && l->detach)
		return error_say(err, EINVAL, "cannot allocate tty if runc will detach without setting console socket: "
				 "give --console-socket, or set process.terminal to false");
	if (!terminal && l->console_socket)
		return error_say(err, EINVAL, "cannot use console socket if runc will not detach or allocate tty: "
				 "process.terminal is false");
	if (!terminal || !l->console_socket)
		return 0;
	l->init.console_fd = console_connect(l->console_socket, err);
	return l->init.console_fd < 0 ? l->init.console_fd : 0;
}

/* launch_check_process - what the modules of the child would refuse, while nothing has been made */
int launch_check_process(const struct spec_process *p, const struct spec_linux *lx, struct error *err)
{
	int r = scheduling_check(p, lx, err);
	if (r == 0 && p)
		r = affinity_check(p->exec_cpu_affinity, err);
	return r < 0 || !lx ? r : memory_policy_check(lx->memory_policy, err);
}

/* launch_prepare_seccomp - the filter, and who answers what it notifies: an agent, or we ourselves for --explain */
int launch_prepare_seccomp(struct launch *l, struct error *err)
{
	const struct runtime_spec *spec = l->container.spec;
	const struct spec_seccomp *s = spec->linux_ ? spec->linux_->seccomp : NULL;
	l->init.seccomp = &l->seccomp;
	l->init.notify = &l->notify;
	if (!s && l->explain)
		log_warn("--explain: config.json has no linux.seccomp, so seccomp denies no system call and nothing can be explained");
	int r = s ? seccomp_prepare(s, l->root, &l->seccomp, err) : 0;
	if (r == 0 && s && l->explain) {
		l->explaining = (struct explain) { .profile = s, .filter = &l->seccomp,
						   .raw = l->init.process && l->init.process->terminal };
		l->notify.serve = explain_serve;
		l->notify.ctx = &l->explaining;
		l->notify.out_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		r = seccomp_filter_explain(&l->seccomp, err);
	}
	return r < 0 ? r : seccomp_notify_prepare(&l->notify, &l->seccomp, spec, l->wait_for_start, err);
}

int launch_prepare(struct launch *l, struct error *err)
{
	struct runtime_spec *spec = l->container.spec;
	struct init *i = &l->init;
	int r = launch_open_proc(&i->proc_fd, err);
	if (r == 0)
		r = annotations_check(spec, err);
	if (r == 0)
		r = namespaces_open(spec, &l->namespaces, err);
	if (r == 0)
		r = netdev_check(spec, &l->namespaces, err);
	if (r == 0)
		r = intel_rdt_check(spec, err);
	if (r == 0)
		r = sysctl_check(spec, err);
	if (r == 0)
		r = launch_check_process(spec->process, spec->linux_, err);
	if (r == 0)
		r = launch_prepare_terminal(l, spec->process, err);
	if (r == 0 && spec->process)
		r = identity_parse_capabilities(spec->process->capabilities, &i->capabilities, err);
	i->process = spec->process;
	if (r == 0)
		r = launch_prepare_seccomp(l, err);
	if (r < 0)
		return r;

	r = landlock_parse(annotation_get(spec, ANNOTATION_LANDLOCK), &i->landlock, err);
	if (r == 0)
		r = landlock_check(&i->landlock, err);
	if (r == 0)
		r = hook_output_open(spec, &i->hook_output, err);
	if (r < 0)
		return r;
	labels_choose(spec->process, &i->labels);
	int own = l->namespaces.own, joined = l->namespaces.joined;
	i->spec = spec;
	i->namespaces = &l->namespaces;
	i->container = &l->container;
	i->preserve_fds = l->preserve_fds;
	i->no_new_keyring = l->container.record.no_new_keyring = l->no_new_keyring;
	/* these take effect for children only; and a pid namespace must belong to the user namespace that is joined */
	i->second_fork = ((own | joined) & CLONE_NEWTIME) || (joined & (CLONE_NEWPID | CLONE_NEWUSER)) ||
			 (joined && (own & CLONE_NEWUSER));	/* which is made after they were joined */
	i->rootfs = (struct rootfs) {
		.spec = spec, .bundle = l->container.record.bundle, .path = l->container.record.rootfs, .fd = -1,
		.proc_fd = i->proc_fd, .no_pivot = l->no_pivot, .mount_label = labels_mount(spec->linux_),
		.user_namespace = ((own | joined) & CLONE_NEWUSER) || l->nested,
		.mount_namespace = ((own | joined) & CLONE_NEWNS) != 0,
		.network_namespace = ((own | joined) & CLONE_NEWNET) != 0,
	};
	i->rootfs.privileged_parent = i->rootfs.mount_namespace && ((own | joined) & CLONE_NEWUSER) && geteuid() == 0;
	return 0;
}
