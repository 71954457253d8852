/* A monitor and the process that carries its container's published ports (published.h): when that ends it is started again, at once and then
 * after delays that grow. */
#include "../network/published.h"
#include "event.h"
#include "life.h"
#include "log.h"
#include "monitor_impl.h"
#include "proc.h"
#include <sys/wait.h>

enum { STABLE_MS = 10000 };

static const char name[] = "carrier-forward";

int forward_begin(struct monitor *m, struct error *err)
{
	m->forward.began_ms = now_ms();
	m->forward.due_ms = 0;
	return published_start(m->carrier, m->c, m->home.net_fd, m->init, &m->ports, &m->forward.process, err);
}

void forward_over(struct monitor *m)
{
	forward_stop(&m->forward.process);
	m->forward.due_ms = m->forward.delay_ms = 0;
}

static void lost(struct monitor *m, const char *why)
{
	snprintf(m->forward.lost, sizeof m->forward.lost, "%s, which carries the published ports, ended%s%s: it is started again", name,
		 *why ? ", and cannot be started: " : "", why);
	m->c->status.network_lost = m->forward.lost;
	log_warn("%s", m->forward.lost);
	if (m->started)
		(void) status_save(m->c, NULL);
}

/* try_again - who connected meanwhile waits in the kernel: the sockets are ours, too */
static void try_again(struct monitor *m)
{
	struct error err = { 0 };
	if (forward_begin(m, &err) < 0) {
		lost(m, err.text);
		m->forward.delay_ms = restart_delay_ms(m->forward.delay_ms, 0);
		m->forward.due_ms = now_ms() + m->forward.delay_ms;
		return;
	}
	if (m->c->status.network_lost == m->forward.lost)
		m->c->status.network_lost = NULL;
	if (m->started)
		(void) status_save(m->c, NULL);
	event_container(m->carrier, m->c, "network-restored", "helper", name, NULL);
}

void forward_ended(struct monitor *m, int status)
{
	struct forwarder *process = &m->forward.process;
	process->pid = -1;
	forward_stop(process);
	if (m->init_ended || (WIFEXITED(status) && WEXITSTATUS(status) == 0))	/* with the container */
		return;
	lost(m, "");
	event_container(m->carrier, m->c, "network-lost", "helper", name, NULL);
	bool stable = now_ms() - m->forward.began_ms >= STABLE_MS;
	m->forward.delay_ms = stable ? 0 : restart_delay_ms(m->forward.delay_ms, 0);
	m->forward.due_ms = now_ms() + m->forward.delay_ms;
}

void forward_time(struct monitor *m)
{
	if (m->forward.due_ms && now_ms() >= m->forward.due_ms && !m->init_ended)
		try_again(m);
}
