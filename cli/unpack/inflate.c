#include "inflate.h"
#include "mem.h"
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>
#else
#include <zlib.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
enum { ZSTD_WINDOW_LOG = 23 };	/* 8 MiB: what RFC 8878 wants every reader to have, and all that memory allows */
#endif

/* where a gzip stream is: a member's end is only the stream's when no other one follows */
enum place { BEFORE, INSIDE, BETWEEN, PADDING };

struct inflater {
	enum compression compression;
	enum place place;
#ifdef HAVE_ISAL
	struct inflate_state gzip;
#else
	z_stream gzip;
#endif
#ifdef HAVE_ZSTD
	ZSTD_DStream *zstd;
#endif
};

/* ---- one gzip member ---- */

#ifdef HAVE_ISAL
static int gzip_open(struct inflater *f)
{
	isal_inflate_init(&f->gzip);
	f->gzip.crc_flag = ISAL_GZIP;
	return 0;
}

static void gzip_again(struct inflater *f)
{
	isal_inflate_reset(&f->gzip);
	f->gzip.crc_flag = ISAL_GZIP;
}

static void gzip_close(struct inflater *f) { (void) f; }

/* gzip_run - 1 when the member ended */
static int gzip_run(struct inflater *f, const uint8_t **in, size_t *len, uint8_t *out, size_t size, size_t *produced,
		    struct error *err)
{
	f->gzip.next_in = (uint8_t *) (uintptr_t) *in;	/* it is not written to */
	f->gzip.avail_in = (uint32_t) *len;
	f->gzip.next_out = out;
	f->gzip.avail_out = (uint32_t) size;
	int r = isal_inflate(&f->gzip);
	*in = f->gzip.next_in;	/* perhaps before where it was: inflate.h */
	*len = f->gzip.avail_in;
	*produced = size - f->gzip.avail_out;
	switch (r) {
	case ISAL_DECOMP_OK: case ISAL_END_INPUT: case ISAL_OUT_OVERFLOW: case ISAL_NAME_OVERFLOW:
	case ISAL_COMMENT_OVERFLOW: case ISAL_EXTRA_OVERFLOW:
		return f->gzip.block_state == ISAL_BLOCK_FINISH;
	case ISAL_INCORRECT_CHECKSUM:
		return error_say(err, EBADMSG, "its gzip data is damaged: incorrect checksum");
	}
	return error_say(err, EBADMSG, "its gzip data is damaged (ISA-L's error %d)", r);
}
#else
static int gzip_open(struct inflater *f)
{
	return inflateInit2(&f->gzip, 15 + 16) == Z_OK ? 0 : -ENOMEM;
}

static void gzip_again(struct inflater *f) { (void) inflateReset(&f->gzip); }

static void gzip_close(struct inflater *f) { (void) inflateEnd(&f->gzip); }

static int gzip_run(struct inflater *f, const uint8_t **in, size_t *len, uint8_t *out, size_t size, size_t *produced,
		    struct error *err)
{
	f->gzip.next_in = (uint8_t *) (uintptr_t) *in;	/* it is not written to */
	f->gzip.avail_in = (unsigned) *len;
	f->gzip.next_out = out;
	f->gzip.avail_out = (unsigned) size;
	int r = inflate(&f->gzip, Z_NO_FLUSH);
	*in += *len - f->gzip.avail_in;
	*len = f->gzip.avail_in;
	*produced = size - f->gzip.avail_out;
	if (r == Z_OK || r == Z_BUF_ERROR || r == Z_STREAM_END)
		return r == Z_STREAM_END;
	return error_say(err, EBADMSG, "its gzip data is damaged: %s", f->gzip.msg ? f->gzip.msg : "inflate failed");
}
#endif

/* ---- a gzip stream ---- */

/* next_member - at the end of a member: another one, zeros, or garbage
 * Return: 1 when bytes can be inflated, 0 when the input is used up */
