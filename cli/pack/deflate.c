#include "deflate.h"
#include "mem.h"
#include <stdlib.h>
#include <zlib.h>
#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
enum { ZSTD_WINDOW_LOG = 23 };	/* what every reader has to have (RFC 8878) */
#endif

enum { ZLIB_LEVEL = 6, ZSTD_LEVEL = 3 };

struct deflater {
	enum { BY_ZLIB, BY_ISAL, BY_ZSTD } how;
	z_stream zlib;
#ifdef HAVE_ISAL
	struct isal_zstream isal;
	uint8_t *isal_level;		/* its tables */
#endif
#ifdef HAVE_ZSTD
	ZSTD_CStream *zstd;
#endif
};

/* ---- zlib ---- */

static int zlib_open(struct deflater *d, int level, struct error *err)
{
	d->how = BY_ZLIB;
	if (level > 9)
		return error_say(err, EINVAL, "gzip has levels from 1 to 9, not %d", level);
	int r = deflateInit2(&d->zlib, level ? level : ZLIB_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	return r == Z_OK ? 0 : error_set(err, ENOMEM, "prepare to write gzip data");
}

static int zlib_run(struct deflater *d, const uint8_t **in, size_t *len, bool end, uint8_t *out, size_t size, size_t *produced,
		    struct error *err)
{
	z_stream *z = &d->zlib;
	z->next_in = (uint8_t *) (uintptr_t) *in;	/* it is not written to */
	z->avail_in = (unsigned) *len;
	z->next_out = out;
	z->avail_out = (unsigned) size;
	int r = deflate(z, end ? Z_FINISH : Z_NO_FLUSH);
	*in += *len - z->avail_in;
	*len = z->avail_in;
	*produced = size - z->avail_out;
	if (r == Z_STREAM_END)
		return 1;
	if (r != Z_OK && r != Z_BUF_ERROR)
		return error_say(err, EIO, "zlib could not compress: error %d", r);
	return !end && *len == 0 && z->avail_out > 0;
}

/* ---- ISA-L: several times as quick, and as good as zlib's lower levels ---- */

#ifdef HAVE_ISAL
static int isal_open(struct deflater *d)
{
	d->how = BY_ISAL;
	isal_deflate_init(&d->isal);
	d->isal_level = xmalloc(ISAL_DEF_LVL3_DEFAULT);
	d->isal.level = 3;
	d->isal.level_buf = d->isal_level;
	d->isal.level_buf_size = ISAL_DEF_LVL3_DEFAULT;
	d->isal.gzip_flag = IGZIP_GZIP;
	return 0;
}

static int isal_run(struct deflater *d, const uint8_t **in, size_t *len, bool end, uint8_t *out, size_t size, size_t *produced,
		    struct error *err)
{
	struct isal_zstream *z = &d->isal;
	z->next_in = (uint8_t *) (uintptr_t) *in;	/* it is not written to */
	z->avail_in = (uint32_t) *len;
	z->next_out = out;
	z->avail_out = (uint32_t) size;
	z->end_of_stream = end;
	int r = isal_deflate(z);
	*in += *len - z->avail_in;
	*len = z->avail_in;
	*produced = size - z->avail_out;
	if (r != COMP_OK)
		return error_say(err, EIO, "ISA-L could not compress: error %d", r);
	return end ? z->internal_state.state == ZSTATE_END : *len == 0 && z->avail_out > 0;
}
#endif

/* ---- zstd ---- */

#ifdef HAVE_ZSTD
static int zstd_open(struct deflater *d, int level, struct error *err)
{
	d->how = BY_ZSTD;
	if (level > ZSTD_maxCLevel())
		return error_say(err, EINVAL, "zstd has levels from 1 to %d, not %d", ZSTD_maxCLevel(), level);
	d->zstd = ZSTD_createCStream();
	if (!d->zstd || ZSTD_isError(ZSTD_CCtx_setParameter(d->zstd, ZSTD_c_compressionLevel, level ? level : ZSTD_LEVEL)) ||
	    (level > ZSTD_LEVEL && ZSTD_isError(ZSTD_CCtx_setParameter(d->zstd, ZSTD_c_windowLog, ZSTD_WINDOW_LOG))) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(d->zstd, ZSTD_c_checksumFlag, 1)))
		return error_set(err, ENOMEM, "prepare to write zstd data");
	return 0;
}

static int zstd_run(struct deflater *d, const uint8_t **in, size_t *len, bool end, uint8_t *out, size_t size, size_t *produced,
		    struct error *err)
{
	ZSTD_inBuffer from = { *in, *len, 0 };
	ZSTD_outBuffer to = { out, size, 0 };
	size_t left = ZSTD_compressStream2(d->zstd, &to, &from, end ? ZSTD_e_end : ZSTD_e_continue);
	*in += from.pos;
	*len -= from.pos;
	*produced = to.pos;
	if (ZSTD_isError(left))
		return error_say(err, EIO, "zstd could not compress: %s", ZSTD_getErrorName(left));
	return end ? left == 0 : *len == 0 && to.pos < size;
}
#endif

/* ---- all ---- */

int deflater_new(enum compression compression, int level, struct deflater **ret, struct error *err)
{
	struct deflater *d = xcalloc(1, sizeof *d);
	int r;
#ifdef HAVE_ZSTD
	if (compression == COMPRESSION_ZSTD)
		r = zstd_open(d, level, err);
	else
#else
	if (compression == COMPRESSION_ZSTD)
		r = error_say(err, EOPNOTSUPP, "this carrier was built without zstd; build with -Dzstd=enabled, or use gzip");
	else
#endif
#ifdef HAVE_ISAL
	if (level == 0)
		r = isal_open(d);
	else
#endif
		r = zlib_open(d, level, err);
	if (r < 0) {
		deflater_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

int deflater_run(struct deflater *d, const uint8_t **in, size_t *len, bool end, uint8_t *out, size_t out_size, size_t *produced,
		 struct error *err)
{
#ifdef HAVE_ZSTD
	if (d->how == BY_ZSTD)
		return zstd_run(d, in, len, end, out, out_size, produced, err);
#endif
#ifdef HAVE_ISAL
	if (d->how == BY_ISAL)
		return isal_run(d, in, len, end, out, out_size, produced, err);
#endif
	return zlib_run(d, in, len, end, out, out_size, produced, err);
}

void deflater_free(struct deflater *d)
{
	if (!d)
		return;
	if (d->how == BY_ZLIB)
		(void) deflateEnd(&d->zlib);
#ifdef HAVE_ISAL
	free(d->isal_level);
#endif
#ifdef HAVE_ZSTD
	(void) ZSTD_freeCStream(d->zstd);
#endif
	free(d);
}
