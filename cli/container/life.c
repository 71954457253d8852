#include "life.h"
#include "../carrier.h"
#include "../image/documents.h"
#include "../words.h"
#include "cleanup.h"
#include "detach_keys.h"
#include "fs.h"
#include "lists.h"
#include "log_options.h"
#include "options.h"
#include <string.h>

#define T struct record_log
static const struct json_type record_log_type = JSON_TYPE(T, JSON_FIELD(T, driver, "driver"), JSON_FIELD(T, max_size, "maxSize"),
	JSON_FIELD(T, max_file, "maxFile"), JSON_FIELD(T, path, "path"), JSON_FIELD(T, tag, "tag"));
#undef T
#define T struct record_health
static const struct json_type record_health_type = JSON_TYPE(T, JSON_FIELD(T, test, "test"), JSON_FIELD(T, interval, "interval"),
	JSON_FIELD(T, timeout, "timeout"), JSON_FIELD(T, start_period, "startPeriod"), JSON_FIELD(T, start_interval, "startInterval"),
	JSON_FIELD(T, retries, "retries"), JSON_FIELD(T, on_failure, "onFailure"));
#undef T
#define T struct record_life
const struct json_type record_life_type = JSON_TYPE(T, JSON_FIELD(T, restart, "restart"), JSON_FIELD(T, restart_max, "restartMax"),
	JSON_FIELD(T, timeout, "timeout"), JSON_FIELD(T, init, "init"), JSON_FIELD(T, stdin_once, "stdinOnce"),
	JSON_INLINE(T, log, "log", record_log_type), JSON_INLINE(T, health, "health", record_health_type));
#undef T

/* ---- starting again ---- */

enum { DELAY_FIRST_MS = 100, DELAY_LAST_MS = 60 * 1000, LIVED_MS = 10 * 1000 };

static const char *const policies[] = { [RESTART_NO] = "no", [RESTART_ON_FAILURE] = "on-failure", [RESTART_ALWAYS] = "always",
					[RESTART_UNLESS_STOPPED] = "unless-stopped", NULL };

const char *restart_word(enum restart_policy p) { return policies[p]; }

