/* criu_rpc.h - the messages of `criu swrk`: Protocol Buffers in the wire format of proto2, as CRIU's rpc.proto numbers them.
 *
 *	struct buf cleanup_buf options = { 0 }, request = { 0 };
 *	criu_put_int(&options, CRIU_IMAGES_DIR_FD, fd);
 *	criu_put_string(&options, CRIU_EXTERNAL, "mnt[/data]:/data");	again for more: repeated fields are just there again
 *	criu_request(&request, CRIU_DUMP, &options);
 *	... one packet each way ...
 *	criu_response_decode(packet, len, &response, &err);
 *
 * Only what woody says and hears is here. Pure: no system call. What comes from criu is looked at as if it were hostile.
 * protobuf.dev "Encoding", criu.org "RPC".
 */
#pragma once
#include "error.h"
#include "str.h"
#include <stdbool.h>
#include <stdint.h>

/* criu_req_type */
enum criu_type { CRIU_DUMP = 1, CRIU_RESTORE = 2, CRIU_PRE_DUMP = 4, CRIU_NOTIFY = 6 };

/* field numbers of criu_opts */
enum criu_option {
	CRIU_IMAGES_DIR_FD = 1, CRIU_PID = 2, CRIU_LEAVE_RUNNING = 3, CRIU_EXT_UNIX_SK = 4, CRIU_TCP_ESTABLISHED = 5,
	CRIU_SHELL_JOB = 7, CRIU_FILE_LOCKS = 8, CRIU_LOG_LEVEL = 9, CRIU_LOG_FILE = 10,
	CRIU_PAGE_SERVER = 11,		/* message: address, port */
	CRIU_NOTIFY_SCRIPTS = 12, CRIU_ROOT = 13, CRIU_PARENT_IMG = 14, CRIU_TRACK_MEM = 15, CRIU_AUTO_DEDUP = 16,
	CRIU_WORK_DIR_FD = 17, CRIU_LINK_REMAP = 18, CRIU_MANAGE_CGROUPS = 24,
	CRIU_CG_ROOT = 25,		/* message: controller, path */
	CRIU_RST_SIBLING = 26,
	CRIU_INHERIT_FD = 27,		/* message: key, fd */
	CRIU_EXT_MASTERS = 30, CRIU_MANAGE_CGROUPS_MODE = 34, CRIU_EXTERNAL = 37, CRIU_EMPTY_NS = 38, CRIU_FREEZE_CGROUP = 44,
	CRIU_TCP_SKIP_IN_FLIGHT = 46, CRIU_LAZY_PAGES = 48, CRIU_STATUS_FD = 49, CRIU_ORPHAN_PTS_MASTER = 50,
	CRIU_CONFIG_FILE = 51, CRIU_LSM_PROFILE = 53, CRIU_LSM_MOUNT_CONTEXT = 63,
};

/* criu_cg_mode */
enum criu_cgroups_mode { CRIU_CGROUPS_IGNORE = 0, CRIU_CGROUPS_SOFT = 3, CRIU_CGROUPS_FULL = 4, CRIU_CGROUPS_STRICT = 5 };

/* ---- said ---- */

void criu_put_int(struct buf *b, enum criu_option o, int64_t value);
/* criu_put_flag - nothing when false, which is every flag's default */
void criu_put_flag(struct buf *b, enum criu_option o, bool on);
/* criu_put_string - nothing when @s is NULL */
void criu_put_string(struct buf *b, enum criu_option o, const char *s);
/* criu_put_pair - a message of a string and a number: CRIU_PAGE_SERVER, CRIU_INHERIT_FD */
void criu_put_pair(struct buf *b, enum criu_option o, const char *first, int64_t second);
/* criu_put_strings - a message of two strings: CRIU_CG_ROOT */
void criu_put_strings(struct buf *b, enum criu_option o, const char *first, const char *second);

void criu_request(struct buf *ret, enum criu_type type, const struct buf *options);
/* criu_answer - to a notification; without @success criu gives up */
void criu_answer(struct buf *ret, bool success);

/* ---- heard ---- */

struct criu_response {
	int type;		/* enum criu_type; CRIU_NOTIFY: it waits for criu_answer() */
	bool success;
	int pid;		/* of the restored root process, or the notification's; 0: none said */
	char script[64];	/* the notification: "setup-namespaces"; "" when it is none */
	int cr_errno;		/* positive errno, or 0 */
	char message[512];	/* criu's own words about a failure, or "" */
};

/* criu_response_decode - fields that are not known are skipped; text that is too long is cut
 * Return: 0, or -EBADMSG with @err when these bytes are no criu_resp. */
int criu_response_decode(const void *data, size_t len, struct criu_response *ret, struct error *err);
