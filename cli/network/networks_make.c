#include "networks_impl.h"
#include "../container/event.h"
#include "../pairs.h"
#include "cleanup.h"
#include "fs.h"
#include "link.h"
#include "mode.h"
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { RANDOM = 32, MTU_MIN = 68, MTU_MIN_IPV6 = 1280, MTU_MAX = 65535,
       MTU_HELPERS = 65520 };	/* of what connects an ordinary user's networks to the world: packets need not be smaller on the way there */

/* ---- names ---- */

int network_check_name(const char *name, struct error *err)
{
	if (network_is_word(name))
		return error_say(err, EINVAL, "'%s' cannot be a network's name: it has a meaning of its own for --network", name);
	return named_check("network", name, err);
}

static int check_bridge(const char *name, struct error *err)
{
	bool good = *name && strlen(name) < IF_NAMESIZE && *name != '.' && *name != '-';
	for (const char *c = name; good && *c; c++)
		good = *c > ' ' && *c < 127 && !strchr("/:%\"\\", *c);
	return good ? 0 : error_say(err, EINVAL, "--interface-name '%s': a link's name has at most %d characters, without blanks, '/', ':' and '%%'",
				    name, IF_NAMESIZE - 1);
}

/* ---- options of the driver ---- */

static int set_option(const struct json_pair *o, struct network_record *n, struct error *err)
{
	uint64_t mtu;
	if (str_eq(o->key, "mtu") || str_eq(o->key, "com.docker.network.driver.mtu")) {
		if (str_to_u64(o->value, MTU_MAX, &mtu) < 0 || mtu < MTU_MIN)
			return error_say(err, EINVAL, "--opt %s=%s: give a number from %d to %d", o->key, o->value, MTU_MIN, MTU_MAX);
		n->mtu = (int64_t) mtu;
		return 0;
	}
	if (str_eq(o->key, "isolate")) {
		n->open = str_eq(o->value, "false");
		return n->open || str_eq(o->value, "true") || str_eq(o->value, "strict") ? 0 :
		       error_say(err, EINVAL, "--opt isolate=%s: give true or false", o->value);
	}
	if (str_eq(o->key, "com.docker.network.bridge.name")) {
		n->bridge = o->value;
		return 0;
	}
	return error_say(err, EINVAL, "--opt '%s': there are mtu, isolate and com.docker.network.bridge.name", o->key);
}

/* ---- subnets ---- */

/* struct taken - the subnets that somebody has */
struct taken { struct subnet *v; char (*by)[80]; size_t n, size; };

static void take(struct taken *t, const struct subnet *s, const char *what, const char *by)
{
	if (t->n == t->size) {
		t->size = t->size ? 2 * t->size : 16;
		t->v = xreallocarray(t->v, t->size, sizeof *t->v);
		t->by = xreallocarray(t->by, t->size, sizeof *t->by);
	}
	snprintf(t->by[t->n], sizeof *t->by, "%s '%.50s'", what, by);
	t->v[t->n++] = *s;
}

static void taken_done(struct taken *t)
{
	free(t->v);
	free(t->by);
}

static int take_route(void *ctx, const struct subnet *to, const char *link, struct error *err)
{
	take(ctx, to, "a route by the link", link);
	return 0;
}

/* take_helpers - the addresses of what connects an ordinary user's networks with the world (network.h) */
static void take_helpers(struct taken *t)
{
	static const char *const list[] = { "10.0.2.0/24", "fd00::/64" };
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		struct subnet s;
		if (subnet_parse_any("subnet", list[i], &s, NULL) == 0)
			take(t, &s, "the program", "slirp4netns");
	}
}

static int find_taken(const struct carrier *c, struct taken *ret, struct error *err)
{
	cleanup_netlink struct netlink nl = NETLINK_INIT;
	struct network *list;
	size_t n;
	int r = network_list(c, &list, &n, err);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < list[i].record.n_subnets; k++) {
			struct subnet s;
			struct address gateway;
			network_subnet_of(&list[i].record.subnets[k], &s, &gateway);
			take(ret, &s, "the network", list[i].record.name);
		}
	network_list_free(list, n);
	if (c->rootless)
		take_helpers(ret);
	/* behind them: of a network that is up both are there, and its name says more */
	r = r < 0 ? r : netlink_open(NETLINK_ROUTE, -1, &nl, err);
	return r < 0 ? r : link_routes(&nl, take_route, ret, err);
}

static const char *taken_by(const struct taken *t, const struct subnet *s)
{
	for (size_t i = 0; i < t->n; i++)
		if (subnet_overlaps(&t->v[i], s))
			return t->by[i];
	return NULL;
}

