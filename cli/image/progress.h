/* progress.h - what people see of a transfer: bars on a terminal, plain lines elsewhere, nothing when quiet. On stderr. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress_row {
	char name[20];			/* the first digits of the digest */
	const char *state;		/* "waiting", "pulling", "exists", "done" */
	int64_t now, total;
};
struct progress {
	struct progress_row *rows;
	size_t n;
	bool terminal, quiet;
	size_t drawn;			/* lines on the screen */
	int64_t started_ms, drawn_ms;
};

void progress_start(struct progress *p, size_t n, bool quiet);
/* progress_draw - at most ten times a second unless @force; elsewhere than on a terminal only states that changed are said, by
 * progress_state() */
void progress_draw(struct progress *p, bool force);
void progress_state(struct progress *p, size_t row, const char *state);
void progress_end(struct progress *p);
