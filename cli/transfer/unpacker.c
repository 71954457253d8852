#include "unpacker.h"
#include "../carrier.h"
#include "cleanup.h"
#include "proc.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

static const char *const compressions[] = { "auto", "plain", "gzip", "zstd" };

static void add_map(struct strings *argv, const char *option, const struct idmap *m)
{
	for (size_t i = 0; m && i < m->n; i++)
		strings_printf(argv, "--%s=%u:%u:%u", option, m->ranges[i].container_id, m->ranges[i].host_id, m->ranges[i].size);
}

static void make_argv(const struct unpack_job *j, struct strings *argv)
{
	strings_add(argv, "carrier-unpack");
	if (j->blob_dir_fd >= 0) {
		strings_add(argv, "--blob");
		strings_add(argv, j->blob_name);
	}
	if (j->digest) {
		strings_add(argv, "--digest");
		strings_add(argv, j->digest);
	}
	if (j->size > 0)
		strings_printf(argv, "--size=%lld", (long long) j->size);
	if (j->may_resume)
		strings_printf(argv, "--resume=%lld", (long long) j->kept);
	if (j->diff_id) {
		strings_add(argv, "--diff-id");
		strings_add(argv, j->diff_id);
	}
	if (j->layer_dir_fd >= 0 || j->inflate || j->verify)
		strings_printf(argv, "--media-compression=%s", compressions[j->compression]);
	if (j->ours)
		strings_add(argv, "--ours");
	add_map(argv, "uid-map", j->uids);
	add_map(argv, "gid-map", j->gids);
	strings_add(argv, j->extract ? "extract" : j->layer_dir_fd >= 0 ? "layer" : j->inflate ? "inflate" : j->verify ? "verify" : "document");
}

/* start - @program, with these fds and one that it reports to */
static int start(const char *program, char **argv, struct proc_fd *fds, size_t n, struct unpacker *ret, struct error *err)
{
	cleanup_free char *path = carrier_helper(program, err);
	int ends[2];
	if (!path)
		return -ENOENT;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "create a pipe");
	cleanup_close int ours = ends[0], theirs = ends[1];
	fds[n++] = (struct proc_fd) { theirs, UNPACK_REPORT_FD };
	const struct proc_spawn spawn = { .path = path, .argv = argv, .fds = fds, .n_fds = n, .death_signal = SIGKILL };
	pid_t pid = proc_spawn(&spawn, NULL, err);
	if (pid < 0)
		return pid;
	*ret = (struct unpacker) { .program = program, .pid = pid, .report_fd = take_fd(ours) };
	return 0;
}

int unpacker_start(const struct unpack_job *job, struct unpacker *ret, struct error *err)
{
	struct proc_fd fds[4] = { { job->input_fd, 0 } };
	struct strings argv cleanup_strings = { 0 };
	size_t n = 1;
	if (job->blob_dir_fd >= 0)
		fds[n++] = (struct proc_fd) { job->blob_dir_fd, UNPACK_BLOB_DIR_FD };
	if (job->layer_dir_fd >= 0)
		fds[n++] = (struct proc_fd) { job->layer_dir_fd, UNPACK_LAYER_DIR_FD };
	make_argv(job, &argv);
	return start("carrier-unpack", argv.v, fds, n, ret, err);
}

static int early_end(struct unpacker *u, struct error *err)
{
	int code = proc_wait(u->pid);
	u->pid = -1;
	return error_say(err, EPIPE, "%s ended early, with status %d", u->program, code);
}

int unpacker_read(struct unpacker *u, struct pool *pool, struct unpack_report **ret, struct error *err)
{
	char buffer[4096];
	ssize_t n = read(u->report_fd, buffer, sizeof buffer);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		return early_end(u, err);
	buf_add(&u->partial, buffer, (size_t) n);

	int found = 0;
	char *line = u->partial.data, *end;
	for (; (end = strchr(line, '\n')); line = end + 1) {
		int r = json_decode(&unpack_report_type, line, (size_t) (end - line), pool, ret, err);
		if (r < 0)
			return error_wrap(err, "a report of %s", u->program);
		if (strcmp((*ret)->kind, "error") == 0)
			return error_say(err, (*ret)->code > 0 ? (int) (*ret)->code : EINVAL, "%s", (*ret)->message);
		found = 1;
	}
	size_t rest = strlen(line);
	memmove(u->partial.data, line, rest + 1);
	u->partial.len = rest;
	return found;
}

void unpacker_stop(struct unpacker *u)
{
	close_fd(&u->report_fd);
	buf_done(&u->partial);
	if (u->pid > 0) {
		(void) kill(u->pid, SIGKILL);
		(void) proc_wait(u->pid);
	}
	u->pid = -1;
}

