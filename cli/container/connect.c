#include "connect.h"
#include "../network/named.h"
#include "../network/networks.h"
#include "cleanup.h"
#include "client.h"
#include "event.h"
#include "record_change.h"
#include "runtime.h"
#include "str.h"

/* ---- can it be? ---- */

static int refuse_kind(const struct record *r, struct error *err)
{
	switch (network_kind(r->network)) {
	case NETWORK_NAMED:
	case NETWORK_NONE:
		return 0;
	case NETWORK_HOST:
		return error_say(err, EINVAL, "container %s has the host's network (--network host), and can have no other: make it anew with --network NAME",
				 r->name);
	case NETWORK_CONTAINER:
		return error_say(err, EINVAL, "container %s shares the network of another (--network %s): connect that one", r->name, r->network);
	case NETWORK_NS:
		return error_say(err, EINVAL, "container %s has a network that somebody else has made (--network %s): make it anew with --network NAME",
				 r->name, r->network);
	default:
		return error_say(err, EINVAL, "container %s has a network of its own by a helper (--network %s), which knows no others: make it anew with "
				 "--network NAME", r->name, r->network ? r->network : "private");
	}
}

/* refuse_state - while nobody is there who could do it, or who does it is at something else */
static int refuse_state(const struct container *c, struct error *err)
{
	if (c->state == RECORD_UNATTENDED)
		return error_say(err, ESRCH, "container %s is not running attended: its monitor was killed, `carrier restart` gives it a new one",
				 c->record.name);
	return c->state == RECORD_STARTING ? error_say(err, EAGAIN, "container %s is just being started: try again", c->record.name) : 0;
}

/* ---- telling who runs it ---- */

static int tell(struct container *c, struct error *err)
{
	int unused, r = record_refresh(c, err);
	r = r < 0 ? r : refuse_state(c, err);	/* it may have been started meanwhile */
	if (r < 0 || !container_active(c))
		return r;
	cleanup_close int socket = client_connect(c, 0, err);
	r = socket < 0 ? socket : client_send(socket, CLIENT_NETWORKS);
	r = r < 0 ? r : client_wait(socket, MONITOR_NETWORKS, &unused, err);
	bool nobody = r == -EPIPE || r == -ECONNREFUSED || r == -ENOENT;
	return nobody && record_refresh(c, NULL) == 0 && !container_active(c) ? 0 : r;	/* it ended just now */
}

/* apply - @c's record, which its lock is held for, becomes what it was changed to; @old is what it was */
static int apply(struct container *c, const struct record *old, struct error *err)
{
	struct record *r = &c->record;
	if (r->networking.n_networks)
		r->network = r->networking.networks[0].name;
	else
		r->network = (char *) "none";
	int result = record_save(c, err);
	if (result < 0)
		return result;
	result = tell(c, err);
	if (result < 0) {
		*r = *old;
		(void) record_save(c, NULL);
		return result;
	}
	return record_changed(c, err);	/* the next start writes its files anew */
}

static void say(const struct carrier *c, const struct container *container, const char *action, const char *id, const char *network)
{
	event_record(c, "network", action, id, network, NULL, "container", container->record.id, "type", "bridge", NULL);
}

/* ---- both ---- */

int container_connect(const struct carrier *c, struct container *container, const char *network, const struct network_options *o, struct error *err)
{
	cleanup_network struct network n = { 0 };
	struct record_networking *list = &container->record.networking;
	bool internal;
	cleanup_close int hold = network_hold(c, err);
	int r = hold < 0 ? hold : network_find(c, network, &n, err);
	if (r < 0)
		return r;
	cleanup_close int lock = record_change(container, err);
	const struct record old = container->record;
	r = lock < 0 ? lock : refuse_kind(&old, err);
	r = r < 0 ? r : network_attach(list, n.record.name, o, &container->pool, err);
	if (r < 0)
		return r == -EEXIST || r == -ENOSPC ? error_wrap(err, "container %s", old.name) : r;
	r = named_suits(c, &list->networks[list->n_networks - 1], &internal, err);
	r = r < 0 ? r : apply(container, &old, err);
	if (r == 0)
		say(c, container, "connect", n.record.id, n.record.name);
	return r;
}

/* named_by - the network of the record that is meant: by its name, also when it is not there any more, or as it is found */
static const char *named_by(const struct carrier *c, const struct record_networking *n, const char *word, struct network *found)
{
	for (size_t i = 0; i < n->n_networks; i++)
		if (str_eq(n->networks[i].name, word)) {
			(void) network_find(c, word, found, NULL);
			return n->networks[i].name;
		}
	return network_find(c, word, found, NULL) == 0 ? found->record.name : word;
}

int container_disconnect(const struct carrier *c, struct container *container, const char *network, struct error *err)
{
	cleanup_network struct network n = { 0 };
	cleanup_close int lock = record_change(container, err);
	const struct record old = container->record;
	int r = lock < 0 ? lock : refuse_kind(&old, err);
	if (r < 0)
		return r;
	const char *name = named_by(c, &old.networking, network, &n);
	if (network_detach(&container->record.networking, name, &container->pool) < 0)
		return error_say(err, ENOTCONN, "container %s is not connected to network '%s'", old.name, name);
	r = apply(container, &old, err);
	if (r == 0)
		say(c, container, "disconnect", n.record.id ? n.record.id : name, name);
	return r;
}
