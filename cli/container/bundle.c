#include "bundle.h"
#include "../network/network.h"
#include "capabilities.h"
#include "cleanup.h"
#include "fs.h"
#include "hostfiles.h"
#include "lists.h"
#include "log.h"
#include "mount_stage.h"
#include "privileges.h"
#include "str.h"
#include "user.h"
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

enum { ETC_MAX = 1 << 20, SHORT_ID = 12 };

static bool network_is(const struct container *c, const char *mode) { return str_eq(c->record.network, mode); }

/* ---- names ---- */

static const char *hostname_of(const struct container *c, const struct bundle_environment *e, struct pool *pool)
{
	struct utsname u;
	if (!namespaces_own_uts(&c->record.namespaces) || e->lacks.hostname)
		return uname(&u) == 0 ? pool_strdup(pool, u.nodename) : "localhost";
	if (c->record.hostname)
		return c->record.hostname;
	if (network_is(c, "host") && uname(&u) == 0)
		return pool_strdup(pool, u.nodename);
	return pool_strndup(pool, c->record.id, strnlen(c->record.id, SHORT_ID));
}

/* ---- user ---- */

/* Looked at before it is opened: an image may have a device or a FIFO there. */
int bundle_read_etc(int root_fd, const char *path, char **ret, struct error *err)
{
	struct stat st;
	char name[32];
	cleanup_close int path_fd = fs_open_beneath(root_fd, path, O_PATH, 0, NULL);
	if (path_fd == -ENOENT || path_fd == -ENOTDIR) {
		*ret = xstrdup("");
		return 0;
	}
	if (path_fd < 0)
		return error_set(err, -path_fd, "open the container's '/%s'", path);
	if (fstat(path_fd, &st) < 0)
		return error_set(err, errno, "look at the container's '/%s'", path);
	if (!S_ISREG(st.st_mode))
		return error_say(err, EINVAL, "the container's '/%s' is no regular file", path);
	cleanup_close int fd = open(fs_fd_path(path_fd, name), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "open the container's '/%s'", path);
	return fs_read_fd(fd, path, ETC_MAX, ret, NULL, err);
}

/* with_own_group - the user's own group is among the supplementary ones, too: else a set-group-id program could
 * drop it and pass a permission that denies just this group (CVE-2022-36109) */
static void with_own_group(struct spec_user *u, struct pool *pool)
{
	for (size_t i = 0; i < u->additional_gids.n; i++)
		if (u->additional_gids.v[i] == u->gid)
			return;
	uint32_t *v = pool_alloc(pool, (u->additional_gids.n + 1) * sizeof *v);
	v[0] = u->gid;
	if (u->additional_gids.n)
		memcpy(v + 1, u->additional_gids.v, u->additional_gids.n * sizeof *v);
	u->additional_gids = (struct u32s) { .n = u->additional_gids.n + 1, .v = v };
}

/* find_user - 1 when only root could be had in place of another */
static int find_user(const struct container *c, const char *rootfs, const struct bundle_environment *e, struct pool *pool,
		     struct spec_user *ret, struct error *err)
{
	const char *word = str_empty(c->record.user) ? "0" : c->record.user;
	cleanup_free char *passwd = NULL, *group = NULL;
	cleanup_close int root_fd = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return error_set(err, errno, "open the rootfs '%s'", rootfs);
	int r = bundle_read_etc(root_fd, "etc/passwd", &passwd, err);
	if (r == 0)
		r = bundle_read_etc(root_fd, "etc/group", &group, err);
	if (r < 0)
		return r;
	r = identity_parse_user(word, passwd, group, pool, ret, err);
	if (r < 0)
		return error_wrap(err, "user '%s'", word);
	if (!e->single_id) {
		with_own_group(ret, pool);
		return process_groups(&c->record.process, group, pool, ret, err);
	}
	ret->additional_gids = (struct u32s) { 0 };	/* setgroups(2) is denied there */
	if (ret->uid == 0 && ret->gid == 0)
		return 0;
	log_warn("user '%s' is %u:%u, but the container's user namespace has only one id: it runs as root, without capabilities; give your "
		 "user subordinate ids (usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER)", word, ret->uid, ret->gid);
	ret->uid = ret->gid = 0;
	return 1;
}

