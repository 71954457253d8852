#include "mount_words.h"
#include "cleanup.h"
#include "fs.h"
#include "mount_building.h"
#include <limits.h>
#include <string.h>

static int secret_number(const char *word, const char *key, const char *value, bool octal, uint32_t *ret, struct error *err)
{
	char *end = NULL;
	errno = 0;
	unsigned long v = value && *value && strspn(value, "0123456789") == strlen(value) ? strtoul(value, &end, octal ? 8 : 10) : ULONG_MAX;
	if (!end || *end || errno || v > (octal ? 07777 : UINT32_MAX - 1))
		return error_say(err, EINVAL, "--secret '%s': %s=%s: give %s", word, key, value ? value : "",
				 octal ? "a mode in octal, such as 0400" : "a number");
	*ret = (uint32_t) v;
	return 0;
}

static int secret_field(const char *word, const char *field, struct record_secret *s, const char **target, struct pool *pool, struct error *err)
{
	char key[64];
	const char *value = building_split_word(field, key);
	if (strcmp(key, "type") == 0) {
		s->env = str_eq(value, "env");
		return s->env || str_eq(value, "mount") ? 0 : error_say(err, EINVAL, "--secret '%s': type=%s: there are mount and env", word,
									value ? value : "");
	}
	if (!str_empty(value) && (strcmp(key, "source") == 0 || strcmp(key, "src") == 0))
		return s->name = pool_strdup(pool, value), 0;
	if (!str_empty(value) && (strcmp(key, "target") == 0 || strcmp(key, "dst") == 0 || strcmp(key, "destination") == 0))
		return *target = pool_strdup(pool, value), 0;
	if (strcmp(key, "uid") == 0 || strcmp(key, "gid") == 0)
		return secret_number(word, key, value, false, *key == 'u' ? &s->uid : &s->gid, err);
	if (strcmp(key, "mode") == 0)
		return secret_number(word, key, value, true, &s->mode, err);
	return error_say(err, EINVAL, "--secret '%s': '%s' is not known; there are source=, type=, target=, uid=, gid= and mode=", word, field);
}

static bool is_variable(const char *s)
{
	return *s && !strchr("0123456789", *s) &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(s);
}

int mount_parse_secret(const char *word, struct pool *pool, struct record_secret *ret, struct error *err)
{
	struct strings fields cleanup_strings = { 0 };
	struct record_secret s = { .mode = 0444 };
	const char *target = NULL;
	int r = 0;
	building_split_fields(word, &fields);
	for (size_t i = 0; r == 0 && i < fields.n; i++) {
		if (i == 0 && !strchr(fields.v[i], '='))
			s.name = pool_strdup(pool, fields.v[i]);
		else
			r = secret_field(word, fields.v[i], &s, &target, pool, err);
	}
	if (r < 0)
		return r;
	if (!s.name)
		return error_say(err, EINVAL, "--secret '%s': the secret's name is missing", word);
	if (!target)
		target = s.name;
	if (s.env && !is_variable(target))
		return error_say(err, EINVAL, "--secret '%s': '%s' cannot be a variable's name; give target=NAME", word, target);
	if (s.env) {
		s.target = pool_strdup(pool, target);
	} else {
		cleanup_free char *path = *target == '/' ? xstrdup(target) : xasprintf("/run/secrets/%s", target);
		cleanup_free char *clean = fs_clean_path(path);
		if (strcmp(clean, "/") == 0 || (*target != '/' && !str_starts(clean, "/run/secrets/")))
			return error_say(err, EINVAL, "--secret '%s': target=%s is no file below /run/secrets; give an absolute path for another "
					 "place", word, target);
		s.target = pool_strdup(pool, clean);
	}
	*ret = s;
	return 0;
}
