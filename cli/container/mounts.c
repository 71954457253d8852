#include "mounts.h"
#include "../image/store.h"
#include "../volume/secret_store.h"
#include "../volume/volume.h"
#include "cleanup.h"
#include "explain_path.h"
#include "fs.h"
#include "lists.h"
#include "mount_words.h"
#include "record.h"
#include <string.h>
#include <sys/stat.h>

#define T struct record_mount
const struct json_type record_mount_type = JSON_TYPE(T,
	JSON_FIELD(T, type, "type"), JSON_FIELD(T, source, "source"), JSON_REQUIRED(T, destination, "destination"),
	JSON_FIELD(T, options, "options"), JSON_FIELD(T, name, "name"), JSON_FIELD(T, fs, "fs"), JSON_FIELD(T, subpath, "subpath"),
	JSON_FIELD(T, lowerdirs, "lowerdirs"), JSON_FIELD(T, uid_map, "uidMap"), JSON_FIELD(T, gid_map, "gidMap"),
	JSON_FIELD(T, upper_dir, "upperDir"), JSON_FIELD(T, work_dir, "workDir"), JSON_FIELD(T, anonymous, "anonymous"),
	JSON_FIELD(T, no_copy, "noCopy"), JSON_FIELD(T, idmap, "idmap"), JSON_FIELD(T, chown, "chown"), JSON_FIELD(T, overlay, "overlay"),
	JSON_FIELD(T, writable, "writable"));
#undef T
#define T struct record_secret
static const struct json_type secret_type = JSON_TYPE(T, JSON_REQUIRED(T, name, "name"), JSON_FIELD(T, id, "id"), JSON_FIELD(T, target, "target"),
	JSON_FIELD(T, env, "env"), JSON_FIELD(T, uid, "uid"), JSON_FIELD(T, gid, "gid"), JSON_FIELD(T, mode, "mode"));
#undef T
#define T struct record_files
const struct json_type record_files_type = JSON_TYPE(T, JSON_LIST(T, secrets, "secrets", secret_type), JSON_FIELD(T, no_hosts, "noHosts"),
	JSON_FIELD(T, no_hostname, "noHostname"));
#undef T

bool mount_is_read_only(const struct record_mount *m)
{
	return strings_have(m->options, "ro") || strings_have(m->options, "rro") || (str_eq(m->type, "image") && !m->writable);
}

/* ---- words ---- */

static struct record_mount *find(const struct record *r, const char *destination)
{
	for (size_t i = 0; i < r->n_mounts; i++)
		if (strcmp(r->mounts[i].destination, destination) == 0)
			return &r->mounts[i];
	return NULL;
}

bool mounts_have(const struct record *r, const char *destination) { return find(r, destination) != NULL; }

static int parse_all(const struct strings *words, const char *option,
		     int (*parse)(const char *, struct pool *, struct record_mount *, struct error *),
		     struct pool *pool, struct record *ret, struct error *err)
{
	for (size_t i = 0; i < words->n; i++) {
		struct record_mount m;
		int r = parse(words->v[i], pool, &m, err);
		if (r < 0)
			return r;
		if (mounts_have(ret, m.destination))
			return error_say(err, EINVAL, "%s '%s': something is mounted on '%s' already", option, words->v[i], m.destination);
		ret->mounts[ret->n_mounts++] = m;
	}
	return 0;
}

static int parse_secrets(const struct strings *words, struct pool *pool, struct record_files *ret, struct error *err)
{
	ret->secrets = pool_alloc(pool, (words->n + 1) * sizeof *ret->secrets);
	for (size_t i = 0; i < words->n; i++) {
		struct record_secret *s = &ret->secrets[ret->n_secrets];
		int r = mount_parse_secret(words->v[i], pool, s, err);
		if (r < 0)
			return r;
		for (size_t k = 0; k < ret->n_secrets; k++)
			if (ret->secrets[k].env == s->env && strcmp(ret->secrets[k].target, s->target) == 0)
				return error_say(err, EINVAL, "--secret '%s': the secret '%s' is at %s already", words->v[i],
						 ret->secrets[k].name, s->target);
		ret->n_secrets++;
	}
	return 0;
}

