#include "document_fetch.h"
#include "cleanup.h"
#include "fs.h"
#include "make.h"

static int fetch_to_memory(const struct layers_source *source, struct fetch_request *q, struct pool *pool, struct fetch_report *response,
			   struct error *err)
{
	q->max = IMAGE_DOCUMENT_MAX;
	int fd = fetcher_document(source->fetcher, q, source->signal_fd, pool, response, err);
	return fd == -EINTR ? layers_interrupted(source->signal_fd, err) : fd;
}

int document_fetch(const struct store *s, const struct layers_source *source, const char *kind, const char *what, const char *digest,
		   int64_t size, char *const *accept, struct pool *pool, char ret_digest[80], char **ret_type, struct error *err)
{
	if (digest && store_has_blob(s, digest) && !ret_type) {
		snprintf(ret_digest, 80, "%s", digest);
		return 0;
	}
	struct fetch_report response = { 0 };
	struct fetch_request q = { .accept = (char **) (uintptr_t) accept, .size = size };
	int asked = session_request(source->session, source->ref, kind, what, &q, err);
	cleanup_close int body = asked < 0 ? asked : fetch_to_memory(source, &q, pool, &response, err);
	if (body < 0)
		return body;
	/* a directory of its own: the unpacker can write all that is in it, and tmp/ has what other pulls work on */
	struct place place cleanup_place = PLACE_INIT;
	int r = place_open(s, "document", &place, err);
	if (r == 0)
		r = make_bytes(&place, body, digest, size, ret_digest, err);
	if (ret_type)
		*ret_type = response.content_type;
	return r;
}

int document_read(const struct layers_source *source, const char *kind, const char *path, struct pool *pool, char **text, size_t *len,
		  char **ret_link, struct error *err)
{
	struct fetch_report response = { 0 };
	struct fetch_request q = { 0 };
	int r = session_request(source->session, source->ref, kind, NULL, &q, err);
	if (path)
		q.path = (char *) (uintptr_t) path;
	cleanup_close int body = r < 0 ? r : fetch_to_memory(source, &q, pool, &response, err);
	r = body < 0 ? body : fs_read_fd(body, q.path, IMAGE_DOCUMENT_MAX, text, len, err);
	if (r == 0)
		*ret_link = response.link;
	return r;
}