static int until_done(struct unpacker *u, struct pool *pool, struct unpack_report **ret, struct error *err)
{
	int r = 0;
	while (r >= 0) {
		r = unpacker_read(u, pool, ret, err);
		if (r == 1 && strcmp((*ret)->kind, "done") == 0)
			return 0;
	}
	return r;
}

int unpack_all(const struct unpack_job *job, struct pool *pool, struct unpack_report **ret, struct error *err)
{
	struct unpacker u cleanup_unpacker = UNPACKER_INIT;
	int r = unpacker_start(job, &u, err);
	return r < 0 ? r : until_done(&u, pool, ret, err);
}

int unpack_document(const struct unpack_job *job, char ret_digest[80], struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct unpack_report *report;
	int r = unpack_all(job, &pool, &report, err);
	if (r == 0)
		snprintf(ret_digest, 80, "%s", report->digest);
	return r;
}

static int pack_start(const struct pack_job *job, struct unpacker *ret, struct error *err)
{
	struct proc_fd fds[3] = { { job->output_fd, UNPACK_BLOB_DIR_FD }, { job->tree_fd, UNPACK_LAYER_DIR_FD } };
	struct strings argv cleanup_strings = { 0 };
	strings_add(&argv, "carrier-pack");
	strings_printf(&argv, "--compression=%s", compressions[job->compression]);
	if (job->level > 0)
		strings_printf(&argv, "--level=%lld", (long long) job->level);
	add_map(&argv, "uid-map", job->uids);
	add_map(&argv, "gid-map", job->gids);
	if (job->entry) {
		strings_printf(&argv, "--entry=%s", job->entry);
		strings_printf(&argv, "--as=%s", job->as);
	}
	if (job->mounts)
		strings_add(&argv, "--mounts");
	strings_add(&argv, job->kind);
	return start("carrier-pack", argv.v, fds, 2, ret, err);
}

int pack_all(const struct pack_job *job, struct pool *pool, struct unpack_report **ret, struct error *err)
{
	struct unpacker u cleanup_unpacker = UNPACKER_INIT;
	int r = pack_start(job, &u, err);
	return r < 0 ? r : until_done(&u, pool, ret, err);
}

/* both_done - read the reports of both as they come: neither may wait for us with a full pipe */
static int both_done(struct unpacker *both[2], struct pool *pool, struct unpack_report *reports[2], struct error *err)
{
	bool done[2] = { false, false };
	while (!done[0] || !done[1]) {
		struct pollfd p[2] = { { .fd = done[0] ? -1 : both[0]->report_fd, .events = POLLIN },
				       { .fd = done[1] ? -1 : both[1]->report_fd, .events = POLLIN } };
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return error_set(err, errno, "wait for carrier-pack and carrier-unpack");
		for (int i = 0; i < 2; i++) {
			int r = p[i].revents ? unpacker_read(both[i], pool, &reports[i], err) : 0;
			if (r < 0)
				return r;
			done[i] = done[i] || (r == 1 && strcmp(reports[i]->kind, "done") == 0);
		}
	}
	return 0;
}

int pack_and_extract(struct pack_job *pack, struct unpack_job *extract, char **ret_left_out, int64_t *ret_bytes, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct unpacker packer cleanup_unpacker = UNPACKER_INIT, unpacker cleanup_unpacker = UNPACKER_INIT;
	struct unpack_report *reports[2] = { NULL, NULL };
	struct error why = { 0 };
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "create a pipe");
	cleanup_close int from = ends[0], to = ends[1];
	extract->input_fd = from;
	pack->output_fd = to;
	int r = unpacker_start(extract, &unpacker, err);
	if (r == 0)
		r = pack_start(pack, &packer, err);
	close_fd(&from);
	close_fd(&to);
	if (r < 0)
		return r;
	/* of a broken pipe or a cut archive the other one's reason is what people want to know */
	r = both_done((struct unpacker *[]) { &unpacker, &packer }, &pool, reports, &why);
	if (r == -EPIPE || r == -EBADMSG || r == -ENODATA) {
		struct error other = { 0 };
		struct unpacker *rest = r == -EPIPE ? &unpacker : &packer;
		if (rest->pid > 0 && until_done(rest, &pool, &reports[0], &other) < 0 && other.code != EPIPE)
			why = other;
	}
	if (r < 0)
		return error_say(err, why.code, "%s", why.text);
	const char *left[2] = { reports[1]->message, reports[0]->message };
	*ret_left_out = !left[0] && !left[1] ? NULL :
			xasprintf("%s%s%s", left[0] ? left[0] : "", left[0] && left[1] ? "; " : "", left[1] ? left[1] : "");
	*ret_bytes = reports[1]->unpacked;
	return 0;
}
