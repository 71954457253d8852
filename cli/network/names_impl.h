/* names_impl.h - what the two halves of the process that answers names share; names.h is what others know of it.
 *
 *	names.c		the process, what it knows, and questions in packets (UDP)
 *	names_tcp.c	questions by connections
 */
#pragma once
#include "dns.h"
#include "names.h"
#include "str.h"
#include <poll.h>
#include <sys/stat.h>

/* NAMES_OWN_PORT: that of the sockets, which nobody else has a use for (IANA: XNS Clearinghouse) */
enum { NAMES_PORT = 53, NAMES_OWN_PORT = 54, NAMES_SERVERS = 3, NAMES_PATIENCE_MS = 2000, NAMES_CONNECTIONS = 32 };

struct names_connection;
struct names {
	int net_fd, members_fd;		/* of N; -1: root's */
	int fd, tcp_fd, pidfd;		/* where it is asked, in packets and by connections; the container's process */
	const struct carrier *carrier;
	int record_fd;			/* the container's directory */
	struct stat record;		/* of its record.json, when the networks were read from it */
	int networks[NETWORKS_MAX];	/* directories of those that have names */
	size_t n_networks;
	bool isolated;			/* all are internal: nobody else is asked */
	char *const *servers;		/* --dns; NULL: the host's */
	struct pending *pending;	/* what was passed on */
	struct names_connection *connections[NAMES_CONNECTIONS];
	size_t n_connections;
};

/* names_refresh - which networks the container has; they may have changed since the last question (`network connect`) */
void names_refresh(struct names *n);
/* names_look_up - the addresses that are asked for. Return: how many; -1: nobody is called so */
int names_look_up(const struct names *n, const struct dns_question *q, struct address list[DNS_ANSWER_MAX]);
/* names_connect - to the @which-th server; @type: SOCK_DGRAM, or SOCK_STREAM, which goes on connecting
 * Return: the fd; -EAGAIN: not to that one; -ENOENT: there are no more, or nobody else is to be asked */
int names_connect(const struct names *n, size_t which, int type);

/* names_tcp_poll - fills at most NAMES_CONNECTIONS + 1 entries. Return: how many */
size_t names_tcp_poll(const struct names *n, struct pollfd *p);
/* names_tcp_step - deals with what poll(2) found in these entries, and ends whom it has waited for too long */
void names_tcp_step(struct names *n, const struct pollfd *p);
/* names_tcp_due - the time (now_ms()) of the next of these ends; INT64_MAX: none */
int64_t names_tcp_due(const struct names *n);
