# How the kernel treats the process: CPUs, scheduler, I/O priority, memory policy, personality, clocks; for run, create and exec.
load helpers

FIRST=0
ALL=$(cat /sys/devices/system/cpu/online)
STAT='cut -d" " -f19,40,41 /proc/self/stat'	# nice, real-time priority, policy (0 other, 1 FIFO, 2 RR, 3 batch, 5 idle, 6 deadline)
AFFINITY='grep Cpus_allowed_list /proc/self/status | cut -f2'

# scheduler JSON, io JSON, memory JSON
scheduler() {
	config '.process.scheduler = $it' --argjson it "$1"
}
io() {
	config '.process.ioPriority = $it' --argjson it "$1"
}
memory() {
	config '.linux.memoryPolicy = $it' --argjson it "$1"
}

# document FILTER - a process document in $WORK/process.json, made of the container's
document() {
	jq '.process | .args = ["sh", "-c", "true"]' "$BUNDLE/config.json" | jq "$@" >"$WORK/process.json"
}

# shows FILE-IN-PROC TEXT... - numa_maps and the like of the container's program
policy() {
	program sh -c 'head -1 /proc/self/numa_maps | cut -d" " -f2'
	expect 0 woody run "$ID"
	prints "$1"
}

two_cpus() {
	[ "$(nproc --all)" -ge 2 ] || skip "nproc --all: $(nproc --all)"
}

# ---- CPUs ----

@test "affinity: run, create and exec have all CPUs, whatever the caller is bound to" {
	two_cpus
	program sh -c "$AFFINITY"
	expect 0 taskset -c $FIRST "$WOODY" --root "$ROOT" run "$ID"
	prints "$ALL"
	program sh -c "$AFFINITY; sleep 1000"
	detached taskset -c $FIRST "$WOODY" --root "$ROOT" create "$ID"
	expect 0 woody start "$ID"
	soon grep -qx "$ALL" "$WORK/stdout"
	expect 0 taskset -c $FIRST "$WOODY" --root "$ROOT" exec "$ID" sh -c "$AFFINITY"
	prints "$ALL"
}

@test "affinity: with a cpuset it is the cpuset" {
	two_cpus
	config '.linux.resources.cpu.cpus = "1"'
	program sh -c "$AFFINITY; sleep 1000"
	detached taskset -c $FIRST "$WOODY" --root "$ROOT" run -d "$ID"
	soon grep -qx 1 "$WORK/stdout"
	expect 0 taskset -c $FIRST "$WOODY" --root "$ROOT" exec "$ID" sh -c "$AFFINITY"
	prints 1
}

@test "affinity: execCPUAffinity of config.json and of a process document" {
	two_cpus
	config '.process.execCPUAffinity = { initial: "0", final: "1" }'
	program sh -c "$AFFINITY; sleep 1000"
	detached woody run -d "$ID"
	soon grep -qx "$ALL" "$WORK/stdout"	# it is not for init
	expect 0 woody --debug exec "$ID" sh -c "$AFFINITY"
	prints 1
	[[ "$stderr" == *nsexec*": affinity: 0x1"* ]] || fail "$stderr"

	document --arg script "$AFFINITY" '.args = ["sh", "-c", $script] | .execCPUAffinity = { initial: "0-1" }'
	expect 0 woody --debug exec -p "$WORK/process.json" "$ID"
	prints "$ALL"
	[[ "$stderr" == *nsexec*": affinity: 0x3"* ]] || fail "$stderr"
	document --arg script "$AFFINITY" '.args = ["sh", "-c", $script] | .execCPUAffinity = { final: " 0 , 1," }'
	expect 0 woody --debug exec -p "$WORK/process.json" "$ID"
	prints 0-1
	[[ "$stderr" != *"affinity: 0x"* ]] || fail "$stderr"
	document --arg script "$AFFINITY" '.args = ["sh", "-c", $script] | del(.execCPUAffinity)'
	expect 0 woody exec -p "$WORK/process.json" "$ID"
	prints 1	# as config.json
}

