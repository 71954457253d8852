/* monitor_network.c - the network while the container runs: a helper that ended is started again, other networks are connected. */
#include "../network/named.h"
#include "event.h"
#include "life.h"
#include "log.h"
#include "monitor_impl.h"
#include "proc.h"
#include "record_change.h"
#include <string.h>

enum { READY_MS = 10000, LIVED_MS = 10000, UNSTARTED_MS = 100 };

/* ---- a helper that ended: at once another one, and when that fails, too, after delays that grow as a restart policy's ---- */

/* tell_lost - into memory of ours: one that is lost again and again for years must not grow */
static void tell_lost(struct monitor *m)
{
	struct status *s = &m->c->status;
	log_warn("%s", m->mend.why.text);
	s->network_lost = m->mend.why.text;
	if (m->started)
		(void) status_save(m->c, NULL);
}

void lose_network(struct monitor *m)
{
	const int64_t now = now_ms();
	network_stop(&m->network);	/* what is left of it: it may have ended before it was ready */
	bool again = m->mend.since_ms && now - m->mend.since_ms < LIVED_MS;
	m->mend.delay_ms = again ? restart_delay_ms(m->mend.delay_ms, 0) : 0;
	m->mend.due_ms = now + m->mend.delay_ms;
	(void) error_say(&m->mend.why, EIO, "%s ended: the container has no network until it is started again, which carrier does",
			 m->network.name);
	tell_lost(m);
	event_container(m->carrier, m->c, "network-lost", "helper", m->network.name, NULL);
}

/* fail_again - what is told is said once */
static void fail_again(struct monitor *m, const struct error *why)
{
	struct error told = m->mend.why;
	network_stop(&m->network);
	m->mend.delay_ms = restart_delay_ms(m->mend.delay_ms, 0);
	m->mend.due_ms = now_ms() + m->mend.delay_ms;
	(void) error_say(&m->mend.why, EIO, "the network's helper ended and cannot be started again: %s", why->text);
	if (strcmp(told.text, m->mend.why.text) != 0)
		tell_lost(m);
}

void mend_network(struct monitor *m)
{
	struct network_request q = network_request_of(m);
	struct error err = { 0 };
	m->mend.since_ms = now_ms();
	m->mend.due_ms = m->init_ended ? 0 : m->mend.since_ms + UNSTARTED_MS;	/* while the runtime is at it, that ends first */
	if (!m->started || m->init_ended)
		return;
	if (m->network.ready_fd >= 0) {	/* the one that we wait for has had its time */
		(void) error_say(&err, ETIMEDOUT, "%s did not configure it within %d s", m->network.name, READY_MS / 1000);
		fail_again(m, &err);
		return;
	}
	network_stop(&m->network);
	if (network_start(&q, m->netns_fd, &m->network, &err) < 0)
		fail_again(m, &err);
	else
		m->mend.due_ms = m->mend.since_ms + READY_MS;
}

void network_is_ready(struct monitor *m)
{
	struct network_request q = network_request_of(m);
	struct error err = { 0 };
	if (network_wait(&q, &m->network, &err) < 0) {
		fail_again(m, &err);
		return;
	}
	m->mend.due_ms = 0;
	m->mend.since_ms = now_ms();
	m->c->status.network_lost = NULL;
	(void) status_save(m->c, NULL);
	event_container(m->carrier, m->c, "network-restored", "helper", m->network.name, NULL);
}

/* ---- other networks ---- */

void watch_rules(struct monitor *m)
{
	if (!m->carrier->rootless && m->c->record.networking.n_networks && m->rules.fd < 0)
		named_watch(&m->rules);
}

/* change_live - of a process that runs. One that was started without any network has files that name no server */
static int change_live(struct monitor *m, const char *mode, const struct record_networking *old, struct error *err)
{
	watch_rules(m);
	int r = named_change(m->carrier, m->c, &m->home, old, m->init, err);
	if (r > 0) {	/* into another network */
		forward_over(m);
		r = forward_begin(m, err);
	}
	return r == 0 && network_kind(mode) == NETWORK_NONE ? bundle_write_etc(m->c, &m->environment, err) : r;
}

int change_networks(struct monitor *m, struct error *err)
{
	struct record *rec = &m->c->record;
	const struct record_networking old = rec->networking;
	char *const mode = rec->network;
	if (!m->started && m->runtime > 0)
		return error_say(err, EAGAIN, "container %s is just being started or ended: try again", rec->name);
	int r = record_networks(m->c, err);
	if (r == 0 && rec->networking.n_networks && m->carrier->rootless && m->home.net_fd < 0)
		r = error_say(err, EPERM, "container %s was started without any network that has a name, and so outside of the user namespace that such "
			      "networks of yours belong to: stop it, connect it, start it", rec->name);
	if (r == 0 && m->started)	/* else the next start finds them */
		r = change_live(m, mode, &old, err);
	if (r < 0) {
		rec->networking = old;
		rec->network = mode;
	}
	return r;
}
