/* The default config.json, in the shape of runc's: callers run `spec` and edit what it wrote. */
#include "../cgroup/cgroup.h"
#include "../woody.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include "runtime_spec.h"
#include <string.h>
#include <sys/stat.h>

struct spec_options { char *bundle; bool rootless; };

static const struct option_def options[] = {
	OPTION(struct spec_options, bundle, 'b', "bundle", "DIR",
	       "write DIR/config.json (default: into the current directory)"),
	OPTION(struct spec_options, rootless, 0, "rootless", NULL,
	       "for a container that an ordinary user runs"),
};

struct mount_row { const char *destination, *type, *source, *options; };

static const struct mount_row mounts[] = {
	{ "/proc", "proc", "proc", NULL },
	{ "/dev", "tmpfs", "tmpfs", "nosuid strictatime mode=755 size=65536k" },
	{ "/dev/pts", "devpts", "devpts", "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5" },
	{ "/dev/shm", "tmpfs", "shm", "nosuid noexec nodev mode=1777 size=65536k" },
	{ "/dev/mqueue", "mqueue", "mqueue", "nosuid noexec nodev" },
	{ "/sys", "sysfs", "sysfs", "nosuid noexec nodev ro" },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid noexec nodev relatime ro" },
};

static const struct mount_row rootless_mounts[] = {
	/* without gid=5: only the caller's own group is mapped */
	{ "/dev/pts", "devpts", "devpts", "nosuid noexec newinstance ptmxmode=0666 mode=0620" },
	/* a sysfs of one's own needs a network namespace of one's own */
	{ "/sys", "none", "/sys", "rbind nosuid noexec nodev ro" },
};

static const char masked[] =
	"/proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list "
	"/proc/timer_stats /proc/sched_debug /sys/firmware /proc/scsi";
static const char readonly[] = "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger";
static const char capabilities[] = "CAP_AUDIT_WRITE CAP_KILL CAP_NET_BIND_SERVICE";
static const char env[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=xterm";

/* words - the blank-separated parts of @s as a list; NULL for NULL */
static char **words(struct pool *pool, const char *s)
{
	struct strings l cleanup_strings = { 0 };
	if (!s)
		return NULL;
	strings_split(&l, s, " ");
	char **list = pool_alloc(pool, (l.n + 1) * sizeof *list);
	for (size_t i = 0; i < l.n; i++)
		list[i] = pool_strdup(pool, l.v[i]);
	return list;
}

static struct spec_process *make_process(struct pool *pool)
{
	struct spec_process *p = pool_alloc(pool, sizeof *p);
	p->terminal = true;
	p->args = words(pool, "sh");
	p->env = words(pool, env);
	p->cwd = pool_strdup(pool, "/");
	p->capabilities = pool_alloc(pool, sizeof *p->capabilities);
	p->capabilities->bounding = p->capabilities->effective = p->capabilities->permitted =
		words(pool, capabilities);
	p->rlimits = pool_alloc(pool, sizeof *p->rlimits);
	p->rlimits[0].type = pool_strdup(pool, "RLIMIT_NOFILE");
	p->rlimits[0].hard = p->rlimits[0].soft = 1024;
	p->n_rlimits = 1;
	p->no_new_privileges = true;
	return p;
}

static const struct mount_row *choose_mount(const struct mount_row *row, bool rootless)
{
	for (size_t i = 0; rootless && i < sizeof rootless_mounts / sizeof *rootless_mounts; i++)
		if (strcmp(rootless_mounts[i].destination, row->destination) == 0)
			return &rootless_mounts[i];
	return row;
}

static void make_mounts(struct runtime_spec *spec, bool rootless, struct pool *pool)
{
	spec->n_mounts = sizeof mounts / sizeof *mounts;
	spec->mounts = pool_alloc(pool, spec->n_mounts * sizeof *spec->mounts);
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct mount_row *row = choose_mount(&mounts[i], rootless);
		spec->mounts[i] = (struct spec_mount) {
			.destination = pool_strdup(pool, row->destination),
			.type = pool_strdup(pool, row->type),
			.source = pool_strdup(pool, row->source),
			.options = words(pool, row->options),
		};
	}
}

