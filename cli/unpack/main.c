/* carrier-unpack: the only program that opens what a registry sent (../transfer/protocol.h says how it is talked to).
 *
 *	carrier-unpack [--blob NAME] [--digest sha256:HEX] [--size N] [--media-compression plain|gzip|zstd|auto]
 *		[--diff-id sha256:HEX] [--max-unpacked BYTES] [--max-entries N] [--max-ratio N]
 *		[--ratio-from BYTES] [--resume BYTES] [--ours] [--uid-map C:D:N]... [--gid-map C:D:N]...
 *		layer|document|inflate|verify|extract
 *
 * It gives away what it does not need before the first byte is read: namespaces, capabilities, files, system calls. In one pass the
 * blob is hashed and kept, inflated, hashed again and unpacked. "done" is said when all of it is verified, and the blob is on disk;
 * after any failure nothing of what was made is left. `inflate` keeps what the blob unpacks to instead of the blob;
 * `verify` is a layer of which nothing is unpacked: only hashed, inflated and hashed. `extract` unpacks over what is in fd 5 (layer.h,
 * plain), without any limit of size; with --ours everything becomes the caller's. With maps, C in the archive is D on the disk, --ours is
 * who is D for 0, and he is who writes: an id that a mount or file system of the container does not know may make no file there.
 *
 * A layer that is larger than any of these is refused (-EFBIG): 64 GiB unpacked, 4,194,304 entries, or more than 4 GiB that are more than 200
 * times the compressed size. Deflate reaches 1,032 times, with nothing but one byte repeated; real layers stay below 20.
 *
 * With --resume the blob may stay a part: its file holds BYTES already (0: it is made), which are read, hashed and unpacked first as if they
 * had come; then fd 0 goes on behind them. When the input ends too early, what has come stays for the next time; damage removes it.
 */
#include "../confine.h"
#include "../transfer/protocol.h"
#include "cleanup.h"
#include "fs.h"
#include "idmap.h"
#include "layer.h"
#include "mem.h"
#include "proc.h"
#include "str.h"
#include "stream.h"
#include <getopt.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static const int64_t progress_bytes = 1 << 20, progress_us = 200000;
static const int64_t max_unpacked = 64LL << 30, max_entries = 4 << 20, max_ratio = 200, ratio_from = 4LL << 30;

struct options {
	const char *blob, *digest, *diff_id;
	int64_t size, max_unpacked, max_entries, max_ratio, ratio_from;
	int64_t resume;			/* -1: a blob that is not whole is removed */
	enum compression compression;
	bool layer, inflate, verify;	/* a document when none of them */
	bool extract, ours;		/* a layer that is none */
	struct idmap uids, gids;
};

/* opens - looks into what it reads; a document is only kept */
static bool opens(const struct options *o) { return o->layer || o->inflate || o->verify; }

struct job {
	struct options options;
	int blob_fd;
	bool made_blob, made_layer;
	struct stream *stream;
	struct layer *layer;
	bool single_id;			/* our user namespace has one id */
	int64_t write_us;
	int64_t reported_size, reported_at;
};

/* ---- what is asked for ---- */

static bool is_digest(const char *s)
{
	return str_starts(s, "sha256:") && strlen(s) == 71 && strspn(s + 7, "0123456789abcdef") == 64;
}

static bool is_name(const char *s)
{
	return *s && *s != '.' && !strchr(s, '/') && strlen(s) <= NAME_MAX;
}

enum { OPTION_BLOB = 1, OPTION_DIGEST, OPTION_SIZE, OPTION_COMPRESSION, OPTION_DIFF_ID, OPTION_UNPACKED, OPTION_ENTRIES, OPTION_RATIO,
       OPTION_RATIO_FROM, OPTION_RESUME, OPTION_OURS,
       OPTION_UID_MAP, OPTION_GID_MAP };
static const struct option long_options[] = {
	{ "blob", required_argument, NULL, OPTION_BLOB },
	{ "digest", required_argument, NULL, OPTION_DIGEST },
	{ "size", required_argument, NULL, OPTION_SIZE },
	{ "media-compression", required_argument, NULL, OPTION_COMPRESSION },
	{ "diff-id", required_argument, NULL, OPTION_DIFF_ID },
	{ "max-unpacked", required_argument, NULL, OPTION_UNPACKED },
	{ "max-entries", required_argument, NULL, OPTION_ENTRIES },
	{ "max-ratio", required_argument, NULL, OPTION_RATIO },
	{ "ratio-from", required_argument, NULL, OPTION_RATIO_FROM },
	{ "resume", required_argument, NULL, OPTION_RESUME },
	{ "ours", no_argument, NULL, OPTION_OURS },
	{ "uid-map", required_argument, NULL, OPTION_UID_MAP },
	{ "gid-map", required_argument, NULL, OPTION_GID_MAP },
	{ 0 },
};

