#include "record_impl.h"
#include "cleanup.h"
#include "fs.h"
#include "record_change.h"
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>

enum {
	NAME_TRIES = 64,
	MAKING_TRIES = 150, MAKING_US = 20000,	/* together more than what makes one abandoned (record_place_is_gone()) */
	STATUS_MAX = 1 << 20,
};

bool record_name_is_valid(const char *s)
{
	if (!isalnum((unsigned char) *s) || !s[1])
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char) *s) && !strchr("_.-", *s))
			return false;
	return true;
}

int record_name_target(int names_fd, const char *name, char id[ID_LEN + 1])
{
	char text[ID_LEN + 2];
	ssize_t n = readlinkat(names_fd, name, text, sizeof text);
	if (n < 0)
		return -errno;
	if (n > ID_LEN)
		return -EINVAL;
	text[n] = 0;
	memcpy(id, text, (size_t) n + 1);
	return record_place_is_id(id) ? 0 : -EINVAL;
}

/* unlink_name - with the names locked */
static bool unlink_name(int names_fd, int containers_fd, const char *name, const char *id)
{
	char target[ID_LEN + 1];
	if (record_name_target(names_fd, name, target) < 0 || !(id ? str_eq(target, id) : record_place_is_gone(containers_fd, target)))
		return false;
	return unlinkat(names_fd, name, 0) == 0;
}

/* name_free - unlink @name if it points to @id, or, with @id NULL, to nothing that is there (in @containers_fd, which is for this only) */
static bool name_free(int names_fd, int containers_fd, const char *name, const char *id)
{
	if (flock(names_fd, LOCK_EX) < 0)
		return false;
	bool freed = unlink_name(names_fd, containers_fd, name, id);
	(void) flock(names_fd, LOCK_UN);
	return freed;
}

int record_name_invalid(const char *name, struct error *err)
{
	return error_say(err, EINVAL, "'%s' cannot be a container's name: it has at least two characters, letters, digits, '_', '.' and '-', and "
			 "begins with a letter or a digit", name);
}

static int name_used(int names_fd, const char *name, struct error *err)
{
	char id[ID_LEN + 1];
	if (record_name_target(names_fd, name, id) < 0)
		return error_set(err, EEXIST, "take the name '%s'", name);
	return error_say(err, EEXIST, "the name '%s' is used by container %.*s: `carrier rm %s` frees it", name, SHORT_ID, id, name);
}

