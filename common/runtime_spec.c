#include "runtime_spec.h"

#define TABLE(name, T, ...) static const struct json_type name = JSON_TYPE(T, __VA_ARGS__)

#define T struct spec_id_mapping
TABLE(id_mapping, T, JSON_REQUIRED(T, container_id, "containerID"), JSON_REQUIRED(T, host_id, "hostID"),
      JSON_REQUIRED(T, size, "size"));
#undef T

/* ---- process ---- */

#define T struct spec_box
TABLE(box, T, JSON_REQUIRED(T, height, "height"), JSON_REQUIRED(T, width, "width"));
#undef T
#define T struct spec_user
TABLE(user, T, JSON_ALWAYS(T, uid, "uid"), JSON_ALWAYS(T, gid, "gid"), JSON_FIELD(T, umask, "umask"),
      JSON_FIELD(T, additional_gids, "additionalGids"));
#undef T
#define T struct spec_capabilities
TABLE(capabilities, T, JSON_FIELD(T, bounding, "bounding"), JSON_FIELD(T, effective, "effective"),
      JSON_FIELD(T, inheritable, "inheritable"), JSON_FIELD(T, permitted, "permitted"),
      JSON_FIELD(T, ambient, "ambient"));
#undef T
#define T struct spec_rlimit
TABLE(rlimit, T, JSON_REQUIRED(T, type, "type"), JSON_REQUIRED(T, hard, "hard"), JSON_REQUIRED(T, soft, "soft"));
#undef T
#define T struct spec_scheduler
TABLE(scheduler, T, JSON_REQUIRED(T, policy, "policy"), JSON_FIELD(T, nice, "nice"),
      JSON_FIELD(T, priority, "priority"), JSON_FIELD(T, flags, "flags"), JSON_FIELD(T, runtime, "runtime"),
      JSON_FIELD(T, deadline, "deadline"), JSON_FIELD(T, period, "period"));
#undef T
#define T struct spec_io_priority
TABLE(io_priority, T, JSON_REQUIRED(T, class, "class"), JSON_FIELD(T, priority, "priority"));
#undef T
#define T struct spec_cpu_affinity
TABLE(cpu_affinity, T, JSON_FIELD(T, initial, "initial"), JSON_FIELD(T, final, "final"));
#undef T
#define T struct spec_process
const struct json_type spec_process_type = JSON_TYPE(T,
	JSON_FIELD(T, terminal, "terminal"),
	JSON_OBJECT(T, console_size, "consoleSize", box),
	JSON_INLINE(T, user, "user", user),
	JSON_FIELD(T, args, "args"),
	JSON_FIELD(T, env, "env"),
	JSON_REQUIRED(T, cwd, "cwd"),
	JSON_OBJECT(T, capabilities, "capabilities", capabilities),
	JSON_LIST(T, rlimits, "rlimits", rlimit),
	JSON_FIELD(T, no_new_privileges, "noNewPrivileges"),
	JSON_FIELD(T, apparmor_profile, "apparmorProfile"),
	JSON_FIELD(T, selinux_label, "selinuxLabel"),
	JSON_FIELD(T, oom_score_adj, "oomScoreAdj"),
	JSON_OBJECT(T, scheduler, "scheduler", scheduler),
	JSON_OBJECT(T, io_priority, "ioPriority", io_priority),
	JSON_OBJECT(T, exec_cpu_affinity, "execCPUAffinity", cpu_affinity));
#undef T

/* ---- linux.resources ---- */

#define T struct spec_device_rule
TABLE(device_rule, T, JSON_REQUIRED(T, allow, "allow"), JSON_FIELD(T, type, "type"),
      JSON_FIELD(T, access, "access"), JSON_FIELD(T, major, "major"), JSON_FIELD(T, minor, "minor"));
#undef T
#define T struct spec_memory
TABLE(memory, T, JSON_FIELD(T, limit, "limit"), JSON_FIELD(T, reservation, "reservation"),
      JSON_FIELD(T, swap, "swap"), JSON_FIELD(T, kernel, "kernel"), JSON_FIELD(T, kernel_tcp, "kernelTCP"),
      JSON_FIELD(T, swappiness, "swappiness"), JSON_FIELD(T, disable_oom_killer, "disableOOMKiller"),
      JSON_FIELD(T, use_hierarchy, "useHierarchy"), JSON_FIELD(T, check_before_update, "checkBeforeUpdate"));
#undef T
#define T struct spec_cpu
TABLE(cpu, T, JSON_FIELD(T, shares, "shares"), JSON_FIELD(T, burst, "burst"), JSON_FIELD(T, period, "period"),
      JSON_FIELD(T, realtime_period, "realtimePeriod"), JSON_FIELD(T, quota, "quota"),
      JSON_FIELD(T, realtime_runtime, "realtimeRuntime"), JSON_FIELD(T, idle, "idle"),
      JSON_FIELD(T, cpus, "cpus"), JSON_FIELD(T, mems, "mems"));
