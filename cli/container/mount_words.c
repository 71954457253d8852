#include "mount_words.h"
#include "cleanup.h"
#include "mount_building.h"
#include <string.h>

/* ---- --volume ---- */

static int volume_options(struct building *b, const char *text, struct error *err)
{
	struct strings words cleanup_strings = { 0 };
	int r = 0;
	strings_split(&words, text, ",");
	for (size_t i = 0; r == 0 && i < words.n; i++)
		r = building_add_bind(b, words.v[i], err);
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
		return building_wrong(&b, err, "give [SOURCE:]DIR[:OPTIONS], with DIR absolute and inside the container");
	int r = building_destination(&b, destination, err);
	b.m.type = (char *) "volume";
	if (r == 0 && parts[1] && (*parts[0] == '/' || *parts[0] == '.')) {
		b.m.type = (char *) "bind";
		b.m.make_source = true;
		r = building_host_source(&b, parts[0], err);
	} else if (r == 0 && parts[1]) {
		r = building_volume_name(&b, parts[0], err);
	}
	if (r == 0)
		r = volume_options(&b, options, err);
	return r < 0 ? r : building_finish(&b, ret, err);
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
	int r = building_destination(&b, copy, err);
	strings_split(&words, options ? options : "", ",");
	for (size_t i = 0; r == 0 && i < words.n; i++)
		r = building_add_tmpfs(&b, words.v[i], err);
	return r < 0 ? r : building_finish(&b, ret, err);
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
		if (!word_is_in(known, words.v[i]))
			return error_say(err, EINVAL, "--volumes-from '%s': there is no option '%s'; there are ro, rw and z", word, words.v[i]);
		*read_only = *read_only || strcmp(words.v[i], "ro") == 0;
	}
	return len ? 0 : error_say(err, EINVAL, "--volumes-from '%s': give CONTAINER[:ro]", word);
}