/* ---- process ---- */

/* of --init: on the /dev that every container has of its own, so that no file of the image's is touched */
#define INIT_PATH "/dev/init"

static char **environment(const struct container *c, const char *hostname, struct pool *pool)
{
	char *first[] = { NULL, NULL };
	if (!env_get(c->record.env, "HOSTNAME"))
		first[0] = pool_printf(pool, "HOSTNAME=%s", hostname);
	return list_copy(pool, first, c->record.env);
}

static char **capabilities_of(const struct bundle_environment *e, struct pool *pool)
{
	const struct record_settings *s = e->settings;
	char **list = s && (s->capabilities || s->no_capabilities) ? list_copy(pool, s->capabilities, NULL) :
								     capabilities_default(pool);
	/* a new user namespace begins with all of them */
	/* --privileged asks for what there is */
	return e->rootless ? list : capabilities_available(list, s && s->privileged, pool);
}

static int make_process(const struct container *c, const struct bundle_environment *e, const char *rootfs, const char *hostname,
			struct pool *pool, struct spec_process **ret, struct error *err)
{
	struct spec_process *p = pool_alloc(pool, sizeof *p);
	p->terminal = c->record.tty;
	if (p->terminal && e->rows) {
		p->console_size = pool_alloc(pool, sizeof *p->console_size);
		*p->console_size = (struct spec_box) { .height = e->rows, .width = e->columns };
	}
	char *init[] = { (char *) INIT_PATH, (char *) "--", NULL };
	p->args = list_copy(pool, c->record.life.init ? init : NULL, c->record.args);
	p->env = activation_environment(&e->sockets, environment(c, hostname, pool), pool);
	p->cwd = pool_strdup(pool, str_empty(c->record.workdir) ? "/" : c->record.workdir);
	p->capabilities = pool_alloc(pool, sizeof *p->capabilities);
	p->capabilities->bounding = p->capabilities->effective = p->capabilities->permitted = capabilities_of(e, pool);
	p->no_new_privileges = e->settings && e->settings->no_new_privileges;
	*ret = p;
	int r = find_user(c, rootfs, e, pool, &p->user, err);
	if (r == 1) {	/* as the other user would have had none */
		char **none = list_words(pool, "");
		p->capabilities->bounding = p->capabilities->effective = p->capabilities->permitted = none;
	}
	/* as docker: another user's program begins with what execve(2) would leave it, or it could be executed without permission for it */
	if (r == 0 && p->user.uid != 0)
		p->capabilities->effective = p->capabilities->permitted = list_words(pool, "");
	return r < 0 ? r : 0;
}

/* ---- mounts ---- */

struct mount_row { const char *destination, *type, *source, *options; };

static const struct mount_row mounts[] = {
	{ "/proc", "proc", "proc", "nosuid noexec nodev" },
	{ "/dev", "tmpfs", "tmpfs", "nosuid strictatime mode=755 size=65536k" },
	{ "/dev/pts", "devpts", "devpts", "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5" },
	{ "/sys", "sysfs", "sysfs", "nosuid noexec nodev ro" },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", "ro nosuid noexec nodev" },
	{ "/dev/mqueue", "mqueue", "mqueue", "nosuid noexec nodev" },
	{ "/dev/shm", "tmpfs", "shm", "nosuid noexec nodev mode=1777 size=65536k" },
};
/* the group tty is not mapped */
static const struct mount_row single_id_pts = { "/dev/pts", "devpts", "devpts",
						"nosuid noexec newinstance ptmxmode=0666 mode=0620" };
