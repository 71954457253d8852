# linux.seccomp: actions, arguments, defaults, and that a filter from the cache is the one that was compiled.
load helpers

# filter JSON - process without no_new_privs must work as well, so both are tested below
filter() {
	config '.linux.seccomp = $filter' --argjson filter "$1"
}

@test "no filter without linux.seccomp" {
	inside 0 'grep -E "^Seccomp" /proc/self/status | tr -d "\t "'
	prints $'Seccomp:0\nSeccomp_filters:0'
}

@test "errno: the call fails with EPERM, or with errnoRet" {
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO" },
		{ "names": ["unlink", "unlinkat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28 }] }'
	inside 0 'mkdir /tmp/x 2>&1; rm /etc/passwd 2>&1; grep -E "^Seccomp" /proc/self/status | tr -d "\t "'
	[[ "${lines[0]}" == *"Operation not permitted"* ]]
	[[ "${lines[1]}" == *"No space left"* ]]
	same "${lines[-2]} ${lines[-1]}" "Seccomp:2 Seccomp_filters:1"
	[ -e "$ROOTFS/etc/passwd" ]
}

@test "without no_new_privs, and as a user without capabilities" {
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO" }] }'
	config '.process.noNewPrivileges = false | .process.user = { uid: 1000, gid: 1000 } | del(.process.capabilities)'
	inside 0 'mkdir /dev/shm/x 2>&1; grep -E "^(Seccomp|NoNewPrivs|CapEff):" /proc/self/status | tr -d "\t "'
	[[ "${lines[0]}" == *"Operation not permitted"* ]]
	prints "${lines[0]}"$'\nCapEff:0000000000000000\nNoNewPrivs:0\nSeccomp:2'
}

@test "kill ends the program with SIGSYS" {
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS" }] }'
	program mkdir /tmp/x
	expect 159 woody run "$ID"
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL" }] }'
	expect 159 woody run "$ID"
}

@test "conditions on arguments" {
	# kill with signal 0 is refused, with others it is not; masked: any personality with bit 3 set
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{ "names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13, "args": [{ "index": 1, "value": 0, "op": "SCMP_CMP_EQ" }] },
		{ "names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28, "args": [{ "index": 1, "value": 10, "op": "SCMP_CMP_GE" }] },
		{ "names": ["umask"], "action": "SCMP_ACT_ERRNO", "args": [{ "index": 0, "value": 63, "valueTwo": 63, "op": "SCMP_CMP_MASKED_EQ" }] }] }'
	inside 0 'trap : HUP; kill -0 $$ 2>&1; kill -HUP $$ && echo hup; kill -USR1 $$ 2>&1; umask 077; umask; umask 022; umask'
	[[ "${lines[0]}" == *"Permission denied"* ]]
	same "${lines[1]}" hup
	[[ "${lines[2]}" == *"No space left"* ]]
	same "${lines[-1]}" 0022
}

@test "the default action errno, with an allow list, its defaultErrnoRet, and ENOSYS for calls newer than the list" {
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	# all that a static program needs that writes and ends
	filter '{ "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 28, "syscalls": [{ "action": "SCMP_ACT_ALLOW", "names": ["execve",
		"brk", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "prlimit64", "readlink", "readlinkat", "getrandom",
		"mprotect", "mmap", "munmap", "newfstatat", "fstat", "write", "writev", "exit_group", "exit", "rt_sigreturn",
		"capset", "prctl", "futex", "ioctl"] }] }'
	program probe open r /etc/passwd
	expect 1 woody run "$ID"
	prints "No space left on device"
}

@test "log, trace and trap are taken" {
	local action
	for action in SCMP_ACT_LOG SCMP_ACT_TRAP SCMP_ACT_ALLOW; do
		filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["acct"], "action": "'$action'" }] }'
		inside 0 'echo runs'
		prints runs
	done
}

