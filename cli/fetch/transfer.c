/* Theory of operation.
 *
 * Redirects are followed here and not by libcurl: credentials and tokens are only ever set for an attempt whose URL leads to the
 * registry itself, so there is no rule of when to take them away again.
 *
 * The position in the object is offset + received. Every attempt asks for what is missing from there (Range); a server that
 * answers with the whole object is read and the beginning dropped. What was delivered is never delivered again, so a request
 * that broke off can go on for as long as its object is named by its digest (a blob); the reader of the bytes verifies it.
 */
#include "transfer.h"
#include "cleanup.h"
#include "explain.h"
#include "proc.h"
#include "upload.h"
#include <string.h>
#include <strings.h>

enum { REDIRECTS_MAX = 10, RESUMES_MAX = 5, CHALLENGES_A_ROW_MAX = 3, PROGRESS_MS = 200 };

static int64_t position(const struct transfer *t) { return t->q->offset + t->received; }
static bool is_blob(const struct transfer *t) { return strstr(t->q->path, "/blobs/") != NULL; }

/* goes_on - the next attempt, after @wait_ms */
static void goes_on(struct transfer *t, int64_t wait_ms)
{
	t->state = wait_ms > 0 ? TRANSFER_DELAYED : TRANSFER_QUEUED;
	t->due_ms = now_ms() + wait_ms;
}

/* elsewhere - a mirror has failed: the next place, unless it is us who cannot go on. What was delivered of a blob counts there, too */
static bool elsewhere(struct transfer *t, const struct error *why)
{
	if (t->source >= t->q->n_mirrors || why->code == EPIPE || (t->received && !is_blob(t)))
		return false;
	if (!t->mirror_failure.code)
		t->mirror_failure = *why;
	t->source++;
	t->state = TRANSFER_ELSEWHERE;
	return true;
}

void transfer_fail(struct transfer *t, const struct error *why)
{
	struct error now = *why;	/* it may be ours */
	t->failure = (struct error) { 0 };
	if (elsewhere(t, &now))
		return;
	t->failure = now;
	if (t->mirror_failure.code)
		error_hint(&t->failure, "before that, of a mirror: %.400s", t->mirror_failure.text);
	t->state = TRANSFER_DONE;
}

int transfer_source(struct transfer *t, struct registry **registries, struct error *err)
{
	struct fetch_request *q = t->q;
	if (!t->own.registry)
		t->own = (struct fetch_mirror) { q->registry, q->path, q->scope };
	const struct fetch_mirror *at = t->source < q->n_mirrors ? &q->mirrors[t->source] : &t->own;
	q->path = at->path;
	q->scope = at->scope;
	free(t->object);
	t->object = explain_object(q->path);
	t->challenges = t->redirects = t->retries = t->resumes = 0;
	t->challenged_ms = 0;
	t->whole = -1;
	return registry_get(registries, t->setup, at->registry, q->path, &t->registry, err);
}

/* ---- the body ---- */

static int check_length(struct transfer *t, struct error *err)
{
	const struct fetch_request *q = t->q;
	if (t->whole < 0)
		return 0;
	if (q->size > 0 && t->whole != q->size)
		return error_say(err, t->whole > q->size ? EFBIG : EIO, "fetch %s: registry %s has %lld bytes of it, expected are %lld",
				 t->object, t->registry->name, (long long) t->whole, (long long) q->size);
	if (q->max > 0 && t->whole - q->offset > q->max)
		return error_say(err, EFBIG, "fetch %s: its %lld bytes are more than the %lld that are allowed", t->object,
				 (long long) t->whole, (long long) q->max);
	return 0;
}

/* accept - the first byte, or the end, of an answer that is the body */
static int accept_answer(struct transfer *t, long status, struct error *err)
{
	const struct response *r = &t->response;
	curl_off_t length = -1;
	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (status == 206 && r->range_start != position(t))
		return error_say(err, EPROTO, "fetch %s: registry %s answered with bytes from %lld on, asked for were those from %lld on",
				 t->object, t->registry->name, (long long) r->range_start, (long long) position(t));
	int64_t whole = length;
	if (status == 206)
		whole = r->range_total >= 0 ? r->range_total : length >= 0 ? length + position(t) : -1;
	if (t->whole >= 0 && whole >= 0 && t->whole != whole)
		return error_say(err, EIO, "fetch %s: it changed on registry %s while it was fetched; try again", t->object, t->registry->name);
	if (whole >= 0)
		t->whole = whole;
	t->skip = status == 206 ? 0 : position(t);
	t->accepted = true;
	t->challenges = 0;
	t->challenged_ms = 0;
	int bad = check_length(t, err);
	if (bad < 0 || t->responded)
		return bad;
	t->responded = true;
	t->progress_ms = now_ms();
	bad = t->report(t, "response", t->report_ctx);
	return bad < 0 ? error_set(err, -bad, "report to carrier") : 0;
}

