/* The bytes that go to criu and come from it; those here were made by hand from the encoding's definition. */
#include "../../woody/criu_rpc.h"
#include "cleanup.h"
#include "tap.h"
#include <stdlib.h>

/* says - do the bytes in @b read, in hex, like @hex? */
static int says(const struct buf *b, const char *hex)
{
	char text[512];
	if (b->len * 2 >= sizeof text)
		return 0;
	str_hex(b->data, b->len, text);
	if (strcmp(text, hex) != 0)
		printf("# got %s\n", text);
	return strcmp(text, hex) == 0;
}

static void encode(void)
{
	struct buf o cleanup_buf = { 0 };
	criu_put_int(&o, CRIU_IMAGES_DIR_FD, 7);
	OK(says(&o, "0807"));
	criu_put_flag(&o, CRIU_LEAVE_RUNNING, false);
	criu_put_string(&o, CRIU_PARENT_IMG, NULL);
	OK(says(&o, "0807"));
	criu_put_flag(&o, CRIU_LEAVE_RUNNING, true);
	OK(says(&o, "08071801"));

	struct buf n cleanup_buf = { 0 };
	criu_put_int(&n, CRIU_EMPTY_NS, 0x40000000);
	OK(says(&n, "b0028080808004"));
	struct buf minus cleanup_buf = { 0 };
	criu_put_int(&minus, CRIU_STATUS_FD, -1);
	OK(says(&minus, "8803ffffffffffffffffff01"));

	struct buf s cleanup_buf = { 0 };
	criu_put_string(&s, CRIU_EXTERNAL, "mnt");
	criu_put_string(&s, CRIU_EXTERNAL, "");
	OK(says(&s, "aa02036d6e74" "aa0200"));

	struct buf m cleanup_buf = { 0 };
	criu_put_pair(&m, CRIU_INHERIT_FD, "k", 300);
	OK(says(&m, "da0106" "0a016b" "10ac02"));
	struct buf c cleanup_buf = { 0 };
	criu_put_strings(&c, CRIU_CG_ROOT, "cpu", "/x");
	OK(says(&c, "ca0109" "0a03637075" "12022f78"));

	struct buf long_one cleanup_buf = { 0 };
	char text[201];
	memset(text, 'a', 200);
	text[200] = 0;
	criu_put_string(&long_one, CRIU_LOG_FILE, text);
	OK(long_one.len == 203 && memcmp(long_one.data, "\x52\xc8\x01" "aaa", 6) == 0);

	struct buf r cleanup_buf = { 0 };
	criu_request(&r, CRIU_DUMP, &o);
	OK(says(&r, "0801" "1204" "08071801"));
	struct buf empty cleanup_buf = { 0 }, bare cleanup_buf = { 0 };
	criu_request(&bare, CRIU_RESTORE, &empty);
	OK(says(&bare, "08021200"));

	struct buf yes cleanup_buf = { 0 }, no cleanup_buf = { 0 };
	criu_answer(&yes, true);
	criu_answer(&no, false);
	OK(says(&yes, "08061801"));
	OK(says(&no, "08061800"));
}

static struct criu_response last;
static struct error why;

/* hears - decode bytes given in hex */
static int hears(const char *hex)
{
	size_t len = strlen(hex) / 2;
	/* of exactly this size, so that a sanitizer sees what is read behind it */
	cleanup_free unsigned char *data = malloc(len ? len : 1);
	for (size_t i = 0; i < len; i++) {
		unsigned byte = 0;
		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return -1;
		data[i] = (unsigned char) byte;
	}
	last = (struct criu_response) { .type = 99 };
	why = (struct error) { 0 };
	return criu_response_decode(data, len, &last, &why);
}

static void decode(void)
{
	OK(hears("08011001") == 0 && last.type == CRIU_DUMP && last.success && last.pid == 0);
	OK_STR(last.script, "");
	OK(hears("08011000" "3801") == 0 && !last.success && last.cr_errno == 1);
	OK(hears("08021001" "2203" "08b917") == 0 && last.type == CRIU_RESTORE && last.pid == 3001);
	/* the order is free, and the last of two counts */
	OK(hears("10000802" "1001") == 0 && last.type == CRIU_RESTORE && last.success);
	OK(hears("08061001" "2a0e" "0a0a706f73742d64756d7020" "1005") == 0 && last.type == CRIU_NOTIFY && last.pid == 5);
	OK_STR(last.script, "post-dump ");
	OK(hears("08011000" "4a03626164") == 0);
	OK_STR(last.message, "bad");
	OK(hears("08011000" "38ffffffffffffffffff01") == 0 && last.cr_errno == -1);
	/* what is not known is skipped: a number, eight bytes, four bytes, bytes, a high field number */
	OK(hears("08011001" "780a" "790102030405060708" "7d01020304" "7a020102" "f8ffffff0f01") == 0 && last.success);

	char cut[400] = "08011000" "2a50" "0a4e";
	for (int i = 0; i < 78; i++)
		strcat(cut, "78");
	OK(hears(cut) == 0 && strlen(last.script) == sizeof last.script - 1);
}

static void refuse(void)
{
	static const char *const bad[] = {
		"",				/* nothing */
		"0801", "1001",			/* not what it is about, or not how it went */
		"08", "0801100180", "088080",	/* ends in a number */
		"08ffffffffffffffffffff01" "1001", "08ffffffffffffffffff02" "1001",	/* more than 64 bits */
		"088080808080801f" "1001",	/* more than an int */
		"0001", "08011001" "0001",	/* field 0 */
		"08011001" "7b", "08011001" "7c", "08011001" "7e", "08011001" "7f",	/* groups, and no wire type */
		"08011001" "4a05626164",	/* shorter than it says */
		"08011001" "4affffffffffffffffff01",	/* and much shorter */
		"08011001" "79010203", "08011001" "7d0102",
		"08011001" "4a03620064",	/* a NUL in a text */
		"0a0101" "1001", "08011201",	/* bytes where a number belongs */
		"08011001" "2805", "08011001" "2005",	/* a number where a message belongs */
		"08011001" "2a02" "0801", "08011001" "2a02" "0a05", "08011001" "2a02" "1280",	/* in the notification */
		"08021001" "2202" "0a00", "08021001" "2201" "08",	/* in the pid */
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int refused = hears(bad[i]) == -EBADMSG && last.type == 99 && strstr(why.text, "criu's answer");
		if (!refused)
			printf("# taken: %s\n", bad[i]);
		OK(refused);
	}
	/* every beginning of a good message is refused or is a shorter good one; none is read beyond its end */
	const char *whole = "08061001" "2a0e" "0a0a706f73742d64756d7020" "1005";
	int wrong = 0;
	for (size_t n = 0; n < strlen(whole); n += 2) {
		char part[64];
		snprintf(part, sizeof part, "%.*s", (int) n, whole);
		wrong += (hears(part) == 0) != (n == 8);
	}
	OK(wrong == 0);
}

int main(void)
{
	encode();
	decode();
	refuse();
	return tap_done();
}
