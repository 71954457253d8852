#include "mount_words.h"
#include "../pairs.h"
#include "../volume/named.h"
#include "cleanup.h"
#include "fs.h"
#include "lists.h"
#include <limits.h>
#include <string.h>

static const char *const propagations[] = { "private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable", NULL };
static const char *const flags[] = { "nosuid", "suid", "nodev", "dev", "noexec", "exec", "noatime", "atime", "relatime", "norelatime",
				     "nodiratime", "diratime", "strictatime", "nosymfollow", "symfollow", "sync", "async", NULL };
static const char *const without_effect[] = { "z", "Z", "cached", "consistent", "delegated", "default", NULL };
static const char *const tmpfs_data[] = { "size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol", "huge", NULL };
static const char *const devpts_data[] = { "uid", "gid", "mode", "max", "ptmxmode", NULL };

static bool is_in(const char *const *list, const char *word) { return strings_have((char *const *) list, word); }

/* What a mount is made of while its words are read. */
struct building {
	const char *option, *word;	/* for sentences: "--volume" and all that was given to it */
	struct pool *pool;
	struct record_mount m;
	struct strings flags, data;
	const char *bind, *propagation;
	bool read_only, flat_read_only, tmpcopyup;
};

static void building_done(struct building *b)
{
	strings_done(&b->flags);
	strings_done(&b->data);
}
#define cleanup_building __attribute__((cleanup(building_done)))

static int wrong(const struct building *b, struct error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int wrong(const struct building *b, struct error *err, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	cleanup_free char *text = xvasprintf(fmt, ap);
	va_end(ap);
	return error_say(err, EINVAL, "%s '%s': %s", b->option, b->word, text);
}

static char *keep(struct building *b, const char *s) { return pool_strdup(b->pool, s); }

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
				return wrong(b, err, "idmap: '%s' is not FROM-TO-SIZE, such as 0-100000-65536", ranges.v[i]);
		strings_printf(ret, "%u %u %u", (unsigned) v[0], (unsigned) v[1], (unsigned) v[2]);
	}
	return ranges.n ? 0 : wrong(b, err, "idmap: there are no ids; give FROM-TO-SIZE, such as uids=0-100000-65536;gids=0-100000-65536");
}

/* parse_idmap - "uids=...;gids=..."; NULL: as the container's user namespace */
static int parse_idmap(struct building *b, const char *text, struct error *err)
{
	struct strings parts cleanup_strings = { 0 }, uids cleanup_strings = { 0 }, gids cleanup_strings = { 0 };
	b->m.idmap = true;
	strings_split(&parts, text ? text : "", ";");
	for (size_t i = 0; i < parts.n; i++) {
		const char *u = str_after(parts.v[i], "uids="), *g = str_after(parts.v[i], "gids=");
		if (!u && !g)
			return wrong(b, err, "idmap: '%s' is neither uids=... nor gids=...", parts.v[i]);
		int r = add_ranges(b, u ? u : g, u ? &uids : &gids, err);
		if (r < 0)
			return r;
	}
	if (parts.n && (!uids.n || !gids.n))
		return wrong(b, err, "idmap: uids= and gids= belong together");
	b->m.uid_map = uids.n ? list_copy(b->pool, uids.v, NULL) : NULL;
	b->m.gid_map = gids.n ? list_copy(b->pool, gids.v, NULL) : NULL;
	return 0;
}

/* ---- one word ---- */

/* split_word - NAME=VALUE; value NULL without "=" */
static const char *split_word(const char *word, char name[64])
{
	size_t len = strcspn(word, "=");
	snprintf(name, 64, "%.*s", (int) (len < 63 ? len : 63), word);
	return word[len] ? word + len + 1 : NULL;
}

