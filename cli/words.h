/* words.h - times and sizes in the words that docker has for them. */
#pragma once
#include <stdint.h>

/* words_time - seconds since the epoch of an RFC 3339 time ("2026-01-02T03:04:05.6Z", "...+01:00"); 0, or -EINVAL */
int words_time(const char *text, int64_t *ret);
/* words_duration - "5 seconds", "About a minute", "3 weeks"; less than nothing (a clock that was set back) is "Less than a second".
 * @out has room for 32 */
const char *words_duration(int64_t seconds, char out[32]);
/* words_ago - how long before @now the time @text was: "3 minutes ago"; "N/A" when it is none. @out has room for 40 */
const char *words_ago(const char *text, int64_t now, char out[40]);
/* words_milliseconds - "500ms", "2s", "1m30s", "1h"; a number alone is seconds. 0, or -EINVAL (also beyond a day) */
int words_milliseconds(const char *text, int64_t *ret);
/* words_nanoseconds - Go's durations: "1m30s", "1.5h", "500ms", "0s". 0, -EINVAL, or -ERANGE */
int words_nanoseconds(const char *text, int64_t *ret);
/* words_instant - nanoseconds since the epoch of an RFC 3339 time; -EINVAL */
int words_instant(const char *text, int64_t *ret);
/* words_moment - a moment as docker's --since takes it: such a time, also without its zone (local) or as a date alone, seconds since the epoch
 * with or without a fraction, or a duration before @now_ns ("10m"). 0, or -EINVAL */
int words_moment(const char *text, int64_t now_ns, int64_t *ret);
/* words_cut - at most @max characters (not bytes) of @s, control characters as blanks; the last one is "…" when something was left
 * out. Caller frees. */
char *words_cut(const char *s, unsigned max);
