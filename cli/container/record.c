#include "record_impl.h"
#include "cleanup.h"
#include "fs.h"
#include <string.h>
#include <sys/file.h>

enum { DOCUMENT_MAX = 16 << 20 };

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
	JSON_INLINE(T, networking, "networking", record_networking_type), JSON_INLINE(T, life, "life", record_life_type),
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
	JSON_FIELD(T, oom_killed, "oomKilled"), JSON_LIST(T, ports, "ports", port_mapping_type), JSON_FIELD(T, network_lost, "networkLost"));
#undef T

static int save_text(const struct container *c, const char *file, const char *text, size_t len, struct error *err)
{
	/* not synced: no container survives the crash of its host, and what is then found empty or torn counts as dead */
	int r = fs_replace_file(c->dir_fd, file, text, len, 0600, false, err);
	return r < 0 ? error_wrap(err, "container %.12s", c->record.id) : 0;
}

int record_document_write(const struct container *c, const char *file, const struct json_type *type, const void *object, struct error *err)
{
	size_t len;
	cleanup_free char *text = json_encode(type, object, JSON_COMPACT, &len);
	return save_text(c, file, text, len, err);
}

int record_save(const struct container *c, struct error *err)
{
	return record_document_write(c, "record.json", &record_type, &c->record, err);
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

int record_document_read(struct container *c, const char *file, const struct json_type *type, void *ret, struct error *err)
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

void record_policy(struct container *c)
{
	struct container now = { .dir = c->dir, .dir_fd = c->dir_fd };
	if (record_document_read(&now, "record.json", &record_type, &now.record, NULL) == 0) {
		enum restart_policy policy = restart_policy_of(&now.record.life);
		c->record.life.restart = policy == RESTART_NO ? NULL : (char *) restart_word(policy);
		c->record.life.restart_max = now.record.life.restart_max;
	}
	pool_done(&now.pool);
}
