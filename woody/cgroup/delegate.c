#include "delegate.h"
#include "cleanup.h"
#include "driver.h"
#include "fs.h"
#include "log.h"
#include "str.h"
#include <fcntl.h>
#include <string.h>

/* what a kernel before 4.15 does not list */
static const char fallback[] = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";

static bool has_own_cgroup_namespace(const struct spec_linux *l)
{
	for (size_t i = 0; l && i < l->n_namespaces; i++)
		if (strcmp(l->namespaces[i].type, "cgroup") == 0)
			return str_empty(l->namespaces[i].path);
	return false;
}

/* has_writable_mount - is the hierarchy mounted where it belongs, and may the container write to it? The last mount counts. */
static bool has_writable_mount(const struct runtime_spec *spec)
{
	bool writable = false;
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct spec_mount *m = &spec->mounts[i];
		cleanup_free char *at = fs_clean_path(m->destination);
		if (strcmp(at, "/sys/fs/cgroup") != 0)
			continue;
		bool cgroup = str_eq(m->type, "cgroup") || str_eq(m->type, "cgroup2");
		writable = cgroup && !strings_have(m->options, "ro") && !strings_have(m->options, "rro");
	}
	return writable;
}

bool cgroup_is_delegated(const struct runtime_spec *spec, uid_t *ret_owner)
{
	const struct spec_linux *l = spec->linux_;
	if (!has_own_cgroup_namespace(l) || !has_writable_mount(spec))
		return false;
	uint32_t uid = spec->process ? spec->process->user.uid : 0;
	*ret_owner = uid;
	for (size_t i = 0; i < l->n_uid_mappings; i++) {
		const struct spec_id_mapping *m = &l->uid_mappings[i];
		if (uid >= m->container_id && uid - m->container_id < m->size) {
			*ret_owner = m->host_id + (uid - m->container_id);
			return true;
		}
	}
	/* no mappings: no user namespace, or one that maps everything as it is, or one that is joined and that we do not know */
	for (size_t i = 0; i < l->n_namespaces; i++)
		if (strcmp(l->namespaces[i].type, "user") == 0 && !str_empty(l->namespaces[i].path))
			return false;
	return l->n_uid_mappings == 0;
}

int cgroup_delegate(struct cgroup *c, const struct runtime_spec *spec, struct error *err)
{
	struct hierarchy *h = c->version == &version_v2 ? cgroup_for(c, "") : NULL;
	uid_t owner;
	if (!h || !cgroup_is_delegated(spec, &owner) || owner == geteuid())
		return 0;
	cleanup_free char *listed = NULL;
	const char *files = fs_read_file(AT_FDCWD, "/sys/kernel/cgroup/delegate", 65536, &listed, NULL, NULL) == 0 ? listed : fallback;
	struct strings names cleanup_strings = { 0 };
	strings_split(&names, files, "\n");
	int fd = hierarchy_fd(h, err);
	if (fd < 0)
		return fd;
	int r = fchownat(fd, "", owner, (gid_t) -1, AT_EMPTY_PATH) < 0 ? -errno : 0;
	for (size_t i = 0; r == 0 && i < names.n; i++)
		if (!strchr(names.v[i], '/') && fchownat(fd, names.v[i], owner, (gid_t) -1, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			r = -errno;
	if (r == -EPERM && geteuid() != 0) {
		log_debug("the container cannot manage its cgroup: give '%s' to user %u: %s", h->dir, owner, strerror(-r));
		return 0;	/* who is no root on the host gives nothing away */
	}
	return r < 0 ? error_set(err, -r, "give cgroup '%s' to user %u", h->dir, owner) : 0;
}
