#include "tar.h"
#include "mem.h"
#include "numbers.h"
#include "sparse.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 512, RECORDS_MAX = 1 << 20, NAME_SHOWN = 300 };

/* where the fields of a header block are */
enum {
	AT_NAME = 0, LEN_NAME = 100, AT_MODE = 100, AT_UID = 108, AT_GID = 116, LEN_ID = 8, AT_SIZE = 124, AT_MTIME = 136,
	LEN_LONG = 12, AT_CHECKSUM = 148, AT_TYPE = 156, AT_LINK = 157, LEN_LINK = 100, AT_MAGIC = 257, AT_MAJOR = 329,
	AT_MINOR = 337, AT_SPARSE = 386, IN_HEADER_PARTS = 4, AT_EXTENDED = 482, AT_REAL_SIZE = 483, IN_BLOCK_PARTS = 21,
	AT_BLOCK_EXTENDED = 504, AT_PREFIX = 345, LEN_PREFIX = 155, LEN_PREFIX_STAR = 131, AT_STAR = 508,
};

enum state { IN_HEADER, IN_META, IN_PARTS, IN_MAP, IN_MAP_PADDING, IN_BODY, IN_PADDING, AT_END };

struct tar {
	enum state state;
	uint8_t header[BLOCK];
	size_t header_len;
	int zero_blocks;
	uint64_t left;			/* bytes of the body or of the meta data still to come */
	unsigned padding;		/* behind them */
	/* meta data of the entry to come: pax records, and names that did not fit into the header */
	char meta_type;
	char *meta;
	size_t meta_len;
	char *records, *long_name, *long_link;
	size_t records_len;
	struct tar_xattr *xattrs;
	size_t xattrs_size;
	struct sparse sparse;
	unsigned map_padding;		/* behind a map in front of the data */
	char name[PATH_MAX], link[PATH_MAX];	/* where they come from the header */
	bool in_entry;
	struct tar_entry entry;
};

struct tar *tar_new(void) { return xcalloc(1, sizeof(struct tar)); }

static void forget_meta(struct tar *t)
{
	free(t->records);
	free(t->long_name);
	free(t->long_link);
	t->records = t->long_name = t->long_link = NULL;
	t->records_len = 0;
}

void tar_free(struct tar *t)
{
	if (!t)
		return;
	forget_meta(t);
	free(t->meta);
	free(t->xattrs);
	sparse_done(&t->sparse);
	free(t);
}

const struct tar_entry *tar_entry(const struct tar *t) { return &t->entry; }

/* bad - the archive is at fault; says at which entry */
static int bad(const struct tar *t, struct error *err, int code, const char *what)
{
	if (t->entry.name && *t->entry.name)
		return error_say(err, code, "the archive's entry '%.*s' %s", NAME_SHOWN, t->entry.name, what);
	return error_say(err, code, "an entry of the archive %s", what);
}

/* ---- pax records ---- */

static int record_number(struct tar *t, const char *key, const char *value, int64_t max, int64_t *ret, struct error *err)
{
	int64_t n;
	if (tar_decimal(value, &n) < 0 || n < 0 || n > max) {
		char what[160];
		snprintf(what, sizeof what, "has the pax record %s=%.40s, which is no number or too large", key, value);
		return bad(t, err, EBADMSG, what);
	}
	*ret = n;
	return 0;
}

static void add_xattr(struct tar *t, const char *name, const char *value, size_t len)
{
	if (t->entry.n_xattrs == t->xattrs_size) {
		t->xattrs_size = t->xattrs_size ? 2 * t->xattrs_size : 8;
		t->xattrs = xreallocarray(t->xattrs, t->xattrs_size, sizeof *t->xattrs);
	}
	t->xattrs[t->entry.n_xattrs++] = (struct tar_xattr) { name, value, len };
	t->entry.xattrs = t->xattrs;
}