/* a sysfs of one's own needs a network namespace of one's own */
static const struct mount_row host_sys = { "/sys", "none", "/sys", "rbind nosuid noexec nodev ro" };

/* where the kernel refuses a new one, since parts of the one outside are covered */
static const struct mount_row outer_proc = { "/proc", "none", "/proc", "rbind nosuid noexec nodev rro" };

static const char *const etc_files[] = { "hosts", "hostname", "resolv.conf" };

enum { MOUNTS = sizeof mounts / sizeof *mounts, ETC_FILES = sizeof etc_files / sizeof *etc_files };

static const struct mount_row *choose(const struct container *c, const struct bundle_environment *e, const struct mount_row *row)
{
	if (e->single_id && strcmp(row->destination, "/dev/pts") == 0)
		return &single_id_pts;
	bool foreign = network_is(c, "host") ? e->rootless || users_mapped(&c->record) : !network_is_own(c->record.network) && users_mapped(&c->record);
	if (foreign && strcmp(row->destination, "/sys") == 0)
		return &host_sys;
	if (e->lacks.proc && strcmp(row->destination, "/proc") == 0)
		return &outer_proc;
	return row;
}

/* mount_options - of one of ours; --shm-size takes the place of the usual size */
static char **mount_options(const struct container *c, const struct mount_row *row, struct pool *pool)
{
	char **options = list_words(pool, row->options);
	for (char **o = options; c->record.limits.shm_size && strcmp(row->source, "shm") == 0 && *o; o++)
		if (str_starts(*o, "size="))
			*o = pool_printf(pool, "size=%lld", (long long) c->record.limits.shm_size);
	return options;
}

/* etc_wanted - is this one of carrier's own files to be mounted? */
static bool etc_wanted(const struct record *r, const char *name, const char *destination)
{
	if ((r->files.no_hosts && strcmp(name, "hosts") == 0) || (r->files.no_hostname && strcmp(name, "hostname") == 0))
		return false;
	return !mounts_have(r, destination);
}

static int make_mounts(struct runtime_spec *s, const struct container *c, const struct bundle_environment *e, struct pool *pool,
		       struct error *err)
{
	const struct record *r = &c->record;
	s->mounts = pool_alloc(pool, (MOUNTS + ETC_FILES + mounts_room(r) + 1) * sizeof *s->mounts);
	for (size_t i = 0; i < MOUNTS; i++) {
		const struct mount_row *row = choose(c, e, &mounts[i]);
		/* `-v /dev/shm:/dev/shm` takes the place of ours, as docker's does */
		if (mounts_have(r, row->destination))
			continue;
		struct spec_mount *m = &s->mounts[s->n_mounts];
		*m = (struct spec_mount) { .destination = pool_strdup(pool, row->destination), .type = pool_strdup(pool, row->type),
			.source = pool_strdup(pool, row->source), .options = mount_options(c, row, pool) };
		if (e->settings)
			privileges_mount(e->settings, pool, m);
		s->n_mounts += namespaces_mount(c, e->rootless, pool, m);
	}
	for (size_t i = 0; i < ETC_FILES; i++) {
		char *destination = pool_printf(pool, "/etc/%s", etc_files[i]);
		if (etc_wanted(r, etc_files[i], destination))
			s->mounts[s->n_mounts++] = (struct spec_mount) {
				.destination = destination, .type = pool_strdup(pool, "bind"),
				.source = pool_printf(pool, "%s/%s", c->dir, etc_files[i]),
				.options = list_words(pool, "bind rprivate rw"),
			};
	}
	if (r->life.init)
		s->mounts[s->n_mounts++] = (struct spec_mount) {
			.destination = pool_strdup(pool, INIT_PATH), .type = pool_strdup(pool, "bind"),
			.source = pool_strdup(pool, r->life.init), .options = list_words(pool, "bind rprivate ro nosuid nodev"),
		};
	return mounts_to_spec(c, s, pool, err);
}

