#include "ports.h"
#include "cleanup.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define T struct port_mapping
const struct json_type port_mapping_type = JSON_TYPE(T, JSON_FIELD(T, host_ip, "hostIp"), JSON_FIELD(T, protocol, "protocol"),
	JSON_FIELD(T, host_port, "hostPort"), JSON_FIELD(T, host_end, "hostEnd"), JSON_FIELD(T, container_port, "containerPort"));
#undef T

void ports_done(struct port_mappings *m)
{
	free(m->v);
	*m = (struct port_mappings) { 0 };
}

void ports_add(struct port_mappings *to, const struct port_mapping *one)
{
	if (to->n == to->size)
		to->v = xreallocarray(to->v, to->size = to->size ? 2 * to->size : 8, sizeof *to->v);
	to->v[to->n++] = *one;
}

/* ---- one word ---- */

struct range { uint16_t first, last; };

/* parse_range - "80" or "80-90", from @min; -EINVAL */
static int parse_range(const char *word, uint64_t min, struct range *ret)
{
	cleanup_free char *first = xstrndup(word, strcspn(word, "-"));
	const char *last = word[strlen(first)] ? word + strlen(first) + 1 : first;
	uint64_t a, b;
	if (str_to_u64(first, UINT16_MAX, &a) < 0 || str_to_u64(last, UINT16_MAX, &b) < 0 || a < min || b < a || (a == 0 && b != 0))
		return -EINVAL;
	*ret = (struct range) { (uint16_t) a, (uint16_t) b };
	return 0;
}

/* take_protocol - what is behind the slash is cut off @word; NULL: it is none of both */
static const char *take_protocol(char *word)
{
	static const char *const known[] = { "tcp", "udp" };
	char *slash = strchr(word, '/');
	if (!slash)
		return known[0];
	*slash = 0;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcasecmp(slash + 1, known[i]) == 0)
			return known[i];
	return NULL;
}

static int bad(struct error *err, const char *word, const char *why)
{
	return error_say(err, EINVAL, "--publish '%s': %s", word, why);
}

static const char form[] = "give [[IP:][HOSTPORT]:]CONTAINERPORT[/tcp|/udp], each a port from 1 to 65535 or a range such as 8000-8010";

/* struct parts - of one word, which they point into; NULL: not there */
struct parts { char *ip, *host, *container; bool in_brackets; };

/* split - at the colons, but those of an address in brackets */
static int split(const char *word, char *text, struct parts *ret, struct error *err)
{
	*ret = (struct parts) { .container = text };
	if (*text == '[') {
		char *end = strchr(text, ']');
		if (!end || end[1] != ':')
			return bad(err, word, "behind an address in brackets a colon and a port are missing: [::1]:8080:80");
		*end = 0;
		ret->ip = text + 1;
		ret->in_brackets = true;
		ret->container = end + 2;
	}
	char *colon = strchr(ret->container, ':');
	if (!colon)
		return ret->ip ? bad(err, word, "the container's port is missing: [::1]:8080:80") : 0;
	*colon = 0;
	ret->host = ret->container;
	ret->container = colon + 1;
	colon = strchr(ret->container, ':');
	if (!colon)
		return 0;
	if (ret->ip || strchr(colon + 1, ':'))
		return bad(err, word, "there are too many colons; an IPv6 address is put into brackets: [::1]:8080:80");
	*colon = 0;
	ret->ip = ret->host;
	ret->host = ret->container;
	ret->container = colon + 1;
	return 0;
}

static int parse_ip(const char *word, const struct parts *p, struct pool *pool, char **ret, struct error *err)
{
	unsigned char bytes[sizeof(struct in6_addr)];
	char text[INET6_ADDRSTRLEN];
	int family = p->in_brackets ? AF_INET6 : AF_INET;
	*ret = NULL;
	if (str_empty(p->ip) && !p->in_brackets)
		return 0;
	if (inet_pton(family, p->ip, bytes) != 1)
		return error_say(err, EINVAL, "--publish '%s': '%s' is not an IPv%c address", word, p->ip, p->in_brackets ? '6' : '4');
	*ret = pool_strdup(pool, inet_ntop(family, bytes, text, sizeof text));
	return 0;
}

/* ---- more than one ---- */

static int family_of(const struct port_mapping *m) { return !m->host_ip ? AF_UNSPEC : strchr(m->host_ip, ':') ? AF_INET6 : AF_INET; }

static bool is_wildcard(const struct port_mapping *m)
{
	return !m->host_ip || strcmp(m->host_ip, "0.0.0.0") == 0 || strcmp(m->host_ip, "::") == 0;
}

static bool is_same_place(const struct port_mapping *a, const struct port_mapping *b)
{
	if (!a->host_port || a->host_end || b->host_end || a->host_port != b->host_port || !str_eq(a->protocol, b->protocol))
		return false;
	if (family_of(a) && family_of(b) && family_of(a) != family_of(b))
		return false;
	return is_wildcard(a) || is_wildcard(b) || str_eq(a->host_ip, b->host_ip);
}

/* is_rest - the wildcards of both families are together what no address is */
static bool is_rest(const struct port_mapping *a, const struct port_mapping *b)
{
	return a->host_port && a->host_port == b->host_port && a->container_port == b->container_port && a->host_end == b->host_end &&
		str_eq(a->protocol, b->protocol) && a->host_ip && b->host_ip && is_wildcard(a) && is_wildcard(b) && !str_eq(a->host_ip, b->host_ip);
}