int mounts_to_record(const struct mounts_options *o, struct pool *pool, struct record *ret, struct error *err)
{
	static const char *const image_volumes[] = { "anonymous", "bind", "tmpfs", "ignore", NULL };	/* bind is podman's word for a volume */
	ret->files = (struct record_files) { .no_hosts = o->no_hosts, .no_hostname = o->no_hostname };
	ret->n_mounts = 0;
	ret->mounts = pool_alloc(pool, (o->volumes.n + o->mounts.n + o->tmpfs.n + 1) * sizeof *ret->mounts);
	if (o->image_volume && !strings_have((char *const *) image_volumes, o->image_volume))
		return error_say(err, EINVAL, "--image-volume '%s': there are anonymous, tmpfs and ignore", o->image_volume);
	int r = parse_all(&o->volumes, "--volume", mount_parse_volume, pool, ret, err);
	if (r == 0)
		r = parse_all(&o->mounts, "--mount", mount_parse_mount, pool, ret, err);
	if (r == 0)
		r = parse_all(&o->tmpfs, "--tmpfs", mount_parse_tmpfs, pool, ret, err);
	for (size_t i = 0; r == 0 && i < o->volumes_from.n; i++) {
		char *name;
		bool read_only;
		r = mount_parse_from(o->volumes_from.v[i], pool, &name, &read_only, err);
	}
	return r < 0 ? r : parse_secrets(&o->secrets, pool, &ret->files, err);
}

/* ---- what else is mounted ---- */

static void add(struct record *r, struct pool *pool, const struct record_mount *m)
{
	struct record_mount *list = pool_alloc(pool, (r->n_mounts + 1) * sizeof *list);
	if (r->n_mounts)
		memcpy(list, r->mounts, r->n_mounts * sizeof *list);
	list[r->n_mounts++] = *m;
	r->mounts = list;
}

static struct record_mount copy_mount(const struct record_mount *m, struct pool *pool)
{
	struct record_mount copy = *m;
	char **const strings[] = { &copy.type, &copy.source, &copy.destination, &copy.name, &copy.fs, &copy.subpath, &copy.upper_dir,
				   &copy.work_dir };
	char ***const lists[] = { &copy.options, &copy.lowerdirs, &copy.uid_map, &copy.gid_map };
	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
		*strings[i] = *strings[i] ? pool_strdup(pool, *strings[i]) : NULL;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		*lists[i] = *lists[i] ? list_copy(pool, *lists[i], NULL) : NULL;
	copy.anonymous = false;	/* it goes with the container that it was made for */
	return copy;
}

/* take_from - the mounts of another container; those of our own options count more, and of two containers the later one */
static int take_from(const struct carrier *c, const char *word, size_t n_own, struct pool *pool, struct record *r, struct error *err)
{
	struct container other cleanup_container = CONTAINER_NONE;
	char *name;
	bool read_only;
	int result = mount_parse_from(word, pool, &name, &read_only, err);
	if (result == 0)
		result = record_find(c, name, false, &other, err);
	if (result < 0)
		return error_wrap(err, "--volumes-from '%s'", word);
	for (size_t i = 0; i < other.record.n_mounts; i++) {
		const struct record_mount *m = &other.record.mounts[i];
		struct record_mount *there = find(r, m->destination);
		if ((there && there < r->mounts + n_own) || str_eq(m->type, "tmpfs") || str_eq(m->type, "devpts"))
			continue;
		struct record_mount copy = copy_mount(m, pool);
		if (read_only)
			mount_read_only(&copy, pool);
		if (there)
			*there = copy;
		else
			add(r, pool, &copy);
	}
	return 0;
}

