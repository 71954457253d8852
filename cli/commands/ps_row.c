#include "ps_row.h"
#include "../image/walk.h"
#include "../words.h"
#include "cleanup.h"
#include "str.h"
#include <fcntl.h>
#include <string.h>
#include <time.h>

enum { SHORT_ID = 12, COMMAND_CHARACTERS = 20, MOUNT_CHARACTERS = 15 };

#define T struct ps_row
const struct json_type ps_row_type = JSON_TYPE(T, JSON_ALWAYS(T, command, "Command"), JSON_ALWAYS(T, created_at, "CreatedAt"),
	JSON_ALWAYS(T, exit_code, "ExitCode"), JSON_ALWAYS(T, health, "Health"), JSON_ALWAYS(T, id, "ID"), JSON_ALWAYS(T, image, "Image"),
	JSON_ALWAYS(T, image_id, "ImageID"), JSON_ALWAYS(T, labels, "Labels"), JSON_ALWAYS(T, local_volumes, "LocalVolumes"),
	JSON_ALWAYS(T, mounts, "Mounts"),
	JSON_ALWAYS(T, names, "Names"), JSON_ALWAYS(T, networks, "Networks"), JSON_ALWAYS(T, pid, "Pid"), JSON_ALWAYS(T, ports, "Ports"),
	JSON_ALWAYS(T, restarts, "Restarts"), JSON_ALWAYS(T, running_for, "RunningFor"), JSON_ALWAYS(T, size, "Size"), JSON_ALWAYS(T, state, "State"),
	JSON_ALWAYS(T, status, "Status"));
#undef T

const char ps_row_heads[] = "{\"ID\":\"CONTAINER ID\",\"Image\":\"IMAGE\",\"Command\":\"COMMAND\",\"CreatedAt\":\"CREATED AT\","
	"\"RunningFor\":\"CREATED\",\"Status\":\"STATUS\",\"State\":\"STATE\",\"Ports\":\"PORTS\","
	"\"Names\":\"NAMES\",\"Labels\":\"LABELS\",\"Mounts\":\"MOUNTS\",\"LocalVolumes\":\"LOCAL VOLUMES\","
	"\"Networks\":\"NETWORKS\",\"Size\":\"SIZE\",\"ImageID\":\"IMAGE ID\",\"Health\":\"HEALTH\","
	"\"Pid\":\"PID\",\"ExitCode\":\"EXIT CODE\",\"Restarts\":\"RESTARTS\"}";

/* ---- status ---- */

static char *up_words(const struct container *c, int64_t now, struct pool *pool)
{
	const struct status *s = &c->status;
	char words[40];
	int64_t started;
	words_duration(words_time(s->started, &started) < 0 ? 0 : now - started, words);
	const char *note = c->state == RECORD_UNATTENDED ? "unattended" : c->paused ? "Paused" : s->network_lost ? "no network" :
			   str_eq(s->health, "starting") ? "health: starting" : s->health;
	return pool_printf(pool, "Up %s%s%s%s", words, note ? " (" : "", note ? note : "", note ? ")" : "");
}

char *ps_status_words(const struct container *c, int64_t now, struct pool *pool)
{
	const struct status *s = &c->status;
	char words[40];
	switch (c->state) {
	case RECORD_RUNNING:
	case RECORD_UNATTENDED:
		return up_words(c, now, pool);
	case RECORD_RESTARTING:
		return pool_printf(pool, "Restarting (%lld) %s", (long long) s->exit_code, words_ago(s->finished, now, words));
	case RECORD_EXITED:
		return pool_printf(pool, "Exited (%lld) %s", (long long) s->exit_code, words_ago(s->finished, now, words));
	case RECORD_STARTING: return pool_strdup(pool, "Starting");
	case RECORD_DEAD: return pool_strdup(pool, "Dead");
	case RECORD_CREATED:
	case RECORD_REMOVING: break;	/* is not listed */
	}
	return pool_strdup(pool, "Created");
}

/* ---- sizes ---- */

void ps_sizes_done(struct ps_sizes *s)
{
	strings_done(&s->layers);
	free(s->bytes);
}

static int64_t layer_bytes(struct ps_sizes *s, const char *dir)
{
	for (size_t i = 0; i < s->layers.n; i++)
		if (strcmp(s->layers.v[i], dir) == 0)
			return s->bytes[i];
	int64_t bytes = walk_usage(AT_FDCWD, dir, NULL);
	s->bytes = xreallocarray(s->bytes, s->layers.n + 1, sizeof *s->bytes);
	s->bytes[s->layers.n] = bytes < 0 ? 0 : bytes;
	strings_add(&s->layers, dir);
	return s->bytes[s->layers.n - 1];
}

/* measure - what it has written, and that with its layers */
static char *measure(const struct container *c, struct ps_sizes *sizes, struct pool *pool, int64_t *ret_bytes)
{
	char own_words[16], all_words[16];
	int64_t below = 0;
	cleanup_close int dir_fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int64_t own = walk_usage(dir_fd, "upper", NULL);
	for (char **dir = c->record.lowerdirs; dir && *dir; dir++)
		below += layer_bytes(sizes, *dir);
	int64_t whole = c->record.lowerdirs && faccessat(dir_fd, "driver", F_OK, 0) == 0 ? walk_usage(dir_fd, "rootfs", NULL) : 0;
	if (own <= 0 && whole > below)	/* the driver copy: everything is in one directory */
		own = whole - below;
	*ret_bytes = own > 0 ? own : 0;
	return pool_printf(pool, "%s (virtual %s)", str_human_size((uint64_t) *ret_bytes, own_words),
			   str_human_size((uint64_t) (*ret_bytes + below), all_words));
}

