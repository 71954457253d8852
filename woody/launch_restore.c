/* `restore`: the parts of launch_create() around a process that criu makes. */
#include "launch_impl.h"
#include "annotations.h"
#include "cleanup.h"
#include <sys/syscall.h>

int launch_restore(struct launch *l, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	struct container reserved = CONTAINER_INIT;
	int r = container_reserve(l->root, l->id, &reserved, err);
	if (r < 0)
		return r;
	l->container = reserved;
	r = launch_read_config(l, &text, &len, err);
	if (r == 0)
		r = launch_fill_record(l, err);
	if (r == 0)
		r = annotations_check(l->container.spec, err);
	if (r == 0)
		r = namespaces_open(l->container.spec, &l->namespaces, err);
	if (r == 0)
		r = launch_prepare_terminal(l, l->container.spec->process, err);
	if (r == 0)
		r = hook_output_open(l->container.spec, &l->init.hook_output, err);
	return r < 0 ? r : container_save_config(&l->container, text, len, err);
}

int launch_restore_cgroup(struct launch *l, struct error *err)
{
	int r = launch_make_cgroup(l, err);
	if (l->cgroup)
		cgroup_joined(l->cgroup);
	return r;
}

int launch_restore_enter(struct launch *l, pid_t criu, struct error *err)
{
	l->pid = criu;
	int r = launch_enter_cgroup(l, err);
	l->pid = 0;	/* it ends by itself */
	return r;
}

int launch_restore_hooks(struct launch *l, pid_t pid, struct error *err)
{
	if (!l->container.spec->hooks)
		return 0;
	l->container.record.pid = pid;
	return launch_parent_hooks(l, err);
}

int launch_restored(struct launch *l, pid_t pid, struct error *err)
{
	l->pid = pid;
	l->pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
	return l->pidfd < 0 ? error_set(err, errno, "hold process %d", pid) : launch_finish_record(l, err);
}
