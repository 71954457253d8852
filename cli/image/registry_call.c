#include "registry_call.h"
#include "cleanup.h"
#include "fs.h"
#include <string.h>
#include <sys/mman.h>

int registry_call(struct session *s, const struct fetch_request *q, char **ret, size_t *len, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	cleanup_close int fd = memfd_create("answer", MFD_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "make room for an answer");
	int r = fetcher_request(session_fetcher(s), q, fd, err);
	while (r >= 0) {
		struct fetch_report *report;
		r = fetcher_read(session_fetcher(s), &pool, &report, err);
		if (r < 0)
			break;
		if (strcmp(report->kind, "error") == 0)
			return error_say(err, report->code > 0 ? (int) report->code : EIO, "%s", report->message);
		if (strcmp(report->kind, "done") != 0)
			continue;
		if (lseek(fd, 0, SEEK_SET) < 0)
			return error_set(err, errno, "read an answer");
		return ret ? fs_read_fd(fd, "the registry's answer", (size_t) q->max, ret, len, err) : 0;
	}
	return r;
}