/* ---- linux ---- */

/* make_resources - NULL when there is nothing to limit */
static int make_resources(const struct container *c, bool rootless, struct pool *pool, struct spec_process *p, struct spec_resources **ret,
			  struct error *err)
{
	struct spec_resources *r = pool_alloc(pool, sizeof *r);
	/* in a user namespace no device node can be made, and nobody may write the rules */
	if (!rootless) {
		r->devices = pool_alloc(pool, sizeof *r->devices);
		r->devices[0] = (struct spec_device_rule) { .allow = false, .access = pool_strdup(pool, "rwm") };
		r->n_devices = 1;
	}
	int result = limits_to_spec(&c->record, pool, p, r, err);
	*ret = r->n_devices || r->memory || r->cpu || r->pids || r->block_io || r->unified.n ? r : NULL;
	return result;
}

/* cgroup_path - rootless: the runtime's own default, which it can go without, unless something is asked for */
static char *cgroup_path(const struct container *c, const struct bundle_environment *e, struct pool *pool)
{
	const char *parent = c->record.limits.cgroup_parent;
	if (e->systemd_cgroups)
		return pool_printf(pool, "%s:carrier:%s", parent ? parent : "", c->record.id);
	if (e->rootless && !parent)
		return NULL;
	return pool_printf(pool, "%s/%s", parent ? parent : "/carrier", c->record.id);
}

/* make_sysctl - ports below 1024 are guarded for the host's sake; a network of one's own has no such need. Likewise ping,
 * whose groups must all be mapped. */
static void make_sysctl(struct spec_linux *l, const struct container *c, const struct bundle_environment *e, struct pool *pool)
{
	if (e->lacks.proc || !network_is_own(c->record.network) || access("/proc/sys/net/ipv4/ip_unprivileged_port_start", F_OK) < 0)
		return;
	l->sysctl.pairs = pool_alloc(pool, 3 * sizeof *l->sysctl.pairs);
	l->sysctl.pairs[l->sysctl.n++] = (struct json_pair) { pool_strdup(pool, "net.ipv4.ip_unprivileged_port_start"),
							      pool_strdup(pool, "0") };
	bool helper_later = network_is_helped(c->record.network) && !namespaces_network_first(&c->record);
	if (helper_later && access("/proc/sys/net/ipv6/conf/default/accept_dad", F_OK) == 0)	/* as netns_make() */
		l->sysctl.pairs[l->sysctl.n++] = (struct json_pair) { pool_strdup(pool, "net.ipv6.conf.default.accept_dad"),
								      pool_strdup(pool, "0") };
	if (!e->rootless && !users_mapped(&c->record))
		l->sysctl.pairs[l->sysctl.n++] = (struct json_pair) { pool_strdup(pool, "net.ipv4.ping_group_range"),
								      pool_strdup(pool, "0 2147483647") };
}

static int make_linux(const struct container *c, const struct bundle_environment *e, struct spec_process *p, struct pool *pool,
		      struct spec_linux **ret, struct error *err)
{
	struct spec_linux *l = *ret = pool_alloc(pool, sizeof *l);
	namespaces_to_spec(c, &e->others, pool, l);
	make_sysctl(l, c, e, pool);
	l->cgroups_path = cgroup_path(c, e, pool);
	return make_resources(c, e->rootless, pool, p, &l->resources, err);
}

/* ---- the bundle ---- */

static const struct record_settings usual;	/* docker's defaults */

