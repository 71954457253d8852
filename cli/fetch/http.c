/* Theory of operation.
 *
 * At most RUNNING_MAX transfers run, the others wait in our own queue rather than in libcurl's, whose clock for connecting runs
 * while they wait. A transfer whose pipe is full is paused; its pipe is polled together with libcurl's sockets.
 *
 * What goes into files (documents) shares a connection by HTTP/2 where TLS offers it; what goes into a pipe has its own.
 *
 * libcurl must not be called back into from its own callbacks: those only write, note and report. All that adds and removes
 * transfers happens in http_turn().
 */
#include "http.h"
#include "cleanup.h"
#include "explain.h"
#include "proc.h"
#include "transfer.h"
#include "upload.h"
#include <string.h>

enum { RUNNING_MAX = 6, WAIT_MAX_MS = 60000, RETRY_AFTER_MAX_S = 30 };

struct http {
	CURLM *multi;
	const struct fetch_setup *setup;
	int socket;
	struct registry *registries;
	struct token *tokens;
	struct transfer *transfers;
	struct curl_waitfd *wait;	/* socket, then the full pipes */
	size_t n_wait;
	int running;
};

/* ---- for every transfer ---- */

void http_options(CURL *easy, const struct fetch_setup *setup, char *curl_text)
{
	*curl_text = 0;
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, curl_text);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 512L * 1024);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long) CONNECT_TIMEOUT_S);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long) STALL_BYTES);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long) STALL_TIMEOUT_S);
	if (setup->user_agent)
		curl_easy_setopt(easy, CURLOPT_USERAGENT, setup->user_agent);
}

bool http_broke_off(CURLcode code)
{
	switch ((int) code) {
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return true;
	}
	return false;
}

int64_t http_retry_ms(CURL *easy, unsigned tries)
{
	static const int64_t waits_ms[] = { 300, 1000, 3000 };
	curl_off_t after_s = 0;
	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &after_s);
	if (tries >= sizeof waits_ms / sizeof *waits_ms || after_s > RETRY_AFTER_MAX_S)
		return -1;
	return after_s * 1000 > waits_ms[tries] ? after_s * 1000 : waits_ms[tries];
}

/* ---- reports ---- */

static int report(struct transfer *t, const char *kind, void *ctx)
{
	const struct http *h = ctx;
	long status = 0;
	if (t->easy)
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	int64_t whole = t->whole >= 0 ? t->whole : t->q->size;
	struct fetch_report r = {
		.id = t->q->id, .kind = (char *) (uintptr_t) kind, .status = status, .received = t->received,
		.total = whole > t->q->offset ? whole - t->q->offset : 0,
	};
	if (t->upload && strcmp(kind, "done") == 0)
		r.outcome = (char *) (uintptr_t) upload_outcome(t->upload);
	if (strcmp(kind, "response") == 0) {
		r.content_type = t->response.content_type;
		r.digest = t->response.digest;
		r.link = t->response.link;
	}
	cleanup_free char *message = NULL;
	if (strcmp(kind, "error") == 0) {
		r.code = t->failure.code;
		r.message = message = printable(t->failure.text, strlen(t->failure.text), sizeof t->failure.text);
	}
	return protocol_send(h->socket, &fetch_report_type, &r, -1);
}

/* ---- beginning ---- */

int http_new(const struct fetch_setup *setup, int socket, struct http **ret, struct error *err)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_say(err, ENOMEM, "libcurl does not start");
	struct http *h = xcalloc(1, sizeof *h);
	*h = (struct http) { .multi = curl_multi_init(), .setup = setup, .socket = socket };
	curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long) CURLPIPE_MULTIPLEX);
	curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long) RUNNING_MAX);
	*ret = h;
	return 0;
}

static int check_path(const char *path, struct error *err)
{
	bool right = str_starts(path, "/v2/") || str_starts(path, "/v1/search?");
	for (const char *c = path; *c; c++)
		right = right && *c > ' ' && *c <= '~' && !strchr("#\\\"<>", *c);
	cleanup_free char *shown = printable(path, strlen(path), 200);
	if (!right || strstr(path, "/../") || str_ends(path, "/.."))
		return error_say(err, EINVAL, "'%s' is no path of a registry", shown);
	return 0;
}

