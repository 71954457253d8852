#include "token.h"
#include "cleanup.h"
#include "explain.h"
#include <string.h>

enum { TOKEN_BODY_MAX = 65536, LIFE_DEFAULT_S = 60, LIFE_MAX_S = 86400, MARGIN_S = 5, REDIRECTS_MAX = 5 };

struct token *token_get(struct token **list, struct registry *r, const char *scope, int64_t now_ms)
{
	for (struct token *t = *list; t; t = t->next)
		if (t->registry == r && str_eq(t->scope, scope)) {
			if (t->state == TOKEN_READY && now_ms >= t->expires_ms)
				token_expire(t);
			return t;
		}
	struct token *t = xcalloc(1, sizeof *t);
	*t = (struct token) { .job = { .is_token = true }, .next = *list, .registry = r, .scope = scope ? xstrdup(scope) : NULL };
	return *list = t;
}

void token_expire(struct token *t)
{
	free(take_ptr(t->text));
	t->state = TOKEN_NONE;
	t->tries = 0;
}

/* ---- asking ---- */

static void add_parameter(struct buf *b, CURL *easy, char separator, const char *name, const char *value)
{
	char *escaped = curl_easy_escape(easy, value, 0);
	buf_printf(b, "%c%s=%s", separator, name, escaped ? escaped : "");
	curl_free(escaped);
}

static char *token_url(const struct token *t, CURL *easy)
{
	struct buf b = { 0 };
	buf_puts(&b, t->registry->realm);
	char separator = strchr(t->registry->realm, '?') ? '&' : '?';
	if (t->registry->service) {
		add_parameter(&b, easy, separator, "service", t->registry->service);
		separator = '&';
	}
	cleanup_strings struct strings scopes = { 0 };
	if (t->scope)
		strings_split(&scopes, t->scope, " ");
	for (size_t i = 0; i < scopes.n; i++, separator = '&')
		add_parameter(&b, easy, separator, "scope", scopes.v[i]);
	return buf_take(&b);
}

/* token_form - "Token Authentication Specification: OAuth2": a refresh token travels in a body, never in a URL, which is logged */
static char *token_form(const struct token *t, CURL *easy)
{
	struct buf b = { 0 };
	buf_puts(&b, "grant_type=refresh_token&client_id=carrier");
	add_parameter(&b, easy, '&', "service", t->registry->service ? t->registry->service : t->registry->name);
	if (!str_empty(t->scope))
		add_parameter(&b, easy, '&', "scope", t->scope);
	add_parameter(&b, easy, '&', "refresh_token", t->registry->credential->identity_token);
	return buf_take(&b);
}

static int check_realm(const struct registry *r, struct error *err)
{
	cleanup_free char *host = url_part(r->realm, CURLUPART_HOST), *shown = printable(r->realm, strlen(r->realm), 200);
	bool http = url_is_http(r->realm);
	if (!host || (!http && !str_starts(r->realm, "https://")) || strchr(r->realm, '#'))
		return error_say(err, EPROTO, "registry %s names '%s' as its token server, which is no URL of http or https", r->name, shown);
	if (http && !r->insecure)
		return error_say(err, EPROTO, "registry %s names '%s' as its token server: plain HTTP, where others can read along;"
				 " --tls-verify=false allows that", r->name, shown);
	return 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct token *t = ctx;
	if (t->body.len + size * n > TOKEN_BODY_MAX)
		return 0;
	buf_add(&t->body, data, size * n);
	return size * n;
}

int token_start(struct token *t, const struct fetch_setup *setup, struct error *err)
{
	const struct registry *r = t->registry;
	int bad = check_realm(r, err);
	if (bad < 0)
		return bad;
	response_done(&t->response);
	buf_done(&t->body);
	t->easy = curl_easy_init();
	if (t->redirects == 0) {
		free(t->url);
		t->url = token_url(t, t->easy);
	}
	t->logged_in = r->credential && registry_trusts(r, r->realm);

	http_options(t->easy, setup, t->curl_text);
	registry_tls(r, t->easy, registry_owns(r, t->url));
	curl_easy_setopt(t->easy, CURLOPT_URL, t->url);
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, &t->job);
	curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, response_header);
	curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, &t->response);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	free(t->form);
	t->form = t->logged_in && r->credential->identity_token ? token_form(t, t->easy) : NULL;
	if (t->form) {
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->form);
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) strlen(t->form));
		/* the realm without what would be asked in a GET */
		curl_easy_setopt(t->easy, CURLOPT_URL, r->realm);
	} else if (t->logged_in) {
		curl_easy_setopt(t->easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(t->easy, CURLOPT_USERNAME, r->credential->username);
		curl_easy_setopt(t->easy, CURLOPT_PASSWORD, r->credential->password);
	}
	t->state = TOKEN_FETCHING;
	return 0;
}

/* ---- the answer ---- */

