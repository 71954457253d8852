#include "instructions.h"
#include "../pairs.h"
#include "../words.h"
#include "cleanup.h"
#include "fs.h"
#include "proc.h"
#include "str.h"
#include <ctype.h>
#include <string.h>

/* One instruction being applied. */
struct change {
	struct image_settings *settings;
	const char *keyword, *rest;	/* upper case; what follows it, without blanks around */
	struct pool *pool;
	struct error *err;
};

static int bad(const struct change *c, const char *what)
{
	return error_say(c->err, EINVAL, "--change '%s %.200s': %s", c->keyword, c->rest, what);
}

static char *keep(const struct change *c, const char *s) { return pool_strdup(c->pool, s); }

static char **keep_list(const struct change *c, const struct strings *l)
{
	char **list = pool_alloc(c->pool, (l->n + 1) * sizeof *list);
	for (size_t i = 0; i < l->n; i++)
		list[i] = keep(c, l->v[i]);
	return list;
}

/* ---- words ---- */

/* split - at blanks; quotes and backslashes as a shell has them */
static int split(const struct change *c, struct strings *ret)
{
	for (const char *p = c->rest; *p;) {
		struct buf word cleanup_buf = { 0 };
		char quote = 0;
		buf_puts(&word, "");
		for (; *p && (quote || !isspace((unsigned char) *p)); p++) {
			if (*p == '\\' && p[1] && quote != '\'')
				buf_putc(&word, *++p);
			else if (!quote && (*p == '"' || *p == '\''))
				quote = *p;
			else if (*p == quote)
				quote = 0;
			else
				buf_putc(&word, *p);
		}
		if (quote)
			return bad(c, "a quote is not closed");
		strings_add(ret, word.data);
		while (isspace((unsigned char) *p))
			p++;
	}
	return 0;
}

struct json_words { char **v; };
static const struct json_type json_words_type = JSON_TYPE(struct json_words, JSON_REQUIRED(struct json_words, v, "v"));

/* json_list - ["a", "b"]; 0 when it is none */
static char **json_list(const struct change *c)
{
	if (*c->rest != '[')
		return NULL;
	cleanup_free char *text = xasprintf("{\"v\":%s}", c->rest);
	struct json_words *words;
	return json_decode(&json_words_type, text, strlen(text), c->pool, &words, NULL) == 0 ? words->v : NULL;
}

/* command - of CMD and the like: a list, or a line for the shell */
static char **command(const struct change *c, const char *line)
{
	char **list = json_list(c);
	if (list)
		return list;
	struct strings words cleanup_strings = { 0 };
	char **shell = c->settings->shell;
	for (; shell && *shell; shell++)
		strings_add(&words, *shell);
	if (!words.n) {
		strings_add(&words, "/bin/sh");
		strings_add(&words, "-c");
	}
	strings_add(&words, line);
	return keep_list(c, &words);
}

/* add_each - what the list does not have yet */
static void add_each(const struct change *c, char ***list, char *const *more)
{
	struct strings all cleanup_strings = { 0 };
	for (char **v = *list; v && *v; v++)
		strings_add(&all, *v);
	for (; more && *more; more++)
		if (!strings_have(all.v, *more))
			strings_add(&all, *more);
	*list = keep_list(c, &all);
}

/* ---- the instructions ---- */

static int change_cmd(const struct change *c)
{
	c->settings->cmd = command(c, c->rest);
	return 0;
}

static int change_entrypoint(const struct change *c)
{
	c->settings->entrypoint = command(c, c->rest);
	if (!*c->settings->entrypoint)
		c->settings->entrypoint = NULL;	/* "[]" takes it away */
	return 0;
}

/* pairs - NAME=VALUE words, or the old form "NAME the rest is the value" */
static int pairs(const struct change *c, struct strings *ret)
{
	int r = split(c, ret);
	if (r < 0)
		return r;
	if (ret->n && !strchr(ret->v[0], '=')) {
		size_t len = strcspn(c->rest, " \t");
		const char *value = c->rest + len + strspn(c->rest + len, " \t");
		if (!*value)
			return bad(c, "give NAME=VALUE");
		strings_done(ret);
		strings_printf(ret, "%.*s=%s", (int) len, c->rest, value);
	}
	for (size_t i = 0; i < ret->n; i++)
		if (!strchr(ret->v[i], '=') || *ret->v[i] == '=')
			return bad(c, "give NAME=VALUE");
	return 0;
}

