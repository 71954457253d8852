#include "cleanup.h"
#include "forward_impl.h"
#include "proc.h"
#include <sys/epoll.h>

enum { EVENTS = 256, END_MS = 10000 };

int forward_watch(struct forward *f, struct watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };
	return epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, w->fd, &e) < 0 ? -errno : 0;
}

static int wait_ms(const struct forward *f)
{
	if (tcp_is_waiting(f))
		return 0;
	int64_t due = sooner_ms(sooner_ms(f->end_ms, f->retry_ms), udp_due(f)), now = due ? now_ms() : 0;
	return due == 0 ? -1 : due > now ? (int) (due - now) : 0;
}

/* begin_end - the ports are closed first, so that they can be had again at once */
static void begin_end(struct forward *f)
{
	f->ending = true;
	f->end_ms = now_ms() + END_MS;
	tcp_end(f);
	udp_end(f);
	close_fd(&f->open_fd);
}

static bool is_over(const struct forward *f, int64_t now)
{
	return f->ending && (f->connections == 0 || now >= f->end_ms);
}

static void pass_time(struct forward *f, int64_t now)
{
	if (f->retry_ms && now >= f->retry_ms) {
		f->retry_ms = 0;
		tcp_retry(f);
	}
	udp_work(f, now);
}

void forward_run(struct forward *f)
{
	struct epoll_event events[EVENTS];
	for (;;) {
		int n = epoll_wait(f->epoll_fd, events, EVENTS, wait_ms(f));
		bool ends = false;
		if (n < 0 && errno != EINTR)
			_exit(1);
		for (int i = 0; i < n; i++) {
			struct watch *w = events[i].data.ptr;
			f->told = f->told || (w == &f->signals && !f->ending);
			if (w == &f->container || w == &f->signals)
				ends = true;
			else
				w->on(f, w, events[i].events);
		}
		if (ends && !f->ending) {
			(void) epoll_ctl(f->epoll_fd, EPOLL_CTL_DEL, f->container.fd, NULL);
			(void) epoll_ctl(f->epoll_fd, EPOLL_CTL_DEL, f->signals.fd, NULL);
			begin_end(f);
		}
		tcp_work(f);
		int64_t now = f->ending || f->retry_ms || f->n_sessions ? now_ms() : 0;
		pass_time(f, now);
		if (is_over(f, now)) {
			tcp_break(f);
			_exit(f->told);
		}
	}
}
