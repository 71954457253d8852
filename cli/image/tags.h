/* tags.h - which tags a repository has (distribution-spec "Listing Tags"), page by page as the registry hands them out. */
#pragma once
#include "session.h"

/* tags_list - all tags of @ref's repository, appended to @ret in the registry's order. A registry that never comes to an end: -EFBIG.
 * @session: prepared for @ref, not started (nor is it afterwards) */
int tags_list(struct session *session, const struct reference *ref, struct strings *ret, struct error *err);
/* tags_next_page - the path of the next page out of a Link header (RFC 8288: <URL>; rel="next"), which must be one of the same list
 * @path: "/v2/NAME/tags/list". Return: what the caller frees, or NULL */
char *tags_next_page(const char *link, const char *path);
