/* names.h - who answers names for a container on named networks.
 *
 * A process of ours for each container, forked by its monitor: it has sockets in the container's network namespace, at 127.0.0.11, which
 * resolv.conf names, and is itself where the monitor is. Their port is 54; rules of nftables lead there what is sent to port 53 of that
 * address (nft_exchange_port()): so a container can be a name server itself, at all its addresses.
 *
 * It answers for the containers of the same networks, by name, alias, the name of the service in a compose file and the id's first 12 digits
 * (all 64 are more than a name may have): what the leases say at that moment, with no time for which it may be kept. So nothing can be
 * stale, and nothing has to be told when a container comes, goes, or has another address. Whatever else is asked goes to the servers of
 * --dns, or of the host's resolv.conf as it is then; a server on the host's loopback is reached like any other. It is asked in packets (UDP)
 * and by connections (TCP), and asks the servers in the same way: an answer that was cut off says so, and who reads that comes again by TCP.
 * Of connections there are 32; one that says nothing has 10 s, less when others want its place.
 *
 * An ordinary user's keeps N, too (holder.h), and so outlives a monitor that is killed. It has no capabilities, and ends with the
 * container's process. Hosts files instead would have to be written into all containers at every start and end, and are not what programs
 * read that resolve by themselves.
 */
#pragma once
#include "../container/record.h"
#include "holder.h"

/* names_start - also where no network has names (--disable-dns): then it passes on only. @ns_fd: its network namespace; @pid: its process;
 * @home: it becomes a member, too, and keeps N. Return: its pid */
pid_t names_start(const struct carrier *c, const struct container *container, const struct holder_member *home, int ns_fd, pid_t pid,
		  struct error *err);
/* what resolv.conf has */
#define NAMES_ADDRESS "127.0.0.11"
/* the label that has the name of a container's service, which docker compose and podman-compose set */
#define NAMES_SERVICE_LABEL "com.docker.compose.service"