/* ---- the rest ---- */

static char *command_words(char *const *args, bool whole, struct pool *pool)
{
	struct buf b cleanup_buf = { 0 };
	for (char *const *a = args; a && *a; a++)
		buf_printf(&b, "%s%s", a == args ? "" : " ", *a);
	cleanup_free char *shown = words_cut(buf_str(&b), whole ? UINT32_MAX : COMMAND_CHARACTERS);
	return pool_printf(pool, "\"%s\"", shown);
}

/* local_time - Go's way to print a time */
static char *local_time(const char *text, struct pool *pool)
{
	int64_t at;
	struct tm tm;
	char words[64];
	time_t seconds;
	if (words_time(text, &at) < 0)
		return pool_strdup(pool, "");
	seconds = at;
	localtime_r(&seconds, &tm);
	(void) strftime(words, sizeof words, "%Y-%m-%d %H:%M:%S %z %Z", &tm);
	return pool_strdup(pool, words);
}

static char *label_words(const struct json_map *labels, struct pool *pool)
{
	struct buf b cleanup_buf = { 0 };
	for (size_t i = 0; i < labels->n; i++)
		buf_printf(&b, "%s%s=%s", i ? "," : "", labels->pairs[i].key, labels->pairs[i].value ? labels->pairs[i].value : "");
	return pool_strdup(pool, buf_str(&b));
}

/* volume_name - of a volume's directory ".../NAME/_data"; else NULL. @pool owns it */
static char *volume_name(const char *source, struct pool *pool)
{
	static const char end[] = "/_data";
	if (!source || !str_ends(source, end))
		return NULL;
	char *dir = pool_strndup(pool, source, strlen(source) - strlen(end));
	return strrchr(dir, '/') ? strrchr(dir, '/') + 1 : dir;
}

static void mount_words(const struct record *r, bool whole, struct ps_row *row, struct pool *pool)
{
	struct buf b cleanup_buf = { 0 };
	size_t volumes = 0;
	for (size_t i = 0; i < r->n_mounts; i++) {
		const struct record_mount *m = &r->mounts[i];
		char *volume = volume_name(m->source, pool);
		const char *word = volume ? volume : str_eq(m->type, "tmpfs") ? "" : m->source;
		if (str_empty(word))
			continue;
		cleanup_free char *shown = words_cut(word, whole ? UINT32_MAX : MOUNT_CHARACTERS);
		buf_printf(&b, "%s%s", b.len ? "," : "", shown);
		volumes += volume != NULL;
	}
	row->mounts = pool_strdup(pool, buf_str(&b));
	row->local_volumes = pool_printf(pool, "%zu", volumes);
}

/* port_words - of one that runs those that lead to it, and what it exposes besides */
static char *port_words(const struct container *c, struct pool *pool)
{
	bool runs = record_runs(c);
	return runs ? ports_words(c->status.ports, c->status.n_ports, c->record.networking.exposed, pool) : (char *) "";
}

/* network_words - docker has all names there */
static char *network_words(const struct record *r, struct pool *pool)
{
	struct buf b cleanup_buf = { 0 };
	for (size_t i = 0; i < r->networking.n_networks; i++)
		buf_printf(&b, "%s%s", i ? "," : "", r->networking.networks[i].name);
	return pool_strdup(pool, b.len ? buf_str(&b) : r->network ? r->network : "");
}

/* add_rest - what the table does not show */
static void add_rest(const struct container *c, bool whole, struct ps_row *row, struct pool *pool)
{
	const struct record *r = &c->record;
	bool runs = record_runs(c);
	row->created_at = local_time(r->created, pool);
	row->labels = label_words(&r->labels, pool);
	row->networks = network_words(r, pool);
	row->image_id = pool_strdup(pool, r->image_id ? r->image_id : "");
	row->health = pool_strdup(pool, c->status.health ? c->status.health : "");
	row->pid = runs ? c->status.pid : 0;
	row->exit_code = runs ? 0 : c->status.exit_code;
	row->restarts = c->status.restarts;
	mount_words(r, whole, row, pool);
}

struct ps_row ps_row_make(const struct container *c, bool whole, bool table, struct ps_sizes *sizes, int64_t now, struct pool *pool)
{
	const struct record *r = &c->record;
	char ago[40];
	struct ps_row row = {
		.id = pool_strndup(pool, r->id, whole ? strlen(r->id) : strnlen(r->id, SHORT_ID)),
		.image = pool_strdup(pool, r->image ? r->image : r->rootfs ? r->rootfs : ""),
		.command = command_words(r->args, whole, pool), .running_for = pool_strdup(pool, words_ago(r->created, now, ago)),
		.status = ps_status_words(c, now, pool), .state = pool_strdup(pool, record_state_word(c)), .ports = port_words(c, pool),
		.names = pool_strdup(pool, r->name ? r->name : ""), .size = (char *) "0B", .bytes = -1,
		.made = pool_strdup(pool, r->created ? r->created : ""), .whole_id = pool_strdup(pool, r->id),
	};
	if (!table)
		add_rest(c, whole, &row, pool);
	if (sizes)
		row.size = measure(c, sizes, pool, &row.bytes);
	return row;
}
