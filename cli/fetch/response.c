#include "response.h"
#include "cleanup.h"
#include "json.h"
#include <string.h>
#include <strings.h>

enum { HEADER_MAX = 16384, REASON_MAX = 300, LOCATION_MAX = 8192 };

char *printable(const char *s, size_t len, size_t max)
{
	if (len > max)
		len = max;
	char *out = xstrndup(s, len);
	for (char *c = out; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return out;
}

static void set(char **at, const char *value, size_t len)
{
	free(*at);
	*at = printable(value, len, 1024);
}

/* "bytes 5-9/10", "bytes 5-9/" followed by a star */
static void parse_range(struct response *r, const char *value)
{
	long long start, end, total;
	int n = sscanf(value, "bytes %lld-%lld/%lld", &start, &end, &total);
	if (n >= 2 && start >= 0 && end >= start) {
		r->range_start = start;
		r->range_total = n == 3 && total > end ? total : -1;
	}
}

/* "0-9", also "bytes=0-9" */
static void parse_sent(struct response *r, const char *value)
{
	const char *numbers = str_starts(value, "bytes=") ? value + 6 : value;
	long long start, end;
	if (sscanf(numbers, "%lld-%lld", &start, &end) == 2 && start == 0 && end >= 0 && end < INT64_MAX)
		r->sent_end = end;
}

static void take_header(struct response *r, const char *line, size_t len)
{
	if (len >= 5 && strncasecmp(line, "HTTP/", 5) == 0) {
		response_done(r);
		return;
	}
	const char *colon = memchr(line, ':', len), *end = line + len;
	if (!colon || len > HEADER_MAX)
		return;
	const char *value = colon + 1;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' ' || end[-1] == '\t'))
		end--;
	cleanup_free char *name = xstrndup(line, (size_t) (colon - line)), *copy = xstrndup(value, (size_t) (end - value));
	if (strcasecmp(name, "content-type") == 0)
		set(&r->content_type, copy, strlen(copy));
	else if (strcasecmp(name, "docker-content-digest") == 0)
		set(&r->digest, copy, strlen(copy));
	else if (strcasecmp(name, "link") == 0)
		set(&r->link, copy, strlen(copy));
	else if (strcasecmp(name, "content-range") == 0)
		parse_range(r, copy);
	else if (strcasecmp(name, "range") == 0)
		parse_sent(r, copy);
	else if (strcasecmp(name, "location") == 0) {
		free(r->location);
		r->location = printable(copy, strlen(copy), LOCATION_MAX);
	} else if (strcasecmp(name, "www-authenticate") == 0 && r->challenges.n < 8)
		strings_add(&r->challenges, copy);
}

size_t response_header(char *line, size_t size, size_t n, void *response)
{
	take_header(response, line, size * n);
	return size * n;
}

bool response_error_text(struct response *r, const char *data, size_t len)
{
	size_t room = RESPONSE_TEXT_MAX - r->text.len;
	buf_add(&r->text, data, len < room ? len : room);
	return len < room;
}

struct reason { char *code, *message; };
struct reasons { struct reason *errors; size_t n_errors; char *details, *message; };
#define T struct reason
static const struct json_type reason_type = JSON_TYPE(T, JSON_FIELD(T, code, "code"), JSON_FIELD(T, message, "message"));
#undef T
#define T struct reasons
static const struct json_type reasons_type = JSON_TYPE(T, JSON_LIST(T, errors, "errors", reason_type),
	JSON_FIELD(T, details, "details"), JSON_FIELD(T, message, "message"));
#undef T

char *response_reason(const struct response *r)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct reasons *found;
	if (!r->text.len || json_decode(&reasons_type, r->text.data, r->text.len, &pool, &found, NULL) < 0)
		return NULL;
	const char *text = found->details ? found->details : found->message;
	if (found->n_errors)
		text = str_empty(found->errors[0].message) ? found->errors[0].code : found->errors[0].message;
	return str_empty(text) ? NULL : printable(text, strlen(text), REASON_MAX);
}

void response_done(struct response *r)
{
	free(r->content_type);
	free(r->digest);
	free(r->location);
	free(r->link);
	strings_done(&r->challenges);
	buf_done(&r->text);
	*r = (struct response) { .range_start = -1, .range_total = -1, .sent_end = -1 };
}
