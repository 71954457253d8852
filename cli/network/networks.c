#include "networks.h"
#include "../container/event.h"
#include "../container/record.h"
#include "cleanup.h"
#include "fs.h"
#include "link.h"
#include "log.h"
#include "bridge.h"
#include "holder.h"
#include "networks_impl.h"
#include <fcntl.h>
#include <string.h>

enum { DOCUMENT_MAX = 1 << 20 };

#define T struct network_subnet
const struct json_type network_subnet_type = JSON_TYPE(T, JSON_REQUIRED(T, subnet, "subnet"), JSON_REQUIRED(T, gateway, "gateway"),
	JSON_FIELD(T, range, "range"));
#undef T
#define T struct network_record
const struct json_type network_record_type = JSON_TYPE(T, JSON_REQUIRED(T, name, "name"), JSON_REQUIRED(T, id, "id"),
	JSON_REQUIRED(T, created, "created"), JSON_REQUIRED(T, bridge, "bridge"), JSON_LIST(T, subnets, "subnets", network_subnet_type),
	JSON_FIELD(T, internal, "internal"), JSON_FIELD(T, open, "open"), JSON_FIELD(T, no_names, "noNames"), JSON_FIELD(T, mtu, "mtu"),
	JSON_FIELD(T, labels, "labels"), JSON_FIELD(T, options, "options"));
#undef T

void network_done(struct network *n)
{
	pool_done(&n->pool);
	*n = (struct network) { 0 };
}

int networks_open(const struct carrier *c, bool make, struct named *ret, struct error *err)
{
	return named_open(c, "networks", "network", make, ret, err);
}

void network_subnet_of(const struct network_subnet *s, struct subnet *subnet, struct address *gateway)
{
	if (subnet_parse_any("subnet", s->subnet, subnet, NULL) < 0)
		*subnet = (struct subnet) { 0 };
	if (address_parse(s->gateway, gateway) < 0)
		*gateway = (struct address) { 0 };
}

const struct network_subnet *network_subnet_find(const struct network_record *n, int family, struct subnet *s)
{
	for (size_t i = 0; i < n->n_subnets; i++) {
		struct address gateway;
		network_subnet_of(&n->subnets[i], s, &gateway);
		if (s->base.family == family)
			return &n->subnets[i];
	}
	return NULL;
}

/* ---- reading ---- */

/* check_read - who may write there is us; a file that was damaged must not become an address without a family */
static int check_read(const struct network_record *n, struct error *err)
{
	for (size_t i = 0; i < n->n_subnets; i++) {
		struct subnet subnet;
		struct address gateway;
		network_subnet_of(&n->subnets[i], &subnet, &gateway);
		if (!subnet.base.family || !subnet_has(&subnet, &gateway))
			return error_say(err, EBADMSG, "subnets[%zu] is none", i);
	}
	return n->n_subnets ? 0 : error_say(err, EBADMSG, "it has no subnet");
}

static int read_network(const struct named *networks, const char *name, struct network *ret, struct error *err)
{
	cleanup_network struct network n = { 0 };
	cleanup_free char *file = xasprintf("%s/network.json", name), *text = NULL;
	struct error why = { 0 };
	struct network_record *record;
	size_t len;
	int r = fs_read_file(networks->fd, file, DOCUMENT_MAX, &text, &len, &why);
	if (r == -ENOENT)
		return error_say(err, ENOENT, "there is no network '%s'", name);
	if (r == 0)
		r = json_decode(&network_record_type, text, len, &n.pool, &record, &why);
	if (r == 0)
		r = check_read(record, &why);
	if (r < 0)
		return error_say(err, -r, "network '%s' in '%s': %s", name, networks->path, why.text);
	n.record = *record;
	*ret = n;
	n = (struct network) { 0 };
	return 0;
}

int network_list(const struct carrier *c, struct network **ret, size_t *n, struct error *err)
{
	struct named networks cleanup_named = NAMED_NONE;
	struct strings names cleanup_strings = { 0 };
	*ret = NULL;
	*n = 0;
	int r = networks_open(c, false, &networks, err);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = named_list(&networks, &names, err);
	if (r < 0)
		return r;
	*ret = xcalloc(names.n + 1, sizeof **ret);
	for (size_t i = 0; i < names.n; i++) {
		struct error why = { 0 };
		r = read_network(&networks, names.v[i], &(*ret)[*n], &why);
		if (r == 0)
			++*n;
		else if (r != -ENOENT)	/* removed meanwhile */
			log_warn("%s", why.text);
	}
	return 0;
}

void network_list_free(struct network *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		network_done(&list[i]);
	free(list);
}

static int no_network(const struct carrier *c, const char *name, struct error *err)
{
	return error_say(err, ENOENT, "there is no network '%s': `carrier network create %s` makes it, `carrier network ls` lists those there are",
			 name, name);
}