static int check_more(const struct transfer *t, size_t n, struct error *err)
{
	const struct fetch_request *q = t->q;
	int64_t now = t->received + (int64_t) n;
	if (q->size > 0 && now > q->size - q->offset)
		return error_say(err, EFBIG, "fetch %s: registry %s sends more than its %lld bytes", t->object, t->registry->name,
				 (long long) q->size);
	if (q->max > 0 && now > q->max)
		return error_say(err, EFBIG, "fetch %s: registry %s sends more than the %lld bytes that are allowed", t->object,
				 t->registry->name, (long long) q->max);
	return 0;
}

static int deliver(struct transfer *t, const char *data, size_t n, struct error *err)
{
	int64_t skipped = (int64_t) n < t->skip ? (int64_t) n : t->skip;
	t->skip -= skipped;
	data += skipped;
	n -= (size_t) skipped;
	int r = n ? check_more(t, n, err) : 0;
	if (r < 0 || !n)
		return r;
	r = body_write(&t->body, data, n);
	if (r == -EPIPE)
		return error_say(err, EPIPE, "fetch %s: its reader has ended", t->object);
	if (r < 0)
		return error_set(err, -r, "fetch %s: hand its bytes over", t->object);
	t->received += (int64_t) n;

	int64_t now = now_ms();
	if (now - t->progress_ms >= PROGRESS_MS) {
		t->progress_ms = now;
		r = t->report(t, "progress", t->report_ctx);
	}
	return r < 0 ? error_set(err, -r, "report to carrier") : 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	long status = 0;
	size_t len = size * n;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (t->upload && status < 400)
		return len;
	if (status != 200 && status != 206)
		return response_error_text(&t->response, data, len) ? len : 0;
	if (t->body.left) {
		t->paused = true;
		return CURL_WRITEFUNC_PAUSE;	/* libcurl hands it over again */
	}
	if (!t->accepted && accept_answer(t, status, &t->failure) < 0)
		return 0;
	return deliver(t, data, len, &t->failure) < 0 ? 0 : len;
}

void transfer_writable(struct transfer *t)
{
	int r = t->body.left ? body_flush(&t->body) : 0;
	if (r < 0) {
		if (r == -EPIPE)
			error_say(&t->failure, EPIPE, "fetch %s: its reader has ended", t->object);
		else
			error_set(&t->failure, -r, "fetch %s: hand its bytes over", t->object);
		t->body.left = 0;
		t->state = TRANSFER_DONE;
		return;
	}
	if (t->body.left)
		return;
	if (t->state == TRANSFER_DRAINING)
		t->state = TRANSFER_DONE;
	if (t->paused && t->state == TRANSFER_RUNNING) {
		t->paused = false;
		(void) curl_easy_pause(t->easy, CURLPAUSE_CONT);	/* may call on_body() at once */
	}
}

/* ---- an attempt ---- */

static bool is_own(const struct transfer *t)
{
	return (t->redirects == 0 && !t->upload) || registry_owns(t->registry, t->url);
}

/* authorize - who we are, and only to the registry itself */
static int authorize(struct transfer *t, struct token **tokens, struct error *err)
{
	const struct registry *r = t->registry;
	if (!is_own(t) || r->auth == AUTH_NONE)
		return 0;
	if (r->auth == AUTH_BASIC) {
		curl_easy_setopt(t->easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(t->easy, CURLOPT_USERNAME, r->credential->username);
		curl_easy_setopt(t->easy, CURLOPT_PASSWORD, r->credential->password);
		t->basic = true;
		return 0;
	}
	t->token = token_get(tokens, t->registry, t->q->scope, now_ms());
	if (t->token->state == TOKEN_FAILED) {
		if (err)
			*err = t->token->failure;
		return -t->token->failure.code;
	}
	if (t->token->state != TOKEN_READY)
		return -EAGAIN;
	curl_easy_setopt(t->easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
	curl_easy_setopt(t->easy, CURLOPT_XOAUTH2_BEARER, t->token->text);
	t->token_ms = t->token->fetched_ms;
	return 0;
}

static void add_headers(struct transfer *t)
{
	struct buf line = { 0 };
	for (char **type = t->q->accept; type && *type; type++)
		buf_printf(&line, "%s%s", line.len ? ", " : "Accept: ", *type);
	if (line.len && !t->headers)
		t->headers = curl_slist_append(NULL, line.data);
	buf_done(&line);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
}

int transfer_prepare(struct transfer *t, struct token **tokens, struct error *err)
{
	if (!t->easy)
		t->easy = curl_easy_init();
	curl_easy_reset(t->easy);
	if (t->redirects == 0) {
		free(t->url);
		t->url = t->upload ? upload_url(t)
			: xasprintf("%s://%s%s", t->registry->plain ? "http" : "https", t->registry->name, t->q->path);
	}
	t->token = NULL;
	t->token_ms = 0;
	t->basic = t->accepted = t->paused = false;
	t->skip = 0;

	http_options(t->easy, t->setup, t->curl_text);
	registry_tls(t->registry, t->easy, is_own(t));
	int r = authorize(t, tokens, err);
	if (r < 0)
		return r;
	add_headers(t);
	/* A paused stream of HTTP/2 does not stop its connection: libcurl goes on reading for the others and keeps what comes for
	 * this one, megabytes of it (7.88: 130 MB seen). TCP of its own stops the sender. */
	if (t->body.is_pipe)
		curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(t->easy, CURLOPT_URL, t->url);
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, &t->job);
	curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, response_header);
	curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, &t->response);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	char range[32];
	snprintf(range, sizeof range, "%lld-", (long long) position(t));
	if (t->upload)
		upload_prepare(t);
	else if (position(t) > 0)
		curl_easy_setopt(t->easy, CURLOPT_RANGE, range);
	response_done(&t->response);
	return 0;
}

