#include "cdi.h"
#include "cleanup.h"
#include "devices.h"
#include "fs.h"
#include "lists.h"
#include "str.h"
#include <ctype.h>
#include <fcntl.h>
#include <string.h>

enum { DOCUMENT_MAX = 4 << 20 };

struct cdi_node {
	char *path, *host_path, *type, *permissions;
	int64_t major, minor;
	uint32_t *file_mode, *uid, *gid;
};
struct cdi_mount { char *host_path, *container_path, *type, **options; };
struct cdi_hook { char *name, *path, **args, **env; int32_t *timeout; };
struct cdi_edits {
	char **env;
	struct cdi_node *nodes;
	size_t n_nodes;
	struct cdi_mount *mounts;
	size_t n_mounts;
	struct cdi_hook *hooks;
	size_t n_hooks;
	struct u32s groups;
};
struct cdi_device { char *name; struct cdi_edits edits; };
struct cdi_document {
	char *version, *kind;
	struct cdi_device *devices;
	size_t n_devices;
	struct cdi_edits edits;
};

#define T struct cdi_node
static const struct json_type node_type = JSON_TYPE(T, JSON_REQUIRED(T, path, "path"), JSON_FIELD(T, host_path, "hostPath"),
	JSON_FIELD(T, type, "type"), JSON_FIELD(T, permissions, "permissions"), JSON_FIELD(T, major, "major"), JSON_FIELD(T, minor, "minor"),
	JSON_FIELD(T, file_mode, "fileMode"), JSON_FIELD(T, uid, "uid"), JSON_FIELD(T, gid, "gid"));
#undef T
#define T struct cdi_mount
static const struct json_type mount_type = JSON_TYPE(T, JSON_REQUIRED(T, host_path, "hostPath"),
	JSON_REQUIRED(T, container_path, "containerPath"), JSON_FIELD(T, type, "type"), JSON_FIELD(T, options, "options"));
#undef T
#define T struct cdi_hook
static const struct json_type hook_type = JSON_TYPE(T, JSON_REQUIRED(T, name, "hookName"), JSON_REQUIRED(T, path, "path"),
	JSON_FIELD(T, args, "args"), JSON_FIELD(T, env, "env"), JSON_FIELD(T, timeout, "timeout"));
#undef T
#define T struct cdi_edits
static const struct json_type edits_type = JSON_TYPE(T, JSON_FIELD(T, env, "env"), JSON_LIST(T, nodes, "deviceNodes", node_type),
	JSON_LIST(T, mounts, "mounts", mount_type), JSON_LIST(T, hooks, "hooks", hook_type), JSON_FIELD(T, groups, "additionalGids"));
#undef T
#define T struct cdi_device
static const struct json_type device_type = JSON_TYPE(T, JSON_REQUIRED(T, name, "name"), JSON_INLINE(T, edits, "containerEdits", edits_type));
#undef T
#define T struct cdi_document
static const struct json_type document_type = JSON_TYPE(T, JSON_REQUIRED(T, version, "cdiVersion"), JSON_REQUIRED(T, kind, "kind"),
	JSON_LIST(T, devices, "devices", device_type), JSON_INLINE(T, edits, "containerEdits", edits_type));
#undef T

static const char *const dirs[] = { "/etc/cdi", "/var/run/cdi" };	/* what is in the later one counts */

bool cdi_is_name(const char *word)
{
	const char *slash = strchr(word, '/'), *equals = strchr(word, '=');
	return isalpha((unsigned char) *word) && slash && equals && slash < equals && slash[1] != '=' && equals[1] && !strchr(equals, '/');
}

/* ---- the files ---- */

struct registry { struct cdi_document **v; size_t n; bool yaml; };
static void registry_done(struct registry *g) { free(g->v); }
#define cleanup_registry CLEANUP(registry_done)