/* choose_ipv4 - the first /24 from 10.72.0.0 on that nobody has; podman begins at 10.88.0.0, and sees ours only while they are in use */
static int choose_ipv4(const struct taken *t, struct subnet *ret, struct error *err)
{
	struct subnet s = { { AF_INET, { 10, 72 } }, 24 };
	while (s.base.bytes[0] == 10 && taken_by(t, &s))
		s = subnet_next(&s);
	if (s.base.bytes[0] != 10)
		return error_say(err, ENOSPC, "no subnet is free between 10.72.0.0 and 10.255.255.255: give one with --subnet");
	*ret = s;
	return 0;
}

/* choose_ipv6 - a unique local one, RFC 4193 */
static int choose_ipv6(const struct taken *t, struct subnet *ret, struct error *err)
{
	struct subnet s = { { AF_INET6, { 0xfd } }, 64 };
	do {
		if (getrandom(s.base.bytes + 1, 5, 0) != 5)
			return error_set(err, errno, "get random numbers from the kernel");
	} while (taken_by(t, &s));
	*ret = s;
	return 0;
}

static int add_subnet(const struct subnet *s, struct pool *pool, struct network_record *n, struct error *err)
{
	char text[SUBNET_TEXT_MAX], first[ADDRESS_TEXT_MAX];
	const struct address gateway = address_nth(&s->base, 1);
	struct network_subnet *list = pool_alloc(pool, (n->n_subnets + 1) * sizeof *list);
	for (size_t i = 0; i < n->n_subnets; i++) {
		struct subnet other;
		struct address unused;
		network_subnet_of(&n->subnets[i], &other, &unused);
		if (other.base.family == s->base.family)
			return error_say(err, EINVAL, "--subnet '%s': the network has an %s subnet already, '%s'", subnet_text(s, text),
					 s->base.family == AF_INET ? "IPv4" : "IPv6", n->subnets[i].subnet);
		list[i] = n->subnets[i];
	}
	list[n->n_subnets] = (struct network_subnet) { pool_strdup(pool, subnet_text(s, text)),
						       pool_strdup(pool, address_text(&gateway, first)), NULL };
	n->subnets = list;
	n->n_subnets++;
	return 0;
}

static int set_gateway(const char *word, struct pool *pool, struct network_record *n, struct error *err)
{
	struct address a, unused;
	if (address_parse(word, &a) < 0)
		return error_say(err, EINVAL, "--gateway '%s': it is no address", word);
	for (size_t i = 0; i < n->n_subnets; i++) {
		struct subnet s;
		network_subnet_of(&n->subnets[i], &s, &unused);
		if (subnet_is_host(&s, &a)) {
			n->subnets[i].gateway = pool_strdup(pool, word);
			return 0;
		}
	}
	return error_say(err, EINVAL, "--gateway '%s': it is in no subnet of the network: give its --subnet, too", word);
}

static int set_range(const char *word, struct pool *pool, struct network_record *n, struct error *err)
{
	struct subnet range, s;
	struct address unused;
	int r = subnet_parse_any("--ip-range", word, &range, err);
	for (size_t i = 0; r == 0 && i < n->n_subnets; i++) {
		network_subnet_of(&n->subnets[i], &s, &unused);
		if (subnet_within(&range, &s)) {
			n->subnets[i].range = pool_strdup(pool, word);
			return 0;
		}
	}
	return r < 0 ? r : error_say(err, EINVAL, "--ip-range '%s': it is in no subnet of the network: give its --subnet, too", word);
}

static int set_subnets(const struct network_wanted *w, const struct taken *t, struct pool *pool, struct network_record *n, struct error *err)
{
	struct subnet s;
	int r = 0;
	for (size_t i = 0; r == 0 && i < w->subnets->n; i++) {
		r = subnet_parse("--subnet", w->subnets->v[i], &s, err);
		const char *by = r < 0 ? NULL : taken_by(t, &s);
		if (by)
			return error_say(err, EEXIST, "--subnet '%s': %s has addresses of it; give another one, or none and a free one is chosen",
					 w->subnets->v[i], by);
		r = r < 0 ? r : add_subnet(&s, pool, n, err);
	}
	if (r == 0 && !network_subnet_find(n, AF_INET, &s) && (w->subnets->n == 0 || w->ipv6)) {
		r = choose_ipv4(t, &s, err);
		r = r < 0 ? r : add_subnet(&s, pool, n, err);
	}
	if (r == 0 && !network_subnet_find(n, AF_INET6, &s) && w->ipv6) {
		r = choose_ipv6(t, &s, err);
		r = r < 0 ? r : add_subnet(&s, pool, n, err);
	}
	for (size_t i = 0; r == 0 && i < w->gateways->n; i++)
		r = set_gateway(w->gateways->v[i], pool, n, err);
	for (size_t i = 0; r == 0 && i < w->ranges->n; i++)
		r = set_range(w->ranges->v[i], pool, n, err);
	if (r == 0 && n->mtu && n->mtu < MTU_MIN_IPV6 && network_subnet_find(n, AF_INET6, &s))
		return error_say(err, EINVAL, "--opt mtu=%lld: IPv6 needs at least %d", (long long) n->mtu, MTU_MIN_IPV6);
	return r;
}