/* is_unfinished - what has the name has no record yet, or is being removed: in a moment the name is free, or it is not */
static bool is_unfinished(int names_fd, int containers_fd, const char *name)
{
	char id[ID_LEN + 1];
	if (record_name_target(names_fd, name, id) < 0)
		return false;
	cleanup_free char *document = xasprintf("%s/record.json", id), *status = xasprintf("%s/status.json", id), *text = NULL;
	if (faccessat(containers_fd, document, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT;
	return fs_read_file(containers_fd, status, STATUS_MAX, &text, NULL, NULL) == 0 && strstr(text, "\"state\":\"removing\"");
}

/* name_take - -EEXIST when a container has it */
static int name_take(int names_fd, int containers_fd, const char *name, const char *id, struct error *err)
{
	for (int tries = 0; tries < MAKING_TRIES; tries++) {
		if (symlinkat(id, names_fd, name) == 0)
			return 0;
		if (errno != EEXIST)
			return error_set(err, errno, "take the name '%s'", name);
		if (name_free(names_fd, containers_fd, name, NULL))
			continue;
		if (tries && !is_unfinished(names_fd, containers_fd, name))
			break;
		if (tries)	/* whoever began it finishes it in milliseconds, or was killed */
			(void) usleep(MAKING_US);
	}
	return name_used(names_fd, name, err);
}

static void name_invent(char out[64])
{
	static const char *const adjectives[] = { "amber", "agile", "bold", "brave", "bright", "brisk", "calm", "candid", "clever",
		"cosy", "crisp", "daring", "eager", "early", "fair", "fleet", "fond", "gentle", "glad", "golden", "hardy", "honest",
		"jolly", "keen", "kind", "lively", "lucid", "mellow", "merry", "mild", "neat", "nimble", "noble", "patient", "plucky",
		"proud", "quick", "quiet", "ready", "rustic", "serene", "silver", "smart", "snug", "steady", "sunny", "swift", "tidy",
		"vivid", "warm", "wise", "witty" };
	static const char *const animals[] = { "otter", "badger", "beaver", "bison", "bittern", "buzzard", "carp", "condor", "crane",
		"curlew", "dolphin", "eider", "falcon", "ferret", "finch", "gannet", "gecko", "grebe", "hare", "heron", "ibex",
		"jackdaw", "kestrel", "lapwing", "lark", "lemur", "linnet", "lynx", "marmot", "marten", "newt", "osprey", "oyster",
		"petrel", "pike", "plover", "puffin", "quail", "raven", "robin", "seal", "shrike", "siskin", "stoat", "stork",
		"swan", "tern", "thrush", "trout", "turtle", "vole", "walrus", "whale", "wren" };
	uint32_t r[2];
	if (getrandom(r, sizeof r, 0) != sizeof r)	/* so few bytes never fail; if they did, any name would do */
		r[0] = r[1] = (uint32_t) getpid();
	snprintf(out, 64, "%s_%s", adjectives[r[0] % (sizeof adjectives / sizeof *adjectives)],
		 animals[r[1] % (sizeof animals / sizeof *animals)]);
}

int record_name_choose(int names_fd, int containers_fd, const char *wanted, struct container *c, struct error *err)
{
	if (!str_empty(wanted)) {
		c->record.name = pool_strdup(&c->pool, wanted);
		return name_take(names_fd, containers_fd, wanted, c->record.id, err);
	}
	char name[64];
	int r = -EEXIST;
	for (int tries = 0; r == -EEXIST && tries < NAME_TRIES; tries++) {
		name_invent(name);
		r = name_take(names_fd, containers_fd, name, c->record.id, err);
	}
	if (r == -EEXIST) {	/* thousands of containers: what is left is as good as a number */
		snprintf(name, sizeof name, "container_%.*s", SHORT_ID, c->record.id);
		r = name_take(names_fd, containers_fd, name, c->record.id, err);
	}
	c->record.name = pool_strdup(&c->pool, name);
	return r;
}

void record_name_give_up(const struct carrier *carrier, struct container *c)
{
	struct record now = { 0 };
	cleanup_close int names_fd = record_place_open(carrier, "names", false, NULL);
	if (names_fd < 0 || !record_name_is_valid(c->record.name) || name_free(names_fd, -1, c->record.name, c->record.id))
		return;
	/* it has another one since we read its record: a monitor did that long ago */
	if (record_document_read(c, "record.json", &record_type, &now, NULL) == 0 && record_name_is_valid(now.name))
		(void) name_free(names_fd, -1, now.name, c->record.id);
}

void record_name_drop(const struct carrier *carrier, const char *id)
{
	char target[ID_LEN + 1];
	cleanup_close int names_fd = record_place_open(carrier, "names", false, NULL);
	int copy = names_fd < 0 ? -1 : fcntl(names_fd, F_DUPFD_CLOEXEC, 0);
	cleanup_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	for (struct dirent *e; d && (e = readdir(d));)
		if (record_name_target(names_fd, e->d_name, target) == 0 && str_eq(target, id))
			(void) name_free(names_fd, -1, e->d_name, id);
}

/* ---- renaming ---- */

/* has_ended - its monitor gives up the name that the record has when it begins to remove it; after that it looks for none */
static bool has_ended(int containers_fd, struct container *c)
{
	return faccessat(containers_fd, c->record.id, F_OK, AT_SYMLINK_NOFOLLOW) < 0 || record_refresh(c, NULL) < 0 ||
	       c->state == RECORD_REMOVING;
}

int record_rename(const struct carrier *carrier, struct container *c, const char *name, struct error *err)
{
	if (!record_name_is_valid(name))
		return record_name_invalid(name, err);
	cleanup_close int containers_fd = record_place_open(carrier, "containers", false, err);
	cleanup_close int names_fd = containers_fd < 0 ? containers_fd : record_place_open(carrier, "names", true, err);
	if (names_fd < 0)
		return names_fd;
	cleanup_close int lock_fd = record_change(c, err);
	if (lock_fd < 0)
		return lock_fd;
	const char *old = c->record.name;
	if (str_eq(old, name))
		return error_say(err, EEXIST, "container %s has this name already", old);
	int r = name_take(names_fd, containers_fd, name, c->record.id, err);
	if (r < 0)
		return r;
	c->record.name = pool_strdup(&c->pool, name);
	r = record_save(c, err);
	(void) name_free(names_fd, -1, r < 0 ? name : old, c->record.id);
	if (r == 0 && has_ended(containers_fd, c))
		(void) name_free(names_fd, -1, name, c->record.id);
	return r;
}