static int next_member(struct inflater *f, const uint8_t **in, size_t *len, struct error *err)
{
	if (f->place == BETWEEN && *len > 0) {
		if (**in == 0x1f) {
			gzip_again(f);
			f->place = INSIDE;
			return 1;
		}
		f->place = PADDING;
	}
	while (*len > 0 && **in == 0)
		(*in)++, (*len)--;
	return *len == 0 ? 0 : error_say(err, EBADMSG, "behind its gzip data follow bytes that are none");
}

static int run_gzip(struct inflater *f, const uint8_t **in, size_t *len, uint8_t *out, size_t size, size_t *produced,
		    struct error *err)
{
	*produced = 0;
	if (f->place == BEFORE && *len > 0)
		f->place = INSIDE;
	if (f->place == BETWEEN || f->place == PADDING) {
		int r = next_member(f, in, len, err);
		if (r <= 0)
			return r;
	}
	int r = gzip_run(f, in, len, out, size, produced, err);
	if (r > 0)
		f->place = BETWEEN;
	return r < 0 ? r : 0;
}

/* ---- zstd ---- */

#ifdef HAVE_ZSTD
static int run_zstd(struct inflater *f, const uint8_t **in, size_t *len, uint8_t *out, size_t size, size_t *produced,
		    struct error *err)
{
	ZSTD_inBuffer from = { *in, *len, 0 };
	ZSTD_outBuffer to = { out, size, 0 };
	size_t r = ZSTD_decompressStream(f->zstd, &to, &from);
	*in += from.pos;
	*len -= from.pos;
	*produced = to.pos;
	if (ZSTD_isError(r))
		return error_say(err, EBADMSG, "its zstd data is damaged, or its window is larger than 8 MiB: %s", ZSTD_getErrorName(r));
	/* at a frame's end a call without input would begin another one: the place stays as it was */
	if (from.pos > 0 || to.pos > 0)
		f->place = r == 0 ? BETWEEN : INSIDE;
	return 0;
}

static int zstd_open(struct inflater *f, struct error *err)
{
	f->zstd = ZSTD_createDStream();
	if (!f->zstd || ZSTD_isError(ZSTD_DCtx_setParameter(f->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG)))
		return error_set(err, ENOMEM, "prepare to read zstd data");
	return 0;
}

static void zstd_close(struct inflater *f) { (void) ZSTD_freeDStream(f->zstd); }
#else
static int run_zstd(struct inflater *f, const uint8_t **in, size_t *len, uint8_t *out, size_t size, size_t *produced,
		    struct error *err)
{
	return -EOPNOTSUPP;
}

static int zstd_open(struct inflater *f, struct error *err)
{
	return error_say(err, EOPNOTSUPP, "it is compressed with zstd, and this carrier was built without; build with -Dzstd=enabled");
}

static void zstd_close(struct inflater *f) { (void) f; }
#endif

/* ---- both ---- */

int inflater_new(enum compression compression, struct inflater **ret, struct error *err)
{
	struct inflater *f = xcalloc(1, sizeof *f);
	f->compression = compression;
	int r = compression == COMPRESSION_ZSTD ? zstd_open(f, err) : gzip_open(f) < 0 ? error_set(err, ENOMEM, "prepare to read gzip data") : 0;
	if (r < 0) {
		free(f);
		return r;
	}
	*ret = f;
	return 0;
}

int inflater_run(struct inflater *f, const uint8_t **in, size_t *len, uint8_t *out, size_t out_size, size_t *produced,
		 struct error *err)
{
	return (f->compression == COMPRESSION_ZSTD ? run_zstd : run_gzip)(f, in, len, out, out_size, produced, err);
}

bool inflater_complete(const struct inflater *f) { return f->place == BETWEEN || f->place == PADDING; }

void inflater_free(struct inflater *f)
{
	if (!f)
		return;
	if (f->compression == COMPRESSION_ZSTD)
		zstd_close(f);
	else
		gzip_close(f);
	free(f);
}