int bundle_spec(const struct container *c, const struct bundle_environment *e, struct pool *pool, struct runtime_spec **ret,
		struct error *err)
{
	struct runtime_spec *s = pool_alloc(pool, sizeof *s);
	const char *hostname = hostname_of(c, e, pool);
	const struct record_settings *settings = e->settings ? e->settings : &usual;
	s->oci_version = pool_strdup(pool, "1.0.2");	/* the oldest that has all of it: every runtime takes it */
	s->root = pool_alloc(pool, sizeof *s->root);
	s->root->path = c->record.rootfs ? pool_strdup(pool, c->record.rootfs) : pool_printf(pool, "%s/rootfs", c->dir);
	s->root->readonly = c->record.read_only;
	s->hostname = namespaces_own_uts(&c->record.namespaces) && !e->lacks.hostname ? pool_strdup(pool, hostname) : NULL;
	s->annotations = c->record.labels;
	int r = make_process(c, e, s->root->path, hostname, pool, &s->process, err);
	if (r < 0)
		return r;
	r = make_mounts(s, c, e, pool, err);
	if (r < 0)
		return r;
	*ret = s;
	r = make_linux(c, e, s->process, pool, &s->linux_, err);
	r = r < 0 ? r : users_to_spec(&c->record, e->others.user, s->linux_, pool, err);
	if (r == 0 && mounts_are_shared(&c->record))	/* else the runtime takes everything out of the host's peer groups */
		s->linux_->rootfs_propagation = pool_strdup(pool, "shared");
	r = r < 0 ? r : privileges_to_spec(settings, pool, s, err);
	r = r < 0 ? r : devices_to_spec(&c->record.devices, settings->privileged, e->rootless, pool, s, err);
	return r < 0 ? r : process_to_spec(c, pool, s, err);
}