static int set_option(struct options *o, int option, const char *value)
{
	switch (option) {
	case OPTION_BLOB: o->blob = value; return is_name(value) ? 0 : -EINVAL;
	case OPTION_DIGEST: o->digest = value; return is_digest(value) ? 0 : -EINVAL;
	case OPTION_DIFF_ID: o->diff_id = value; return is_digest(value) ? 0 : -EINVAL;
	case OPTION_SIZE: return str_to_i64(value, 0, INT64_MAX, &o->size);
	case OPTION_COMPRESSION: return compression_parse(value, &o->compression);
	case OPTION_UNPACKED: return str_to_i64(value, 0, INT64_MAX, &o->max_unpacked);
	case OPTION_ENTRIES: return str_to_i64(value, 0, INT64_MAX, &o->max_entries);
	case OPTION_RATIO: return str_to_i64(value, 0, INT64_MAX, &o->max_ratio);
	case OPTION_RATIO_FROM: return str_to_i64(value, 0, INT64_MAX, &o->ratio_from);
	case OPTION_OURS: o->ours = true; return 0;
	case OPTION_UID_MAP: return idmap_parse(value, &o->uids);
	case OPTION_GID_MAP: return idmap_parse(value, &o->gids);
	case OPTION_RESUME: return str_to_i64(value, 0, INT64_MAX, &o->resume);
	}
	return -EINVAL;
}

static int parse_options(int argc, char **argv, struct options *o, struct error *err)
{
	int option, which = 0;
	*o = (struct options) { .size = -1, .resume = -1, .max_unpacked = max_unpacked, .max_entries = max_entries,
				.max_ratio = max_ratio, .ratio_from = ratio_from };
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, &which)) != -1) {
		if (option == '?')
			return error_say(err, EINVAL, "carrier-unpack: unknown option, or one without its value: '%s'", argv[optind - 1]);
		if (set_option(o, option, optarg) < 0)
			return error_say(err, EINVAL, "carrier-unpack: --%s does not take '%s'", long_options[which].name, optarg);
	}
	const char *what = optind == argc - 1 ? argv[optind] : "";
	o->extract = strcmp(what, "extract") == 0;
	o->layer = o->extract || strcmp(what, "layer") == 0;
	o->inflate = strcmp(what, "inflate") == 0;
	o->verify = strcmp(what, "verify") == 0;
	if (!opens(o) && strcmp(what, "document") != 0)
		return error_say(err, EINVAL, "carrier-unpack: the last argument is 'layer', 'document', 'inflate', 'verify' or 'extract'");
	if (o->extract)
		o->max_unpacked = o->max_entries = INT64_MAX;
	if ((o->uids.n || o->gids.n) && !o->extract)
		return error_say(err, EINVAL, "carrier-unpack: --uid-map and --gid-map are for extract");
	if (o->inflate && !o->blob)
		return error_say(err, EINVAL, "carrier-unpack: inflate needs --blob");
	if (!opens(o))
		o->compression = COMPRESSION_PLAIN;
	return 0;
}

/* ---- reports ---- */

/* printable - sentences show names of the archive: those may hold escape sequences for terminals, or be no UTF-8 */
static char *printable(const char *text)
{
	struct buf out = { 0 };
	for (; *text; text++)
		if (*text >= ' ' && *text < 0x7f)
			buf_putc(&out, *text);
		else
			buf_printf(&out, "\\%03o", (unsigned char) *text);
	return buf_take(&out);
}

static int report(struct job *job, const char *kind, bool end, const struct error *failed, const char *message)
{
	static const struct stream_numbers none;
	const struct stream_numbers *n = job->stream ? stream_numbers(job->stream) : &none;
	cleanup_free char *text = message ? printable(message) : NULL;
	struct unpack_report r = {
		.kind = (char *) (uintptr_t) kind, .size = n->size, .unpacked = job->layer ? n->unpacked : 0,
		.entries = job->layer ? layer_numbers(job->layer)->entries : 0, .message = text,
		.code = failed ? failed->code : 0,
	};
	if (end && job->stream) {
		r.digest = (char *) (uintptr_t) n->digest;
		r.compression = (char *) (uintptr_t) stream_compression(job->stream);
		r.diff_id = *n->diff_id ? (char *) (uintptr_t) n->diff_id : NULL;
		r.receive_us = n->receive_us;
		r.hash_us = n->hash_us;
		r.inflate_us = n->inflate_us;
		r.write_us = n->blob_us + job->write_us;
		r.pending = job->layer && layer_numbers(job->layer)->pending;
	}
	return json_send(UNPACK_REPORT_FD, &unpack_report_type, &r);
}