static int record_name(struct tar *t, const char *key, const char *value, size_t len, const char **ret, struct error *err)
{
	if (strlen(value) != len)
		return bad(t, err, EBADMSG, strcmp(key, "path") == 0 ? "has a NUL byte in its pax path" : "has a NUL byte in its pax linkpath");
	if (len >= PATH_MAX)
		return bad(t, err, ENAMETOOLONG, "has a name of more than 4095 bytes");
	*ret = value;
	return 0;
}

static int bad_sparse(const struct tar *t, int r, struct error *err)
{
	if (r >= 0)
		return r;
	return bad(t, err, -r, r == -E2BIG ? "is a sparse file of more than 65536 parts, which carrier does not unpack; make the layer "
		   "without --sparse"
		   : r == -EOPNOTSUPP	   ? "is a sparse file of a version that carrier does not know; make the layer without --sparse"
					   : "is a sparse file with a damaged map");
}

/* one_record - @value is NUL-terminated in place. An empty value means: as in the header */
static int one_record(struct tar *t, const char *key, char *value, size_t len, struct error *err)
{
	static const char xattr[] = "SCHILY.xattr.", sparse[] = "GNU.sparse.";
	struct tar_entry *e = &t->entry;
	int64_t n = 0;
	int r = 0;
	if (strncmp(key, xattr, sizeof xattr - 1) == 0)
		add_xattr(t, key + sizeof xattr - 1, value, len);
	else if (strncmp(key, sparse, sizeof sparse - 1) == 0)
		r = strlen(value) == len ? bad_sparse(t, sparse_record(&t->sparse, key + sizeof sparse - 1, value), err)
					 : bad_sparse(t, -EBADMSG, err);
	else if (len == 0)
		return 0;
	else if (strcmp(key, "path") == 0)
		r = record_name(t, key, value, len, &e->name, err);
	else if (strcmp(key, "linkpath") == 0)
		r = record_name(t, key, value, len, &e->link, err);
	else if (strcmp(key, "size") == 0)
		r = record_number(t, key, value, INT64_MAX - BLOCK, &e->size, err);
	else if (strcmp(key, "uid") == 0 && (r = record_number(t, key, value, UINT32_MAX - 1, &n, err)) == 0)
		e->uid = (uint32_t) n;
	else if (strcmp(key, "gid") == 0 && (r = record_number(t, key, value, UINT32_MAX - 1, &n, err)) == 0)
		e->gid = (uint32_t) n;
	else if (strcmp(key, "mtime") == 0 && tar_time(value, &e->mtime_sec, &e->mtime_nsec) < 0)
		r = bad(t, err, EBADMSG, "has a pax mtime that is no time");
	return r;
}

/* "LENGTH KEY=VALUE\n", LENGTH counting itself */
static int apply_records(struct tar *t, struct error *err)
{
	char *p = t->records;
	if (!p)
		return 0;
	char *end = p + t->records_len;
	while (p < end) {
		size_t len = 0;
		char *q = p;
		while (q < end && *q >= '0' && *q <= '9' && len <= RECORDS_MAX)
			len = len * 10 + (size_t) (*q++ - '0');
		char *key = q + 1;
		if (q == p || q >= end || *q != ' ' || len > (size_t) (end - p) || p + len <= key || p[len - 1] != '\n')
			return bad(t, err, EBADMSG, "has damaged pax records");
		char *stop = p + len - 1, *equals = memchr(key, '=', (size_t) (stop - key));
		if (!equals || equals == key || memchr(key, 0, (size_t) (equals - key)))
			return bad(t, err, EBADMSG, "has a pax record without a key");
		*equals = *stop = 0;
		int r = one_record(t, key, equals + 1, (size_t) (stop - equals - 1), err);
		if (r < 0)
			return r;
		p += len;
	}
	return 0;
}

/* ---- a header block ---- */

