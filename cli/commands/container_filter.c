#include "container_filter.h"
#include "../network/mode.h"
#include "../words.h"
#include "cleanup.h"
#include "filter.h"
#include <regex.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { ID, NAME, LABEL, NOT_LABEL, STATUS, ANCESTOR, EXITED, HEALTH, BEFORE, SINCE, UNTIL, VOLUME, NETWORK, PUBLISH, EXPOSE, COMMAND };
static const struct { const char *key; int is; } keys[] = {
	{ "id", ID }, { "name", NAME }, { "label", LABEL }, { "label!", NOT_LABEL }, { "status", STATUS }, { "ancestor", ANCESTOR },
	{ "exited", EXITED },
	{ "health", HEALTH }, { "before", BEFORE }, { "since", SINCE }, { "until", UNTIL }, { "volume", VOLUME }, { "network", NETWORK },
	{ "publish", PUBLISH }, { "expose", EXPOSE }, { "command", COMMAND },
};

void container_filter_done(struct container_filter *f)
{
	for (size_t i = 0; i < CONTAINER_FILTERS; i++)
		strings_done(&f->wanted[i]);
	free(f->before);
	free(f->since);
}

static int bad(struct error *err, const char *word, const char *why)
{
	return error_say(err, EINVAL, "--filter '%s': %s", word, why);
}

/* check - values that can only be some words */
static int check(const char *word, int key, const char *value, struct error *err)
{
	static const char *const states[] = { "created", "running", "paused", "restarting", "removing", "exited", "dead", "unattended", NULL };
	static const char *const health[] = { "starting", "healthy", "unhealthy", "none", NULL };
	int64_t n;
	if (key == STATUS && !strings_have((char *const *) states, value))
		return bad(err, word, "created, running, paused, restarting, removing, exited, dead or unattended");
	if (key == HEALTH && !strings_have((char *const *) health, value))
		return bad(err, word, "starting, healthy, unhealthy or none");
	if (key == EXITED && str_to_i64(value, -1, 255, &n) < 0)
		return bad(err, word, "an exit code");
	if (key == NAME && *value) {
		regex_t re;
		if (regcomp(&re, value, REG_EXTENDED | REG_NOSUB) != 0)
			return bad(err, word, "no regular expression");
		regfree(&re);
	}
	struct strings ports cleanup_strings = { 0 };
	if ((key == PUBLISH || key == EXPOSE) && ports_expose("--filter", value, &ports, NULL) < 0)
		return bad(err, word, "a port or a range, with /tcp or /udp");
	return *value ? 0 : bad(err, word, "there is nothing behind the =");
}

/* created_of - when the container of before= and since= was made */
static int created_of(const struct carrier *c, const char *name, char **ret, struct error *err)
{
	struct container other cleanup_container = CONTAINER_NONE;
	int r = record_find(c, name, false, &other, err);
	if (r < 0)
		return error_wrap(err, "--filter");
	free(*ret);
	*ret = xstrdup(other.record.created);
	return 0;
}

static int parse_one(const struct carrier *c, const char *word, struct container_filter *ret, struct error *err)
{
	const char *equals = strchr(word, '=');
	if (equals && equals > word && equals[-1] == '!' && !str_starts(word, "label!"))
		return bad(err, word, "only label can be refused by !=");
	for (size_t i = 0; equals && i < sizeof keys / sizeof *keys; i++) {
		size_t len = strlen(keys[i].key);
		if (len != (size_t) (equals - word) || strncmp(word, keys[i].key, len) != 0)
			continue;
		const char *value = equals + 1;
		int r = check(word, keys[i].is, value, err);
		if (r < 0)
			return r;
		if (keys[i].is == BEFORE || keys[i].is == SINCE)
			return created_of(c, value, keys[i].is == BEFORE ? &ret->before : &ret->since, err);
		if (keys[i].is == UNTIL)
			return filter_time(value, time(NULL), &ret->until) < 0 ?
				bad(err, word, "a time (2006-01-02T15:04:05Z, 2006-01-02) or a duration before now (24h, 1h30m, 10d)") : 0;
		strings_add(&ret->wanted[keys[i].is], value);
		return 0;
	}
	return bad(err, word, "there are " CONTAINER_FILTER_HELP ", each with = and a value");
}

int container_filter_parse(const struct carrier *c, const struct strings *words, struct container_filter *ret, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < words->n; i++)
		r = parse_one(c, words->v[i], ret, err);
	return r;
}

bool container_filter_has(const struct container_filter *f, const char *key)
{
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strcmp(keys[i].key, key) == 0 && keys[i].is < CONTAINER_FILTERS)
			return f->wanted[keys[i].is].n > 0;
	return false;
}

/* ---- one container ---- */

