# run --explain and exec --explain: what the profile denies is told, and nothing else changes.
load helpers

filter() {
	config '.linux.seccomp = $filter' --argjson filter "$1"
}

# told TEXT, not_told TEXT - on stderr, as a whole line (the text after "woody: seccomp: ")
told() {
	grep -qxF "woody: seccomp: $1" <<<"$stderr" || fail "this was not told: $1" "stdout: $output" "stderr: $stderr"
}

not_told() {
	! grep -qF -- "$1" <<<"$stderr" || fail "this should not be told: $1" "stderr: $stderr"
}

# explained CODE SCRIPT
explained() {
	program sh -c "$2"
	expect "$1" woody run --explain "$ID"
}

MKDIR='{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
	{ "names": ["acct"], "action": "SCMP_ACT_ERRNO" },
	{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28 }] }'

@test "a denied call is told with its arguments, its errno and its rule; the outcome is the same" {
	filter "$MKDIR"
	inside 1 'mkdir /dev/shm/x'
	local plain=$stderr
	says "No space left"
	explained 1 'mkdir /dev/shm/x'
	told 'mkdir("/dev/shm/x", 0777) = ENOSPC (No space left on device), by linux.seccomp.syscalls[1] (mkdir, mkdirat)'
	same "$(grep -v '^woody: seccomp: ' <<<"$stderr")" "$plain"
}

@test "what is repeated is told once, and counted" {
	filter "$MKDIR"
	explained 0 'for i in 1 2 3 4 5; do mkdir /dev/shm/x; done 2>/dev/null; mkdir /dev/shm/y 2>/dev/null; true'
	local line='mkdir("/dev/shm/x", 0777) = ENOSPC (No space left on device), by linux.seccomp.syscalls[1] (mkdir, mkdirat)'
	told "$line"
	told "5 times: $line"
	same "$(grep -c /dev/shm/x <<<"$stderr")" 2
	same "$(grep -c /dev/shm/y <<<"$stderr")" 1
}

@test "conditions on arguments: each call gets the errno of its own rule" {
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{ "names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13, "args": [{ "index": 1, "value": 0, "op": "SCMP_CMP_EQ" }] },
		{ "names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28, "args": [{ "index": 1, "value": 10, "op": "SCMP_CMP_GE" }] }] }'
	explained 0 'trap "echo hup" HUP; kill -0 1 2>&1; kill -HUP 1; kill -USR1 1 2>&1; true'
	matches '^[^
]*Permission denied
hup
[^
]*No space left on device$'
	told 'kill(1, 0) = EACCES (Permission denied), by linux.seccomp.syscalls[0] (kill; its args fit)'
	told 'kill(1, 10) = ENOSPC (No space left on device), by linux.seccomp.syscalls[1] (kill; its args fit)'
	not_told 'kill(1, 1)'
}

@test "the default action, and calls that are newer than the profile" {
	cp "$WOODY_TESTBIN"/{probe,calls} "$ROOTFS/bin/"
	filter '{ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{ "action": "SCMP_ACT_ALLOW", "names": ["execve",
		"brk", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "prlimit64", "readlink", "readlinkat", "getrandom",
		"mprotect", "mmap", "munmap", "newfstatat", "fstat", "write", "writev", "exit_group", "exit", "rt_sigreturn",
		"capset", "prctl", "futex", "ioctl"] }] }'
	program probe open r /etc/passwd
	expect 1 woody run --explain "$ID"
	prints "Operation not permitted"
	told 'openat(AT_FDCWD, "/etc/passwd", 0, 0) = EPERM (Operation not permitted), by linux.seccomp.defaultAction'
	program calls number 451
	expect 0 woody run --explain "$ID"
	prints "Function not implemented"
	says 'by no rule: it is newer than every call that linux.seccomp.syscalls names'
}

@test "an errno of 0 does nothing and succeeds" {
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0 }] }'
	explained 0 'mkdir /dev/shm/x && ls /dev/shm'
	prints ""
	told 'mkdir("/dev/shm/x", 0777) = 0 without being done, by linux.seccomp.syscalls[0] (mkdir)'
}

@test "calls of children and of threads" {
	cp "$WOODY_TESTBIN/calls" "$ROOTFS/bin/"
	filter "$MKDIR"
	explained 0 '(mkdir /dev/shm/a; (mkdir /dev/shm/b; mkdir /dev/shm/c) & wait) 2>/dev/null; true'
	local dir
	for dir in a b c; do
		says "mkdir(\"/dev/shm/$dir\", 0777) = ENOSPC"
	done
	program calls threads 4 /dev/shm/t
	expect 0 woody run --explain "$ID"
	prints $'No space left on device\nNo space left on device\nNo space left on device\nNo space left on device'
	says '4 times: mkdir("/dev/shm/t", 0777) = ENOSPC'
}

@test "strings are shown so that a terminal takes no harm" {
	filter "$MKDIR"
	explained 1 "mkdir \"\$(printf '/dev/shm/\\033[2J\\377\"x')\" 2>/dev/null"
	told 'mkdir("/dev/shm/\x1b[2J\xff\"x", 0777) = ENOSPC (No space left on device), by linux.seccomp.syscalls[1] (mkdir, mkdirat)'
	explained 1 'mkdir $(printf "%0200d" 7) 2>/dev/null'
	says '0000"..., 0777) = ENOSPC'
}

