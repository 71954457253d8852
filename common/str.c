#include "str.h"
#include "cleanup.h"
#include "mem.h"
#include <ctype.h>
#include <string.h>
#include <time.h>

bool str_eq(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }
bool str_starts(const char *s, const char *prefix) { return str_after(s, prefix) != NULL; }

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);
	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

const char *str_after(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);
	return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

/* ---- buf ---- */

static void buf_reserve(struct buf *b, size_t more)
{
	if (b->len + more + 1 <= b->size)
		return;
	b->size = (b->len + more + 1) * 2;
	if (b->size < 64)
		b->size = 64;
	b->data = xrealloc(b->data, b->size);
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	buf_reserve(b, len);
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = 0;
}

void buf_puts(struct buf *b, const char *s) { buf_add(b, s, strlen(s)); }
void buf_putc(struct buf *b, char c) { buf_add(b, &c, 1); }

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return;
	buf_reserve(b, (size_t) n);
	(void) vsnprintf(b->data + b->len, (size_t) n + 1, fmt, ap);
	b->len += (size_t) n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

const char *buf_str(const struct buf *b) { return b->data ? b->data : ""; }

char *buf_take(struct buf *b)
{
	char *s = b->data ? b->data : xstrdup("");
	*b = (struct buf) { 0 };
	return s;
}

void buf_done(struct buf *b)
{
	cleanup_freep(&b->data);
	*b = (struct buf) { 0 };
}

/* ---- strings ---- */

void strings_take(struct strings *l, char *s)
{
	if (l->n + 2 > l->size) {
		l->size = l->size ? l->size * 2 : 8;
		l->v = xreallocarray(l->v, l->size, sizeof *l->v);
	}
	l->v[l->n++] = s;
	l->v[l->n] = NULL;
}

void strings_add(struct strings *l, const char *s) { strings_take(l, xstrdup(s)); }

void strings_printf(struct strings *l, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	strings_take(l, xvasprintf(fmt, ap));
	va_end(ap);
}

bool strings_have(char *const *list, const char *s)
{
	for (; list && *list; list++)
		if (strcmp(*list, s) == 0)
			return true;
	return false;
}

size_t strings_count(char *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	return n;
}

void strings_done(struct strings *l)
{
	int saved = errno;
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct strings) { 0 };
	errno = saved;
}

void strings_split(struct strings *l, const char *s, const char *separators)
{
	while (*s) {
		size_t n = strcspn(s, separators);
		if (n)
			strings_take(l, xstrndup(s, n));
		s += n + (s[n] != 0);
	}
}

const char *env_get(char *const *env, const char *name)
{
	size_t n = strlen(name);
	const char *found = NULL;
	for (; env && *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			found = *env + n + 1;
	return found;
}

void env_set(struct strings *l, const char *name_value)
{
	size_t n = strcspn(name_value, "=");
	for (size_t i = 0; i < l->n; i++)
		if (strncmp(l->v[i], name_value, n) == 0 && l->v[i][n] == '=') {
			free(l->v[i]);
			l->v[i] = xstrdup(name_value);
			return;
		}
	strings_add(l, name_value);
}

/* ---- numbers ---- */

int str_to_u64(const char *s, uint64_t max, uint64_t *ret)
{
	if (!isdigit((unsigned char) *s))
		return -EINVAL;
	char *end;
	errno = 0;
	unsigned long long v = strtoull(s, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int str_to_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	if (!isdigit((unsigned char) *s) && !(*s == '-' && isdigit((unsigned char) s[1])))
		return -EINVAL;
	char *end;
	errno = 0;
	long long v = strtoll(s, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno || v < min || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int str_to_size(const char *s, int64_t *ret)
{
	static const char units[] = "bkmgtp";
	size_t digits = strspn(s, "0123456789");
	const char *unit = s + digits;
	int shift = 0;
	if (*unit) {
		const char *u = strchr(units, tolower((unsigned char) *unit));
		if (!u)
			return -EINVAL;
		shift = 10 * (int) (u - units);
		const char *rest = unit + 1;
		if (*rest && (shift == 0 || (strcasecmp(rest, "b") != 0 && strcasecmp(rest, "ib") != 0)))
			return -EINVAL;
	}
	cleanup_free char *number = xstrndup(s, digits);
	uint64_t v;
	int r = str_to_u64(number, INT64_MAX, &v);
	if (r < 0)
		return r;
	if (v > (uint64_t) INT64_MAX >> shift)
		return -ERANGE;
	*ret = (int64_t) (v << shift);
	return 0;
}

/* ---- near words ---- */

enum { NEAR_MAX = 32 };

/* edit distance with transpositions (optimal string alignment); words longer than NEAR_MAX are far from anything */
static size_t distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	if (n > NEAR_MAX || m > NEAR_MAX)
		return NEAR_MAX;
	size_t d[NEAR_MAX + 1][NEAR_MAX + 1];
	for (size_t i = 0; i <= n; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++)
		for (size_t j = 1; j <= m; j++) {
			size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[n][m];
}

const char *str_nearest(const char *word, const char *const *list)
{
	size_t best = 3;	/* three wrong letters are another word */
	const char *found = NULL;
	if (strlen(word) < 4)
		best = 2;
	for (; *list; list++) {
		size_t d = distance(word, *list);
		if (d < best) {
			best = d;
			found = *list;
		}
	}
	return found;
}

/* ---- how values are shown ---- */

void str_hex(const void *data, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = data;
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = 0;
}

const char *str_human_size(uint64_t bytes, char out[16])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double v = (double) bytes;
	size_t u = 0;
	while (v >= 999.5 && u + 1 < sizeof units / sizeof *units) {
		v /= 1000;
		u++;
	}
	snprintf(out, 16, u == 0 || v >= 99.5 ? "%.0f %s" : v >= 9.95 ? "%.1f %s" : "%.2f %s", v, units[u]);
	return out;
}

static bool is_leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

/* take_date - the date of a day, counted from 1970-01-01. gmtime(3) would read the local time zone's file first, at every start. */
static void take_date(int64_t day, int64_t *year, int *month, int *mday)
{
	enum { YEARS = 400, DAYS = 400 * 365 + 97 };	/* after so many years and days the calendar is the same again */
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t rounds = day / DAYS - (day % DAYS < 0);
	*year = 1970 + rounds * YEARS;
	day -= rounds * DAYS;
	for (; day >= 365 + is_leap(*year); ++*year)
		day -= 365 + is_leap(*year);
	for (*month = 1; ; ++*month) {
		int length = lengths[*month - 1] + (*month == 2 && is_leap(*year));
		if (day < length)
			break;
		day -= length;
	}
	*mday = (int) day + 1;
}

const char *str_rfc3339(int64_t sec, long nsec, char out[40])
{
	enum { DAY = 86400 };
	int64_t day = sec / DAY - (sec % DAY < 0), year;
	unsigned left = (unsigned) (sec - day * DAY) % DAY;
	int month, mday;
	take_date(day, &year, &month, &mday);
	int n = snprintf(out, 40, "%04lld-%02d-%02dT%02u:%02u:%02u", (long long) year, month, mday, left / 3600, left / 60 % 60, left % 60);
	snprintf(out + n, 40 - (size_t) n, ".%09ldZ", nsec);
	return out;
}
