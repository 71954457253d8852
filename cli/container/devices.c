#include "devices.h"
#include "cdi.h"
#include "cleanup.h"
#include "explain_path.h"
#include "fs.h"
#include "lists.h"
#include "log.h"
#include "str.h"
#include <ctype.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { DEPTH_MAX = 8 };

#define T struct record_device
static const struct json_type device_type = JSON_TYPE(T, JSON_REQUIRED(T, host, "host"), JSON_REQUIRED(T, container, "container"),
	JSON_REQUIRED(T, permissions, "permissions"));
#undef T
#define T struct record_devices
const struct json_type record_devices_type = JSON_TYPE(T, JSON_LIST(T, devices, "devices", device_type), JSON_FIELD(T, rules, "rules"),
	JSON_FIELD(T, cdi, "cdi"));
#undef T

/* ---- options ---- */

static bool is_permissions(const char *s)
{
	return *s && strspn(s, "rwm") == strlen(s) && strlen(s) <= 3;
}

int device_parse(const char *word, struct pool *pool, struct record_device *ret, struct error *err)
{
	struct strings parts cleanup_strings = { 0 };
	strings_split(&parts, word, ":");
	size_t n = parts.n;
	*ret = (struct record_device) { .permissions = pool_strdup(pool, "rwm") };
	if (n > 1 && is_permissions(parts.v[n - 1]))
		ret->permissions = pool_strdup(pool, parts.v[--n]);
	if (n == 0 || n > 2 || parts.v[0][0] != '/' || parts.v[n - 1][0] != '/')
		return error_say(err, EINVAL, "--device '%s': give DEVICE[:PATH[:rwm]] with absolute paths, such as /dev/fuse or "
				 "/dev/sda:/dev/xvda:r",
				 word);
	cleanup_free char *container = fs_clean_path(parts.v[n - 1]);
	ret->host = pool_strdup(pool, parts.v[0]);
	ret->container = pool_strdup(pool, container);
	return 0;
}