static bool checksum_ok(const uint8_t *h)
{
	int64_t want, sum = 0, sum_signed = 0;	/* some old writers added up signed bytes */
	if (tar_octal(h + AT_CHECKSUM, 8, &want) < 0)
		return false;
	for (int i = 0; i < BLOCK; i++) {
		uint8_t byte = i >= AT_CHECKSUM && i < AT_CHECKSUM + 8 ? ' ' : h[i];
		sum += byte;
		sum_signed += (int8_t) byte;
	}
	return want == sum || want == sum_signed;
}

static bool is_zero(const uint8_t *h)
{
	return h[0] == 0 && memcmp(h, h + 1, BLOCK - 1) == 0;
}

static void field_text(const uint8_t *field, size_t max, char *out)
{
	size_t n = strnlen((const char *) field, max);
	memcpy(out, field, n);
	out[n] = 0;
}

static void header_names(struct tar *t)
{
	const uint8_t *h = t->header;
	char prefix[LEN_PREFIX + 1] = "", name[LEN_NAME + 1];
	/* GNU's magic ends in blanks, and its prefix field holds other things */
	if (memcmp(h + AT_MAGIC, "ustar\0", 6) == 0)
		field_text(h + AT_PREFIX, memcmp(h + AT_STAR, "tar", 4) == 0 ? LEN_PREFIX_STAR : LEN_PREFIX, prefix);
	field_text(h + AT_NAME, LEN_NAME, name);
	snprintf(t->name, sizeof t->name, "%s%s%s", prefix, *prefix ? "/" : "", name);
	field_text(h + AT_LINK, LEN_LINK, t->link);
	t->entry.name = t->name;
	t->entry.link = t->link;
}

static int header_numbers(struct tar *t, struct error *err)
{
	struct { int at, len; int64_t min, max, value; } f[] = {
		{ AT_MODE, LEN_ID, 0, INT64_MAX, 0 }, { AT_UID, LEN_ID, 0, UINT32_MAX - 1, 0 }, { AT_GID, LEN_ID, 0, UINT32_MAX - 1, 0 },
		{ AT_SIZE, LEN_LONG, 0, INT64_MAX - BLOCK, 0 }, { AT_MTIME, LEN_LONG, INT64_MIN, INT64_MAX, 0 },
		{ AT_MAJOR, LEN_ID, 0, UINT32_MAX, 0 }, { AT_MINOR, LEN_ID, 0, UINT32_MAX, 0 },
	};
	static const char *const what[] = { "mode", "owner", "group", "size", "mtime", "device major", "device minor" };
	bool device = t->header[AT_TYPE] == '3' || t->header[AT_TYPE] == '4';
	for (size_t i = 0; i < (device ? 7 : 5); i++)	/* the old form has other things where devices are */
		if (tar_octal(t->header + f[i].at, (size_t) f[i].len, &f[i].value) < 0 || f[i].value < f[i].min || f[i].value > f[i].max) {
			char text[80];
			snprintf(text, sizeof text, "has a %s that is no number, negative or too large", what[i]);
			return bad(t, err, EBADMSG, text);
		}
	t->entry.mode = (uint32_t) f[0].value & 07777;
	t->entry.uid = (uint32_t) f[1].value;
	t->entry.gid = (uint32_t) f[2].value;
	t->entry.size = f[3].value;
	t->entry.mtime_sec = f[4].value;
	t->entry.major = (uint32_t) f[5].value;
	t->entry.minor = (uint32_t) f[6].value;
	return 0;
}

/* begin_old_sparse - GNU's form only: what others put into their 'S' headers is not told apart by anything */
static int begin_old_sparse(struct tar *t, struct error *err)
{
	const uint8_t *h = t->header;
	t->entry.type = TAR_FILE;
	sparse_reset(&t->sparse);
	t->sparse.on = true;
	if (memcmp(h + AT_MAGIC, "ustar  ", 8) != 0)
		return bad_sparse(t, -EOPNOTSUPP, err);
	if (tar_octal(h + AT_REAL_SIZE, LEN_LONG, &t->sparse.real_size) < 0)
		return bad_sparse(t, -EBADMSG, err);
	return bad_sparse(t, sparse_fields(&t->sparse, h + AT_SPARSE, IN_HEADER_PARTS), err);
}

