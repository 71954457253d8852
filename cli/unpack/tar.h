/* tar.h - a tar archive, read from memory in pieces of any size.
 *
 * A pure parser: no file, no system call, so that tests and a fuzzer can call it. It knows ustar, the older form
 * without magic, pax records, GNU long names and links, base-256 numbers, GNU's sparse files in all four forms (sparse.h). What it does not do is
 * said, not guessed: multi-volume archives and unknown types are errors that name the entry. Global pax records are
 * skipped, as every container tool does. Memory: 1 MiB of pax records, 1 MiB of a sparse file's map and two names, whatever
 * the archive.
 *
 *	while ((r = tar_next(t, &in, &in_len, &data, &data_len, err)) != TAR_MORE)
 *		switch (r) {
 *		case TAR_ENTRY:	tar_entry(t) ...		// then any number of TAR_DATA and TAR_HOLE, then one TAR_ENTRY_END
 *		case TAR_DATA:	data, data_len ...		// of a file; part of the input, nothing is copied
 *		case TAR_HOLE:	data_len ...			// bytes of a sparse file that are 0, and not in the archive
 *		case TAR_ENTRY_END: ...
 *		default:	return r;			// a negative errno
 *		}
 *	...more input; and behind the last: tar_finish(t, err)
 *
 * pax(1), GNU tar's "Basic Tar Format". Numbers and names agree with what Go's archive/tar reads, since the layers
 * of this world are written by it.
 */
#pragma once
#include "error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tar_type { TAR_FILE, TAR_DIRECTORY, TAR_SYMLINK, TAR_HARDLINK, TAR_CHAR_DEVICE, TAR_BLOCK_DEVICE, TAR_FIFO };

struct tar_xattr {
	const char *name;	/* what follows "SCHILY.xattr." */
	const void *value;
	size_t len;
};

/* Valid until the next tar_next() that returns an entry */
struct tar_entry {
	enum tar_type type;
	const char *name;	/* as in the archive: not cleaned, never NULL, shorter than PATH_MAX */
	const char *link;	/* target of a symlink or hard link, likewise; "" for the others */
	uint32_t mode;		/* 07777 at most */
	uint32_t uid, gid;
	int64_t size;		/* bytes of data, holes included; 0 for everything that is not a file */
	int64_t mtime_sec;
	uint32_t mtime_nsec;
	uint32_t major, minor;
	const struct tar_xattr *xattrs;
	size_t n_xattrs;	/* a later one of the same name replaces an earlier one */
};

enum tar_event { TAR_MORE, TAR_ENTRY, TAR_DATA, TAR_HOLE, TAR_ENTRY_END };

struct tar;
struct tar *tar_new(void);
void tar_free(struct tar *t);

/* tar_next - what comes next in the input, which is advanced
 * @in, @len: input; TAR_MORE is returned when it is used up
 * @data, @data_len: for TAR_DATA; for TAR_HOLE @data_len alone
 * Return: enum tar_event, or a negative errno: -EBADMSG for what is no valid archive, -EOPNOTSUPP for what is valid
 * and not supported, -E2BIG for records and names beyond the limits. Behind the end of the archive everything is
 * skipped. */
int tar_next(struct tar *t, const uint8_t **in, size_t *len, const uint8_t **data, size_t *data_len, struct error *err);
const struct tar_entry *tar_entry(const struct tar *t);

/* tar_finish - may the input end here? Behind the two zero blocks of the end, or, as many writers leave it, between
 * two entries. 0, or -EBADMSG saying what is cut off */
int tar_finish(const struct tar *t, struct error *err);
