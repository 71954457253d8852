/* A monitor as a member of its user's network namespace (holder.h): joining it before all else, and what to do when the holder was killed. */
#include "monitor_impl.h"
#include "../network/named.h"
#include "event.h"
#include "log.h"
#include "proc.h"

int home_join(struct monitor *m, struct error *err)
{
	if (!m->carrier->rootless || !m->c->record.networking.n_networks)
		return 0;
	int world = named_needs_world(m->carrier, &m->c->record, err);
	return world < 0 ? world : holder_join(m->carrier, world, &m->home, err);
}

static void say(struct monitor *m, const char *lost)
{
	m->c->status.network_lost = (char *) (uintptr_t) lost;
	if (m->started)
		(void) status_save(m->c, NULL);
}

static void mend(struct monitor *m)
{
	struct error err = { 0 };
	m->home_due_ms = 0;
	if (holder_mend(m->carrier, &m->home, &err) == 0) {
		m->home_delay_ms = 0;
		say(m, NULL);
		return;
	}
	log_warn("%s", err.text);
	m->home_delay_ms = restart_delay_ms(m->home_delay_ms, 0);
	m->home_due_ms = now_ms() + m->home_delay_ms;
}

void home_lost(struct monitor *m)
{
	say(m, "carrier-holder ended: the container reaches nobody beyond its networks until there is a new one");
	event_container(m->carrier, m->c, "network-lost", "helper", "carrier-holder", NULL);
	mend(m);
}

void home_time(struct monitor *m)
{
	if (m->home_due_ms && now_ms() >= m->home_due_ms)
		mend(m);
}
