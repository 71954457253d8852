#include "../../cli/unpack/tar.h"
#include "tap.h"
#include <stdbool.h>
#include <stdlib.h>

static uint8_t archive[1 << 16];
static size_t archive_len;

/* head - a header block; @size is put as it is, so that it can be wrong */
static uint8_t *head(const char *name, char type, const char *size, const char *link)
{
	uint8_t *h = archive + archive_len;
	memset(h, 0, 512);
	strncpy((char *) h, name, 99);
	strcpy((char *) h + 100, "0000644");
	strcpy((char *) h + 108, "0000012");
	strcpy((char *) h + 116, "0000013");
	memcpy(h + 124, size, strlen(size));
	strcpy((char *) h + 136, "00000000144");
	h[156] = (uint8_t) type;
	strncpy((char *) h + 157, link, 99);
	memcpy(h + 257, "ustar\00000", 8);
	archive_len += 512;
	return h;
}

static void sum(uint8_t *h)
{
	unsigned total = 0;
	memset(h + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		total += h[i];
	snprintf((char *) h + 148, 8, "%06o", total);
}

static void add(const char *name, char type, const char *size, const char *link) { sum(head(name, type, size, link)); }

static void body(const char *data, size_t len)
{
	size_t blocks = (len + 511) / 512 * 512;
	memset(archive + archive_len, 0, blocks);
	memcpy(archive + archive_len, data, len);
	archive_len += blocks;
}

static void pax(const char *records, size_t len)
{
	char size[24];
	snprintf(size, sizeof size, "%011zo", len);
	add("pax", 'x', size, "");
	body(records, len);
}
#define PAX(text) pax(text, sizeof(text) - 1)

static void begin(void) { archive_len = 0; }
static void end(void) { memset(archive + archive_len, 0, 1024); archive_len += 1024; }

/* parse - in pieces of @piece bytes; what was seen as one line: "name>link uid:gid mode size mtime.nsec|data;" */
static char seen[8192];
static struct error err;
static int parse(size_t piece)
{
	struct tar *t = tar_new();
	size_t at = 0, used = 0;
	int r = 0;
	err = (struct error) { 0 };
	*seen = 0;
	while (at < archive_len && r == 0) {
		size_t n = archive_len - at < piece ? archive_len - at : piece, left = n, len;
		const uint8_t *in = archive + at, *data;
		while ((r = tar_next(t, &in, &left, &data, &len, &err)) > 0) {
			const struct tar_entry *e = tar_entry(t);
			if (r == TAR_ENTRY)
				used += (size_t) snprintf(seen + used, sizeof seen - used, "%d %s>%s %u:%u %o %lld %lld.%u|", e->type, e->name, e->link,
						 e->uid, e->gid, e->mode, (long long) e->size, (long long) e->mtime_sec, e->mtime_nsec);
			for (size_t i = 0; r == TAR_ENTRY && i < e->n_xattrs; i++)
				used += (size_t) snprintf(seen + used, sizeof seen - used, "%s=%.*s|", e->xattrs[i].name, (int) e->xattrs[i].len,
						 (const char *) e->xattrs[i].value);
			if (r == TAR_DATA)
				used += (size_t) snprintf(seen + used, sizeof seen - used, "%.*s", (int) len, (const char *) data);
			if (r == TAR_ENTRY_END)
				used += (size_t) snprintf(seen + used, sizeof seen - used, ";");
		}
		at += n;
	}
	if (r == 0)
		r = tar_finish(t, &err);
	tar_free(t);
	return r;
}

/* the same, whatever the pieces */
static bool parses(const char *want)
{
	static const size_t pieces[] = { 1, 7, 511, 512, 513, 1 << 20 };
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
		if (parse(pieces[i]) != 0 || strcmp(seen, want) != 0) {
			printf("# in pieces of %zu: %s\n#  got: %s\n# want: %s\n", pieces[i], err.text, seen, want);
			return false;
		}
	return true;
}

static void entries(void)
{
	begin();
	add("d/", '5', "00000000000", "");
	add("d/f", '0', "00000000005", "");
	body("hello", 5);
	add("s", '2', "00000000005", "t");	/* links have no data, whatever their size says */
	add("h", '1', "00000000005", "d/f");
	add("old/", 0, "00000000000", "");
	add("empty", 0, "0", "");
	end();
	OK(parses("1 d/> 10:11 644 0 100.0|;0 d/f> 10:11 644 5 100.0|hello;2 s>t 10:11 644 0 100.0|;3 h>d/f 10:11 644 0 100.0|;"
		  "1 old/> 10:11 644 0 100.0|;0 empty> 10:11 644 0 100.0|;"));
	strcpy((char *) archive + archive_len, "behind the end");
	archive_len += 512;
	OK(parse(100) == 0);

	begin();
	OK(parse(1) == 0);	/* nothing is an empty layer */
	add("f", '0', "00000000000", "");
	OK(parse(512) == 0);	/* writers leave the end out */
}

static void long_names(void)
{
	begin();
	uint8_t *h = head("name", '0', "00000000000", "");
	strcpy((char *) h + 345, "prefix/dir");
	sum(h);
	add("././@LongLink", 'L', "00000000006", "");
	body("longer", 7);
	add("././@LongLink", 'K', "00000000004", "");
	body("link", 5);
	add("short", '2', "00000000000", "x");
	add("next", '2', "00000000000", "y");	/* they were for one entry only */
	end();
	OK(parses("0 prefix/dir/name> 10:11 644 0 100.0|;2 longer>link 10:11 644 0 100.0|;2 next>y 10:11 644 0 100.0|;"));

	begin();
	h = head("gnu", '0', "00000000000", "");
	memcpy(h + 257, "ustar  ", 8);
	strcpy((char *) h + 345, "14000000000");	/* an atime, no prefix */
	sum(h);
	end();
	OK(parses("0 gnu> 10:11 644 0 100.0|;"));
}

static void records(void)
{
	begin();
	PAX("12 path=new\n13 size=0003\n18 uid=4000000000\n9 gid=07\n14 mtime=-1.5\n27 SCHILY.xattr.user.a=b=c\n24 SCHILY.xattr.user.e=\n"
	    "14 comment=hi\n");
	add("old", '0', "00000000000", "");
	body("abc", 3);
	add("after", '0', "00000000000", "");
	end();
	OK(parses("0 new> 4000000000:7 644 3 -2.500000000|user.a=b=c|user.e=|abc;0 after> 10:11 644 0 100.0|;"));

	begin();
	add("global", 'g', "00000000012", "");	/* octal: 10 */
	body("10 path=x\n", 10);
	PAX("17 linkpath=far\0\n");
	add("s", '2', "00000000000", "near");
	OK(parse(99) == -EBADMSG);
	OK_STR(err.text, "the archive's entry 's' has a NUL byte in its pax linkpath");

	begin();
	add("global", 'g', "00000000012", "");
	body("10 path=x\n", 10);
	add("f", '0', "00000000000", "");
	OK(parses("0 f> 10:11 644 0 100.0|;"));
}

static void bad_records(void)
{
	static const struct { const char *records, *says; } cases[] = {
		{ "6 abc\n", "has a pax record without a key" }, { "99 a=b\n", "has damaged pax records" },
		{ "6 a=bc", "has damaged pax records" }, { "0 a=b\n", "has damaged pax records" }, { "3 a\n", "has damaged pax records" },
		{ "5 =b\n", "has a pax record without a key" }, { "99999999999999999999999 a=b\n", "has damaged pax records" },
		{ "11 size=-1\n", "has the pax record size=-1, which is no number or too large" },
		{ "28 size=9223372036854775807\n", "has the pax record size=9223372036854775807, which is no number or too large" },
		{ "18 uid=4294967295\n", "has the pax record uid=4294967295, which is no number or too large" },
		{ "13 mtime=1.x\n", "has a pax mtime that is no time" },
		{ "22 GNU.sparse.major=1\n", "is a sparse file, which carrier does not unpack; make the layer without --sparse" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char want[200];
		begin();
		pax(cases[i].records, strlen(cases[i].records));
		add("f", '0', "00000000000", "");
		snprintf(want, sizeof want, "the archive's entry 'f' %s", cases[i].says);
		OK(parse(50) < 0);
		OK_STR(err.text, want);
	}
}

static int one(const char *size, size_t size_len, char type)
{
	begin();
	uint8_t *h = head("f", type, "", "");
	memcpy(h + 124, size, size_len);
	sum(h);
	return parse(512);
}

static void numbers(void)
{
	OK(one("\200\0\0\0\0\0\0\0\0\0\0\0", 12, '0') == 0);
	OK(one("\377\377\377\377\377\377\377\377\377\377\377\377", 12, '0') == -EBADMSG);
	OK_STR(err.text, "the archive's entry 'f' has a size that is no number, negative or too large");
	OK(one("\200\377\377\377\377\377\377\377\377\377\377\377", 12, '0') == -EBADMSG);
	OK(one("\200\0\0\0\177\377\377\377\377\377\377\377", 12, '0') == -EBADMSG);	/* INT64_MAX: padding would overflow */
	OK(one("00000000008", 11, '0') == -EBADMSG);
	OK(one(" 0000000 \0", 10, '0') == 0);
	OK(one("10000000000", 11, 'x') == -E2BIG);	/* 1 GiB */
	OK_STR(err.text, "an entry of the archive has more than 1 MiB of pax records");
	OK(one("00000010001", 11, 'L') == -E2BIG);
	OK(one("00000000000", 11, 'S') == -EOPNOTSUPP);
	OK(one("00000000000", 11, 'Q') == -EOPNOTSUPP);
	OK_STR(err.text, "the archive's entry 'f' is of the unknown type 0x51");
}

static void damage(void)
{
	begin();
	add("f", '0', "00000001000", "");
	body("x", 1);
	OK(parse(100) == 0);
	archive_len = 512 + 100;
	OK(parse(512) == -EBADMSG);
	OK_STR(err.text, "the archive is cut off: 412 bytes of 'f' are missing");
	archive_len = 300;
	OK(parse(512) == -EBADMSG);
	OK_STR(err.text, "the archive is cut off in the middle of a header");
	archive_len = 512;
	archive[0] = 'g';
	OK(parse(512) == -EBADMSG);
	OK_STR(err.text, "the archive is damaged: a header's checksum is wrong, or this is no tar archive");

	begin();
	PAX("9 uid=001\n");
	OK(parse(512) == -EBADMSG);	/* records of no entry */

	begin();
	memset(archive, 0, 512);
	archive_len = 512;
	OK(parse(512) == 0);
	add("f", '0', "00000000000", "");
	OK(parse(512) == -EBADMSG);
}

int main(void)
{
	entries();
	long_names();
	records();
	bad_records();
	numbers();
	damage();
	return tap_done();
}
