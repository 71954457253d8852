#include "published.h"
#include "cleanup.h"
#include "leases.h"
#include "networks.h"
#include <string.h>

enum { NEAR_MAX = 32 };

/* struct way - into the container */
struct way { struct address to[2]; struct subnet near[NEAR_MAX]; size_t n_near; bool found; };

static void add_lease(struct way *w, const struct lease *l)
{
	w->found = true;
	if (l->ip)
		(void) address_parse(l->ip, &w->to[0]);
	if (l->ip6)
		(void) address_parse(l->ip6, &w->to[1]);
}

static int look_at(const struct carrier *c, const struct container *container, const char *name, struct way *w, struct error *err)
{
	cleanup_network struct network n = { 0 };
	cleanup_leases struct leases l = { 0 };
	struct address unused;
	int r = network_find(c, name, &n, err);
	cleanup_close int dir_fd = r < 0 ? r : network_open(c, n.record.name, err);
	r = dir_fd < 0 ? dir_fd : leases_read(dir_fd, &l, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n.record.n_subnets && w->n_near < NEAR_MAX; i++)
		network_subnet_of(&n.record.subnets[i], &w->near[w->n_near++], &unused);
	const struct lease *own = leases_of(&l, container->record.id);
	if (own && own->n_ports && !w->found)
		add_lease(w, own);
	return 0;
}

/* is_ours - does no rule of the kernel's lead there? */
static bool is_ours(const struct port_mapping *m, int ns_fd)
{
	return ns_fd >= 0 || !m->host_ip || str_eq(m->host_ip, "::") || str_eq(m->host_ip, "::1");
}

int published_start(const struct carrier *c, const struct container *container, int ns_fd, pid_t pid, const struct port_reservation *held,
		    struct forwarder *ret, struct error *err)
{
	const struct record_networking *networking = &container->record.networking;
	const struct status *s = &container->status;
	struct way w = { 0 };
	int r = 0;
	*ret = (struct forwarder) FORWARDER_NONE;
	if (held->n < s->n_ports)	/* thousands of root's, which are not all held */
		return 0;
	for (size_t i = 0; r == 0 && s->n_ports && i < networking->n_networks; i++)
		r = look_at(c, container, networking->networks[i].name, &w, err);
	if (r < 0 || !w.found)
		return r;
	cleanup_free struct forward_port *ports = xcalloc(s->n_ports, sizeof *ports);
	struct forward_request q = { .ports = ports, .to = { w.to[0], w.to[1] }, .near = w.near, .n_near = w.n_near, .keeps_source = ns_fd >= 0,
				     .ns_fd = ns_fd, .pid = pid };
	for (size_t i = 0; i < s->n_ports; i++)
		if (is_ours(&s->ports[i], ns_fd))
			ports[q.n++] = (struct forward_port) { held->fds[i], s->ports[i].container_port };
	return q.n ? forward_start(&q, ret, err) : 0;
}
