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

@test "x86 programs: under the filter where the profile lists their architecture, else killed" {
	[ -x "$WOODY_TESTBIN/narrow_m32" ] || skip "only an x86_64 kernel has a second architecture"
	cp "$WOODY_TESTBIN/narrow_m32" "$ROOTFS/bin/"
	program narrow_m32
	expect 0 woody run "$ID"
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
		"syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28 }] }'
	expect 28 woody run "$ID"
	expect 28 woody run --explain "$ID"
	says 'mkdir[x86]("/dev/shm/narrow", 0777) = ENOSPC (No space left on device), by linux.seccomp.syscalls[0] (mkdir, mkdirat)'
	# its own, always in the filter, need not be listed
	config '.linux.seccomp.architectures = ["SCMP_ARCH_X86"]'
	expect 28 woody run "$ID"
	config '.linux.seccomp.architectures = ["SCMP_ARCH_X86_64"]'
	expect 159 woody run "$ID"
	config 'del(.linux.seccomp.architectures)'
	expect 159 woody run "$ID"
}

@test "which calls are newer than the profile is each architecture's own matter" {
	[ -x "$WOODY_TESTBIN/narrow_m32" ] || skip "only an x86_64 kernel has a second architecture"
	cp "$WOODY_TESTBIN"/narrow_m{32,64} "$ROOTFS/bin/"
	# chmod is 90 on x86_64, where mkdir is 83: the default's errno. On x86 it is 15, and mkdir 39: newer.
	filter '{ "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 28, "architectures": ["SCMP_ARCH_X86"], "syscalls": [
		{ "names": ["execve", "exit", "chmod"], "action": "SCMP_ACT_ALLOW" }] }'
	program narrow_m64
	expect 28 woody run "$ID"
	program narrow_m32
	expect 38 woody run "$ID"
}

@test "x32: its numbers are no way around, and its programs are under the filter" {
	[ -x "$WOODY_TESTBIN/narrow_mx32" ] || skip "only x86_64 has it"
	cp "$WOODY_TESTBIN"/{calls,narrow_mx32} "$ROOTFS/bin/"
	local mkdir=$((0x40000000 + 83))
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28 }] }'
	program calls number $mkdir
	expect 159 woody run "$ID"
	config '.linux.seccomp.architectures = ["SCMP_ARCH_X32"]'
	expect 0 woody run "$ID"
	prints "No space left on device"
	"$WOODY_TESTBIN/narrow_mx32" || [ $? -ne 126 ] || skip "this kernel executes no x32 programs"
	rmdir /dev/shm/narrow
	program narrow_mx32
	expect 28 woody run "$ID"
}

@test "startContainer hooks are under the filter, and the program after them has it once" {
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL" }] }'
	config '.hooks = { startContainer: [{ path: "/bin/mkdir", args: ["mkdir", "/dev/shm/hook"] }] }'
	program true
	attempt 1 woody run "$ID"
	says "error running startContainer hook #0: signal: bad system call"
	gone
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28 }] }'
	config '.hooks = { startContainer: [{ path: "/bin/sh", args: ["sh", "-c",
		"grep Seccomp_filters /proc/self/status >/dev/shm/said; mkdir /dev/shm/hook 2>>/dev/shm/said; true"] }] }'
	local privileges
	for privileges in true false; do
		config '.process.noNewPrivileges = $p' --argjson p $privileges
		inside 0 'cat /dev/shm/said; grep Seccomp_filters /proc/self/status'
		matches '^Seccomp_filters:.1
[^
]*No space left on device
Seccomp_filters:.1$'
	done
}

@test "what woody does to run startContainer hooks need not be allowed" {
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["pipe2", "clone", "clone3", "vfork", "close_range", "poll", "ppoll",
		"setresuid", "setresgid", "setgroups", "pidfd_open", "sendmsg", "recvmsg", "rt_sigaction"], "action": "SCMP_ACT_KILL" }] }'
	config '.hooks = { startContainer: [{ path: "/bin/true" }] }'
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	rm "$ROOTFS/bin/true"
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/true"
	config '.hooks.startContainer[0].args = ["true", "count"]'
	program probe count
	expect 0 woody run "$ID"
}

@test "other hooks are not under it" {
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL" }] }'
	local kind
	for kind in prestart createRuntime createContainer poststart poststop; do
		config '.hooks[$k] = [{ path: "/bin/mkdir", args: ["mkdir", $d] }]' --arg k $kind --arg d "$WORK/$kind"
	done
	program true
	config 'del(.hooks.createContainer)'	# runs in a root file system of its own
	expect 0 woody run "$ID"
	[ -d "$WORK/prestart" ] && [ -d "$WORK/createRuntime" ] && [ -d "$WORK/poststart" ] && [ -d "$WORK/poststop" ]
}