@test "affinity: lists that are none, and CPUs that are not there" {
	program sleep 1000
	local list
	for list in x 1-0 0- -1 0,x 1:2 , "0 1" 99999999999999999999; do
		config '.process.execCPUAffinity = { final: $list }' --arg list "$list"
		refused "process.execCPUAffinity.final: '$list'"
	done
	config 'del(.process.execCPUAffinity)'
	start_sleeping
	document '.execCPUAffinity = { initial: "8000" }'
	expect 255 woody exec -p "$WORK/process.json" "$ID"
	says "process.execCPUAffinity.initial: none of the CPUs 8000"
	document '.execCPUAffinity = { final: "8000" }'
	expect 255 woody exec -p "$WORK/process.json" "$ID"
	says "process.execCPUAffinity.final: none of the CPUs 8000"
}

# ---- scheduler ----

@test "scheduler: the caller's when there is none in config.json" {
	program sh -c "$STAT"
	expect 0 nice -n 3 "$WOODY" --root "$ROOT" run "$ID"
	prints "3 0 0"
	expect 0 chrt --batch 0 "$WOODY" --root "$ROOT" run "$ID"
	prints "0 0 3"
}

@test "scheduler: policies and nice, inherited by exec, overridden by a process document" {
	scheduler '{ "policy": "SCHED_BATCH", "nice": 19, "flags": ["SCHED_FLAG_RESET_ON_FORK"] }'
	inside 0 "exec ${STAT/self/1}"
	prints "19 0 3"
	scheduler '{ "policy": "SCHED_BATCH", "nice": -5 }'
	start_sleeping
	same "$(cut -d" " -f19,40,41 "/proc/$PID/stat")" "-5 0 3"
	expect 0 woody exec "$ID" sh -c "$STAT"
	prints "-5 0 3"
	document --arg script "$STAT" '.args = ["sh", "-c", $script] | .scheduler = { policy: "SCHED_OTHER", nice: 7 }'
	expect 0 woody exec -p "$WORK/process.json" "$ID"
	prints "7 0 0"
	document --arg script "$STAT" '.args = ["sh", "-c", $script] | .scheduler = { policy: "SCHED_IDLE" }'
	expect 0 woody exec -p "$WORK/process.json" "$ID"
	same "${output#* }" "0 5"
	document --arg script "$STAT" '.args = ["sh", "-c", $script] | del(.scheduler)'
	expect 0 woody exec -p "$WORK/process.json" "$ID"
	prints "-5 0 3"
}

@test "scheduler: real-time classes" {
	scheduler '{ "policy": "SCHED_RR", "priority": 7, "flags": ["SCHED_FLAG_RESET_ON_FORK"] }'
	if [ -e /sys/fs/cgroup/cpu/cpu.rt_runtime_us ]; then
		# a group of its own has no real-time budget: the kernel's own gate
		refused "linux.resources.cpu.realtimeRuntime"
	fi
	# outside of any cpu cgroup of its own
	config 'del(.linux.cgroupsPath, .linux.resources)'
	program sh -c "${STAT/self/1}"
	expect 0 woody --cgroup-manager disabled run "$ID"
	prints "0 7 2"
	scheduler '{ "policy": "SCHED_FIFO", "priority": 3 }'
	expect 0 woody --cgroup-manager disabled run "$ID"
	prints "0 3 1"
}

@test "scheduler: SCHED_DEADLINE, for run and exec" {
	scheduler '{ "policy": "SCHED_DEADLINE", "nice": 19, "runtime": 42000, "deadline": 100000, "period": 1000000,
		"flags": ["SCHED_FLAG_RESET_ON_FORK"] }'
	start_sleeping
	same "$(cut -d" " -f41 "/proc/$PID/stat")" 6
	same "$(chrt -p "$PID" | sed -n 's/.*runtime.deadline.period parameters: //p')" 42000/100000/1000000
	expect 0 woody exec "$ID" cut -d" " -f41 /proc/self/stat
	prints 6
	document '.args = ["cut", "-d", " ", "-f19,41", "/proc/self/stat"] | .scheduler = { policy: "SCHED_BATCH", nice: 4 }'
	expect 0 woody exec -p "$WORK/process.json" "$ID"
	prints "4 3"
}

@test "scheduler: SCHED_DEADLINE and a cpuset" {
	program true
	scheduler '{ "policy": "SCHED_DEADLINE", "nice": 19, "runtime": 42000, "deadline": 100000, "period": 1000000 }'
	config '.linux.resources.cpu.cpus = "0"'
	refused "process scheduler can't be used together with AllowedCPUs"
	config 'del(.process.scheduler)'
	start_sleeping
	document '.scheduler = { policy: "SCHED_DEADLINE", runtime: 42000, deadline: 100000, period: 1000000 }'
	expect 255 woody exec -p "$WORK/process.json" "$ID"
	says "process scheduler can't be used together with AllowedCPUs"
}

