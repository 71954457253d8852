/* registry_call.h - one small answer of a registry into memory, for what is no image: its front door, its search. */
#pragma once
#include "session.h"

/* registry_call - @q from session_registry(); the session is started. At most @q->max bytes.
 * @ret: NUL-terminated, caller frees; may be NULL */
int registry_call(struct session *s, const struct fetch_request *q, char **ret, size_t *len, struct error *err);