@test "operators compare 64 bits" {
	cp "$WOODY_TESTBIN/calls" "$ROOTFS/bin/"
	# the value is 0x100000010; a comparison of 32 bits would see 0x10
	local row op
	for row in 'EQ .#..' 'NE #.##' 'LT #..#' 'LE ##.#' 'GT ..#.' 'GE .##.'; do
		op=${row% *}
		filter "$(jq -n --arg op "SCMP_CMP_$op" '{ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["umask"], action: "SCMP_ACT_ERRNO",
			args: [{ index: 0, value: 4294967312, op: $op }] }] }')"
		inside 0 'for v in 0x10000000f 0x100000010 0x100000011 0x10; do
			case $(calls argument 0 $v | tail -n 1) in ok) printf .;; *) printf "#";; esac; done'
		same "$op $output" "$row"
	done
	# masked: bits 32 and 3 must be as in 0x100000000
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["umask"], "action": "SCMP_ACT_ERRNO",
		"args": [{ "index": 0, "value": 4294967304, "valueTwo": 4294967296, "op": "SCMP_CMP_MASKED_EQ" }] }] }'
	inside 0 'for v in 0x100000000 0x100000008 0x0 0x1000000f7; do
		case $(calls argument 0 $v | tail -n 1) in ok) printf .;; *) printf "#";; esac; done'
	prints '#..#'
}

@test "conditions on different arguments must all hold, those on one are alternatives" {
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{ "names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28, "args": [{ "index": 0, "value": 1, "op": "SCMP_CMP_EQ" },
			{ "index": 1, "value": 0, "op": "SCMP_CMP_EQ" }] },
		{ "names": ["umask"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28, "args": [{ "index": 0, "value": 1, "op": "SCMP_CMP_EQ" },
			{ "index": 0, "value": 2, "op": "SCMP_CMP_EQ" }] }] }'
	cp "$WOODY_TESTBIN/calls" "$ROOTFS/bin/"
	inside 0 'sleep 9 & kill -0 1 2>&1; kill -0 $! && kill -CONT 1 && echo fine; for v in 1 2 3; do calls argument 0 $v | tail -n 1; done'
	says "fine"
	same "$(grep -c "No space left" <<<"$output")" 3
	same "${lines[-1]}" ok
}

@test "every action, with a call that the program makes" {
	cp "$WOODY_TESTBIN/calls" "$ROOTFS/bin/"
	local row
	program calls number 169	# reboot
	for row in 'ALLOW 0 Invalid argument' 'LOG 0 Invalid argument' 'ERRNO 0 Operation not permitted' 'TRACE 0 Function not implemented' \
		'TRAP 159 ' 'KILL 159 ' 'KILL_THREAD 159 ' 'KILL_PROCESS 159 '; do
		filter "$(jq -n --arg a "SCMP_ACT_${row%% *}" '{ defaultAction: (if $a == "SCMP_ACT_ALLOW" then "SCMP_ACT_LOG" else "SCMP_ACT_ALLOW" end),
			syscalls: [{ names: ["reboot"], action: $a }] }')"
		capabilities CAP_SYS_BOOT
		row=${row#* }
		expect "${row%% *}" woody run "$ID"
		prints "${row#* }"
	done
}

@test "defaultErrnoRet, errnoRet and the ENOSYS of newer calls side by side" {
	cp "$WOODY_TESTBIN/calls" "$ROOTFS/bin/"
	filter '{ "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 28, "syscalls": [{ "action": "SCMP_ACT_ALLOW", "names": ["execve",
		"brk", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "prlimit64", "readlink", "readlinkat", "getrandom",
		"mprotect", "mmap", "munmap", "newfstatat", "fstat", "write", "writev", "exit_group", "exit", "rt_sigreturn",
		"capset", "prctl", "futex", "ioctl"] }, { "action": "SCMP_ACT_ERRNO", "errnoRet": 13, "names": ["getpid"] }] }'
	local row
	# getpid by its rule; getppid by the default; 335 and above are newer than rseq (334)
	for row in '39 Permission denied' '110 No space left on device' '435 Function not implemented' '4000 Function not implemented'; do
		program calls number ${row%% *}
		expect 0 woody run "$ID"
		prints "${row#* }"
	done
	config '.linux.seccomp.defaultAction = "SCMP_ACT_KILL" | del(.linux.seccomp.defaultErrnoRet)'
	program calls number 110
	expect 159 woody run "$ID"
	program calls number 4000
	expect 0 woody run "$ID"
	prints "Function not implemented"
}

@test "flags, as --debug tells them" {
	program true
	local row
	for row in 'null 4' '[] 0' '["SECCOMP_FILTER_FLAG_LOG"] 2' '["SECCOMP_FILTER_FLAG_SPEC_ALLOW"] 4' '["SECCOMP_FILTER_FLAG_TSYNC"] 0' \
		'["SECCOMP_FILTER_FLAG_LOG","SECCOMP_FILTER_FLAG_SPEC_ALLOW","SECCOMP_FILTER_FLAG_TSYNC"] 6' \
		'["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] 0'; do
		filter "$(jq -n --argjson f "${row% *}" '{ defaultAction: "SCMP_ACT_ALLOW", flags: $f } | if $f == null then del(.flags) else . end')"
		expect 0 woody --debug run "$ID"
		says "seccomp filter flags: ${row##* }"
	done
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
		"setresuid", "setresgid", "setgroups", "socket", "sendmsg", "recvmsg", "execveat", "seccomp", "statx", "clone3",
		"faccessat2", "fspick", "personality", "keyctl", "sched_setaffinity", "sched_setattr", "prlimit64", "chdir", "fchdir"],
		"action": "SCMP_ACT_ERRNO", "errnoRet": 38 }] }'
	local privileges errno
	for errno in 38 1; do
		config '.linux.seccomp.syscalls[0].errnoRet = $e' --argjson e $errno
		for privileges in true false; do
			config '.process.noNewPrivileges = $p' --argjson p $privileges
			inside 0 'echo runs'
			prints runs
		done
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
