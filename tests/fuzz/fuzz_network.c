/* Each line is a word of -p, or, behind "n ", one of --network. */
#include "../../cli/network/mode.h"
#include "cleanup.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* check - what was understood, written in full, is understood as the same */
static void check(const struct port_mapping *m, struct pool *pool)
{
	struct port_mappings again cleanup_ports = { 0 };
	char address[64], end[8] = "";
	if (m->host_end)
		snprintf(end, sizeof end, "-%u", m->host_end);
	const char *ip = m->host_ip ? ports_address(m, 0, address) : "";
	char *word = pool_printf(pool, "%s%s%u%s:%u/%s", ip, *ip ? ":" : "", m->host_port, end, m->container_port, m->protocol);
	if (!m->container_port || (m->host_end && m->host_end <= m->host_port) || ports_parse(word, pool, &again, NULL) < 0 || again.n != 1)
		abort();
	const struct port_mapping *a = again.v;
	if (!str_eq(a->host_ip, m->host_ip) || !str_eq(a->protocol, m->protocol) || a->host_port != m->host_port || a->host_end != m->host_end ||
	    a->container_port != m->container_port)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pool pool = { 0 };
	struct strings lines cleanup_strings = { 0 };
	struct port_mappings ports cleanup_ports = { 0 };
	struct network_options o = { 0 };
	struct record_networking n;
	char *mode = NULL;
	cleanup_free char *text = xstrndup((const char *) data, size < 256 ? size : 256);
	strings_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n && ports.n < 70000; i++) {
		const char *named = str_after(lines.v[i], "n ");
		if (named)
			strings_add(&o.modes, named);
		else
			(void) ports_parse(lines.v[i], &pool, &ports, NULL);
	}
	for (size_t i = 0; i < ports.n; i += 1 + ports.n / 64)
		check(&ports.v[i], &pool);
	(void) ports_words(ports.v, ports.n, NULL, &pool);
	if (network_to_record(&o, NULL, &pool, &mode, &n, NULL) == 0 && o.modes.n && !mode)
		abort();
	strings_done(&o.modes);
	pool_done(&pool);
	return 0;
}
