/* container_filter.h - --filter of the commands that choose among containers; docker's keys, and podman's.
 *
 * Words of the same key are alternatives, but all labels are needed; keys are all needed. What needs another container (before=, since=) is
 * looked up once, by container_filter_parse().
 */
#pragma once
#include "../container/record.h"
#include "str.h"

enum { CONTAINER_FILTERS = 16 };
struct container_filter {
	struct strings wanted[CONTAINER_FILTERS];
	char *before, *since;		/* when that one was made */
	int64_t until;			/* seconds since the epoch; 0: none */
};
void container_filter_done(struct container_filter *f);
#define cleanup_container_filter __attribute__((cleanup(container_filter_done)))
#define CONTAINER_FILTER_HELP "id, name, label, status, ancestor, exited, health, before, since, until, volume, network, publish, expose, command"

/* container_filter_parse - -EINVAL with a sentence: the key or its value is none; -ENOENT: before= or since= names no container */
int container_filter_parse(const struct carrier *c, const struct strings *words, struct container_filter *ret, struct error *err);
bool container_filter_takes(const struct container_filter *f, const struct container *c);
/* container_filter_has - is there a word of this key ("status")? */
bool container_filter_has(const struct container_filter *f, const char *key);
