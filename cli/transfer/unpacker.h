/* unpacker.h - carrier's side of carrier-unpack and carrier-pack (protocol.h): one process for each blob. */
#pragma once
#include "../image/documents.h"
#include "protocol.h"
#include "idmap.h"
#include "str.h"
#include <sys/types.h>

struct unpack_job {
	int input_fd;			/* the blob's bytes; becomes its fd 0 */
	int blob_dir_fd;		/* -1: the blob is stored already */
	const char *blob_name;
	int layer_dir_fd;		/* -1: a document */
	bool inflate;			/* no layer: blob_name receives what the blob unpacks to */
	const char *digest, *diff_id;	/* NULL: computed and reported */
	int64_t size;
	bool may_resume;		/* a blob that ends too early is kept... */
	int64_t kept;			/* ...and so many bytes of it were: the input goes on behind them */
	enum layer_compression compression;
	bool verify;			/* a layer that is not unpacked; no directory is needed */
	bool extract;			/* no layer: over what is in layer_dir_fd; ../unpack/layer.h, plain */
	bool ours;			/* extract: everything becomes ours, or, with a map, its 0's */
	const struct idmap *uids, *gids;	/* extract: of the archive's owners, to those that the files get; NULL: the same */
};

struct unpacker {
	const char *program;
	pid_t pid;
	int report_fd;
	struct buf partial;		/* a line that has not come to its end */
};
#define UNPACKER_INIT { .pid = -1, .report_fd = -1 }

int unpacker_start(const struct unpack_job *job, struct unpacker *ret, struct error *err);
/* unpacker_read - reads what there is (blocks for something) and returns the last report of it; progress in between is skipped
 * Return: 1 with a report, 0 when no line is complete yet; "error" reports and an early end are negative with @err */
int unpacker_read(struct unpacker *u, struct pool *pool, struct unpack_report **ret, struct error *err);
void unpacker_stop(struct unpacker *u);
#define cleanup_unpacker __attribute__((cleanup(unpacker_stop)))

/* unpack_all - start, and read until "done", which is the last thing in @ret */
int unpack_all(const struct unpack_job *job, struct pool *pool, struct unpack_report **ret, struct error *err);

struct pack_job {
	int tree_fd;			/* the directory */
	int output_fd;
	const char *kind;		/* "archive", "layer", "overlay", "normal": ../pack/tree.h */
	enum layer_compression compression;	/* PLAIN, GZIP or ZSTD */
	int64_t level;			/* 0: the default */
	const struct idmap *uids, *gids;	/* of the archive's owners, to those that the files have; NULL: the same */
	const char *entry, *as;		/* NULL: all of it; else an entry of the directory, and its name in the archive */
	bool mounts;			/* also what is mounted beneath */
};
/* pack_all - the whole of it by carrier-pack; what it had to leave out is @ret's message */
int pack_all(const struct pack_job *job, struct pool *pool, struct unpack_report **ret, struct error *err);

/* pack_and_extract - both at once, through a pipe; @pack->output_fd and @extract->input_fd are its business. @ret_left_out: what either had to
 * leave out, caller frees, or NULL; @ret_bytes: of the archive */
int pack_and_extract(struct pack_job *pack, struct unpack_job *extract, char **ret_left_out, int64_t *ret_bytes, struct error *err);

/* unpack_document - the whole of it for a small blob: verify and store as @blob_dir_fd/@blob_name
 * @ret_digest: room for 80 */
int unpack_document(const struct unpack_job *job, char ret_digest[80], struct error *err);
