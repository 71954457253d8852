#include "../container/record.h"
#include "../image/store.h"
#include "cleanup.h"
#include <string.h>

struct inspect_options { char *type; };
static const struct option_def options[] = {
	OPTION(struct inspect_options, type, 't', "type", "container|image", "only look for this (default: a container, else an image)"),
};

/* ---- containers, with docker's names ---- */

struct seen_state {
	char *status, *error, *started_at, *finished_at;
	bool running, unattended, dead;
	int64_t pid, exit_code;
};
#define T struct seen_state
static const struct json_type state_type = JSON_TYPE(T, JSON_ALWAYS(T, status, "Status"), JSON_ALWAYS(T, running, "Running"),
	JSON_ALWAYS(T, unattended, "Unattended"), JSON_ALWAYS(T, dead, "Dead"), JSON_ALWAYS(T, pid, "Pid"),
	JSON_ALWAYS(T, exit_code, "ExitCode"), JSON_ALWAYS(T, error, "Error"), JSON_ALWAYS(T, started_at, "StartedAt"),
	JSON_ALWAYS(T, finished_at, "FinishedAt"));
#undef T

struct seen_config {
	char **env, **cmd, *user, *working_dir, *hostname, *stop_signal, *image;
	struct json_map labels;
	bool tty, open_stdin;
	int64_t stop_timeout;
};
#define T struct seen_config
static const struct json_type config_type = JSON_TYPE(T, JSON_ALWAYS(T, hostname, "Hostname"), JSON_ALWAYS(T, user, "User"),
	JSON_ALWAYS(T, tty, "Tty"), JSON_ALWAYS(T, open_stdin, "OpenStdin"), JSON_ALWAYS(T, env, "Env"), JSON_ALWAYS(T, cmd, "Cmd"),
	JSON_ALWAYS(T, image, "Image"), JSON_ALWAYS(T, working_dir, "WorkingDir"), JSON_ALWAYS(T, labels, "Labels"),
	JSON_ALWAYS(T, stop_signal, "StopSignal"), JSON_ALWAYS(T, stop_timeout, "StopTimeout"));
#undef T

struct seen_mount { char *type, *source, *destination; char **options; bool rw; };
#define T struct seen_mount
static const struct json_type mount_type = JSON_TYPE(T, JSON_ALWAYS(T, type, "Type"), JSON_ALWAYS(T, source, "Source"),
	JSON_ALWAYS(T, destination, "Destination"), JSON_FIELD(T, options, "Options"), JSON_ALWAYS(T, rw, "RW"));
#undef T

struct seen_host_config {
	char *network_mode;
	int64_t memory, pids_limit, cpu_quota, cpu_period;
	bool auto_remove, readonly_rootfs;
};
#define T struct seen_host_config
static const struct json_type host_config_type = JSON_TYPE(T, JSON_ALWAYS(T, network_mode, "NetworkMode"), JSON_ALWAYS(T, memory, "Memory"),
	JSON_ALWAYS(T, pids_limit, "PidsLimit"), JSON_ALWAYS(T, cpu_quota, "CpuQuota"), JSON_ALWAYS(T, cpu_period, "CpuPeriod"),
	JSON_ALWAYS(T, auto_remove, "AutoRemove"), JSON_ALWAYS(T, readonly_rootfs, "ReadonlyRootfs"));
#undef T

struct seen_container {
	char *id, *created, *path, *name, *image, *log_path, *rootfs;
	char **args, **uid_map, **gid_map;
	struct seen_state state;
	struct seen_config config;
	struct seen_mount *mounts;
	size_t n_mounts;
	struct seen_host_config host_config;
};
#define T struct seen_container
static const struct json_type container_type = JSON_TYPE(T, JSON_ALWAYS(T, id, "Id"), JSON_ALWAYS(T, name, "Name"),
	JSON_ALWAYS(T, created, "Created"), JSON_ALWAYS(T, path, "Path"), JSON_ALWAYS(T, args, "Args"),
	JSON_INLINE(T, state, "State", state_type), JSON_ALWAYS(T, image, "Image"), JSON_FIELD(T, rootfs, "Rootfs"),
	JSON_ALWAYS(T, log_path, "LogPath"), JSON_INLINE(T, host_config, "HostConfig", host_config_type),
	{ .key = "Mounts", .kind = JSON_OBJECTS, .always = true, .offset = offsetof(T, mounts), .count_offset = offsetof(T, n_mounts),
	  .type = &mount_type },
	JSON_INLINE(T, config, "Config", config_type), JSON_FIELD(T, uid_map, "UidMap"), JSON_FIELD(T, gid_map, "GidMap"));