#undef T
#define T struct spec_pids
TABLE(pids, T, JSON_FIELD(T, limit, "limit"));
#undef T
#define T struct spec_weight_device
TABLE(weight_device, T, JSON_REQUIRED(T, major, "major"), JSON_REQUIRED(T, minor, "minor"),
      JSON_FIELD(T, weight, "weight"), JSON_FIELD(T, leaf_weight, "leafWeight"));
#undef T
#define T struct spec_throttle_device
TABLE(throttle_device, T, JSON_REQUIRED(T, major, "major"), JSON_REQUIRED(T, minor, "minor"),
      JSON_REQUIRED(T, rate, "rate"));
#undef T
#define T struct spec_block_io
TABLE(block_io, T, JSON_FIELD(T, weight, "weight"), JSON_FIELD(T, leaf_weight, "leafWeight"),
      JSON_LIST(T, weight_device, "weightDevice", weight_device),
      JSON_LIST(T, read_bps, "throttleReadBpsDevice", throttle_device),
      JSON_LIST(T, write_bps, "throttleWriteBpsDevice", throttle_device),
      JSON_LIST(T, read_iops, "throttleReadIOPSDevice", throttle_device),
      JSON_LIST(T, write_iops, "throttleWriteIOPSDevice", throttle_device));
#undef T
#define T struct spec_hugepage
TABLE(hugepage, T, JSON_REQUIRED(T, page_size, "pageSize"), JSON_REQUIRED(T, limit, "limit"));
#undef T
#define T struct spec_net_priority
TABLE(net_priority, T, JSON_REQUIRED(T, name, "name"), JSON_REQUIRED(T, priority, "priority"));
#undef T
#define T struct spec_net_class
TABLE(net_class, T, JSON_FIELD(T, class_id, "classID"), JSON_LIST(T, priorities, "priorities", net_priority));
#undef T
#define T struct spec_rdma
TABLE(rdma, T, JSON_FIELD(T, hca_handles, "hcaHandles"), JSON_FIELD(T, hca_objects, "hcaObjects"));
#undef T
#define T struct spec_resources
const struct json_type spec_resources_type = JSON_TYPE(T,
	JSON_LIST(T, devices, "devices", device_rule),
	JSON_OBJECT(T, memory, "memory", memory),
	JSON_OBJECT(T, cpu, "cpu", cpu),
	JSON_OBJECT(T, pids, "pids", pids),
	JSON_OBJECT(T, block_io, "blockIO", block_io),
	JSON_LIST(T, hugepage_limits, "hugepageLimits", hugepage),
	JSON_OBJECT(T, network, "network", net_class),
	JSON_NAMED(T, rdma, "rdma", rdma),
	JSON_FIELD(T, unified, "unified"));
#undef T

/* ---- linux ---- */

#define T struct spec_syscall_arg
TABLE(syscall_arg, T, JSON_REQUIRED(T, index, "index"), JSON_REQUIRED(T, value, "value"),
      JSON_FIELD(T, value_two, "valueTwo"), JSON_REQUIRED(T, op, "op"));
#undef T
#define T struct spec_syscall
TABLE(syscall, T, JSON_REQUIRED(T, names, "names"), JSON_REQUIRED(T, action, "action"),
      JSON_FIELD(T, errno_ret, "errnoRet"), JSON_LIST(T, args, "args", syscall_arg));
#undef T
#define T struct spec_seccomp
const struct json_type spec_seccomp_type = JSON_TYPE(T,
	JSON_REQUIRED(T, default_action, "defaultAction"),
	JSON_FIELD(T, default_errno_ret, "defaultErrnoRet"),
	JSON_FIELD(T, architectures, "architectures"),
	JSON_FIELD(T, flags, "flags"),
	JSON_FIELD(T, listener_path, "listenerPath"),
	JSON_FIELD(T, listener_metadata, "listenerMetadata"),
	JSON_LIST(T, syscalls, "syscalls", syscall));
#undef T
#define T struct spec_namespace
TABLE(namespace, T, JSON_REQUIRED(T, type, "type"), JSON_FIELD(T, path, "path"));
#undef T
#define T struct spec_device
TABLE(device, T, JSON_REQUIRED(T, path, "path"), JSON_REQUIRED(T, type, "type"), JSON_FIELD(T, major, "major"),
      JSON_FIELD(T, minor, "minor"), JSON_FIELD(T, file_mode, "fileMode"), JSON_FIELD(T, uid, "uid"),
      JSON_FIELD(T, gid, "gid"));