@test "what is unknown is refused by its name; unknown calls are left out" {
	program true
	filter '{ "defaultAction": "SCMP_ACT_MAYBE" }'
	refused SCMP_ACT_MAYBE
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_PDP11"] }'
	refused SCMP_ARCH_PDP11
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_NONSENSE"] }'
	refused SECCOMP_FILTER_FLAG_NONSENSE
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["acct"], "action": "SCMP_ACT_ERRNO",
		"args": [{ "index": 0, "value": 0, "op": "SCMP_CMP_ODD" }] }] }'
	refused SCMP_CMP_ODD
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["no_such_call", "bdflush", "mkdir"], "action": "SCMP_ACT_ERRNO" }] }'
	expect 0 woody run "$ID"
}

@test "notify is refused for write" {
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/nowhere", "syscalls": [{ "names": ["write"], "action": "SCMP_ACT_NOTIFY" }] }'
	program true
	refused "SCMP_ACT_NOTIFY cannot be used for the write syscall"
}

@test "other architectures are let through, and x32 is not a way around" {
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
		"syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO" }] }'
	inside 1 'mkdir /dev/shm/x'
	says "Operation not permitted"
}

@test "rules that repeat the default action are taken" {
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mkdir"], "action": "SCMP_ACT_ALLOW" },
		{ "names": ["mkdirat", "mkdir"], "action": "SCMP_ACT_ERRNO" }] }'
	inside 1 'mkdir /dev/shm/x'
	says "Operation not permitted"
}

@test "exec is under the same filter" {
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO" }] }'
	start_sleeping
	expect 1 woody exec "$ID" mkdir /dev/shm/x
	says "Operation not permitted"
	expect 0 woody exec "$ID" sh -c 'grep "^Seccomp:" /proc/self/status | tr -d "\t "'
	prints Seccomp:2
}

@test "a start may be refused getcwd, close_range, openat2 and the new mount calls" {
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["getcwd", "close_range", "openat2", "fsopen", "fsmount", "fsconfig",
		"move_mount", "open_tree", "mount_setattr", "pidfd_open", "pidfd_send_signal", "setns", "unshare", "setuid", "setgid",
		"setresuid", "setresgid", "setgroups", "socket", "sendmsg", "recvmsg", "execveat", "seccomp"],
		"action": "SCMP_ACT_ERRNO", "errnoRet": 38 }] }'
	local privileges
	for privileges in true false; do
		config '.process.noNewPrivileges = $p' --argjson p $privileges
		inside 0 'echo runs'
		prints runs
	done
	start_sleeping
	expect 0 woody exec "$ID" echo runs
	prints runs
}

@test "the second run takes the filter from the cache, and it is the same; another filter is another" {
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13 },
		{ "names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28, "args": [{ "index": 1, "value": 10, "op": "SCMP_CMP_EQ" }] }] }'
	local script='mkdir /dev/shm/x 2>&1; kill -USR1 $$ 2>&1; kill -0 $$ && echo fine'
	inside 0 "$script"
	local first=$output cached
	cached=$(find "$ROOT" -type f)
	[ -n "$cached" ]
	same "$(stat -c %U "$cached")" root
	same "$(stat -c %a "$(dirname "$cached")")" 700
	inside 0 "$script"
	same "$output" "$first"
	says "Permission denied"
	says "No space left"
	same "$(find "$ROOT" -type f)" "$cached"
	config '.linux.seccomp.syscalls[0].errnoRet = 28'
	inside 0 "$script"
	differ "$output" "$first"
}

@test "a damaged cache is not believed" {
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO" }] }'
	inside 1 'mkdir /dev/shm/x'
	local cached size
	cached=$(find "$ROOT" -type f)
	size=$(stat -c %s "$cached")
	local cut
	for cut in 0 10 $((size / 2)) $((size - 1)); do
		truncate -s $cut "$cached"
		inside 1 'mkdir /dev/shm/x'
		says "Operation not permitted"
	done
	# the key at its head is another's: a collision, or a file put there
	printf 'xxxxxxxx' | dd of="$cached" conv=notrunc status=none
	inside 1 'mkdir /dev/shm/x'
	says "Operation not permitted"
}

@test "no containers are seen in the cache" {
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mkdir"], "action": "SCMP_ACT_ERRNO" }] }'
	inside 0 true
	expect 0 woody list -q
	silent
}