static int check_there(const struct record_device *d, struct error *err)
{
	struct stat st;
	if (stat(d->host, &st) < 0)
		return error_set(err, errno, "--device: look at '%s'", d->host), explain_path(d->host, 0, err);
	if (!S_ISDIR(st.st_mode) && !S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return error_say(err, ENODEV, "--device: '%s' is neither a device nor a directory of devices; --volume takes other files", d->host);
	return 0;
}

/* parse_rule - "c 1:3 rwm" */
static int parse_rule(const char *word, struct spec_device_rule *ret, struct pool *pool, struct error *err)
{
	struct strings parts cleanup_strings = { 0 };
	strings_split(&parts, word, " ");
	char *colon = parts.n == 3 ? strchr(parts.v[1], ':') : NULL;
	bool good = colon && strlen(parts.v[0]) == 1 && strchr("abc", parts.v[0][0]) && is_permissions(parts.v[2]);
	if (good)
		*colon++ = 0;
	const char *texts[] = { good ? parts.v[1] : "", good ? colon : "" };
	int64_t *numbers[2] = { NULL, NULL };
	for (size_t i = 0; good && i < 2; i++) {
		numbers[i] = strcmp(texts[i], "*") == 0 ? NULL : pool_alloc(pool, sizeof **numbers);
		good = !numbers[i] || str_to_i64(texts[i], 0, UINT32_MAX, numbers[i]) == 0;
	}
	if (!good)
		return error_say(err, EINVAL, "--device-cgroup-rule '%s': give TYPE MAJOR:MINOR PERMISSIONS, such as 'c 10:200 rwm' or "
				 "'b 8:* r'", word);
	*ret = (struct spec_device_rule) { .allow = true, .type = pool_strdup(pool, parts.v[0]), .access = pool_strdup(pool, parts.v[2]),
					   .major = numbers[0], .minor = numbers[1] };
	return 0;
}

/* add_gpus - docker's word as names of CDI devices */
static int add_gpus(const char *word, struct strings *cdi, struct error *err)
{
	static const char kind[] = "nvidia.com/gpu=";
	uint64_t count;
	cleanup_free char *bare = xstrdup(word);
	size_t len = strlen(bare);
	if (len > 1 && bare[0] == '"' && bare[len - 1] == '"') {	/* docker's documents quote a list so, and shells keep it */
		bare[len - 1] = 0;
		memmove(bare, bare + 1, len - 1);
	}
	const char *devices = str_after(bare, "device=");
	if (strcmp(bare, "all") == 0) {
		strings_printf(cdi, "%sall", kind);
	} else if (devices && *devices) {
		struct strings list cleanup_strings = { 0 };
		strings_split(&list, devices, ",");
		for (size_t i = 0; i < list.n; i++)
			strings_printf(cdi, "%s%s", kind, list.v[i]);
	} else if (str_to_u64(bare, 64, &count) == 0 && count > 0) {
		for (uint64_t i = 0; i < count; i++)
			strings_printf(cdi, "%s%llu", kind, (unsigned long long) i);
	} else {
		return error_say(err, EINVAL, "--gpus '%s': give all, a number, or device=0,1", word);
	}
	return 0;
}

int devices_to_record(const struct device_options *o, struct pool *pool, struct record_devices *ret, struct error *err)
{
	struct strings cdi cleanup_strings = { 0 };
	struct spec_device_rule unused;
	int r = str_empty(o->gpus) ? 0 : add_gpus(o->gpus, &cdi, err);
	ret->devices = pool_alloc(pool, (o->devices.n + 1) * sizeof *ret->devices);
	for (size_t i = 0; r == 0 && i < o->devices.n; i++) {
		const char *word = o->devices.v[i];
		if (cdi_is_name(word)) {
			strings_add(&cdi, word);
			continue;
		}
		struct record_device *d = &ret->devices[ret->n_devices++];
		r = device_parse(word, pool, d, err);
		r = r < 0 ? r : check_there(d, err);
	}
	for (size_t i = 0; r == 0 && i < o->rules.n; i++)
		r = parse_rule(o->rules.v[i], &unused, pool, err);
	ret->rules = o->rules.n ? list_copy(pool, o->rules.v, NULL) : NULL;
	ret->cdi = cdi.n ? list_copy(pool, cdi.v, NULL) : NULL;
	return r < 0 || !cdi.n ? r : cdi_check(ret->cdi, err);
}

/* ---- config.json ---- */

static int64_t *number(struct pool *pool, int64_t v)
{
	int64_t *p = pool_alloc(pool, sizeof *p);
	*p = v;
	return p;
}

static void add_rule(const struct spec_device_rule *rule, struct pool *pool, struct spec_linux *l)
{
	if (!l->resources)
		l->resources = pool_alloc(pool, sizeof *l->resources);
	struct spec_resources *r = l->resources;
	struct spec_device_rule *list = pool_alloc(pool, (r->n_devices + 1) * sizeof *list);
	if (r->n_devices)
		memcpy(list, r->devices, r->n_devices * sizeof *list);
	list[r->n_devices++] = *rule;
	r->devices = list;
}

/* add_bind - a user namespace's way; a second mount on the same path is left out */
static void add_bind(const struct record_device *d, struct pool *pool, struct runtime_spec *s)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (str_eq(s->mounts[i].destination, d->container))
			return;
	struct spec_mount *list = pool_alloc(pool, (s->n_mounts + 1) * sizeof *list);
	if (s->n_mounts)
		memcpy(list, s->mounts, s->n_mounts * sizeof *list);
	list[s->n_mounts++] = (struct spec_mount) { .destination = pool_strdup(pool, d->container), .type = pool_strdup(pool, "bind"),
		.source = pool_strdup(pool, d->host), .options = list_words(pool, "bind rprivate nosuid noexec") };
	s->mounts = list;
}

/* add_node - the last one of a path counts */
static void add_node(const struct spec_device *node, struct pool *pool, struct spec_linux *l)
{
	for (size_t i = 0; i < l->n_devices; i++)
		if (strcmp(l->devices[i].path, node->path) == 0) {
			l->devices[i] = *node;
			return;
		}
	struct spec_device *list = pool_alloc(pool, (l->n_devices + 1) * sizeof *list);
	if (l->n_devices)
		memcpy(list, l->devices, l->n_devices * sizeof *list);
	list[l->n_devices++] = *node;
	l->devices = list;
}

static uint32_t *u32(struct pool *pool, uint32_t v)
{
	uint32_t *p = pool_alloc(pool, sizeof *p);
	*p = v;
	return p;
}