static int read_document(const char *path, struct pool *pool, struct registry *g, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	struct cdi_document *d;
	int r = fs_read_file(AT_FDCWD, path, DOCUMENT_MAX, &text, &len, err);
	if (r == 0)
		r = json_decode(&document_type, text, len, pool, &d, err);
	if (r < 0)
		return error_wrap(err, "'%s'", path);
	g->v = xreallocarray(g->v, g->n + 1, sizeof *g->v);
	g->v[g->n++] = d;
	return 0;
}

static int read_dir(const char *path, struct pool *pool, struct registry *g, struct error *err)
{
	cleanup_dir DIR *dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : error_set(err, errno, "list '%s'", path);
	int r = 0;
	for (struct dirent *e; r == 0 && (e = readdir(dir));) {
		g->yaml |= str_ends(e->d_name, ".yaml") || str_ends(e->d_name, ".yml");
		if (!str_ends(e->d_name, ".json"))
			continue;
		cleanup_free char *file = xasprintf("%s/%s", path, e->d_name);
		r = read_document(file, pool, g, err);
	}
	return r;
}

static int read_all(struct pool *pool, struct registry *g, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof dirs / sizeof *dirs; i++)
		r = read_dir(dirs[i], pool, g, err);
	return r;
}

static int not_found(const struct registry *g, const char *name, struct error *err)
{
	struct buf list cleanup_buf = { 0 };
	for (size_t i = 0; i < g->n; i++)
		for (size_t k = 0; k < g->v[i]->n_devices && list.len < 400; k++)
			buf_printf(&list, "%s%s=%s", list.len ? ", " : "", g->v[i]->kind, g->v[i]->devices[k].name);
	return error_say(err, ENODEV, "--device '%s': no file in /etc/cdi or /var/run/cdi describes it%s%s%s", name, list.len ? "; there are " : "",
			 buf_str(&list), !g->yaml ? "" : "; the *.yaml there are not read: have them as JSON, for example by "
			 "`nvidia-ctk cdi generate --format=json --output=/etc/cdi/nvidia.json`");
}

/* find - the last document that has it */
static int find(const struct registry *g, const char *name, const struct cdi_document **ret, const struct cdi_device **device,
		struct error *err)
{
	size_t len = strcspn(name, "=");
	for (size_t i = g->n; i-- > 0;) {
		if (strlen(g->v[i]->kind) != len || strncmp(g->v[i]->kind, name, len) != 0)
			continue;
		for (size_t k = 0; k < g->v[i]->n_devices; k++)
			if (strcmp(g->v[i]->devices[k].name, name + len + 1) == 0) {
				*ret = g->v[i];
				*device = &g->v[i]->devices[k];
				return 0;
			}
	}
	return not_found(g, name, err);
}

int cdi_check(char *const *names, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct registry g cleanup_registry = { 0 };
	const struct cdi_document *document;
	const struct cdi_device *device;
	int r = read_all(&pool, &g, err);
	for (; r == 0 && *names; names++)
		r = find(&g, *names, &document, &device, err);
	return r;
}

/* ---- the edits ---- */

static void add_env(char *const *env, struct pool *pool, struct spec_process *p)
{
	struct strings all cleanup_strings = { 0 };
	for (char **v = p->env; v && *v; v++)
		strings_add(&all, *v);
	for (; *env; env++)
		if (strchr(*env, '='))
			env_set(&all, *env);
	p->env = list_copy(pool, all.v, NULL);
}

static void add_mount(const struct cdi_mount *m, struct pool *pool, struct runtime_spec *s)
{
	static char *usual[] = { (char *) "rbind", (char *) "rprivate", (char *) "ro", (char *) "nosuid", (char *) "nodev", NULL };
	struct spec_mount *list = pool_alloc(pool, (s->n_mounts + 1) * sizeof *list);
	if (s->n_mounts)
		memcpy(list, s->mounts, s->n_mounts * sizeof *list);
	bool bind = str_empty(m->type) || strcmp(m->type, "bind") == 0;
	char **options = list_copy(pool, m->options ? m->options : usual, NULL);
	char *as_bind[] = { (char *) "rbind", NULL };
	if (bind && !strings_have(options, "bind") && !strings_have(options, "rbind"))
		options = list_copy(pool, as_bind, options);
	list[s->n_mounts++] = (struct spec_mount) { .destination = m->container_path, .source = m->host_path,
		.type = bind ? pool_strdup(pool, "bind") : m->type, .options = options };
	s->mounts = list;
}

