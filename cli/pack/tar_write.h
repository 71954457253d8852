/* tar_write.h - tar headers, the mirror of ../unpack/tar.h: an entry as a struct becomes the blocks in front of its data.
 *
 * Pure: no file, no system call. An entry is ustar when ustar has room for it, and otherwise the same with pax records in front
 * that hold what did not fit: long names, ids above 2097151, sizes above 8 GiB, times with nanoseconds or before 1970, and xattrs
 * (SCHILY.xattr., as GNU tar, bsdtar and Go call them). The same entry always gives the same bytes. pax(1).
 *
 *	tar_write_entry(&entry, &out)		then entry.size bytes of data, then tar_padding(entry.size) zeros
 *	tar_write_end(&out)			behind the last
 */
#pragma once
#include "../unpack/tar.h"
#include "str.h"

/* tar_write_entry - appends to @out. The name is written as it is: a directory's ends in "/". Data is expected behind files only. */
void tar_write_entry(const struct tar_entry *e, struct buf *out);
void tar_write_end(struct buf *out);
/* tar_padding - zeros behind @size bytes of data, up to the next block */
size_t tar_padding(int64_t size);