/* is_image - the reference as it was given, with or without its tag or registry, or the beginning of the id */
static bool is_image(const struct record *r, const char *wanted)
{
	const char *id = r->image_id ? r->image_id : "", *hex = strchr(id, ':');
	if (str_starts(id, wanted) || (hex && strlen(wanted) >= 4 && str_starts(hex + 1, wanted)))
		return true;
	if (!r->image)
		return false;
	size_t len = strlen(wanted);
	for (const char *name = r->image; name; name = strchr(name, '/') ? strchr(name, '/') + 1 : NULL)
		if (strncmp(name, wanted, len) == 0 && (!name[len] || name[len] == ':' || name[len] == '@'))
			return true;
	return false;
}

static bool has_mount(const struct record *r, const char *wanted)
{
	for (size_t i = 0; i < r->n_mounts; i++) {
		const struct record_mount *m = &r->mounts[i];
		cleanup_free char *of_volume = xasprintf("/%s/_data", wanted);
		if (str_eq(m->source, wanted) || str_eq(m->destination, wanted) || (m->source && str_ends(m->source, of_volume)))
			return true;
	}
	return false;
}

static bool has_state(const struct container *c, const char *wanted)
{
	if (strcmp(wanted, "unattended") == 0)
		return c->state == RECORD_UNATTENDED;
	return strcmp(record_state_word(c), wanted) == 0;
}

/* has_name - a part of it, or, as docker has it, a regular expression; a slash in front was docker's */
static bool has_name(const char *name, const char *wanted)
{
	regex_t re;
	if (!strpbrk(wanted, "^$[](){}*+?|\\."))
		return strstr(name, wanted + (*wanted == '/'));
	cleanup_free char *pattern = str_starts(wanted, "^/") ? xasprintf("^%s", wanted + 2) : xstrdup(wanted);
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	bool has = regexec(&re, name, 0, NULL, 0) == 0;
	regfree(&re);
	return has;
}

/* has_port - docker: "80", "80-90", with or without a protocol; of those it publishes by the container's port, or the host's */
static bool has_port(const struct container *c, const char *wanted, bool published)
{
	struct strings ports cleanup_strings = { 0 };
	const struct record_networking *n = &c->record.networking;
	bool active = record_runs(c);
	const struct port_mapping *v = active ? c->status.ports : n->ports;
	if (ports_expose("--filter", wanted, &ports, NULL) < 0)
		return false;
	for (char **e = n->exposed; !published && e && *e; e++)
		if (strings_have(ports.v, *e))
			return true;
	for (size_t i = 0; published && i < (active ? c->status.n_ports : n->n_ports); i++) {
		cleanup_free char *inside = xasprintf("%u/%s", v[i].container_port, v[i].protocol);
		cleanup_free char *outside = xasprintf("%u/%s", v[i].host_port, v[i].protocol);
		if (strings_have(ports.v, inside) || strings_have(ports.v, outside))
			return true;
	}
	return false;
}

static bool fits(const struct container *c, int key, const char *wanted)
{
	const struct record *r = &c->record;
	int64_t code;
	switch (key) {
	case ID: return str_starts(r->id, wanted);
	case NAME: return r->name && has_name(r->name, wanted);
	case LABEL: return filter_has_label(&r->labels, wanted);
	case NOT_LABEL: return !filter_has_label(&r->labels, wanted);
	case STATUS: return has_state(c, wanted);
	case ANCESTOR: return is_image(r, wanted);
	case EXITED: return c->state == RECORD_EXITED && str_to_i64(wanted, -1, 255, &code) == 0 && c->status.exit_code == code;
	case HEALTH: return strcmp(c->status.health ? c->status.health : "none", wanted) == 0;
	case VOLUME: return has_mount(r, wanted);
	case NETWORK: return network_has(&r->networking, wanted) || str_eq(r->network, wanted);
	case PUBLISH: return has_port(c, wanted, true);
	case EXPOSE: return has_port(c, wanted, false);
	default: return r->args && r->args[0] && strstr(r->args[0], wanted);
	}
}

bool container_filter_takes(const struct container_filter *f, const struct container *c)
{
	int64_t created = 0;
	const char *made = c->record.created ? c->record.created : "";
	/* RFC 3339 in UTC and of one length: in the order of time */
	if ((f->before && strcmp(made, f->before) >= 0) || (f->since && strcmp(made, f->since) <= 0))
		return false;
	if (f->until && words_time(made, &created) == 0 && created >= f->until)
		return false;
	for (int key = 0; key < CONTAINER_FILTERS; key++) {
		const struct strings *words = &f->wanted[key];
		bool all = key == LABEL || key == NOT_LABEL, takes = all || words->n == 0;
		for (size_t i = 0; i < words->n && takes == all; i++)
			takes = fits(c, key, words->v[i]);
		if (!takes)
			return false;
	}
	return true;
}
