#include "mount_words.h"
#include "../pairs.h"
#include "cleanup.h"
#include "mount_building.h"
#include <string.h>

static const char *const devpts_data[] = { "uid", "gid", "mode", "max", "ptmxmode", NULL };

static int parse_bool(const struct building *b, const char *key, const char *value, bool *ret, struct error *err)
{
	static const char *const yes[] = { "true", "1", "t", "T", "True", "TRUE", NULL };
	static const char *const no[] = { "false", "0", "f", "F", "False", "FALSE", NULL };
	*ret = !value || word_is_in(yes, value);
	return *ret || word_is_in(no, value) ? 0 : building_wrong(b, err, "%s=%s: give true or false", key, value);
}

static int bind_recursive(struct building *b, const char *value, struct error *err)
{
	if (str_eq(value, "disabled"))
		b->bind = "bind";
	else if (str_eq(value, "writable"))
		b->flat_read_only = true;
	else if (!str_eq(value, "enabled") && !str_eq(value, "readonly"))
		return building_wrong(b, err, "bind-recursive=%s: there are enabled, disabled, writable and readonly", value ? value : "");
	return 0;
}

static int tmpfs_mode(struct building *b, const char *value, struct error *err)
{
	if (!*value || strlen(value) > 5 || strspn(value, "01234567") != strlen(value))
		return building_wrong(b, err, "tmpfs-mode=%s: give a mode in octal, such as 1777", value);
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
			return building_wrong(b, err, "%s is not for type=%s", key, b->m.type);
		return keys[i].value && str_empty(value) ? building_wrong(b, err, "%s needs a value: %s=...", key, key) : 1;
	}
	return 0;
}

static int set_key(struct building *b, const char *key, const char *value, struct error *err)
{
	bool yes = false;
	if (str_ends(key, "propagation"))
		return building_propagation(b, value) ? 0 :
		       building_wrong(b, err, "%s=%s: there are private, shared, slave, rprivate, rshared, rslave", key, value);
	if (strcmp(key, "bind-recursive") == 0)
		return bind_recursive(b, value, err);
	if (strcmp(key, "relabel") == 0 || strcmp(key, "consistency") == 0)
		return 0;	/* SELinux' and Mac's */
	if (strcmp(key, "idmap") == 0 && value && !word_is_in((const char *const[]) { "true", "false", NULL }, value))
		return building_idmap(b, value, err);
	if (strcmp(key, "volume-label") == 0)
		return pairs_add(&b->m.labels, b->pool, value), 0;
	if (strcmp(key, "volume-opt") == 0)
		return pairs_add(&b->m.driver_options, b->pool, value), 0;
	if (strcmp(key, "volume-driver") == 0)
		return strcmp(value, "local") == 0 ? 0 : building_wrong(b, err, "volume-driver=%s: there is only the driver local", value);
	if (str_ends(key, "subpath"))
		return b->m.subpath = building_keep(b, value), 0;
	if (strcmp(key, "tmpfs-mode") == 0)
		return tmpfs_mode(b, value, err);
	if (strcmp(key, "tmpfs-size") == 0) {
		cleanup_free char *size = xasprintf("size=%s", value);
		return building_add_tmpfs(b, size, err);
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
		return building_host_source(b, value, err);
	if (strcmp(b->m.type, "volume") == 0)
		return building_volume_name(b, value, err);
	if (strcmp(b->m.type, "image") == 0) {
		b->m.name = building_keep(b, value);
		return 0;
	}
	return building_wrong(b, err, "source is not for type=%s", b->m.type);
}

static int add_field(struct building *b, const char *field, struct error *err)
{
	char key[64];
	const char *value = building_split_word(field, key);
	bool yes;
	static const char *const sources[] = { "source", "src", "from", NULL }, *const targets[] = { "target", "dst", "destination", NULL };
	if (strcmp(key, "type") == 0)
		return 0;	/* known already */
	if (word_is_in(sources, key) || word_is_in(targets, key)) {
		if (str_empty(value))
			return building_wrong(b, err, "%s needs a value: %s=...", key, key);
		return word_is_in(targets, key) ? building_destination(b, value, err) : set_source(b, value, err);
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
	if (strcmp(b->m.type, "devpts") == 0 && value && word_is_in(devpts_data, key))
		return strings_add(&b->data, field), 0;
	if (strcmp(b->m.type, "tmpfs") == 0)
		return building_add_tmpfs(b, field, err);
	if (value || building_add_common(b, field) != 0)
		return building_wrong(b, err, "there is no key '%s' for type=%s", key, b->m.type);
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
	if (!word_is_in(types, type))
		return building_wrong(b, err, "type=%s: there are bind, volume, tmpfs, image and devpts", type);
	b->m.type = building_keep(b, type);
	if (strcmp(type, "tmpfs") == 0 || strcmp(type, "devpts") == 0)
		b->m.source = b->m.type;
	return 0;
}

int mount_parse_mount(const char *word, struct pool *pool, struct record_mount *ret, struct error *err)
{
	struct building b cleanup_building = { .option = "--mount", .word = word, .pool = pool };
	struct strings fields cleanup_strings = { 0 };
	building_split_fields(word, &fields);
	int r = find_type(&b, &fields, err);
	for (size_t i = 0; r == 0 && i < fields.n; i++)
		r = add_field(&b, fields.v[i], err);
	if (r < 0)
		return r;
	if ((strcmp(b.m.type, "bind") == 0 && !b.m.source) || (strcmp(b.m.type, "image") == 0 && !b.m.name))
		return building_wrong(&b, err, "what is to be mounted is missing: source=%s", *b.m.type == 'b' ? "DIR" : "IMAGE");
	if (strcmp(b.m.type, "devpts") == 0)
		strings_add(&b.data, "newinstance");
	return building_finish(&b, ret, err);
}