static void add_tmpfs(struct record *r, struct pool *pool, const char *destination, const char *options)
{
	const struct record_mount m = { .type = (char *) "tmpfs", .source = (char *) "tmpfs", .destination = pool_strdup(pool, destination),
					.options = list_words(pool, options) };
	if (!mounts_have(r, destination))
		add(r, pool, &m);
}

/* add_image_volumes - wherever they point to, it is inside */
static void add_image_volumes(const struct mounts_options *o, const struct image *image, struct pool *pool, struct record *r)
{
	static const char writable[] = "rbind rprivate";
	char **v = image && image->config ? image->config->config.volumes : NULL;
	for (; v && *v && !str_eq(o->image_volume, "ignore"); v++) {
		cleanup_free char *destination = fs_clean_path(*v);
		if (strcmp(destination, "/") == 0 || mounts_have(r, destination))
			continue;
		if (str_eq(o->image_volume, "tmpfs")) {
			add_tmpfs(r, pool, destination, "nosuid nodev tmpcopyup");
			continue;
		}
		const struct record_mount m = { .type = (char *) "volume", .destination = pool_strdup(pool, destination),
						.options = list_words(pool, writable) };
		add(r, pool, &m);
	}
}

static void add_read_only_tmpfs(const struct mounts_options *o, struct pool *pool, struct record *r)
{
	if (!o->read_only_tmpfs || !r->read_only)
		return;
	add_tmpfs(r, pool, "/run", "nosuid nodev tmpcopyup");
	add_tmpfs(r, pool, "/tmp", "nosuid nodev tmpcopyup");
	add_tmpfs(r, pool, "/var/tmp", "nosuid nodev tmpcopyup");
}

/* ---- sources ---- */

static int settle_bind(const struct record_mount *m, struct error *err)
{
	struct stat st;
	if (stat(m->source, &st) == 0)
		return !m->overlay || S_ISDIR(st.st_mode) ? 0 : error_say(err, ENOTDIR, "mount on '%s': the option O is for directories, and '%s' is "
									 "none", m->destination, m->source);
	if (errno != ENOENT) {
		(void) error_set(err, errno, "mount on '%s': look at '%s'", m->destination, m->source);
		return explain_path(m->source, 0, err);
	}
	if (!m->make_source)
		return error_say(err, ENOENT, "mount on '%s': there is no '%s'; make it first (mkdir -p '%s')", m->destination, m->source, m->source);
	if (fs_mkdir_all(AT_FDCWD, m->source, 0755, err) == 0)
		return 0;
	(void) error_wrap(err, "make the directory for '%s'", m->destination);
	return explain_path(m->source, 0, err);
}

static int settle_image(const struct carrier *c, struct record_mount *m, struct mounts_held *held, struct pool *pool, struct error *err)
{
	struct store s cleanup_store = STORE_INIT;
	struct image image cleanup_image = { 0 };
	struct strings lower cleanup_strings = { 0 };
	int r = store_open(c->root, &s, err);
	if (r == 0 && held->store_fd < 0)
		r = held->store_fd = store_hold(&s, err);
	if (r >= 0)
		r = store_find(&s, m->name, &image, err);
	if (r == 0)
		r = store_lowerdirs(&s, &image, &lower, err);
	if (r < 0)
		return error_wrap(err, "mount an image on '%s'", m->destination);
	m->source = pool_strdup(pool, image.config_digest);
	m->lowerdirs = list_copy(pool, lower.v, NULL);
	return 0;
}

/* use_options - a volume that is not its _data, but what its driver options say */
static void use_options(const struct volume_record *v, struct record_mount *m, struct pool *pool)
{
	const char *type = volume_option(v, "type"), *device = volume_option(v, "device"), *o = volume_option(v, "o");
	struct strings words cleanup_strings = { 0 }, options cleanup_strings = { 0 };
	bool bind = str_eq(type, "bind");
	strings_split(&words, o ? o : "", ",");
	for (size_t i = 0; i < words.n; i++) {
		bool is_bind = strcmp(words.v[i], "bind") == 0 || strcmp(words.v[i], "rbind") == 0;
		bind = bind || is_bind;
		if (!is_bind)
			strings_add(&options, words.v[i]);
	}
	m->no_copy = true;
	m->source = pool_strdup(pool, str_empty(device) ? type : device);
	if (!bind) {
		m->fs = pool_strdup(pool, type);
		if (strings_have(m->options, "rro"))
			strings_add(&options, "ro");
		m->options = list_copy(pool, options.v, NULL);
	} else {
		m->options = list_copy(pool, options.v, m->options);
	}
}