static int add_hook(const struct cdi_hook *h, struct pool *pool, struct runtime_spec *s, struct error *err)
{
	if (!s->hooks)
		s->hooks = pool_alloc(pool, sizeof *s->hooks);
	const struct { const char *name; struct spec_hook **list; size_t *n; } kinds[] = {
		{ "prestart", &s->hooks->prestart, &s->hooks->n_prestart },
		{ "createRuntime", &s->hooks->create_runtime, &s->hooks->n_create_runtime },
		{ "createContainer", &s->hooks->create_container, &s->hooks->n_create_container },
		{ "startContainer", &s->hooks->start_container, &s->hooks->n_start_container },
		{ "poststart", &s->hooks->poststart, &s->hooks->n_poststart },
		{ "poststop", &s->hooks->poststop, &s->hooks->n_poststop },
	};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strcmp(kinds[i].name, h->name) != 0)
			continue;
		struct spec_hook *list = pool_alloc(pool, (*kinds[i].n + 1) * sizeof *list);
		if (*kinds[i].n)
			memcpy(list, *kinds[i].list, *kinds[i].n * sizeof *list);
		list[(*kinds[i].n)++] = (struct spec_hook) { .path = h->path, .args = h->args, .env = h->env, .timeout = h->timeout };
		*kinds[i].list = list;
		return 0;
	}
	return error_say(err, EINVAL, "there is no kind of hook '%s'", h->name);
}

static void add_groups(const struct u32s *groups, struct pool *pool, struct spec_user *u)
{
	uint32_t *v = pool_alloc(pool, (u->additional_gids.n + groups->n) * sizeof *v);
	if (u->additional_gids.n)
		memcpy(v, u->additional_gids.v, u->additional_gids.n * sizeof *v);
	memcpy(v + u->additional_gids.n, groups->v, groups->n * sizeof *v);
	u->additional_gids = (struct u32s) { u->additional_gids.n + groups->n, v };
}

static int apply(const struct cdi_edits *e, bool rootless, struct pool *pool, struct runtime_spec *s, struct error *err)
{
	int r = 0;
	if (e->env)
		add_env(e->env, pool, s->process);
	for (size_t i = 0; r == 0 && i < e->n_nodes; i++) {
		const struct cdi_node *n = &e->nodes[i];
		const struct record_device device = { n->host_path ? n->host_path : n->path, n->path,
						      n->permissions ? n->permissions : (char *) "rwm" };
		r = device_add(&device, &(struct device_owner) { n->file_mode, n->uid, n->gid }, rootless, pool, s, err);
	}
	for (size_t i = 0; r == 0 && i < e->n_mounts; i++)
		add_mount(&e->mounts[i], pool, s);
	for (size_t i = 0; r == 0 && i < e->n_hooks; i++)
		r = add_hook(&e->hooks[i], pool, s, err);
	if (e->groups.n)
		add_groups(&e->groups, pool, &s->process->user);
	return r;
}

int cdi_to_spec(char *const *names, bool rootless, struct pool *pool, struct runtime_spec *s, struct error *err)
{
	struct registry g cleanup_registry = { 0 };
	struct strings seen cleanup_strings = { 0 };	/* a file's own edits once, however many of its devices */
	int r = read_all(pool, &g, err);
	for (; r == 0 && *names; names++) {
		const struct cdi_document *document;
		const struct cdi_device *device;
		r = find(&g, *names, &document, &device, err);
		if (r == 0 && !strings_have(seen.v, document->kind)) {
			strings_add(&seen, document->kind);
			r = apply(&document->edits, rootless, pool, s, err);
		}
		if (r == 0)
			r = apply(&device->edits, rootless, pool, s, err);
		if (r < 0)
			return error_wrap(err, "CDI device '%s'", *names);
	}
	return r;
}
