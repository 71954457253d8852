/* Theory of operation.
 *
 * Most registries take a blob in two requests, a POST that opens a session and a PUT with all of it; that is what is tried. Each
 * answer names the session's place anew (Location), which may be relative, or lead to another host: credentials are shown to
 * the registry itself only, as with redirects.
 *
 * What the registry has of a blob whose connection broke is asked with a GET of the session's place. Not every registry answers:
 * docker's own forgets a session that was cut, then the next POST begins anew. Progress is counted from what the registry says
 * it has, so a registry that never gets further ends the tries.
 */
#include "upload.h"
#include "cleanup.h"
#include "explain.h"
#include "proc.h"
#include <string.h>
#include <sys/stat.h>

enum { RESUMES_MAX = 5, PROGRESS_MS = 200, COMMIT_TIMEOUT_S = 300, SEND_BUFFER = 512 << 10 };
enum upload_step { STEP_CHECK, STEP_BEGIN, STEP_WHOLE, STEP_STATUS, STEP_REST, STEP_COMMIT, STEP_DOCUMENT };

struct upload {
	enum upload_step step;
	bool blob;
	int64_t size;
	int64_t from, sent;	/* of the body: where this attempt begins, and how much of it libcurl has taken */
	int64_t have;		/* what the registry has, as far as it has told */
	char *location;		/* of the session; NULL: none is open */
	const char *outcome;
};

/* ---- beginning ---- */

int upload_new(const struct transfer *t, struct upload **ret, struct error *err)
{
	const struct fetch_request *q = t->q;
	bool head = str_eq(q->method, "HEAD"), put = str_eq(q->method, "PUT"), blob = str_eq(q->method, "UPLOAD");
	struct stat st = { 0 };
	if (!head && !put && !blob)
		return error_say(err, EINVAL, "'%.20s' is no method of carrier-fetch", q->method);
	if (t->body.fd < 0 && put)
		return error_say(err, EBADF, "%s: no file descriptor came with the request", t->object);
	if (t->body.fd >= 0 && (fstat(t->body.fd, &st) < 0 || !S_ISREG(st.st_mode)))
		return error_say(err, EINVAL, "%s: what is to be sent is no file", t->object);
	if (t->body.fd >= 0 && q->size > 0 && st.st_size != q->size)
		return error_say(err, EIO, "%s: it has %lld bytes in the store, and not %lld; `carrier system check` looks after the store",
				 t->object, (long long) st.st_size, (long long) q->size);
	struct upload *u = xcalloc(1, sizeof *u);
	*u = (struct upload) { .step = put ? STEP_DOCUMENT : STEP_CHECK, .blob = blob, .size = t->body.fd >= 0 ? st.st_size : 0 };
	*ret = u;
	return 0;
}

void upload_free(struct upload *u)
{
	if (!u)
		return;
	free(u->location);
	free(u);
}

const char *upload_outcome(const struct upload *u) { return u->outcome; }

/* ---- an attempt ---- */

static char *own_url(const struct transfer *t, const char *path)
{
	return xasprintf("%s://%s%s", t->registry->plain ? "http" : "https", t->registry->name, path);
}

static char *with_parameter(char *url, const char *name, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0);
	char *longer = xasprintf("%s%c%s=%s", url, strchr(url, '?') ? '&' : '?', name, escaped ? escaped : "");
	curl_free(escaped);
	free(url);
	return longer;
}

/* A blob's path is ".../blobs/sha256:HEX"; sessions are opened at ".../blobs/uploads/". */
static char *begin_url(const struct transfer *t)
{
	const char *path = t->q->path, *last = strrchr(path, '/');
	cleanup_free char *place = xasprintf("%.*s/uploads/", (int) (last - path), path);
	char *url = own_url(t, place);
	if (!t->q->mount_from)
		return url;
	return with_parameter(with_parameter(url, "mount", last + 1), "from", t->q->mount_from);
}

