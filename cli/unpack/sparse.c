#include "sparse.h"
#include "mem.h"
#include "numbers.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void sparse_reset(struct sparse *s)
{
	struct sparse_part *parts = s->parts;
	size_t size = s->size;
	*s = (struct sparse) { .major = -1, .minor = -1, .real_size = -1, .count = -1, .parts = parts, .size = size };
}

void sparse_done(struct sparse *s)
{
	free(s->parts);
	*s = (struct sparse) { 0 };
}

static int add(struct sparse *s, int64_t offset, int64_t len)
{
	if (s->n == SPARSE_MAX)
		return -E2BIG;
	if (s->n == s->size) {
		s->size = s->size ? 2 * s->size : 16;
		s->parts = xreallocarray(s->parts, s->size, sizeof *s->parts);
	}
	s->parts[s->n++] = (struct sparse_part) { offset, len };
	return 0;
}

/* ---- old ---- */

int sparse_fields(struct sparse *s, const uint8_t *fields, int n)
{
	for (int r = 0; r == 0 && n > 0; n--, fields += SPARSE_FIELDS) {
		int64_t offset, len;
		if (!*fields)	/* as many as there are */
			return 0;
		if (tar_octal(fields, 12, &offset) < 0 || tar_octal(fields + 12, 12, &len) < 0)
			return -EBADMSG;
		r = add(s, offset, len);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- records ---- */

/* map - "offset,length,offset,length" */
static int map(struct sparse *s, const char *text)
{
	int64_t pair[2];
	s->n = 0;
	for (int i = 0; *text; i = !i) {
		char number[24];
		size_t len = strcspn(text, ",");
		if (len >= sizeof number)
			return -EBADMSG;
		memcpy(number, text, len);
		number[len] = 0;
		text += len;
		text += *text == ',';
		if (tar_decimal(number, &pair[i]) < 0 || (i == 0 && !*text))
			return -EBADMSG;
		int r = i ? add(s, pair[0], pair[1]) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* length_of_last - 0.0 says offset and length by turns */
static int length_of_last(struct sparse *s, int64_t len)
{
	if (!s->n || s->parts[s->n - 1].len >= 0)
		return -EBADMSG;
	s->parts[s->n - 1].len = len;
	return 0;
}

int sparse_record(struct sparse *s, const char *key, const char *value)
{
	int64_t n = 0;
	s->on = true;
	if (strcmp(key, "name") == 0) {
		s->name = *value ? value : NULL;
		return 0;
	}
	if (strcmp(key, "map") == 0)
		return map(s, value);
	if (tar_decimal(value, &n) < 0 || n < 0)
		return -EBADMSG;
	if (strcmp(key, "major") == 0)
		s->major = n;
	else if (strcmp(key, "minor") == 0)
		s->minor = n;
	else if (strcmp(key, "size") == 0 || strcmp(key, "realsize") == 0)
		s->real_size = n;
	else if (strcmp(key, "offset") == 0)
		return add(s, n, -1);
	else if (strcmp(key, "numbytes") == 0)
		return length_of_last(s, n);
	s->in_data = s->major == 1;
	return s->major > 1 || s->minor > (s->major == 1 ? 0 : 1) ? -EOPNOTSUPP : 0;
}

/* ---- in front of the data ---- */

static int number_ends(struct sparse *s)
{
	if (!s->digits)
		return -EBADMSG;
	int64_t n = s->number;
	s->number = 0;
	s->digits = false;
	if (s->count < 0) {
		if (n > SPARSE_MAX)
			return -E2BIG;
		s->count = 2 * n;
	} else {
		int r = s->count-- & 1 ? length_of_last(s, n) : add(s, n, -1);
		if (r < 0)
			return r;
	}
	return s->count == 0;
}

int sparse_text(struct sparse *s, uint8_t byte)
{
	if (byte == '\n')
		return number_ends(s);
	if (byte < '0' || byte > '9' || __builtin_mul_overflow(s->number, 10, &s->number) ||
	    __builtin_add_overflow(s->number, byte - '0', &s->number))
		return -EBADMSG;
	s->digits = true;
	return 0;
}

/* ---- the whole ---- */

int sparse_check(const struct sparse *s, int64_t stored)
{
	int64_t end = 0, sum = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct sparse_part *p = &s->parts[i];
		if (p->len < 0 || p->offset < end || __builtin_add_overflow(p->offset, p->len, &end))
			return -EBADMSG;
		sum += p->len;	/* at most end */
	}
	return s->real_size >= end && sum == stored ? 0 : -EBADMSG;
}

enum sparse_kind sparse_next(const struct sparse *s, int64_t *len)
{
	const struct sparse_part *p = s->at < s->n ? &s->parts[s->at] : NULL;
	if (p && s->pos == p->offset) {	/* none of no bytes: sparse_advance() is past those */
		*len = p->len;
		return SPARSE_DATA;
	}
	bool inside = p && s->pos > p->offset;
	*len = (inside ? p->offset + p->len : p ? p->offset : s->real_size) - s->pos;
	return inside ? SPARSE_DATA : *len > 0 ? SPARSE_HOLE : SPARSE_END;
}

void sparse_advance(struct sparse *s, int64_t len)
{
	s->pos += len;
	while (s->at < s->n && s->pos == s->parts[s->at].offset + s->parts[s->at].len)
		s->at++;
}
