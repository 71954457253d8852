#include "mount_building.h"
#include "../volume/named.h"
#include "cleanup.h"
#include "fs.h"
#include "lists.h"
#include "mount_words.h"
#include <string.h>

static const char *const propagations[] = { "private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable", NULL };
static const char *const flags[] = { "nosuid", "suid", "nodev", "dev", "noexec", "exec", "noatime", "atime", "relatime", "norelatime",
				     "nodiratime", "diratime", "strictatime", "nosymfollow", "symfollow", "sync", "async", NULL };
static const char *const without_effect[] = { "z", "Z", "cached", "consistent", "delegated", "default", NULL };
static const char *const tmpfs_data[] = { "size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol", "huge", NULL };

bool word_is_in(const char *const *list, const char *word) { return strings_have((char *const *) list, word); }

void building_done(struct building *b)
{
	strings_done(&b->flags);
	strings_done(&b->data);
}
int building_wrong(const struct building *b, struct error *err, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	cleanup_free char *text = xvasprintf(fmt, ap);
	va_end(ap);
	return error_say(err, EINVAL, "%s '%s': %s", b->option, b->word, text);
}

char *building_keep(struct building *b, const char *s) { return pool_strdup(b->pool, s); }

/* ---- splitting ---- */

const char *building_split_word(const char *word, char name[64])
{
	size_t len = strcspn(word, "=");
	snprintf(name, 64, "%.*s", (int) (len < 63 ? len : 63), word);
	return word[len] ? word + len + 1 : NULL;
}

void building_split_fields(const char *text, struct strings *ret)
{
	struct buf b cleanup_buf = { 0 };
	bool quoted = false, any = false;
	for (;; text++) {
		if (*text == '"') {
			if (quoted && text[1] == '"')
				buf_putc(&b, *text++);
			else
				quoted = !quoted;
			any = true;
		} else if (!*text || (*text == ',' && !quoted)) {
			if (b.len || any)
				strings_add(ret, buf_str(&b));
			buf_done(&b);
			any = false;
			if (!*text)
				return;
		} else {
			buf_putc(&b, *text);
		}
	}
}

/* ---- ids ---- */

/* add_ranges - "0-1000-10#10-2000-1", each FROM-TO-SIZE, as "FROM TO SIZE" */
static int add_ranges(struct building *b, const char *text, struct strings *ret, struct error *err)
{
	struct strings ranges cleanup_strings = { 0 };
	strings_split(&ranges, text, "#");
	for (size_t i = 0; i < ranges.n; i++) {
		struct strings numbers cleanup_strings = { 0 };
		uint64_t v[3] = { 0 };
		strings_split(&numbers, ranges.v[i], "-");
		for (size_t k = 0; k < 3; k++)
			if (numbers.n != 3 || str_to_u64(numbers.v[k], UINT32_MAX - 1, &v[k]) < 0 || (k == 2 && v[k] == 0))
				return building_wrong(b, err, "idmap: '%s' is not FROM-TO-SIZE, such as 0-100000-65536", ranges.v[i]);
		strings_printf(ret, "%u %u %u", (unsigned) v[0], (unsigned) v[1], (unsigned) v[2]);
	}
	return ranges.n ? 0 : building_wrong(b, err, "idmap: there are no ids; give FROM-TO-SIZE, such as uids=0-100000-65536;gids=0-100000-65536");
}

int building_idmap(struct building *b, const char *text, struct error *err)
{
	struct strings parts cleanup_strings = { 0 }, uids cleanup_strings = { 0 }, gids cleanup_strings = { 0 };
	b->m.idmap = true;
	strings_split(&parts, text ? text : "", ";");
	for (size_t i = 0; i < parts.n; i++) {
		const char *u = str_after(parts.v[i], "uids="), *g = str_after(parts.v[i], "gids=");
		if (!u && !g)
			return building_wrong(b, err, "idmap: '%s' is neither uids=... nor gids=...", parts.v[i]);
		int r = add_ranges(b, u ? u : g, u ? &uids : &gids, err);
		if (r < 0)
			return r;
	}
	if (parts.n && (!uids.n || !gids.n))
		return building_wrong(b, err, "idmap: uids= and gids= belong together");
	b->m.uid_map = uids.n ? list_copy(b->pool, uids.v, NULL) : NULL;
	b->m.gid_map = gids.n ? list_copy(b->pool, gids.v, NULL) : NULL;
	return 0;
}

/* ---- one word ---- */

bool building_propagation(struct building *b, const char *word)
{
	bool known = word_is_in(propagations, word);
	if (known)
		b->propagation = building_keep(b, word);
	return known;
}

int building_add_common(struct building *b, const char *word)
{
	if (building_propagation(b, word))
		return 0;
	if (strcmp(word, "ro") == 0 || strcmp(word, "rw") == 0)
		b->read_only = word[1] == 'o';
	else if (word_is_in(flags, word))
		strings_add(&b->flags, word);
	else if (!word_is_in(without_effect, word))
		return 1;
	return 0;
}

