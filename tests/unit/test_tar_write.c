/* What tar_write.c writes is read back by tar.c; and the blocks themselves are looked at where readers of other people are picky. */
#include "../../cli/pack/tar_write.h"
#include "mem.h"
#include "tap.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static struct buf archive;
static const char body[] = "hello";

static void write_one(const struct tar_entry *e)
{
	static const char zeros[512];
	tar_write_entry(e, &archive);
	if (e->type == TAR_FILE) {
		buf_add(&archive, body, (size_t) e->size);
		buf_add(&archive, zeros, tar_padding(e->size));
	}
}

/* same - does @e come back as it was? */
static bool same(const struct tar_entry *e)
{
	struct tar *t = tar_new();
	struct error err = { 0 };
	archive.len = 0;
	write_one(e);
	tar_write_end(&archive);
	const uint8_t *in = (const uint8_t *) archive.data, *data;
	size_t left = archive.len, len;
	int r = tar_next(t, &in, &left, &data, &len, &err);
	const struct tar_entry *got = tar_entry(t);
	bool ok = r == TAR_ENTRY && got->type == e->type && strcmp(got->name, e->name) == 0 && strcmp(got->link, e->link) == 0 &&
		  got->mode == e->mode && got->uid == e->uid && got->gid == e->gid && got->size == e->size &&
		  got->mtime_sec == e->mtime_sec && got->mtime_nsec == e->mtime_nsec && got->major == e->major && got->minor == e->minor &&
		  got->n_xattrs == e->n_xattrs;
	for (size_t i = 0; ok && i < e->n_xattrs; i++)
		ok = strcmp(got->xattrs[i].name, e->xattrs[i].name) == 0 && got->xattrs[i].len == e->xattrs[i].len &&
		     memcmp(got->xattrs[i].value, e->xattrs[i].value, e->xattrs[i].len) == 0;
	if (!ok)
		printf("# %d: %s; %s>%s %o %u:%u %lld %lld.%u\n", r, err.text, got->name, got->link, got->mode, got->uid, got->gid,
		       (long long) got->size, (long long) got->mtime_sec, got->mtime_nsec);
	while (ok && (r = tar_next(t, &in, &left, &data, &len, &err)) > 0)
		ok = r != TAR_ENTRY && (r != TAR_DATA || (len == (size_t) e->size && memcmp(data, body, len) == 0));
	ok = ok && r == TAR_MORE && tar_finish(t, &err) == 0 && archive.len % 512 == 0;
	tar_free(t);
	return ok;
}

static bool same_with_defaults(struct tar_entry e)
{
	e.link = e.link ? e.link : "";
	e.mode = e.mode ? e.mode : 0644;
	e.mtime_sec = e.mtime_sec ? e.mtime_sec : 1000000000;
	return same(&e);
}
#define SAME(...) OK(same_with_defaults((struct tar_entry) { __VA_ARGS__ }))

/* blocks - how many the last entry took, without the end mark and data */
static size_t blocks(void) { return archive.len / 512 - 2; }

static void ordinary(void)
{
	SAME(.name = "f", .size = 5);
	OK(blocks() == 2);
	SAME(.name = "empty");
	OK(blocks() == 1);
	SAME(.name = "./", .type = TAR_DIRECTORY, .mode = 01777);
	SAME(.name = "link", .type = TAR_SYMLINK, .mode = 0777, .link = "../to");
	SAME(.name = "again", .type = TAR_HARDLINK, .link = "f");
	SAME(.name = "null", .type = TAR_CHAR_DEVICE, .major = 1, .minor = 3);
	SAME(.name = "disk", .type = TAR_BLOCK_DEVICE, .major = 259, .minor = 1048575);
	SAME(.name = "fifo", .type = TAR_FIFO);
	SAME(.name = "suid", .mode = 06755, .uid = 07777777, .gid = 07777777, .mtime_sec = 077777777777);
	OK(blocks() == 1);
	/* numbers end in NUL, and the checksum in NUL and blank, as POSIX and the first tar had it */
	OK(memcmp(archive.data + 108, "7777777", 8) == 0 && archive.data[154] == 0 && archive.data[155] == ' ');
}