#undef T
#define T struct spec_net_device
TABLE(net_device, T, JSON_FIELD(T, name, "name"));
#undef T
#define T struct spec_intel_rdt
TABLE(intel_rdt, T, JSON_FIELD(T, clos_id, "closID"), JSON_FIELD(T, schemata, "schemata"),
      JSON_FIELD(T, l3_cache_schema, "l3CacheSchema"), JSON_FIELD(T, mem_bw_schema, "memBwSchema"),
      JSON_FIELD(T, enable_monitoring, "enableMonitoring"));
#undef T
#define T struct spec_memory_policy
TABLE(memory_policy, T, JSON_FIELD(T, mode, "mode"), JSON_FIELD(T, nodes, "nodes"), JSON_FIELD(T, flags, "flags"));
#undef T
#define T struct spec_personality
TABLE(personality, T, JSON_REQUIRED(T, domain, "domain"), JSON_FIELD(T, flags, "flags"));
#undef T
#define T struct spec_time_offset
TABLE(time_offset, T, JSON_FIELD(T, secs, "secs"), JSON_FIELD(T, nanosecs, "nanosecs"));
#undef T
#define T struct spec_linux
TABLE(linux_table, T,
	JSON_LIST(T, uid_mappings, "uidMappings", id_mapping),
	JSON_LIST(T, gid_mappings, "gidMappings", id_mapping),
	JSON_FIELD(T, sysctl, "sysctl"),
	JSON_OBJECT(T, resources, "resources", spec_resources_type),
	JSON_FIELD(T, cgroups_path, "cgroupsPath"),
	JSON_LIST(T, namespaces, "namespaces", namespace),
	JSON_LIST(T, devices, "devices", device),
	JSON_NAMED(T, net_devices, "netDevices", net_device),
	JSON_OBJECT(T, seccomp, "seccomp", spec_seccomp_type),
	JSON_FIELD(T, rootfs_propagation, "rootfsPropagation"),
	JSON_FIELD(T, masked_paths, "maskedPaths"),
	JSON_FIELD(T, readonly_paths, "readonlyPaths"),
	JSON_FIELD(T, mount_label, "mountLabel"),
	JSON_OBJECT(T, intel_rdt, "intelRdt", intel_rdt),
	JSON_OBJECT(T, memory_policy, "memoryPolicy", memory_policy),
	JSON_OBJECT(T, personality, "personality", personality),
	JSON_NAMED(T, time_offsets, "timeOffsets", time_offset));
#undef T

/* ---- the document ---- */

#define T struct spec_root
TABLE(root, T, JSON_REQUIRED(T, path, "path"), JSON_FIELD(T, readonly, "readonly"));
#undef T
#define T struct spec_mount
TABLE(mount, T, JSON_REQUIRED(T, destination, "destination"), JSON_FIELD(T, type, "type"),
      JSON_FIELD(T, source, "source"), JSON_FIELD(T, options, "options"),
      JSON_LIST(T, uid_mappings, "uidMappings", id_mapping), JSON_LIST(T, gid_mappings, "gidMappings", id_mapping));
#undef T
#define T struct spec_mounts
const struct json_type spec_mounts_type = JSON_TYPE(T, JSON_LIST(T, mounts, "mounts", mount));
#undef T
#define T struct spec_hook
TABLE(hook, T, JSON_REQUIRED(T, path, "path"), JSON_FIELD(T, args, "args"), JSON_FIELD(T, env, "env"),
      JSON_FIELD(T, timeout, "timeout"));
#undef T
#define T struct spec_hooks
TABLE(hooks, T, JSON_LIST(T, prestart, "prestart", hook), JSON_LIST(T, create_runtime, "createRuntime", hook),
      JSON_LIST(T, create_container, "createContainer", hook), JSON_LIST(T, start_container, "startContainer", hook),
      JSON_LIST(T, poststart, "poststart", hook), JSON_LIST(T, poststop, "poststop", hook));
#undef T
#define T struct runtime_spec
const struct json_type runtime_spec_type = JSON_TYPE(T,
	JSON_REQUIRED(T, oci_version, "ociVersion"),
	JSON_OBJECT(T, process, "process", spec_process_type),
	JSON_OBJECT(T, root, "root", root),
	JSON_FIELD(T, hostname, "hostname"),
	JSON_FIELD(T, domainname, "domainname"),
	JSON_LIST(T, mounts, "mounts", mount),
	JSON_OBJECT(T, hooks, "hooks", hooks),
	JSON_FIELD(T, annotations, "annotations"),
	JSON_OBJECT(T, linux_, "linux", linux_table));