/* add_common - what every type understands; 1 when it is not one of these */
static int add_common(struct building *b, const char *word)
{
	if (is_in(propagations, word))
		b->propagation = keep(b, word);
	else if (strcmp(word, "ro") == 0 || strcmp(word, "rw") == 0)
		b->read_only = word[1] == 'o';
	else if (is_in(flags, word))
		strings_add(&b->flags, word);
	else if (!is_in(without_effect, word))
		return 1;
	return 0;
}

static int add_bind(struct building *b, const char *word, struct error *err)
{
	char name[64];
	const char *value = split_word(word, name);
	if (add_common(b, word) == 0)
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
		return parse_idmap(b, value, err);
	else if (value && *value == '/' && strcmp(name, "upperdir") == 0)
		b->m.upper_dir = keep(b, value);
	else if (value && *value == '/' && strcmp(name, "workdir") == 0)
		b->m.work_dir = keep(b, value);
	else
		return wrong(b, err, "there is no option '%s'; there are ro, rw, z, Z, U, O, idmap, nocopy, upperdir=DIR, workdir=DIR, nosuid, "
			     "nodev, noexec, noatime, bind, rbind, private, shared, slave, rprivate, rshared, rslave", word);
	return 0;
}

static int add_tmpfs(struct building *b, const char *word, struct error *err)
{
	char name[64];
	const char *value = split_word(word, name);
	int64_t size;
	if (strcmp(name, "size") == 0 && value && !str_ends(value, "%")) {
		if (str_to_size(value, &size) < 0 || size < 0)
			return wrong(b, err, "'%s' is no size; give a number of bytes, also with a unit (64m), or a percentage", value);
		strings_printf(&b->data, "size=%lld", (long long) size);
	} else if (value && is_in(tmpfs_data, name)) {
		strings_add(&b->data, word);
	} else if (strcmp(word, "tmpcopyup") == 0 || strcmp(word, "notmpcopyup") == 0) {
		b->tmpcopyup = *word == 't';
	} else if (add_common(b, word) != 0) {
		return wrong(b, err, "there is no option '%s'; there are size=, mode=, uid=, gid=, nr_inodes=, ro, rw, exec, noexec, suid, nosuid, "
			     "dev, nodev, noatime, tmpcopyup", word);
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

static int finish(struct building *b, struct record_mount *ret, struct error *err)
{
	struct strings o cleanup_strings = { 0 };
	bool bind = strcmp(b->m.type, "bind") == 0 || strcmp(b->m.type, "volume") == 0;
	if (!b->m.destination)
		return wrong(b, err, "the place in the container is missing: target=DIR");
	if (!!b->m.upper_dir != !!b->m.work_dir)
		return wrong(b, err, "upperdir= and workdir= belong together");
	if (b->m.upper_dir && !b->m.overlay)
		return wrong(b, err, "upperdir= and workdir= are for an overlay: give the option O, too");
	if (b->m.overlay && b->m.idmap)
		return wrong(b, err, "O and idmap exclude each other");
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

static int set_destination(struct building *b, const char *path, struct error *err)
{
	if (*path != '/')
		return wrong(b, err, "'%s' is not absolute: the place in the container begins with /", path);
	cleanup_free char *clean = fs_clean_path(path);
	if (strcmp(clean, "/") == 0)
		return wrong(b, err, "nothing can be mounted on the container's /; --rootfs takes a directory for it");
	b->m.destination = keep(b, clean);
	return 0;
}

/* set_host_source - absolute, by the directory that we are in */
static int set_host_source(struct building *b, const char *path, struct error *err)
{
	cleanup_free char *absolute = NULL;
	int r = fs_absolute(path, &absolute, err);
	if (r < 0)
		return error_wrap(err, "%s '%s'", b->option, b->word);
	b->m.source = keep(b, absolute);
	return 0;
}

static int set_volume_name(struct building *b, const char *name, struct error *err)
{
	struct error why = { 0 };
	if (named_check("volume", name, &why) < 0)
		return wrong(b, err, "%s; a directory of the host is given as ./%s or absolute", why.text, name);
	b->m.name = keep(b, name);
	return 0;
}

/* ---- --volume ---- */

static int volume_options(struct building *b, const char *text, struct error *err)
{
	struct strings words cleanup_strings = { 0 };
	int r = 0;
	strings_split(&words, text, ",");
	for (size_t i = 0; r == 0 && i < words.n; i++)
		r = add_bind(b, words.v[i], err);
	return r;
}

int mount_parse_volume(const char *word, struct pool *pool, struct record_mount *ret, struct error *err)
{
	struct building b cleanup_building = { .option = "--volume", .word = word, .pool = pool };
	cleanup_free char *copy = xstrdup(word);
	char *parts[3] = { copy, NULL, NULL };
	for (int i = 1; i < 3; i++) {
		parts[i] = strchr(parts[i - 1], ':');
		if (!parts[i])
			break;
		*parts[i]++ = 0;
	}
	const char *destination = parts[1] ? parts[1] : parts[0], *options = parts[2] ? parts[2] : "";
	if (!*parts[0] || *destination != '/' || strchr(options, ':'))
		return wrong(&b, err, "give [SOURCE:]DIR[:OPTIONS], with DIR absolute and inside the container");
	int r = set_destination(&b, destination, err);
	b.m.type = (char *) "volume";
	if (r == 0 && parts[1] && (*parts[0] == '/' || *parts[0] == '.')) {
		b.m.type = (char *) "bind";
		b.m.make_source = true;
		r = set_host_source(&b, parts[0], err);
	} else if (r == 0 && parts[1]) {
		r = set_volume_name(&b, parts[0], err);
	}
	if (r == 0)
		r = volume_options(&b, options, err);
	return r < 0 ? r : finish(&b, ret, err);
}

/* ---- --tmpfs ---- */

int mount_parse_tmpfs(const char *word, struct pool *pool, struct record_mount *ret, struct error *err)
{
	struct building b cleanup_building = { .option = "--tmpfs", .word = word, .pool = pool };
	struct strings words cleanup_strings = { 0 };
	cleanup_free char *copy = xstrdup(word);
	char *options = strchr(copy, ':');
	if (options)
		*options++ = 0;
	b.m.type = b.m.source = (char *) "tmpfs";
	int r = set_destination(&b, copy, err);
	strings_split(&words, options ? options : "", ",");
	for (size_t i = 0; r == 0 && i < words.n; i++)
		r = add_tmpfs(&b, words.v[i], err);
	return r < 0 ? r : finish(&b, ret, err);
}

int mount_parse_from(const char *word, struct pool *pool, char **container, bool *read_only, struct error *err)
{
	struct strings words cleanup_strings = { 0 };
	size_t len = strcspn(word, ":");
	static const char *const known[] = { "ro", "rw", "z", "Z", NULL };
	*read_only = false;
	*container = pool_strndup(pool, word, len);
	strings_split(&words, word[len] ? word + len + 1 : "", ",");
	for (size_t i = 0; i < words.n; i++) {
		if (!is_in(known, words.v[i]))
			return error_say(err, EINVAL, "--volumes-from '%s': there is no option '%s'; there are ro, rw and z", word, words.v[i]);
		*read_only = *read_only || strcmp(words.v[i], "ro") == 0;
	}
	return len ? 0 : error_say(err, EINVAL, "--volumes-from '%s': give CONTAINER[:ro]", word);
}

/* ---- --mount ---- */

/* split_fields - at commas, but not within double quotes, which go */
static void split_fields(const char *text, struct strings *ret)
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

static int parse_bool(const struct building *b, const char *key, const char *value, bool *ret, struct error *err)
{
	static const char *const yes[] = { "true", "1", "t", "T", "True", "TRUE", NULL }, *const no[] = { "false", "0", "f", "F", "False", "FALSE", NULL };
	*ret = !value || is_in(yes, value);
	return *ret || is_in(no, value) ? 0 : wrong(b, err, "%s=%s: give true or false", key, value);
}

static void add_pair(struct building *b, struct json_map *map, const char *text)
{
	size_t len = strcspn(text, "=");
	pairs_set(map, b->pool, text, len, text[len] ? text + len + 1 : "");
}

static int bind_recursive(struct building *b, const char *value, struct error *err)
{
	if (str_eq(value, "disabled"))
		b->bind = "bind";
	else if (str_eq(value, "writable"))
		b->flat_read_only = true;
	else if (!str_eq(value, "enabled") && !str_eq(value, "readonly"))
		return wrong(b, err, "bind-recursive=%s: there are enabled, disabled, writable and readonly", value ? value : "");
	return 0;
}

static int tmpfs_mode(struct building *b, const char *value, struct error *err)
{
	if (!*value || strlen(value) > 5 || strspn(value, "01234567") != strlen(value))
		return wrong(b, err, "tmpfs-mode=%s: give a mode in octal, such as 1777", value);
	strings_printf(&b->data, "mode=%s", value);
	return 0;
}

/* what a key is for; a letter each: b bind, v volume, t tmpfs, i image, d devpts */
static const struct { const char *key, *types; bool value; } keys[] = {
	{ "bind-propagation", "b", true }, { "propagation", "b", true }, { "bind-nonrecursive", "b", false }, { "bind-recursive", "b", true },
	{ "bind-create-src", "b", false }, { "relabel", "bv", true }, { "idmap", "bv", false }, { "U", "bv", false }, { "chown", "bv", false },
	{ "volume-nocopy", "v", false }, { "volume-label", "v", true }, { "volume-driver", "v", true }, { "volume-opt", "v", true },
	{ "volume-subpath", "v", true }, { "subpath", "vi", true }, { "image-subpath", "i", true }, { "tmpfs-size", "t", true },
	{ "tmpfs-mode", "t", true }, { "consistency", "bvt", true }, { "O", "bv", false }, { "overlay", "bv", false },
};

static int check_key(const struct building *b, const char *key, const char *value, struct error *err)
{
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		if (strcmp(keys[i].key, key) != 0)
			continue;
		if (!strchr(keys[i].types, *b->m.type))
			return wrong(b, err, "%s is not for type=%s", key, b->m.type);
		return keys[i].value && str_empty(value) ? wrong(b, err, "%s needs a value: %s=...", key, key) : 1;
	}
	return 0;
}

static int set_key(struct building *b, const char *key, const char *value, struct error *err)
{
	bool yes = false;
	if (str_ends(key, "propagation"))
		return is_in(propagations, value) ? add_common(b, value) : wrong(b, err, "%s=%s: there are private, shared, slave, rprivate, rshared, "
									  "rslave", key, value);
	if (strcmp(key, "bind-recursive") == 0)
		return bind_recursive(b, value, err);
	if (strcmp(key, "relabel") == 0 || strcmp(key, "consistency") == 0)
		return 0;	/* SELinux' and Mac's */
	if (strcmp(key, "idmap") == 0 && value && !is_in((const char *const[]) { "true", "false", NULL }, value))
		return parse_idmap(b, value, err);
	if (strcmp(key, "volume-label") == 0)
		return add_pair(b, &b->m.labels, value), 0;
	if (strcmp(key, "volume-opt") == 0)
		return add_pair(b, &b->m.driver_options, value), 0;
	if (strcmp(key, "volume-driver") == 0)
		return strcmp(value, "local") == 0 ? 0 : wrong(b, err, "volume-driver=%s: there is only the driver local", value);
	if (str_ends(key, "subpath"))
		return b->m.subpath = keep(b, value), 0;
	if (strcmp(key, "tmpfs-mode") == 0)
		return tmpfs_mode(b, value, err);
	if (strcmp(key, "tmpfs-size") == 0) {
		cleanup_free char *size = xasprintf("size=%s", value);
		return add_tmpfs(b, size, err);
	}
	int r = parse_bool(b, key, value, &yes, err);
	if (r < 0)
		return r;
	if (strcmp(key, "bind-nonrecursive") == 0)
		b->bind = yes ? "bind" : "rbind";
	else if (strcmp(key, "bind-create-src") == 0)
		b->m.make_source = yes;
	else if (strcmp(key, "idmap") == 0)
		b->m.idmap = yes;
	else if (strcmp(key, "volume-nocopy") == 0)
		b->m.no_copy = yes;
	else if (strcmp(key, "O") == 0 || strcmp(key, "overlay") == 0)
		b->m.overlay = yes;
	else
		b->m.chown = yes;	/* U, chown */
	return 0;
}

static int set_source(struct building *b, const char *value, struct error *err)
{
	if (strcmp(b->m.type, "bind") == 0)
		return set_host_source(b, value, err);
	if (strcmp(b->m.type, "volume") == 0)
		return set_volume_name(b, value, err);
	if (strcmp(b->m.type, "image") == 0) {
		b->m.name = keep(b, value);
		return 0;
	}
	return wrong(b, err, "source is not for type=%s", b->m.type);
}

static int add_field(struct building *b, const char *field, struct error *err)
{
	char key[64];
	const char *value = split_word(field, key);
	bool yes;
	static const char *const sources[] = { "source", "src", "from", NULL }, *const targets[] = { "target", "dst", "destination", NULL };
	if (strcmp(key, "type") == 0)
		return 0;	/* known already */
	if (is_in(sources, key) || is_in(targets, key)) {
		if (str_empty(value))
			return wrong(b, err, "%s needs a value: %s=...", key, key);
		return is_in(targets, key) ? set_destination(b, value, err) : set_source(b, value, err);
	}
	if (strcmp(key, "readonly") == 0 || strcmp(key, "ro") == 0 || strcmp(key, "rw") == 0) {
		int r = parse_bool(b, key, value, &yes, err);
		bool writable = yes == (key[1] == 'w');
		b->read_only = !writable;
		b->m.writable = writable && strcmp(b->m.type, "image") == 0;
		return r;
	}
	int r = check_key(b, key, value, err);
	if (r != 0)
		return r < 0 ? r : set_key(b, key, value, err);
	if (strcmp(b->m.type, "devpts") == 0 && value && is_in(devpts_data, key))
		return strings_add(&b->data, field), 0;
	if (strcmp(b->m.type, "tmpfs") == 0)
		return add_tmpfs(b, field, err);
	if (value || add_common(b, field) != 0)
		return wrong(b, err, "there is no key '%s' for type=%s", key, b->m.type);
	return 0;
}

static int find_type(struct building *b, const struct strings *fields, struct error *err)
{
	static const char *const types[] = { "bind", "volume", "tmpfs", "image", "devpts", NULL };
	const char *type = "volume";
	for (size_t i = 0; i < fields->n; i++) {
		const char *value = str_after(fields->v[i], "type=");
		type = value ? value : type;
	}
	if (!is_in(types, type))
		return wrong(b, err, "type=%s: there are bind, volume, tmpfs, image and devpts", type);
	b->m.type = keep(b, type);
	if (strcmp(type, "tmpfs") == 0 || strcmp(type, "devpts") == 0)
		b->m.source = b->m.type;
	return 0;
}

int mount_parse_mount(const char *word, struct pool *pool, struct record_mount *ret, struct error *err)
{
	struct building b cleanup_building = { .option = "--mount", .word = word, .pool = pool };
	struct strings fields cleanup_strings = { 0 };
	split_fields(word, &fields);
	int r = find_type(&b, &fields, err);
	for (size_t i = 0; r == 0 && i < fields.n; i++)
		r = add_field(&b, fields.v[i], err);
	if (r < 0)
		return r;
	if ((strcmp(b.m.type, "bind") == 0 && !b.m.source) || (strcmp(b.m.type, "image") == 0 && !b.m.name))
		return wrong(&b, err, "what is to be mounted is missing: source=%s", *b.m.type == 'b' ? "DIR" : "IMAGE");
	if (strcmp(b.m.type, "devpts") == 0)
		strings_add(&b.data, "newinstance");
	return finish(&b, ret, err);
}

/* ---- --secret ---- */

static int secret_number(const char *word, const char *key, const char *value, bool octal, uint32_t *ret, struct error *err)
{
	char *end = NULL;
	errno = 0;
	unsigned long v = value && *value && strspn(value, "0123456789") == strlen(value) ? strtoul(value, &end, octal ? 8 : 10) : ULONG_MAX;
	if (!end || *end || errno || v > (octal ? 07777 : UINT32_MAX - 1))
		return error_say(err, EINVAL, "--secret '%s': %s=%s: give %s", word, key, value ? value : "",
				 octal ? "a mode in octal, such as 0400" : "a number");
	*ret = (uint32_t) v;
	return 0;
}

static int secret_field(const char *word, const char *field, struct record_secret *s, const char **target, struct pool *pool, struct error *err)
{
	char key[64];
	const char *value = split_word(field, key);
	if (strcmp(key, "type") == 0) {
		s->env = str_eq(value, "env");
		return s->env || str_eq(value, "mount") ? 0 : error_say(err, EINVAL, "--secret '%s': type=%s: there are mount and env", word,
									value ? value : "");
	}
	if (!str_empty(value) && (strcmp(key, "source") == 0 || strcmp(key, "src") == 0))
		return s->name = pool_strdup(pool, value), 0;
	if (!str_empty(value) && (strcmp(key, "target") == 0 || strcmp(key, "dst") == 0 || strcmp(key, "destination") == 0))
		return *target = pool_strdup(pool, value), 0;
	if (strcmp(key, "uid") == 0 || strcmp(key, "gid") == 0)
		return secret_number(word, key, value, false, *key == 'u' ? &s->uid : &s->gid, err);
	if (strcmp(key, "mode") == 0)
		return secret_number(word, key, value, true, &s->mode, err);
	return error_say(err, EINVAL, "--secret '%s': '%s' is not known; there are source=, type=, target=, uid=, gid= and mode=", word, field);
}

static bool is_variable(const char *s)
{
	return *s && !strchr("0123456789", *s) &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(s);
}

int mount_parse_secret(const char *word, struct pool *pool, struct record_secret *ret, struct error *err)
{
	struct strings fields cleanup_strings = { 0 };
	struct record_secret s = { .mode = 0444 };
	const char *target = NULL;
	int r = 0;
	split_fields(word, &fields);
	for (size_t i = 0; r == 0 && i < fields.n; i++) {
		if (i == 0 && !strchr(fields.v[i], '='))
			s.name = pool_strdup(pool, fields.v[i]);
		else
			r = secret_field(word, fields.v[i], &s, &target, pool, err);
	}
	if (r < 0)
		return r;
	if (!s.name)
		return error_say(err, EINVAL, "--secret '%s': the secret's name is missing", word);
	if (!target)
		target = s.name;
	if (s.env && !is_variable(target))
		return error_say(err, EINVAL, "--secret '%s': '%s' cannot be a variable's name; give target=NAME", word, target);
	if (s.env) {
		s.target = pool_strdup(pool, target);
	} else {
		cleanup_free char *path = *target == '/' ? xstrdup(target) : xasprintf("/run/secrets/%s", target);
		cleanup_free char *clean = fs_clean_path(path);
		if (strcmp(clean, "/") == 0 || (*target != '/' && !str_starts(clean, "/run/secrets/")))
			return error_say(err, EINVAL, "--secret '%s': target=%s is no file below /run/secrets; give an absolute path for another place",
					 word, target);
		s.target = pool_strdup(pool, clean);
	}
	*ret = s;
	return 0;
}
