#include "port_holder.h"
#include "str.h"
#include <string.h>

struct look { const struct record *r; char name[256]; };

static bool wants(const struct record *r, const struct port_mapping *had)
{
	for (size_t i = 0; i < r->networking.n_ports; i++) {
		const struct port_mapping *m = &r->networking.ports[i];
		if (m->host_port == had->host_port && str_eq(m->protocol, had->protocol))
			return true;
	}
	return false;
}

static void look(void *ctx, const struct container *c)
{
	struct look *l = ctx;
	bool runs = record_runs(c);
	for (size_t i = 0; runs && i < c->status.n_ports; i++)
		if (!str_eq(c->record.id, l->r->id) && wants(l->r, &c->status.ports[i]))
			snprintf(l->name, sizeof l->name, "%s", c->record.name);
}

int port_holder_name(const struct carrier *c, const struct record *r, struct error *err)
{
	struct look l = { .r = r };
	if (record_each(c, true, look, &l, NULL) == 0 && *l.name)
		return error_hint(err, "container %s publishes it", l.name);
	return -EADDRINUSE;
}
