#include "tar_write.h"
#include <stdio.h>
#include <string.h>

enum {
	BLOCK = 512, LEN_NAME = 100, LEN_PREFIX = 155, AT_MODE = 100, AT_UID = 108, AT_GID = 116, AT_SIZE = 124, AT_MTIME = 136,
	AT_CHECKSUM = 148, AT_TYPE = 156, AT_LINK = 157, AT_MAGIC = 257, AT_MAJOR = 329, AT_MINOR = 337, AT_PREFIX = 345,
};
static const int64_t id_max = 07777777, long_max = 077777777777;

size_t tar_padding(int64_t size) { return (size_t) (-(uint64_t) size & (BLOCK - 1)); }

/* ---- pax records ---- */

/* record - "LENGTH KEY=VALUE\n", where the length counts its own digits */
static void record(struct buf *out, const char *prefix, const char *key, const void *value, size_t len)
{
	size_t rest = strlen(prefix) + strlen(key) + len + 3, total = rest + 1;
	char digits[24];
	while (rest + (size_t) snprintf(digits, sizeof digits, "%zu", total) != total)
		total++;
	buf_printf(out, "%s %s%s=", digits, prefix, key);
	buf_add(out, value, len);
	buf_putc(out, '\n');
}

static void text_record(struct buf *out, const char *key, const char *value) { record(out, "", key, value, strlen(value)); }

static void number_record(struct buf *out, const char *key, int64_t value)
{
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long) value);
	text_record(out, key, text);
}

/* time_record - as a decimal, without zeros at its end. The nanoseconds count upwards from the second, also before 1970. */
static void time_record(struct buf *out, int64_t sec, uint32_t nsec)
{
	char text[40];
	bool negative = sec < 0;
	if (negative && nsec > 0) {
		sec++;
		nsec = 1000000000 - nsec;
	}
	int n = snprintf(text, sizeof text, "%s%lld", negative ? "-" : "", (long long) (negative ? -sec : sec));
	if (nsec > 0) {
		n += snprintf(text + n, sizeof text - (size_t) n, ".%09u", nsec);
		while (text[n - 1] == '0')
			text[--n] = 0;
	}
	text_record(out, "mtime", text);
}

/* is_text - UTF-8, as pax wants its records to be */
static bool is_text(const char *s)
{
	while (*s) {
		unsigned char c = (unsigned char) *s++;
		int more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : (c & 0xf0) == 0xe0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : -1;
		if (more < 0)
			return false;
		for (; more > 0; more--, s++)
			if (((unsigned char) *s & 0xc0) != 0x80)
				return false;
	}
	return true;
}

/* ---- the header block ---- */

static void octal(uint8_t *field, int digits, int64_t value)
{
	field[digits] = 0;
	for (; digits-- > 0; value >>= 3)
		field[digits] = (uint8_t) ('0' + (value & 7));
}

/* split - where the name's prefix ends: 0 when it needs none, -1 when it fits in no way */
static int split(const char *name)
{
	size_t len = strlen(name);
	if (len <= LEN_NAME)
		return 0;
	/* the slash nearest to the front that leaves a rest which fits; the rest is not to be empty */
	for (size_t i = len > LEN_NAME + 1 ? len - LEN_NAME - 1 : 1; i < len - 1 && i <= LEN_PREFIX; i++)
		if (name[i] == '/')
			return (int) i;
	return -1;
}

static void put(uint8_t *field, size_t size, const char *text)
{
	size_t len = strlen(text);
	memcpy(field, text, len < size ? len : size);
}

static int64_t fitting(int64_t value, int64_t max) { return value >= 0 && value <= max ? value : 0; }

static void put_name(uint8_t *h, const char *name)
{
	int at = split(name);
	if (at > 0)
		memcpy(h + AT_PREFIX, name, (size_t) at);
	put(h, LEN_NAME, at > 0 ? name + at + 1 : name);
}

static void header(const struct tar_entry *e, char type, struct buf *out)
{
	uint8_t h[BLOCK] = { 0 };
	unsigned sum = 0;
	put_name(h, e->name);
	octal(h + AT_MODE, 7, e->mode & 07777);
	octal(h + AT_UID, 7, fitting(e->uid, id_max));
	octal(h + AT_GID, 7, fitting(e->gid, id_max));
	octal(h + AT_SIZE, 11, fitting(e->size, long_max));
	octal(h + AT_MTIME, 11, fitting(e->mtime_sec, long_max));
	h[AT_TYPE] = (uint8_t) type;
	put(h + AT_LINK, LEN_NAME, e->link);
	memcpy(h + AT_MAGIC, "ustar\00000", 8);
	octal(h + AT_MAJOR, 7, fitting(e->major, id_max));
	octal(h + AT_MINOR, 7, fitting(e->minor, id_max));
	memset(h + AT_CHECKSUM, ' ', 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += h[i];
	octal(h + AT_CHECKSUM, 6, sum);
	h[AT_CHECKSUM + 7] = ' ';
	buf_add(out, h, BLOCK);
}

/* ---- entries ---- */

static void make_records(const struct tar_entry *e, struct buf *out)
{
	bool long_name = split(e->name) < 0, long_link = strlen(e->link) > LEN_NAME;
	if ((long_name && !is_text(e->name)) || (long_link && !is_text(e->link)))
		text_record(out, "hdrcharset", "BINARY");
	if (long_name)
		text_record(out, "path", e->name);
	if (long_link)
		text_record(out, "linkpath", e->link);
	if (e->size > long_max)
		number_record(out, "size", e->size);
	if (e->uid > id_max)
		number_record(out, "uid", e->uid);
	if (e->gid > id_max)
		number_record(out, "gid", e->gid);
	if (e->mtime_nsec > 0 || e->mtime_sec < 0 || e->mtime_sec > long_max)
		time_record(out, e->mtime_sec, e->mtime_nsec);
	for (size_t i = 0; i < e->n_xattrs; i++)
		record(out, "SCHILY.xattr.", e->xattrs[i].name, e->xattrs[i].value, e->xattrs[i].len);
}

static void pad(struct buf *out, size_t n)
{
	static const char zeros[BLOCK];
	buf_add(out, zeros, n);
}

void tar_write_entry(const struct tar_entry *e, struct buf *out)
{
	static const char types[] = { [TAR_FILE] = '0', [TAR_DIRECTORY] = '5', [TAR_SYMLINK] = '2', [TAR_HARDLINK] = '1',
				      [TAR_CHAR_DEVICE] = '3', [TAR_BLOCK_DEVICE] = '4', [TAR_FIFO] = '6' };
	cleanup_buf struct buf records = { 0 };
	make_records(e, &records);
	if (records.len) {
		const struct tar_entry meta = { .name = "PaxHeaders/entry", .link = "", .mode = 0644, .size = (int64_t) records.len };
		header(&meta, 'x', out);
		buf_add(out, records.data, records.len);
		pad(out, tar_padding(meta.size));
	}
	header(e, types[e->type], out);
}

void tar_write_end(struct buf *out)
{
	pad(out, BLOCK);
	pad(out, BLOCK);
}
