/* A process in a container that runs: the same way in, without anything to make but the process. */
#include "launch_impl.h"
#include "affinity.h"
#include "annotations.h"
#include "cleanup.h"
#include <sched.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static int exec_prepare(struct launch *l, const struct cgroup_record *record, char *const *sub, struct error *err)
{
	struct init *i = &l->init;
	const struct runtime_spec *spec = l->container.spec;
	int r = launch_open_proc(&i->proc_fd, err);
	if (r < 0)
		return r;
	i->exec = true;
	i->spec = spec;
	i->container = &l->container;
	i->preserve_fds = l->preserve_fds;
	i->no_new_keyring = l->container.record.no_new_keyring;
	i->join_pidfd = container_pidfd(&l->container);
	if (i->join_pidfd < 0)
		return error_say(err, ESRCH, "cannot exec in a stopped container");
	r = namespaces_of(i->proc_fd, (pid_t) l->container.record.pid, &i->join_flags, err);
	if (r == 0)
		r = launch_check_process(i->process, spec->linux_, err);
	if (r == 0)
		r = launch_prepare_terminal(l, i->process, err);
	if (r == 0)
		r = identity_parse_capabilities(i->process->capabilities, &i->capabilities, err);
	if (r == 0)
		r = launch_prepare_seccomp(l, err);
	if (r < 0)
		return r;
	r = landlock_parse(annotation_get(spec, ANNOTATION_LANDLOCK), &i->landlock, err);
	if (r < 0)
		return r;
	labels_choose(i->process, &i->labels);
	i->rootfs.user_namespace = (i->join_flags & CLONE_NEWUSER) || l->nested;
	i->second_fork = (i->join_flags & (CLONE_NEWPID | CLONE_NEWTIME)) != 0;

	struct cgroup *cgroup = NULL;
	l->follow_init = !sub || !*sub;
	r = cgroup_load(record, &cgroup, err);
	if (r == 0 && sub && *sub)
		r = cgroup_sub(cgroup, sub, &l->cgroup, err);
	else if (r == 0)
		l->cgroup = take_ptr(cgroup);
	cgroup_free(cgroup);
	if (r == 0)
		r = cgroup_prepare_join(l->cgroup, err);
	i->cgroup = l->cgroup;
	return r;
}

int launch_exec(struct launch *l, const struct cgroup_record *record, char *const *sub, struct error *err)
{
	int r = exec_prepare(l, record, sub, err);
	if (r == 0)
		r = affinity_initial(l->init.process->exec_cpu_affinity, err);
	if (r == 0)
		r = launch_clone(l, err);
	if (r == 0)
		r = launch_converse(l, err);
	if (r == 0 && l->pid_file)
		r = launch_write_pid_file(l->pid_file, l->pid, err);
	if (r == 0)
		r = launch_send_pidfd(l, err);
	if (r == 0)
		r = launch_start(l, err);
	r = launch_explain_end(l, r, err);
	if (r < 0)
		launch_kill_init(l);
	return r;
}