static int entry_type(struct tar *t, char type, struct error *err)
{
	switch (type) {
	case 0:		/* the old form knows directories by their slash */
		t->entry.type = *t->entry.name && t->entry.name[strlen(t->entry.name) - 1] == '/' ? TAR_DIRECTORY : TAR_FILE;
		return 0;
	case '0': case '7': t->entry.type = TAR_FILE; return 0;
	case '1': t->entry.type = TAR_HARDLINK; return 0;
	case '2': t->entry.type = TAR_SYMLINK; return 0;
	case '3': t->entry.type = TAR_CHAR_DEVICE; return 0;
	case '4': t->entry.type = TAR_BLOCK_DEVICE; return 0;
	case '5': t->entry.type = TAR_DIRECTORY; return 0;
	case '6': t->entry.type = TAR_FIFO; return 0;
	case 'S': return begin_old_sparse(t, err);
	}
	char what[80];
	snprintf(what, sizeof what, "is of the unknown type 0x%02x", (unsigned char) type);
	return bad(t, err, EOPNOTSUPP, what);
}

static unsigned padding_of(uint64_t size) { return (unsigned) (-size & (BLOCK - 1)); }

static int begin_meta(struct tar *t, char type, struct error *err)
{
	bool name = type == 'L' || type == 'K';
	if (t->entry.size > (name ? PATH_MAX : RECORDS_MAX)) {
		t->entry.name = NULL;
		return bad(t, err, E2BIG, name ? "has a name of more than 4095 bytes" : "has more than 1 MiB of pax records");
	}
	t->left = (uint64_t) t->entry.size;
	t->padding = padding_of(t->left);
	t->meta_type = type;
	t->meta = xmalloc(t->left + 1);
	t->meta_len = 0;
	t->state = IN_META;
	return TAR_MORE;
}

/* sparse_entry - its map is known */
static int sparse_entry(struct tar *t, struct error *err)
{
	int r = bad_sparse(t, sparse_check(&t->sparse, (int64_t) t->left), err);
	if (r < 0)
		return r;
	t->entry.size = t->sparse.real_size;
	sparse_advance(&t->sparse, 0);
	t->state = IN_BODY;
	return TAR_ENTRY;
}

static int begin_sparse(struct tar *t, char type, struct error *err)
{
	const char *name = t->sparse.name;
	if (name) {	/* the entry's own is one that other programs can use */
		int r = record_name(t, "path", name, strlen(name), &t->entry.name, err);
		if (r < 0)
			return r;
	}
	if (t->sparse.in_data) {
		t->map_padding = 0;
		t->state = IN_MAP;
		return TAR_MORE;
	}
	if (type == 'S' && t->header[AT_EXTENDED]) {
		t->state = IN_PARTS;
		return TAR_MORE;
	}
	return sparse_entry(t, err);
}

static int begin_entry(struct tar *t, char type, struct error *err)
{
	int r = apply_records(t, err);
	if (r < 0)
		return r;
	if (t->long_name)
		t->entry.name = t->long_name;
	if (t->long_link)
		t->entry.link = t->long_link;
	r = entry_type(t, type, err);
	if (r < 0)
		return r;
	if (t->entry.type != TAR_SYMLINK && t->entry.type != TAR_HARDLINK)
		t->entry.link = "";
	if (t->entry.type != TAR_FILE)
		t->entry.size = 0;	/* links and directories may carry a size of something, but never data */
	t->left = (uint64_t) t->entry.size;
	t->padding = padding_of(t->left);
	t->in_entry = true;
	if (t->sparse.on && t->entry.type == TAR_FILE)
		return begin_sparse(t, type, err);
	t->sparse.on = false;
	t->state = IN_BODY;
	return TAR_ENTRY;
}