static int change_env(const struct change *c)
{
	struct strings given cleanup_strings = { 0 }, all cleanup_strings = { 0 };
	int r = pairs(c, &given);
	for (char **v = c->settings->env; v && *v; v++)
		strings_add(&all, *v);
	for (size_t i = 0; i < given.n; i++)
		env_set(&all, given.v[i]);
	if (r == 0)
		c->settings->env = keep_list(c, &all);
	return r;
}

static int change_label(const struct change *c)
{
	struct strings given cleanup_strings = { 0 };
	struct json_map map = { 0 };
	const struct json_map *old = &c->settings->labels;
	int r = pairs(c, &given);
	if (r < 0)
		return r;
	for (size_t i = 0; i < old->n; i++)
		pairs_set(&map, c->pool, old->pairs[i].key, strlen(old->pairs[i].key), old->pairs[i].value);
	for (size_t i = 0; i < given.n; i++)
		pairs_add(&map, c->pool, given.v[i]);
	c->settings->labels = map;
	return 0;
}

/* port_word - "80" is "80/tcp" */
static int port_word(const struct change *c, const char *word, struct strings *ret)
{
	const char *slash = strchr(word, '/');
	const char *protocol = slash ? slash + 1 : "tcp";
	cleanup_free char *port = xstrndup(word, slash ? (size_t) (slash - word) : strlen(word));
	char *dash = strchr(port, '-');
	uint64_t from, to;
	if (dash)
		*dash = 0;
	if (str_to_u64(port, 65535, &from) < 0 || str_to_u64(dash ? dash + 1 : port, 65535, &to) < 0 || from == 0 || to < from ||
	    (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0 && strcmp(protocol, "sctp") != 0))
		return bad(c, "give ports as 80, 80/udp or 8000-8010/tcp");
	for (; from <= to; from++)
		strings_printf(ret, "%llu/%s", (unsigned long long) from, protocol);
	return 0;
}

static int change_expose(const struct change *c)
{
	struct strings words cleanup_strings = { 0 }, ports cleanup_strings = { 0 };
	int r = split(c, &words);
	for (size_t i = 0; r == 0 && i < words.n; i++)
		r = port_word(c, words.v[i], &ports);
	if (r == 0)
		add_each(c, &c->settings->exposed_ports, ports.v);
	return r;
}

static int change_volume(const struct change *c)
{
	struct strings words cleanup_strings = { 0 };
	char **list = json_list(c);
	int r = list ? 0 : split(c, &words);
	if (r == 0)
		add_each(c, &c->settings->volumes, list ? list : words.v);
	return r;
}

static int change_onbuild(const struct change *c)
{
	char **list = c->settings->on_build;
	size_t n = strings_count(list);
	char **longer = pool_alloc(c->pool, (n + 2) * sizeof *longer);
	if (n)
		memcpy(longer, list, n * sizeof *longer);
	longer[n] = keep(c, c->rest);
	c->settings->on_build = longer;
	return 0;
}

static int one_word(const struct change *c, char **ret)
{
	struct strings words cleanup_strings = { 0 };
	int r = split(c, &words);
	if (r == 0 && words.n != 1)
		r = bad(c, "it takes one word");
	if (r == 0)
		*ret = keep(c, words.v[0]);
	return r;
}

static int change_stopsignal(const struct change *c)
{
	char *word;
	int r = one_word(c, &word);
	if (r == 0 && signal_parse(word) < 0)
		r = bad(c, "there is no such signal");
	if (r == 0)
		c->settings->stop_signal = word;
	return r;
}

static int change_user(const struct change *c) { return one_word(c, &c->settings->user); }

