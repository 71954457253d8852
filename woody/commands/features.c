/* What woody can do, for engines that ask before they use it (runtime-spec features.md, features-linux.md).
 * It is about the program, not the machine, except for seccomp's supportedFlags, which the kernel is asked
 * for, and for checkpoints, which are CRIU's work, if it is installed; with --json a member `host` beside it,
 * which the specification does not have, is about the machine. */
#include <seccomp.h>	/* libseccomp's; before ours, whose names it must not see */

#include "../annotations.h"
#include "../criu.h"
#include "../host.h"
#include "../identity.h"
#include "../memory_policy.h"
#include "../mount_options.h"
#include "../namespaces.h"
#include "../seccomp.h"
#include "../woody.h"
#include "cleanup.h"
#include "json.h"
#include "mem.h"
/* ---- the document ---- */

struct enabled { bool enabled; };
struct cgroup_features { bool v1, v2, systemd, systemd_user, rdma; };
struct seccomp_features {
	bool enabled;
	char **actions, **operators, **archs, **known_flags, **supported_flags;
};
struct mount_extensions { struct enabled idmap; };
struct memory_policy_features { char **modes, **flags; };
struct linux_features {
	char **namespaces, **capabilities;
	struct cgroup_features cgroup;
	struct seccomp_features seccomp;
	struct enabled apparmor, selinux, intel_rdt, net_devices;
	struct mount_extensions mount_extensions;
	struct memory_policy_features memory_policy;
};
struct features {
	char *oci_version_min, *oci_version_max, **hooks, **mount_options, **unsafe_annotations;
	struct linux_features linux_;
	struct json_map annotations;
	struct host *host;
};

#define T struct enabled
static const struct json_type enabled_type = JSON_TYPE(T, JSON_ALWAYS(T, enabled, "enabled"));
#undef T
#define T struct cgroup_features
static const struct json_type cgroup_type = JSON_TYPE(T,
	JSON_ALWAYS(T, v1, "v1"), JSON_ALWAYS(T, v2, "v2"), JSON_ALWAYS(T, systemd, "systemd"),
	JSON_ALWAYS(T, systemd_user, "systemdUser"), JSON_ALWAYS(T, rdma, "rdma"));
#undef T
#define T struct seccomp_features
static const struct json_type seccomp_type =
	JSON_TYPE(T, JSON_ALWAYS(T, enabled, "enabled"), JSON_FIELD(T, actions, "actions"),
		  JSON_FIELD(T, operators, "operators"), JSON_FIELD(T, archs, "archs"),
		  JSON_FIELD(T, known_flags, "knownFlags"), JSON_FIELD(T, supported_flags, "supportedFlags"));
#undef T
#define T struct memory_policy_features
static const struct json_type memory_policy_type = JSON_TYPE(T, JSON_FIELD(T, modes, "modes"), JSON_FIELD(T, flags, "flags"));
#undef T
#define T struct mount_extensions
static const struct json_type mount_extensions_type =
	JSON_TYPE(T, JSON_INLINE(T, idmap, "idmap", enabled_type));
#undef T
#define T struct linux_features
static const struct json_type linux_type = JSON_TYPE(T,
	JSON_FIELD(T, namespaces, "namespaces"), JSON_FIELD(T, capabilities, "capabilities"),
	JSON_INLINE(T, cgroup, "cgroup", cgroup_type), JSON_INLINE(T, seccomp, "seccomp", seccomp_type),
	JSON_INLINE(T, apparmor, "apparmor", enabled_type), JSON_INLINE(T, selinux, "selinux", enabled_type),
	JSON_INLINE(T, intel_rdt, "intelRdt", enabled_type),
	JSON_INLINE(T, mount_extensions, "mountExtensions", mount_extensions_type),
	JSON_INLINE(T, memory_policy, "memoryPolicy", memory_policy_type),
	JSON_INLINE(T, net_devices, "netDevices", enabled_type));