void http_request(struct http *h, struct fetch_request *q, struct pool *pool, int fd)
{
	struct transfer *t = xcalloc(1, sizeof *t);
	*t = (struct transfer) {
		.q = q, .pool = *pool, .setup = h->setup, .whole = -1, .report = report, .report_ctx = h, .object = explain_object(q->path),
		.body = { .fd = -1 },
	};
	*pool = (struct pool) { 0 };
	response_done(&t->response);
	struct error err = { 0 };
	int r = check_path(q->path, &err);
	for (size_t i = 0; r == 0 && i < q->n_mirrors; i++)
		r = check_path(q->mirrors[i].path, &err);
	if (r == 0)
		r = transfer_source(t, &h->registries, &err);
	if (r == 0 && (q->offset < 0 || q->size < 0 || (q->size > 0 && q->offset > q->size)))
		r = error_say(&err, EINVAL, "fetch %s: its offset and size are impossible", t->object);
	if (r == 0 && fd < 0 && !q->method)
		r = error_say(&err, EBADF, "fetch %s: no file descriptor came with the request", t->object);
	if (fd >= 0)
		body_open(&t->body, fd);
	if (r == 0 && q->method)
		r = upload_new(t, &t->upload, &err);
	if (r < 0) {
		t->source = q->n_mirrors;	/* no place can do anything about that */
		transfer_fail(t, &err);
	}
	struct transfer **end = &h->transfers;
	while (*end)
		end = &(*end)->next;
	*end = t;	/* the first asked for is the first started */
}

/* ---- one turn ---- */

static bool add(struct http *h, CURL *easy)
{
	bool added = curl_multi_add_handle(h->multi, easy) == CURLM_OK;
	h->running += added;
	return added;
}

static void start_token(struct http *h, struct token *t)
{
	struct error err = { 0 };
	int r = token_start(t, h->setup, &err);
	if (r == 0 && !add(h, t->easy))
		r = error_say(&err, EIO, "libcurl takes no transfer for a token");
	if (r < 0) {
		t->failure = err;
		t->state = TOKEN_FAILED;
	}
}

static void start_transfer(struct http *h, struct transfer *t)
{
	struct error err = { 0 };
	int r = transfer_prepare(t, &h->tokens, &err);
	if (r == -EAGAIN) {
		t->state = TRANSFER_TOKEN;
		if (t->token->state == TOKEN_NONE)
			start_token(h, t->token);
		return;
	}
	if (r == 0 && !add(h, t->easy))
		r = error_say(&err, EIO, "fetch %s: libcurl takes no transfer", t->object);
	if (r < 0)
		transfer_fail(t, &err);
	else
		t->state = TRANSFER_RUNNING;
}

static void start_elsewhere(struct http *h, struct transfer *t)
{
	struct error err = { 0 };
	t->state = TRANSFER_QUEUED;
	if (transfer_source(t, &h->registries, &err) < 0)
		transfer_fail(t, &err);
}

/* start - everything whose time has come. Return: until when the next one waits, or WAIT_MAX_MS from now */
static int64_t start(struct http *h)
{
	int64_t now = now_ms(), due = now + WAIT_MAX_MS;
	for (struct token *t = h->tokens; t; t = t->next) {
		if (t->state == TOKEN_DELAYED && t->due_ms <= now)
			start_token(h, t);
		if (t->state == TOKEN_DELAYED && t->due_ms < due)
			due = t->due_ms;
	}
	for (struct transfer *t = h->transfers; t; t = t->next) {
		if (t->state == TRANSFER_TOKEN && t->token->state != TOKEN_FETCHING && t->token->state != TOKEN_DELAYED)
			t->state = TRANSFER_QUEUED;
		if (t->state == TRANSFER_DELAYED && t->due_ms <= now)
			t->state = TRANSFER_QUEUED;
		if (t->state == TRANSFER_ELSEWHERE)
			start_elsewhere(h, t);
		if (t->state == TRANSFER_QUEUED && h->running < RUNNING_MAX)
			start_transfer(h, t);
		if (t->state == TRANSFER_DELAYED && t->due_ms < due)
			due = t->due_ms;
		if (t->state == TRANSFER_TOKEN && t->token->state == TOKEN_FAILED)
			due = now;
	}
	return due;
}

static void take_ended(struct http *h)
{
	int left;
	for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &left));) {
		struct job *job = NULL;
		CURLcode code = m->data.result;
		CURL *easy = m->easy_handle;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &job);
		(void) curl_multi_remove_handle(h->multi, easy);
		h->running--;
		if (job->is_token)
			token_finish((struct token *) job, code, now_ms());
		else
			transfer_ended((struct transfer *) job, code);
	}
}