int restart_parse(const char *word, enum restart_policy *ret, int64_t *ret_max, struct error *err)
{
	size_t len = strcspn(word, ":");
	cleanup_free char *name = xstrndup(word, len);
	*ret_max = 0;
	for (size_t i = 0; policies[i]; i++) {
		if (strcmp(name, policies[i]) != 0)
			continue;
		*ret = (enum restart_policy) i;
		if (!word[len])
			return 0;
		if (*ret != RESTART_ON_FAILURE)
			return error_say(err, EINVAL, "--restart '%s': only on-failure takes a number of times", word);
		if (str_to_i64(word + len + 1, 0, INT32_MAX, ret_max) < 0)
			return error_say(err, EINVAL, "--restart '%s': give the number of times behind the colon, as in on-failure:5", word);
		return 0;
	}
	const char *near = str_nearest(name, policies);
	return error_say(err, EINVAL, "--restart '%s': there are no, on-failure[:TIMES], always and unless-stopped%s%s%s", word,
			 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

enum restart_policy restart_policy_of(const struct record_life *l)
{
	for (size_t i = 0; l->restart && policies[i]; i++)
		if (strcmp(l->restart, policies[i]) == 0)
			return (enum restart_policy) i;
	return RESTART_NO;
}

bool restart_wanted(const struct record_life *l, int64_t exit_code, int64_t times, bool stopped)
{
	switch (restart_policy_of(l)) {
	case RESTART_ALWAYS:
	case RESTART_UNLESS_STOPPED: return !stopped;
	case RESTART_ON_FAILURE: return !stopped && exit_code != 0 && (l->restart_max == 0 || times < l->restart_max);
	case RESTART_NO: break;
	}
	return false;
}

int64_t restart_delay_ms(int64_t last_ms, int64_t lived_ms)
{
	if (last_ms <= 0 || lived_ms >= LIVED_MS)
		return DELAY_FIRST_MS;
	return last_ms >= DELAY_LAST_MS / 2 ? DELAY_LAST_MS : 2 * last_ms;
}

static int make_restart(const struct run_options *o, struct record_life *ret, struct error *err)
{
	enum restart_policy policy;
	const struct life_options *l = &o->life;
	if (!l->restart)
		return 0;
	int r = restart_parse(l->restart, &policy, &ret->restart_max, err);
	if (r < 0)
		return r;
	if (policy != RESTART_NO && o->remove)
		return error_say(err, EINVAL, "--restart and --rm exclude each other: one that is removed cannot be started again");
	ret->restart = policy == RESTART_NO ? NULL : (char *) policies[policy];
	return 0;
}

/* ---- attaching ---- */

static int check_attach(const struct run_options *o, struct error *err)
{
	static const char *const streams[] = { "stdin", "stdout", "stderr", NULL };
	const struct life_options *l = &o->life;
	if (o->detach && l->attach.n)
		return error_say(err, EINVAL, "--detach and --attach exclude each other");
	for (size_t i = 0; i < l->attach.n; i++)
		if (!strings_have((char *const *) streams, l->attach.v[i]))
			return error_say(err, EINVAL, "--attach '%s': there are stdin, stdout and stderr", l->attach.v[i]);
	struct detach_keys keys;
	return detach_keys_parse(l->detach_keys, &keys, err);
}

/* ---- health ---- */

static int duration(const char *option, const char *text, int64_t least, int64_t *ret, struct error *err)
{
	if (!text)
		return 0;
	if (words_nanoseconds(text, ret) < 0)
		return error_say(err, EINVAL, "%s '%s': give a time such as 30s, 1m30s or 500ms", option, text);
	if (*ret != 0 && *ret < least)
		return error_say(err, EINVAL, "%s '%s': the least is 1ms", option, text);
	return 0;
}

static const struct json_type words_type = JSON_TYPE(struct record_health, JSON_REQUIRED(struct record_health, test, "test"));

/* make_test - a shell's text, or the words of a JSON list */
static int make_test(const char *text, struct pool *pool, struct record_health *ret, struct error *err)
{
	char *shell[] = { (char *) "CMD-SHELL", (char *) (uintptr_t) text, NULL }, *first[] = { (char *) "CMD", NULL };
	if (*text != '[') {
		ret->test = list_copy(pool, shell, NULL);
		return 0;
	}
	cleanup_free char *object = xasprintf("{\"test\":%s}", text);
	struct record_health *words;
	int r = json_decode(&words_type, object, strlen(object), pool, &words, err);
	if (r < 0)
		return error_wrap(err, "--health-cmd '%s'", text);
	char **w = words->test;
	if (!w || !w[0])
		return error_say(err, EINVAL, "--health-cmd '%s': the list is empty", text);
	bool named = str_eq(w[0], "CMD") || str_eq(w[0], "CMD-SHELL") || str_eq(w[0], "NONE");
	ret->test = named ? w : list_copy(pool, first, w);
	return 0;
}

static void take_image(const struct image_healthcheck *i, struct pool *pool, struct record_health *ret)
{
	if (!i)
		return;
	ret->test = i->test && i->test[0] ? list_copy(pool, i->test, NULL) : NULL;
	ret->interval = i->interval;
	ret->timeout = i->timeout;
	ret->start_period = i->start_period;
	ret->start_interval = i->start_interval;
	ret->retries = i->retries;
}

static bool has_health_option(const struct life_options *l)
{
	return l->health_cmd || l->health_interval || l->health_timeout || l->health_retries || l->health_start_period ||
	       l->health_start_interval || l->health_on_failure;
}

static int make_health(const struct life_options *l, const struct image_healthcheck *image, struct pool *pool, struct record_health *ret,
		       struct error *err)
{
	static const char *const actions[] = { "none", "kill", "restart", "stop", NULL };
	const int64_t least = 1000000;
	if (l->no_healthcheck)
		return has_health_option(l) ? error_say(err, EINVAL, "--no-healthcheck and the --health options exclude each other") : 0;
	take_image(image, pool, ret);
	int r = l->health_cmd ? make_test(l->health_cmd, pool, ret, err) : 0;
	r = r < 0 ? r : duration("--health-interval", l->health_interval, least, &ret->interval, err);
	r = r < 0 ? r : duration("--health-timeout", l->health_timeout, least, &ret->timeout, err);
	r = r < 0 ? r : duration("--health-start-period", l->health_start_period, least, &ret->start_period, err);
	r = r < 0 ? r : duration("--health-start-interval", l->health_start_interval, least, &ret->start_interval, err);
	if (r < 0)
		return r;
	if (l->health_retries < 0)
		return error_say(err, EINVAL, "--health-retries: give a number of failures, at least 1");
	if (l->health_retries)
		ret->retries = l->health_retries;
	if (l->health_on_failure && !strings_have((char *const *) actions, l->health_on_failure))
		return error_say(err, EINVAL, "--health-on-failure '%s': there are none, kill, restart and stop", l->health_on_failure);
	if (l->health_on_failure && !str_eq(l->health_on_failure, "none"))
		ret->on_failure = pool_strdup(pool, l->health_on_failure);
	if (str_eq(ret->on_failure, "restart") && l->restart && !str_eq(l->restart, "no"))
		return error_say(err, EINVAL, "--health-on-failure restart and --restart exclude each other: `kill` has the policy start it again");
	bool none = !ret->test || str_eq(ret->test[0], "NONE");
	if (none && (l->health_interval || l->health_on_failure) && !image && !l->health_cmd)
		return error_say(err, EINVAL, "there is no command that tells of its health: give --health-cmd");
	if (none)
		*ret = (struct record_health) { 0 };
	return 0;
}

/* ---- the first process ---- */

static int make_init(const struct life_options *l, struct pool *pool, struct record_life *ret, struct error *err)
{
	if (!l->init)
		return 0;
	cleanup_free char *path = NULL;
	if (l->init_path) {
		int r = fs_absolute(l->init_path, &path, err);
		if (r < 0)
			return r;
		if (access(path, X_OK) < 0)
			return error_set(err, errno, "--init-path '%s'", l->init_path);
	} else {
		path = carrier_helper("carrier-init", err);
		if (!path)
			return -ENOENT;
	}
	ret->init = pool_strdup(pool, path);
	return 0;
}

int life_to_record(const struct run_options *o, const struct image_healthcheck *of_image, struct pool *pool, struct record_life *ret,
		   struct error *err)
{
	struct record_life life = { .stdin_once = o->interactive && !o->detach };
	const struct life_options *l = &o->life;
	if (l->timeout < 0)
		return error_say(err, EINVAL, "--timeout: give a number of seconds, or 0 for no limit");
	life.timeout = l->timeout;
	int r = make_restart(o, &life, err);
	r = r < 0 ? r : check_attach(o, err);
	r = r < 0 ? r : log_options_parse(l->log_driver, &l->log_opts, pool, &life.log, err);
	r = r < 0 ? r : make_health(l, of_image, pool, &life.health, err);
	r = r < 0 ? r : make_init(l, pool, &life, err);
	if (r < 0)
		return r;
	if (log_driver_of(&life.log) == LOG_PASSTHROUGH && o->tty)
		return error_say(err, EINVAL, "--log-driver passthrough and --tty exclude each other: its own terminal is what a container with "
				 "--tty writes to");
	*ret = life;
	return 0;
}
