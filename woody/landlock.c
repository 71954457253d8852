#include "landlock.h"
#include "annotations.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "mem.h"
#include "str.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* the kernel's numbers, most of them newer than the headers that we may be built with */
enum { LANDLOCK_CREATE = 444, LANDLOCK_ADD = 445, LANDLOCK_RESTRICT = 446 };	/* the same on every architecture */
enum { RULE_PATH = 1, RULE_PORT = 2, CREATE_VERSION = 1 };
enum { ABI_REFER = 2, ABI_TRUNCATE = 3, ABI_NET = 4, ABI_IOCTL = 5, ABI_SCOPE = 6 };

#define FS_EXECUTE (1ULL << 0)
#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR (1ULL << 3)
#define FS_TREE (0x1ffULL << 4)		/* remove and make entries: REMOVE_DIR to MAKE_SYM */
#define FS_REFER (1ULL << 13)
#define FS_TRUNCATE (1ULL << 14)
#define FS_IOCTL_DEV (1ULL << 15)
#define FS_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)	/* what a rule for a file may have */
#define FS_READ (FS_READ_FILE | FS_READ_DIR)
#define FS_ALL (FS_READ | FS_EXECUTE | FS_WRITE_FILE | FS_TREE)	/* of the first ABI */
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)

struct ruleset_attr { uint64_t fs, net, scoped; };
struct path_attr { uint64_t access; int32_t parent_fd; } __attribute__((packed));
struct port_attr { uint64_t access, port; };

/* ---- the words ---- */

static int bad(struct error *err, const char *word, const char *why)
{
	return error_say(err, EINVAL, "annotation " ANNOTATION_LANDLOCK ": '%s': %s", word, why);
}

static int add_path(struct landlock_rules *r, const char *word, const char *path, uint64_t access, struct error *err)
{
	if (path[0] != '/')
		return bad(err, word, "the path must be absolute");
	r->paths = xreallocarray(r->paths, r->n_paths + 1, sizeof *r->paths);
	r->paths[r->n_paths++] = (struct landlock_path) { .access = access, .path = xstrdup(path) };
	return 0;
}

static int add_ports(struct landlock_rules *r, const char *word, const char *list, uint64_t access, struct error *err)
{
	struct strings ports cleanup_strings = { 0 };
	r->net |= access;
	if (strcmp(list, "none") == 0)
		return 0;
	strings_split(&ports, list, ",");
	if (ports.n == 0)
		return bad(err, word, "at least one port is needed, or none");
	for (size_t i = 0; i < ports.n; i++) {
		uint64_t port;
		if (str_to_u64(ports.v[i], UINT16_MAX, &port) < 0)
			return bad(err, word, "a port is a number from 0 to 65535");
		r->ports = xreallocarray(r->ports, r->n_ports + 1, sizeof *r->ports);
		r->ports[r->n_ports++] = (struct landlock_port) { .access = access, .port = (uint16_t) port };
	}
	return 0;
}

static int add_scopes(struct landlock_rules *r, const char *word, const char *list, struct error *err)
{
	static const char *const names[] = { "abstract-unix", "signal" };	/* in the order of the kernel's bits */
	struct strings words cleanup_strings = { 0 };
	strings_split(&words, list, ",");
	if (words.n == 0)
		return bad(err, word, "abstract-unix, signal or both with a comma are needed");
	for (size_t i = 0; i < words.n; i++) {
		size_t n = 0;
		while (n < 2 && strcmp(names[n], words.v[i]) != 0)
			n++;
		if (n == 2)
			return bad(err, word, "a scope is abstract-unix or signal");
		r->scopes |= 1ULL << n;
	}
	return 0;
}

static int add_word(struct landlock_rules *r, const char *word, struct error *err)
{
	const char *rest;
	if ((rest = str_after(word, "ro:")))
		return add_path(r, word, rest, FS_READ, err);
	if ((rest = str_after(word, "exec:")))
		return add_path(r, word, rest, FS_READ | FS_EXECUTE, err);
	if ((rest = str_after(word, "rw:")))
		return add_path(r, word, rest, (FS_ALL & ~FS_EXECUTE) | FS_REFER | FS_TRUNCATE | FS_IOCTL_DEV, err);
	if ((rest = str_after(word, "tcp-connect:")))
		return add_ports(r, word, rest, NET_CONNECT_TCP, err);
	if ((rest = str_after(word, "tcp-bind:")))
		return add_ports(r, word, rest, NET_BIND_TCP, err);
	if ((rest = str_after(word, "scope:")))
		return add_scopes(r, word, rest, err);
	return bad(err, word, "a word begins with ro:, rw:, exec:, tcp-connect:, tcp-bind: or scope:");
}

void landlock_done(struct landlock_rules *r)
{
	for (size_t i = 0; i < r->n_paths; i++)
		free(r->paths[i].path);
	free(r->paths);
	free(r->ports);
	*r = (struct landlock_rules) { 0 };
}

int landlock_parse(const char *value, struct landlock_rules *ret, struct error *err)
{
	struct landlock_rules rules CLEANUP(landlock_done) = { 0 };
	struct strings words cleanup_strings = { 0 };
	if (!value)
		return 0;
	strings_split(&words, value, " \t\n");
	if (words.n == 0)	/* or it would look as if something was confined */
		return bad(err, value, "there is no word in it; leave the annotation out, or name what is allowed");
	for (size_t i = 0; i < words.n; i++) {
		int r = add_word(&rules, words.v[i], err);
		if (r < 0)
			return r;
	}
	*ret = rules;
	rules = (struct landlock_rules) { 0 };
	return 0;
}

