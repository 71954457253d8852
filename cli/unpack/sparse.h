/* sparse.h - the map of a sparse file in a tar archive: which parts of the file the archive holds. The rest is holes.
 *
 * Four forms, all written by GNU tar (its manual, "Storing Sparse Files"):
 *	old	type 'S': four parts in the header, the others in blocks behind it		sparse_fields()
 *	0.0	pax records GNU.sparse.offset and .numbytes, again and again			sparse_record()
 *	0.1	one pax record GNU.sparse.map							sparse_record()
 *	1.0	pax records say that it is one; decimal numbers in front of the data		sparse_record(), sparse_text()
 *
 *	sparse_check(s, stored)		the map is whole, in order, within the file, and of as many bytes as the archive stores
 *	while ((kind = sparse_next(s, &len)) != SPARSE_END)
 *		... a hole of @len bytes, or at most @len bytes of data ...; sparse_advance(s, how many of them)
 *
 * Pure. Memory: SPARSE_MAX parts, whatever the archive.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SPARSE_MAX = 65536, SPARSE_FIELDS = 24 };
enum sparse_kind { SPARSE_END, SPARSE_DATA, SPARSE_HOLE };

struct sparse_part { int64_t offset, len; };
struct sparse {
	bool on;			/* the entry is one */
	bool in_data;			/* 1.0: its map is in front of its data */
	int64_t major, minor;		/* as the records say; -1: they do not */
	int64_t real_size;		/* of the file, holes included; -1: not said */
	const char *name;		/* what the file is called, or NULL: as the entry is */
	struct sparse_part *parts;
	size_t n, size;
	int64_t count, number;		/* of 1.0's text: numbers to come (-1: this is it), and the one that is being read */
	bool digits;
	size_t at;			/* where the walk is */
	int64_t pos;
};

/* sparse_reset - for the next entry; memory is kept. sparse_done - frees it */
void sparse_reset(struct sparse *s);
void sparse_done(struct sparse *s);

/* sparse_record - the pax record "GNU.sparse.@key"; @value is borrowed. 0, -EBADMSG, -E2BIG, -EOPNOTSUPP (an unknown version) */
int sparse_record(struct sparse *s, const char *key, const char *value);
/* sparse_fields - up to @n parts of SPARSE_FIELDS bytes each, from a header or from a block behind it. 0, -EBADMSG, -E2BIG */
int sparse_fields(struct sparse *s, const uint8_t *fields, int n);
/* sparse_text - one byte of 1.0's map. 1: that was the last one; 0, -EBADMSG, -E2BIG */
int sparse_text(struct sparse *s, uint8_t byte);

int sparse_check(const struct sparse *s, int64_t stored);
enum sparse_kind sparse_next(const struct sparse *s, int64_t *len);
void sparse_advance(struct sparse *s, int64_t len);