#undef T

/* what never was is docker's zero time */
static char *when(char *time) { return time ? time : (char *) "0001-01-01T00:00:00Z"; }
static char *text(char *s) { return s ? s : (char *) ""; }

static char *container_text(const struct container *c)
{
	static char *none[] = { NULL };
	const struct record *r = &c->record;
	const struct status *s = &c->status;
	bool running = c->state == RECORD_RUNNING || c->state == RECORD_UNATTENDED;
	char **args = r->args ? r->args : none;
	cleanup_free struct seen_mount *mounts = xcalloc(r->n_mounts + 1, sizeof *mounts);
	cleanup_free char *log_path = xasprintf("%s/log", c->dir);
	for (size_t i = 0; i < r->n_mounts; i++)
		mounts[i] = (struct seen_mount) { text(r->mounts[i].type), text(r->mounts[i].source), text(r->mounts[i].destination),
						  r->mounts[i].options, !strings_have(r->mounts[i].options, "ro") };
	struct seen_container seen = {
		.id = r->id, .name = r->name, .created = r->created, .path = text(args[0]), .args = args[0] ? args + 1 : none,
		.image = text(r->image_id), .rootfs = r->rootfs, .log_path = log_path, .mounts = mounts, .n_mounts = r->n_mounts,
		.uid_map = r->uid_map, .gid_map = r->gid_map,
		.state = { .status = (char *) record_state_name(c->state), .error = text(s->error), .started_at = when(s->started),
			   .finished_at = when(running ? NULL : s->finished), .running = running,
			   .unattended = c->state == RECORD_UNATTENDED, .dead = c->state == RECORD_DEAD, .pid = running ? s->pid : 0,
			   .exit_code = running ? 0 : s->exit_code },
		.config = { .env = r->env ? r->env : none, .cmd = args, .user = text(r->user), .working_dir = text(r->workdir),
			    .hostname = text(r->hostname), .stop_signal = text(r->stop_signal), .image = text(r->image), .labels = r->labels,
			    .tty = r->tty, .open_stdin = r->interactive, .stop_timeout = r->stop_timeout },
		.host_config = { .network_mode = text(r->network), .memory = r->memory, .pids_limit = r->pids_limit,
				 .cpu_quota = r->cpu_quota, .cpu_period = r->cpu_period, .auto_remove = r->remove,
				 .readonly_rootfs = r->read_only },
	};
	return json_encode_list(&container_type, &seen, 1, JSON_INDENTED, NULL);
}

/* ---- images ---- */

#define T struct image_settings
static const struct json_type settings_type = JSON_TYPE(T, JSON_ALWAYS(T, user, "User"), JSON_ALWAYS(T, env, "Env"), JSON_ALWAYS(T, cmd, "Cmd"),
	JSON_ALWAYS(T, entrypoint, "Entrypoint"), JSON_ALWAYS(T, working_dir, "WorkingDir"), JSON_FIELD(T, stop_signal, "StopSignal"),
	JSON_KEYS(T, exposed_ports, "ExposedPorts"), JSON_KEYS(T, volumes, "Volumes"), JSON_FIELD(T, shell, "Shell"),
	JSON_FIELD(T, on_build, "OnBuild"), JSON_ALWAYS(T, labels, "Labels"));
#undef T

struct seen_rootfs { char *type, **layers; };
static const struct json_type rootfs_type = JSON_TYPE(struct seen_rootfs, JSON_ALWAYS(struct seen_rootfs, type, "Type"),
	JSON_ALWAYS(struct seen_rootfs, layers, "Layers"));

struct seen_image {
	char *id, *digest, **repo_tags, **repo_digests, *created, *author, *architecture, *variant, *os;
	int64_t size;
	struct image_settings config;
	struct seen_rootfs rootfs;
};
#define T struct seen_image
static const struct json_type image_type = JSON_TYPE(T, JSON_ALWAYS(T, id, "Id"), JSON_ALWAYS(T, digest, "Digest"),
	JSON_ALWAYS(T, repo_tags, "RepoTags"), JSON_ALWAYS(T, repo_digests, "RepoDigests"), JSON_ALWAYS(T, created, "Created"),
	JSON_FIELD(T, author, "Author"), JSON_ALWAYS(T, architecture, "Architecture"), JSON_FIELD(T, variant, "Variant"),
	JSON_ALWAYS(T, os, "Os"), JSON_ALWAYS(T, size, "Size"), JSON_INLINE(T, config, "Config", settings_type),
	JSON_INLINE(T, rootfs, "RootFS", rootfs_type));
