#include "named_impl.h"
#include "../container/lists.h"
#include "bridge.h"
#include "cleanup.h"
#include "link.h"
#include "log.h"
#include "names.h"
#include "netns.h"
#include "network.h"
#include "proc.h"
#include <string.h>

void wiring_done(struct wiring *w)
{
	close_fd(&w->ns_fd);
	netlink_close(&w->outside);
	netlink_close(&w->inside);
}

int wiring_open(struct wiring *w, struct error *err)
{
	return w->ns_fd = netns_of(w->pid, err);
}

int wiring_links(struct wiring *w, struct error *err)
{
	int r = netlink_open(NETLINK_ROUTE, -1, &w->outside, err);
	return r < 0 ? r : netlink_open(NETLINK_ROUTE, w->ns_fd, &w->inside, err);
}

void named_place_done(struct place *p)
{
	leases_done(&p->leases);
	network_done(&p->network);
	close_fd(&p->dir_fd);
	close_fd(&p->lock_fd);
}

int named_place_open(const struct carrier *c, const char *name, struct place *p, struct error *err)
{
	int r = network_find(c, name, &p->network, err);
	if (r == 0)
		r = p->dir_fd = network_open(c, p->network.record.name, err);
	if (r >= 0)
		r = p->lock_fd = leases_lock(p->dir_fd, err);
	return r < 0 ? r : leases_read(p->dir_fd, &p->leases, err);
}

/* ---- addresses ---- */

static bool is_gateway(const struct network_record *n, const struct address *a)
{
	for (size_t i = 0; i < n->n_subnets; i++) {
		struct subnet s;
		struct address gateway;
		network_subnet_of(&n->subnets[i], &s, &gateway);
		if (address_eq(&gateway, a))
			return true;
	}
	return false;
}

static bool taken(void *ctx, const struct address *a)
{
	const struct place *p = ctx;
	return is_gateway(&p->network.record, a) || leases_by(&p->leases, a);
}

/* check_wanted - can a container of the network have this address at all? */
static int check_wanted(const struct network_record *n, const char *text, int family, struct address *ret, struct error *err)
{
	struct subnet s;
	const struct network_subnet *of = network_subnet_find(n, family, &s);
	if (!of)
		return error_say(err, EINVAL, "%s: network '%s' has no %s addresses, only %s", text, n->name, family == AF_INET ? "IPv4" : "IPv6",
				 n->subnets[0].subnet);
	if (address_parse(text, ret) < 0 || !subnet_is_host(&s, ret))
		return error_say(err, EINVAL, "%s is no address of network '%s': it has %s", text, n->name, of->subnet);
	return is_gateway(n, ret) ? error_say(err, EINVAL, "%s is the gateway of network '%s': choose another address", text, n->name) : 0;
}

static int choose(struct place *p, const char *wanted, int family, struct address *ret, struct error *err)
{
	const struct network_record *n = &p->network.record;
	const char *last = family == AF_INET ? p->leases.last_ip : p->leases.last_ip6;
	struct subnet s, range;
	struct address after;
	*ret = (struct address) { 0 };
	if (wanted) {
		int r = check_wanted(n, wanted, family, ret, err);
		const struct lease *other = r < 0 ? NULL : leases_by(&p->leases, ret);
		return other ? error_say(err, EADDRINUSE, "container %s has the address %s of network '%s': choose another one, or none", other->name,
					 wanted, n->name) : r;
	}
	const struct network_subnet *of = network_subnet_find(n, family, &s);
	if (!of)
		return 0;
	if (of->range && subnet_parse_any("range", of->range, &range, err) < 0)
		return -EINVAL;
	bool goes_on = last && address_parse(last, &after) == 0;
	if (subnet_free(&s, of->range ? &range : NULL, goes_on ? &after : NULL, taken, p, ret) < 0)
		return error_say(err, ENOSPC, "network '%s' has no free address in %s: stop a container, or make a network with a shorter prefix",
				 n->name, of->range ? of->range : of->subnet);
	return 0;
}

/* ---- one link ---- */

