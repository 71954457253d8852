#include "registry_call.h"
#include "cleanup.h"
#include "fs.h"

int registry_call(struct session *s, const struct fetch_request *q, char **ret, size_t *len, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct fetch_report response;
	cleanup_close int fd = fetcher_document(session_fetcher(s), q, -1, &pool, &response, err);
	if (fd < 0)
		return fd;
	return ret ? fs_read_fd(fd, "the registry's answer", (size_t) q->max, ret, len, err) : 0;
}
