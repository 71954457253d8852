#include "progress.h"
#include "mem.h"
#include "proc.h"
#include "str.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { DRAW_MS = 100, JSON_MS = 500, PLAIN_MS = 10000, RATE_MS = 500, BAR_MAX = 40, BAR_MIN = 8, LINE_MAX_LEN = 256, WIDTH_UNKNOWN = 80 };

int progress_mode_parse(const char *word, enum progress_mode *ret, struct error *err)
{
	static const char *const words[] = { "auto", "none", "tty", "plain", "json", NULL };
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], word) == 0) {
			*ret = (enum progress_mode) i;
			return 0;
		}
	return error_say(err, EINVAL, "--progress: auto, tty, plain, json or none, not '%s'", word);
}

void progress_start(struct progress *p, size_t n, enum progress_mode mode)
{
	if (mode == PROGRESS_AUTO)
		mode = isatty(STDERR_FILENO) ? PROGRESS_TTY : PROGRESS_PLAIN;
	*p = (struct progress) { .rows = xcalloc(n, sizeof *p->rows), .n = n, .mode = mode, .rate_ms = now_ms(),
				 .lengths = xcalloc(n + 1, sizeof *p->lengths) };
}

static bool under_way(const struct progress_row *r)
{
	static const char *const states[] = { "pulling", "resuming", "unpacking", "pushing", NULL };
	return strings_have((char *const *) states, r->state);
}

static bool is_over(const struct progress_row *r)
{
	static const char *const states[] = { "done", "exists", "mounted", NULL };
	return strings_have((char *const *) states, r->state);
}

static int64_t row_rate(const struct progress_row *r)
{
	int64_t ms = now_ms() - r->began_ms;
	return ms > 0 ? (r->now - r->from) * 1000 / ms : 0;
}

/* duration - "7 s", "3:05", "1:02:09" */
static const char *duration(int64_t s, char out[24])
{
	if (s < 60)
		snprintf(out, 24, "%lld s", (long long) s);
	else if (s < 3600)
		snprintf(out, 24, "%lld:%02lld", (long long) s / 60, (long long) s % 60);
	else
		snprintf(out, 24, "%lld:%02lld:%02lld", (long long) s / 3600, (long long) s / 60 % 60, (long long) s % 60);
	return out;
}

/* numbers - "1.2 MB / 8.4 MB", with the rate and the time left where they are known */
static void numbers(struct buf *b, int64_t now, int64_t total, int64_t per_second)
{
	char x[24], y[24];
	buf_printf(b, "%s / %s", str_human_size((uint64_t) now, x), str_human_size((uint64_t) total, y));
	if (per_second <= 0)
		return;
	buf_printf(b, "  %s/s", str_human_size((uint64_t) per_second, x));
	if (total > now)
		buf_printf(b, "  %s", duration((total - now) / per_second + 1, x));
}

/* add_bar - into @room columns, or nothing where that is too little to see anything */
static void add_bar(struct buf *b, int64_t now, int64_t total, int room)
{
	int width = room - 3 < BAR_MAX ? room - 3 : BAR_MAX;
	if (width < BAR_MIN || total <= 0)
		return;
	int full = now >= total ? width : (int) ((double) now / (double) total * width);
	buf_putc(b, '[');
	for (int i = 0; i < width; i++)
		buf_putc(b, i < full ? '=' : i == full ? '>' : ' ');
	buf_puts(b, "] ");
}

void progress_line(const struct progress_row *r, int64_t per_second, int width, char *out, size_t size)
{
	struct buf line = { 0 }, rest = { 0 };
	buf_printf(&line, "%-12s ", r->name);
	if (under_way(r) && r->total > 0) {
		numbers(&rest, r->now, r->total, per_second);
		/* the rate comes and goes: room for its longest form, so that bars keep their length */
		add_bar(&line, r->now, r->total, width - 1 - (int) line.len - 44);
		buf_puts(&line, buf_str(&rest));
	} else {
		buf_puts(&line, r->state);
	}
	size_t max = width > 1 ? (size_t) width : 1;
	snprintf(out, size < max ? size : max, "%s", buf_str(&line));
	buf_done(&line);
	buf_done(&rest);
}

/* ---- on a terminal ---- */

static void terminal_size(int *width, size_t *height)
{
	struct winsize w = { 0 };
	bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0;
	*width = known && w.ws_col ? w.ws_col : WIDTH_UNKNOWN;
	*height = known && w.ws_row ? w.ws_row : 24;
	if (*width > LINE_MAX_LEN)
		*width = LINE_MAX_LEN;
}

static void sum(const struct progress *p, int64_t *now, int64_t *total, size_t *over)
{
	*now = *total = 0;
	*over = 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct progress_row *r = &p->rows[i];
		*over += is_over(r);
		if (strcmp(r->state, "exists") == 0 || strcmp(r->state, "mounted") == 0)
			continue;
		*now += r->now;
		*total += r->total;
	}
}

