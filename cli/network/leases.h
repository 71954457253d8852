/* leases.h - which container has which address of a network, as long as it runs.
 *
 * One small file for each network, replaced at once: readers (names.h, inspect) never lock and always see a whole one. Who changes it holds
 * the network's lock meanwhile, so that no two containers are ever given one address, however many start at once. A lease belongs to a
 * process; when that is gone, or the machine has been started anew, nobody needs to give it back: leases_read() leaves it out.
 */
#pragma once
#include "json.h"
#include "mem.h"
#include "str.h"
#include "subnet.h"

struct lease_port { char *protocol, *host_ip; uint16_t host_port, port; };	/* host_ip: NULL for all */
struct lease {
	char *container, *name;		/* id and name of the container */
	char **names;			/* further ones: aliases */
	char *link, *inside;		/* the veth pair: its end at the bridge, and that in the container */
	char *ip, *ip6, *mac;		/* NULL: none of that family */
	int64_t pid;
	uint64_t start_time;
	int64_t keeper;			/* of an ordinary user's: the process that answers names, and keeps the network namespace (holder.h) */
	uint64_t keeper_start;
	struct lease_port *ports;	/* published by way of this network */
	size_t n_ports;
};
/* lost_ports: somebody who is gone had published ports, and nobody has taken them back */
struct leases {
	struct pool pool;
	struct lease *list;
	size_t n;
	char *last_ip, *last_ip6;	/* the addresses that were given last: the next ones come first, so that none is somebody else's soon */
	bool lost_ports;
};
void leases_done(struct leases *l);
#define cleanup_leases __attribute__((cleanup(leases_done)))

/* leases_lock - wait for the lock of the network whose directory @dir_fd is. Return: its fd */
int leases_lock(int dir_fd, struct error *err);
/* leases_read - those of processes that live; a file that cannot be understood has none, with a warning */
int leases_read(int dir_fd, struct leases *ret, struct error *err);
/* leases_stale - the names of containers that have one in the file, made since the machine was started, though their process is gone; adds to
 * @ret. Nobody needs to give it back, but a monitor that was not killed does */
int leases_stale(int dir_fd, struct strings *ret, struct error *err);
int leases_write(int dir_fd, const struct leases *l, struct error *err);
/* leases_add - @lease's strings are borrowed: they live as long as @l */
void leases_add(struct leases *l, const struct lease *lease);
/* leases_drop - all of that container. Return: was there any? */
bool leases_drop(struct leases *l, const char *container);
const struct lease *leases_of(const struct leases *l, const char *container);
/* leases_by - who has that address; NULL: nobody */
const struct lease *leases_by(const struct leases *l, const struct address *a);
