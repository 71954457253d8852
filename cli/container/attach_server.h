/* attach_server.h - the monitor's clients (client.h has the protocol): their sockets, what they have not read yet, what they have typed.
 *
 * The monitor's loop asks attach_poll() what to wait for, and hands what happened to attach_step(). Nothing here waits.
 */
#pragma once
#include "client.h"
#include "str.h"
#include <poll.h>

enum { ATTACHED_MAX = 32 };

/* struct attached - one client */
struct attached {
	int fd;
	unsigned wants;			/* enum client_wants */
	bool patient;			/* the container runs in its foreground: it is waited for, and never cut off */
	bool greeted;			/* it has said what it wants */
	bool input_ended;
	bool checks;			/* it wants to know of the next check of health */
	bool leaving;			/* cut off: it is only to be told so */
	struct buf queue;		/* packets that its socket had no room for, each behind its length (size_t) */
	size_t sent;			/* of queue */
	int64_t full_since;		/* ms; 0: its queue is not full */
	int64_t waited_ms;		/* in all, since its queue was empty */
	struct buf input;		/* what the container has not taken yet */
};

struct attach_server {
	int listen_fd;			/* -1: nobody else comes */
	struct attached *clients[ATTACHED_MAX];
	size_t n;
	/* what is not about output; @client may be gone afterwards only when @kind is 0: it is about to go */
	void (*on_message)(void *ctx, struct attached *client, int kind, const char *data, size_t len);
	void *ctx;
};

/* attach_listen - make the socket "attach" in the container's directory */
int attach_listen(struct attach_server *s, const struct container *c, struct error *err);
/* attach_add - a client whose socket is ours from now on; NULL when there are too many */
struct attached *attach_add(struct attach_server *s, int fd, unsigned wants, bool patient);

/* attach_poll - fills at most ATTACHED_MAX + 1 entries. Return: how many */
size_t attach_poll(const struct attach_server *s, struct pollfd *p);
/* attach_step - deals with what poll(2) found in these entries, and cuts off who was waited for too long */
void attach_step(struct attach_server *s, const struct pollfd *p, size_t n);
/* attach_is_full - no more output is to be read for now: somebody has too much of it unread. @ret_ms: until when, at most; -1: no limit */
bool attach_is_full(const struct attach_server *s, int *ret_ms);

void attach_output(struct attach_server *s, bool is_stderr, const char *data, size_t len);
/* attach_tell - to one client, or all (NULL) */
void attach_tell(struct attach_server *s, struct attached *client, int kind, const void *data, size_t len);
void attach_tell_int(struct attach_server *s, struct attached *client, int kind, int32_t value);
/* attach_tell_exit - @last: also those that want the end; else only the others, who leave then */
void attach_tell_exit(struct attach_server *s, int32_t code, bool last);

/* attach_idle - is everything sent? */
bool attach_idle(const struct attach_server *s);
void attach_done(struct attach_server *s);