#undef T
#define T struct features
static const struct json_type features_type =
	JSON_TYPE(T, JSON_REQUIRED(T, oci_version_min, "ociVersionMin"),
		  JSON_REQUIRED(T, oci_version_max, "ociVersionMax"), JSON_FIELD(T, hooks, "hooks"),
		  JSON_FIELD(T, mount_options, "mountOptions"), JSON_INLINE(T, linux_, "linux", linux_type),
		  JSON_FIELD(T, annotations, "annotations"),
		  JSON_FIELD(T, unsafe_annotations, "potentiallyUnsafeConfigAnnotations"), JSON_OBJECT(T, host, "host", host_type));
#undef T

/* ---- what is in it ---- */

#ifdef WOODY_LIBEXECDIR		/* woody-systemd belongs to this build */
static const bool systemd = true;
#else
static const bool systemd = false;
#endif

static const char *const hook_kinds[] = {
	"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop", NULL,
};

static char **capability_names(struct pool *pool)
{
	int last = capability_last(), n = 0;
	char **names = pool_alloc(pool, ((size_t) last + 2) * sizeof *names);
	for (int cap = 0; cap <= last; cap++) {
		char room[32];
		const char *name = capability_name(cap, room);
		if (name)	/* a kernel newer than we */
			names[n++] = pool_strdup(pool, name);
	}
	return names;
}

static struct linux_features linux_features(struct pool *pool)
{
	return (struct linux_features) {
		.namespaces = (char **) namespace_names(), .capabilities = capability_names(pool),
		.cgroup = { .v1 = true, .v2 = true, .systemd = systemd, .systemd_user = systemd, .rdma = true },
		.seccomp = {
			.enabled = true,
			.actions = (char **) seccomp_action_names(),
			.operators = (char **) seccomp_operator_names(),
			.archs = (char **) seccomp_arch_names(),
			.known_flags = (char **) seccomp_flag_names(),
			.supported_flags = host_seccomp_flags(pool),
		},
		.apparmor.enabled = true, .selinux.enabled = true,	/* not: here and now; see labels.h */
		.mount_extensions.idmap.enabled = true,
		.memory_policy = { .modes = (char **) memory_policy_modes(), .flags = (char **) memory_policy_flags() },
		.intel_rdt.enabled = true,
		.net_devices.enabled = true,
	};
}

struct features_options { bool json; };

static const struct option_def options[] = {
	OPTION(struct features_options, json, 0, "json", NULL, "tell in a further member `host` what this machine and this user can do"),
};

static int run(void *program, void *given, char **args, int n_args)
{
	const struct woody *w = program;
	const struct features_options *o = given;
	(void) args;
	(void) n_args;
	struct pool pool CLEANUP(pool_done) = { 0 };
	const struct scmp_version *v = seccomp_version();
	cleanup_free char *criu = criu_find(w->criu);
	struct json_pair annotations[] = {
		/* the name that features.md gives it */
		{ (char *) "io.github.seccomp.libseccomp.version", pool_printf(&pool, "%u.%u.%u", v->major, v->minor, v->micro) },
		/* the name that engines know from runc; without criu nobody could */
		{ (char *) "org.opencontainers.runc.checkpoint.enabled", (char *) (criu ? "true" : "false") },
	};
	struct host host;
	if (o->json)
		host_read(&pool, &host);
	const struct features f = {
		.oci_version_min = (char *) "1.0.0",
		.oci_version_max = (char *) "1.3.0",
		.hooks = (char **) hook_kinds,
		.mount_options = (char **) mount_option_names(),
		.linux_ = linux_features(&pool),
		.annotations = { .n = sizeof annotations / sizeof *annotations, .pairs = annotations },
		.unsafe_annotations = (char **) annotations_unsafe(),
		.host = o->json ? &host : NULL,
	};
	cleanup_free char *text = json_encode(&features_type, &f, JSON_INDENTED, NULL);
	fputs(text, stdout);
	return 0;
}

const struct command command_features = {
	.name = "features", .summary = "print as JSON what this runtime can do",
	.description = "The document is that of the runtime specification's features.md. With --json it has a member host: namespaces, "
		       "cgroup mode, controllers and those delegated to the caller, security modules, id-mapped mounts, Landlock's ABI, "
		       "and what seccomp takes.",
	OPTIONS(struct features_options, options), .max_args = 0, .run = run,
};