int device_add(const struct record_device *device, const struct device_owner *owner, bool rootless, struct pool *pool, struct runtime_spec *s,
	       struct error *err)
{
	struct stat st;
	if (stat(device->host, &st) < 0)
		return error_set(err, errno, "--device: look at '%s'", device->host);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return error_say(err, ENODEV, "--device: '%s' is no device", device->host);
	if (rootless) {
		add_bind(device, pool, s);
		return 0;
	}
	const char *type = S_ISCHR(st.st_mode) ? "c" : "b";
	const struct spec_device node = { .path = pool_strdup(pool, device->container), .type = pool_strdup(pool, type),
		.major = major(st.st_rdev), .minor = minor(st.st_rdev),
		.file_mode = owner && owner->mode ? owner->mode : u32(pool, st.st_mode & 07777),
		.uid = owner && owner->uid ? owner->uid : u32(pool, st.st_uid), .gid = owner && owner->gid ? owner->gid : u32(pool, st.st_gid) };
	const struct spec_device_rule rule = { .allow = true, .type = pool_strdup(pool, type), .access = pool_strdup(pool, device->permissions),
		.major = number(pool, node.major), .minor = number(pool, node.minor) };
	add_node(&node, pool, s->linux_);
	add_rule(&rule, pool, s->linux_);
	return 0;
}

/* walk - the devices below @d->host; other files are left out */
struct walk { bool rootless, host; struct pool *pool; struct runtime_spec *s; };

/* is_ours - what every container has for itself */
static bool is_ours(const char *path)
{
	static const char *const own[] = { "/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/console", "/dev/ptmx", "/dev/fd", "/dev/core", "/dev/stdin",
		"/dev/stdout", "/dev/stderr", "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/.lxc",
		"/dev/.lxd-mounts", "/dev/.udev", NULL };
	return strings_have((char *const *) own, path);
}

static int walk(const struct walk *w, const struct record_device *d, unsigned depth, struct error *err)
{
	struct stat st;
	if (lstat(d->host, &st) < 0)
		return 0;	/* gone meanwhile */
	if (w->host && is_ours(d->host))
		return 0;
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		return device_add(d, NULL, w->rootless, w->pool, w->s, err);
	cleanup_dir DIR *dir = S_ISDIR(st.st_mode) && depth < DEPTH_MAX ? opendir(d->host) : NULL;
	int r = 0;
	for (struct dirent *e; r == 0 && dir && (e = readdir(dir));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		const struct record_device below = { pool_printf(w->pool, "%s/%s", d->host, e->d_name),
						     pool_printf(w->pool, "%s/%s", d->container, e->d_name), d->permissions };
		r = walk(w, &below, depth + 1, err);
	}
	return r;
}

static void tell_limits(const struct record_device *d)
{
	struct stat st;
	if (strcmp(d->permissions, "rwm") != 0)
		log_warn("--device %s:%s: in a user namespace a device's own permissions decide, not these", d->host, d->permissions);
	if (access(d->host, R_OK) < 0 && stat(d->host, &st) == 0)
		log_warn("--device %s: it is of user %u and group %u with mode %04o, so you cannot open it; be a member of that group, and give "
			 "--group-add keep-groups", d->host, (unsigned) st.st_uid, (unsigned) st.st_gid, (unsigned) st.st_mode & 07777);
}

static int add_given(const struct record_device *d, const struct walk *w, struct error *err)
{
	struct stat st;
	if (stat(d->host, &st) < 0)
		return error_set(err, errno, "--device: look at '%s'", d->host);
	if (S_ISDIR(st.st_mode))
		return walk(w, d, 0, err);
	if (w->rootless)
		tell_limits(d);
	return device_add(d, NULL, w->rootless, w->pool, w->s, err);
}

int devices_to_spec(const struct record_devices *d, bool privileged, bool rootless, struct pool *pool, struct runtime_spec *s,
		    struct error *err)
{
	static const struct record_device host = { (char *) "/dev", (char *) "/dev", (char *) "rwm" };
	const struct walk all = { rootless, true, pool, s }, given = { rootless, false, pool, s };
	int r = privileged ? walk(&all, &host, 0, err) : 0;
	for (size_t i = 0; r == 0 && i < d->n_devices; i++)
		r = add_given(&d->devices[i], &given, err);
	if (r == 0 && rootless && d->rules)
		r = error_say(err, EPERM, "--device-cgroup-rule: an ordinary user cannot change which device numbers are allowed; --device gives a "
			      "container those that you can open yourself");
	for (char **rule = d->rules; r == 0 && rule && *rule; rule++) {
		struct spec_device_rule parsed;
		r = parse_rule(*rule, &parsed, pool, err);
		if (r == 0)
			add_rule(&parsed, pool, s->linux_);
	}
	if (r == 0 && privileged && !rootless) {
		const struct spec_device_rule everything = { .allow = true, .type = pool_strdup(pool, "a"), .access = pool_strdup(pool, "rwm") };
		add_rule(&everything, pool, s->linux_);
	}
	return r < 0 || !d->cdi ? r : cdi_to_spec(d->cdi, rootless, pool, s, err);
}