static int progress(struct job *job, struct error *err)
{
	const struct stream_numbers *n = stream_numbers(job->stream);
	int64_t now = clock_us();
	if (n->size - job->reported_size < progress_bytes && now - job->reported_at < progress_us)
		return 0;
	job->reported_size = n->size;
	job->reported_at = now;
	int r = report(job, "progress", false, NULL, NULL);
	return r < 0 ? error_set(err, -r, "report to carrier") : 0;	/* it is gone: so are we */
}

/* left_out - what "done" has to add, or NULL; caller frees */
static char *left_out(const struct job *job)
{
	const struct layer_numbers *n = job->layer ? layer_numbers(job->layer) : NULL;
	if (!n || (!n->devices_left_out && !n->xattrs_left_out))
		return NULL;
	struct buf b = { 0 };
	buf_puts(&b, "left out:");
	if (n->devices_left_out)
		buf_printf(&b, " %lld device nodes (not permitted here)", (long long) n->devices_left_out);
	if (n->xattrs_left_out)
		buf_printf(&b, "%s %lld extended attributes (of the host's own kinds, or on what can have none)",
			   n->devices_left_out ? "," : "", (long long) n->xattrs_left_out);
	return buf_take(&b);
}

/* ---- confinement ---- */

/* be_root_of - the maps: the one that 0 is. With all our capabilities: the kernel would take those of files away */
static int be_root_of(const struct options *o, struct error *err)
{
	uint32_t uid = idmap_to_host(&o->uids, 0), gid = idmap_to_host(&o->gids, 0);
	int death_signal = 0;
	if (!o->uids.n && !o->gids.n)
		return 0;
	if (uid == UINT32_MAX || gid == UINT32_MAX)
		return error_say(err, EINVAL, "carrier-unpack: --uid-map and --gid-map say nothing of 0");
	(void) prctl(PR_GET_PDEATHSIG, &death_signal);
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) < 0)
		return error_set(err, errno, "keep the capabilities of %u:%u", uid, gid);
	(void) setfsgid(gid);
	(void) setfsuid(uid);
	if ((uint32_t) setfsgid(gid) != gid || (uint32_t) setfsuid(uid) != uid)	/* they return what was */
		return error_say(err, EINVAL, "the container's root, %u:%u, is not among the ids that can be used here", uid, gid);
	(void) prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0);	/* lost with the id */
	return 0;
}

static int confine(const struct options *o, struct error *err)
{
	/* carrier may have made one for us already; without privilege seccomp alone denies sockets */
	(void) unshare(CLONE_NEWNET);
	struct confine_path paths[2];
	struct confine c = { .paths = paths, .input = true, .mounts = o->extract };
	if (o->blob)
		paths[c.n_paths++] = (struct confine_path) { .fd = UNPACK_BLOB_DIR_FD, .write = true };
	if (o->layer) {
		paths[c.n_paths++] = (struct confine_path) { .fd = UNPACK_LAYER_DIR_FD, .write = true };
		static const int needed[] = {
			CAP_CHOWN, CAP_FOWNER, CAP_FSETID,	/* owners, modes and times of files that are not ours any more */
			CAP_DAC_OVERRIDE,			/* files in directories of mode 0555 */
			CAP_SETFCAP, CAP_MKNOD,
		};
		for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
			c.capabilities |= UINT64_C(1) << needed[i];
	}
	return confine_self(&c, err);
}

/* ---- the work ---- */

/* open_blob - a new file, or the one that has a part of it; what is behind that part is not its */
static int open_blob(const struct options *o)
{
	int flags = o->resume > 0 ? O_RDWR : O_WRONLY | O_CREAT | O_EXCL;
	cleanup_close int fd = openat(UNPACK_BLOB_DIR_FD, o->blob, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || (o->resume > 0 && ftruncate(fd, o->resume) < 0))
		return -1;
	return take_fd(fd);
}

static int open_all(struct job *job, struct error *err)
{
	const struct options *o = &job->options;
	if (o->blob) {
		job->blob_fd = open_blob(o);
		if (job->blob_fd < 0)
			return error_set(err, errno, "open the blob's file '%s'", o->blob);
		job->made_blob = true;
	}
	if (o->layer) {
		const struct layer_limits limits = { .max_entries = o->max_entries, .max_holes = o->max_unpacked,
						     .single_id = job->single_id || o->ours, .plain = o->extract,
						     .uids = &o->uids, .gids = &o->gids };
		int r = layer_open(UNPACK_LAYER_DIR_FD, &limits, &job->layer, err);
		if (r < 0)
			return r;
		job->made_layer = true;
	}
	struct stream_config config = {
		.in_fd = STDIN_FILENO, .blob_fd = o->inflate ? -1 : job->blob_fd, .kept = o->resume > 0 ? o->resume : 0,
		.compression = o->compression, .hash_unpacked = opens(o), .digest = o->digest, .diff_id = o->diff_id, .size = o->size,
		.max_unpacked = opens(o) ? o->max_unpacked : INT64_MAX,
		.max_ratio = opens(o) ? o->max_ratio : 0, .ratio_from = o->ratio_from,
	};
	return stream_open(&config, &job->stream, err);
}