static int set_routes(struct wiring *w, const struct network_record *n, int index, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < n->n_subnets; i++) {
		struct subnet s;
		struct address gateway;
		network_subnet_of(&n->subnets[i], &s, &gateway);
		r = link_default(&w->inside, index, &gateway, err);
	}
	return r;
}

static int set_inside(struct wiring *w, const struct network_record *n, const char *name, const struct address addresses[2], struct error *err)
{
	int index = link_find(&w->inside, name, err), r = index < 0 ? index : 0;
	for (size_t i = 0; r == 0 && i < 2; i++) {
		struct subnet s;
		if (addresses[i].family && network_subnet_find(n, addresses[i].family, &s))
			r = link_address(&w->inside, index, &addresses[i], s.prefix, err);
	}
	r = r < 0 ? r : link_up(&w->inside, index, err);
	return r == 0 && !n->internal && !w->routed ? set_routes(w, n, index, err) : r;
}

static int make_link(struct wiring *w, const struct network_record *n, const struct lease *l, const struct address addresses[2], struct error *err)
{
	cleanup_free char *alias = bridge_alias(n, w->carrier->root);
	struct link_pair pair = { .name = l->link, .alias = alias, .mtu = (uint32_t) n->mtu, .ns_fd = w->ns_fd, .peer = l->inside };
	int r = pair.master = bridge_make(&w->outside, n, w->carrier->root, err);
	if (r < 0)
		return r;
	(void) mac_parse(l->mac, pair.mac);
	r = link_veth(&w->outside, &pair, err);
	if (r == -EEXIST) {	/* of its last life, whose namespace the kernel has not yet cleaned up */
		(void) link_remove(&w->outside, l->link, NULL);
		r = link_veth(&w->outside, &pair, err);
	}
	if (r == 0 && l->n_ports)
		r = link_reflect(&w->outside, l->link, err);
	return r < 0 ? r : set_inside(w, n, l->inside, addresses, err);
}

static void set_ports(const struct container *c, struct pool *pool, struct lease *l)
{
	const struct status *s = &c->status;
	l->ports = pool_alloc(pool, (s->n_ports + 1) * sizeof *l->ports);
	for (; l->n_ports < s->n_ports; l->n_ports++) {
		const struct port_mapping *m = &s->ports[l->n_ports];
		l->ports[l->n_ports] = (struct lease_port) { m->protocol, m->host_ip, m->host_port, m->container_port };
	}
}

/* names_of - what it is called beside its name: its aliases there, and the service of a compose file that it is a container of */
static char **names_of(const struct record *rec, const struct network_attachment *a, struct pool *pool)
{
	char *service[2] = { 0 };
	for (size_t i = 0; i < rec->labels.n; i++)
		if (str_eq(rec->labels.pairs[i].key, NAMES_SERVICE_LABEL))
			service[0] = rec->labels.pairs[i].value;
	return service[0] ? list_copy(pool, a->aliases, service) : a->aliases;
}

static int make_lease(struct wiring *w, struct place *p, const struct network_attachment *a, unsigned interface, struct address addresses[2],
		      struct lease *ret, struct error *err)
{
	const struct record *rec = &w->container->record;
	struct pool *pool = &p->leases.pool;
	char text[2][ADDRESS_TEXT_MAX];
	unsigned char mac[6];
	int r = choose(p, a->ip, AF_INET, &addresses[0], err);
	r = r < 0 ? r : choose(p, a->ip6, AF_INET6, &addresses[1], err);
	if (r < 0)
		return r;
	address_mac(&addresses[addresses[0].family ? 0 : 1], mac);
	*ret = (struct lease) {
		.container = rec->id, .name = rec->name, .names = names_of(rec, a, pool), .link = pool_printf(pool, "ve%.12s%x", rec->id, interface),
		.inside = pool_printf(pool, "eth%u", interface), .pid = w->pid,
		.ip = addresses[0].family ? pool_strdup(pool, address_text(&addresses[0], text[0])) : NULL,
		.ip6 = addresses[1].family ? pool_strdup(pool, address_text(&addresses[1], text[1])) : NULL,
		.mac = a->mac ? a->mac : pool_printf(pool, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]),
	};
	if (!a->ip)
		p->leases.last_ip = ret->ip;
	if (!a->ip6)
		p->leases.last_ip6 = ret->ip6;
	if (w->keeper) {
		ret->keeper = w->keeper;
		ret->keeper_start = w->keeper_start;
	}
	if (!p->network.record.internal && !w->routed)
		set_ports(w->container, pool, ret);
	r = proc_start_time(w->pid, &ret->start_time);
	return r < 0 ? error_set(err, -r, "the container's process ended before its network was made") : 0;
}

