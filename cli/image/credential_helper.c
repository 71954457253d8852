#include "credential_helper.h"
#include "cleanup.h"
#include "fs.h"
#include "json.h"
#include "proc.h"
#include <fcntl.h>
#include <poll.h>
#include <string.h>

enum { OUTPUT_MAX = 1 << 16 };

struct secret { char *server, *username, *secret; };
#define T struct secret
static const struct json_type secret_type = JSON_TYPE(T, JSON_FIELD(T, server, "ServerURL"), JSON_REQUIRED(T, username, "Username"),
	JSON_REQUIRED(T, secret, "Secret"));
#undef T

static char *find_program(const char *name, struct error *err)
{
	if (!*name || *name == '.' || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != strlen(name)) {
		error_say(err, EINVAL, "credential helper '%.60s': a name of letters, digits, '.', '_' and '-' is expected", name);
		return NULL;
	}
	cleanup_free char *program = xasprintf("docker-credential-%s", name);
	char *path = proc_find(program, NULL);
	if (!path)
		error_say(err, ENOENT, "credential helper '%s' is not in PATH; install it, or take it out of credHelpers and credsStore", program);
	return path;
}

/* converse - feed @input, gather the output, both at once. -ETIMEDOUT */
static int converse(int in_fd, int out_fd, const char *input, struct buf *output)
{
	size_t len = strlen(input);
	int64_t end_ms = now_ms() + HELPER_TIMEOUT_S * 1000;
	for (char chunk[4096];;) {
		struct pollfd p[] = { { .fd = out_fd, .events = POLLIN }, { .fd = in_fd, .events = POLLOUT } };
		int64_t left_ms = end_ms - now_ms();
		if (left_ms <= 0)
			return -ETIMEDOUT;
		if (poll(p, 2, (int) left_ms) < 0 && errno != EINTR)
			return -errno;
		if (p[1].revents) {
			ssize_t n = write(in_fd, input, len);
			input += n > 0 ? n : 0;
			len -= n > 0 ? (size_t) n : 0;
			if (len == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))	/* it may end without reading */
				close_fd(&in_fd);
		}
		if (!p[0].revents)
			continue;
		ssize_t n = read(out_fd, chunk, sizeof chunk);
		if (n == 0)
			break;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n > 0 && output->len + (size_t) n > OUTPUT_MAX)
			return -EFBIG;
		if (n > 0)
			buf_add(output, chunk, (size_t) n);
	}
	close_fd(&in_fd);
	return 0;
}

/* call - `docker-credential-NAME VERB`. Return: its exit code, or a negative errno */
static int call(const char *name, const char *verb, const char *input, struct buf *output, struct error *err)
{
	cleanup_free char *path = find_program(name, err);
	int to[2], from[2];
	if (!path)
		return -ENOENT;
	if (pipe2(to, O_CLOEXEC) < 0)
		return error_set(err, errno, "create a pipe");
	cleanup_close int their_in = to[0], our_out = to[1];
	if (pipe2(from, O_CLOEXEC) < 0)
		return error_set(err, errno, "create a pipe");
	cleanup_close int our_in = from[0], their_out = from[1];
	(void) fcntl(our_out, F_SETFL, O_NONBLOCK);
	const struct proc_fd fds[] = { { their_in, 0 }, { their_out, 1 } };
	char *argv[] = { strrchr(path, '/') + 1, (char *) (uintptr_t) verb, NULL };
	const struct proc_spawn spawn = { .path = path, .argv = argv, .fds = fds, .n_fds = 2 };
	cleanup_close int pidfd = -1;
	pid_t pid = proc_spawn(&spawn, &pidfd, err);
	if (pid < 0)
		return pid;
	close_fd(&their_in);
	close_fd(&their_out);
	int r = converse(take_fd(our_out), our_in, input, output);
	int code = r == 0 ? proc_wait_timeout(pid, pidfd, HELPER_TIMEOUT_S * 1000) : r;
	if (code < 0) {
		(void) proc_signal(pidfd, SIGKILL);
		(void) proc_wait(pid);
	}
	if (code == -ETIMEDOUT)
		return error_say(err, ETIMEDOUT, "credential helper '%s %s' took longer than %d seconds and was ended", argv[0], verb,
				 HELPER_TIMEOUT_S);
	return code < 0 ? error_set(err, -code, "talk to credential helper '%s'", argv[0]) : code;
}

/* failed - what it says about why is on its stdout; for `get` that may be a secret only when it succeeded */
static int failed(const char *name, const char *verb, int code, const struct buf *output, struct error *err)
{
	cleanup_free char *said = xstrndup(buf_str(output), strcspn(buf_str(output), "\n"));
	for (char *c = said; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return error_say(err, EACCES, "credential helper 'docker-credential-%s %s' failed with exit code %d%s%.200s", name, verb, code,
			 *said ? ": " : "", said);
}

static bool says_not_found(const struct buf *output)
{
	return strstr(buf_str(output), "not found") != NULL;	/* "credentials not found in native keychain", in all of them */
}

int helper_get(const char *name, const char *server, struct pool *pool, struct credential *ret, struct error *err)
{
	struct buf output cleanup_buf = { 0 };
	struct secret *s;
	int r = call(name, "get", server, &output, err);
	if (r > 0)
		return says_not_found(&output) ? 0 : failed(name, "get", r, &output, err);
	if (r < 0)
		return r;
	if (json_decode(&secret_type, buf_str(&output), output.len, pool, &s, NULL) < 0)
		return error_say(err, EPROTO, "credential helper 'docker-credential-%s get' printed no JSON with Username and Secret", name);
	bool token = strcmp(s->username, "<token>") == 0;
	*ret = (struct credential) { s->username, token ? pool_strdup(pool, "") : s->secret, token ? s->secret : NULL };
	return 1;
}

int helper_store(const char *name, const char *server, const struct credential *c, struct error *err)
{
	struct buf output cleanup_buf = { 0 };
	const struct secret s = { (char *) (uintptr_t) server, c->username, c->identity_token ? c->identity_token : c->password };
	cleanup_free char *text = json_encode(&secret_type, &s, JSON_COMPACT, NULL);
	int r = call(name, "store", text, &output, err);
	return r > 0 ? failed(name, "store", r, &output, err) : r;
}

int helper_erase(const char *name, const char *server, struct error *err)
{
	struct buf output cleanup_buf = { 0 };
	int r = call(name, "erase", server, &output, err);
	return r > 0 && !says_not_found(&output) ? failed(name, "erase", r, &output, err) : r < 0 ? r : 0;
}

struct servers { char **names; };
static const struct json_type servers_type = JSON_TYPE(struct servers, JSON_KEYS(struct servers, names, "list"));

int helper_list(const char *name, struct strings *ret, struct error *err)
{
	struct buf output cleanup_buf = { 0 };
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct servers *found;
	int r = call(name, "list", "", &output, err);
	if (r != 0)
		return r > 0 ? failed(name, "list", r, &output, err) : r;
	cleanup_free char *whole = xasprintf("{\"list\":%s}", output.len ? output.data : "{}");
	if (json_decode(&servers_type, whole, strlen(whole), &pool, &found, NULL) < 0)
		return error_say(err, EPROTO, "credential helper 'docker-credential-%s list' printed no JSON object", name);
	for (char **s = found->names; s && *s; s++)
		strings_add(ret, *s);
	return 0;
}
