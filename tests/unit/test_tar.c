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
			if (r == TAR_HOLE)
				used += (size_t) snprintf(seen + used, sizeof seen - used, "[%zu]", len);
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
		{ "22 GNU.sparse.major=2\n", "is a sparse file of a version that carrier does not know; make the layer without --sparse" },
		{ "22 GNU.sparse.minor=2\n", "is a sparse file of a version that carrier does not know; make the layer without --sparse" },
		{ "22 GNU.sparse.size=x1\n", "is a sparse file with a damaged map" },
		{ "23 GNU.sparse.size=-12\n", "is a sparse file with a damaged map" },
		{ "20 GNU.sparse.map=1\n", "is a sparse file with a damaged map" },
		{ "25 GNU.sparse.numbytes=1\n", "is a sparse file with a damaged map" },
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

/* ---- sparse files ---- */

static void sparse_records(void)
{
	/* 0.0, with a part of no bytes at its end as GNU tar writes it, and another file behind it */
	begin();
	PAX("23 GNU.sparse.size=600\n26 GNU.sparse.numblocks=3\n24 GNU.sparse.offset=10\n25 GNU.sparse.numbytes=2\n"
	    "25 GNU.sparse.offset=512\n25 GNU.sparse.numbytes=3\n25 GNU.sparse.offset=600\n25 GNU.sparse.numbytes=0\n");
	add("f", '0', "00000000005", "");
	body("abcde", 5);
	add("g", '0', "00000000001", "");
	body("G", 1);
	end();
	OK(parse(1) == 0 && parse(7) == 0);
	OK(parse(1 << 20) == 0);
	OK_STR(seen, "0 f> 10:11 644 600 100.0|[10]ab[500]cde[85];0 g> 10:11 644 1 100.0|G;");

	/* 0.1; no hole at the beginning nor at the end */
	begin();
	PAX("21 GNU.sparse.size=9\n32 GNU.sparse.name=dir/the name\n26 GNU.sparse.map=0,2,7,2\n");
	add("dir/GNUSparseFile.1/name", '0', "00000000004", "");
	body("abcd", 4);
	OK(parse(1 << 20) == 0);
	OK_STR(seen, "0 dir/the name> 10:11 644 9 100.0|ab[5]cd;");

	/* 1.0: the map in front of the data, and what is only a hole */
	begin();
	PAX("22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n21 GNU.sparse.name=f\n26 GNU.sparse.realsize=12\n");
	add("GNUSparseFile.1/f", '0', "00000001003", "");
	body("2\n3\n2\n8\n1\n", 10);
	body("abc", 3);
	PAX("22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n27 GNU.sparse.realsize=100\n");
	add("hole", '0', "00000001000", "");
	body("0\n", 2);
	PAX("22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n25 GNU.sparse.realsize=0\n");
	add("nothing", '0', "00000001000", "");
	body("0\n", 2);
	end();
	OK(parse(1 << 20) == 0);
	OK_STR(seen, "0 f> 10:11 644 12 100.0|[3]ab[3]c[3];0 hole> 10:11 644 100 100.0|[100];0 nothing> 10:11 644 0 100.0|;");
	OK(parse(1) == 0 && parse(511) == 0 && parse(513) == 0);

	/* directories have no map */
	begin();
	PAX("23 GNU.sparse.size=600\n");
	add("d", '5', "00000000000", "");
	end();
	OK(parses("1 d> 10:11 644 0 100.0|;"));
}

static void old_sparse(void)
{
	/* seven parts: four in the header, three in a block behind it */
	begin();
	uint8_t *h = head("f", 'S', "00000000007", "");
	memcpy(h + 257, "ustar  ", 8);
	for (int i = 0; i < 4; i++)
		(void) snprintf((char *) h + 386 + 24 * i, 24, "%011o%c%011o", 10 * i, 0, 1);
	h[482] = 1;
	strcpy((char *) h + 483, "00000000144");
	sum(h);
	uint8_t *block = archive + archive_len;
	memset(block, 0, 512);
	for (int i = 0; i < 3; i++)
		(void) snprintf((char *) block + 24 * i, 24, "%011o%c%011o", 10 * (i + 4), 0, 1);
	archive_len += 512;
	body("abcdefg", 7);
	end();
	OK(parse(1 << 20) == 0);
	OK_STR(seen, "0 f> 10:11 644 100 100.0|a[9]b[9]c[9]d[9]e[9]f[9]g[39];");
	OK(parse(1) == 0 && parse(512) == 0);
	archive_len = 1000;
	OK(parse(512) == -EBADMSG);
	OK_STR(err.text, "the archive is cut off in the middle of a header");

	memcpy(h + 257, "ustar\00000", 8);	/* star's, or nobody's */
	sum(h);
	OK(parse(512) == -EOPNOTSUPP);
	OK_STR(err.text, "the archive's entry 'f' is a sparse file of a version that carrier does not know; make the layer without --sparse");
}

static void bad_sparse(void)
{
	static const char *const maps[] = {
		"21 GNU.sparse.size=5\n26 GNU.sparse.map=4,1,0,1\n",	/* not in order */
		"21 GNU.sparse.size=5\n26 GNU.sparse.map=0,2,1,1\n",	/* one over the other */
		"21 GNU.sparse.size=5\n22 GNU.sparse.map=4,2\n",	/* beyond its size */
		"21 GNU.sparse.size=5\n22 GNU.sparse.map=0,1\n",	/* fewer bytes than the archive has */
		"21 GNU.sparse.size=5\n22 GNU.sparse.map=0,3\n",	/* more */
		"22 GNU.sparse.map=0,2\n",				/* of no size */
		"21 GNU.sparse.size=5\n40 GNU.sparse.map=9223372036854775807,2\n",
		"22 GNU.sparse.major=1\n25 GNU.sparse.realsize=5\n",	/* the data is no map */
	};
	for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
		begin();
		pax(maps[i], strlen(maps[i]));
		add("f", '0', "00000000002", "");
		body("xy", 2);
		end();
		OK(parse(512) == -EBADMSG);
		OK_STR(err.text, "the archive's entry 'f' is a sparse file with a damaged map");
	}
	begin();
	PAX("22 GNU.sparse.major=1\n25 GNU.sparse.realsize=5\n");
	add("f", '0', "00000001000", "");
	body("65537\n", 6);
	OK(parse(512) == -E2BIG);
	OK_STR(err.text, "the archive's entry 'f' is a sparse file of more than 65536 parts, which carrier does not unpack; "
	       "make the layer without --sparse");
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
	sparse_records();
	old_sparse();
	bad_sparse();
	damage();
	return tap_done();
}