static int change_workdir(const struct change *c)
{
	char *word;
	int r = one_word(c, &word);
	if (r < 0)
		return r;
	const char *was = *word == '/' || !c->settings->working_dir ? "" : c->settings->working_dir;
	cleanup_free char *path = xasprintf("%s/%s", was, word), *clean = fs_clean_path(path);
	c->settings->working_dir = keep(c, clean);
	return 0;
}

/* ---- HEALTHCHECK [--interval=30s ...] CMD ... | NONE ---- */

static int health_option(struct image_healthcheck *h, const char *word)
{
	const char *value;
	if ((value = str_after(word, "--interval=")))
		return words_nanoseconds(value, &h->interval);
	if ((value = str_after(word, "--timeout=")))
		return words_nanoseconds(value, &h->timeout);
	if ((value = str_after(word, "--start-period=")))
		return words_nanoseconds(value, &h->start_period);
	if ((value = str_after(word, "--start-interval=")))
		return words_nanoseconds(value, &h->start_interval);
	if ((value = str_after(word, "--retries=")))
		return str_to_i64(value, 0, INT32_MAX, &h->retries);
	return -EINVAL;
}

static int change_healthcheck(const struct change *c)
{
	struct image_healthcheck *h = pool_alloc(c->pool, sizeof *h);
	struct change rest = *c;
	const char *p = c->rest;
	while (str_starts(p, "--")) {
		size_t len = strcspn(p, " \t");
		cleanup_free char *word = xstrndup(p, len);
		if (health_option(h, word) < 0)
			return bad(c, "there are --interval=, --timeout=, --start-period=, --start-interval= (as 30s) and --retries= (a number)");
		p += len + strspn(p + len, " \t");
	}
	if (strcasecmp(p, "NONE") == 0) {
		h->test = pool_alloc(c->pool, 2 * sizeof *h->test);
		h->test[0] = keep(c, "NONE");
	} else if (strncasecmp(p, "CMD", 3) == 0 && isspace((unsigned char) p[3])) {
		rest.rest = p + 4 + strspn(p + 4, " \t");
		char **list = json_list(&rest), *shell[] = { (char *) (uintptr_t) rest.rest, NULL };
		size_t n = strings_count(list ? list : shell);
		h->test = pool_alloc(c->pool, (n + 2) * sizeof *h->test);
		h->test[0] = keep(c, list ? "CMD" : "CMD-SHELL");
		for (size_t i = 0; i < n; i++)
			h->test[i + 1] = keep(c, (list ? list : shell)[i]);
	} else {
		return bad(c, "give CMD and a command, or NONE");
	}
	c->settings->healthcheck = h;
	return 0;
}

/* ---- all ---- */

static const struct { const char *keyword; int (*apply)(const struct change *c); } instructions[] = {
	{ "CMD", change_cmd }, { "ENTRYPOINT", change_entrypoint }, { "ENV", change_env }, { "EXPOSE", change_expose },
	{ "HEALTHCHECK", change_healthcheck }, { "LABEL", change_label }, { "ONBUILD", change_onbuild },
	{ "STOPSIGNAL", change_stopsignal }, { "USER", change_user }, { "VOLUME", change_volume }, { "WORKDIR", change_workdir },
};

int instruction_apply(struct image_settings *settings, const char *text, struct pool *pool, struct error *err)
{
	text += strspn(text, " \t\n");
	size_t len = strcspn(text, " \t=");
	cleanup_free char *keyword = xstrndup(text, len);
	cleanup_free char *rest = xstrdup(text[len] ? text + len + 1 + strspn(text + len + 1, " \t") : "");
	for (char *p = keyword; *p; p++)
		*p = (char) toupper((unsigned char) *p);
	for (size_t n = strlen(rest); n && isspace((unsigned char) rest[n - 1]); n--)
		rest[n - 1] = 0;
	const struct change c = { .settings = settings, .keyword = keyword, .rest = rest, .pool = pool, .err = err };
	for (size_t i = 0; i < sizeof instructions / sizeof *instructions; i++)
		if (strcmp(instructions[i].keyword, keyword) == 0)
			return *rest ? instructions[i].apply(&c) : bad(&c, "nothing follows it");
	return error_say(err, EINVAL, "--change '%.200s': there are CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, "
			 "VOLUME and WORKDIR", text);
}