@test "scheduler: contradictions are refused before anything is made" {
	program true
	local json
	while IFS='|' read -r json text; do
		scheduler "$json"
		refused "$text"
	done <<-'TABLE'
	{"policy":"SCHED_DEADLINE","runtime":42000,"deadline":41000,"period":100000}|runtime 42000 is longer than deadline 41000
	{"policy":"SCHED_DEADLINE","runtime":42000,"deadline":200000,"period":100000}|deadline 200000 is longer than period 100000
	{"policy":"SCHED_DEADLINE","runtime":42000}|runtime 42000 is longer than deadline 0
	{"policy":"SCHED_DEADLINE","deadline":42000}|runtime is 0 ns
	{"policy":"SCHED_DEADLINE","runtime":42000,"deadline":100000,"priority":1}|process.scheduler.priority
	{"policy":"SCHED_BATCH","runtime":42000}|for SCHED_DEADLINE, not for SCHED_BATCH
	{"policy":"SCHED_OTHER","period":42000}|for SCHED_DEADLINE, not for SCHED_OTHER
	{"policy":"SCHED_OTHER","nice":20}|process.scheduler.nice: 20
	{"policy":"SCHED_BATCH","nice":-21}|process.scheduler.nice: -21
	{"policy":"SCHED_OTHER","priority":1}|process.scheduler.priority
	{"policy":"SCHED_FIFO"}|process.scheduler.priority: 0
	{"policy":"SCHED_RR","priority":100}|process.scheduler.priority: 100
	{"policy":"SCHED_FASTEST"}|process.scheduler.policy: 'SCHED_FASTEST'
	{"policy":"SCHED_OTHER","flags":["SCHED_FLAG_NONE"]}|process.scheduler.flags: 'SCHED_FLAG_NONE'
	{"policy":"SCHED_ISO"}|does not know the policy
	{"nice":3}|policy
	TABLE
}

# ---- I/O ----

@test "ioPriority: of run, inherited by exec, overridden by a process document" {
	program busybox ionice -p 1
	expect 0 woody run "$ID"
	says "none: prio"
	io '{ "class": "IOPRIO_CLASS_BE", "priority": 6 }'
	expect 0 woody run "$ID"
	prints "best-effort: prio 6"
	start_sleeping
	expect 0 woody exec "$ID" sh -c 'busybox ionice -p $$; true'
	prints "best-effort: prio 6"
	document '.args = ["sh", "-c", "busybox ionice -p $$; true"] | .ioPriority = { class: "IOPRIO_CLASS_IDLE" }'
	expect 0 woody exec -p "$WORK/process.json" "$ID"
	matches ^idle
	document '.args = ["sh", "-c", "busybox ionice -p $$; true"] | .ioPriority = { class: "IOPRIO_CLASS_RT", priority: 1 }'
	expect 0 woody exec -p "$WORK/process.json" "$ID"
	prints "realtime: prio 1"
}

@test "ioPriority: what is none" {
	program true
	io '{ "class": "IOPRIO_CLASS_BEST", "priority": 1 }'
	refused "process.ioPriority.class: 'IOPRIO_CLASS_BEST'"
	io '{ "class": "IOPRIO_CLASS_BE", "priority": 8 }'
	refused "process.ioPriority.priority: 8"
	io '{ "class": "IOPRIO_CLASS_BE", "priority": -1 }'
	refused "process.ioPriority.priority: -1"
}

# ---- memory ----

@test "memoryPolicy: of run and of exec" {
	[ -e /proc/self/numa_maps ] || skip "ls /proc/self/numa_maps: a kernel without NUMA"
	policy default
	memory '{ "mode": "MPOL_INTERLEAVE", "nodes": "0" }'
	policy interleave:0
	memory '{ "mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"] }'
	policy bind=static:0
	memory '{ "mode": "MPOL_PREFERRED", "nodes": "0", "flags": ["MPOL_F_RELATIVE_NODES"] }'
	policy prefer=relative:0
	memory '{ "mode": "MPOL_PREFERRED_MANY", "nodes": "0" }'
	policy prefer	# "prefer (many)", Linux 5.15
	memory '{ "mode": "MPOL_LOCAL" }'
	policy local
	memory '{ "mode": "MPOL_DEFAULT" }'
	policy default
	memory '{ "mode": "MPOL_BIND", "nodes": "0" }'
	start_sleeping
	expect 0 woody exec "$ID" sh -c 'head -1 /proc/self/numa_maps'
	says " bind:0 "
}

