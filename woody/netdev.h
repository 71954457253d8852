/* netdev.h - linux.netDevices: devices of the caller's network namespace that become the container's
 * (runtime-spec config-linux.md "Network Devices").
 *
 * The parent moves them when the container's network namespace exists, because only it is privileged over both:
 * init asks for it before the hooks run. The kernel keeps a device's MTU, hardware address and alias but takes
 * its addresses away: the permanent ones of global scope are given back in the container, and the device is set
 * up. A device that was moved stays where it is when the container ends: its namespace decides what becomes of
 * it. Only a create that fails brings it back, with its old name, all addresses, and up when it was up; routes
 * through it are lost.
 */
#pragma once
#include "error.h"
#include "namespaces.h"
#include "runtime_spec.h"
#include <stddef.h>

/* struct netdevs - what was moved, for the way back */
struct netdevs {
	int host_fd, ns_fd;	/* network namespaces: the caller's, the container's (kept alive by it) */
	struct netdev *list;
	size_t n;
};
#define NETDEVS_INIT { .host_fd = -1, .ns_fd = -1 }

/* netdev_check - before anything is made: names, a network namespace to move to, the privilege. No system call
 * when there are no linux.netDevices. */
int netdev_check(const struct runtime_spec *spec, const struct namespaces *n, struct error *err);
/* netdev_move - move all of them; sources and targets are looked at before the first one moves
 * @proc_fd: directory of a procfs that shows @pid, a process in the container's network namespace
 * A failure leaves in @ret what netdev_restore() needs. The process must have one thread. */
int netdev_move(const struct runtime_spec *spec, int proc_fd, pid_t pid, struct netdevs *ret, struct error *err);
/* netdev_restore - the mirror of netdev_move(), as far as that came; what cannot be brought back only warns */
void netdev_restore(struct netdevs *d);
void netdev_done(struct netdevs *d);

/* netdev_check_name - may a device be called so? @template: "%d" at the end is allowed, for the kernel to number it.
 * -EINVAL with the reason: empty, ".", "..", longer than 15 bytes, a slash, colon, blank, control character or
 * percent sign in it. */
int netdev_check_name(const char *name, bool template, struct error *err);
