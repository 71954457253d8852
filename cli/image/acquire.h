/* acquire.h - an image, wherever it comes from: the store, carrier itself (hello), a registry. */
#pragma once
#include "../carrier.h"
#include "pull.h"

enum pull_policy {
	PULL_MISSING,	/* when the store has none of that name, or none for the platform that is asked for */
	PULL_ALWAYS,
	PULL_NEVER,
	PULL_NEWER,	/* as ALWAYS, but when the registry cannot be asked, or has it no more, the one in the store will do */
};
/* pull_policy_parse - these words in lower case; -EINVAL */
int pull_policy_parse(const char *word, enum pull_policy *ret, struct error *err);

/* image_acquire - as root directly; else what changes the store is done by a child in a user namespace of its own, and the caller stays
 * outside. Never an image of another platform than the one that is asked for. -EINTR: a signal ended the pull. */
int image_acquire(const struct carrier *c, const struct store *s, const char *name, enum pull_policy policy,
		  const struct pull_options *o, struct image *ret, struct error *err);

/* image_acquire_held - the same for who makes a container of it: nothing is removed from the store until the returned fd is closed, which is
 * when the record says that the image is needed. @ret_dirs: as store_lowerdirs() has them
 * Return: the fd, or -errno; @ret and @ret_dirs want image_done() and strings_done() in any case */
int image_acquire_held(const struct carrier *c, const struct store *s, const char *name, enum pull_policy policy,
		       const struct pull_options *o, struct image *ret, struct strings *ret_dirs, struct error *err);

/* image_embedded - put the image `hello` that carrier brings along into the store; under its short name */
int image_embedded(const struct store *s, struct error *err);