@test "what kills or traps still does, and is told from the end" {
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS" },
		{ "names": ["acct"], "action": "SCMP_ACT_TRAP" }, { "names": ["swapon"], "action": "SCMP_ACT_ERRNO" }] }'
	program mkdir /dev/shm/x
	expect 159 woody run --explain "$ID"
	told 'the program was ended by SIGSYS; what kills or traps is: linux.seccomp.syscalls[0] (SCMP_ACT_KILL_PROCESS: mkdir, mkdirat); linux.seccomp.syscalls[1] (SCMP_ACT_TRAP: acct)'
}

@test "exec --explain; the container itself is not touched" {
	filter "$MKDIR"
	start_sleeping
	expect 1 woody exec --explain "$ID" mkdir /dev/shm/x
	told 'mkdir("/dev/shm/x", 0777) = ENOSPC (No space left on device), by linux.seccomp.syscalls[1] (mkdir, mkdirat)'
	expect 1 woody exec "$ID" mkdir /dev/shm/x
	not_told "woody: seccomp"
	expect 3 woody exec --explain "$ID" sh -c 'exit 3'
	silent
}

@test "what outlives exec --explain is still denied: ENOSYS" {
	filter "$MKDIR"
	start_sleeping
	# the subshell is orphaned, and looks again and again until woody is gone
	expect 0 woody exec --explain "$ID" sh -c '(sleep 0.5; mkdir /dev/shm/late 2>/dev/shm/said) >/dev/null 2>&1 & true'
	soon grep -q "Function not implemented" "/proc/$PID/root/dev/shm/said"
	[ ! -e "/proc/$PID/root/dev/shm/late" ]
}

@test "the runtime's own calls between the filter and the program are explained, too, and do not hang" {
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["capset", "execve"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13 }] }'
	program true
	config '.process.noNewPrivileges = true'
	expect 1 woody run --explain "$ID"
	says 'execve("/bin/true", '
	says "exec /bin/true: permission denied"
	config '.process.noNewPrivileges = false'
	expect 1 woody run --explain "$ID"
	says 'capset('
}

@test "no_new_privs or not, as a user, with a terminal" {
	filter "$MKDIR"
	config '.process.noNewPrivileges = false | .process.user = { uid: 1000, gid: 1000 } | del(.process.capabilities)'
	explained 1 'mkdir /dev/shm/x'
	says 'mkdir("/dev/shm/x", 0777) = ENOSPC'
	config '.process.terminal = true'
	explained 1 'mkdir /dev/shm/x'
	says 'mkdir("/dev/shm/x", 0777) = ENOSPC'
}

@test "signals that come meanwhile change nothing" {
	cp "$WOODY_TESTBIN/calls" "$ROOTFS/bin/"
	filter "$MKDIR"
	program calls interrupted /dev/shm/x
	expect 0 woody run --explain "$ID"
	prints "No space left on device"
}

@test "not with --detach, not with an agent's profile, and not without a profile" {
	filter "$MKDIR"
	program true
	attempt 1 woody run --explain --detach "$ID"
	says "--explain cannot be used with --detach"
	attempt 255 woody exec --explain -d "$ID" true
	says "--explain cannot be used with --detach"
	filter '{ "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/nowhere", "syscalls": [{ "names": ["mkdir"], "action": "SCMP_ACT_NOTIFY" }] }'
	attempt 1 woody run --explain "$ID"
	says "--explain: linux.seccomp has SCMP_ACT_NOTIFY"
	config 'del(.linux.seccomp)'
	expect 0 woody run --explain "$ID"
	says "--explain: config.json has no linux.seccomp"
	gone
}

@test "the cache is of the profile, with --explain or without" {
	filter "$MKDIR"
	explained 1 'mkdir /dev/shm/x'
	local cached
	cached=$(find "$ROOT" -type f)
	[ -n "$cached" ]
	inside 1 'mkdir /dev/shm/x'
	says "No space left"
	same "$(find "$ROOT" -type f)" "$cached"
	explained 1 'mkdir /dev/shm/x'
	says '= ENOSPC'
}

@test "startContainer hooks are under the plain filter" {
	filter "$MKDIR"
	config '.hooks = { startContainer: [{ path: "/bin/sh", args: ["sh", "-c", "mkdir /dev/shm/hook 2>/dev/shm/said; true"] }] }'
	explained 0 'cat /dev/shm/said'
	says "No space left"
	not_told /dev/shm/hook\"
}

@test "nothing of woody stays behind" {
	filter "$MKDIR"
	explained 1 'mkdir /dev/shm/x'
	gone
	same "$(ps -eo args | grep -F -- "$ID" | grep -vc grep)" 0
}

@test "an ordinary user" {
	filter "$MKDIR"
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 12345, size: 1 }]
		| .linux.gidMappings = [{ containerID: 0, hostID: 12345, size: 1 }] | del(.linux.resources, .linux.cgroupsPath)
		| .mounts |= map(select(.type != "cgroup" and .type != "sysfs") | if .type == "devpts" then .options -= ["gid=5"] else . end)'
	program mkdir /dev/shm/x
	chmod 711 "$WORK"
	chmod 777 "$ROOT" "$BUNDLE"
	expect 1 setpriv --reuid 12345 --regid 12345 --clear-groups "$WOODY" --root "$ROOT" --rootless true run --explain "$ID"
	says 'mkdir("/dev/shm/x", 0777) = ENOSPC'
}
