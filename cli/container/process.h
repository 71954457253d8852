/* process.h - what run's options say about the container's process and what surrounds it, besides its limits, privileges and namespaces:
 * groups, umask, sysctls, annotations, hooks, time zone, names, and which runtime executes it.
 */
#pragma once
#include "command.h"
#include "json.h"
#include "runtime_spec.h"
#include <stdbool.h>

struct container;
struct record;

struct record_process {
	char **groups;			/* of --group-add: names or numbers of the container */
	bool keep_groups;
	bool no_passwd;			/* --passwd=false */
	char *umask;			/* "0022"; NULL: the runtime's */
	struct json_map sysctl, annotations;
	char **hooks_dirs;		/* absolute */
	char *timezone;			/* "local", or a name below /usr/share/zoneinfo */
	char *domainname, *personality;
	char *runtime;			/* as --runtime before the command; NULL: that one */
};
extern const struct json_type record_process_type;

struct process_options {
	struct strings groups, sysctl, annotations, hooks_dirs;
	char *umask, *timezone, *domainname, *personality, *runtime;
	bool passwd;
};
#define PROCESS_OPTIONS_DEFAULT { .passwd = true }
enum { PROCESS_OPTION_ROWS_N = 10 };
#define PROCESS_OPTION_ROWS(T, m) \
	OPTION(T, m.groups, 0, "group-add", "GROUP|keep-groups", "one more group for the process, or all of the caller's; again for more"), \
	OPTION(T, m.umask, 0, "umask", "MASK", "permissions that new files are not given, such as 0027"), \
	OPTION(T, m.passwd, 0, "passwd", NULL, "add a user that the image does not know to its /etc/passwd (default)"), \
	OPTION(T, m.sysctl, 0, "sysctl", "NAME=VALUE", "set a parameter of the kernel that the container has for itself; again for more"), \
	OPTION(T, m.annotations, 0, "annotation", "NAME=VALUE", "a word to the runtime (OCI annotation); again for more"), \
	OPTION(T, m.hooks_dirs, 0, "hooks-dir", "DIR", "run the OCI hooks that the *.json files in DIR describe; again for more"), \
	OPTION(T, m.timezone, 0, "tz", "local|ZONE", "the host's time zone, or one such as Europe/Vienna"), \
	OPTION(T, m.domainname, 0, "domainname", "NAME", "NIS domain name inside"), \
	OPTION(T, m.personality, 0, "personality", "LINUX|LINUX32", "what machine the kernel claims to be"), \
	OPTION(T, m.runtime, 0, "runtime", "PROGRAM", "execute this OCI runtime instead of woody, now and later")

/* process_to_record - @host_network: the network is the host's, or another's. Sentences name the option. Uses the record's namespaces, which are decided. */
int process_to_record(const struct process_options *o, bool host_network, struct pool *pool, struct record *ret, struct error *err);

/* process_groups - @ret: the process' user, whose groups are added to. @group_text: the container's /etc/group */
int process_groups(const struct record_process *r, const char *group_text, struct pool *pool, struct spec_user *ret, struct error *err);
/* process_to_spec - everything but the groups; ->process, ->linux_ and ->mounts (for the time zone) are made already. Hooks that look for
 * bind mounts see those. Files are written into the container's directory. */
int process_to_spec(const struct container *c, struct pool *pool, struct runtime_spec *s, struct error *err);

/* ---- pure parts ---- */

/* sysctl_allowed - docker's rule: only what a container has for itself. @own_ipc, @own_network, @own_uts: namespaces of its own */
int sysctl_allowed(const char *name, bool own_ipc, bool own_network, bool own_uts, struct error *err);
