/* named_change.c - networks come and go while the container runs. */
#include "bridge.h"
#include "cleanup.h"
#include "log.h"
#include "named_impl.h"
#include "names.h"
#include "nft.h"
#include "proc.h"
#include "str.h"

static void wiring_donep(struct wiring **w) { wiring_done(*w); }

/* routed - the network that has the default route, and the ports: the first that is not internal; NULL: none */
static const char *routed(const struct carrier *c, const struct record_networking *n)
{
	for (size_t i = 0; i < n->n_networks; i++) {
		cleanup_network struct network network = { 0 };
		if (network_find(c, n->networks[i].name, &network, NULL) == 0 && !network.record.internal)
			return n->networks[i].name;
	}
	return NULL;
}

static int leave(struct wiring *w, const struct record_networking *old, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < old->n_networks; i++)
		if (!network_has(&w->container->record.networking, old->networks[i].name))
			r = wiring_disconnect(w->carrier, w->container, old->networks[i].name, network_interface(old, i), err);
	return r;
}

/* join - what cannot be connected leaves nothing */
static int join(struct wiring *w, const struct record_networking *old, const char *first, struct error *err)
{
	const struct record_networking *now = &w->container->record.networking;
	int r = 0;
	for (size_t i = 0; r == 0 && i < now->n_networks; i++) {
		const struct network_attachment *a = &now->networks[i];
		if (network_has(old, a->name))
			continue;
		w->routed = !str_eq(first, a->name);
		r = wiring_connect(w, a, network_interface(now, i), err);
		if (r < 0)
			(void) wiring_disconnect(w->carrier, w->container, a->name, network_interface(now, i), NULL);
	}
	return r;
}

struct change { struct wiring w; const struct record_networking *old; };

/* change - in the network namespace where the bridges are */
static int change(void *ctx, struct error *err)
{
	struct change *change = ctx;
	struct wiring *w = &change->w;
	const struct record_networking *old = change->old;
	const char *before = routed(w->carrier, old), *first = routed(w->carrier, &w->container->record.networking);
	int r = wiring_links(w, err);
	r = r < 0 ? r : leave(w, old, err);
	r = r < 0 ? r : join(w, old, first, err);
	if (r < 0 || str_eq(first, before))
		return r;
	r = first && network_has(old, first) ? wiring_route(w, first, err) : 0;
	return r < 0 ? r : 1;
}

/* find_keeper - who answers its names, by a lease that it has */
static void find_keeper(struct wiring *w, const struct record_networking *old)
{
	for (size_t i = 0; !w->keeper && i < old->n_networks; i++) {
		cleanup_leases struct leases l = { 0 };
		cleanup_close int dir = network_open(w->carrier, old->networks[i].name, NULL);
		const struct lease *lease = dir < 0 || leases_read(dir, &l, NULL) < 0 ? NULL : leases_of(&l, w->container->record.id);
		if (lease) {
			w->keeper = (pid_t) lease->keeper;
			w->keeper_start = lease->keeper_start;
		}
	}
}

/* answer_names - unless there is somebody who does */
static int answer_names(struct wiring *w, const struct holder_member *home, const struct record_networking *old, struct error *err)
{
	struct error why = { 0 };
	pid_t names = w->container->record.networking.n_networks ? names_start(w->carrier, w->container, home, w->ns_fd, w->pid, &why) : 0;
	if (names < 0 && names != -EADDRINUSE)
		return error_say(err, -names, "%s", why.text);
	if (home->net_fd < 0)
		return 0;
	if (names > 0 && proc_start_time(names, &w->keeper_start) == 0)
		w->keeper = names;
	else
		find_keeper(w, old);
	return 0;
}

int named_change(const struct carrier *c, const struct container *container, const struct holder_member *home,
		 const struct record_networking *old, pid_t pid, struct error *err)
{
	struct change all = { WIRING_OF(c, container, pid), old };
	struct wiring *w CLEANUP(wiring_donep) = &all.w;
	int r = wiring_open(w, err);
	r = r < 0 ? r : answer_names(w, home, old, err);
	return r < 0 ? r : holder_run(home, change, &all, err);
}

/* ---- a firewall ---- */

void named_watch(struct netlink *ret)
{
	struct error why = { 0 };
	if (nft_watch(ret, &why) < 0)
		log_warn("when a firewall flushes the rules of the container's networks, they come back with the next start only: %s", why.text);
}

static int assert_rules(const struct carrier *c, const struct container *container, const char *network, struct error *err)
{
	struct place p CLEANUP(named_place_done) = PLACE_NONE;
	int r = named_place_open(c, network, &p, err);
	if (r < 0 || !leases_of(&p.leases, container->record.id))
		return r;
	return bridge_rules(&p.network.record, &p.leases, c->root, true, err);
}

void named_heed(const struct carrier *c, const struct container *container, struct netlink *watch)
{
	const struct record_networking *n = &container->record.networking;
	struct error why = { 0 };
	int lost = nft_lost(watch, &why);
	if (lost < 0) {
		log_warn("what becomes of the rules of the container's networks is not known any more: %s", why.text);
		netlink_close(watch);
	}
	for (size_t i = 0; lost && i < n->n_networks; i++)
		if (assert_rules(c, container, n->networks[i].name, &why) < 0)
			log_warn("the rules of network '%s' were flushed, and cannot be made again: %s", n->networks[i].name, why.text);
}

/* ---- another name ---- */

static int rename_in(const struct carrier *c, const struct container *container, const char *network, struct error *err)
{
	struct place p CLEANUP(named_place_done) = PLACE_NONE;
	int r = named_place_open(c, network, &p, err);
	struct lease *l = r < 0 ? NULL : (struct lease *) (uintptr_t) leases_of(&p.leases, container->record.id);
	if (!l)
		return r;
	l->name = container->record.name;
	return leases_write(p.dir_fd, &p.leases, err);
}

void named_rename(const struct carrier *c, const struct container *container)
{
	const struct record_networking *n = &container->record.networking;
	for (size_t i = 0; i < n->n_networks; i++) {
		struct error why = { 0 };
		if (rename_in(c, container, n->networks[i].name, &why) < 0 && why.text[0])
			log_warn("network '%s' knows container %s by its old name until it is started again: %s", n->networks[i].name,
				 container->record.name, why.text);
	}
}
