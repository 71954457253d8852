/* ps_row.h - one container in docker's words, as `carrier list` and its --format know it. */
#pragma once
#include "../container/record.h"
#include "json.h"

struct ps_row {
	char *id, *image, *command, *created_at, *running_for, *status, *state, *ports, *names, *labels, *mounts, *local_volumes, *networks, *size;
	char *image_id, *health;
	int64_t pid, exit_code, restarts;
	/* for sorting; of those that are listed all of it is the pool's */
	char *made, *whole_id;
	int64_t bytes;			/* of ->size; -1: not asked for */
};
extern const struct json_type ps_row_type;
/* what "table TEMPLATE" has in its first line */
extern const char ps_row_heads[];

/* ps_row_make - @pool owns the words; @whole: nothing is cut; @table: only what the table has
 * @sizes: NULL, or where the sizes of layers that were measured are kept from one call to the next */
struct ps_sizes { struct strings layers; int64_t *bytes; };
struct ps_row ps_row_make(const struct container *c, bool whole, bool table, struct ps_sizes *sizes, int64_t now, struct pool *pool);
void ps_sizes_done(struct ps_sizes *s);

/* ps_status_words - "Up 3 minutes (healthy)", "Exited (1) 2 hours ago" */
char *ps_status_words(const struct container *c, int64_t now, struct pool *pool);