/* write_text - @bound: it is bound into the container now, where another file of its name would not be seen */
static int write_text(const struct container *c, const char *name, const char *text, bool bound, struct error *err)
{
	cleanup_close int fd = bound ? openat(c->dir_fd, name, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (bound)
		return fd < 0 || fs_write_all(fd, text, strlen(text)) < 0 ? error_set(err, errno, "write '%s/%s'", c->dir, name) : 0;
	return fs_replace_file(c->dir_fd, name, text, strlen(text), 0644, false, err);
}

/* read_servers - the host's resolv.conf; where that names only systemd-resolved's stub, the file with the servers that stub asks: the host's
 * own answer to who cannot reach its loopback */
static char *read_servers(const struct container *c, bool pasta)
{
	char *host = NULL, *real = NULL;
	if (network_kind(c->record.network) == NETWORK_NONE)
		return xstrdup("");
	if (fs_read_file(AT_FDCWD, "/etc/resolv.conf", ETC_MAX, &host, NULL, NULL) < 0) {
		log_debug("the host's /etc/resolv.conf cannot be read; the container's is made without it");
		return xstrdup("");
	}
	if (!pasta || !hostfiles_is_stub(host) || fs_read_file(AT_FDCWD, "/run/systemd/resolve/resolv.conf", ETC_MAX, &real, NULL, NULL) < 0)
		return host;
	free(host);
	return real;
}

/* copy_etc - of the container whose network it shares, whose directory is beside ours: names are the network's matter */
static int copy_etc(const struct container *c, const char *name, struct error *err)
{
	cleanup_free char *path = xasprintf("%s/../%s/%s", c->dir, network_argument(c->record.network), name), *text = NULL;
	int r = fs_read_file(AT_FDCWD, path, ETC_MAX, &text, NULL, err);
	return r < 0 ? r : write_text(c, name, text, false, err);
}

/* write_etc - readable for every user of the container, whoever owns the container */
static int write_etc(const struct container *c, const struct record_settings *settings, const char *hostname, bool bound, struct error *err)
{
	char address[HOSTFILES_ADDRESS_MAX], loopback[16];
	cleanup_free char *line = xasprintf("%s\n", hostname);
	int r = write_text(c, "hostname", line, bound, err);
	if (r < 0)
		return r;
	if (network_kind(c->record.network) == NETWORK_CONTAINER) {
		r = copy_etc(c, "hosts", err);
		return r < 0 ? r : copy_etc(c, "resolv.conf", err);
	}
	const struct network_request q = { .mode = c->record.network, .n_ports = c->record.networking.n_ports };
	bool pasta = str_eq(network_helper_name(&q), "pasta");
	cleanup_free char *host = read_servers(c, pasta);
	bool asks = !network_is(c, "none") || (settings && settings->hosts && settings->hosts[0]);
	const char *gateway = network_gateway(c->record.network, loopback);
	cleanup_free char *hosts = hostfiles_hosts(c->record.network, hostname, gateway ? gateway : asks ? hostfiles_address(address) : NULL, settings);
	cleanup_free char *resolv = hostfiles_resolv(c->record.network, pasta, host, settings);
	r = write_text(c, "hosts", hosts, bound, err);
	return r < 0 ? r : write_text(c, "resolv.conf", resolv, bound, err);
}

/* make_workdir - docker makes a working directory that the image does not have. Not in a directory of the caller's own (--rootfs). */
static int make_workdir(const struct container *c, struct error *err)
{
	if (c->record.rootfs || str_empty(c->record.workdir) || str_eq(c->record.workdir, "/"))
		return 0;
	/* by its path: dir_fd is of the mount namespace that we came from, where nothing is mounted on rootfs/ */
	cleanup_free char *path = xasprintf("%s/rootfs", c->dir);
	cleanup_close int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_set(err, errno, "open '%s'", path);
	cleanup_close int dir = fs_mkdir_beneath(root, c->record.workdir, 0755, err);
	return dir < 0 ? error_wrap(err, "working directory") : 0;
}

int bundle_write_etc(const struct container *c, const struct bundle_environment *e, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	return write_etc(c, e->settings, hostname_of(c, e, &pool), true, err);
}

int bundle_write(const struct container *c, const struct bundle_environment *e, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct runtime_spec *spec = NULL;
	if (mkdirat(c->dir_fd, "rootfs", 0755) < 0 && errno != EEXIST)
		return error_set(err, errno, "make '%s/rootfs'", c->dir);
	int r = bundle_spec(c, e, &pool, &spec, err);
	if (r == 0)
		r = make_workdir(c, err);
	if (r == 0)
		r = write_etc(c, e->settings, hostname_of(c, e, &pool), false, err);
	if (r == 0)
		r = users_files(c, spec, &pool, err);
	if (r == 0)
		r = mounts_stage(c, spec, &pool, err);
	if (r < 0)
		return r;
	size_t len;
	cleanup_free char *text = json_encode(&runtime_spec_type, spec, JSON_COMPACT, &len);
	return mounts_write_config(c, text, len, err);
}

/* what runtimes say (woody, runc and crun in their ways), and what is done then */
static const struct { const char *word; size_t flag; const char *instead; } degradations[] = {
	{ "proc\"", offsetof(struct bundle_lacks, proc),
	  "a new /proc is refused here, since parts of the one that we have are covered: it is shown to the container instead, read-only, with the "
	  "processes outside; --privileged of the outer container makes way for a new one" },
	{ "hostname", offsetof(struct bundle_lacks, hostname),
	  "the host name cannot be set here, since a seccomp filter forbids it: the container has ours; `--security-opt seccomp=unconfined` of the "
	  "outer container allows it" },
};

bool bundle_degrade(const struct container *c, struct bundle_environment *e, struct error *err)
{
	struct error why = { 0 };
	if (!e->rootless || !strcasestr(err->text, "operation not permitted"))
		return false;
	for (size_t i = 0; i < sizeof degradations / sizeof *degradations; i++) {
		bool *lacks = (bool *) (void *) ((char *) &e->lacks + degradations[i].flag);
		if (*lacks || !strstr(err->text, degradations[i].word))
			continue;
		*lacks = true;
		if (bundle_write(c, e, &why) < 0)
			return false;
		log_warn("%s", degradations[i].instead);
		*err = (struct error) { 0 };
		return true;
	}
	return false;
}