/* ---- the kernel ---- */

static bool nothing(const struct landlock_rules *r)
{
	return !r->n_paths && !r->net && !r->scopes;
}

static int kernel_abi(void)
{
	int abi = (int) syscall(LANDLOCK_CREATE, NULL, 0, CREATE_VERSION);
	return abi < 0 ? -errno : abi;
}

int landlock_check(const struct landlock_rules *r, struct error *err)
{
	if (nothing(r))
		return 0;
	int abi = kernel_abi();
	if (abi == -ENOSYS || abi == -EOPNOTSUPP)
		return error_say(err, ENOTSUP, "annotation " ANNOTATION_LANDLOCK ": this kernel has no Landlock: it is too old (5.13 is needed), "
				 "built without it, or landlock is missing in its lsm= boot parameter");
	if (abi < 0)
		return error_set(err, -abi, "annotation " ANNOTATION_LANDLOCK ": ask for the version of Landlock");
	if (r->net && abi < ABI_NET)
		return error_say(err, ENOTSUP, "annotation " ANNOTATION_LANDLOCK ": tcp-connect and tcp-bind need Linux 6.7, Landlock ABI 4; "
				 "this kernel has ABI %d", abi);
	if (r->scopes && abi < ABI_SCOPE)
		return error_say(err, ENOTSUP, "annotation " ANNOTATION_LANDLOCK ": scope needs Linux 6.12, Landlock ABI 6; this kernel has ABI %d",
				 abi);
	if (r->n_paths && abi < ABI_IOCTL)
		log_warn("annotation " ANNOTATION_LANDLOCK ": this kernel (Landlock ABI %d) does not restrict %sioctl on devices", abi,
			 abi < ABI_TRUNCATE ? "truncate(2) and " : "");
	return 0;
}

static uint64_t fs_of_abi(int abi)
{
	return FS_ALL | (abi >= ABI_REFER ? FS_REFER : 0) | (abi >= ABI_TRUNCATE ? FS_TRUNCATE : 0) | (abi >= ABI_IOCTL ? FS_IOCTL_DEV : 0);
}

static int allow_path(int ruleset_fd, int root_fd, const struct landlock_path *p, uint64_t handled, struct error *err)
{
	struct stat st;
	cleanup_close int fd = fs_open_beneath(root_fd, p->path, O_PATH, 0, NULL);
	if (fd == -ENOENT || fd == -ENOTDIR)	/* engines would take the program for missing by strerror's words */
		return error_say(err, -fd, "annotation " ANNOTATION_LANDLOCK ": '%s' is not there in the container", p->path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, fd < 0 ? -fd : errno, "annotation " ANNOTATION_LANDLOCK ": open '%s'", p->path);
	struct path_attr rule = { .access = p->access & handled & (S_ISDIR(st.st_mode) ? ~0ULL : FS_FILES), .parent_fd = fd };
	if (syscall(LANDLOCK_ADD, ruleset_fd, RULE_PATH, &rule, 0) < 0)
		return error_set(err, errno, "annotation " ANNOTATION_LANDLOCK ": allow '%s'", p->path);
	return 0;
}

static int allow_port(int ruleset_fd, const struct landlock_port *p, struct error *err)
{
	struct port_attr rule = { .access = p->access, .port = p->port };
	if (syscall(LANDLOCK_ADD, ruleset_fd, RULE_PORT, &rule, 0) < 0)
		return error_set(err, errno, "annotation " ANNOTATION_LANDLOCK ": allow port %u", p->port);
	return 0;
}

int landlock_make(const struct landlock_rules *r, int *ret_fd, struct error *err)
{
	if (nothing(r))
		return 0;
	int abi = kernel_abi();
	struct ruleset_attr attr = { .fs = r->n_paths ? fs_of_abi(abi) : 0, .net = r->net, .scoped = r->scopes };
	size_t size = r->scopes ? sizeof attr : r->net ? offsetof(struct ruleset_attr, scoped) : sizeof attr.fs;
	cleanup_close int fd = (int) syscall(LANDLOCK_CREATE, &attr, size, 0);
	cleanup_close int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || root_fd < 0)
		return error_set(err, errno, "annotation " ANNOTATION_LANDLOCK ": make a ruleset");
	int result = 0;
	for (size_t i = 0; result == 0 && i < r->n_paths; i++)
		result = allow_path(fd, root_fd, &r->paths[i], attr.fs, err);
	for (size_t i = 0; result == 0 && i < r->n_ports; i++)
		result = allow_port(fd, &r->ports[i], err);
	if (result == 0)
		*ret_fd = take_fd(fd);
	return result;
}

int landlock_restrict(int ruleset_fd, struct error *err)
{
	if (syscall(LANDLOCK_RESTRICT, ruleset_fd, 0) == 0)
		return 0;
	int r = error_set(err, errno, "annotation " ANNOTATION_LANDLOCK ": apply it");
	if (r == -EPERM)
		error_hint(err, "this needs CAP_SYS_ADMIN, or process.noNewPrivileges");
	return r;
}
