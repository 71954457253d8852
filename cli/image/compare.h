/* compare.h - an unpacked layer beside what its blob is unpacked to once more: names, metadata, content. Slow, and sure. */
#pragma once
#include "store.h"

/* compare_layer - @layer_fd: its directory; -EBADMSG with a sentence when they differ */
int compare_layer(const struct store *s, int layer_fd, const struct descriptor *blob, const char *diff_id, struct error *err);
