#include "origin.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include <string.h>
#include <sys/stat.h>

enum { REPOSITORY_MAX = 4096 };

static void origin_path(const char *digest, char out[96])
{
	snprintf(out, 96, "origins/%.64s", digest_hex(digest));
}

void origin_set(const struct store *s, const char *manifest_digest, const char *repository)
{
	char path[96];
	struct error why = { 0 };
	origin_path(manifest_digest, path);
	(void) mkdirat(s->fd, "origins", 0700);
	if (fs_replace_file(s->fd, path, repository, strlen(repository), 0600, false, &why) < 0)
		log_warn("it is not noted from where the image came: %s", why.text);
}

char *origin_get(const struct store *s, const char *manifest_digest)
{
	char path[96];
	cleanup_free char *text = NULL;
	origin_path(manifest_digest, path);
	if (fs_read_file(s->fd, path, REPOSITORY_MAX, &text, NULL, NULL) < 0 || str_empty(text))
		return NULL;
	return take_ptr(text);
}