/* ---- what its end means ---- */

/* again - another attempt, if there may be one. Before the first byte a few tries; behind it going on where it broke off. */
static bool again(struct transfer *t)
{
	int64_t wait_ms;
	if (t->source < t->q->n_mirrors && t->retries + t->resumes > 0)
		return false;	/* there is another place: one more try is enough for this one */
	if (t->upload) {
		wait_ms = upload_again(t);
	} else if (t->received == 0) {
		wait_ms = http_retry_ms(t->easy, t->retries);
		t->retries++;
	} else {
		wait_ms = is_blob(t) && t->resumes < RESUMES_MAX ? http_retry_ms(t->easy, t->resumes < 2 ? t->resumes : 2) : -1;
		t->resumes++;
	}
	if (wait_ms < 0)
		return false;
	t->redirects = 0;	/* the target may have been good for one time */
	goes_on(t, wait_ms);
	return true;
}

static int ended_redirect(struct transfer *t, struct error *err)
{
	char *target = NULL;
	curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &target);
	if (!target || (!url_is_http(target) && strncasecmp(target, "https://", 8) != 0))
		return error_say(err, EPROTO, "fetch %s: registry %s redirects to nowhere", t->object, t->registry->name);
	cleanup_free char *host = url_host(target);
	if (++t->redirects > REDIRECTS_MAX)
		return error_say(err, ELOOP, "fetch %s: registry %s redirects more than %d times", t->object, t->registry->name, REDIRECTS_MAX);
	if (url_is_http(target) && !url_is_http(t->url) && !t->registry->insecure)
		return error_say(err, EPROTO, "fetch %s: registry %s redirects to %s by plain HTTP, where others can read along;"
				 " --tls-verify=false allows that", t->object, t->registry->name, host);
	free(t->url);
	t->url = xstrdup(target);
	goes_on(t, 0);
	return 0;
}

static int denied(struct transfer *t, long status, struct error *err)
{
	cleanup_free char *host = url_host(t->url);
	if (t->upload)
		return upload_denied(t, status, is_own(t) ? t->registry->name : host,
				     t->basic || (t->token_ms && t->registry->credential), err);
	return explain_status(status, &t->response, t->object, is_own(t) ? t->registry->name : host,
			      t->basic || (t->token_ms && t->registry->credential), err);
}

static void use_bearer(struct transfer *t, const struct challenge *c)
{
	struct registry *r = t->registry;
	free(r->realm);
	free(r->service);
	r->realm = xstrdup(c->realm);
	r->service = c->service ? xstrdup(c->service) : NULL;
	r->auth = AUTH_BEARER;
	if (!t->q->scope && !str_empty(c->scope))
		t->q->scope = pool_strdup(&t->pool, c->scope);
}

static int ended_bearer(struct transfer *t, const struct challenge *c, struct error *err)
{
	bool fresh = t->token_ms && t->challenged_ms && t->token_ms >= t->challenged_ms;
	/* behind some registries the repository has another name, which only they can tell */
	if (fresh && !str_empty(c->scope) && !str_eq(c->scope, t->q->scope) && t->challenges < CHALLENGES_A_ROW_MAX) {
		t->q->scope = pool_strdup(&t->pool, c->scope);
		fresh = false;
	}
	if (fresh || ++t->challenges > CHALLENGES_A_ROW_MAX)
		return denied(t, 401, err);
	if (!t->challenged_ms)
		t->challenged_ms = now_ms();
	/* others may have replaced it meanwhile */
	if (t->token_ms && t->token->state == TOKEN_READY && t->token->fetched_ms == t->token_ms)
		token_expire(t->token);
	use_bearer(t, c);
	goes_on(t, 0);
	return 0;
}

