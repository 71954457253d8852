#include "log_options.h"
#include "cleanup.h"
#include "fs.h"
#include "log_journal.h"
#include "record.h"
#include <string.h>

enum { FILES_MAX = 1000, SIZE_MIN = 1024 };

static const char *const drivers[] = { [LOG_JSON_FILE] = "json-file", [LOG_K8S_FILE] = "k8s-file", [LOG_JOURNALD] = "journald",
				       [LOG_NONE] = "none", [LOG_PASSTHROUGH] = "passthrough", NULL };

enum log_driver log_driver_of(const struct record_log *l)
{
	for (size_t i = 0; l->driver && drivers[i]; i++)
		if (strcmp(l->driver, drivers[i]) == 0)
			return (enum log_driver) i;
	return LOG_JSON_FILE;
}

static int parse_driver(const char *word, struct record_log *ret, struct error *err)
{
	if (!word)
		return 0;
	for (size_t i = 0; drivers[i]; i++)
		if (strcmp(word, drivers[i]) == 0) {
			ret->driver = i == LOG_JSON_FILE ? NULL : (char *) drivers[i];
			return i == LOG_JOURNALD ? log_journal_check(err) : 0;
		}
	const char *near = str_nearest(word, drivers);
	return error_say(err, EINVAL, "--log-driver '%s': there are json-file, k8s-file, journald, none and passthrough%s%s%s", word,
			 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int parse_size(const char *word, const char *value, struct record_log *ret, struct error *err)
{
	if (strcmp(value, "-1") == 0)
		return 0;
	if (str_to_size(value, &ret->max_size) < 0 || ret->max_size <= 0)
		return error_say(err, EINVAL, "--log-opt '%s': give a size such as 10m, or -1 for no limit", word);
	if (ret->max_size < SIZE_MIN)
		return error_say(err, EINVAL, "--log-opt '%s': the least is %d bytes", word, SIZE_MIN);
	return 0;
}

static int parse_path(const char *word, const char *value, struct pool *pool, struct record_log *ret, struct error *err)
{
	cleanup_free char *path = NULL;
	if (!*value || str_ends(value, "/"))
		return error_say(err, EINVAL, "--log-opt '%s': give the name of a file", word);
	int r = fs_absolute(value, &path, err);
	if (r == 0)
		ret->path = pool_strdup(pool, path);
	return r;
}

static int parse_option(const char *word, struct pool *pool, struct record_log *ret, struct error *err)
{
	const char *value;
	enum log_driver driver = log_driver_of(ret);
	bool file = driver == LOG_JSON_FILE || driver == LOG_K8S_FILE;
	size_t len = strcspn(word, "=");
	if (len == 0 || !word[len])
		return error_say(err, EINVAL, "--log-opt '%s': give NAME=VALUE", word);
	if (file && (value = str_after(word, "max-size=")))
		return parse_size(word, value, ret, err);
	if (file && (value = str_after(word, "max-file="))) {
		if (str_to_i64(value, 1, FILES_MAX, &ret->max_file) < 0)
			return error_say(err, EINVAL, "--log-opt '%s': give a number from 1 to %d", word, FILES_MAX);
		return 0;
	}
	if (file && (value = str_after(word, "path=")))
		return parse_path(word, value, pool, ret, err);
	if ((file || driver == LOG_JOURNALD) && (value = str_after(word, "tag="))) {
		ret->tag = pool_strdup(pool, value);
		return 0;
	}
	return error_say(err, EINVAL, "--log-opt '%s': the driver %s has no option '%.*s'; there %s", word, drivers[driver], (int) len, word,
			 file ? "are max-size, max-file, path and tag" : driver == LOG_JOURNALD ? "is tag" : "is none");
}

int log_options_parse(const char *driver, const struct strings *opts, struct pool *pool, struct record_log *ret, struct error *err)
{
	struct record_log log = { 0 };
	int r = parse_driver(driver, &log, err);
	for (size_t i = 0; r == 0 && i < opts->n; i++)
		r = parse_option(opts->v[i], pool, &log, err);
	if (r < 0)
		return r;
	if (log.max_file > 1 && log.max_size == 0)
		return error_say(err, EINVAL, "--log-opt max-file without max-size: a log that may grow for ever has one file; give max-size, too");
	*ret = log;
	return 0;
}

char *log_path(const struct container *c)
{
	const struct record_log *l = &c->record.life.log;
	enum log_driver driver = log_driver_of(l);
	if (driver != LOG_JSON_FILE && driver != LOG_K8S_FILE)
		return NULL;
	return l->path ? xstrdup(l->path) : xasprintf("%s/log", c->dir);
}