int wiring_connect(struct wiring *w, const struct network_attachment *a, unsigned interface, struct error *err)
{
	struct place p CLEANUP(named_place_done) = PLACE_NONE;
	struct address addresses[2];
	struct lease lease;
	int r = named_place_open(w->carrier, a->name, &p, err);
	if (r < 0)
		return r;
	(void) leases_drop(&p.leases, w->container->record.id);
	r = make_lease(w, &p, a, interface, addresses, &lease, err);
	if (r == 0)
		r = make_link(w, &p.network.record, &lease, addresses, err);
	if (r < 0)
		return r;
	leases_add(&p.leases, &lease);
	r = leases_write(p.dir_fd, &p.leases, err);
	bool only_missing = (!lease.n_ports || lease.keeper) && !p.leases.lost_ports;
	r = r < 0 ? r : bridge_rules(&p.network.record, &p.leases, w->carrier->root, only_missing, err);
	w->routed = w->routed || !p.network.record.internal;
	return r;
}

int wiring_route(struct wiring *w, const char *name, struct error *err)
{
	struct place p CLEANUP(named_place_done) = PLACE_NONE;
	int r = named_place_open(w->carrier, name, &p, err);
	struct lease *l = r < 0 ? NULL : (struct lease *) (uintptr_t) leases_of(&p.leases, w->container->record.id);
	if (!l)
		return r;
	int index = link_find(&w->inside, l->inside, err);
	r = index < 0 ? index : set_routes(w, &p.network.record, index, err);
	if (r < 0 || !w->container->status.n_ports)
		return r;
	l->n_ports = 0;
	set_ports(w->container, &p.leases.pool, l);
	r = link_reflect(&w->outside, l->link, err);
	r = r < 0 ? r : leases_write(p.dir_fd, &p.leases, err);
	return r < 0 ? r : bridge_rules(&p.network.record, &p.leases, w->carrier->root, l->keeper != 0, err);
}

/* connect_all - in the network namespace where the bridges are */
static int connect_all(void *ctx, struct error *err)
{
	struct wiring *w = ctx;
	const struct record_networking *n = &w->container->record.networking;
	int r = wiring_links(w, err);
	for (size_t i = 0; r == 0 && i < n->n_networks; i++)
		r = wiring_connect(w, &n->networks[i], network_interface(n, i), err);
	return r;
}

int named_connect(const struct carrier *c, const struct container *container, const struct holder_member *home, pid_t pid, struct error *err)
{
	struct wiring w CLEANUP(wiring_done) = WIRING_OF(c, container, pid);
	pid_t names = wiring_open(&w, err) < 0 ? w.ns_fd : names_start(c, container, home, w.ns_fd, pid, err);
	int r = names < 0 ? names : 0;
	if (r == 0 && home->net_fd >= 0) {
		w.keeper = names;
		(void) proc_start_time(names, &w.keeper_start);
	}
	r = r < 0 ? r : holder_run(home, connect_all, &w, err);
	if (r < 0)
		named_disconnect(c, container, home);
	return r;
}

/* ---- the way out ---- */

static int release(const struct carrier *c, const struct container *container, const char *name)
{
	struct place p CLEANUP(named_place_done) = PLACE_NONE;
	int r = named_place_open(c, name, &p, NULL);
	if (r < 0 || !leases_drop(&p.leases, container->record.id))
		return r;
	return leases_write(p.dir_fd, &p.leases, NULL);
}

