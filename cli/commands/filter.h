/* filter.h - --filter of the prune commands: until=, label=, label!=. */
#pragma once
#include "json.h"
#include "str.h"

struct filter {
	bool has_until;
	int64_t until;			/* seconds since the epoch: what was made before counts */
	struct strings labels, not_labels;	/* "KEY" or "KEY=VALUE" */
};
void filter_done(struct filter *f);
#define cleanup_filter __attribute__((cleanup(filter_done)))

/* filter_parse - the words given; @now: for "until=24h". Times are RFC 3339, "2006-01-02", seconds since the epoch or a duration before now
 * (s, m, h, d, w, several together). -EINVAL says what is allowed. */
int filter_parse(const struct strings *words, int64_t now, struct filter *ret, struct error *err);
/* filter_time - one such time, in seconds since the epoch; -EINVAL */
int filter_time(const char *text, int64_t now, int64_t *ret);
/* filter_has_label - @wanted: "KEY" or "KEY=VALUE" */
bool filter_has_label(const struct json_map *labels, const char *wanted);
/* filter_takes - @created: RFC 3339, NULL or "" is long ago */
bool filter_takes(const struct filter *f, const char *created, const struct json_map *labels);