static int read_header(struct tar *t, struct error *err)
{
	t->header_len = 0;
	t->entry = (struct tar_entry) { 0 };
	sparse_reset(&t->sparse);
	if (is_zero(t->header)) {
		if (++t->zero_blocks == 2)
			t->state = AT_END;
		return TAR_MORE;
	}
	if (t->zero_blocks)
		return error_say(err, EBADMSG, "the archive is damaged: entries follow half of its end mark");
	if (!checksum_ok(t->header))
		return error_say(err, EBADMSG, "the archive is damaged: a header's checksum is wrong, or this is no tar archive");
	header_names(t);
	int r = header_numbers(t, err);
	if (r < 0)
		return r;
	char type = (char) t->header[AT_TYPE];
	return type == 'x' || type == 'g' || type == 'L' || type == 'K' ? begin_meta(t, type, err) : begin_entry(t, type, err);
}

/* end_meta - what was collected belongs to the next entry; the last one of a kind counts */
static void end_meta(struct tar *t)
{
	t->meta[t->meta_len] = 0;
	char **to = t->meta_type == 'x' ? &t->records : t->meta_type == 'L' ? &t->long_name : t->meta_type == 'K' ? &t->long_link : NULL;
	if (to) {
		free(*to);
		*to = t->meta;
		if (t->meta_type == 'x')
			t->records_len = t->meta_len;
	} else {
		free(t->meta);
	}
	t->meta = NULL;
	t->state = IN_PADDING;
}

/* ---- the input ---- */

static size_t take(const uint8_t **in, size_t *len, uint64_t most)
{
	size_t n = *len < most ? *len : (size_t) most;
	*in += n;
	*len -= n;
	return n;
}

static int next_header(struct tar *t, const uint8_t **in, size_t *len, struct error *err)
{
	const uint8_t *from = *in;
	if (t->header_len == 0 && t->in_entry) {	/* the entry that used them is over */
		forget_meta(t);
		t->in_entry = false;
	}
	size_t n = take(in, len, BLOCK - t->header_len);
	memcpy(t->header + t->header_len, from, n);
	t->header_len += n;
	return t->header_len == BLOCK ? read_header(t, err) : TAR_MORE;
}

/* next_parts - a block of an old sparse file's map; the header's buffer is free */
static int next_parts(struct tar *t, const uint8_t **in, size_t *len, struct error *err)
{
	const uint8_t *from = *in;
	size_t n = take(in, len, BLOCK - t->header_len);
	memcpy(t->header + t->header_len, from, n);
	t->header_len += n;
	if (t->header_len < BLOCK)
		return TAR_MORE;
	t->header_len = 0;
	int r = bad_sparse(t, sparse_fields(&t->sparse, t->header, IN_BLOCK_PARTS), err);
	if (r < 0 || t->header[AT_BLOCK_EXTENDED])
		return r < 0 ? r : TAR_MORE;
	return sparse_entry(t, err);
}

/* next_map - it is a part of the body, and of as many whole blocks as it needs */
static int next_map(struct tar *t, const uint8_t **in, size_t *len, struct error *err)
{
	int r = 0;
	while (r == 0 && *len > 0) {
		if (t->left == 0)
			return bad_sparse(t, -EBADMSG, err);
		r = bad_sparse(t, sparse_text(&t->sparse, **in), err);
		(void) take(in, len, 1);
		t->left--;
		t->map_padding = (t->map_padding - 1) & (BLOCK - 1);
	}
	if (r > 0)
		t->state = IN_MAP_PADDING;
	return r < 0 ? r : TAR_MORE;
}