void named_release(const struct carrier *c, const struct container *container)
{
	const struct record_networking *n = &container->record.networking;
	for (size_t i = 0; i < n->n_networks; i++)
		(void) release(c, container, n->networks[i].name);
}

int wiring_disconnect(const struct carrier *c, const struct container *container, const char *name, unsigned interface, struct error *err)
{
	struct place p CLEANUP(named_place_done) = PLACE_NONE;
	cleanup_netlink struct netlink nl = NETLINK_INIT;
	const struct record *rec = &container->record;
	cleanup_free char *link = xasprintf("ve%.12s%x", rec->id, interface);
	int r = named_place_open(c, name, &p, err);
	if (r == -ENOENT)	/* the network was removed by force */
		return 0;
	r = r < 0 ? r : netlink_open(NETLINK_ROUTE, -1, &nl, err);
	r = r < 0 ? r : link_remove(&nl, link, err);
	if (r < 0)
		return r;
	(void) leases_drop(&p.leases, rec->id);
	r = leases_write(p.dir_fd, &p.leases, err);
	if (r == 0 && p.leases.n == 0)
		return bridge_remove(&nl, &p.network.record, err);
	bool changed = (rec->networking.n_ports && !c->rootless) || p.leases.lost_ports;
	return r == 0 && changed ? bridge_rules(&p.network.record, &p.leases, c->root, false, err) : r;
}

struct leaving { const struct carrier *carrier; const struct container *container; };

static int disconnect_all(void *ctx, struct error *err)
{
	const struct leaving *l = ctx;
	const struct record_networking *n = &l->container->record.networking;
	(void) err;
	for (size_t i = 0; i < n->n_networks; i++) {
		struct error why = { 0 };
		if (wiring_disconnect(l->carrier, l->container, n->networks[i].name, network_interface(n, i), &why) < 0)
			log_warn("leave the network '%s': %s", n->networks[i].name, why.text);
	}
	return 0;
}

void named_disconnect(const struct carrier *c, const struct container *container, const struct holder_member *home)
{
	struct leaving l = { c, container };
	struct error why = { 0 };
	if (c->rootless && home->net_fd < 0)	/* it was no member yet */
		return;
	if (holder_run(home, disconnect_all, &l, &why) < 0)
		log_warn("leave the networks: %s", why.text);
}

/* ---- before anything is made ---- */

int named_needs_world(const struct carrier *c, const struct record *r, struct error *err)
{
	for (size_t i = 0; i < r->networking.n_networks; i++) {
		cleanup_network struct network network = { 0 };
		int result = network_find(c, r->networking.networks[i].name, &network, err);
		if (result < 0 || !network.record.internal)
			return result < 0 ? result : 1;
	}
	return 0;
}

int named_suits(const struct carrier *c, const struct network_attachment *a, bool *ret_internal, struct error *err)
{
	cleanup_network struct network network = { 0 };
	struct address unused;
	int r = network_find(c, a->name, &network, err);
	if (r == 0 && a->ip)
		r = check_wanted(&network.record, a->ip, AF_INET, &unused, err);
	if (r == 0 && a->ip6)
		r = check_wanted(&network.record, a->ip6, AF_INET6, &unused, err);
	*ret_internal = network.record.internal;
	return r;
}

int named_possible(const struct carrier *c, const struct record *r, struct error *err)
{
	const struct record_networking *n = &r->networking;
	bool internal = true;
	for (size_t i = 0; i < n->n_networks; i++) {
		bool is_internal;
		int result = named_suits(c, &n->networks[i], &is_internal, err);
		if (result < 0)
			return error_wrap(err, "--network %s", n->networks[i].name);
		internal = internal && is_internal;
	}
	if (n->n_networks && internal && n->n_ports)
		return error_say(err, EINVAL, "--publish with --network %s: the network is internal, and nothing from outside reaches it", n->networks[0].name);
	if (!n->n_networks || !c->rootless || internal)
		return 0;
	int result = network_check(&(struct network_request) { .dir_fd = -1 }, err);
	return result == -ENOENT ? -ENOTSUP : result;
}
