/* commit.h - a container becomes an image: what it has written is one more layer above those of its image. */
#pragma once
#include "../image/make.h"
#include "record.h"

struct commit_options {
	const char *author, *message;
	char *const *changes;		/* instructions.h; or NULL */
	char *const *names;		/* canonical; or NULL */
	bool pause, squash;		/* squash: all of its files in one layer */
	enum layer_compression compression;
	int64_t level;
};

/* commit_container - @id receives the image's id (its config's digest), room for 80 */
int commit_container(const struct carrier *c, const struct container *container, const struct commit_options *o, char id[80],
		     struct error *err);