static int next_map_padding(struct tar *t, const uint8_t **in, size_t *len, struct error *err)
{
	if (t->map_padding > t->left)
		return bad_sparse(t, -EBADMSG, err);
	unsigned n = (unsigned) take(in, len, t->map_padding);
	t->left -= n;
	t->map_padding -= n;
	return t->map_padding ? TAR_MORE : sparse_entry(t, err);
}

static int next_sparse(struct tar *t, const uint8_t **in, size_t *len, const uint8_t **data, size_t *data_len)
{
	int64_t most;
	enum sparse_kind kind = sparse_next(&t->sparse, &most);
	if (kind == SPARSE_END) {
		t->state = IN_PADDING;
		return TAR_ENTRY_END;
	}
	if (kind == SPARSE_DATA) {
		*data = *in;
		*data_len = take(in, len, (uint64_t) most);
		t->left -= *data_len;
	} else {
		*data_len = (uint64_t) most > SIZE_MAX >> 1 ? SIZE_MAX >> 1 : (size_t) most;
	}
	sparse_advance(&t->sparse, (int64_t) *data_len);
	return kind == SPARSE_HOLE ? TAR_HOLE : *data_len ? TAR_DATA : TAR_MORE;
}

static int next_body(struct tar *t, const uint8_t **in, size_t *len, const uint8_t **data, size_t *data_len)
{
	if (t->sparse.on)
		return next_sparse(t, in, len, data, data_len);
	if (t->left == 0) {
		t->state = IN_PADDING;
		return TAR_ENTRY_END;
	}
	*data = *in;
	*data_len = take(in, len, t->left);
	t->left -= *data_len;
	return *data_len ? TAR_DATA : TAR_MORE;
}

static void next_meta(struct tar *t, const uint8_t **in, size_t *len)
{
	const uint8_t *from = *in;
	size_t n = take(in, len, t->left);
	memcpy(t->meta + t->meta_len, from, n);
	t->meta_len += n;
	t->left -= n;
	if (t->left == 0)
		end_meta(t);
}

/* needs_no_input - a body may end, and a hole comes, without any */
static bool needs_no_input(const struct tar *t)
{
	int64_t len;
	if (t->state == IN_MAP_PADDING)
		return t->map_padding == 0;
	return t->state == IN_BODY && (t->left == 0 || (t->sparse.on && sparse_next(&t->sparse, &len) == SPARSE_HOLE));
}

int tar_next(struct tar *t, const uint8_t **in, size_t *len, const uint8_t **data, size_t *data_len, struct error *err)
{
	int r = TAR_MORE;
	while (r == TAR_MORE && (*len > 0 || needs_no_input(t))) {
		switch (t->state) {
		case IN_HEADER:
			r = next_header(t, in, len, err);
			break;
		case IN_META:
			next_meta(t, in, len);
			break;
		case IN_PARTS:
			r = next_parts(t, in, len, err);
			break;
		case IN_MAP:
			r = next_map(t, in, len, err);
			break;
		case IN_MAP_PADDING:
			r = next_map_padding(t, in, len, err);
			break;
		case IN_BODY:
			r = next_body(t, in, len, data, data_len);
			break;
		case IN_PADDING:
			t->padding -= (unsigned) take(in, len, t->padding);
			if (t->padding == 0)
				t->state = IN_HEADER;
			break;
		case AT_END:
			(void) take(in, len, *len);
			break;
		}
	}
	return r;
}

int tar_finish(const struct tar *t, struct error *err)
{
	bool between = t->state == AT_END || (t->state == IN_HEADER && t->header_len == 0) ||
		       (t->state == IN_PADDING && t->padding == 0);
	if (between && !t->meta && (t->in_entry || (!t->records && !t->long_name && !t->long_link)))
		return 0;
	if (t->state == IN_BODY)
		return error_say(err, EBADMSG, "the archive is cut off: %llu bytes of '%.*s' are missing", (unsigned long long) t->left,
				 NAME_SHOWN, t->entry.name);
	return error_say(err, EBADMSG, "the archive is cut off in the middle of a header");
}
