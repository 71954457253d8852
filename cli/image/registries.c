#include "registries.h"
#include "../toml.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include <ctype.h>
#include <string.h>

enum { FILE_MAX = 1 << 20, RULES_MAX = 4096 };

void registries_done(struct registries *r)
{
	strings_done(&r->search);
	strings_done(&r->aliases);
	strings_done(&r->helpers);
	free(r->rules);
	pool_done(&r->pool);
	*r = (struct registries) { 0 };
}

/* ---- one file ---- */

struct reader { struct registries *r; const char *file; struct error *err; };

static int wrong(const struct reader *in, const struct toml *t, const char *expected)
{
	return error_say(in->err, EINVAL, "%s, line %u: %s is %s; expected is %s", in->file, t->line, t->key, toml_kind_name(t->kind), expected);
}

static int read_bool(const struct reader *in, const struct toml *t, bool *ret)
{
	if (t->kind != TOML_BOOL)
		return wrong(in, t, "true or false");
	*ret = t->boolean;
	return 0;
}

static int read_string(const struct reader *in, const struct toml *t, char **ret)
{
	if (t->kind != TOML_STRING)
		return wrong(in, t, "a string");
	*ret = t->string;
	return 0;
}

/* read_word - which of @words; -EINVAL with a sentence that lists them */
static int read_word(const struct reader *in, const struct toml *t, const char *const *words)
{
	char *text = NULL;
	int r = read_string(in, t, &text);
	if (r < 0)
		return r;
	struct buf list cleanup_buf = { 0 };
	for (int i = 0; words[i]; i++) {
		if (strcmp(words[i], text) == 0)
			return i;
		buf_printf(&list, "%s%s", i ? ", " : "", words[i]);
	}
	return error_say(in->err, EINVAL, "%s, line %u: %s is '%.60s'; there are %s", in->file, t->line, t->key, text, list.data);
}

static int read_strings(const struct reader *in, const struct toml *t, struct strings *ret)
{
	if (t->kind != TOML_ARRAY)
		return wrong(in, t, "an array of strings");
	strings_done(ret);
	for (const struct toml *c = t->first; c; c = c->next) {
		if (c->kind != TOML_STRING)
			return error_say(in->err, EINVAL, "%s, line %u: %s holds %s; expected are strings", in->file, c->line, t->key,
					 toml_kind_name(c->kind));
		strings_add(ret, c->string);
	}
	return 0;
}

/* check_location - HOST[:PORT][/PATH], which must be told from a path alone */
static int check_location(const struct reader *in, const struct toml *t, const char *text)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct reference ref;
	cleanup_free char *with_path = strchr(text, '/') ? xstrdup(text) : xasprintf("%s/x", text);
	if (reference_is_short(with_path) || strpbrk(text, "@ ") || str_ends(text, "/") || reference_parse(with_path, &pool, &ref, NULL) < 0)
		return error_say(in->err, EINVAL, "%s, line %u: '%.100s' is no place: expected is HOST[:PORT][/PATH], where a HOST has a dot, a"
				 " port or is localhost", in->file, t->line, text);
	return 0;
}

static int read_location(const struct reader *in, const struct toml *t, char **ret)
{
	int r = read_string(in, t, ret);
	return r < 0 || !**ret ? r : check_location(in, t, *ret);
}

static void skip(const struct reader *in, const struct toml *t)
{
	log_debug("%s, line %u: '%s' is not known here and skipped", in->file, t->line, t->key);
}

static int read_mirror(const struct reader *in, const struct toml *table, struct registry_mirror *m)
{
	static const char *const uses[] = { "all", "digest-only", "tag-only", NULL };
	int r = 0;
	for (const struct toml *t = table->first; r >= 0 && t; t = t->next) {
		if (strcmp(t->key, "location") == 0)
			r = read_location(in, t, &m->location);
		else if (strcmp(t->key, "insecure") == 0)
			r = read_bool(in, t, &m->insecure);
		else if (strcmp(t->key, "pull-from-mirror") == 0)
			r = m->use = read_word(in, t, uses);
		else
			skip(in, t);
	}
	if (r >= 0 && str_empty(m->location))
		return error_say(in->err, EINVAL, "%s, line %u: a mirror without a location", in->file, table->line);
	return r < 0 ? r : 0;
}

