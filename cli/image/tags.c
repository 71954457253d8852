#include "tags.h"
#include "cleanup.h"
#include "document_fetch.h"
#include <string.h>

enum { PAGES_MAX = 1000, PAGE_TAGS = 1000 };

#define T struct tag_page
struct tag_page { char *name, **tags; };
static const struct json_type tag_page_type = JSON_TYPE(T, JSON_FIELD(T, name, "name"), JSON_FIELD(T, tags, "tags"));
#undef T

char *tags_next_page(const char *link, const char *path)
{
	const char *start = link ? strchr(link, '<') : NULL, *end = start ? strchr(start, '>') : NULL;
	if (!end || (!strstr(end, "rel=\"next\"") && !strstr(end, "rel=next")))
		return NULL;
	cleanup_free char *url = xstrndup(start + 1, (size_t) (end - start - 1));
	/* whatever host it names: we ask the registry itself, and nothing but the next page */
	const char *at = strstr(url, "://") ? strchr(strstr(url, "://") + 3, '/') : url;
	const char *rest = at ? str_after(at, path) : NULL;
	return rest && *rest == '?' ? xstrdup(at) : NULL;
}

static int get_page(const struct layers_source *source, const char *path, struct strings *ret, char **link, struct pool *pool,
		    struct error *err)
{
	struct tag_page *page;
	cleanup_free char *text = NULL;
	size_t len;
	int r = document_read(source, "tags/list", path, pool, &text, &len, link, err);
	if (r == 0)
		r = json_decode(&tag_page_type, text, len, pool, &page, err);
	for (char **tag = r == 0 ? page->tags : NULL; tag && *tag; tag++)
		strings_add(ret, *tag);
	return r;
}

static int get_pages(const struct layers_source *source, struct strings *ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	cleanup_free char *list = xasprintf("/v2/%s/tags/list", source->ref->path);
	cleanup_free char *path = xasprintf("%s?n=%d", list, PAGE_TAGS);
	int r = 0;
	for (int pages = 0; r == 0 && path; pages++) {
		char *link = NULL;
		if (pages == PAGES_MAX)
			return error_say(err, EFBIG, "the registry has no end of them");
		r = get_page(source, path, ret, &link, &pool, err);
		free(path);
		path = r < 0 ? NULL : tags_next_page(link, list);
	}
	return r;
}

int tags_list(struct session *session, const struct reference *ref, struct strings *ret, struct error *err)
{
	int r = session_start(session, err);
	const struct layers_source source = { .session = session, .fetcher = session_fetcher(session), .ref = ref, .signal_fd = -1 };
	if (r == 0)
		r = get_pages(&source, ret, err);
	session_stop(session);
	return r < 0 ? error_wrap(err, "tags of %s/%s", ref->registry, ref->path) : 0;
}
