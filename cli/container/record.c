/* Theory of operation.
 *
 * Making: the directory first, then the name's link, so a link never points to nothing; record.json comes last, and what has none is
 * not listed. Removing: the link first, then the directory, which is renamed ("ID.removed") before anything in it goes. What a crash
 * leaves between is therefore a directory without record.json (removed by whoever lists, once it is older than anybody needs to write
 * one), one without a name (found by its id), or one that was renamed (removed by whoever lists, unless it is still locked).
 * Only those who unlink a name lock (flock(2) on ROOT/names): making one is atomic by itself.
 */
#include "record.h"
#include "cleanup.h"
#include "event.h"
#include "fs.h"
#include "log.h"
#include "proc.h"
#include "record_change.h"
#include "str.h"
#include "userns.h"
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

enum {
	ID_BYTES = 32, ID_LEN = 64, SHORT_ID = 12,
	NAME_TRIES = 64,
	ABANDONED_SECONDS = 2,		/* between making a directory and locking it a maker may have to wait for a processor */
	MAKING_TRIES = 150, MAKING_US = 20000,	/* together more than the above */
	DOCUMENT_MAX = 16 << 20,
};
#define REMOVED ".removed"

/* ---- documents ---- */

#define T struct record
const struct json_type record_type = JSON_TYPE(T,
	JSON_REQUIRED(T, id, "id"), JSON_REQUIRED(T, name, "name"), JSON_REQUIRED(T, created, "created"),
	JSON_FIELD(T, image, "image"), JSON_FIELD(T, image_id, "imageId"), JSON_FIELD(T, manifest, "manifest"),
	JSON_FIELD(T, rootfs, "rootfs"), JSON_FIELD(T, args, "args"), JSON_FIELD(T, env, "env"), JSON_FIELD(T, user, "user"),
	JSON_FIELD(T, workdir, "workdir"), JSON_FIELD(T, hostname, "hostname"), JSON_FIELD(T, stop_signal, "stopSignal"),
	JSON_FIELD(T, network, "network"), JSON_FIELD(T, tty, "tty"), JSON_FIELD(T, interactive, "interactive"),
	JSON_FIELD(T, remove, "remove"), JSON_FIELD(T, detached, "detached"), JSON_FIELD(T, read_only, "readOnly"),
	JSON_FIELD(T, memory, "memory"), JSON_FIELD(T, pids_limit, "pidsLimit"), JSON_FIELD(T, cpu_quota, "cpuQuota"),
	JSON_FIELD(T, cpu_period, "cpuPeriod"), JSON_ALWAYS(T, stop_timeout, "stopTimeout"),
	JSON_LIST(T, mounts, "mounts", record_mount_type), JSON_FIELD(T, labels, "labels"), JSON_FIELD(T, lowerdirs, "lowerdirs"),
	JSON_FIELD(T, storage_driver, "storageDriver"), JSON_INLINE(T, settings, "settings", record_settings_type),
	JSON_INLINE(T, life, "life", record_life_type),
	JSON_INLINE(T, limits, "limits", record_limits_type), JSON_INLINE(T, devices, "devices", record_devices_type),
	JSON_INLINE(T, namespaces, "namespaces", record_namespaces_type), JSON_INLINE(T, process, "process", record_process_type),
	JSON_INLINE(T, files, "files", record_files_type),
	JSON_INLINE(T, users, "users", record_users_type),
	JSON_FIELD(T, uid_map, "uidMap"), JSON_FIELD(T, gid_map, "gidMap"), JSON_FIELD(T, create_command, "createCommand"));
#undef T
#define T struct status
const struct json_type status_type = JSON_TYPE(T,
	JSON_REQUIRED(T, state, "state"), JSON_FIELD(T, pid, "pid"), JSON_FIELD(T, start_time, "startTime"),
	JSON_FIELD(T, monitor, "monitor"), JSON_FIELD(T, boot_id, "bootId"), JSON_FIELD(T, started, "started"),
	JSON_FIELD(T, finished, "finished"), JSON_FIELD(T, error, "error"), JSON_ALWAYS(T, exit_code, "exitCode"),
	JSON_FIELD(T, restarts, "restarts"), JSON_FIELD(T, health, "health"), JSON_FIELD(T, failing_streak, "failingStreak"),
	JSON_FIELD(T, oom_killed, "oomKilled"));