/* ---- making ---- */

static void set_id(struct pool *pool, struct network_record *n)
{
	unsigned char random[RANDOM];
	struct timespec now;
	char created[40];
	n->id = pool_alloc(pool, 2 * RANDOM + 1);
	if (getrandom(random, sizeof random, 0) == (ssize_t) sizeof random)	/* so few bytes never fail */
		str_hex(random, sizeof random, n->id);
	clock_gettime(CLOCK_REALTIME, &now);
	n->created = pool_strdup(pool, str_rfc3339(now.tv_sec, now.tv_nsec, created));
	if (!n->bridge)
		n->bridge = pool_printf(pool, "ca-%.12s", n->id);
	if (!n->name)
		n->name = pool_printf(pool, "net-%.12s", n->id);
}

static int check_other_bridges(const struct carrier *c, const char *bridge, struct error *err)
{
	struct network *list;
	size_t n;
	int r = network_list(c, &list, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (str_eq(list[i].record.bridge, bridge))
			r = error_say(err, EEXIST, "--interface-name '%s': the network '%s' has a bridge of this name", bridge, list[i].record.name);
	network_list_free(list, n);
	cleanup_netlink struct netlink nl = NETLINK_INIT;
	r = r < 0 ? r : netlink_open(NETLINK_ROUTE, -1, &nl, err);
	r = r < 0 ? r : c->rootless && str_eq(bridge, "tap0") ? 1 : link_find(&nl, bridge, err);	/* the helper's, of its network namespace */
	return r > 0 ? error_say(err, EEXIST, "--interface-name '%s': there is a link of this name", bridge) : r == -ENODEV ? 0 : r;
}

static int write_new(const struct named *networks, const struct network_record *n, struct error *err)
{
	char temporary[40];
	size_t len;
	cleanup_free char *text = json_encode(&network_record_type, n, JSON_COMPACT, &len);
	cleanup_close int fd = named_new(networks, temporary, err);
	if (fd < 0)
		return fd;
	int r = fs_replace_file(fd, "network.json", text, len, 0600, true, err);
	if (r < 0) {
		(void) fs_remove_tree(networks->fd, temporary, NULL);
		return r;
	}
	return named_publish(networks, temporary, n->name, err);
}

static int check_wanted(const struct carrier *c, const struct network_wanted *w, struct network_record *n, struct error *err)
{
	int r = w->name ? network_check_name(w->name, err) : 0;
	for (size_t i = 0; r == 0 && i < w->options.n; i++)
		r = set_option(&w->options.pairs[i], n, err);
	if (r == 0 && w->bridge)
		n->bridge = (char *) (uintptr_t) w->bridge;
	if (r == 0 && n->bridge)
		r = check_bridge(n->bridge, err);
	return r == 0 && n->bridge ? check_other_bridges(c, n->bridge, err) : r;
}

int network_make(const struct carrier *c, const struct network_wanted *w, struct network *ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct named networks cleanup_named = NAMED_NONE;
	struct taken taken CLEANUP(taken_done) = { 0 };
	struct network_record n = { .name = (char *) (uintptr_t) w->name, .internal = w->internal, .no_names = w->no_names, .labels = w->labels,
				    .options = w->options, .mtu = c->rootless ? MTU_HELPERS : 0 };
	int r = check_wanted(c, w, &n, err);
	if (r == 0)
		r = networks_open(c, true, &networks, err);
	if (r < 0)
		return r;
	cleanup_close int hold = named_hold(&networks, true, err);	/* alone: two at once would choose the same subnet */
	if (hold < 0)
		return hold;
	if (n.name && faccessat(networks.fd, n.name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return error_say(err, EEXIST, "there is a network '%s' already", n.name);
	r = find_taken(c, &taken, err);
	if (r == 0)
		r = set_subnets(w, &taken, &pool, &n, err);
	if (r < 0)
		return r;
	set_id(&pool, &n);
	r = write_new(&networks, &n, err);
	if (r < 0)
		return r;
	event_record(c, "network", "create", n.id, n.name, NULL, "type", "bridge", NULL);
	return network_find(c, n.name, ret, err);
}
