/* holder.h - the one network namespace in which the named networks of an ordinary user are, and the process that keeps it.
 *
 * An ordinary user may make no bridge in the host's network namespace. So there is another one, one for each user and --runroot, N, that belongs
 * to a user namespace, U, in which the monitors of all containers on named networks are. Both are the holder's ("carrier-holder"): it is forked
 * by the monitor of the first such container, lives in U and in the host's network namespace, and runs there the helper (network.h) that connects
 * N with the world. In N bridges, links, addresses and rules are made by the same code as root's, in children of the monitors (holder_run()),
 * since from U nobody can come back into the host's network namespace, in which the monitors stay: ports of the host are opened there.
 *
 *	RUNROOT/network/members		a FIFO: who needs N has it open for writing, the holder for reading
 *	                holder.json	its process, and its helper (struct holder_state)
 *	                lock		held by who becomes a member, makes a holder, or ends as one
 *
 *	every start	holder_join() in the user namespace that the user is in; namespaces_world() enters U; holder_wait() before N must lead
 *			anywhere; holder_run()
 *	its life	poll ->members_fd: POLLERR says that the holder was killed; holder_mend() then
 *	its end		holder_leave()
 *
 * It ends when nobody has the FIFO open any more: poll(2) tells it, nobody counts, so nobody can be forgotten. When it is killed, U and N live on
 * in their members, of which one, or whoever starts next, makes a new holder of them; so do the FIFO and what is in N, and only
 * connections to the world beyond N end, with the helper. A helper that ends is started again, at once and then at growing delays; a byte
 * in the FIFO, of a member that needs the world, ends the delay.
 * Members are monitors, and the processes that answer names (names.h), which outlive a monitor that is killed: they are how N is found by
 * a start that finds neither holder nor monitor.
 */
#pragma once
#include "../carrier.h"
#include "json.h"
#include <sys/types.h>

/* struct holder_member - of who needs N; ->net_fd is -1 where all is in the host's network namespace, as root's */
struct holder_member {
	int net_fd, members_fd;
	int user_fd;		/* U; to be entered, and closed then */
	int ready_fd;		/* where a holder that we made says that its helper is ready */
};
#define HOLDER_MEMBER_NONE { .net_fd = -1, .members_fd = -1, .user_fd = -1, .ready_fd = -1 }

/* struct holder_state - holder.json */
struct holder_state {
	char *boot_id;
	int64_t pid, helper_pid;	/* helper_pid 0: it has none now, and ->lost says why */
	uint64_t start_time;
	char *helper, *lost;
};

/* holder_join - become a member of the user's N, and make it, with its holder, unless it is there
 * @world: is the world needed? Then a holder whose helper cannot be started is none; the failure is holder_wait()'s
 * On failure nothing is left. */
int holder_join(const struct carrier *c, bool world, struct holder_member *ret, struct error *err);
/* holder_wait - until the helper is ready; nothing where the holder was there already */
int holder_wait(struct holder_member *m, struct error *err);
/* holder_run - @job in a child (apart_run()) that is in N; here and now where ->net_fd is -1. We must be in U */
int holder_run(const struct holder_member *m, int (*job)(void *ctx, struct error *err), void *ctx, struct error *err);
/* holder_visit - the same for who is no member and in the user's own user namespace; @c of root: here and now
 * Return: @job's; 0 where there is no N, and so nothing in it */
int holder_visit(const struct carrier *c, int (*job)(void *ctx, struct error *err), void *ctx, struct error *err);
/* holder_mend - after POLLERR: a new holder for our U and N, unless another member has made one. We must be in U */
int holder_mend(const struct carrier *c, struct holder_member *m, struct error *err);
void holder_leave(struct holder_member *m);

/* HOLDER_NET_FD - of the processes in /proc that keep N: the holder, and the keepers of leases; their file descriptor that is N */
enum { HOLDER_NET_FD = 3 };