@test "memoryPolicy: what is none" {
	program true
	local json text
	while IFS='|' read -r json text; do
		memory "$json"
		refused "$text"
	done <<-'TABLE'
	{}|invalid memory policy
	{"nodes":"0"}|invalid memory policy mode
	{"mode":"MPOL_UNHEARD_OF"}|invalid memory policy
	{"mode":"MPOL_BIND","nodes":"0","flags":["MPOL_F_UNHEARD_OF"]}|invalid memory policy flag
	{"mode":"MPOL_DEFAULT","nodes":"0-7"}|mode requires 0 nodes but got 8
	{"mode":"MPOL_LOCAL","nodes":"0"}|mode requires 0 nodes but got 1
	{"mode":"MPOL_BIND"}|mode requires at least 1 node
	{"mode":"MPOL_BIND","nodes":"9223372036854775807"}|invalid memory policy node
	{"mode":"MPOL_BIND","nodes":"1024"}|invalid memory policy node
	{"mode":"MPOL_BIND","nodes":"first"}|invalid memory policy node
	{"mode":"MPOL_BIND","nodes":"876"}|invalid memory policy
	{"mode":"MPOL_BIND","nodes":"0","flags":["MPOL_F_STATIC_NODES","MPOL_F_RELATIVE_NODES"]}|invalid memory policy
	TABLE
}

# ---- personality ----

@test "personality: of run and of exec" {
	local here
	here=$(uname -m)
	inside 0 'uname -m'
	prints "$here"
	[ "$here" = x86_64 ] || skip "uname -m: $here"
	config '.linux.personality = { domain: "LINUX32" }'
	inside 0 'uname -m'
	prints i686
	start_sleeping
	expect 0 woody exec "$ID" uname -m
	prints i686
	woody delete -f "$ID"
	config '.linux.personality = { domain: "LINUX" }'
	program uname -m
	expect 0 setarch i686 "$WOODY" --root "$ROOT" run "$ID"
	prints x86_64
}

@test "personality: set before a filter that forbids it" {
	[ "$(uname -m)" = x86_64 ] || skip "uname -m: $(uname -m)"
	config '.linux.personality = { domain: "LINUX32" } | .linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW",
		architectures: ["SCMP_ARCH_X86_64"], syscalls: [{ names: ["personality"], action: "SCMP_ACT_KILL" }] }'
	inside 0 'uname -m'
	prints i686
}

@test "personality: what is none" {
	program true
	config '.linux.personality = { domain: "BSD" }'
	refused "linux.personality.domain: 'BSD'"
	config '.linux.personality = { domain: "LINUX", flags: ["ADDR_NO_RANDOMIZE"] }'
	refused "linux.personality.flags: 'ADDR_NO_RANDOMIZE'"
}

# ---- clocks ----

@test "timeOffsets: seen by exec, with a user namespace too; null is none" {
	config '.linux.namespaces += [{ type: "time" }] | .linux.timeOffsets = { monotonic: { secs: 7881, nanosecs: 2718281 },
		boottime: { secs: 1337, nanosecs: 3141519 } }'
	start_sleeping
	expect 0 woody exec "$ID" cat /proc/self/timens_offsets
	matches 'monotonic +7881 +2718281'
	matches 'boottime +1337 +3141519'
	woody delete -f "$ID"

	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 "$ROOTFS"
	start_sleeping
	expect 0 woody exec "$ID" cat /proc/self/timens_offsets
	matches 'monotonic +7881 +2718281'
	woody delete -f "$ID"

	config '.linux.timeOffsets = null'
	inside 0 'cat /proc/self/timens_offsets'
	matches 'monotonic +0 +0'
	config '.linux.timeOffsets = { monotonic: null, boottime: { secs: 5 } }'
	inside 0 'cat /proc/self/timens_offsets'
	matches 'monotonic +0 +0'
	matches 'boottime +5 +0'
}

