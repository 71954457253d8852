/* log_options.h - --log-driver and --log-opt, and where a container's log is. */
#pragma once
#include "life.h"
#include "str.h"

struct container;

/* log_options_parse - @driver may be NULL. docker's names and words: max-size (a size, -1: no limit), max-file, path, tag, each only with
 * the drivers that know it. @pool owns what @ret points to. -EINVAL with a sentence; -ENOENT: there is no journald */
int log_options_parse(const char *driver, const struct strings *opts, struct pool *pool, struct record_log *ret, struct error *err);

/* log_path - the file that is written now; the older ones are the same with ".1", ".2" behind it. Caller frees; NULL: the driver has none */
char *log_path(const struct container *c);
