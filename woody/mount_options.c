#include "mount_options.h"
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#define ATIME_MODES ((unsigned long) (MS_NOATIME | MS_RELATIME | MS_STRICTATIME))

enum kind { NOTHING, SET, CLEAR, PROPAGATION, REC_SET, REC_CLEAR, WORD };

struct row {
	const char *name;
	enum kind kind;
	unsigned long value;	/* MS_*; MOUNT_ATTR_* for REC_*; for WORD: what it sets, see words[] */
};

/* what has a member of its own */
enum { BIND = 1, RECURSIVE = 2, TMPCOPYUP = 4, COPY_SYMLINK = 8, IDMAP = 16, RECURSIVE_IDMAP = 32 };

/* Sorted by name: `features` prints them so, and the test asserts it. */
static const struct row rows[] = {
	{ "acl", SET, MS_POSIXACL },
	{ "async", CLEAR, MS_SYNCHRONOUS },
	{ "atime", CLEAR, MS_NOATIME },
	{ "bind", WORD, BIND },
	{ "copy-symlink", WORD, COPY_SYMLINK },
	{ "defaults", NOTHING, 0 },
	{ "dev", CLEAR, MS_NODEV },
	{ "diratime", CLEAR, MS_NODIRATIME },
	{ "dirsync", SET, MS_DIRSYNC },
	{ "exec", CLEAR, MS_NOEXEC },
	{ "idmap", WORD, IDMAP },
	{ "iversion", SET, MS_I_VERSION },
	{ "lazytime", SET, MS_LAZYTIME },
	{ "loud", CLEAR, MS_SILENT },
	{ "mand", SET, MS_MANDLOCK },
	{ "noacl", CLEAR, MS_POSIXACL },
	{ "noatime", SET, MS_NOATIME },
	{ "nodev", SET, MS_NODEV },
	{ "nodiratime", SET, MS_NODIRATIME },
	{ "noexec", SET, MS_NOEXEC },
	{ "noiversion", CLEAR, MS_I_VERSION },
	{ "nolazytime", CLEAR, MS_LAZYTIME },
	{ "nomand", CLEAR, MS_MANDLOCK },
	{ "norelatime", CLEAR, MS_RELATIME },
	{ "nostrictatime", CLEAR, MS_STRICTATIME },
	{ "nosuid", SET, MS_NOSUID },
	{ "nosymfollow", SET, MS_NOSYMFOLLOW },
	{ "private", PROPAGATION, MS_PRIVATE },
	{ "ratime", REC_CLEAR, MOUNT_ATTR__ATIME },
	{ "rbind", WORD, BIND | RECURSIVE },
	{ "rdev", REC_CLEAR, MOUNT_ATTR_NODEV },
	{ "rdiratime", REC_CLEAR, MOUNT_ATTR_NODIRATIME },
	{ "relatime", SET, MS_RELATIME },
	{ "remount", SET, MS_REMOUNT },
	{ "rexec", REC_CLEAR, MOUNT_ATTR_NOEXEC },
	{ "ridmap", WORD, IDMAP | RECURSIVE_IDMAP },
	{ "rnoatime", REC_SET, MOUNT_ATTR_NOATIME },
	{ "rnodev", REC_SET, MOUNT_ATTR_NODEV },
	{ "rnodiratime", REC_SET, MOUNT_ATTR_NODIRATIME },
	{ "rnoexec", REC_SET, MOUNT_ATTR_NOEXEC },
	/* relatime is the absence of another mode: there is nothing to clear */
	{ "rnorelatime", NOTHING, 0 },
	{ "rnostrictatime", REC_CLEAR, MOUNT_ATTR__ATIME },
	{ "rnosuid", REC_SET, MOUNT_ATTR_NOSUID },
	{ "rnosymfollow", REC_SET, MOUNT_ATTR_NOSYMFOLLOW },
	{ "ro", SET, MS_RDONLY },
	{ "rprivate", PROPAGATION, MS_PRIVATE | MS_REC },
	{ "rrelatime", REC_SET, MOUNT_ATTR_RELATIME },
	{ "rro", REC_SET, MOUNT_ATTR_RDONLY },
	{ "rrw", REC_CLEAR, MOUNT_ATTR_RDONLY },
	{ "rshared", PROPAGATION, MS_SHARED | MS_REC },
	{ "rslave", PROPAGATION, MS_SLAVE | MS_REC },
	{ "rstrictatime", REC_SET, MOUNT_ATTR_STRICTATIME },
	{ "rsuid", REC_CLEAR, MOUNT_ATTR_NOSUID },
	{ "rsymfollow", REC_CLEAR, MOUNT_ATTR_NOSYMFOLLOW },
	{ "runbindable", PROPAGATION, MS_UNBINDABLE | MS_REC },
	{ "rw", CLEAR, MS_RDONLY },
	{ "shared", PROPAGATION, MS_SHARED },
	{ "silent", SET, MS_SILENT },
	{ "slave", PROPAGATION, MS_SLAVE },
	{ "strictatime", SET, MS_STRICTATIME },
	{ "suid", CLEAR, MS_NOSUID },
	{ "symfollow", CLEAR, MS_NOSYMFOLLOW },
	{ "sync", SET, MS_SYNCHRONOUS },
	{ "tmpcopyup", WORD, TMPCOPYUP },
	{ "unbindable", PROPAGATION, MS_UNBINDABLE },
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static void set_flag(struct mount_options *o, unsigned long flag)
{
	if (flag & ATIME_MODES)		/* one of three */
		o->flags &= ~ATIME_MODES;
	o->flags |= flag;
	o->cleared &= ~flag;
}

static void clear_flag(struct mount_options *o, unsigned long flag)
{
	o->flags &= ~flag;
	o->cleared |= flag;
}

static bool is_atime_mode(const struct row *row)
{
	return row->value == MOUNT_ATTR_NOATIME || row->value == MOUNT_ATTR_STRICTATIME ||
	       row->value == MOUNT_ATTR_RELATIME;
}

static void set_recursive(struct mount_options *o, const struct row *row)
{
	if (is_atime_mode(row)) {
		o->rec_set &= ~(uint64_t) MOUNT_ATTR__ATIME;
		o->rec_clear |= MOUNT_ATTR__ATIME;
	} else {
		o->rec_clear &= ~(uint64_t) row->value;
	}
	o->rec_set |= row->value;
}

static void set_word(struct mount_options *o, unsigned long which)
{
	if (which & BIND) {
		o->bind = true;
		o->recursive = which & RECURSIVE;
	}
	if (which & IDMAP) {
		o->idmap = true;
		o->recursive_idmap = which & RECURSIVE_IDMAP;
	}
	if (which & TMPCOPYUP)
		o->tmpcopyup = true;
	if (which & COPY_SYMLINK)
		o->copy_symlink = true;
}

static void apply(struct mount_options *o, const struct row *row)
{
	switch (row->kind) {
	case NOTHING: break;
	case SET: set_flag(o, row->value); break;
	case CLEAR: clear_flag(o, row->value); break;
	case PROPAGATION: o->propagation = row->value; break;
	case REC_SET: set_recursive(o, row); break;
	case REC_CLEAR:
		o->rec_set &= ~(uint64_t) row->value;
		o->rec_clear |= row->value;
		break;
	case WORD: set_word(o, row->value); break;
	}
}

static const struct row *find(const char *word)
{
	size_t low = 0, high = N_ROWS;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int c = strcmp(word, rows[middle].name);
		if (c == 0)
			return &rows[middle];
		if (c < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* A control character is never meant; a newline would make two lines of one in /proc/self/mountinfo's
 * readers. Commas pass: several options in one word are common. */
static bool passes(const char *word)
{
	for (const char *p = word; *p; p++)
		if ((unsigned char) *p < ' ' || *p == 127)
			return false;
	return true;
}

int mount_options_parse(char *const *words, struct mount_options *ret, struct error *err)
{
	struct mount_options o = { 0 };
	for (char *const *w = words; w && *w; w++) {
		const struct row *row = find(*w);
		if (row) {
			apply(&o, row);
			continue;
		}
		if (!**w)
			continue;
		if (!passes(*w)) {
			mount_options_done(&o);
			*ret = (struct mount_options) { 0 };
			return error_say(err, EINVAL, "mount option '%s' has a control character in it", *w);
		}
		if (o.data.len)
			buf_putc(&o.data, ',');
		buf_puts(&o.data, *w);
	}
	*ret = o;
	return 0;
}

void mount_options_done(struct mount_options *o)
{
	buf_done(&o->data);
}

/* next_word - the length of the word at @at; @ret_next: behind its comma, or at the end */
static size_t next_word(const char *at, const char **ret_next)
{
	size_t len = 0;
	while (at[len] && at[len] != ',')
		len += at[len] == '\\' && at[len + 1] ? 2 : 1;
	*ret_next = at + len + (at[len] == ',');
	return len;
}

static bool is_named(const char *word, size_t len, const char *name)
{
	size_t n = strlen(name);
	return len > n && memcmp(word, name, n) == 0 && word[n] == '=';
}

const char *mount_options_data(const char *data, const char *name, size_t *ret_len)
{
	const char *found = NULL;
	for (const char *at = data, *next; *at; at = next) {
		size_t len = next_word(at, &next);
		if (!is_named(at, len, name))
			continue;
		found = at + strlen(name) + 1;
		*ret_len = len - strlen(name) - 1;
	}
	return found;
}

char *mount_options_without(const char *data, const char *name)
{
	struct buf out = { 0 };
	for (const char *at = data, *next; *at; at = next) {
		size_t len = next_word(at, &next);
		if (is_named(at, len, name))
			continue;
		if (out.len)
			buf_putc(&out, ',');
		buf_add(&out, at, len);
	}
	return buf_take(&out);
}

uint64_t mount_attributes(unsigned long flags)
{
	static const struct { unsigned long flag; uint64_t attribute; } map[] = {
		{ MS_RDONLY, MOUNT_ATTR_RDONLY },	{ MS_NOSUID, MOUNT_ATTR_NOSUID },
		{ MS_NODEV, MOUNT_ATTR_NODEV },		{ MS_NOEXEC, MOUNT_ATTR_NOEXEC },
		{ MS_NODIRATIME, MOUNT_ATTR_NODIRATIME }, { MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW },
	};
	uint64_t a = 0;
	for (size_t i = 0; i < sizeof map / sizeof *map; i++)
		if (flags & map[i].flag)
			a |= map[i].attribute;
	/* as mount(2) ranks them */
	if (flags & MS_STRICTATIME)
		a |= MOUNT_ATTR_STRICTATIME;
	else if (flags & MS_NOATIME)
		a |= MOUNT_ATTR_NOATIME;
	return a;
}

const char *const *mount_option_names(void)
{
	static const char *names[N_ROWS + 1];
	for (size_t i = 0; i < N_ROWS; i++)
		names[i] = rows[i].name;
	return names;
}
