#include "progress.h"
#include "mem.h"
#include "str.h"
#include "proc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR_WIDTH = 30, DRAW_MS = 100 };

void progress_start(struct progress *p, size_t n, bool quiet)
{
	*p = (struct progress) { .rows = xcalloc(n, sizeof *p->rows), .n = n, .quiet = quiet, .started_ms = now_ms(),
				 .terminal = isatty(STDERR_FILENO) };
}

static void bar(char out[BAR_WIDTH + 1], int64_t now, int64_t total)
{
	int full = total > 0 ? (int) (now * BAR_WIDTH / total) : 0;
	for (int i = 0; i < BAR_WIDTH; i++)
		out[i] = i < full ? '=' : i == full ? '>' : ' ';
	out[BAR_WIDTH] = 0;
}

static void draw_row(const struct progress_row *r)
{
	char line[BAR_WIDTH + 1], now[16], total[16];
	if ((strcmp(r->state, "pulling") == 0 || strcmp(r->state, "pushing") == 0) && r->total > 0) {
		bar(line, r->now, r->total);
		fprintf(stderr, "%-13s [%s] %8s / %s\033[K\n", r->name, line, str_human_size((uint64_t) r->now, now),
			str_human_size((uint64_t) r->total, total));
	} else {
		fprintf(stderr, "%-13s %s\033[K\n", r->name, r->state);
	}
}

static void draw_total(const struct progress *p, int64_t elapsed_ms)
{
	int64_t now = 0, total = 0;
	char a[16], b[16], rate[16];
	for (size_t i = 0; i < p->n; i++) {
		now += p->rows[i].now;
		total += p->rows[i].total;
	}
	uint64_t per_second = elapsed_ms > 0 ? (uint64_t) (now * 1000 / elapsed_ms) : 0;
	fprintf(stderr, "%-13s %s / %s, %s/s", "total", str_human_size((uint64_t) now, a), str_human_size((uint64_t) total, b),
		str_human_size(per_second, rate));
	if (per_second && total > now)
		fprintf(stderr, ", %lld s left", (long long) ((uint64_t) (total - now) / per_second + 1));
	fputs("\033[K\n", stderr);
}

/* rows_shown - a terminal that is too low for all of them gets the total alone */
static size_t rows_shown(const struct progress *p)
{
	struct winsize w = { 0 };
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row && p->n + 2 > w.ws_row)
		return 0;
	return p->n;
}

void progress_draw(struct progress *p, bool force)
{
	int64_t t = now_ms();
	if (!p->terminal || p->quiet || p->n == 0 || (!force && t - p->drawn_ms < DRAW_MS))
		return;
	if (p->drawn)
		fprintf(stderr, "\033[%zuA", p->drawn);
	size_t shown = rows_shown(p);
	for (size_t i = 0; i < shown; i++)
		draw_row(&p->rows[i]);
	draw_total(p, t - p->started_ms);
	p->drawn = shown + 1;
	p->drawn_ms = t;
}

void progress_state(struct progress *p, size_t row, const char *state)
{
	if (p->rows[row].state && strcmp(p->rows[row].state, state) == 0)
		return;
	p->rows[row].state = state;
	if (!p->terminal && !p->quiet && strcmp(state, "waiting") != 0)
		fprintf(stderr, "layer %s: %s\n", p->rows[row].name, state);
}

void progress_end(struct progress *p)
{
	progress_draw(p, true);
	free(p->rows);
	*p = (struct progress) { 0 };
}
