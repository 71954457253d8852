/* runtime_spec.h - config.json of an OCI bundle, as C structs.
 *
 * Names follow the runtime-spec's JSON (camelCase -> snake_case), nothing is
 * interpreted here: see runtime_spec.c for the tables, woody/ for the meaning.
 * Pointers to scalars are NULL when absent; lists are `x` with its count `n_x`.
 */
#pragma once
#include "json.h"

struct spec_id_mapping { uint32_t container_id, host_id, size; };

struct spec_process {
	bool terminal;
	struct spec_box { uint32_t height, width; } *console_size;
	struct spec_user {
		uint32_t uid, gid, *umask;
		struct u32s additional_gids;
	} user;
	char **args, **env, *cwd;
	struct spec_capabilities {
		char **bounding, **effective, **inheritable, **permitted, **ambient;
	} *capabilities;
	struct spec_rlimit { char *type; uint64_t hard, soft; } *rlimits;
	size_t n_rlimits;
	bool no_new_privileges;
	char *apparmor_profile, *selinux_label;
	int32_t *oom_score_adj;
	struct spec_scheduler {
		char *policy, **flags;
		int32_t nice, priority;
		uint64_t runtime, deadline, period;
	} *scheduler;
	struct spec_io_priority { char *class; int32_t priority; } *io_priority;
	struct spec_cpu_affinity { char *initial, *final; } *exec_cpu_affinity;
};

struct spec_mount {
	char *destination, *type, *source, **options;
	struct spec_id_mapping *uid_mappings, *gid_mappings;
	size_t n_uid_mappings, n_gid_mappings;
};

struct spec_hook { char *path, **args, **env; int32_t *timeout; };

struct spec_hooks {
	struct spec_hook *prestart, *create_runtime, *create_container,
			 *start_container, *poststart, *poststop;
	size_t n_prestart, n_create_runtime, n_create_container,
	       n_start_container, n_poststart, n_poststop;
};

struct spec_weight_device { int64_t major, minor; uint16_t *weight, *leaf_weight; };
struct spec_throttle_device { int64_t major, minor; uint64_t rate; };

struct spec_resources {
	struct spec_device_rule { bool allow; char *type, *access; int64_t *major, *minor; } *devices;
	size_t n_devices;
	struct spec_memory {
		int64_t *limit, *reservation, *swap, *kernel, *kernel_tcp;
		uint64_t *swappiness;
		bool *disable_oom_killer, *use_hierarchy, *check_before_update;
	} *memory;
	struct spec_cpu {
		uint64_t *shares, *burst, *period, *realtime_period;
		int64_t *quota, *realtime_runtime, *idle;
		char *cpus, *mems;
	} *cpu;
	struct spec_pids { int64_t *limit; } *pids;
	struct spec_block_io {
		uint16_t *weight, *leaf_weight;
		struct spec_weight_device *weight_device;
		struct spec_throttle_device *read_bps, *write_bps, *read_iops, *write_iops;
		size_t n_weight_device, n_read_bps, n_write_bps, n_read_iops, n_write_iops;
	} *block_io;
	struct spec_hugepage { char *page_size; uint64_t limit; } *hugepage_limits;
	size_t n_hugepage_limits;
	struct spec_net_class {
		uint32_t *class_id;
		struct spec_net_priority { char *name; uint32_t priority; } *priorities;
		size_t n_priorities;
	} *network;
	struct spec_rdma { char *name; uint32_t *hca_handles, *hca_objects; } *rdma;
	size_t n_rdma;
	struct json_map unified;
};

struct spec_seccomp {
	char *default_action, **architectures, **flags, *listener_path, *listener_metadata;
	uint32_t *default_errno_ret;
	struct spec_syscall {
		char **names, *action;
		uint32_t *errno_ret;
		struct spec_syscall_arg { uint32_t index; uint64_t value, value_two; char *op; } *args;
		size_t n_args;
	} *syscalls;
	size_t n_syscalls;
};

struct spec_linux {
	struct spec_id_mapping *uid_mappings, *gid_mappings;
	size_t n_uid_mappings, n_gid_mappings;
	struct json_map sysctl;
	struct spec_resources *resources;
	char *cgroups_path;
	struct spec_namespace { char *type, *path; } *namespaces;
	size_t n_namespaces;
	struct spec_device {
		char *path, *type;
		int64_t major, minor;
		uint32_t *file_mode, *uid, *gid;
	} *devices;
	size_t n_devices;
	struct spec_net_device { char *host_name, *name; } *net_devices;
	size_t n_net_devices;
	struct spec_seccomp *seccomp;
	char *rootfs_propagation, **masked_paths, **readonly_paths, *mount_label;
	struct spec_intel_rdt {
		char *clos_id, **schemata, *l3_cache_schema, *mem_bw_schema;
		bool enable_monitoring;
	} *intel_rdt;
	struct spec_memory_policy { char *mode, *nodes, **flags; } *memory_policy;
	struct spec_personality { char *domain, **flags; } *personality;
	struct spec_time_offset { char *clock; int64_t secs; uint32_t nanosecs; } *time_offsets;
	size_t n_time_offsets;
};

struct runtime_spec {
	char *oci_version;
	struct spec_process *process;
	struct spec_root { char *path; bool readonly; } *root;
	char *hostname, *domainname;
	struct spec_mount *mounts;
	size_t n_mounts;
	struct spec_hooks *hooks;
	struct json_map annotations;
	struct spec_linux *linux_;	/* `linux` is a gcc predefined macro */
};

/* a list of mounts alone */
struct spec_mounts { struct spec_mount *mounts; size_t n_mounts; };

extern const struct json_type spec_mounts_type, runtime_spec_type, spec_process_type, spec_resources_type, spec_seccomp_type;
