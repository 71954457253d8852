/* progress.h - what people and programs see of a transfer, on stderr.
 *
 *	tty	a bar for each layer and a line for the total, drawn anew in place; as wide as the terminal is at that moment
 *	plain	one line for each change of state, and one every ten seconds for a layer that takes longer
 *	json	one object a line: {"id":"3f2a...","state":"pulling","current":1048576,"total":8388608}, for each change of state and at most
 *		twice a second in between
 *	none	nothing
 *
 *	progress_start -> progress_state and .rows[i].now as things go on, progress_draw now and then -> progress_end
 */
#pragma once
#include "error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* AUTO: tty on a terminal, else plain */
enum progress_mode { PROGRESS_AUTO, PROGRESS_NONE, PROGRESS_TTY, PROGRESS_PLAIN, PROGRESS_JSON };
/* progress_mode_parse - "auto", "tty", "plain", "json", "none"; -EINVAL with a sentence */
int progress_mode_parse(const char *word, enum progress_mode *ret, struct error *err);

struct progress_row {
	char name[20];			/* the first digits of the digest */
	const char *state;		/* static: "waiting", "waiting for another pull", "exists", "pulling", "resuming", "unpacking",
					 * "pushing", "done" */
	int64_t now, total;		/* bytes */
	int64_t from;			/* of them, those that were there at the start: they do not count for the rate */
	int64_t began_ms, said_ms, said;
};
struct progress {
	struct progress_row *rows;
	size_t n;
	enum progress_mode mode;
	size_t drawn;			/* lines on the screen */
	int *lengths;			/* of each of them; there is room for n + 1 */
	int64_t drawn_ms;
	int64_t rate_ms, rate_bytes;	/* when the rate was last looked at, and the bytes until then */
	double rate;			/* bytes a second, smoothed */
};

void progress_start(struct progress *p, size_t n, enum progress_mode mode);
/* progress_draw - what has changed, as often as the mode has it; @force: now */
void progress_draw(struct progress *p, bool force);
void progress_state(struct progress *p, size_t row, const char *state);
/* progress_end - the last picture, unless it @failed (then none is left on a terminal) */
void progress_end(struct progress *p, bool failed);

/* progress_note - a line that is no row's, for people: in the modes auto, tty and plain */
void progress_note(enum progress_mode mode, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* progress_line - what is shown of a row on a terminal of @width columns, without a newline, never longer than @width - 1; for its test
 * @per_second: its rate. @out: room for @size */
void progress_line(const struct progress_row *r, int64_t per_second, int width, char *out, size_t size);
