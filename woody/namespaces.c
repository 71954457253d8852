#include "namespaces.h"
#include "cleanup.h"
#include "fs.h"
#include "str.h"
#include <linux/nsfs.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* In the order in which they are entered: user gives the privilege, mount changes what paths mean. */
static const struct { const char *name, *file; int flag; } types[] = {
	{ "user", "user", CLONE_NEWUSER },	{ "ipc", "ipc", CLONE_NEWIPC },
	{ "uts", "uts", CLONE_NEWUTS },		{ "network", "net", CLONE_NEWNET },
	{ "pid", "pid", CLONE_NEWPID },		{ "cgroup", "cgroup", CLONE_NEWCGROUP },
	{ "time", "time", CLONE_NEWTIME },	{ "mount", "mnt", CLONE_NEWNS },
};
enum { N_TYPES = sizeof types / sizeof *types };

int namespace_flag(const char *type)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (strcmp(types[i].name, type) == 0)
			return types[i].flag;
	return 0;
}

const char *namespace_name(int flag)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (types[i].flag == flag)
			return types[i].name;
	return "unknown";
}

const char *const *namespace_names(void)
{
	static const char *const names[] = { "cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts", NULL };
	return names;
}

static int open_path(const struct spec_namespace *ns, int flag, struct error *err)
{
	cleanup_close int fd = open(ns->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "open the %s namespace '%s'", ns->type, ns->path);
	int type = ioctl(fd, NS_GET_NSTYPE);
	if (type < 0)
		return error_say(err, EINVAL, "'%s' is not a namespace", ns->path);
	if (type != flag)
		return error_say(err, EINVAL, "'%s' is a %s namespace, not a %s namespace", ns->path,
				 namespace_name(type), ns->type);
	return take_fd(fd);
}

int namespaces_open(const struct runtime_spec *spec, struct namespaces *ret, struct error *err)
{
	const struct spec_linux *l = spec->linux_;
	struct namespaces n __attribute__((cleanup(namespaces_done))) = NAMESPACES_INIT;
	for (size_t i = 0; l && i < l->n_namespaces; i++) {
		const struct spec_namespace *ns = &l->namespaces[i];
		int flag = namespace_flag(ns->type);
		if (!flag)
			return error_say(err, EINVAL, "linux.namespaces[%zu].type: unknown namespace '%s'", i, ns->type);
		if ((n.own | n.joined) & flag)
			return error_say(err, EINVAL, "linux.namespaces[%zu]: the %s namespace is given twice", i, ns->type);
		if (str_empty(ns->path)) {
			n.own |= flag;
			continue;
		}
		int fd = open_path(ns, flag, err);
		if (fd < 0)
			return error_wrap(err, "linux.namespaces[%zu]", i);
		n.joined |= flag;
		n.join[n.n_join].flag = flag;
		n.join[n.n_join++].fd = fd;
	}
	if (l && l->n_time_offsets && !((n.own | n.joined) & CLONE_NEWTIME))
		return error_say(err, EINVAL, "linux.timeOffsets needs a time namespace");
	if (l && (l->n_uid_mappings || l->n_gid_mappings) && !((n.own | n.joined) & CLONE_NEWUSER))
		return error_say(err, EINVAL, "linux.uidMappings and gidMappings need a user namespace");

	*ret = n;
	n.n_join = 0;
	return 0;
}

void namespaces_done(struct namespaces *n)
{
	for (int i = 0; i < n->n_join; i++)
		close_fd(&n->join[i].fd);
	n->n_join = 0;
}

int namespaces_join(const struct namespaces *n, int flags, struct error *err)
{
	for (size_t t = 0; t < N_TYPES; t++)
		for (int i = 0; i < n->n_join; i++) {
			if (n->join[i].flag != types[t].flag || !(flags & types[t].flag) || n->join[i].fd < 0)
				continue;
			/* entering the user namespace one is in already is refused with EINVAL; it is where we want to be */
			if (setns(n->join[i].fd, types[t].flag) < 0 && !(types[t].flag == CLONE_NEWUSER && errno == EINVAL))
				return error_set(err, errno, "join the %s namespace", types[t].name);
		}
	return 0;
}

int namespaces_join_early(struct namespaces *n, struct error *err)
{
	for (size_t t = 0; t < N_TYPES; t++)
		for (int i = 0; i < n->n_join; i++) {
			if (n->join[i].flag != types[t].flag || types[t].flag == CLONE_NEWUSER)
				continue;
			if (setns(n->join[i].fd, types[t].flag) == 0)
				close_fd(&n->join[i].fd);
			else if (errno != EPERM)
				return error_set(err, errno, "join the %s namespace", types[t].name);
		}
	return 0;
}

int namespaces_of(int proc_fd, pid_t pid, int *ret, struct error *err)
{
	int differ = 0;
	for (size_t t = 0; t < N_TYPES; t++) {
		char name[64];
		struct stat mine, theirs;
		snprintf(name, sizeof name, "self/ns/%s", types[t].file);
		if (fstatat(proc_fd, name, &mine, 0) < 0)
			continue;	/* a kernel without this type */
		snprintf(name, sizeof name, "%d/ns/%s", pid, types[t].file);
		if (fstatat(proc_fd, name, &theirs, 0) < 0)
			return error_set(err, errno, "look at the %s namespace of process %d", types[t].name, pid);
		if (mine.st_ino != theirs.st_ino || mine.st_dev != theirs.st_dev)
			differ |= types[t].flag;
	}
	*ret = differ;
	return 0;
}
