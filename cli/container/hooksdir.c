#include "hooksdir.h"
#include "cleanup.h"
#include "fs.h"
#include "str.h"
#include <fcntl.h>
#include <regex.h>
#include <string.h>

enum { DOCUMENT_MAX = 1 << 20 };

#define T struct spec_hook
static const struct json_type hook_type = JSON_TYPE(T, JSON_REQUIRED(T, path, "path"), JSON_FIELD(T, args, "args"), JSON_FIELD(T, env, "env"),
	JSON_FIELD(T, timeout, "timeout"));
#undef T
#define T struct hook_when
static const struct json_type when_type = JSON_TYPE(T, JSON_FIELD(T, always, "always"), JSON_FIELD(T, has_bind_mounts, "hasBindMounts"),
	JSON_FIELD(T, annotations, "annotations"), JSON_FIELD(T, commands, "commands"));
#undef T
#define T struct hook_document
static const struct json_type document_type = JSON_TYPE(T, JSON_FIELD(T, version, "version"), JSON_OBJECT(T, hook, "hook", hook_type),
	JSON_INLINE(T, when, "when", when_type), JSON_FIELD(T, stages, "stages"));
#undef T

static const struct { const char *name; size_t list, count; } stages[] = {
#define STAGE(name, member) { name, offsetof(struct spec_hooks, member), offsetof(struct spec_hooks, n_##member) }
	STAGE("prestart", prestart), STAGE("createRuntime", create_runtime), STAGE("createContainer", create_container),
	STAGE("startContainer", start_container), STAGE("poststart", poststart), STAGE("poststop", poststop),
#undef STAGE
};
enum { STAGES = sizeof stages / sizeof *stages };

static int stage_of(const char *name)
{
	for (int i = 0; i < STAGES; i++)
		if (strcmp(stages[i].name, name) == 0)
			return i;
	return -1;
}

/* ---- one document ---- */

static bool matches(const char *pattern, const char *text)
{
	regex_t re;
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	bool good = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return good;
}

static int check_pattern(const char *name, const char *pattern, struct error *err)
{
	regex_t re;
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return error_say(err, EINVAL, "'%s': '%s' is no regular expression", name, pattern);
	regfree(&re);
	return 0;
}

int hook_document_parse(const char *name, const char *text, size_t len, struct pool *pool, struct hook_document **ret, struct error *err)
{
	struct hook_document *d = NULL;
	int r = json_decode(&document_type, text, len, pool, &d, err);
	if (r < 0)
		return error_wrap(err, "'%s'", name);
	if (!str_eq(d->version, "1.0.0"))
		return error_say(err, EINVAL, "'%s': version is '%s'; this carrier knows 1.0.0", name, d->version ? d->version : "");
	if (!d->hook || d->hook->path[0] != '/')
		return error_say(err, EINVAL, "'%s': hook.path is not absolute", name);
	if (strings_count(d->stages) == 0)
		return error_say(err, EINVAL, "'%s': stages is empty: the hook would never run", name);
	for (char **s = d->stages; *s; s++)
		if (stage_of(*s) < 0)
			return error_say(err, EINVAL, "'%s': there is no stage '%s'; there are prestart, createRuntime, createContainer, "
					 "startContainer, poststart and poststop", name, *s);
	for (size_t i = 0; r == 0 && i < d->when.annotations.n; i++) {
		r = check_pattern(name, d->when.annotations.pairs[i].key, err);
		r = r < 0 ? r : check_pattern(name, d->when.annotations.pairs[i].value, err);
	}
	for (char **c = d->when.commands; r == 0 && c && *c; c++)
		r = check_pattern(name, *c, err);
	if (r == 0)
		*ret = d;
	return r;
}

static bool has_annotation(const struct json_pair *wanted, const struct json_map *annotations)
{
	for (size_t i = 0; i < annotations->n; i++)
		if (matches(wanted->key, annotations->pairs[i].key) && matches(wanted->value, annotations->pairs[i].value))
			return true;
	return false;
}

bool hook_document_matches(const struct hook_document *d, const char *command, const struct json_map *annotations, bool binds)
{
	const struct hook_when *w = &d->when;
	bool any = w->always || w->has_bind_mounts || w->annotations.n || w->commands;
	bool good = any && (!w->always || *w->always) && (!w->has_bind_mounts || (*w->has_bind_mounts && binds));
	for (size_t i = 0; good && i < w->annotations.n; i++)
		good = has_annotation(&w->annotations.pairs[i], annotations);
	bool called = !w->commands;
	for (char **c = w->commands; !called && *c; c++)
		called = matches(*c, command);
	return good && called;
}

/* ---- directories ---- */

struct found { char *name, *path; };

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct found *) a)->name, ((const struct found *) b)->name);
}

/* list - the *.json of @dir join @all, whose names they replace */
static int list(const char *dir, struct pool *pool, struct found **all, size_t *n, struct error *err)
{
	cleanup_dir DIR *d = opendir(dir);
	if (!d)
		return error_set(err, errno, "list '%s'", dir);
	for (struct dirent *e; (e = readdir(d));) {
		size_t at = 0;
		if (!str_ends(e->d_name, ".json"))
			continue;
		while (at < *n && strcmp((*all)[at].name, e->d_name) != 0)
			at++;
		if (at == *n)
			*all = xreallocarray(*all, ++*n, sizeof **all);
		(*all)[at] = (struct found) { pool_strdup(pool, e->d_name), pool_printf(pool, "%s/%s", dir, e->d_name) };
	}
	return 0;
}

static int read_document(const char *path, struct pool *pool, struct hook_document **ret, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r = fs_read_file(AT_FDCWD, path, DOCUMENT_MAX, &text, &len, err);
	return r < 0 ? r : hook_document_parse(path, text, len, pool, ret, err);
}

static void add(struct spec_hooks *hooks, int stage, const struct spec_hook *hook, struct pool *pool)
{
	struct spec_hook **list = (struct spec_hook **) ((char *) hooks + stages[stage].list);
	size_t *n = (size_t *) ((char *) hooks + stages[stage].count);
	struct spec_hook *more = pool_alloc(pool, (*n + 1) * sizeof *more);
	if (*n)
		memcpy(more, *list, *n * sizeof *more);
	more[(*n)++] = *hook;
	*list = more;
}

int hooksdir_check(const char *dir, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	cleanup_free struct found *all = NULL;
	size_t n = 0;
	struct hook_document *d;
	int r = list(dir, &pool, &all, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = read_document(all[i].path, &pool, &d, err);
	return r;
}

int hooksdir_to_spec(char *const *dirs, bool binds, struct pool *pool, struct runtime_spec *s, struct error *err)
{
	cleanup_free struct found *all = NULL;
	size_t n = 0;
	int r = 0;
	for (; r == 0 && *dirs; dirs++)
		r = list(*dirs, pool, &all, &n, err);
	if (n)
		qsort(all, n, sizeof *all, by_name);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct hook_document *d;
		r = read_document(all[i].path, pool, &d, err);
		if (r < 0 || !hook_document_matches(d, s->process->args[0], &s->annotations, binds))
			continue;
		if (!s->hooks)
			s->hooks = pool_alloc(pool, sizeof *s->hooks);
		for (char **stage = d->stages; *stage; stage++)
			add(s->hooks, stage_of(*stage), d->hook, pool);
	}
	return r < 0 ? error_wrap(err, "--hooks-dir") : 0;
}
