/* seccomp.h - linux.seccomp to a filter in the kernel.
 *
 * Theory of operation. Compiling docker's default profile through libseccomp costs 10 ms of CPU and more; the
 * result depends on the profile, the architecture and the library's version only. It is kept in a cache of
 * the caller's own (DIR/.seccomp, 0700; the dot keeps the name apart from container ids). A file there is
 * named by a hash of the key and begins with the whole key, which is compared, so that neither a collision
 * nor another user's file can pass for it. A hit asks libseccomp for its version and nothing else.
 *
 * The parent compiles (seccomp_prepare), the child loads with one seccomp(2) call (seccomp_filter_load).
 *
 * System calls newer than the newest one that the profile names get ENOSYS in place of a default action that
 * refuses (errno, trap, kill), as with runc: C libraries try new calls first and fall back on ENOSYS only,
 * and the profile's author could not know them. With trace, log and allow as the default nothing is put
 * before it.
 *
 * seccomp(2), runtime-spec config-linux.md "Seccomp".
 */
#pragma once
#include "error.h"
#include "runtime_spec.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>

struct seccomp_filter {
	struct sock_filter *code; /* owned; NULL: no filter */
	unsigned short n;
	unsigned flags; /* SECCOMP_FILTER_FLAG_* */
	bool notify;	/* wants a listener */
	struct sock_filter *plain; /* owned; seccomp_filter_explain(): as it was before, n of them */
};

/* seccomp_prepare - decode, look into the cache, else compile and store
 * @cache_dir: an existing directory of woody's own; NULL or unusable: no cache
 * @ret: untouched on failure; else seccomp_filter_done() frees
 * Errors name the member: an unknown action, architecture, operator or flag, an errno for an action that has
 * none, SCMP_ACT_NOTIFY as the default or for write. System calls that libseccomp does not know are skipped, as runc does, and so are
 * rules that say what the default says. Several conditions on one argument are alternatives, on different
 * ones all must hold (runc).
 *
 * Absent flags mean SPEC_ALLOW, an empty list none. TSYNC is taken but has no effect, there is one thread;
 * likewise WAIT_KILLABLE_RECV without a listener. With one,
 * SECCOMP_FILTER_FLAG_NEW_LISTENER is among @ret's.
 */
int seccomp_prepare(const struct spec_seccomp *spec, const char *cache_dir, struct seccomp_filter *ret,
		    struct error *err);

/* seccomp_filter_load - into the calling thread. Needs no_new_privs or CAP_SYS_ADMIN.
 * Return: 0, or the listener's fd when @filter->notify, or a negative errno.
 * Not `seccomp_load`: libseccomp has a function of that name, and a static woody would have two. */
int seccomp_filter_load(const struct seccomp_filter *filter, struct error *err);
void seccomp_filter_done(struct seccomp_filter *f);

/* seccomp_filter_without_listener - a copy in which what is to be notified gets ENOSYS, as it does when nobody listens; what
 * seccomp_filter_explain() changed is as before. seccomp_filter_done() frees it. */
void seccomp_filter_without_listener(const struct seccomp_filter *f, struct seccomp_filter *ret);
/* seccomp_filter_explain - calls that would be answered with an errno are notified instead: who has the listener asks
 * seccomp_evaluate(->plain) what the answer is. -EINVAL when the filter has a listener of its own already. */
int seccomp_filter_explain(struct seccomp_filter *f, struct error *err);
/* seccomp_evaluate - what @code returns for a call: SECCOMP_RET_* as the kernel would have it */
uint32_t seccomp_evaluate(const struct sock_filter *code, size_t n, const struct seccomp_data *data);

/* lists for `features`, NULL-terminated: what is recognised in a profile; of the architectures, those that this libseccomp has */
const char *const *seccomp_action_names(void);
const char *const *seccomp_operator_names(void);
const char *const *seccomp_arch_names(void);
const char *const *seccomp_flag_names(void);