static int settle_volume(const struct carrier *c, const struct named *volumes, struct record_mount *m, struct pool *pool, struct error *err)
{
	struct volume v cleanup_volume = { 0 };
	const struct volume_record wanted = { .name = m->name, .labels = m->labels, .options = m->driver_options };
	int r = volume_make(c, volumes, &wanted, &v, err);
	if (r < 0)
		return error_wrap(err, "volume for '%s'", m->destination);
	m->anonymous = r == 1 && !m->name;
	m->name = pool_strdup(pool, v.record.name);
	m->source = pool_strdup(pool, v.data);
	if (v.record.options.n)
		use_options(&v.record, m, pool);
	return 0;
}

static int settle_volumes(const struct carrier *c, struct record *r, struct mounts_held *held, struct pool *pool, struct error *err)
{
	struct named volumes cleanup_named = NAMED_NONE;
	int result = 0;
	for (size_t i = 0; result >= 0 && i < r->n_mounts; i++) {
		struct record_mount *m = &r->mounts[i];
		if (!str_eq(m->type, "volume") || m->source)
			continue;	/* --volumes-from has its source */
		if (volumes.fd < 0)
			result = volumes_open(c, true, &volumes, err);
		if (result == 0 && held->volumes_fd < 0)
			result = held->volumes_fd = named_hold(&volumes, false, err);
		if (result >= 0)
			result = settle_volume(c, &volumes, m, pool, err);
	}
	return result < 0 ? result : 0;
}

static int settle_secrets(const struct carrier *c, struct record_files *files, struct pool *pool, struct error *err)
{
	for (size_t i = 0; i < files->n_secrets; i++) {
		struct secret s cleanup_secret = { 0 };
		int r = secret_find(c, files->secrets[i].name, &s, err);
		if (r < 0)
			return error_wrap(err, "--secret");
		files->secrets[i].name = pool_strdup(pool, s.record.name);
		files->secrets[i].id = pool_strdup(pool, s.record.id);
	}
	return 0;
}

static int settle_sources(const struct carrier *c, struct record *r, struct mounts_held *held, struct pool *pool, struct error *err)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < r->n_mounts; i++) {
		struct record_mount *m = &r->mounts[i];
		if (m->idmap && c->rootless)
			result = error_say(err, EPERM, "mount on '%s': only root of the host can map the ids of a mount; without root the option U "
					   "gives the files to the container's user", m->destination);
		else if (str_eq(m->type, "bind"))
			result = settle_bind(m, err);
		else if (str_eq(m->type, "image") && !m->source)
			result = settle_image(c, m, held, pool, err);
	}
	return result;
}

int mounts_settle(const struct carrier *c, const struct mounts_options *o, const struct image *image, struct pool *pool,
		  struct record *record, struct mounts_held *held, struct error *err)
{
	size_t n_own = record->n_mounts;
	int r = settle_secrets(c, &record->files, pool, err);
	for (size_t i = 0; r == 0 && i < o->volumes_from.n; i++)
		r = take_from(c, o->volumes_from.v[i], n_own, pool, record, err);
	if (r < 0)
		return r;
	add_image_volumes(o, image, pool, record);
	add_read_only_tmpfs(o, pool, record);
	r = settle_sources(c, record, held, pool, err);
	return r < 0 ? r : settle_volumes(c, record, held, pool, err);	/* last: what is made has to be undone */
}

void mounts_release(struct mounts_held *h)
{
	close_fd(&h->volumes_fd);
	close_fd(&h->store_fd);
}
