#include "../carrier.h"
#include "../container/record.h"
#include "cleanup.h"
#include "str.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct port_options { bool all, latest; };

static const struct option_def options[] = {
	OPTION(struct port_options, all, 'a', "all", NULL, "of all containers that run"),
	OPTION(struct port_options, latest, 'l', "latest", NULL, "the container that was made last"),
};

/* struct asked - one port; number 0: all of them */
struct asked { unsigned number; const char *protocol; };

static int parse(const char *word, struct asked *ret, struct error *err)
{
	struct strings one cleanup_strings = { 0 };
	*ret = (struct asked) { 0 };
	if (!word)
		return 0;
	int r = ports_expose("port", word, &one, err);
	if (r == 0 && one.n != 1)
		r = error_say(err, EINVAL, "port '%s': give one port", word);
	if (r == 0)
		*ret = (struct asked) { (unsigned) strtoul(one.v[0], NULL, 10), str_ends(one.v[0], "udp") ? "udp" : "tcp" };
	return r;
}

static void print_one(const struct port_mapping *m, const struct asked *asked, const char *id, int family)
{
	char address[64];
	if (id)
		printf("%.12s\t", id);
	if (!asked->number)
		printf("%u/%s -> ", m->container_port, m->protocol);
	printf("%s:%u\n", ports_address(m, family, address), m->host_port);
}

/* print - what leads to it now. Return: how many lines */
static size_t print(const struct container *c, const struct asked *asked, bool with_id)
{
	const char *id = with_id ? c->record.id : NULL;
	size_t n = 0;
	if (!record_runs(c))
		return 0;
	for (size_t i = 0; i < c->status.n_ports; i++) {
		const struct port_mapping *m = &c->status.ports[i];
		if (asked->number && (asked->number != m->container_port || !str_eq(asked->protocol, m->protocol)))
			continue;
		print_one(m, asked, id, AF_INET);
		if (!m->host_ip)
			print_one(m, asked, id, AF_INET6);
		n++;
	}
	return n;
}

static void print_each(void *ctx, const struct container *c) { (void) print(c, ctx, true); }

static int print_container(struct carrier *c, const char *name, bool latest, const struct asked *asked, struct error *err)
{
	struct container found cleanup_container = CONTAINER_NONE;
	int r = record_find(c, name, latest, &found, err);
	if (r < 0)
		return r;
	if (print(&found, asked, false) || !asked->number)
		return 0;
	return error_say(err, ENOENT, "port %u/%s of container %s is not published%s", asked->number, asked->protocol, found.record.name,
			 record_runs(&found) ? "" : ": it does not run");
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct port_options *o = given;
	bool named = !o->all && !o->latest;
	struct asked asked = { 0 };
	struct error err = { 0 };
	int r = 0;
	if (named && n_args == 0)
		r = error_say(&err, EINVAL, "port: name a container, or give --latest or --all");
	else if (n_args > 1 + named)
		r = error_say(&err, EINVAL, "port: give at most one port");
	if (r == 0)
		r = parse(args[named], &asked, &err);
	if (r == 0)
		r = o->all ? record_each(program, true, print_each, &asked, &err) :
			     print_container(program, named ? args[0] : "", o->latest, &asked, &err);
	if (r < 0)
		carrier_fail(&err);
	return r == 0 ? 0 : r == -EINVAL ? EXIT_CARRIER : 1;
}

const struct command command_port = {
	.name = "port", .arguments = "[CONTAINER] [PORT[/udp]]", .summary = "show which of the host's ports lead to a container",
	.description = "Of one that runs. With a port of the container only the host's address and port are printed.",
	.examples = "All of them:\n\tcarrier port web\n\nWhere port 80 is:\n\tcarrier port web 80/tcp",
	.exit_status = "0, or 1 when there is no such container or the port is not published.",
	OPTIONS(struct port_options, options), .max_args = 2, .run = run,
};
