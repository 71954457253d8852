#include "explain.h"
#include "cleanup.h"
#include "mem.h"
#include "str.h"
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

/* Linux 6.6: the waiting program goes on on our CPU as soon as we answer */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
enum { SYNC_WAKE_UP = 1, DIFFERENT_MAX = 1000 };

int explain_check(bool explain, bool detach, struct error *err)
{
	if (explain && detach)
		return error_say(err, EINVAL, "--explain cannot be used with --detach: woody itself answers the denied calls, so it has "
				 "to stay until the program ends");
	return 0;
}

/* struct report - each different line is printed when it comes first, and counted */
struct report {
	const struct explain *e;
	bool raw;
	size_t n;
	struct line { char *text; unsigned long count; } lines[DIFFERENT_MAX];
	unsigned long others;	/* not looked at any more: the program is a fuzzer, or its paths are random */
};

static void print(const struct report *r, const char *text)
{
	fprintf(stderr, "woody: seccomp: %s%s", text, r->raw ? "\r\n" : "\n");
}

static void report_call(struct report *r, char *text)
{
	for (size_t i = 0; i < r->n; i++) {
		if (strcmp(r->lines[i].text, text) == 0) {
			r->lines[i].count++;
			free(text);
			return;
		}
	}
	if (r->n == DIFFERENT_MAX) {
		r->others++;
		free(text);
		return;
	}
	r->lines[r->n++] = (struct line) { text, 1 };
	print(r, text);
}

static void report_counts(const struct report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->lines[i].count == 1)
			continue;
		cleanup_free char *text = xasprintf("%lu times: %s", r->lines[i].count, r->lines[i].text);
		print(r, text);
	}
	if (r->others) {
		cleanup_free char *text = xasprintf("%lu further calls were denied, which are not listed", r->others);
		print(r, text);
	}
}

static char *sentence(const struct explain *e, const struct seccomp_notif *call, uint32_t value)
{
	int code = (int) (value & SECCOMP_RET_DATA);
	cleanup_free char *shown = explain_call(&call->data, (int) call->pid);
	cleanup_free char *rule = explain_rule(e->profile, &call->data, value);
	const char *name = strerrorname_np(code);
	if (code == 0)
		return xasprintf("%s = 0 without being done, by %s", shown, rule);
	return xasprintf("%s = %s (%s), by %s", shown, name ? name : "an error", strerror(code), rule);
}

/* answer - one call. Return: 0, or -errno when no further can come */
static int answer(struct report *r, int listener_fd, struct seccomp_notif *call, size_t size)
{
	memset(call, 0, size);
	if (ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_RECV, call) < 0)
		return errno == ENOENT || errno == EINTR ? 0 : -errno;	/* ENOENT: it was killed before we came */

	const struct seccomp_filter *f = r->e->filter;
	uint32_t value = seccomp_evaluate(f->plain, f->n, &call->data);
	/* before the answer: afterwards the memory is the program's again. If it dies now, its pid may be another's. */
	char *text = sentence(r->e, call, value);
	if (ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->id) < 0) {
		free(text);
		return 0;
	}
	/* said before it is answered: with a start that fails for it, we are ended, too */
	report_call(r, text);
	struct seccomp_notif_resp response = { .id = call->id, .error = -(int) (value & SECCOMP_RET_DATA) };
	(void) ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_SEND, &response);
	return 0;
}

/* answer_all - what is there, without waiting. Return: 0, or -errno when no further can come */
static int answer_all(struct report *r, int listener_fd, struct seccomp_notif *call, size_t size)
{
	struct pollfd p = { .fd = listener_fd, .events = POLLIN };
	int failed = 0;
	while (failed == 0 && poll(&p, 1, 0) > 0 && (p.revents & POLLIN))
		failed = answer(r, listener_fd, call, size);
	return failed;
}

int explain_serve(void *explain, int listener_fd, int pidfd)
{
	static struct report r;
	r.e = explain;
	r.raw = r.e->raw && isatty(STDERR_FILENO);
	struct seccomp_notif_sizes sizes;
	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
		return 1;
	size_t size = sizes.seccomp_notif > sizeof(struct seccomp_notif) ? sizes.seccomp_notif : sizeof(struct seccomp_notif);
	cleanup_free struct seccomp_notif *call = xcalloc(1, size);
	(void) ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP);

	int failed = 0;
	struct pollfd p[2] = { { .fd = pidfd, .events = POLLIN }, { .fd = listener_fd, .events = POLLIN } };
	while (failed == 0 && !p[0].revents) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents & POLLIN)
			failed = answer(&r, listener_fd, call, size);
		else if (p[1].revents)
			p[1].fd = -1;	/* nobody is under the filter any more */
	}
	if (failed == 0)
		failed = answer_all(&r, listener_fd, call, size);
	report_counts(&r);
	return failed < 0;
}