static int pass(struct job *job, struct error *err)
{
	const uint8_t *data;
	size_t len;
	int r;
	while ((r = stream_next(job->stream, &data, &len, err)) > 0) {
		if (job->layer) {
			int64_t start = clock_us();
			r = layer_feed(job->layer, data, len, err);
			job->write_us += clock_us() - start;
			if (r < 0)
				return r;
		}
		if (job->options.inflate && (r = fs_write_all(job->blob_fd, data, len)) < 0)
			return error_set(err, -r, "write what it unpacks to");
		r = progress(job, err);
		if (r < 0)
			return r;
	}
	return r;
}

static int finish(struct job *job, const char *boot_id, struct error *err)
{
	int64_t start = clock_us();
	int r = 0;
	if (job->layer)
		r = layer_finish(job->layer, err);
	if (r == 0 && job->blob_fd >= 0 && fsync(job->blob_fd) < 0)
		r = error_set(err, errno, "write the blob");
	if (r == 0 && job->options.extract)
		return 0;
	if (r == 0 && job->layer && job->single_id)
		r = fs_replace_file(UNPACK_LAYER_DIR_FD, "single-id", "", 0, 0600, false, err);
	if (r == 0 && job->layer)
		r = fs_replace_file(UNPACK_LAYER_DIR_FD, "boot", boot_id, strlen(boot_id), 0600, false, err);
	job->write_us += clock_us() - start;
	return r;
}

static void undo(struct job *job, bool short_input)
{
	if (job->made_blob && !(short_input && job->options.resume >= 0))
		(void) unlinkat(UNPACK_BLOB_DIR_FD, job->options.blob, 0);
	if (job->made_layer && !job->options.extract)
		layer_undo(UNPACK_LAYER_DIR_FD);
}

static int work(struct job *job, const char *boot_id, struct error *err)
{
	const struct options *o = &job->options;
	int r = open_all(job, err);
	if (r == 0)
		r = pass(job, err);
	if (r == 0)
		r = finish(job, boot_id, err);
	if (r == 0) {
		cleanup_free char *message = left_out(job);
		r = report(job, "done", true, NULL, message);
		if (r < 0)
			error_set(err, -r, "report to carrier");
	}
	if (r < 0 && o->digest)
		error_wrap(err, "%s %s", o->layer || o->verify ? "layer" : "blob", o->digest);
	if (r == -ENOSPC || r == -EDQUOT)
		error_hint(err, "the file system of the store is full: remove images with carrier rmi, or use another --root");
	return r;
}

/* fail - carrier prints it; by hand nobody is at fd 3 */
static int fail(struct job *job, const struct error *err)
{
	if (report(job, "error", false, err, err->text) < 0) {
		cleanup_free char *text = printable(err->text);
		fprintf(stderr, "carrier-unpack: %s\n", text);
	}
	return 1;
}

int main(int argc, char **argv)
{
	struct error err = { 0 };
	struct job job = { .blob_fd = -1 };
	char boot_id[64];

	/* Ctrl-C is carrier's to handle: when it goes, our input ends, and we remove what we made */
	(void) signal(SIGINT, SIG_IGN);
	(void) signal(SIGPIPE, SIG_IGN);
	(void) close_range(UNPACK_LAYER_DIR_FD + 1, ~0U, 0);
	(void) umask(0);
	if (parse_options(argc, argv, &job.options, &err) < 0)
		return fail(&job, &err);
	snprintf(boot_id, sizeof boot_id, "%s", proc_boot_id());	/* later there is no /proc */
	job.single_id = idmap_is_single();

	int r = be_root_of(&job.options, &err);
	if (r == 0)
		r = confine(&job.options, &err);
	if (r == 0) {
		r = work(&job, boot_id, &err);
		if (r < 0)
			undo(&job, r == -ENODATA);
	}
	if (r < 0)
		fail(&job, &err);
	layer_free(job.layer);
	stream_free(job.stream);
	close_fd(&job.blob_fd);
	idmap_done(&job.options.uids);
	idmap_done(&job.options.gids);
	return r < 0;
}