/* forget_failures - once those who waited have been told; the next request may try again */
static void forget_failures(struct http *h)
{
	for (struct token *t = h->tokens; t; t = t->next) {
		bool waited_for = false;
		for (struct transfer *w = h->transfers; w; w = w->next)
			waited_for = waited_for || (w->token == t && w->state != TRANSFER_DONE);
		if (t->state == TOKEN_FAILED && !waited_for)
			token_expire(t);
	}
}

/* report_ended - and let go of them */
static int report_ended(struct http *h)
{
	for (struct transfer **at = &h->transfers; *at;) {
		struct transfer *t = *at;
		if (t->state != TRANSFER_DONE) {
			at = &t->next;
			continue;
		}
		int r = report(t, t->failure.code ? "error" : "done", h);
		if (r < 0)
			return r;
		*at = t->next;
		transfer_free(t);
	}
	return 0;
}

static int wait_for_more(struct http *h, int64_t due_ms, struct error *err)
{
	size_t n = 1;
	for (struct transfer *t = h->transfers; t; t = t->next)
		n += t->body.left != 0;
	if (n > h->n_wait) {
		h->wait = xreallocarray(h->wait, n, sizeof *h->wait);
		h->n_wait = n;
	}
	h->wait[0] = (struct curl_waitfd) { .fd = h->socket, .events = CURL_WAIT_POLLIN };
	n = 1;
	for (struct transfer *t = h->transfers; t; t = t->next)
		if (t->body.left)
			h->wait[n++] = (struct curl_waitfd) { .fd = t->body.fd, .events = CURL_WAIT_POLLOUT };

	int64_t wait_ms = due_ms - now_ms();
	CURLMcode m = curl_multi_poll(h->multi, h->wait, (unsigned) n, wait_ms > 0 ? (int) wait_ms : 0, NULL);
	if (m != CURLM_OK)
		return error_say(err, EIO, "libcurl cannot wait: %s", curl_multi_strerror(m));
	n = 1;
	for (struct transfer *t = h->transfers; t; t = t->next) {
		bool was_running = t->state == TRANSFER_RUNNING;
		if (!t->body.left || !h->wait[n++].revents)
			continue;
		transfer_writable(t);
		if (was_running && t->state == TRANSFER_DONE) {		/* its reader is gone */
			(void) curl_multi_remove_handle(h->multi, t->easy);
			h->running--;
		}
	}
	return h->wait[0].revents != 0;
}

int http_turn(struct http *h, struct error *err)
{
	int running;
	int64_t due_ms = start(h);
	CURLMcode m = curl_multi_perform(h->multi, &running);
	if (m != CURLM_OK)
		return error_say(err, EIO, "libcurl cannot go on: %s", curl_multi_strerror(m));
	take_ended(h);
	for (struct transfer *t = h->transfers; t; t = t->next)		/* those that ended are to go on now */
		if (t->state == TRANSFER_ELSEWHERE || (t->state == TRANSFER_QUEUED && h->running < RUNNING_MAX))
			due_ms = 0;
		else if (t->state == TRANSFER_TOKEN && t->token->state != TOKEN_FETCHING)
			due_ms = t->token->state == TOKEN_DELAYED && t->token->due_ms < due_ms ? t->token->due_ms
				: t->token->state == TOKEN_DELAYED ? due_ms : 0;
		else if (t->state == TRANSFER_DELAYED && t->due_ms < due_ms)
			due_ms = t->due_ms;
	forget_failures(h);
	int r = report_ended(h);
	if (r < 0)
		return error_set(err, -r, "report to carrier");
	return wait_for_more(h, due_ms, err);
}

void http_free(struct http *h)
{
	if (!h)
		return;
	for (struct transfer *t = h->transfers, *next; t; t = next) {
		next = t->next;
		if (t->state == TRANSFER_RUNNING)
			(void) curl_multi_remove_handle(h->multi, t->easy);
		transfer_free(t);
	}
	for (struct token *t = h->tokens; t; t = t->next)
		if (t->state == TOKEN_FETCHING)
			(void) curl_multi_remove_handle(h->multi, t->easy);
	token_free(h->tokens);
	registry_free(h->registries);
	curl_multi_cleanup(h->multi);
	curl_global_cleanup();
	free(h->wait);
	free(h);
}
