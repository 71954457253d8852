/* named_stale.c - what killed monitors left of named networks: bridges, links, tables of rules, leases.
 *
 * Links and tables say whose they are (bridge_alias()): those of other carriers are left alone. What the kernel has is listed first, and then
 * looked at under its network's lock, so that what somebody is just making or removing is not taken for a leftover.
 */
#include "bridge.h"
#include "cleanup.h"
#include "fs.h"
#include "link.h"
#include "named_impl.h"
#include "nft.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LIST_MAX = 1 << 20, VETH_DIGITS = 13 };

/* struct found - of the kernel's: a link by its name, or a table by its network's id, and the network that it says it is of */
struct found { char *name, *network; bool table; };
struct stale { const struct carrier *carrier; bool remove; int list_fd; struct netlink nl; struct pool pool; struct found *found; size_t n, size; };

static void stale_done(struct stale *s)
{
	netlink_close(&s->nl);
	free(s->found);
	pool_done(&s->pool);
}

static int tell(const struct stale *s, struct error *err, const char *kind, const char *name)
{
	return dprintf(s->list_fd, "%s '%s'\n", kind, name) < 0 ? error_set(err, errno, "write a list") : 0;
}

/* ---- what the kernel has ---- */

static int add(struct stale *s, const char *name, const char *alias, bool table)
{
	cleanup_free char *text = xstrdup(alias);
	const char *network, *owner = bridge_owner(text, &network);
	if (!owner || !str_eq(owner, s->carrier->root))
		return 0;
	if (s->n == s->size) {
		s->size = s->size ? 2 * s->size : 16;
		s->found = xreallocarray(s->found, s->size, sizeof *s->found);
	}
	s->found[s->n++] = (struct found) { pool_strdup(&s->pool, name), pool_strdup(&s->pool, network), table };
	return 0;
}

static int each_link(void *ctx, const char *name, const char *alias, struct error *err)
{
	(void) err;
	return add(ctx, name, alias, false);
}

static int each_table(void *ctx, const char *id, const char *comment, struct error *err)
{
	(void) err;
	return add(ctx, id, comment, true);
}

/* ---- is it one? ---- */

static bool is_leased(const struct leases *l, const char *link)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->list[i].link, link))
			return true;
	return false;
}

static int drop_table(const struct stale *s, const char *id, struct error *err)
{
	int r = tell(s, err, "nftables' table of network", id);
	return r == 0 && s->remove ? nft_remove(id, err) : r;
}

static int drop_link(struct stale *s, const char *name, const char *kind, struct error *err)
{
	int r = tell(s, err, kind, name);
	return r == 0 && s->remove ? link_remove(&s->nl, name, err) : r;
}

static bool is_veth(const char *name)
{
	return str_starts(name, "ve") && strlen(name) == 2 + VETH_DIGITS && strspn(name + 2, "0123456789abcdef") == VETH_DIGITS;
}

/* look_at - @f may be gone meanwhile. A bridge of a network that there is, is look_into()'s */
static int look_at(struct stale *s, const struct found *f, struct error *err)
{
	struct place p CLEANUP(named_place_done) = PLACE_NONE;
	int r = named_place_open(s->carrier, f->network, &p, err);
	if (r < 0 && r != -ENOENT)
		return r;
	const struct network_record *n = r == 0 ? &p.network.record : NULL;
	if (f->table)
		return n && str_starts(n->id, f->name) && p.leases.n ? 0 : drop_table(s, f->name, err);
	if ((n && str_eq(n->bridge, f->name)) || is_leased(&p.leases, f->name))
		return 0;
	r = link_find(&s->nl, f->name, err);
	if (r < 0)
		return r == -ENODEV ? 0 : r;
	return drop_link(s, f->name, is_veth(f->name) ? "link" : "bridge", err);
}

/* look_into - a network: one that nobody is on has no bridge, and who has ended no lease */
static int look_into(struct stale *s, const char *name, struct error *err)
{
	struct place p CLEANUP(named_place_done) = PLACE_NONE;
	struct strings gone cleanup_strings = { 0 };
	int r = named_place_open(s->carrier, name, &p, err);
	r = r < 0 ? r : leases_stale(p.dir_fd, &gone, err);
	for (size_t i = 0; r == 0 && i < gone.n; i++)
		r = tell(s, err, "lease of container", gone.v[i]);
	if (r == 0 && gone.n && s->remove)
		r = leases_write(p.dir_fd, &p.leases, err);
	if (r == 0 && gone.n && s->remove && p.leases.n && p.leases.lost_ports)
		r = bridge_rules(&p.network.record, &p.leases, s->carrier->root, false, err);
	if (r < 0 || p.leases.n)
		return r;
	r = link_find(&s->nl, p.network.record.bridge, err);
	if (r <= 0)
		return r == -ENODEV ? 0 : r;
	r = tell(s, err, "bridge", p.network.record.bridge);
	return r == 0 && s->remove ? bridge_remove(&s->nl, &p.network.record, err) : r;
}

/* find_stale - where the bridges are; what is found goes into ->list_fd: in a child memory would be of no use */
static int find_stale(void *ctx, struct error *err)
{
	struct stale *s = ctx;
	struct network *list;
	size_t n;
	int r = network_list(s->carrier, &list, &n, err);
	r = r < 0 ? r : netlink_open(NETLINK_ROUTE, -1, &s->nl, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = look_into(s, list[i].record.name, err);
	network_list_free(list, n);
	r = r < 0 ? r : link_each(&s->nl, each_link, s, err);
	r = r < 0 ? r : nft_each(each_table, s, err);
	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = look_at(s, &s->found[i], err);
	return r;
}

int named_stale(const struct carrier *c, bool remove, struct strings *ret, struct error *err)
{
	cleanup_close int fd = memfd_create("leftovers", MFD_CLOEXEC);
	cleanup_free char *text = NULL;
	struct stale s CLEANUP(stale_done) = { .carrier = c, .remove = remove, .list_fd = fd, .nl = NETLINK_INIT };
	if (fd < 0)
		return error_set(err, errno, "make a file in memory");
	int r = holder_visit(c, find_stale, &s, err);
	if (r == 0 && lseek(fd, 0, SEEK_SET) == 0)
		r = fs_read_fd(fd, "a list of leftovers", LIST_MAX, &text, NULL, err);
	if (r == 0)
		strings_split(ret, text, "\n");
	return r;
}