struct token_document { char *token, *access_token, *expires_in; };
#define T struct token_document
static const struct json_type document_type = JSON_TYPE(T, JSON_FIELD(T, token, "token"), JSON_FIELD(T, access_token, "access_token"),
	JSON_ANY(T, expires_in, "expires_in"));
#undef T

/* life_s - of "expires_in", which some send as a string, and some not at all; the specification's minute then */
static int64_t life_s(const char *json)
{
	char text[24];
	int64_t s;
	size_t quoted = json && *json == '"';
	snprintf(text, sizeof text, "%.20s", json ? json + quoted : "");
	text[strspn(text, "0123456789")] = 0;
	if (str_to_i64(text, 0, INT64_MAX, &s) < 0 || s < LIFE_DEFAULT_S)
		return LIFE_DEFAULT_S;
	return s > LIFE_MAX_S ? LIFE_MAX_S : s;
}

static int take_answer(struct token *t, int64_t now_ms, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct token_document *d;
	cleanup_free char *host = url_host(t->url);
	int r = json_decode(&document_type, buf_str(&t->body), t->body.len, &pool, &d, err);
	if (r < 0)
		return error_wrap(err, "the token that %s gave for registry %s", host, t->registry->name);
	const char *text = str_empty(d->token) ? d->access_token : d->token;
	if (str_empty(text))
		return error_say(err, EPROTO, "token server %s of registry %s answered without a token", host, t->registry->name);
	for (const char *c = text; *c; c++)	/* it becomes a header */
		if (*c <= ' ' || *c > '~')
			return error_say(err, EPROTO, "token server %s gave a token that holds a blank or a control character", host);

	/* issued_at is by another machine's clock */
	free(t->text);
	t->text = xstrdup(text);
	t->fetched_ms = now_ms;
	t->expires_ms = now_ms + (life_s(d->expires_in) - MARGIN_S) * 1000;
	return 0;
}

static int finish(struct token *t, CURLcode code, int64_t now_ms, struct error *err)
{
	long status = 0;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	cleanup_free char *host = url_host(t->url);
	cleanup_free char *object = xasprintf("a token for registry %s", t->registry->name);
	if (code == CURLE_WRITE_ERROR)
		return error_say(err, EFBIG, "token server %s of registry %s: the answer is longer than %d bytes", host, t->registry->name,
				 TOKEN_BODY_MAX);
	if (code != CURLE_OK)
		return explain_curl(t->easy, code, object, t->url, t->curl_text, err);
	if (status == 200)
		return take_answer(t, now_ms, err);
	(void) response_error_text(&t->response, buf_str(&t->body), t->body.len);
	if (status == 401 || status == 403) {
		cleanup_free char *reason = response_reason(&t->response);
		return error_say(err, EACCES, "registry %s: denied; its token server %s %s%s%s%s", t->registry->name, host,
				 t->logged_in ? "does not accept these credentials" : "wants credentials",
				 reason ? " (it says: " : "", reason ? reason : "", reason ? ")" : "");
	}
	return explain_status(status, &t->response, object, host, t->logged_in, err);
}

static bool may_retry(const struct token *t, CURLcode code)
{
	long status = 0;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK)
		return status == 429 || (status >= 500 && status != 501);
	return http_broke_off(code);
}

/* may_follow - a token server that has moved on its own host; nothing that we show there goes anywhere else */
static bool may_follow(struct token *t)
{
	long status = 0;
	char *target = NULL;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &target);
	bool moved = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
	if (!moved || !target || t->form || t->redirects >= REDIRECTS_MAX || !url_same_origin(t->url, target))
		return false;
	t->redirects++;
	free(t->url);
	t->url = xstrdup(target);
	return true;
}

void token_finish(struct token *t, CURLcode code, int64_t now_ms)
{
	if (code == CURLE_OK && may_follow(t)) {
		t->state = TOKEN_DELAYED;
		t->due_ms = now_ms;
		buf_done(&t->body);
		curl_easy_cleanup(t->easy);
		t->easy = NULL;
		return;
	}
	t->redirects = 0;
	int64_t wait_ms = may_retry(t, code) ? http_retry_ms(t->easy, t->tries++) : -1;
	if (wait_ms >= 0) {
		t->state = TOKEN_DELAYED;
		t->due_ms = now_ms + wait_ms;
	} else {
		t->failure = (struct error) { 0 };
		t->state = finish(t, code, now_ms, &t->failure) < 0 ? TOKEN_FAILED : TOKEN_READY;
	}
	buf_done(&t->body);
	curl_easy_cleanup(t->easy);
	t->easy = NULL;
}

void token_free(struct token *list)
{
	for (struct token *t = list, *next; t; t = next) {
		next = t->next;
		curl_easy_cleanup(t->easy);
		response_done(&t->response);
		buf_done(&t->body);
		free(t->scope);
		free(t->text);
		free(t->url);
		free(t->form);
		free(t);
	}
}