#undef T

static char *image_text(const struct image *i)
{
	static char *none[] = { NULL };
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct strings tags cleanup_strings = { 0 }, digests cleanup_strings = { 0 };
	for (size_t k = 0; k < i->names.n; k++) {
		struct reference ref = { 0 };
		bool parsed = reference_parse(i->names.v[k], &pool, &ref, NULL) == 0;
		strings_add(parsed && !ref.tag ? &digests : &tags, parsed ? ref.familiar : i->names.v[k]);
	}
	struct seen_image seen = {
		.id = i->config_digest, .digest = i->manifest_digest, .repo_tags = tags.n ? tags.v : none,
		.repo_digests = digests.n ? digests.v : none, .created = when(i->config->created), .author = i->config->author,
		.architecture = text(i->config->architecture), .variant = i->config->variant, .os = text(i->config->os), .size = i->size,
		.config = i->config->config,
		.rootfs = { (char *) "layers", i->config->rootfs.diff_ids ? i->config->rootfs.diff_ids : none },
	};
	return json_encode_list(&image_type, &seen, 1, JSON_INDENTED, NULL);
}

/* ---- names ---- */

static int find_container(const struct carrier *c, const char *name, char **ret, struct error *err)
{
	struct container container cleanup_container = CONTAINER_NONE;
	int r = record_find(c, name, false, &container, err);
	if (r == 0)
		*ret = container_text(&container);
	return r;
}

static int find_image(const struct carrier *c, const char *name, char **ret, struct error *err)
{
	struct store store cleanup_store = STORE_INIT;
	struct image image cleanup_image = { 0 };
	int r = store_open(c->root, &store, err);
	if (r == 0)
		r = store_find(&store, name, &image, err);
	if (r == 0)
		*ret = image_text(&image);
	return r;
}

static int find(const struct carrier *c, const char *name, const char *type, char **ret, struct error *err)
{
	if (str_eq(type, "image"))
		return find_image(c, name, ret, err);
	int r = find_container(c, name, ret, err);
	if (r != -ENOENT || type)
		return r;
	struct error why = { 0 };
	r = find_image(c, name, ret, &why);
	if (r == 0 || !err)
		return r;
	if (r == -ENOENT || r == -EINVAL)
		return error_say(err, ENOENT, "there is no container and no image '%s'", name);
	*err = why;
	return r;
}

/* print_list - the elements of many lists of one, as one list: "[\n  {...}\n]\n" without its ends */
static void print_list(const struct strings *texts)
{
	if (!texts->n) {
		puts("[]");
		return;
	}
	puts("[");
	for (size_t i = 0; i < texts->n; i++) {
		const char *start = strchr(texts->v[i], '{'), *end = strrchr(texts->v[i], '}');
		printf("  %.*s%s\n", (int) (end + 1 - start), start, i + 1 < texts->n ? "," : "");
	}
	puts("]");
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct inspect_options *o = given;
	struct strings texts cleanup_strings = { 0 };
	struct error err = { 0 };
	int code = 0;
	if (o->type && !str_eq(o->type, "container") && !str_eq(o->type, "image")) {
		error_say(&err, EINVAL, "--type '%s' is not known: container or image", o->type);
		return carrier_fail(&err);
	}
	for (; *args; args++) {
		char *one = NULL;
		if (find(program, *args, o->type, &one, &err) == 0) {
			strings_take(&texts, one);
		} else {
			carrier_fail(&err);
			code = 1;
		}
	}
	print_list(&texts);
	return code;
}

static int run_image(void *program, void *given, char **args, int n_args)
{
	struct inspect_options *o = given;
	o->type = (char *) "image";
	return run(program, o, args, n_args);
}

const struct command command_inspect = {
	.name = "inspect", .arguments = "NAME...", .summary = "print all that is known of containers and images, as JSON",
	.description = "A list with one object for each name that was found; its members are called as docker calls them.",
	.examples = "When was it started?\n\tcarrier inspect web | jq -r '.[0].State.StartedAt'",
	.exit_status = "0, or 1 when any of them was not found.",
	OPTIONS(struct inspect_options, options), .min_args = 1, .max_args = -1, .run = run,
};

const struct command command_image_inspect = {
	.name = "inspect", .arguments = "IMAGE...", .summary = "print all that is known of images, as JSON",
	.examples = "The environment that an image sets:\n\tcarrier image inspect debian:12 | jq '.[0].Config.Env'",
	.exit_status = "0, or 1 when any of them was not found.",
	.options_size = sizeof(struct inspect_options), .min_args = 1, .max_args = -1, .run = run_image,
};