#undef T

static int save_text(const struct container *c, const char *file, const char *text, size_t len, struct error *err)
{
	/* not synced: no container survives the crash of its host, and what is then found empty or torn counts as dead */
	int r = fs_replace_file(c->dir_fd, file, text, len, 0600, false, err);
	return r < 0 ? error_wrap(err, "container %.12s", c->record.id) : 0;
}

static int save(const struct container *c, const char *file, const struct json_type *type, const void *object, struct error *err)
{
	size_t len;
	cleanup_free char *text = json_encode(type, object, JSON_COMPACT, &len);
	return save_text(c, file, text, len, err);
}

int record_save(const struct container *c, struct error *err)
{
	return save(c, "record.json", &record_type, &c->record, err);
}

int record_commit(struct container *c, struct error *err)
{
	size_t len;
	cleanup_free char *text = json_encode(&record_type, &c->record, JSON_COMPACT, &len);
	void *object;
	int r = save_text(c, "record.json", text, len, err);
	(void) flock(c->dir_fd, LOCK_UN);
	if (r == 0)
		r = json_decode(&record_type, text, len, &c->pool, &object, err);
	if (r == 0)
		memcpy(&c->record, object, sizeof c->record);
	return r;
}

/* read_document - -EBADMSG when it is there, but damaged */
static int read_document(struct container *c, const char *file, const struct json_type *type, void *ret, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r = fs_read_file(c->dir_fd, file, DOCUMENT_MAX, &text, &len, err);
	if (r < 0)
		return error_wrap(err, "container %s", c->dir);
	struct error why = { 0 };
	void *object;
	if (json_decode(type, text, len, &c->pool, &object, &why) < 0)
		return error_say(err, EBADMSG, "'%s/%s' is damaged: %s", c->dir, file, why.text);
	memcpy(ret, object, type->size);
	return 0;
}

void container_done(struct container *c)
{
	pool_done(&c->pool);
	close_fd(&c->dir_fd);
	*c = (struct container) CONTAINER_NONE;
}

/* ---- state ---- */

const char *record_state_name(enum record_state s)
{
	static const char *const names[] = {
		[RECORD_CREATED] = "created", [RECORD_STARTING] = "created", [RECORD_RUNNING] = "running",
		[RECORD_RESTARTING] = "restarting", [RECORD_EXITED] = "exited", [RECORD_REMOVING] = "removing", [RECORD_UNATTENDED] = "running", [RECORD_DEAD] = "dead",
	};
	return names[s];
}

const char *record_state_word(const struct container *c)
{
	return c->paused ? "paused" : record_state_name(c->state);
}

static bool is_active(const struct status *s)
{
	return str_eq(s->state, "starting") || str_eq(s->state, "running") || str_eq(s->state, "restarting") || str_eq(s->state, "removing");
}

/* active_state - of one that has a monitor */
static enum record_state active_state(const struct status *s)
{
	if (str_eq(s->state, "running"))
		return RECORD_RUNNING;
	return str_eq(s->state, "starting") ? RECORD_STARTING : str_eq(s->state, "restarting") ? RECORD_RESTARTING : RECORD_REMOVING;
}

