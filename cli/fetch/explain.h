/* explain.h - sentences for what went wrong between a registry and us: the object, the reason, the remedy. */
#pragma once
#include "error.h"
#include "response.h"
#include <curl/curl.h>

/* slower than STALL_BYTES a second for STALL_TIMEOUT_S is as good as nothing; a reader that makes us wait does not count */
enum { CONNECT_TIMEOUT_S = 30, STALL_TIMEOUT_S = 60, STALL_BYTES = 100 };

/* explain_object - of a path of the distribution-spec: "image 'debian' with tag '12'", "blob sha256:... of image 'debian'", or
 * the path; caller frees */
char *explain_object(const char *path);

/* explain_curl - the transfer itself failed
 * @object: from explain_object, or "a token"; @url: that was fetched; @text: CURLOPT_ERRORBUFFER's
 * Return: -errno to branch on */
int explain_curl(CURL *easy, CURLcode code, const char *object, const char *url, const char *text, struct error *err);

/* explain_status - the registry answered, but not with what was asked for
 * @name: of the registry; @logged_in: credentials were shown */
int explain_status(long status, const struct response *r, const char *object, const char *name, bool logged_in, struct error *err);
