/* secret.h - a password from a person or a pipe; never from an argument, where ps shows it. */
#pragma once
#include "error.h"
#include "mem.h"

enum { SECRET_MAX = 65536 };

/* secret_ask - @prompt on the terminal, the answer without echo; the terminal is as it was afterwards, also when a signal comes (-EINTR)
 * @ret: in @pool. -ENOTTY with a sentence where there is no terminal */
int secret_ask(const char *prompt, struct pool *pool, char **ret, struct error *err);
/* secret_line - the same, but the answer is shown: a user's name */
int secret_line(const char *prompt, struct pool *pool, char **ret, struct error *err);
/* secret_read - all of standard input, without the newline at its end */
int secret_read(struct pool *pool, char **ret, struct error *err);
