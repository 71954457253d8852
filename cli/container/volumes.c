#include "volumes.h"
#include "cleanup.h"
#include "explain_path.h"
#include "fs.h"
#include "lists.h"
#include <string.h>
#include <sys/stat.h>

static const char *const propagations[] = { "private", "rprivate", "shared", "rshared", "slave", "rslave", NULL };
static const char *const passed_on[] = { "nosuid", "suid", "nodev", "dev", "noexec", "exec", "noatime", NULL };
static const char *const without_effect[] = { "rw", "z", "Z", "nocopy", "cached", "consistent", "delegated", NULL };

static bool is_in(const char *const *list, const char *word) { return strings_have((char *const *) list, word); }

static int parse_options(const char *volume, const char *text, struct pool *pool, char ***ret, struct error *err)
{
	struct strings words cleanup_strings = { 0 }, options cleanup_strings = { 0 };
	const char *bind = "rbind", *propagation = "rprivate";
	bool read_only = false;
	strings_split(&words, text, ",");
	for (size_t i = 0; i < words.n; i++) {
		const char *word = words.v[i];
		if (is_in(propagations, word))
			propagation = words.v[i];
		else if (strcmp(word, "bind") == 0 || strcmp(word, "rbind") == 0)
			bind = words.v[i];
		else if (strcmp(word, "ro") == 0)
			read_only = true;
		else if (is_in(passed_on, word))
			strings_add(&options, word);
		else if (!is_in(without_effect, word))
			return error_say(err, EINVAL, "--volume '%s': there is no option '%s'; there are ro, rw, z, Z, nosuid, nodev, noexec, "
					 "bind, rbind, private, shared, slave, rprivate, rshared, rslave", volume, word);
		if (strcmp(word, "rw") == 0)
			read_only = false;
	}
	strings_add(&options, bind);
	strings_add(&options, propagation);
	/* with what is mounted below the source: else `ro` would leave that writable */
	if (read_only)
		strings_add(&options, strcmp(bind, "rbind") == 0 ? "rro" : "ro");
	*ret = list_copy(pool, options.v, NULL);
	return 0;
}

static int check_source(const char *volume, const char *source, struct error *err)
{
	struct stat st;
	if (*source != '/' && *source != '.')
		return error_say(err, EINVAL, "--volume '%s': named volumes are not there yet; give a directory, as ./%s or absolute", volume,
				 source);
	if (stat(source, &st) == 0)
		return 0;
	if (errno == ENOENT)
		return error_say(err, ENOENT, "--volume '%s': there is no '%s'; make it first (mkdir -p '%s')", volume, source, source);
	(void) error_set(err, errno, "--volume '%s': look at '%s'", volume, source);
	return explain_path(source, 0, err);
}

static int parse(const char *volume, struct pool *pool, struct record_mount *ret, struct error *err)
{
	cleanup_free char *copy = xstrdup(volume), *source = NULL, *destination = NULL;
	char *at = strchr(copy, ':');
	if (!at)
		return error_say(err, EINVAL, "--volume '%s': anonymous volumes are not there yet; give SOURCE:DIR", volume);
	*at++ = 0;
	char *options = strchr(at, ':');
	if (options)
		*options++ = 0;
	if (!*copy || *at != '/' || (options && strchr(options, ':')))
		return error_say(err, EINVAL, "--volume '%s': give SOURCE:DIR[:OPTIONS], with DIR absolute and inside the container", volume);
	int r = check_source(volume, copy, err);
	if (r < 0)
		return r;
	r = fs_absolute(copy, &source, err);
	if (r < 0)
		return error_wrap(err, "--volume '%s'", volume);
	destination = fs_clean_path(at);
	if (strcmp(destination, "/") == 0)
		return error_say(err, EINVAL, "--volume '%s': nothing can be mounted on the container's /; --rootfs takes a directory for it",
				 volume);
	ret->type = pool_strdup(pool, "bind");
	ret->source = pool_strdup(pool, source);
	ret->destination = pool_strdup(pool, destination);
	return parse_options(volume, options ? options : "", pool, &ret->options, err);
}

int volumes_parse(const struct strings *volumes, struct pool *pool, struct record *ret, struct error *err)
{
	struct record_mount *mounts = pool_alloc(pool, (volumes->n + 1) * sizeof *mounts);
	for (size_t i = 0; i < volumes->n; i++) {
		int r = parse(volumes->v[i], pool, &mounts[i], err);
		if (r < 0)
			return r;
		for (size_t k = 0; k < i; k++)
			if (strcmp(mounts[k].destination, mounts[i].destination) == 0)
				return error_say(err, EINVAL, "--volume '%s': something is mounted on '%s' already", volumes->v[i],
						 mounts[i].destination);
	}
	ret->mounts = mounts;
	ret->n_mounts = volumes->n;
	return 0;
}