static int ended_challenge(struct transfer *t, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct challenge list[CHALLENGES_MAX], bearer = { 0 };
	bool basic = false;
	for (size_t i = 0; i < t->response.challenges.n; i++) {
		const char *text = t->response.challenges.v[i];
		int n = challenge_parse(text, strlen(text), &pool, list);
		for (int k = 0; k < n; k++) {
			if (strcasecmp(list[k].scheme, "bearer") == 0 && list[k].realm && !bearer.realm)
				bearer = list[k];
			basic = basic || strcasecmp(list[k].scheme, "basic") == 0;
		}
	}
	if (!is_own(t) || t->basic)
		return denied(t, 401, err);
	if (bearer.realm)
		return ended_bearer(t, &bearer, err);
	if (!basic || !t->registry->credential)
		return denied(t, 401, err);
	t->registry->auth = AUTH_BASIC;
	goes_on(t, 0);
	return 0;
}

static int ended_whole(struct transfer *t, long status, struct error *err)
{
	if (!t->accepted && accept_answer(t, status, err) < 0)
		return -err->code;
	int64_t expected = t->whole >= 0 ? t->whole : t->q->size;
	if (expected > 0 && position(t) < expected) {
		if (again(t))
			return 0;
		return error_say(err, EIO, "fetch %s: truncated after %lld of %lld bytes by registry %s; try again", t->object,
				 (long long) position(t), (long long) expected, t->registry->name);
	}
	t->state = t->body.left ? TRANSFER_DRAINING : TRANSFER_DONE;
	return 0;
}

/* may_be_plain - TLS did not start at all, and plain HTTP is allowed */
static bool may_be_plain(const struct transfer *t, CURLcode code)
{
	if (!t->registry->insecure || t->registry->plain || t->redirects || t->registry->answered)
		return false;
	/* without a port, plain HTTP is at another one */
	return code == CURLE_SSL_CONNECT_ERROR || (code == CURLE_COULDNT_CONNECT && !strchr(t->registry->name, ':'));
}

static bool is_broken(const struct transfer *t, CURLcode code)
{
	if (code == CURLE_OPERATION_TIMEDOUT || code == CURLE_COULDNT_CONNECT)
		return t->received > 0;
	return http_broke_off(code);
}

static int ended_curl(struct transfer *t, CURLcode code, struct error *err)
{
	if (may_be_plain(t, code)) {
		t->registry->plain = true;
		goes_on(t, 0);
		return 0;
	}
	if (!url_is_http(t->url) && t->registry->plain && t->redirects == 0) {
		goes_on(t, 0);	/* another request has found out meanwhile */
		return 0;
	}
	bool broken = is_broken(t, code);
	if (broken && again(t))
		return 0;
	int said = t->upload ? upload_broke(t, code, err) : 0;
	if (said < 0)
		return said;
	int64_t expected = t->whole >= 0 ? t->whole : t->q->size;
	if (broken && t->received && expected > 0)
		return error_say(err, EIO, "fetch %s: truncated after %lld of %lld bytes by registry %s (%s); try again", t->object,
				 (long long) position(t), (long long) expected, t->registry->name,
				 *t->curl_text ? t->curl_text : curl_easy_strerror(code));
	return explain_curl(t->easy, code, t->object, t->url, t->curl_text, err);
}

static int ended_status(struct transfer *t, long status, struct error *err)
{
	switch (status) {
	case 301:
	case 302:
	case 303:
	case 307:
	case 308:
		return ended_redirect(t, err);
	case 401:
		return ended_challenge(t, err);
	}
	if ((status == 429 || (status >= 500 && status != 501 && status != 505)) && again(t))
		return 0;
	return denied(t, status, err);
}

void transfer_ended(struct transfer *t, CURLcode code)
{
	struct error err = { 0 };
	long status = 0;
	int r;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	bool answered = code == CURLE_OK || (code == CURLE_WRITE_ERROR && t->response.text.len == RESPONSE_TEXT_MAX);
	if (answered && t->redirects == 0)
		t->registry->answered = true;
	if (t->failure.code) {		/* on_body()'s */
		transfer_fail(t, &t->failure);
		return;
	}
	if (!answered)
		r = ended_curl(t, code, &err);
	else if (t->upload && (r = upload_ended(t, status, &err)) != 0)
		;
	else if (!t->upload && (status == 200 || status == 206))
		r = ended_whole(t, status, &err);
	else
		r = ended_status(t, status, &err);
	if (r < 0)
		transfer_fail(t, &err);
}

void transfer_free(struct transfer *t)
{
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	response_done(&t->response);
	body_done(&t->body);
	upload_free(t->upload);
	free(t->url);
	free(t->object);
	pool_done(&t->pool);
	free(t);
}
