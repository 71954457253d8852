/* carrier-pack: makes archives and layers of directories (../transfer/protocol.h says how it is talked to).
 *
 *	carrier-pack [--compression plain|gzip|zstd] [--level N] [--uid-map C:D:N]... [--gid-map C:D:N]... [--entry NAME --as NAME] [--mounts]
 *		archive|layer|overlay|normal
 *
 * With --entry it is this entry of the directory alone, under the name of --as; with --mounts also what is mounted beneath.
 * fd 5 is the directory, fd 4 where the archive goes, fd 3 takes the reports. It reads everything beneath the directory, whoever owns it,
 * and changes nothing: no file can be opened for writing, and the only capability that is kept is the one to read. In one pass the
 * archive is made, hashed (diff_id), compressed, hashed again (digest) and written.
 */
#include "../confine.h"
#include "../transfer/protocol.h"
#include "cleanup.h"
#include "mem.h"
#include "sink.h"
#include "str.h"
#include "tar_write.h"
#include "tree.h"
#include <getopt.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

static const int64_t progress_bytes = 1 << 20, progress_us = 200000;

struct options {
	enum compression compression;
	int64_t level;
	struct tree_what what;
};

struct job {
	struct options options;
	struct sink *sink;
	struct tree_numbers numbers;
	int64_t reported_size, reported_at;
};

static const struct option long_options[] = {
	{ "compression", required_argument, NULL, 'c' },
	{ "level", required_argument, NULL, 'l' },
	{ "uid-map", required_argument, NULL, 'u' },	/* N ids: C in the archive is D on the disk */
	{ "gid-map", required_argument, NULL, 'g' },
	{ "entry", required_argument, NULL, 'e' },
	{ "as", required_argument, NULL, 'a' },
	{ "mounts", no_argument, NULL, 'm' },
	{ 0 },
};

static int parse_kind(const char *word, enum tree_kind *ret)
{
	static const char *const words[] = { "archive", "layer", "overlay", "normal" };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i], word) == 0) {
			*ret = (enum tree_kind) i;
			return 0;
		}
	return -EINVAL;
}

static int parse_option(int option, const char *word, struct options *o)
{
	switch (option) {
	case 'c': return compression_parse(word, &o->compression);
	case 'l': return str_to_i64(word, 1, 22, &o->level);
	case 'u': return idmap_parse(word, &o->what.uids);
	case 'g': return idmap_parse(word, &o->what.gids);
	case 'e': o->what.entry = word; return 0;
	case 'a': o->what.as = word; return 0;
	default: o->what.mounts = true; return 0;
	}
}

static int parse_options(int argc, char **argv, struct options *o, struct error *err)
{
	int option, at, r = 0;
	*o = (struct options) { .compression = COMPRESSION_PLAIN };
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, &at)) != -1) {
		if (option == '?')
			return error_say(err, EINVAL, "carrier-pack: unknown option, or one without its value: '%s'", argv[optind - 1]);
		r = parse_option(option, optarg, o);
		if (r < 0 || o->compression == COMPRESSION_AUTO)
			return error_say(err, EINVAL, "carrier-pack: --%s does not take '%s'", long_options[at].name, optarg);
	}
	if (optind != argc - 1 || parse_kind(argv[optind], &o->what.kind) < 0 || !o->what.entry != !o->what.as)
		return error_say(err, EINVAL, "carrier-pack: the last argument is archive, layer, overlay or normal");
	return 0;
}

/* ---- reports ---- */

static int report(struct job *job, const char *kind, const struct error *failed, const char *message)
{
	static const struct stream_numbers none;
	const struct stream_numbers *n = job->sink ? sink_numbers(job->sink) : &none;
	struct unpack_report r = {
		.kind = (char *) (uintptr_t) kind, .size = n->size, .unpacked = n->unpacked, .entries = job->numbers.entries,
		.message = (char *) (uintptr_t) message, .code = failed ? failed->code : 0,
	};
	if (*n->digest && !failed) {
		r.digest = (char *) (uintptr_t) n->digest;
		r.diff_id = (char *) (uintptr_t) n->diff_id;
		r.hash_us = n->hash_us;
		r.inflate_us = n->inflate_us;
		r.write_us = n->blob_us;
	}
	return json_send(UNPACK_REPORT_FD, &unpack_report_type, &r);
}

static int progress(void *ctx, struct error *err)
{
	struct job *job = ctx;
	int64_t made = sink_numbers(job->sink)->unpacked;
	if (made - job->reported_size < progress_bytes)
		return 0;
	int64_t now = clock_us();
	if (now - job->reported_at < progress_us)
		return 0;
	job->reported_size = made;
	job->reported_at = now;
	int r = report(job, "progress", NULL, NULL);
	return r < 0 ? error_set(err, -r, "report to carrier") : 0;	/* it is gone: so are we */
}

/* left_out - what "done" has to add, or NULL; caller frees */
static char *left_out(const struct tree_numbers *n)
{
	struct buf b = { 0 };
	if (n->sockets)
		buf_printf(&b, "left out: %lld sockets", (long long) n->sockets);
	if (n->xattrs_left_out)
		buf_printf(&b, "%s%lld extended attributes whose names hold a '='", b.len ? ", " : "left out: ", (long long) n->xattrs_left_out);
	if (n->changed)
		buf_printf(&b, "%s%lld files became shorter while they were read, and end in zeros", b.len ? "; " : "", (long long) n->changed);
	return b.len ? buf_take(&b) : NULL;
}

/* ---- the work ---- */

static int confine(const struct options *o, struct error *err)
{
	(void) unshare(CLONE_NEWNET);	/* without privilege seccomp alone denies sockets */
	struct confine_path path = { .fd = UNPACK_LAYER_DIR_FD };
	const struct confine c = { .paths = &path, .n_paths = 1, .mounts = o->what.mounts, .capabilities = UINT64_C(1) << CAP_DAC_READ_SEARCH };
	return confine_self(&c, err);
}

static int work(struct job *job, struct error *err)
{
	const struct options *o = &job->options;
	const struct sink_config config = { .fd = UNPACK_BLOB_DIR_FD, .compression = o->compression, .level = (int) o->level };
	cleanup_buf struct buf end = { 0 };
	int r = sink_open(&config, &job->sink, err);
	if (r == 0)
		r = tree_write(UNPACK_LAYER_DIR_FD, &o->what, job->sink, progress, job, &job->numbers, err);
	tar_write_end(&end);
	if (r == 0)
		r = sink_write(job->sink, end.data, end.len, err);
	return r < 0 ? r : sink_finish(job->sink, err);
}

/* printable - sentences show names of files: those may hold escape sequences for terminals, or be no UTF-8 */
static void printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

int main(int argc, char **argv)
{
	struct error err = { 0 };
	struct job job = { 0 };

	(void) signal(SIGINT, SIG_IGN);	/* carrier's to handle: it ends us */
	(void) signal(SIGPIPE, SIG_IGN);
	(void) close_range(UNPACK_LAYER_DIR_FD + 1, ~0U, 0);
	int r = parse_options(argc, argv, &job.options, &err);
	if (r == 0)
		r = confine(&job.options, &err);
	if (r == 0)
		r = work(&job, &err);
	if (r == 0) {
		cleanup_free char *message = left_out(&job.numbers);
		r = report(&job, "done", NULL, message);
	} else {
		printable(err.text);
		if (report(&job, "error", &err, err.text) < 0)
			fprintf(stderr, "carrier-pack: %s\n", err.text);	/* by hand nobody is at fd 3 */
	}
	sink_free(job.sink);
	return r < 0;
}