static int read_mirrors(const struct reader *in, const struct toml *array, struct registry_rule *rule)
{
	if (array->kind != TOML_ARRAY)
		return wrong(in, array, "an array of tables: [[registry.mirror]]");
	rule->mirrors = pool_alloc(&in->r->pool, (array->n + 1) * sizeof *rule->mirrors);
	for (const struct toml *t = array->first; t; t = t->next) {
		if (t->kind != TOML_TABLE)
			return wrong(in, array, "an array of tables: [[registry.mirror]]");
		int r = read_mirror(in, t, &rule->mirrors[rule->n_mirrors++]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_rule(const struct reader *in, const struct toml *table, struct registry_rule *rule)
{
	if (str_empty(rule->prefix))
		rule->prefix = rule->location;
	if (str_empty(rule->prefix))
		return error_say(in->err, EINVAL, "%s, line %u: a registry with neither prefix nor location", in->file, table->line);
	const char *domain = str_after(rule->prefix, "*.");
	if (strchr(rule->prefix, '*') && (!domain || strpbrk(domain, "*/") || !*domain))
		return error_say(in->err, EINVAL, "%s, line %u: prefix '%.100s': a star stands for the beginning of a host only, as in"
				 " *.example.com", in->file, table->line, rule->prefix);
	if (str_empty(rule->location))
		rule->location = NULL;
	if (!domain && !rule->location)
		return error_say(in->err, EINVAL, "%s, line %u: prefix '%.100s' has no location", in->file, table->line, rule->prefix);
	for (size_t i = 0; i < rule->n_mirrors; i++)
		if (rule->by_digest_only && rule->mirrors[i].use)
			return error_say(in->err, EINVAL, "%s, line %u: mirror-by-digest-only of the registry and pull-from-mirror of its mirror"
					 " exclude each other", in->file, table->line);
	return 0;
}

static int add_rule(const struct reader *in, const struct registry_rule *rule)
{
	struct registries *r = in->r;
	for (size_t i = 0; i < r->n_rules; i++)
		if (strcmp(r->rules[i].prefix, rule->prefix) == 0) {
			if (r->rules[i].file == rule->file)
				return error_say(in->err, EINVAL, "%s: registry '%.100s' is there twice", in->file, rule->prefix);
			r->rules[i] = *rule;
			return 0;
		}
	if (r->n_rules == RULES_MAX)
		return error_say(in->err, E2BIG, "%s: more than %d registries", in->file, RULES_MAX);
	r->rules = xreallocarray(r->rules, r->n_rules + 1, sizeof *r->rules);
	r->rules[r->n_rules++] = *rule;
	return 0;
}

static int read_rule(const struct reader *in, const struct toml *table, char *file)
{
	struct registry_rule rule = { .file = file };
	int r = 0;
	if (table->kind != TOML_TABLE)
		return error_say(in->err, EINVAL, "%s, line %u: registry holds %s; expected are tables: [[registry]]", in->file, table->line,
				 toml_kind_name(table->kind));
	for (const struct toml *t = table->first; r == 0 && t; t = t->next) {
		if (strcmp(t->key, "prefix") == 0)
			r = read_string(in, t, &rule.prefix);
		else if (strcmp(t->key, "location") == 0)
			r = read_location(in, t, &rule.location);
		else if (strcmp(t->key, "insecure") == 0)
			r = read_bool(in, t, &rule.insecure);
		else if (strcmp(t->key, "blocked") == 0)
			r = read_bool(in, t, &rule.blocked);
		else if (strcmp(t->key, "mirror-by-digest-only") == 0)
			r = read_bool(in, t, &rule.by_digest_only);
		else if (strcmp(t->key, "mirror") == 0)
			r = read_mirrors(in, t, &rule);
		else
			skip(in, t);
	}
	if (r == 0)
		r = check_rule(in, table, &rule);
	return r < 0 ? r : add_rule(in, &rule);
}

static int read_rules(const struct reader *in, const struct toml *array)
{
	char *file = pool_strdup(&in->r->pool, in->file);
	if (array->kind != TOML_ARRAY)
		return wrong(in, array, "an array of tables: [[registry]]");
	int r = 0;
	for (const struct toml *t = array->first; r == 0 && t; t = t->next)
		r = read_rule(in, t, file);
	return r;
}

static int read_aliases(const struct reader *in, const struct toml *table)
{
	if (table->kind != TOML_TABLE)
		return wrong(in, table, "a table: [aliases]");
	for (const struct toml *t = table->first; t; t = t->next) {
		char *to = NULL;
		int r = read_string(in, t, &to);
		if (r < 0)
			return r;
		if (strpbrk(t->key, ":@=") || (*to && (reference_is_short(to) || strpbrk(to, "@ "))))
			return error_say(in->err, EINVAL, "%s, line %u: alias '%.60s' = '%.100s': a name without tag and registry is expected, and"
					 " REGISTRY/PATH for it", in->file, t->line, t->key, to);
		cleanup_free char *entry = xasprintf("%s=%s", t->key, to);
		env_set(&in->r->aliases, entry);
	}
	return 0;
}

int registries_add(struct registries *into, const char *text, size_t len, const char *file, struct error *err)
{
	static const char *const modes[] = { "permissive", "enforcing", "disabled", NULL };
	const struct reader in = { into, file, err };
	struct toml *root;
	int r = toml_parse(text, len, &into->pool, &root, err);
	if (r < 0)
		return error_wrap(err, "%s", file);
	for (const struct toml *t = root->first; r >= 0 && t; t = t->next) {
		if (strcmp(t->key, "unqualified-search-registries") == 0) {
			r = read_strings(&in, t, &into->search);
			into->search_given = true;
			for (size_t i = 0; r == 0 && i < into->search.n; i++)
				r = check_location(&in, t, into->search.v[i]);
		} else if (strcmp(t->key, "short-name-mode") == 0) {
			r = read_word(&in, t, modes);
			into->mode = r < 0 ? into->mode : (unsigned) r;
		} else if (strcmp(t->key, "credential-helpers") == 0) {
			r = read_strings(&in, t, &into->helpers);
		} else if (strcmp(t->key, "registry") == 0) {
			r = read_rules(&in, t);
		} else if (strcmp(t->key, "aliases") == 0) {
			r = read_aliases(&in, t);
		} else if (strcmp(t->key, "registries") == 0) {
			r = error_say(err, ENOTSUP, "%s, line %u: this is version 1 of the format, which is not read; write"
				      " unqualified-search-registries = [...] and [[registry]] tables", file, t->line);
		} else {
			skip(&in, t);
		}
	}
	return r < 0 ? r : 0;
}

/* ---- all files ---- */

static int add_file(struct registries *r, const char *path, bool must, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	struct error why = { 0 };
	int n = fs_read_file(AT_FDCWD, path, FILE_MAX, &text, &len, &why);
	if (n == -ENOENT && !must)
		return n;
	if (n < 0) {
		if (err)
			*err = why;
		return n;
	}
	return registries_add(r, text, len, path, err);
}

static int is_conf(const struct dirent *d) { return str_ends(d->d_name, ".conf") && *d->d_name != '.'; }
static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static int add_directory(struct registries *r, const char *dir, struct error *err)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, is_conf, by_name), bad = 0;
	for (int i = 0; i < n; i++) {
		cleanup_free char *path = xasprintf("%s/%s", dir, list[i]->d_name);
		if (bad == 0)
			bad = add_file(r, path, false, err);
		bad = bad == -ENOENT ? 0 : bad;
		free(list[i]);
	}
	free(list);
	return bad;
}

static char *user_dir(const char *variable, const char *below_home)
{
	const char *dir = getenv(variable), *home = getenv("HOME");
	if (!str_empty(dir))
		return xasprintf("%s/containers", dir);
	return str_empty(home) ? NULL : xasprintf("%s/%s/containers", home, below_home);
}

int registries_read(struct registries *ret, struct error *err)
{
	struct registries all = { 0 };
	const char *given = getenv("CONTAINERS_REGISTRIES_CONF");
	cleanup_free char *user = user_dir("XDG_CONFIG_HOME", ".config"), *cache = user_dir("XDG_CACHE_HOME", ".cache");
	cleanup_free char *users = user ? xasprintf("%s/registries.conf", user) : NULL;
	cleanup_free char *users_more = user ? xasprintf("%s/registries.conf.d", user) : NULL;
	cleanup_free char *learned = geteuid() == 0 || !cache ? xstrdup("/var/cache/containers/short-name-aliases.conf")
							     : xasprintf("%s/short-name-aliases.conf", cache);
	int r = -ENOENT;
	bool must = false;	/* it is what must be there that is missing */
	if (!str_empty(given))
		must = (r = add_file(&all, given, true, err)) < 0;
	else if (users)
		r = add_file(&all, users, false, err);
	if (r == -ENOENT && str_empty(given))
		r = add_file(&all, "/etc/containers/registries.conf", false, err);
	if (r == 0 || (r == -ENOENT && str_empty(given)))
		r = add_directory(&all, "/etc/containers/registries.conf.d", err);
	if (r == 0 && users_more)
		r = add_directory(&all, users_more, err);
	if (r == 0 && access(learned, R_OK) == 0)	/* root of a user namespace has no look at root's */
		r = add_file(&all, learned, false, err);
	if (r < 0 && (r != -ENOENT || must)) {
		registries_done(&all);
		return r;
	}
	*ret = all;
	return 0;
}

/* ---- short names ---- */

int registries_candidates(const struct registries *r, const char *name, struct strings *ret, struct error *err)
{
	size_t n = strcspn(name, "@");
	const char *slash = memchr(name, '/', n), *from = slash ? slash : name;
	for (const char *c = from; c < name + n; c++) {
		if (*c == '/')
			from = c;
	}
	const char *colon = memchr(from, ':', n - (size_t) (from - name));
	n = colon ? (size_t) (colon - name) : n;
	cleanup_free char *bare = xstrndup(name, n);
	const char *to = env_get(r->aliases.v, bare);
	if (!str_empty(to)) {
		strings_printf(ret, "%s%s", to, name + n);
		return 0;
	}
	if (!r->search_given)
		strings_printf(ret, "docker.io/%s", name);
	for (size_t i = 0; i < r->search.n; i++)
		strings_printf(ret, "%s/%s", r->search.v[i], name);
	if (!ret->n)
		return error_say(err, EINVAL, "'%s' names no registry, and registries.conf has none to search (unqualified-search-registries = []);"
				 " give REGISTRY/%s", name, name);
	return 0;
}

/* ---- places ---- */

/* prefix_length - how much of @name the prefix covers, 0: it does not match. It ends where a part of the name ends */
static size_t prefix_length(const char *name, const char *prefix)
{
	const char *domain = *prefix == '*' ? prefix + 1 : NULL, *at = name;
	size_t n = strlen(domain ? domain : prefix), host = strcspn(name, "/");
	if (domain) {
		for (at = name + 1; at + n <= name + host && strncmp(at, domain, n) != 0; at++)
			;
		if (at + n > name + host)
			return 0;
	} else if (strncmp(name, prefix, n) != 0) {
		return 0;
	}
	char next = at[n];
	return next == 0 || next == '/' || next == ':' || next == '@' ? (size_t) (at - name) + n : 0;
}

static const struct registry_rule *match(const struct registries *r, const char *name, size_t *covered)
{
	const struct registry_rule *best = NULL;
	for (size_t i = 0; i < r->n_rules; i++) {
		size_t n = prefix_length(name, r->rules[i].prefix);
		if (n && (!best || strlen(r->rules[i].prefix) > strlen(best->prefix))) {
			best = &r->rules[i];
			*covered = n;
		}
	}
	return best;
}

/* add_place - @location for what the prefix covers of @name */
static int add_place(const char *name, size_t covered, const char *location, bool insecure, bool mirror, struct pool *pool,
		     struct registry_place *ret, struct error *err)
{
	struct reference ref;
	const char *text = location ? pool_printf(pool, "%s%s", location, name + covered) : name;
	int r = reference_parse(text, pool, &ref, err);
	if (r < 0)
		return error_wrap(err, "registries.conf leads from '%s' to '%s'", name, text);
	*ret = (struct registry_place) { ref.registry, ref.path, insecure, mirror };
	return 0;
}

int registries_places(const struct registries *r, const struct reference *ref, struct pool *pool, struct registry_place **ret, size_t *n,
		      struct error *err)
{
	size_t covered = 0;
	const struct registry_rule *rule = match(r, ref->name, &covered);
	if (!rule) {
		*ret = pool_alloc(pool, sizeof **ret);
		**ret = (struct registry_place) { ref->registry, ref->path, false, false };
		*n = 1;
		return 0;
	}
	if (rule->blocked)
		return error_say(err, EACCES, "registry '%s' is blocked by %s, which holds blocked = true for it", rule->prefix, rule->file);
	struct registry_place *list = pool_alloc(pool, (rule->n_mirrors + 1) * sizeof *list);
	size_t count = 0;
	int bad = 0;
	for (size_t i = 0; bad == 0 && i < rule->n_mirrors; i++) {
		const struct registry_mirror *m = &rule->mirrors[i];
		bool digest_only = rule->by_digest_only || m->use == MIRROR_BY_DIGEST;
		if ((digest_only && !ref->digest) || (m->use == MIRROR_BY_TAG && ref->digest))
			continue;
		bad = add_place(ref->name, covered, m->location, m->insecure, true, pool, &list[count++], err);
	}
	if (bad == 0)
		bad = add_place(ref->name, covered, rule->location, rule->insecure, false, pool, &list[count++], err);
	*ret = list;
	*n = count;
	return bad;
}