static void make_namespaces(struct spec_linux *l, bool rootless, struct pool *pool)
{
	/* runc's order */
	const struct { const char *type; bool wanted; } rows[] = {
		{ "pid", true },
		{ "network", !rootless },	/* nobody could connect it to anything */
		{ "ipc", true }, { "uts", true }, { "mount", true },
		/* as runc: on v1 callers expect to find the host's paths */
		{ "cgroup", cgroup_layout() == CGROUP_LAYOUT_V2 },
		{ "user", rootless },
	};
	l->namespaces = pool_alloc(pool, sizeof rows / sizeof *rows * sizeof *l->namespaces);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].wanted)
			l->namespaces[l->n_namespaces++].type = pool_strdup(pool, rows[i].type);
}

static struct spec_id_mapping *map_root_to(uint32_t host_id, struct pool *pool)
{
	struct spec_id_mapping *m = pool_alloc(pool, sizeof *m);
	*m = (struct spec_id_mapping) { .container_id = 0, .host_id = host_id, .size = 1 };
	return m;
}

static struct spec_resources *deny_devices(struct pool *pool)
{
	struct spec_resources *r = pool_alloc(pool, sizeof *r);
	r->devices = pool_alloc(pool, sizeof *r->devices);
	r->devices[0].access = pool_strdup(pool, "rwm");
	r->n_devices = 1;
	return r;
}

static struct spec_linux *make_linux(bool rootless, struct pool *pool)
{
	struct spec_linux *l = pool_alloc(pool, sizeof *l);
	if (rootless) {
		l->uid_mappings = map_root_to(geteuid(), pool);
		l->gid_mappings = map_root_to(getegid(), pool);
		l->n_uid_mappings = l->n_gid_mappings = 1;
	} else {
		l->resources = deny_devices(pool);	/* an ordinary user has no cgroup to set them in */
	}
	make_namespaces(l, rootless, pool);
	l->masked_paths = words(pool, masked);
	l->readonly_paths = words(pool, readonly);
	return l;
}

static struct runtime_spec make_spec(bool rootless, struct pool *pool)
{
	struct runtime_spec spec = {
		.oci_version = pool_strdup(pool, "1.3.0"),
		.hostname = pool_strdup(pool, "woody"),
		.process = make_process(pool),
		.root = pool_alloc(pool, sizeof *spec.root),
		.linux_ = make_linux(rootless, pool),
	};
	spec.root->path = pool_strdup(pool, "rootfs");
	spec.root->readonly = true;
	make_mounts(&spec, rootless, pool);
	return spec;
}

static int write_new(const char *dir, const char *text, size_t len, struct error *err)
{
	cleanup_close int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return error_set(err, errno, "open the bundle '%s'", dir);
	cleanup_close int fd = openat(dir_fd, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return error_say(err, EEXIST, "File config.json exists. Remove it first");
	if (fd < 0)
		return error_set(err, errno, "create '%s/config.json'", dir);
	int r = fs_write_all(fd, text, len);
	if (r < 0) {
		/* half of it would be in the way of the next try */
		(void) unlinkat(dir_fd, "config.json", 0);
		return error_set(err, -r, "write '%s/config.json'", dir);
	}
	return 0;
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct woody *w = program;
	struct spec_options *o = given;
	struct error err = { 0 };
	(void) args;
	(void) n_args;
	struct pool pool CLEANUP(pool_done) = { 0 };
	const struct runtime_spec spec = make_spec(o->rootless, &pool);
	size_t len;
	cleanup_free char *text = json_encode(&runtime_spec_type, &spec, JSON_TABBED, &len);
	return write_new(o->bundle ? o->bundle : ".", text, len, &err) < 0 ? fail(w, "spec", &err) : 0;
}

const struct command command_spec = {
	.name = "spec",
	.summary = "write a config.json to begin with",
	.description = "It describes a container that runs sh on a terminal, as root with few capabilities "
		       "and a read-only root file system "
		       "in the directory rootfs beside it. One that exists already is not replaced.",
	OPTIONS(struct spec_options, options),
	.max_args = 0,
	.run = run,
};