/* find_id - by a beginning of the id that no other has */
static int find_id(const struct carrier *c, const char *id, struct network *ret, struct error *err)
{
	struct network *list;
	size_t n, found = 0, at = 0;
	int r = network_list(c, &list, &n, err);
	for (size_t i = 0; i < n; i++)
		if (*id && str_starts(list[i].record.id, id)) {
			found++;
			at = i;
		}
	if (r == 0 && found == 1) {
		*ret = list[at];
		list[at] = (struct network) { 0 };
	} else if (r == 0) {
		r = found ? error_say(err, ENOTUNIQ, "several networks have ids that begin with '%s'", id) : no_network(c, id, err);
	}
	network_list_free(list, n);
	return r;
}

int network_find(const struct carrier *c, const char *name, struct network *ret, struct error *err)
{
	struct named networks cleanup_named = NAMED_NONE;
	struct error why = { 0 };
	int r = named_check("network", name, err);
	if (r == 0)
		r = networks_open(c, false, &networks, err);
	if (r == -ENOENT)
		return no_network(c, name, err);
	if (r < 0)
		return r;
	r = read_network(&networks, name, ret, &why);
	if (r == -ENOENT)
		return find_id(c, name, ret, err);
	return r < 0 ? error_say(err, -r, "%s", why.text) : 0;
}

int network_open(const struct carrier *c, const char *name, struct error *err)
{
	struct named networks cleanup_named = NAMED_NONE;
	int r = networks_open(c, false, &networks, err);
	int fd = r < 0 ? -1 : openat(networks.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (r == -ENOENT || (r == 0 && fd < 0 && errno == ENOENT))
		return no_network(c, name, err);
	if (r < 0)
		return r;
	return fd < 0 ? error_set(err, errno, "open '%s/%s'", networks.path, name) : fd;
}

/* ---- who has it ---- */

int network_used(const struct carrier *c, struct strings *ret, struct error *err)
{
	struct container *list = NULL;
	size_t n = 0;
	int r = record_list(c, &list, &n, err);
	for (size_t i = 0; i < n; i++) {
		const struct record_networking *networking = &list[i].record.networking;
		for (size_t k = 0; r == 0 && k < networking->n_networks; k++)
			strings_add(ret, networking->networks[k].name);
		container_done(&list[i]);
	}
	free(list);
	return r;
}

static int refuse_used(const struct carrier *c, const char *name, struct error *err)
{
	struct container *list = NULL;
	struct buf users cleanup_buf = { 0 };
	size_t n = 0, count = 0;
	int r = record_list(c, &list, &n, err);
	for (size_t i = 0; i < n; i++) {
		if (r == 0 && network_has(&list[i].record.networking, name))
			buf_printf(&users, "%s%s", count++ ? ", " : "", list[i].record.name);
		container_done(&list[i]);
	}
	free(list);
	if (r == 0 && count)
		return error_say(err, EBUSY, "network '%s' is used by %s %s: remove %s first", name, count > 1 ? "the containers" : "container",
				 buf_str(&users), count > 1 ? "them" : "it");
	return r;
}

int network_hold(const struct carrier *c, struct error *err)
{
	struct named networks cleanup_named = NAMED_NONE;
	int r = networks_open(c, true, &networks, err);
	return r < 0 ? r : named_hold(&networks, false, err);
}

/* ---- removing ---- */

/* take_down - nobody is on it; what is there of it a crash has left */
static int take_down(void *ctx, struct error *err)
{
	const struct network_record *n = ctx;
	cleanup_netlink struct netlink nl = NETLINK_INIT;
	int r = netlink_open(NETLINK_ROUTE, -1, &nl, err);
	r = r < 0 ? r : link_find(&nl, n->bridge, err);
	return r <= 0 ? r == -ENODEV ? 0 : r : bridge_remove(&nl, n, err);
}

int network_remove(const struct carrier *c, const char *name, struct error *err)
{
	cleanup_network struct network n = { 0 };
	struct named networks cleanup_named = NAMED_NONE;
	int r = network_find(c, name, &n, err);
	if (r == 0)
		r = networks_open(c, false, &networks, err);
	if (r < 0)
		return r;
	cleanup_close int hold = named_hold(&networks, true, err);
	r = hold < 0 ? hold : refuse_used(c, n.record.name, err);
	if (r == 0)
		r = holder_visit(c, take_down, &n.record, err);
	if (r == 0)
		r = named_retire(&networks, n.record.name, err);
	close_fd(&hold);
	if (r == -ENOENT)
		return no_network(c, name, err);
	if (r < 0)
		return r;
	event_record(c, "network", "remove", n.record.id, n.record.name, NULL, "type", "bridge", NULL);
	return named_sweep(&networks, err);
}
