#include "stream.h"
#include "digest.h"
#include "fs.h"
#include "inflate.h"
#include "mem.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The buffers stay within the second-level cache, together with what the inflater touches. */
enum { IN_SIZE = 128 << 10, OUT_SIZE = 256 << 10, MAGIC_LEN = 4 };

struct stream {
	struct stream_config config;
	struct stream_numbers n;
	struct digest *blob_hash, *diff_hash;	/* diff_hash is NULL where it is the same or not wanted */
	enum compression compression;		/* AUTO until the first bytes were seen */
	struct inflater *inflater;
	const uint8_t *in;			/* what of in_room is not inflated yet */
	size_t in_len;
	bool ended;
	size_t read_len;			/* of the last read */
	uint8_t in_room[INFLATER_BACK_MAX + IN_SIZE], out_buf[OUT_SIZE];
};

int64_t clock_us(void)
{
	struct timespec now;
	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static const char *const words[] = { "auto", "plain", "gzip", "zstd" };

int compression_parse(const char *word, enum compression *ret)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(word, words[i]) == 0) {
			*ret = (enum compression) i;
			return 0;
		}
	return -EINVAL;
}

/* ---- opening ---- */

int stream_open(const struct stream_config *config, struct stream **ret, struct error *err)
{
	struct stream *s = xcalloc(1, sizeof *s);
	s->config = *config;
	s->compression = config->compression;
	int r = digest_new(&s->blob_hash, err);
	if (r < 0) {
		stream_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	digest_free(s->blob_hash);
	digest_free(s->diff_hash);
	inflater_free(s->inflater);
	free(s);
}

const struct stream_numbers *stream_numbers(const struct stream *s) { return &s->n; }

static enum compression by_magic(const uint8_t *b, size_t len)
{
	if (len >= 2 && b[0] == 0x1f && b[1] == 0x8b)
		return COMPRESSION_GZIP;
	/* a zstd frame, or a skippable one */
	if (len >= 4 && ((b[0] == 0x28 && b[1] == 0xb5) || (b[0] & 0xf0) == 0x50) && (b[0] == 0x28 ? b[2] == 0x2f && b[3] == 0xfd
	    : b[1] == 0x2a && b[2] == 0x4d && b[3] == 0x18))
		return COMPRESSION_ZSTD;
	return COMPRESSION_PLAIN;
}

const char *stream_compression(const struct stream *s) { return s->compression ? words[s->compression] : NULL; }

/* unread_compression - of those that people give us by hand, and that no registry has */
static const char *unread_compression(const uint8_t *b, size_t len)
{
	if (len >= 4 && memcmp(b, "\3757zX", 4) == 0)
		return "xz";
	return len >= 4 && memcmp(b, "BZh", 3) == 0 && b[3] >= '1' && b[3] <= '9' ? "bzip2" : NULL;
}

/* begin - the first bytes are here */
static int begin(struct stream *s, struct error *err)
{
	enum compression found = by_magic(s->in, s->in_len);
	if (s->compression == COMPRESSION_GZIP && found != COMPRESSION_GZIP)
		return error_say(err, EBADMSG, "it is not gzip data, though the manifest says so");
	const char *unread = s->compression == COMPRESSION_AUTO && found == COMPRESSION_PLAIN ? unread_compression(s->in, s->in_len) : NULL;
	if (unread)
		return error_say(err, EOPNOTSUPP, "it is compressed with %s, which carrier does not read: pass it through `%s -dc` first", unread,
				 unread);
	if (s->compression == COMPRESSION_AUTO)
		s->compression = found;
	int r = 0;
	if (s->compression != COMPRESSION_PLAIN)
		r = inflater_new(s->compression, &s->inflater, err);
	if (r == 0 && s->inflater && (s->config.diff_id || s->config.hash_unpacked))
		r = digest_new(&s->diff_hash, err);
	return r;
}

/* ---- the input ---- */

static int too_long(const struct stream *s, struct error *err)
{
	return error_say(err, EBADMSG, "it is longer than the %lld bytes that the manifest says", (long long) s->config.size);
}

/* read_more - at least MAGIC_LEN bytes the first time; 0 at the end. What came last before stays in front of them: an inflater may give
 * some of it back. */
static ssize_t read_more(struct stream *s, struct error *err)
{
	uint8_t *in_buf = s->in_room + INFLATER_BACK_MAX;
	memmove(s->in_room, s->in_room + s->read_len, INFLATER_BACK_MAX);
	s->read_len = 0;
	int64_t start = clock_us(), kept = s->config.kept - s->n.size;
	int fd = kept > 0 ? s->config.blob_fd : s->config.in_fd;
	size_t n = 0, max = kept > 0 && kept < IN_SIZE ? (size_t) kept : IN_SIZE;
	do {
		ssize_t r = read(fd, in_buf + n, max - n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return error_set(err, errno, "read it");
		if (r == 0)
			break;
		n += (size_t) r;
	} while (s->n.size == 0 && n < MAGIC_LEN);
	s->n.receive_us += clock_us() - start;
	if (n == 0 && kept > 0)
		return error_say(err, EBADMSG, "what was kept of it is shorter than it was");
	s->in = in_buf;
	s->in_len = s->read_len = n;
	return (ssize_t) n;
}

static int keep_copy(struct stream *s, struct error *err)
{
	if (s->config.blob_fd < 0 || s->n.size <= s->config.kept)
		return 0;	/* wanted by nobody, or there already */
	int64_t start = clock_us();
	int r = fs_write_all(s->config.blob_fd, s->in, s->in_len);
	s->n.blob_us += clock_us() - start;
	return r < 0 ? error_set(err, -r, "write the blob") : 0;
}

static int fill(struct stream *s, struct error *err)
{
	bool first = s->n.size == 0;
	ssize_t n = read_more(s, err);
	if (n <= 0)
		return (int) n;
	s->n.size += n;
	if (s->config.size >= 0 && s->n.size > s->config.size)
		return too_long(s, err);
	int r = digest_add(s->blob_hash, s->in, s->in_len, &s->n.hash_us, err);
	if (r == 0)
		r = keep_copy(s, err);
	if (r == 0 && first)
		r = begin(s, err);
	return r < 0 ? r : 1;
}

/* ---- the end ---- */

static int differs(const char *what, const char *want, const char *got, struct error *err)
{
	if (!want || strcmp(want, got) == 0)
		return 0;
	return error_say(err, EBADMSG, "its %s is %s, not the %s that was expected; it was damaged on its way, or the registry is wrong",
			 what, got, want);
}

static int verify(struct stream *s, struct error *err)
{
	if (s->config.size >= 0 && s->n.size != s->config.size)
		return error_say(err, ENODATA, "it ends after %lld of %lld bytes", (long long) s->n.size, (long long) s->config.size);
	digest_end(s->blob_hash, s->n.digest);
	int r = differs("digest", s->config.digest, s->n.digest, err);
	if (r < 0)
		return r;
	if (s->inflater && !inflater_complete(s->inflater))
		return error_say(err, EBADMSG, "its compressed data ends too early, after %lld bytes", (long long) s->n.size);
	if (s->diff_hash)
		digest_end(s->diff_hash, s->n.diff_id);
	else if (s->config.hash_unpacked || s->config.diff_id)
		strcpy(s->n.diff_id, s->n.digest);
	return differs("diff_id", s->config.diff_id, s->n.diff_id, err);
}

/* ---- the output ---- */

static int inflate_some(struct stream *s, const uint8_t **data, size_t *len, struct error *err)
{
	int64_t start = clock_us();
	size_t before = s->in_len;
	int r = inflater_run(s->inflater, &s->in, &s->in_len, s->out_buf, OUT_SIZE, len, err);
	s->n.inflate_us += clock_us() - start;
	*data = s->out_buf;
	if (r == 0 && *len == 0 && before > 0 && s->in_len == before)
		r = error_say(err, EBADMSG, "its compressed data is damaged: the inflater stands still");
	if (r == 0 && s->diff_hash && *len > 0)
		r = digest_add(s->diff_hash, *data, *len, &s->n.hash_us, err);
	return r;
}

static void all_of_it(struct stream *s, const uint8_t **data, size_t *len)
{
	*data = s->in;
	*len = s->in_len;
	s->in_len = 0;
}

int stream_next(struct stream *s, const uint8_t **data, size_t *len, struct error *err)
{
	*len = 0;
	/* the inflater may hold bytes for which there was no room: it is asked until it has none, then input is read */
	for (;;) {
		int r = 0;
		if (s->inflater)
			r = inflate_some(s, data, len, err);
		else if (s->in_len)
			all_of_it(s, data, len);
		if (r < 0)
			return r;
		if (*len > 0)
			break;
		if (s->in_len > 0)
			continue;	/* a member ended */
		r = s->ended ? 0 : fill(s, err);
		if (r < 0)
			return r;
		if (r == 0) {
			s->ended = true;
			return verify(s, err);
		}
	}
	s->n.unpacked += (int64_t) *len;
	if (s->n.unpacked > s->config.max_unpacked)
		return error_say(err, EFBIG, "it unpacks to more than the %lld bytes allowed", (long long) s->config.max_unpacked);
	if (s->config.max_ratio && s->n.unpacked > s->config.ratio_from && s->n.unpacked / s->config.max_ratio > s->n.size)
		return error_say(err, EFBIG, "it unpacks to more than %lld bytes and %lld times its size: is it made to fill the disk?",
				 (long long) s->config.ratio_from, (long long) s->config.max_ratio);
	return 1;
}
