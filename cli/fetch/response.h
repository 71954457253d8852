/* response.h - of an answer what is kept: some headers, and the beginning of the text that explains an error. */
#pragma once
#include "str.h"
#include <stdint.h>

struct response {
	char *content_type, *digest, *link;	/* printable ASCII only */
	int64_t range_start, range_total;	/* Content-Range; -1: not told */
	char *location;				/* Location */
	int64_t sent_end;			/* Range (of an upload's session): its last byte; -1: not told */
	struct strings challenges;		/* WWW-Authenticate, one string a header */
	struct buf text;			/* of an error, at most RESPONSE_TEXT_MAX */
};
enum { RESPONSE_TEXT_MAX = 8192 };

/* response_header - libcurl's CURLOPT_HEADERFUNCTION, with the struct response as its data: one header line. A status line begins a new
 * answer: what was kept is forgotten. */
size_t response_header(char *line, size_t size, size_t n, void *response);
/* response_error_text - more of the body of an error; false when enough was kept */
bool response_error_text(struct response *r, const char *data, size_t len);
/* response_reason - what the registry says about the error, printable and short, or NULL; caller frees
 * ({"errors":[{"code":..,"message":..}]}, distribution-spec "Error Codes"; also {"details":..} of token servers) */
char *response_reason(const struct response *r);
void response_done(struct response *r);

/* printable - a copy in which everything but printable ASCII is '?', at most @max bytes; caller frees */
char *printable(const char *s, size_t len, size_t max);
