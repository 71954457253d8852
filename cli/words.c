#include "words.h"
#include "cleanup.h"
#include "mem.h"
#include "str.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* offset - what is behind the seconds' fraction: "Z", or hours and minutes east of it */
static int offset(const char *s, int64_t *ret)
{
	unsigned hours, minutes;
	int end = 0;
	*ret = 0;
	if (str_eq(s, "Z") || str_eq(s, "z"))
		return 0;
	if ((*s != '+' && *s != '-') || strlen(s) != 6 || sscanf(s + 1, "%2u:%2u%n", &hours, &minutes, &end) != 2 || end != 5 ||
	    hours > 23 || minutes > 59)
		return -EINVAL;
	*ret = (*s == '-' ? -60 : 60) * (int64_t) (hours * 60 + minutes);
	return 0;
}

int words_time(const char *text, int64_t *ret)
{
	struct tm tm = { 0 };
	int end = 0;
	int64_t east;
	char t;
	if (!text || sscanf(text, "%4d-%2d-%2d%c%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &t, &tm.tm_hour, &tm.tm_min,
			    &tm.tm_sec, &end) != 7 || end != 19 || (t != 'T' && t != 't'))
		return -EINVAL;
	const char *rest = text + end;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (offset(rest, &east) < 0)
		return -EINVAL;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 ||
	    tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	*ret = timegm(&tm) - east;
	return 0;
}

const char *words_duration(int64_t seconds, char out[32])
{
	static const int64_t minute = 60, hour = 3600, day = 86400;
	static const struct { int64_t below, unit; const char *word; } steps[] = {
		{ 14 * 86400, 86400, "days" }, { 60 * 86400, 7 * 86400, "weeks" }, { 730 * 86400LL, 30 * 86400, "months" },
	};
	int64_t hours = (seconds + hour / 2) / hour;	/* from hours on docker rounds, and then divides what it rounded */
	if (seconds < 1)
		snprintf(out, 32, "Less than a second");
	else if (seconds == 1)
		snprintf(out, 32, "1 second");
	else if (seconds < minute)
		snprintf(out, 32, "%lld seconds", (long long) seconds);
	else if (seconds < 2 * minute)
		snprintf(out, 32, "About a minute");
	else if (seconds < hour)
		snprintf(out, 32, "%lld minutes", (long long) (seconds / minute));
	else if (hours == 1)
		snprintf(out, 32, "About an hour");
	else if (hours < 48)
		snprintf(out, 32, "%lld hours", (long long) hours);
	else {
		for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
			if (hours * hour < steps[i].below) {
				snprintf(out, 32, "%lld %s", (long long) (hours * hour / steps[i].unit), steps[i].word);
				return out;
			}
		snprintf(out, 32, "%lld years", (long long) (hours * hour / (365 * day)));
	}
	return out;
}

const char *words_ago(const char *text, int64_t now, char out[40])
{
	char words[32];
	int64_t then;
	if (words_time(text, &then) < 0)
		return "N/A";
	snprintf(out, 40, "%s ago", words_duration(now - then, words));
	return out;
}

char *words_cut(const char *s, unsigned max)
{
	struct buf b = { 0 };
	unsigned n = 0;
	size_t last = 0;	/* where the last character that may stay begins */
	for (; *s; s++) {
		if (((unsigned char) *s & 0xc0) != 0x80) {
			if (n++ == max) {
				b.len = last;
				buf_puts(&b, max ? "…" : "");
				break;
			}
			last = b.len;
		}
		buf_putc(&b, (unsigned char) *s < ' ' || *s == 0x7f ? ' ' : *s);
	}
	return buf_take(&b);
}

int words_milliseconds(const char *text, int64_t *ret)
{
	static const struct { const char *unit; int64_t ms; } units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
	enum { DAY_MS = 86400000 };
	int64_t sum = 0, alone;
	if (str_to_i64(text, 0, DAY_MS / 1000, &alone) == 0) {
		*ret = alone * 1000;
		return 0;
	}
	for (const char *p = text; *p || p == text;) {
		size_t digits = strspn(p, "0123456789"), letters = strspn(p + digits, "hms");
		int64_t n, ms = 0;
		cleanup_free char *number = xstrndup(p, digits);
		for (size_t i = 0; i < sizeof units / sizeof *units; i++)
			if (strlen(units[i].unit) == letters && strncmp(units[i].unit, p + digits, letters) == 0)
				ms = units[i].ms;
		if (!ms || str_to_i64(number, 0, DAY_MS, &n) < 0 || (sum += n * ms) > DAY_MS)
			return -EINVAL;
		p += digits + letters;
	}
	*ret = sum;
	return 0;
}

int words_nanoseconds(const char *text, int64_t *ret)
{
	static const struct { const char *unit; double ns; } units[] = {
		{ "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 },
	};
	double sum = 0;
	if (!*text)
		return -EINVAL;
	if (strcmp(text, "0") == 0) {
		*ret = 0;
		return 0;
	}
	while (*text) {
		char *end;
		double number = isdigit((unsigned char) *text) ? strtod(text, &end) : -1;
		if (number < 0)
			return -EINVAL;
		size_t len = strspn(end, "nusmh"), i = 0;
		/* the longest unit: "ms" is not "m" and "s" */
		while (i < sizeof units / sizeof *units && (strlen(units[i].unit) != len || strncmp(units[i].unit, end, len) != 0))
			i++;
		if (i == sizeof units / sizeof *units)
			return -EINVAL;
		sum += number * units[i].ns;
		text = end + len;
	}
	if (sum > 9e18)
		return -ERANGE;
	*ret = (int64_t) sum;
	return 0;
}

/* fraction - ".25" as nanoseconds; @ret_end: what is behind it */
static int64_t fraction(const char *text, const char **ret_end)
{
	int64_t ns = 0, unit = 100000000;
	if (*text == '.')
		for (text++; isdigit((unsigned char) *text); text++, unit /= 10)
			ns += unit * (*text - '0');
	*ret_end = text;
	return ns;
}

int words_instant(const char *text, int64_t *ret)
{
	const char *point = strchr(text, '.'), *end;
	int64_t seconds;
	if (words_time(text, &seconds) < 0)
		return -EINVAL;
	*ret = seconds * 1000000000 + (point ? fraction(point, &end) : 0);
	return 0;
}

/* local_time - "2026-01-02", "2026-01-02T03:04", "2026-01-02T03:04:05" by the clock on the wall */
static int local_time(const char *text, int64_t *ret)
{
	static const char *const forms[] = { "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S" };
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(text, forms[i], &tm);
		int64_t ns = end ? fraction(end, &end) : 0;
		if (end && !*end) {
			*ret = (int64_t) mktime(&tm) * 1000000000 + ns;
			return 0;
		}
	}
	return -EINVAL;
}

int words_moment(const char *text, int64_t now_ns, int64_t *ret)
{
	size_t digits = strspn(text, "0123456789");
	cleanup_free char *number = xstrndup(text, digits);
	int64_t seconds;
	if (digits && (!text[digits] || text[digits] == '.') && str_to_i64(number, 0, INT64_MAX / 1000000000 - 1, &seconds) == 0) {
		const char *end;
		*ret = seconds * 1000000000 + fraction(text + digits, &end);
		if (!*end)
			return 0;
	}
	if (words_instant(text, ret) == 0 || local_time(text, ret) == 0)
		return 0;
	int64_t ago;
	if (words_nanoseconds(text, &ago) < 0)
		return -EINVAL;
	*ret = now_ns - ago;
	return 0;
}
