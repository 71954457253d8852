/* sysctl.h - linux.sysctl: namespaced kernel parameters.
 *
 * A key is written as sysctl(8) takes it: the first separator decides. "net.ipv4.ip_forward" and
 * "net/ipv4/ip_forward" are the same; in dotted keys a slash stands for a dot inside a name
 * ("net.ipv4.conf.eth0/5.forwarding"), in slashed ones a dot is a dot. Empty components and `..` are refused.
 * sysctl(8), proc(5), namespaces(7); runtime-spec config-linux.md "Sysctl".
 */
#pragma once
#include "error.h"
#include "runtime_spec.h"

/* sysctl_check - before anything is created: each key must belong to a namespace that the container does not
 * share with us (kernel.shm*, msg*, sem and fs.mqueue.* to ipc, net.* to network, kernel.hostname and
 * domainname to uts, user.* to user), else "sysctl 'X' is not in a separate kernel namespace". A namespace
 * given by path counts unless it is our own. kernel.hostname or kernel.domainname against hostname or
 * domainname with another value is refused.
 * Return: 0, or a negative errno.
 */
int sysctl_check(const struct runtime_spec *spec, struct error *err);

/* sysctl_apply - write them, in the document's order
 * @proc_fd: an O_PATH directory of a procfs, of a process in the new namespaces (the calling one's count).
 *           Files are opened beneath it, and each is verified to be procfs before it is written.
 * Return: 0, or a negative errno with the key in @err.
 */
int sysctl_apply(const struct json_map *sysctl, int proc_fd, struct error *err);
