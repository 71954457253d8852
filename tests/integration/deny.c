/* deny - a kernel that is older, or a filter around us: system calls that are not to be had, for tests.
 *
 *	deny CALL[,CALL...][=EPERM] PROGRAM [ARG...]
 *
 * executes PROGRAM with a seccomp filter by which these calls fail with ENOSYS (or EPERM). Without CAP_SYS_ADMIN
 * no_new_privs is set. Static, so that the program may be anywhere.
 *
 * fsconfig_string is fsconfig(2) with a string for a value only: overlay cannot be mounted without, procfs and tmpfs can.
 */
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STRINGS = -1, SET_STRING = 1 };	/* linux/mount.h: FSCONFIG_SET_STRING */
static const struct { const char *name; long number; } calls[] = {
	{ "clone3", SYS_clone3 },	{ "close_range", SYS_close_range },	{ "execveat", SYS_execveat },
	{ "fsconfig", SYS_fsconfig },	{ "fsmount", SYS_fsmount },		{ "fsopen", SYS_fsopen },
	{ "landlock_create_ruleset", 444 },
	{ "mount_setattr", SYS_mount_setattr }, { "move_mount", SYS_move_mount }, { "open_tree", SYS_open_tree },
	{ "mount", SYS_mount },	{ "seccomp", SYS_seccomp },		{ "setxattr", SYS_setxattr },
	{ "unshare", SYS_unshare },
	{ "fsconfig_string", STRINGS },	{ "openat2", SYS_openat2 },	{ "pidfd_open", SYS_pidfd_open },
};
enum { N_CALLS = sizeof calls / sizeof *calls };

static unsigned number_of(const char *name)
{
	for (size_t i = 0; i < N_CALLS; i++)
		if (strcmp(calls[i].name, name) == 0)
			return (unsigned) calls[i].number;
	errx(2, "deny: '%s' is not in my table", name);
}

int main(int argc, char **argv)
{
	struct sock_filter code[2 * N_CALLS + 7] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	unsigned short n = 1;
	if (argc < 3)
		errx(2, "usage: deny CALL[,CALL...][=EPERM] PROGRAM [ARG...]");
	char *as = strchr(argv[1], '=');
	unsigned code_of = as && strcmp(as, "=EPERM") == 0 ? EPERM : ENOSYS;
	if (as)
		*as = 0;
	for (char *name = strtok(argv[1], ","); name; name = strtok(NULL, ",")) {
		if (n > 2 * N_CALLS - 1)
			errx(2, "deny: too many calls");
		if (number_of(name) == (unsigned) STRINGS) {
			code[n++] = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsconfig, 0, 4);
			code[n++] = (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1]));
			code[n++] = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SET_STRING, 0, 1);
			code[n++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | code_of);
			code[n++] = (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
			continue;
		}
		code[n++] = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number_of(name), 0, 1);
		code[n++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | code_of);
	}
	code[n++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = n, .filter = code };
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 &&
	    (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0))
		err(2, "deny: load the filter");
	execvp(argv[2], argv + 2);
	err(127, "deny: %s", argv[2]);
}
