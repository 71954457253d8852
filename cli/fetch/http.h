/* http.h - the fetcher's engine: any number of requests, over one curl_multi, each into its own fd.
 *
 *	http_new -> (confinement) -> http_request for each -> http_turn for ever: it waits for the network, for full pipes and for
 *	one more fd, and reports by itself
 *
 * Of a request, in this order: "response" once, "progress", then "done" or "error"; the body's fd is closed after that report.
 * `received` and `total` count the bytes that go into this fd, so from `offset` on.
 */
#pragma once
#include "../transfer/protocol.h"

struct http;

/* http_new - opens what libcurl keeps open, so before confinement. @setup is borrowed; reports go to @socket. */
int http_new(const struct fetch_setup *setup, int socket, struct http **ret, struct error *err);
/* http_request - begin one. @pool owns @q; the pool and @fd are taken, also on failure (which is reported as that request's) */
void http_request(struct http *h, struct fetch_request *q, struct pool *pool, int fd);
/* http_turn - some work, or waiting for some
 * Return: 1 when @socket is readable, 0, or a negative errno: the reader of reports is gone, or libcurl cannot go on */
int http_turn(struct http *h, struct error *err);
void http_free(struct http *h);
