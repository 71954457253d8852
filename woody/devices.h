/* devices.h - /dev of the container: nodes and links.
 *
 * Nodes are made relative to an fd of their directory, which was opened beneath the rootfs; in a user
 * namespace, where mknod(2) is refused, the host's nodes are bound in (nosuid, noexec) after each was
 * verified to be that device. Default nodes: null zero full random urandom tty; links fd stdin stdout stderr
 * core ptmx. A container without a mount namespace, or whose /dev is a bind mount, is left as it is.
 */
#pragma once
#include "rootfs.h"

/* rootfs_devices - after rootfs_mounts(); linux.devices win over default nodes of the same path */
int rootfs_devices(struct rootfs *r, struct error *err);
/* devices_bind_console - the pty @slave_fd becomes /dev/console, on a target that is verified. Before
 * rootfs_pivot(), or after. */
int devices_bind_console(struct rootfs *r, int slave_fd, struct error *err);
