#include "netns.h"
#include "../container/apart.h"
#include "cleanup.h"
#include "fs.h"
#include "link.h"
#include "mem.h"
#include <fcntl.h>
#include <sched.h>

/* set_default - of the links to come; without IPv6 there is no such file */
static void set_default(const char *name, const char *value)
{
	cleanup_free char *path = xasprintf("/proc/sys/net/ipv6/conf/default/%s", name);
	(void) fs_write_file(AT_FDCWD, path, value, NULL);
}

static int make(void *ctx, struct error *err)
{
	cleanup_netlink struct netlink nl = NETLINK_INIT;
	const bool *learns = ctx;
	if (unshare(CLONE_NEWNET) < 0)
		return error_set(err, errno, "make a network namespace");
	int r = netlink_open(NETLINK_ROUTE, -1, &nl, err);
	int lo = r < 0 ? r : link_find(&nl, "lo", err);
	r = lo < 0 ? lo : link_up(&nl, lo, err);
	set_default("accept_dad", "0");
	if (!*learns)
		set_default("accept_ra", "0");
	int fd = r < 0 ? r : open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return r == 0 && fd < 0 ? error_set(err, errno, "open '/proc/self/ns/net'") : fd;
}

int netns_of(pid_t pid, struct error *err)
{
	cleanup_free char *path = xasprintf("/proc/%d/ns/net", (int) pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_set(err, errno, "open '%s'", path) : fd;
}

int netns_make(bool learns, struct error *err) { return apart_fd(make, &learns, err); }
