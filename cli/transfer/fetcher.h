/* fetcher.h - carrier's side of carrier-fetch (protocol.h).
 *
 *	fetcher_start -> fetcher_request for each body, all at once -> fetcher_read when the socket is readable -> fetcher_stop
 */
#pragma once
#include "../carrier.h"
#include "protocol.h"
#include <sys/types.h>

struct fetcher { pid_t pid; int socket; };
#define FETCHER_INIT { .pid = -1, .socket = -1 }

int fetcher_start(const struct fetch_setup *setup, struct fetcher *ret, struct error *err);
/* fetcher_request - @fd: where the body goes; not needed by the caller afterwards, still owned by it */
int fetcher_request(struct fetcher *f, const struct fetch_request *request, int fd, struct error *err);
/* fetcher_read - the next report; blocks. @pool owns its strings. The fetcher's end is an error that says so. */
int fetcher_read(struct fetcher *f, struct pool *pool, struct fetch_report **ret, struct error *err);
/* fetcher_document - one small answer, at most @q->max bytes, while nothing else is asked
 * @signal_fd: -EINTR, without a sentence, when it becomes readable; -1: nobody asks. @response: its "response", strings in @pool
 * Return: an fd of it, at its beginning */
int fetcher_document(struct fetcher *f, const struct fetch_request *q, int signal_fd, struct pool *pool, struct fetch_report *response,
		     struct error *err);
void fetcher_stop(struct fetcher *f);
#define cleanup_fetcher __attribute__((cleanup(fetcher_stop)))
