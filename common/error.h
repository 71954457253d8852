/* error.h - one failure, told once, carried whole.
 *
 * A `struct error` is a flat value: no heap, so it is safe after clone(),
 * under memory pressure, and can be written to a pipe as it is.
 *
 * The convention everywhere: `int f(..., struct error *err)` returns 0 or a positive
 * value on success and a negative errno on failure; @err then holds the whole sentence:
 * the object, the reason and, where there is one, the remedy. @err is untouched on
 * success and may be NULL.
 */
#pragma once
#include <errno.h>
#include <stddef.h>

struct error {
	int code;		/* positive errno; 0: no error */
	char text[1020];	/* whole sentence, no newline */
};

/* error_set - record a failure and return it as a negative errno
 * @err:  where to record it, or NULL when the caller only needs the number
 * @code: positive errno, or 0 for "not a system error" (recorded as EINVAL,
 *        without the strerror() suffix)
 * Return: -@code, always negative: `return error_set(err, errno, "open '%s'", p);`
 */
int error_set(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* error_say - as error_set(), but the sentence is complete as it is: no strerror() behind it.
 * For a failure that callers branch on and that has better words than the errno's. */
int error_say(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* error_wrap - prefix the recorded failure with what was being attempted
 * Return: the negative errno already recorded.
 */
int error_wrap(struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* error_hint - append what can be done about it: "...; @fmt"
 * Return: the negative errno already recorded.
 */
int error_hint(struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
