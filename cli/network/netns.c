#include "netns.h"
#include "../container/apart.h"
#include "cleanup.h"
#include "fs.h"
#include "link.h"
#include "mem.h"
#include <fcntl.h>
#include <sched.h>

static int make(void *ctx, struct error *err)
{
	cleanup_netlink struct netlink nl = NETLINK_INIT;
	(void) ctx;
	if (unshare(CLONE_NEWNET) < 0)
		return error_set(err, errno, "make a network namespace");
	int r = netlink_open(NETLINK_ROUTE, -1, &nl, err);
	int lo = r < 0 ? r : link_find(&nl, "lo", err);
	r = lo < 0 ? lo : link_up(&nl, lo, err);
	(void) fs_write_file(AT_FDCWD, "/proc/sys/net/ipv6/conf/default/accept_dad", "0", NULL);	/* no IPv6: no such file */
	int fd = r < 0 ? r : open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return r == 0 && fd < 0 ? error_set(err, errno, "open '/proc/self/ns/net'") : fd;
}

int netns_of(pid_t pid, struct error *err)
{
	cleanup_free char *path = xasprintf("/proc/%d/ns/net", (int) pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_set(err, errno, "open '%s'", path) : fd;
}

int netns_make(struct error *err) { return apart_fd(make, NULL, err); }