char *upload_url(const struct transfer *t)
{
	const struct upload *u = t->upload;
	switch (u->step) {
	case STEP_CHECK:
	case STEP_DOCUMENT: return own_url(t, t->q->path);
	case STEP_BEGIN: return begin_url(t);
	case STEP_STATUS:
	case STEP_REST: return xstrdup(u->location);
	case STEP_WHOLE:
	case STEP_COMMIT: return with_parameter(xstrdup(u->location), "digest", strrchr(t->q->path, '/') + 1);
	}
	return NULL;
}

static size_t on_read(char *out, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	struct upload *u = t->upload;
	size_t room = size * n;
	int64_t left = u->size - u->from - u->sent;
	if ((int64_t) room > left)
		room = (size_t) left;
	ssize_t got = room ? pread(t->body.fd, out, room, u->from + u->sent) : 0;
	if (got < 0 || (got == 0 && room)) {
		if (got < 0)
			error_set(&t->failure, errno, "%s: read it from the store", t->object);
		else
			error_say(&t->failure, EIO, "%s: it became shorter while it was read", t->object);
		return CURL_READFUNC_ABORT;
	}
	u->sent += got;
	t->received = u->from + u->sent;
	int64_t now = now_ms();
	int r = 0;
	if (u->blob && now - t->progress_ms >= PROGRESS_MS) {
		t->progress_ms = now;
		r = t->report(t, "progress", t->report_ctx);
	}
	if (r < 0) {
		error_set(&t->failure, -r, "report to carrier");
		return CURL_READFUNC_ABORT;
	}
	return (size_t) got;
}

/* on_seek - libcurl sends a body again from its start, after a challenge or on a new connection */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
	struct transfer *t = ctx;
	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	t->upload->sent = offset;
	return CURL_SEEKFUNC_OK;
}

/* send_body - PUT or PATCH of the bytes from @from on */
static void send_body(struct transfer *t, int64_t from)
{
	struct upload *u = t->upload;
	u->from = from;
	u->sent = 0;
	t->received = from;
	curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t) (u->size - from));
	curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(t->easy, CURLOPT_SEEKDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, (long) SEND_BUFFER);
	/* one connection each: a broken one takes no other blob with it */
	if (u->blob)
		curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
}

static void add_header(struct transfer *t, const char *name, const char *value)
{
	cleanup_free char *line = xasprintf("%s: %s", name, value);
	t->headers = curl_slist_append(t->headers, line);
}

void upload_prepare(struct transfer *t)
{
	struct upload *u = t->upload;
	char range[64];
	curl_slist_free_all(t->headers);
	t->headers = NULL;
	switch (u->step) {
	case STEP_CHECK:
		curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
		for (char **type = t->q->accept; type && *type; type++)
			add_header(t, "Accept", *type);
		break;
	case STEP_BEGIN:
		curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, "");
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, 0L);
		t->headers = curl_slist_append(t->headers, "Content-Type:");	/* libcurl's own is a form's */
		break;
	case STEP_STATUS:
		break;
	case STEP_REST:
		send_body(t, u->have);
		curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, "PATCH");
		snprintf(range, sizeof range, "%lld-%lld", (long long) u->have, (long long) u->size - 1);
		add_header(t, "Content-Range", range);
		add_header(t, "Content-Type", "application/octet-stream");
		break;
	case STEP_WHOLE:
		send_body(t, 0);
		add_header(t, "Content-Type", "application/octet-stream");
		break;
	case STEP_COMMIT:
		send_body(t, u->size);
		break;
	case STEP_DOCUMENT:
		send_body(t, 0);
		add_header(t, "Content-Type", t->q->content_type ? t->q->content_type : "application/octet-stream");
		break;
	}
	/* after the last byte a registry hashes and copies what it has, and says nothing meanwhile */
	curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, (long) COMMIT_TIMEOUT_S);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
}

/* ---- what its end means ---- */

static void go_to(struct transfer *t, enum upload_step step)
{
	t->upload->step = step;
	t->redirects = 0;
	t->challenges = 0;
	t->challenged_ms = 0;
	t->state = TRANSFER_QUEUED;
}

static int done(struct transfer *t, const char *outcome)
{
	t->upload->outcome = outcome;
	t->state = TRANSFER_DONE;
	if (t->upload->blob)
		t->received = t->whole = t->upload->size;
	return 1;
}