/* is_attended - 1 when a monitor holds the lock */
static int is_attended(const struct container *c, struct error *err)
{
	cleanup_close int fd = openat(c->dir_fd, "lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 ? -errno : fs_is_locked(fd);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? error_set(err, -r, "look at the lock of container %.12s", c->record.id) : r;
}

static bool is_alive(const struct status *s)
{
	if (s->pid <= 0 || !str_eq(s->boot_id, proc_boot_id()))
		return false;
	int state = proc_state((pid_t) s->pid, s->start_time);
	return state > 0 && state != 'Z' && state != 'X';
}

int status_save(struct container *c, struct error *err)
{
	int r = save(c, "status.json", &status_type, &c->status, err);
	if (r < 0)
		return r;
	const struct status *s = &c->status;
	c->state = str_eq(s->state, "created") ? RECORD_CREATED : is_active(s) ? active_state(s) : RECORD_EXITED;
	return 0;
}

static int read_status(struct container *c, struct error *err)
{
	struct status fresh = { 0 };
	struct error why = { 0 };
	int r = read_document(c, "status.json", &status_type, &fresh, &why);
	if (r == -ENOENT)
		fresh.state = pool_strdup(&c->pool, "created");	/* nothing has become of it yet */
	else if (r == -EBADMSG)		/* the lock still tells whether there is a monitor; else it is dead */
		fresh = (struct status) { .state = pool_strdup(&c->pool, "running") };
	else if (r < 0)
		return error_say(err, -r, "%s", why.text);
	c->status = fresh;
	return 0;
}

/* is_paused - pause.h; of a process that has been replaced it says nothing */
static bool is_paused(const struct container *c)
{
	char target[48], process[48];
	if (c->state != RECORD_RUNNING && c->state != RECORD_UNATTENDED)
		return false;
	ssize_t n = readlinkat(c->dir_fd, RECORD_PAUSED_LINK, target, sizeof target - 1);
	if (n < 0)
		return false;
	target[n] = 0;
	snprintf(process, sizeof process, "%lld %llu", (long long) c->status.pid, (unsigned long long) c->status.start_time);
	return str_eq(target, process);
}

static int refresh(struct container *c, struct error *err)
{
	int r = read_status(c, err);
	if (r < 0)
		return r;
	if (is_active(&c->status)) {
		int attended = is_attended(c, err);
		if (attended < 0)
			return attended;
		if (attended) {
			c->state = active_state(&c->status);
			return 0;
		}
		/* the monitor may have ended between our two looks; then it has written the exit before it let go */
		r = read_status(c, err);
		if (r < 0)
			return r;
	}
	if (is_active(&c->status))
		c->state = is_alive(&c->status) ? RECORD_UNATTENDED : RECORD_DEAD;
	else
		c->state = str_eq(c->status.state, "created") ? RECORD_CREATED : RECORD_EXITED;
	return 0;
}

int record_refresh(struct container *c, struct error *err)
{
	int r = refresh(c, err);
	c->paused = r == 0 && is_paused(c);
	return r;
}

void record_policy(struct container *c)
{
	struct container now = { .dir = c->dir, .dir_fd = c->dir_fd };
	if (read_document(&now, "record.json", &record_type, &now.record, NULL) == 0) {
		enum restart_policy policy = restart_policy_of(&now.record.life);
		c->record.life.restart = policy == RESTART_NO ? NULL : (char *) restart_word(policy);
		c->record.life.restart_max = now.record.life.restart_max;
	}
	pool_done(&now.pool);
}

int record_lock(const struct container *c, struct error *err)
{
	cleanup_close int fd = openat(c->dir_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, errno, "open the lock of container %.12s", c->record.id);
	int r = fs_lock(fd, true, false);
	if (r == -EAGAIN)
		return error_say(err, EAGAIN, "container %.12s is attended by another process already", c->record.id);
	if (r < 0)
		return error_set(err, -r, "lock container %.12s", c->record.id);
	return take_fd(fd);
}

/* ---- the note of a stop ---- */

static const char stop_note[] = "stopped";

int record_note_stop(const struct container *c, bool restart, struct error *err)
{
	return fs_replace_file(c->dir_fd, stop_note, "restart", restart ? strlen("restart") : 0, 0600, false, err);
}

enum record_note record_noted_stop(const struct container *c)
{
	struct stat st;
	if (fstatat(c->dir_fd, stop_note, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return RECORD_NOT_STOPPED;
	return st.st_size ? RECORD_STOPPED_TO_RESTART : RECORD_STOPPED;
}

void record_forget_stop(const struct container *c)
{
	(void) unlinkat(c->dir_fd, stop_note, 0);
}

/* ---- places ---- */

/* open_place - ROOT/@name, made with @make; -ENOENT without it is for the caller to understand */
static int open_place(const struct carrier *carrier, const char *name, bool make, struct error *err)
{
	cleanup_free char *path = xasprintf("%s/%s", carrier->root, name);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && make) {
		int r = fs_mkdir_all(AT_FDCWD, path, 0700, err);
		if (r < 0)
			return r;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? error_set(err, errno, "open '%s'", path) : fd;
}

static bool is_id(const char *s)
{
	return strlen(s) == ID_LEN && strspn(s, "0123456789abcdef") == ID_LEN;
}

/* is_being_made - who makes one holds its directory's lock until the record is there */
static bool is_being_made(int containers_fd, const char *id)
{
	cleanup_close int fd = openat(containers_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
}

/* is_gone - nothing is behind @id: no directory, or one that somebody began to make and never finished */
static bool is_gone(int containers_fd, const char *id)
{
	cleanup_free char *document = xasprintf("%s/record.json", id);
	struct stat st;
	if (faccessat(containers_fd, document, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
		return false;
	if (fstatat(containers_fd, id, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT;
	return time(NULL) - st.st_mtime > ABANDONED_SECONDS && !is_being_made(containers_fd, id);
}

/* load - @damaged: one whose record.json is damaged is given with its id only, and dead, so that it can be removed */
static int load(const struct carrier *carrier, int containers_fd, const char *id, bool damaged, struct container *ret,
		struct error *err)
{
	cleanup_container struct container c = CONTAINER_NONE;
	c.dir = pool_printf(&c.pool, "%s/containers/%s", carrier->root, id);
	c.dir_fd = openat(containers_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c.dir_fd < 0)
		return error_set(err, errno, "open '%s'", c.dir);
	struct error why = { 0 };
	int r = read_document(&c, "record.json", &record_type, &c.record, &why);
	if (r == 0 && !str_eq(c.record.id, id))
		r = error_say(&why, EBADMSG, "'%s/record.json' is of another container, '%.64s'", c.dir, c.record.id);
	if (r < 0 && !(r == -EBADMSG && damaged))
		return error_say(err, -r, "%s", why.text);
	if (r < 0) {
		log_warn("%s; `carrier rm %.*s` removes the container", why.text, SHORT_ID, id);
		c.record = (struct record) { .id = pool_strdup(&c.pool, id), .name = pool_strdup(&c.pool, ""),
			.created = pool_strdup(&c.pool, "") };
		c.status.state = pool_strdup(&c.pool, "running");
		c.state = RECORD_DEAD;
	} else {
		r = record_refresh(&c, err);
		if (r < 0)
			return r;
	}
	*ret = c;
	c = (struct container) CONTAINER_NONE;
	return 0;
}

/* ---- names ---- */

static bool is_name(const char *s)
{
	if (!isalnum((unsigned char) *s) || !s[1])
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char) *s) && !strchr("_.-", *s))
			return false;
	return true;
}

/* name_target - the id that @name stands for; -ENOENT when it is free */
static int name_target(int names_fd, const char *name, char id[ID_LEN + 1])
{
	char text[ID_LEN + 2];
	ssize_t n = readlinkat(names_fd, name, text, sizeof text);
	if (n < 0)
		return -errno;
	if (n > ID_LEN)
		return -EINVAL;
	text[n] = 0;
	memcpy(id, text, (size_t) n + 1);
	return is_id(id) ? 0 : -EINVAL;
}

/* unlink_name - with the names locked */
static bool unlink_name(int names_fd, int containers_fd, const char *name, const char *id)
{
	char target[ID_LEN + 1];
	if (name_target(names_fd, name, target) < 0 || !(id ? str_eq(target, id) : is_gone(containers_fd, target)))
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

static int no_name(const char *name, struct error *err)
{
	return error_say(err, EINVAL, "'%s' cannot be a container's name: it has at least two characters, letters, digits, '_', '.' and '-', and "
			 "begins with a letter or a digit", name);
}

static int name_used(int names_fd, const char *name, struct error *err)
{
	char id[ID_LEN + 1];
	if (name_target(names_fd, name, id) < 0)
		return error_set(err, EEXIST, "take the name '%s'", name);
	return error_say(err, EEXIST, "the name '%s' is used by container %.*s: `carrier rm %s` frees it", name, SHORT_ID, id, name);
}

/* is_unfinished - what has the name has no record yet, or is being removed: in a moment the name is free, or it is not */
static bool is_unfinished(int names_fd, int containers_fd, const char *name)
{
	char id[ID_LEN + 1];
	if (name_target(names_fd, name, id) < 0)
		return false;
	cleanup_free char *document = xasprintf("%s/record.json", id), *status = xasprintf("%s/status.json", id), *text = NULL;
	if (faccessat(containers_fd, document, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT;
	return fs_read_file(containers_fd, status, DOCUMENT_MAX, &text, NULL, NULL) == 0 && strstr(text, "\"state\":\"removing\"");
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

/* choose_name - the one that was asked for, or the first invented one that is free */
static int choose_name(int names_fd, int containers_fd, const char *wanted, struct container *c, struct error *err)
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

/* ---- making ---- */

static int make_dir(const struct carrier *carrier, int containers_fd, struct container *c, struct error *err)
{
	unsigned char random[ID_BYTES];
	char id[ID_LEN + 1];
	if (getrandom(random, sizeof random, 0) != sizeof random)
		return error_set(err, errno, "get random numbers from the kernel");
	str_hex(random, sizeof random, id);
	c->record.id = pool_strdup(&c->pool, id);
	c->dir = pool_printf(&c->pool, "%s/containers/%s", carrier->root, id);
	if (mkdirat(containers_fd, id, 0700) < 0)
		return error_set(err, errno, "make directory '%s'", c->dir);
	c->dir_fd = openat(containers_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c->dir_fd < 0)
		return error_set(err, errno, "open '%s'", c->dir);
	(void) flock(c->dir_fd, LOCK_EX | LOCK_NB);	/* is_being_made(); until record_commit() */
	return 0;
}

int record_new(const struct carrier *carrier, const char *name, struct container *ret, struct error *err)
{
	if (!str_empty(name) && !is_name(name))
		return no_name(name, err);
	cleanup_close int containers_fd = open_place(carrier, "containers", true, err);
	if (containers_fd < 0)
		return containers_fd;
	cleanup_close int names_fd = open_place(carrier, "names", true, err);
	if (names_fd < 0)
		return names_fd;

	cleanup_container struct container c = CONTAINER_NONE;
	int r = make_dir(carrier, containers_fd, &c, err);
	if (r == 0)
		r = choose_name(names_fd, containers_fd, name, &c, err);
	if (r < 0) {
		if (c.record.id)
			(void) unlinkat(containers_fd, c.record.id, AT_REMOVEDIR);
		return r;
	}
	struct timespec now;
	char created[40];
	clock_gettime(CLOCK_REALTIME, &now);
	c.record.created = pool_strdup(&c.pool, str_rfc3339(now.tv_sec, now.tv_nsec, created));
	c.status.state = pool_strdup(&c.pool, "created");
	c.state = RECORD_CREATED;
	*ret = c;
	c = (struct container) CONTAINER_NONE;
	return 0;
}

/* ---- finding ---- */

/* find_prefix - the only id that begins with @prefix */
static int find_prefix(int containers_fd, const char *prefix, char id[ID_LEN + 1], struct error *err)
{
	cleanup_close int fd = openat(containers_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return error_set(err, errno, "list the containers");
	(void) take_fd(fd);	/* closedir(3) closes it */
	size_t found = 0;
	for (struct dirent *e; (e = readdir(d));) {
		if (!is_id(e->d_name) || !str_starts(e->d_name, prefix))
			continue;
		if (found++ == 0)
			memcpy(id, e->d_name, ID_LEN + 1);
	}
	if (found > 1)
		return error_say(err, ENOTUNIQ, "'%s' is the beginning of %zu containers' ids: give more digits, or a name", prefix, found);
	return found ? 0 : -ENOENT;
}

static int find_id(const struct carrier *carrier, int containers_fd, const char *name, char id[ID_LEN + 1], struct error *err)
{
	if (is_id(name)) {
		memcpy(id, name, ID_LEN + 1);
		return 0;
	}
	struct error why = { 0 };
	cleanup_close int names_fd = open_place(carrier, "names", false, &why);
	if (names_fd < 0 && names_fd != -ENOENT)
		return error_say(err, why.code, "%s", why.text);
	if (names_fd >= 0 && is_name(name) && name_target(names_fd, name, id) == 0)
		return 0;
	if (strlen(name) < ID_LEN && *name && strspn(name, "0123456789abcdef") == strlen(name))
		return find_prefix(containers_fd, name, id, err);
	return -ENOENT;
}

static int find_latest(const struct carrier *carrier, struct container *ret, struct error *err)
{
	struct container *all;
	size_t n;
	int r = record_list(carrier, &all, &n, err);
	if (r < 0)
		return r;
	if (n)
		*ret = all[0];
	else
		r = error_say(err, ENOENT, "there is no container");
	for (size_t i = 1; i < n; i++)
		container_done(&all[i]);
	free(all);
	return r;
}

int record_find(const struct carrier *carrier, const char *name, bool latest, struct container *ret, struct error *err)
{
	if (latest && str_empty(name))
		return find_latest(carrier, ret, err);
	struct error why = { 0 };
	char id[ID_LEN + 1];
	cleanup_close int containers_fd = open_place(carrier, "containers", false, &why);
	int r = containers_fd < 0 ? containers_fd : find_id(carrier, containers_fd, name, id, &why);
	if (r == 0)
		r = load(carrier, containers_fd, id, true, ret, &why);
	if (r == 0 && ret->state == RECORD_REMOVING) {
		container_done(ret);
		r = -ENOENT;
	}
	if (r == -ENOENT)
		return error_say(err, ENOENT, "no container '%s'", name);
	return r < 0 ? error_say(err, -r, "%s", why.text) : 0;
}

/* ---- removing ---- */

/* remove_as_root - files of subordinate ids are only ours to remove in a namespace that maps them. A child enters it, so that
 * we stay who we are; its sentence comes through the pipe. */
static int remove_as_root(int containers_fd, const char *id, struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "make a pipe");
	cleanup_close int ours = ends[0], theirs = ends[1];
	pid_t pid = fork();
	if (pid < 0)
		return error_set(err, errno, "make a process");
	if (pid == 0) {
		struct error why = { 0 };
		if (userns_become_root(0, NULL, NULL, &why) == 0)
			(void) fs_remove_tree(containers_fd, id, &why);
		(void) fs_write_all(theirs, &why, sizeof why);
		_exit(0);
	}
	close_fd(&theirs);
	struct error why;
	ssize_t n = fs_read_all(ours, &why, sizeof why);
	(void) proc_wait(pid);
	if (n != sizeof why)
		return error_say(err, EPIPE, "the process that removes container %.12s was killed", id);
	return why.code ? error_say(err, why.code, "%s", why.text) : 0;
}

static int remove_tree(const struct carrier *carrier, int containers_fd, const char *id, struct error *err)
{
	struct error why = { 0 };
	int r = fs_remove_tree(containers_fd, id, &why);
	if ((r == -EACCES || r == -EPERM) && carrier->rootless) {
		why = (struct error) { 0 };
		r = remove_as_root(containers_fd, id, &why);
	}
	return r < 0 ? error_say(err, why.code, "remove container %.*s: %s", SHORT_ID, id, why.text) : 0;
}

/* remove_renamed - what somebody began to remove and cannot be at it any more; with the lock held, somebody is */
static void remove_renamed(const struct carrier *carrier, int containers_fd, const char *name)
{
	cleanup_free char *lock = xasprintf("%s/lock", name);
	cleanup_close int fd = openat(containers_fd, lock, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fs_is_locked(fd) == 0)
		(void) remove_tree(carrier, containers_fd, name, NULL);
}

static void give_up_name(const struct carrier *carrier, struct container *c)
{
	struct record now = { 0 };
	cleanup_close int names_fd = open_place(carrier, "names", false, NULL);
	if (names_fd < 0 || !is_name(c->record.name) || name_free(names_fd, -1, c->record.name, c->record.id))
		return;
	/* it has another one since we read its record: a monitor did that long ago */
	if (read_document(c, "record.json", &record_type, &now, NULL) == 0 && is_name(now.name))
		(void) name_free(names_fd, -1, now.name, c->record.id);
}

int record_retire(const struct carrier *carrier, struct container *c, struct error *err)
{
	c->status.state = (char *) "removing";
	int r = status_save(c, err);
	if (r == 0)
		give_up_name(carrier, c);
	return r;
}

int record_remove(const struct carrier *carrier, struct container *c, struct error *err)
{
	cleanup_close int containers_fd = open_place(carrier, "containers", false, err);
	if (containers_fd < 0)
		return containers_fd;
	bool retired = c->state == RECORD_REMOVING;	/* by us, who are its monitor: the name is free, and the lock ours */
	if (!retired)
		give_up_name(carrier, c);
	cleanup_close int lock_fd = retired ? -1 : record_lock(c, NULL);	/* where it has a monitor, that has it */
	(void) lock_fd;
	cleanup_free char *renamed = xasprintf("%s" REMOVED, c->record.id);
	/* at once: what has lost half of its files, but not its record, would be taken for a container */
	if (renameat(containers_fd, c->record.id, containers_fd, renamed) < 0 && errno != ENOENT)
		return error_set(err, errno, "remove container %.12s", c->record.id);
	int r = remove_tree(carrier, containers_fd, renamed, err);
	if (r == 0)
		event_container(carrier, c, "destroy", NULL);
	return r;
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
	if (!is_name(name))
		return no_name(name, err);
	cleanup_close int containers_fd = open_place(carrier, "containers", false, err);
	cleanup_close int names_fd = containers_fd < 0 ? containers_fd : open_place(carrier, "names", true, err);
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

/* ---- listing ---- */

static int newest_first(const void *a, const void *b)
{
	const struct record *x = &((const struct container *) a)->record, *y = &((const struct container *) b)->record;
	int order = strcmp(y->created, x->created);
	return order ? order : strcmp(x->id, y->id);
}

/* open_containers - the directory, and to read it; -ENOENT, which is said nowhere: there has never been one */
static int open_containers(const struct carrier *carrier, DIR **ret, struct error *err)
{
	struct error why = { 0 };
	cleanup_close int containers_fd = open_place(carrier, "containers", false, &why);
	if (containers_fd == -ENOENT)
		return -ENOENT;
	if (containers_fd < 0)
		return error_say(err, why.code, "%s", why.text);
	cleanup_close int fd = openat(containers_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*ret = fd < 0 ? NULL : fdopendir(fd);
	if (!*ret)
		return error_set(err, errno, "list '%s/containers'", carrier->root);
	(void) take_fd(fd);
	return take_fd(containers_fd);
}

int record_list(const struct carrier *carrier, struct container **ret, size_t *ret_n, struct error *err)
{
	*ret = NULL;
	*ret_n = 0;
	struct error why = { 0 };
	cleanup_dir DIR *d = NULL;
	cleanup_close int containers_fd = open_containers(carrier, &d, err);
	if (containers_fd < 0)
		return containers_fd == -ENOENT ? 0 : containers_fd;

	struct container *all = NULL;
	size_t n = 0, size = 0;
	for (struct dirent *e; (e = readdir(d));) {
		if (!is_id(e->d_name)) {
			if (str_ends(e->d_name, REMOVED))
				remove_renamed(carrier, containers_fd, e->d_name);
			continue;
		}
		if (n == size)
			all = xreallocarray(all, size = size ? 2 * size : 16, sizeof *all);
		int r = load(carrier, containers_fd, e->d_name, false, &all[n], &why);
		if (r == 0 && all[n].state == RECORD_REMOVING)
			container_done(&all[n]);
		else if (r == 0)
			n++;
		else if (r != -ENOENT)
			log_warn("%s", why.text);
		else if (is_gone(containers_fd, e->d_name))	/* its name is free for whoever asks for it */
			(void) remove_tree(carrier, containers_fd, e->d_name, NULL);
	}
	if (n)
		qsort(all, n, sizeof *all, newest_first);
	*ret = all;
	*ret_n = n;
	return 0;
}

/* ---- a thousand of them ---- */

/* For `ps` every call and every page of memory counts: a document is read by open, one read and close, by its path beneath containers/; a
 * container's directory is opened only where there is more to look at (a lock, or a document that is longer than usual); and one after
 * another uses the same memory. */

enum { BRIEF_MAX = 16384 };

/* what ps shows and filters by: fewer rows to compare each member with */
#define T struct record
static const struct json_type brief_type = JSON_TYPE(T,
	JSON_REQUIRED(T, id, "id"), JSON_REQUIRED(T, name, "name"), JSON_REQUIRED(T, created, "created"),
	JSON_FIELD(T, image, "image"), JSON_FIELD(T, image_id, "imageId"), JSON_FIELD(T, args, "args"), JSON_FIELD(T, rootfs, "rootfs"),
	JSON_FIELD(T, network, "network"), JSON_LIST(T, mounts, "mounts", record_mount_type), JSON_FIELD(T, labels, "labels"),
	JSON_FIELD(T, lowerdirs, "lowerdirs"));
#undef T

static int read_brief(int containers_fd, struct container *c, const char *id, const char *file, const struct json_type *type, void *ret)
{
	static char text[BRIEF_MAX];
	char path[ID_LEN + 16];
	void *object;
	snprintf(path, sizeof path, "%s/%s", id, file);
	int fd = openat(containers_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, text, sizeof text);
	(void) close(fd);
	if (n < 0 || n == sizeof text || json_decode(type, text, (size_t) n, &c->pool, &object, NULL) < 0)
		return -EBADMSG;	/* the long way will do, or say why not */
	memcpy(ret, object, type->size);
	return 0;
}

/* load_brief - as load(), without an open directory unless it is or may be active. 1: @only_active and it is not */
static int load_brief(const struct carrier *carrier, int containers_fd, const char *id, bool only_active, struct container *ret, struct error *err)
{
	cleanup_container struct container c = CONTAINER_NONE;
	c.dir = pool_printf(&c.pool, "%s/containers/%s", carrier->root, id);
	int r = read_brief(containers_fd, &c, id, "status.json", &status_type, &c.status);
	if (r == -ENOENT)
		c.status.state = pool_strdup(&c.pool, "created");
	if ((r < 0 && r != -ENOENT) || is_active(&c.status))
		return load(carrier, containers_fd, id, false, ret, err);
	c.state = str_eq(c.status.state, "created") ? RECORD_CREATED : RECORD_EXITED;
	if (only_active && r == 0)
		return 1;
	r = read_brief(containers_fd, &c, id, "record.json", &brief_type, &c.record);
	if (r < 0 || !str_eq(c.record.id, id))
		return load(carrier, containers_fd, id, false, ret, err);
	if (only_active)
		return 1;
	*ret = c;
	c = (struct container) CONTAINER_NONE;
	return 0;
}

int record_each(const struct carrier *carrier, bool only_active, void (*visit)(void *ctx, const struct container *c), void *ctx, struct error *err)
{
	struct error why = { 0 };
	cleanup_dir DIR *d = NULL;
	cleanup_close int containers_fd = open_containers(carrier, &d, err);
	if (containers_fd < 0)
		return containers_fd == -ENOENT ? 0 : containers_fd;
	for (struct dirent *e; (e = readdir(d));) {
		cleanup_container struct container c = CONTAINER_NONE;
		if (!is_id(e->d_name)) {
			if (str_ends(e->d_name, REMOVED))
				remove_renamed(carrier, containers_fd, e->d_name);
			continue;
		}
		int r = load_brief(carrier, containers_fd, e->d_name, only_active, &c, &why);
		if (r == 0 && c.state != RECORD_REMOVING)
			visit(ctx, &c);
		else if (r == -ENOENT && is_gone(containers_fd, e->d_name))
			(void) remove_tree(carrier, containers_fd, e->d_name, NULL);
		else if (r < 0 && r != -ENOENT)
			log_warn("%s", why.text);
	}
	return 0;
}