int building_add_bind(struct building *b, const char *word, struct error *err)
{
	char name[64];
	const char *value = building_split_word(word, name);
	if (building_add_common(b, word) == 0)
		return 0;
	if (strcmp(word, "bind") == 0 || strcmp(word, "rbind") == 0)
		b->bind = *word == 'r' ? "rbind" : "bind";
	else if (strcmp(word, "U") == 0)
		b->m.chown = true;
	else if (strcmp(word, "O") == 0)
		b->m.overlay = true;
	else if (strcmp(word, "nocopy") == 0 || strcmp(word, "copy") == 0)
		b->m.no_copy = *word == 'n';
	else if (strcmp(name, "idmap") == 0)
		return building_idmap(b, value, err);
	else if (value && *value == '/' && strcmp(name, "upperdir") == 0)
		b->m.upper_dir = building_keep(b, value);
	else if (value && *value == '/' && strcmp(name, "workdir") == 0)
		b->m.work_dir = building_keep(b, value);
	else
		return building_wrong(b, err, "there is no option '%s'; there are ro, rw, z, Z, U, O, idmap, nocopy, upperdir=DIR, workdir=DIR, "
				      "nosuid, nodev, noexec, noatime, bind, rbind, private, shared, slave, rprivate, rshared, rslave", word);
	return 0;
}

int building_add_tmpfs(struct building *b, const char *word, struct error *err)
{
	char name[64];
	const char *value = building_split_word(word, name);
	int64_t size;
	if (strcmp(name, "size") == 0 && value && !str_ends(value, "%")) {
		if (str_to_size(value, &size) < 0 || size < 0)
			return building_wrong(b, err, "'%s' is no size; give a number of bytes, also with a unit (64m), or a percentage", value);
		strings_printf(&b->data, "size=%lld", (long long) size);
	} else if (value && word_is_in(tmpfs_data, name)) {
		strings_add(&b->data, word);
	} else if (strcmp(word, "tmpcopyup") == 0 || strcmp(word, "notmpcopyup") == 0) {
		b->tmpcopyup = *word == 't';
	} else if (building_add_common(b, word) != 0) {
		return building_wrong(b, err, "there is no option '%s'; there are size=, mode=, uid=, gid=, nr_inodes=, ro, rw, exec, noexec, "
				      "suid, nosuid, dev, nodev, noatime, tmpcopyup", word);
	}
	return 0;
}

/* ---- the end ---- */

static const char *opposite(const char *flag) { return flag[0] == 'n' && flag[1] == 'o' ? flag + 2 : flag; }

/* add_default - unless the word or its opposite was given */
static void add_default(struct strings *list, const struct strings *given, const char *flag)
{
	for (size_t i = 0; i < given->n; i++)
		if (strcmp(opposite(given->v[i]), opposite(flag)) == 0)
			return;
	strings_add(list, flag);
}

int building_finish(struct building *b, struct record_mount *ret, struct error *err)
{
	struct strings o cleanup_strings = { 0 };
	bool bind = strcmp(b->m.type, "bind") == 0 || strcmp(b->m.type, "volume") == 0;
	if (!b->m.destination)
		return building_wrong(b, err, "the place in the container is missing: target=DIR");
	if (!!b->m.upper_dir != !!b->m.work_dir)
		return building_wrong(b, err, "upperdir= and workdir= belong together");
	if (b->m.upper_dir && !b->m.overlay)
		return building_wrong(b, err, "upperdir= and workdir= are for an overlay: give the option O, too");
	if (b->m.overlay && b->m.idmap)
		return building_wrong(b, err, "O and idmap exclude each other");
	if (strcmp(b->m.type, "tmpfs") == 0)
		for (const char *const *d = (const char *const[]) { "noexec", "nosuid", "nodev", NULL }; *d; d++)
			add_default(&o, &b->flags, *d);
	for (size_t i = 0; i < b->flags.n; i++)
		strings_add(&o, b->flags.v[i]);
	if (bind) {
		strings_add(&o, b->bind ? b->bind : "rbind");
		strings_add(&o, b->propagation ? b->propagation : "rprivate");
	} else if (b->propagation) {
		strings_add(&o, b->propagation);
	}
	for (size_t i = 0; i < b->data.n; i++)
		strings_add(&o, b->data.v[i]);
	if (b->tmpcopyup)
		strings_add(&o, "tmpcopyup");
	b->m.options = list_copy(b->pool, o.v, NULL);
	if (b->read_only && b->flat_read_only)
		b->m.options = list_copy(b->pool, b->m.options, (char *[]) { (char *) "ro", NULL });
	else if (b->read_only)
		mount_read_only(&b->m, b->pool);
	*ret = b->m;
	return 0;
}

void mount_read_only(struct record_mount *m, struct pool *pool)
{
	if (strings_have(m->options, "ro") || strings_have(m->options, "rro"))
		return;
	/* with what is mounted below the source: else `ro` would leave that writable */
	char *word[] = { (char *) (strings_have(m->options, "rbind") ? "rro" : "ro"), NULL };
	m->options = list_copy(pool, m->options, word);
}

int building_destination(struct building *b, const char *path, struct error *err)
{
	if (*path != '/')
		return building_wrong(b, err, "'%s' is not absolute: the place in the container begins with /", path);
	cleanup_free char *clean = fs_clean_path(path);
	if (strcmp(clean, "/") == 0)
		return building_wrong(b, err, "nothing can be mounted on the container's /; --rootfs takes a directory for it");
	b->m.destination = building_keep(b, clean);
	return 0;
}

int building_host_source(struct building *b, const char *path, struct error *err)
{
	cleanup_free char *absolute = NULL;
	int r = fs_absolute(path, &absolute, err);
	if (r < 0)
		return error_wrap(err, "%s '%s'", b->option, b->word);
	b->m.source = building_keep(b, absolute);
	return 0;
}

int building_volume_name(struct building *b, const char *name, struct error *err)
{
	struct error why = { 0 };
	if (named_check("volume", name, &why) < 0)
		return building_wrong(b, err, "%s; a directory of the host is given as ./%s or absolute", why.text, name);
	b->m.name = building_keep(b, name);
	return 0;
}