static char *resolve(const char *base, const char *place)
{
	CURLU *u = curl_url();
	char *text = NULL, *copy = NULL;
	if (u && curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK && curl_url_set(u, CURLUPART_URL, place, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK)
		copy = xstrdup(text);
	curl_free(text);
	curl_url_cleanup(u);
	return copy;
}

/* take_location - where the session goes on. 0 when the answer names none: then it is where it was */
static int take_location(struct transfer *t, struct error *err)
{
	if (str_empty(t->response.location))
		return 0;
	cleanup_free char *url = resolve(t->url, t->response.location);
	if (!url || (!url_is_http(url) && !str_starts(url, "https://")))
		return error_say(err, EPROTO, "%s: registry %s wants its bytes at no URL of http or https", t->object, t->registry->name);
	cleanup_free char *host = url_host(url);
	if (url_is_http(url) && !url_is_http(t->url) && !t->registry->insecure)
		return error_say(err, EPROTO, "%s: registry %s wants its bytes at %s by plain HTTP, where others can read along;"
				 " --tls-verify=false allows that", t->object, t->registry->name, host);
	free(t->upload->location);
	t->upload->location = take_ptr(url);
	return 1;
}

static int missing(const struct transfer *t, struct error *err)
{
	return error_say(err, ENOENT, "registry %s has no %s", t->registry->name, t->object);
}

static int ended_check(struct transfer *t, long status, struct error *err)
{
	if (status == 200)
		return done(t, "exists");
	if (status == 401 || status == 403 || status == 429 || status >= 500 || status / 100 == 3)
		return 0;
	if (!t->upload->blob)
		return missing(t, err);
	go_to(t, STEP_BEGIN);	/* 404; also from registries that know no HEAD of blobs */
	return 1;
}

static int ended_begin(struct transfer *t, long status, struct error *err)
{
	if (status == 201)
		return done(t, "mounted");
	if (status != 202)
		return 0;
	if (t->body.fd < 0)
		return missing(t, err);
	int r = take_location(t, err);
	if (r == 0)
		r = error_say(err, EPROTO, "%s: registry %s does not say where its bytes are to go", t->object, t->registry->name);
	if (r < 0)
		return r;
	t->upload->have = 0;
	go_to(t, STEP_WHOLE);
	return 1;
}

/* begin_anew - the registry knows nothing of the session any more; how often is limited by the tries that led here */
static int begin_anew(struct transfer *t)
{
	free(take_ptr(t->upload->location));
	t->upload->have = 0;
	t->received = 0;
	go_to(t, STEP_BEGIN);
	return 1;
}

static int ended_status(struct transfer *t, long status, struct error *err)
{
	struct upload *u = t->upload;
	if (status == 401 || status == 429 || status >= 500 || status / 100 == 3)
		return 0;
	if (status != 204 && status != 202 && status != 200)
		return begin_anew(t);
	/* "0-0" is how some say "nothing"; a single byte is sent again then, which a registry that has it refuses: then anew */
	int64_t have = t->response.sent_end > 0 ? t->response.sent_end + 1 : 0;
	if (have > u->size)
		return begin_anew(t);
	int r = take_location(t, err);
	if (r < 0)
		return r;
	if (have > u->have && t->resumes++ < RESUMES_MAX)
		t->retries = 0;
	u->have = have;
	go_to(t, have == u->size ? STEP_COMMIT : have ? STEP_REST : STEP_WHOLE);
	return 1;
}

static int ended_stored(struct transfer *t, struct error *err)
{
	const char *want = t->upload->blob ? strrchr(t->q->path, '/') + 1 : t->q->digest;
	const char *got = t->response.digest;
	if (want && got && strcmp(want, got) != 0)
		return error_say(err, EPROTO, "%s: registry %s stored it as %s, and not as %s", t->object, t->registry->name, got, want);
	return done(t, "uploaded");
}

static int ended_rest(struct transfer *t, long status, struct error *err)
{
	if (status == 416 && upload_again(t) >= 0)
		return 1;
	if (status == 404)
		return begin_anew(t);
	if (status != 202 && status != 201 && status != 204)
		return 0;
	int r = take_location(t, err);
	if (r < 0)
		return r;
	t->upload->have = t->upload->size;
	go_to(t, STEP_COMMIT);
	return 1;
}

static int ended_body(struct transfer *t, long status, struct error *err)
{
	if (status == 404 && t->upload->blob && t->retries++ < 1)
		return begin_anew(t);
	return status == 201 || status == 204 || status == 200 ? ended_stored(t, err) : 0;
}

int upload_ended(struct transfer *t, long status, struct error *err)
{
	switch (t->upload->step) {
	case STEP_CHECK: return ended_check(t, status, err);
	case STEP_BEGIN: return ended_begin(t, status, err);
	case STEP_STATUS: return ended_status(t, status, err);
	case STEP_REST: return ended_rest(t, status, err);
	case STEP_WHOLE:
	case STEP_COMMIT:
	case STEP_DOCUMENT: return ended_body(t, status, err);
	}
	return 0;
}

int64_t upload_again(struct transfer *t)
{
	struct upload *u = t->upload;
	int64_t wait_ms = http_retry_ms(t->easy, t->retries++);
	if (wait_ms < 0)
		return -1;
	bool inside = u->step == STEP_WHOLE || u->step == STEP_REST || u->step == STEP_COMMIT;
	go_to(t, inside && u->location ? STEP_STATUS : u->step);
	return wait_ms;
}

/* ---- sentences ---- */

int upload_denied(const struct transfer *t, long status, const char *host, bool logged_in, struct error *err)
{
	cleanup_free char *reason = response_reason(&t->response);
	cleanup_free char *said = reason ? xasprintf(" (it says: %s)", reason) : xstrdup("");
	switch (status) {
	case 401:
	case 403:
		if (logged_in)
			return error_say(err, EACCES, "%s: denied; the credentials for registry %s do not cover writing there%s", t->object,
					 host, said);
		return error_say(err, EACCES, "%s: denied; registry %s wants credentials: `carrier login %s`, or --creds%s", t->object,
				 host, t->registry->name, said);
	case 404:
		return error_say(err, ENOENT, "%s: registry %s has no such repository, and makes none%s", t->object, host, said);
	case 405:
		return error_say(err, ENOTSUP, "%s: registry %s is read-only%s", t->object, host, said);
	case 400:
	case 415:
		if (!t->upload->blob && strstr(buf_str(&t->response.text), "MANIFEST_BLOB_UNKNOWN"))
			return error_say(err, ENOENT, "%s: registry %s has not got all that it names%s; push that first, of a list with --all",
					 t->object, host, said);
		if (!t->upload->blob)
			return error_say(err, EPROTO, "%s: registry %s does not take a document of type %s%s", t->object, host,
					 t->q->content_type ? t->q->content_type : "that it has", said);
		break;
	case 413:
		return error_say(err, EFBIG, "%s: it is larger than what registry %s takes%s", t->object, host, said);
	case 429:
		return error_say(err, EBUSY, "%s: registry %s has had too many requests%s; try again later", t->object, host, said);
	}
	return error_say(err, status >= 500 ? EREMOTEIO : EPROTO, "%s: registry %s answered with status %ld%s%s", t->object, host, status,
			 said, status >= 500 ? "; try again later" : "");
}

int upload_broke(const struct transfer *t, CURLcode code, struct error *err)
{
	curl_off_t connected = 0;
	curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
	cleanup_free char *host = url_host(t->url);
	cleanup_free char *reason = printable(*t->curl_text ? t->curl_text : curl_easy_strerror(code), 300, 300);
	if (code == CURLE_OPERATION_TIMEDOUT && connected > 0)
		return error_say(err, ETIMEDOUT, "%s: %s took nothing and said nothing for %d seconds; try again", t->object, host,
				 COMMIT_TIMEOUT_S);
	if (http_broke_off(code))
		return error_say(err, EIO, "%s: the connection to %s broke off again and again (%s); try again", t->object, host, reason);
	return 0;
}
