/* labels.h - mandatory access control: the AppArmor profile and the SELinux label that the program gets by execve(2).
 *
 * Where the kernel has no such module, or it is off, what config.json names is ignored with a warning, as engines that
 * write the same config.json everywhere expect.
 *
 * Both are announced to the kernel in /proc/self/attr, opened through a procfs that the caller holds and verified to be
 * one, because a container's /proc may be anything (CVE-2019-16884). They take effect at the next execve(2): of the program,
 * or of a startContainer hook, which is the container's, too. To be written before no_new_privs and the seccomp filter
 * are set: with no_new_privs a change is allowed if it only takes rights away, as from "unconfined".
 * apparmor(7), selinux(8), proc_pid_attr(5); runtime-spec config.md "process".
 */
#pragma once
#include "error.h"
#include "runtime_spec.h"

struct labels { const char *apparmor, *selinux; };	/* borrowed; NULL: none asked for, or not there */

/* labels_choose - what of it can be had here; warns of what cannot. @p may be NULL. */
void labels_choose(const struct spec_process *p, struct labels *ret);
/* labels_mount - linux.mountLabel for the `context` option of mounts, or NULL; likewise */
const char *labels_mount(const struct spec_linux *l);

/* labels_apply - for the next execve(2). @proc_fd: O_PATH directory of a procfs that shows us */
int labels_apply(const struct labels *l, int proc_fd, struct error *err);
/* labels_keyring - the keyrings that we make get the SELinux label (@on), or no longer */
int labels_keyring(const struct labels *l, int proc_fd, bool on, struct error *err);
