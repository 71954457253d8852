/* room.h - is there room on the store's file system for what is about to come? Asked before the first byte is fetched.
 *
 * What a layer unpacks to is not known before; it is hardly ever less than what it is compressed to, so that much is asked for: an image
 * that would fit is never refused. One that does not fit after all fails with "No space left on device", and nothing of it is left.
 */
#pragma once
#include "store.h"

/* room_check - -ENOSPC with a sentence when @fetch and @unpack bytes are more than is free; a file system that does not say is believed */
int room_check(const struct store *s, int64_t fetch, int64_t unpack, struct error *err);