static void beyond_ustar(void)
{
	SAME(.name = "id", .uid = 07777777 + 1, .gid = UINT32_MAX - 1);
	OK(blocks() == 3);
	SAME(.name = "nano", .mtime_nsec = 1);
	SAME(.name = "tenth", .mtime_nsec = 100000000);
	OK(memmem(archive.data, archive.len, "22 mtime=1000000000.1\n", 22) != NULL);
	SAME(.name = "early", .mtime_sec = -1);
	SAME(.name = "early", .mtime_sec = -2, .mtime_nsec = 250000000);
	OK(memmem(archive.data, archive.len, "mtime=-1.75\n", 12) != NULL);
	SAME(.name = "early", .mtime_sec = -1, .mtime_nsec = 250000000);
	OK(memmem(archive.data, archive.len, "mtime=-0.75\n", 12) != NULL);
	SAME(.name = "late", .mtime_sec = 077777777777 + 1LL);
	struct tar_xattr xattrs[] = { { "security.capability", "\1\0\0\2\0", 5 }, { "user.empty", "", 0 }, { "user.x", "a\nb=c", 5 } };
	SAME(.name = "x", .size = 5, .xattrs = xattrs, .n_xattrs = 3);
}

static void names(void)
{
	char name[PATH_MAX];
	/* every length around the places where ustar's fields end, with slashes at every hundredth byte */
	bool all = true;
	for (size_t len = 1; all && len < 600; len++) {
		for (size_t i = 0; i < len; i++)
			name[i] = i % 100 == 99 && i + 1 < len ? '/' : 'n';
		name[len] = 0;
		all = same(&(struct tar_entry) { .name = name, .link = "", .type = TAR_DIRECTORY });
	}
	OK(all);
	memset(name, 'd', 99);
	strcpy(name + 99, "/");
	SAME(.name = name, .type = TAR_DIRECTORY);
	OK(blocks() == 1);
	memset(name, 'd', 155);
	memset(name + 155, '/', 1);
	memset(name + 156, 'b', 100);
	name[256] = 0;
	SAME(.name = name);
	OK(blocks() == 1);	/* prefix and name are full */
	name[256] = 'b';
	name[257] = 0;
	SAME(.name = name);
	OK(blocks() == 3);
	memset(name, 'l', 4000);
	name[4000] = 0;
	SAME(.name = name);
	SAME(.name = "long", .type = TAR_SYMLINK, .link = name);
	SAME(.name = "not \xff utf-8 \n");
	OK(blocks() == 1);
	name[200] = '\xff';
	SAME(.name = name);
	OK(memmem(archive.data, archive.len, "21 hdrcharset=BINARY\n", 21) != NULL);
	memcpy(name + 200, "\xc3\xa4", 2);
	SAME(.name = name);
	OK(memmem(archive.data, archive.len, "hdrcharset", 10) == NULL);
}

static void record_lengths(void)
{
	/* a record's length counts its own digits: around 10, 100, 1000 */
	char name[PATH_MAX];
	bool all = true;
	for (size_t len = 101; all && len < 1100; len++) {
		memset(name, 'r', len);
		name[len] = 0;
		all = same(&(struct tar_entry) { .name = name, .link = "" });
	}
	OK(all);
}

static void always_the_same(void)
{
	struct tar_entry e = { .name = "same", .link = "", .mtime_nsec = 5 };
	struct buf a = { 0 }, b = { 0 };
	tar_write_entry(&e, &a);
	tar_write_entry(&e, &b);
	OK(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
	buf_done(&a);
	buf_done(&b);
	OK(tar_padding(0) == 0);
	OK(tar_padding(1) == 511);
	OK(tar_padding(512) == 0);
}

int main(void)
{
	ordinary();
	beyond_ustar();
	names();
	record_lengths();
	always_the_same();
	buf_done(&archive);
	return tap_done();
}
