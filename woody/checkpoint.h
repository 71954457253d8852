/* checkpoint.h - saving a running container to image files, and bringing it back from them, by CRIU (criu.h).
 *
 * What is in the images, beside CRIU's own files: descriptors.json, an array of three strings about 0, 1 and 2 of the container's
 * process: what /proc/PID/fd/N says ("pipe:[4711]"), or "file[MOUNT:INODE]" for a file of the host. After a restore these are
 * the 0, 1 and 2 of `woody restore`, for they lead out of the container. A network or pid namespace by path is not saved
 * either: the restored container is in the one that its config.json names.
 *
 * Both need root of the host: CRIU does.
 */
#pragma once
#include "container.h"
#include "launch.h"
#include <stdbool.h>
#include <stdint.h>

/* what both are told; borrowed */
struct checkpoint_settings {
	char *image_path, *work_path;	/* NULL: "checkpoint", and where the images are */
	char *cgroups_mode, *empty_ns;
	bool tcp_established, ext_unix_sk, shell_job, file_locks, auto_dedup, lazy_pages;
};

struct checkpoint_request {
	struct checkpoint_settings settings;
	char *parent_path, *page_server;
	int64_t status_fd;		/* -1: none */
	bool leave_running, pre_dump, tcp_skip_in_flight, link_remap;
};

struct restore_request {
	struct checkpoint_settings settings;
	char *lsm_profile, *lsm_mount_context;
};

/* checkpoint_save - @program: as for criu_find(). Afterwards the processes are gone, unless they were to stay; what is left of
 * the container is the caller's to remove. After a failure they go on. */
int checkpoint_save(struct container *c, const struct checkpoint_request *q, const char *program, struct error *err);
/* checkpoint_restore - @l as for launch_create(); afterwards as after launch_start(). Undoes everything when it fails. */
int checkpoint_restore(struct launch *l, const struct restore_request *q, const char *program, struct error *err);

/* ---- parts of both ---- */

struct criu;
enum { CHECKPOINT_STDIO = 3 };
/* checkpoint_prepare - are we allowed to, and can this container be saved at all? Then the options that both have */
int checkpoint_prepare(struct criu *c, const char *program, const struct checkpoint_settings *s, const struct runtime_spec *spec,
		       bool restore, struct error *err);
/* what a namespace by path is called between the two */
#define CHECKPOINT_NET_KEY "extRootNetNS"
#define CHECKPOINT_PID_KEY "extRootPidNS"
#define CHECKPOINT_DESCRIPTORS "descriptors.json"