# ---- the rest ----

@test "oomScoreAdj in a user namespace, own and joined, and exec" {
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings | .process.oomScoreAdj = 321'
	chown -R 100000:100000 "$ROOTFS"
	start_sleeping
	same "$(cat "/proc/$PID/oom_score_adj")" 321
	expect 0 woody exec "$ID" cat /proc/self/oom_score_adj
	prints 321
	config 'del(.linux.uidMappings, .linux.gidMappings) | .linux.cgroupsPath += "-2"
		| (.linux.namespaces[] | select(.type == "user")).path = $path | .process.oomScoreAdj = 322' --arg path "/proc/$PID/ns/user"
	program cat /proc/self/oom_score_adj
	expect 0 woody run "$ID-2"
	prints 322
}

@test "a process document without capabilities, rlimits and oomScoreAdj has the container's" {
	config '.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 77, hard: 78 }] | .process.oomScoreAdj = 300 | .process.user.umask = 7'
	start_sleeping
	jq -n '{ cwd: "/", user: { uid: 0, gid: 0 }, env: ["PATH=/bin"], args: ["sh", "-c",
		"grep CapBnd /proc/self/status; ulimit -n; cat /proc/self/oom_score_adj; umask"] }' >"$WORK/process.json"
	expect 0 woody exec -p "$WORK/process.json" "$ID"
	prints $'CapBnd:\t0000000020000420\n77\n300\n0007'
	jq '.capabilities = {} | .rlimits = []' "$WORK/process.json" >"$WORK/p"
	expect 0 woody exec -p "$WORK/p" "$ID"
	same "${lines[0]}" $'CapBnd:\t0000000000000000'
}

@test "hooks write to the files of run.oci.hooks.stdout and stderr, which are the host's" {
	echo "before" >"$WORK/out"
	jq '.annotations = { "run.oci.hooks.stdout": ($work + "/out"), "run.oci.hooks.stderr": ($work + "/err") }
		| .hooks = ([{ path: "/bin/sh", args: ["sh", "-c", "echo out; echo err >&2"] }] as $hook
		| { createRuntime: $hook, createContainer: $hook, startContainer: $hook, poststart: $hook, poststop: $hook })' \
		--arg work "$WORK" config.json >"$WORK/c" && mv "$WORK/c" config.json
	program true
	expect 0 woody run "$ID"
	silent
	same "$(cat "$WORK/out")" "$(printf 'before\nout\nout\nout\nout\nout')"
	same "$(cat "$WORK/err")" "$(yes err | head -5)"
	detached woody create "$ID"
	expect 0 woody start "$ID"
	soon stopped
	expect 0 woody delete "$ID"
	same "$(grep -c out "$WORK/out") $(grep -c err "$WORK/err")" "10 10"
	config '.annotations["run.oci.hooks.stdout"] = "/no/such/dir/out"'
	refused "annotation run.oci.hooks.stdout: open '/no/such/dir/out'"
}

@test "consoleSize of a process document is there before the program starts" {
	start_sleeping
	document '.terminal = true | .consoleSize = { height: 10, width: 110 } | .args = ["stty", "-a"]'
	expect 0 woody exec -t -p "$WORK/process.json" "$ID"
	says "rows 10; columns 110"
}

@test "features tells of labels, memory policies and annotations" {
	expect 0 woody features
	jq -e '.linux.apparmor.enabled and .linux.selinux.enabled' <<<"$output"
	jq -e '.linux.memoryPolicy | (.modes | length == 7 and index("MPOL_BIND")) and (.flags | length == 3 and index("MPOL_F_STATIC_NODES"))' <<<"$output"
	jq -e '.potentiallyUnsafeConfigAnnotations | index("run.oci.hooks.stdout") and index("run.oci.keep_original_groups")' <<<"$output"
}

@test "what config.json does not ask for costs no system call" {
	command -v strace >/dev/null || skip "command -v strace: nothing"
	program true
	expect 0 strace -f -o "$WORK/trace" "$WOODY" --root "$ROOT" run "$ID"
	local call
	for call in sched_setattr ioprio_set set_mempolicy personality landlock_ sched_getaffinity; do
		! grep -q "$call" "$WORK/trace" || fail "$(grep "$call" "$WORK/trace")"
	done
	same "$(grep -c sched_setaffinity "$WORK/trace")" 1
}