static void look_at_rate(struct progress *p, int64_t t)
{
	int64_t moved = 0;
	for (size_t i = 0; i < p->n; i++)
		moved += p->rows[i].now - p->rows[i].from;
	if (t - p->rate_ms < RATE_MS)
		return;
	double now = (double) (moved - p->rate_bytes) * 1000 / (double) (t - p->rate_ms);
	p->rate = p->rate > 0 ? 0.7 * p->rate + 0.3 * (now > 0 ? now : 0) : now;
	p->rate_ms = t;
	p->rate_bytes = moved;
}

/* erase - the last picture. A terminal that has become narrower has broken its lines. */
static void erase(const struct progress *p, int width)
{
	int up = 0;
	for (size_t i = 0; i < p->drawn; i++)
		up += p->lengths[i] > width ? (p->lengths[i] + width - 1) / width : 1;
	if (up)
		fprintf(stderr, "\r\033[%dA\033[J", up);
}

static void draw(struct progress *p, int64_t t)
{
	int width;
	size_t height, over;
	int64_t now, total;
	char line[LINE_MAX_LEN + 1];
	terminal_size(&width, &height);
	erase(p, width);
	/* all of them, if there is room; else those where something happens */
	bool all = p->n + 2 <= height;
	p->drawn = 0;
	for (size_t i = 0; i < p->n; i++) {
		if (!all && (p->drawn + 3 > height || !under_way(&p->rows[i])))
			continue;
		progress_line(&p->rows[i], under_way(&p->rows[i]) ? row_rate(&p->rows[i]) : 0, width, line, sizeof line);
		fprintf(stderr, "%s\n", line);
		p->lengths[p->drawn++] = (int) strlen(line);
	}
	sum(p, &now, &total, &over);
	look_at_rate(p, t);
	struct buf b = { 0 };
	buf_printf(&b, "%zu of %zu     ", over, p->n);
	numbers(&b, now, total, total > now ? (int64_t) p->rate : 0);
	p->lengths[p->drawn++] = (int) b.len < width ? (int) b.len : width - 1;
	fprintf(stderr, "%.*s\n", width - 1, buf_str(&b));
	buf_done(&b);
	p->drawn_ms = t;
}

/* ---- elsewhere ---- */

static void say_plain(const struct progress_row *r)
{
	char now[16], total[16], rate[16], left[24];
	int64_t per_second = row_rate(r);
	str_human_size((uint64_t) r->now, now);
	str_human_size((uint64_t) r->total, total);
	if (per_second > 0)
		fprintf(stderr, "layer %s: %s of %s, %s/s, %s left\n", r->name, now, total, str_human_size((uint64_t) per_second, rate),
			duration((r->total - r->now) / per_second + 1, left));
	else
		fprintf(stderr, "layer %s: %s of %s\n", r->name, now, total);
}

static void say_json(struct progress_row *r)
{
	fprintf(stderr, "{\"id\":\"%s\",\"state\":\"%s\",\"current\":%lld,\"total\":%lld}\n", r->name, r->state, (long long) r->now,
		(long long) r->total);
	r->said = r->now;
}

/* say_long - of rows whose state has not changed for a while, how far they are */
static void say_long(struct progress *p, int64_t t)
{
	for (size_t i = 0; i < p->n; i++) {
		struct progress_row *r = &p->rows[i];
		if (!under_way(r) || t - r->said_ms < (p->mode == PROGRESS_JSON ? JSON_MS : PLAIN_MS))
			continue;
		r->said_ms = t;
		if (p->mode == PROGRESS_PLAIN)
			say_plain(r);
		else if (r->now != r->said)
			say_json(r);
	}
}

void progress_draw(struct progress *p, bool force)
{
	int64_t t = now_ms();
	if (p->n == 0)
		return;
	if (p->mode == PROGRESS_PLAIN || p->mode == PROGRESS_JSON)
		say_long(p, t);
	else if (p->mode == PROGRESS_TTY && (force || t - p->drawn_ms >= DRAW_MS))
		draw(p, t);
}

void progress_state(struct progress *p, size_t row, const char *state)
{
	struct progress_row *r = &p->rows[row];
	char size[16];
	if (r->state && strcmp(r->state, state) == 0)
		return;
	r->state = state;
	r->began_ms = r->said_ms = now_ms();
	if (is_over(r))
		r->now = r->total;
	if (strcmp(state, "exists") == 0)
		r->from = r->now;	/* it has cost nothing */
	if (p->mode == PROGRESS_JSON)
		say_json(r);
	if (p->mode != PROGRESS_PLAIN || strcmp(state, "waiting") == 0)
		return;
	if (strcmp(state, "resuming") == 0)
		fprintf(stderr, "layer %s: resuming behind %s\n", r->name, str_human_size((uint64_t) r->from, size));
	else
		fprintf(stderr, "layer %s: %s\n", r->name, state);
}

void progress_end(struct progress *p, bool failed)
{
	int width;
	size_t height;
	terminal_size(&width, &height);
	if (p->mode == PROGRESS_TTY && failed)
		erase(p, width);
	else
		progress_draw(p, true);
	free(p->rows);
	free(p->lengths);
	*p = (struct progress) { 0 };
}

void progress_note(enum progress_mode mode, const char *fmt, ...)
{
	va_list ap;
	if (mode == PROGRESS_NONE || mode == PROGRESS_JSON)
		return;
	va_start(ap, fmt);
	(void) vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void) fputc('\n', stderr);
}
