#include "tar.h"
#include "mem.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 512, RECORDS_MAX = 1 << 20, NAME_SHOWN = 300 };

/* where the fields of a header block are */
enum {
	AT_NAME = 0, LEN_NAME = 100, AT_MODE = 100, AT_UID = 108, AT_GID = 116, LEN_ID = 8, AT_SIZE = 124, AT_MTIME = 136,
	LEN_LONG = 12, AT_CHECKSUM = 148, AT_TYPE = 156, AT_LINK = 157, LEN_LINK = 100, AT_MAGIC = 257, AT_MAJOR = 329,
	AT_MINOR = 337, AT_PREFIX = 345, LEN_PREFIX = 155, LEN_PREFIX_STAR = 131, AT_STAR = 508,
};

enum state { IN_HEADER, IN_META, IN_BODY, IN_PADDING, AT_END };

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

/* ---- numbers ---- */

/* base256 - two's complement, big endian; bit 7 of the first byte only says that it is one */
static int base256(const uint8_t *field, size_t len, int64_t *ret)
{
	bool negative = field[0] & 0x40;
	uint64_t value = negative ? UINT64_MAX : 0;
	for (size_t i = 0; i < len; i++) {
		uint8_t byte = i ? field[i] : (field[i] & 0x7f) | (negative ? 0x80 : 0);
		uint8_t top = (uint8_t) (value >> 56);
		if (top != (negative ? 0xff : 0))
			return -ERANGE;
		value = value << 8 | byte;
	}
	if ((value >> 63) != negative)
		return -ERANGE;
	*ret = (int64_t) value;
	return 0;
}

static int number(const uint8_t *field, size_t len, int64_t *ret)
{
	if (field[0] & 0x80)
		return base256(field, len, ret);

	size_t i = 0;
	uint64_t value = 0;
	while (i < len && (field[i] == ' ' || field[i] == 0))
		i++;
	for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
		value = value << 3 | (uint64_t) (field[i] - '0');	/* 12 digits at most: 36 bits */
	for (; i < len; i++)
		if (field[i] != ' ' && field[i] != 0)
			return -EINVAL;
	*ret = (int64_t) value;
	return 0;
}

/* decimal - the whole value, of a pax record */
static int decimal(const char *s, int64_t *ret)
{
	bool negative = *s == '-';
	int64_t value = 0;
	s += negative;
	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *s - '0', &value))
			return -ERANGE;
	}
	*ret = negative ? -value : value;
	return 0;
}

/* time_of - "1700000000.123456789", more digits are cut off; "-1.5" is 500 ms behind second -2 */
static int time_of(char *s, int64_t *sec, uint32_t *nsec)
{
	char *dot = strchr(s, '.');
	uint32_t fraction = 0;
	if (dot) {
		*dot = 0;
		const char *p = dot + 1;
		for (int i = 0; i < 9; i++) {
			if (*p && (*p < '0' || *p > '9'))
				return -EINVAL;
			fraction = fraction * 10 + (*p ? (uint32_t) (*p++ - '0') : 0);
		}
		for (; *p; p++)
			if (*p < '0' || *p > '9')
				return -EINVAL;
	}
	bool negative = *s == '-';
	int r = decimal(s, sec);
	if (r < 0)
		return r;
	*nsec = fraction;
	if (negative && fraction) {
		*nsec = 1000000000U - fraction;
		*sec -= 1;
	}
	return 0;
}

/* ---- pax records ---- */

static int record_number(struct tar *t, const char *key, const char *value, int64_t max, int64_t *ret, struct error *err)
{
	int64_t n;
	if (decimal(value, &n) < 0 || n < 0 || n > max) {
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

/* one_record - @value is NUL-terminated in place. An empty value means: as in the header */
static int one_record(struct tar *t, const char *key, char *value, size_t len, struct error *err)
{
	static const char xattr[] = "SCHILY.xattr.";
	struct tar_entry *e = &t->entry;
	int64_t n = 0;
	int r = 0;
	if (strncmp(key, xattr, sizeof xattr - 1) == 0)
		add_xattr(t, key + sizeof xattr - 1, value, len);
	else if (strncmp(key, "GNU.sparse.", 11) == 0)
		r = bad(t, err, EOPNOTSUPP, "is a sparse file, which carrier does not unpack; make the layer without --sparse");
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
	else if (strcmp(key, "mtime") == 0 && time_of(value, &e->mtime_sec, &e->mtime_nsec) < 0)
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
	if (number(h + AT_CHECKSUM, 8, &want) < 0)
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
		if (number(t->header + f[i].at, (size_t) f[i].len, &f[i].value) < 0 || f[i].value < f[i].min || f[i].value > f[i].max) {
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
	case 'S': return bad(t, err, EOPNOTSUPP, "is a sparse file, which carrier does not unpack; make the layer without --sparse");
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
	t->state = IN_BODY;
	t->in_entry = true;
	return TAR_ENTRY;
}

static int read_header(struct tar *t, struct error *err)
{
	t->header_len = 0;
	t->entry = (struct tar_entry) { 0 };
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

static int next_body(struct tar *t, const uint8_t **in, size_t *len, const uint8_t **data, size_t *data_len)
{
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

int tar_next(struct tar *t, const uint8_t **in, size_t *len, const uint8_t **data, size_t *data_len, struct error *err)
{
	int r = TAR_MORE;
	/* a body may end, and meta data of no bytes may be over, without any more input */
	while (r == TAR_MORE && (*len > 0 || (t->state == IN_BODY && t->left == 0))) {
		switch (t->state) {
		case IN_HEADER:
			r = next_header(t, in, len, err);
			break;
		case IN_META:
			next_meta(t, in, len);
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