/* add_new - once; -EINVAL when the host's port leads elsewhere already. @before: those of other words; those of one are different */
static int add_new(const char *word, const struct port_mapping *m, size_t before, struct port_mappings *to, struct error *err)
{
	for (size_t i = 0; i < before; i++) {
		struct port_mapping *old = &to->v[i];
		if (is_rest(old, m)) {
			old->host_ip = NULL;
			return 0;
		}
		if (!is_same_place(old, m))
			continue;
		if (old->container_port == m->container_port && str_eq(old->host_ip, m->host_ip))
			return 0;
		return error_say(err, EINVAL, "--publish '%s': port %u of the host leads to the container's port %u/%s already", word,
				 m->host_port, old->container_port, old->protocol);
	}
	ports_add(to, m);
	return 0;
}

int ports_parse(const char *word, struct pool *pool, struct port_mappings *to, struct error *err)
{
	cleanup_free char *text = xstrdup(word);
	struct parts p;
	struct range host = { 0, 0 }, inside;
	struct port_mapping m = { .protocol = (char *) take_protocol(text) };
	if (!m.protocol)
		return bad(err, word, "the protocol is tcp or udp");
	int r = split(word, text, &p, err);
	if (r == 0)
		r = parse_ip(word, &p, pool, &m.host_ip, err);
	if (r < 0)
		return r;
	if (parse_range(p.container, 1, &inside) < 0 || (!str_empty(p.host) && parse_range(p.host, 0, &host) < 0))
		return bad(err, word, form);
	bool choose = host.last > host.first && inside.first == inside.last;
	if (host.first && !choose && host.last - host.first != inside.last - inside.first)
		return bad(err, word, "the ranges are of different length");
	m.protocol = pool_strdup(pool, m.protocol);
	size_t before = to->n;
	for (unsigned i = 0; r == 0 && i <= (unsigned) (inside.last - inside.first); i++) {
		m.container_port = (uint16_t) (inside.first + i);
		m.host_port = host.first ? (uint16_t) (host.first + i) : 0;
		m.host_end = choose ? host.last : 0;
		r = add_new(word, &m, before, to, err);
	}
	return r;
}

/* ---- exposed ---- */

int ports_expose(const char *option, const char *word, struct strings *to, struct error *err)
{
	cleanup_free char *text = xstrdup(word);
	const char *protocol = take_protocol(text);
	struct range range;
	if (!protocol || parse_range(text, 1, &range) < 0)
		return error_say(err, EINVAL, "%s '%s': give a port from 1 to 65535 or a range such as 8000-8010, with /tcp or /udp", option, word);
	for (unsigned port = range.first; port <= range.last; port++) {
		cleanup_free char *one = xasprintf("%u/%s", port, protocol);
		if (!strings_have(to->v, one))
			strings_add(to, one);
	}
	return 0;
}

/* find_published - the mapping of "80/tcp", or NULL */
static const struct port_mapping *find_published(const struct port_mapping *v, size_t n, const char *exposed)
{
	const char *rest = strchr(exposed, '/');
	unsigned long port = strtoul(exposed, NULL, 10);
	for (size_t i = 0; rest && i < n; i++)
		if (v[i].container_port == port && str_eq(v[i].protocol, rest + 1))
			return &v[i];
	return NULL;
}

void ports_publish_exposed(char *const *exposed, struct pool *pool, struct port_mappings *to)
{
	for (; exposed && *exposed; exposed++)
		if (strchr(*exposed, '/') && !find_published(to->v, to->n, *exposed))
			ports_add(to, &(struct port_mapping) { .protocol = pool_strdup(pool, strchr(*exposed, '/') + 1),
				.container_port = (uint16_t) strtoul(*exposed, NULL, 10) });
}

/* ---- words ---- */

const char *ports_address(const struct port_mapping *m, int family, char out[64])
{
	bool six = m->host_ip ? family_of(m) == AF_INET6 : family != AF_INET;
	snprintf(out, 64, six ? "[%s]" : "%s", m->host_ip ? m->host_ip : six ? "::" : "0.0.0.0");
	return out;
}

/* follows - is @b the port next to @a's, at both ends? */
static bool follows(const struct port_mapping *a, const struct port_mapping *b)
{
	return str_eq(a->host_ip, b->host_ip) && str_eq(a->protocol, b->protocol) && b->container_port == a->container_port + 1 &&
		(a->host_port ? b->host_port == a->host_port + 1 : !b->host_port) && !a->host_end && !b->host_end;
}

size_t ports_run(const struct port_mapping *v, size_t n)
{
	size_t run = 1;
	while (run < n && follows(&v[run - 1], &v[run]))
		run++;
	return run;
}

static void add_number(struct buf *b, unsigned first, unsigned last)
{
	buf_printf(b, "%u", first);
	if (last > first)
		buf_printf(b, "-%u", last);
}

/* add_mapping - of @n that follow each other */
static void add_mapping(struct buf *b, const struct port_mapping *m, size_t n, int family)
{
	char address[64];
	unsigned more = (unsigned) n - 1;
	buf_printf(b, "%s%s:", b->len ? ", " : "", ports_address(m, family, address));
	if (m->host_port)
		add_number(b, m->host_port, m->host_end ? m->host_end : m->host_port + more);
	buf_puts(b, "->");
	add_number(b, m->container_port, m->container_port + more);
	buf_printf(b, "/%s", m->protocol);
}

char *ports_words(const struct port_mapping *v, size_t n, char *const *exposed, struct pool *pool)
{
	struct buf b cleanup_buf = { 0 };
	for (size_t i = 0, run; i < n; i += run) {
		run = ports_run(&v[i], n - i);
		add_mapping(&b, &v[i], run, AF_INET);
		if (!v[i].host_ip)
			add_mapping(&b, &v[i], run, AF_INET6);
	}
	for (; exposed && *exposed; exposed++)
		if (!find_published(v, n, *exposed))
			buf_printf(&b, "%s%s", b.len ? ", " : "", *exposed);
	return pool_strdup(pool, buf_str(&b));
}
