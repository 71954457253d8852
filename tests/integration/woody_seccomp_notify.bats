# SCMP_ACT_NOTIFY: the listener reaches the agent, whatever calls it is about; and what happens without one.
load helpers

prepare() {
	AGENT=$WORK/agent.sock
	LOG=$WORK/agent.log
	AGENT_PID=
}

cleanup() {
	if [ -n "$AGENT_PID" ]; then kill "$AGENT_PID" 2>/dev/null || true; fi
}

# agent HOW... - it listens when this returns
agent() {
	cleanup
	rm -f "$AGENT"
	"$WOODY_TESTBIN/agent" "$AGENT" "$LOG" "$@" </dev/null >"$WORK/agent.out" 2>&1 3>&- &
	AGENT_PID=$!
	soon test -S "$AGENT"
}

# notified NAME... - the profile that notifies these calls
notified() {
	jq --arg path "$AGENT" '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", listenerPath: $path, listenerMetadata: "some \"words\"",
		syscalls: [{ names: $ARGS.positional, action: "SCMP_ACT_NOTIFY" }] }' "$BUNDLE/config.json" --args -- "$@" \
		>"$BUNDLE/config.new" && mv "$BUNDLE/config.new" "$BUNDLE/config.json"
}

# state_sent N - the N-th message that the agent got
state_sent() {
	grep '^{' "$LOG" | sed -n "$1p"
}

@test "the agent gets the process state and one fd, and its answer is the call's" {
	agent errno 28
	notified mkdir mkdirat
	config '.annotations = { colour: "red" }'
	local privileges
	for privileges in true false; do
		config '.process.noNewPrivileges = $p' --argjson p $privileges
		inside 1 'mkdir /dev/shm/x'
		says "No space left"
	done
	same "$(grep -c '^fds 1$' "$LOG")" 2
	same "$(state_sent 1 | jq -c '[.ociVersion, .fds, .metadata, (.pid > 1), .pid == .state.pid, .state.id, .state.status, .state.bundle, .state.annotations]')" \
		"[\"1.3.0\",[\"seccompFd\"],\"some \\\"words\\\"\",true,true,\"$ID\",\"created\",\"$BUNDLE\",{\"colour\":\"red\"}]"
	same "$(grep -c '^call ' "$LOG")" 2
	gone
}

@test "calls that the agent lets through are done" {
	agent continue
	notified mkdir mkdirat
	inside 0 'mkdir /dev/shm/x && ls /dev/shm'
	prints x
}

@test "execve, openat, read, close, fcntl and all that sends messages: nothing hangs" {
	agent continue
	notified execve execveat open openat openat2 read readv close fcntl dup dup2 dup3 sendmsg sendto recvmsg futex poll ppoll \
		capset capget prctl mmap brk exit_group setresuid socket connect pidfd_getfd
	local privileges
	for privileges in true false; do
		config '.process.noNewPrivileges = $p' --argjson p $privileges
		inside 7 'echo runs; exit 7'
		prints runs
	done
	grep -q '^call 59 ' "$LOG"	# execve itself was asked for
	start_sleeping
	expect 0 woody exec "$ID" echo runs
	prints runs
}

@test "create and start: the agent hears of it at the start, from a process that outlived create" {
	agent errno 28
	notified mkdir mkdirat
	program sh -c 'mkdir /dev/shm/x 2>/dev/shm/said; sleep 1000'
	detached woody create --pid-file "$WORK/pid" "$ID"
	PID=$(cat "$WORK/pid")
	[ ! -s "$LOG" ]
	expect 0 woody start "$ID"
	silent
	same "$(state_sent 1 | jq -c '[.pid, .state.pid, .state.status]')" "[$PID,$PID,\"created\"]"
	soon grep -q "No space left" "/proc/$PID/root/dev/shm/said"
}

@test "one created container does not keep the agent from others" {
	agent continue
	notified mkdir mkdirat
	program sleep 1000
	detached woody create "$ID"
	jq --arg p "/$ID-2" '.linux.cgroupsPath = $p | .process.args = ["mkdir", "/dev/shm/x"]' config.json >other.json
	expect 0 woody run --config "$BUNDLE/other.json" "$ID-2"
	expect 0 woody start "$ID"
}

@test "exec has a listener of its own, and tells the container's state" {
	agent errno 28
	notified mkdir mkdirat
	start_sleeping
	expect 1 woody exec --pid-file "$WORK/execpid" "$ID" mkdir /dev/shm/x
	says "No space left"
	same "$(state_sent 2 | jq -c '[.pid, .state.pid, .state.status]')" "[$(cat "$WORK/execpid"),$PID,\"running\"]"
	detached woody exec -d "$ID" sh -c 'mkdir /dev/shm/x 2>/dev/shm/said'
	soon grep -q "No space left" "/proc/$PID/root/dev/shm/said"
	same "$(grep -c '^fds 1$' "$LOG")" 3
}

@test "namespaces that only a second process is in" {
	agent errno 28
	notified mkdir mkdirat
	config '.linux.namespaces += [{ type: "time" }]'
	inside 1 'mkdir /dev/shm/x'
	says "No space left"
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings'
	chmod 711 "$WORK"
	inside 1 'mkdir /dev/shm/x'
	says "No space left"
}

@test "a terminal" {
	agent errno 28
	notified mkdir mkdirat ioctl
	config '.process.terminal = true'
	inside 1 'mkdir /dev/shm/x'
	says "No space left"
}

@test "an ordinary user" {
	agent errno 28
	chmod 711 "$WORK"
	chmod 777 "$AGENT" "$ROOT" "$BUNDLE"
	notified mkdir mkdirat execve sendmsg
	agent continue
	chmod 777 "$AGENT"
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 12345, size: 1 }]
		| .linux.gidMappings = [{ containerID: 0, hostID: 12345, size: 1 }] | del(.linux.resources, .linux.cgroupsPath)
		| .mounts |= map(select(.type != "cgroup" and .type != "sysfs") | if .type == "devpts" then .options -= ["gid=5"] else . end)'
	program mkdir /dev/shm/x
	expect 0 setpriv --reuid 12345 --regid 12345 --clear-groups "$WOODY" --root "$ROOT" --rootless true run "$ID"
	same "$(grep -c '^fds 1$' "$LOG")" 1
	grep -q '^call 83 ' "$LOG"
}

@test "nobody listens: nothing is made" {
	notified mkdir
	program true
	attempt 1 woody run "$ID"
	says "failed to connect with seccomp agent '$AGENT'"
	gone
	refused "failed to connect with seccomp agent '$AGENT'"
	touch "$AGENT"
	refused "failed to connect with seccomp agent '$AGENT': it is not a socket"
	attempt 1 woody run "$ID"
	says "failed to connect with seccomp agent '$AGENT'"
	config 'del(.linux.seccomp.listenerPath)'
	attempt 1 woody run "$ID"
	says "failed to connect with seccomp agent: SCMP_ACT_NOTIFY needs linux.seccomp.listenerPath"
	gone
}

@test "an agent that goes away between create and start fails the start" {
	agent continue
	notified mkdir
	program true
	detached woody create "$ID"
	cleanup
	attempt 1 woody start "$ID"
	says "failed to connect with seccomp agent '$AGENT'"
}

@test "exec without the agent fails with 255" {
	agent continue
	notified mkdir
	start_sleeping
	cleanup
	attempt 255 woody exec "$ID" true
	says "failed to connect with seccomp agent"
	status_is running
}

@test "the agent dies: ENOSYS, for the calls that wait and for those after" {
	notified mkdir mkdirat
	agent die
	inside 1 'mkdir /dev/shm/x; mkdir /dev/shm/y'
	same "$(grep -c 'Function not implemented' <<<"$stderr")" 2
	agent leave
	inside 1 'sleep 0.2; mkdir /dev/shm/x'
	says "Function not implemented"
}

@test "the agent dies while execve waits for it: the start fails, and does not hang" {
	notified execve
	program true
	local how
	for how in die leave; do
		agent $how
		attempt 1 woody run "$ID"
		says "exec /bin/true: Function not implemented"
		gone
	done
}

@test "an agent that closes the connection unread is a warning, and calls get ENOSYS" {
	notified mkdir
	agent refuse
	inside 1 'mkdir /dev/shm/x'
	says "Function not implemented"
}

@test "run.oci.seccomp.receiver names the socket when there is no listenerPath" {
	agent errno 28
	notified mkdir mkdirat
	config 'del(.linux.seccomp.listenerPath) | .annotations = { "run.oci.seccomp.receiver": $path }' --arg path "$AGENT"
	inside 1 'mkdir /dev/shm/x'
	says "No space left"
	config '.linux.seccomp.listenerPath = "/nowhere"'
	attempt 1 woody run "$ID"
	says "failed to connect with seccomp agent '/nowhere'"
}

@test "listenerPath without SCMP_ACT_NOTIFY is ignored" {
	config '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/nowhere", syscalls: [
		{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }] }'
	inside 1 'mkdir /dev/shm/x'
	says "Operation not permitted"
}

@test "not for write, and not as the default" {
	notified mkdir write
	program true
	refused "SCMP_ACT_NOTIFY cannot be used for the write syscall"
	config '.linux.seccomp.defaultAction = "SCMP_ACT_NOTIFY" | .linux.seccomp.syscalls = []'
	refused "SCMP_ACT_NOTIFY cannot be used as default action"
}

@test "flags beside the listener's" {
	agent errno 28
	notified mkdir mkdirat
	program mkdir /dev/shm/x
	local row
	# SPEC_ALLOW is the default
	for row in 'null 12' '[] 8' '["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] 40' '["SECCOMP_FILTER_FLAG_LOG","SECCOMP_FILTER_FLAG_TSYNC"] 10'; do
		config '.linux.seccomp.flags = $f | if $f == null then del(.linux.seccomp.flags) else . end' --argjson f "${row% *}"
		expect 1 woody --debug run "$ID"
		says "No space left"
		says "seccomp filter flags: ${row##* }"
	done
}

@test "startContainer hooks: fds 0 to 3 with ls's own, ENOSYS for what is to be notified, no connection of their own" {
	agent errno 28
	notified mkdir mkdirat
	config '.hooks = { startContainer: [{ path: "/bin/sh", args: ["sh", "-c",
		"[ $(ls /proc/self/fd | wc -w) -eq 4 ] || exit 1; mkdir /dev/shm/hook 2>/dev/shm/said; true"] }] }'
	inside 1 'cat /dev/shm/said; grep Seccomp_filters /proc/self/status | tr -d "\t "; ls /proc/self/fd | wc -w; mkdir /dev/shm/x'
	says "hook': Function not implemented"
	says "Seccomp_filters:1"
	same "${lines[-1]}" 4
	says "x': No space left"
	same "$(grep -c '^fds 1$' "$LOG")" 1
}

@test "the program finds no fd of ours, a killed container leaves no sender" {
	agent continue
	notified mkdir
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	program probe fds
	expect 0 woody run "$ID"
	same "$(cut -d ' ' -f 1 <<<"$output" | xargs)" "0 1 2"
	program sleep 1000
	detached woody create --pid-file "$WORK/pid" "$ID"
	pgrep -f "^$WOODY --root $ROOT create .*$ID" >/dev/null
	expect 0 woody delete -f "$ID"
	soon no_sender
}

no_sender() {
	! pgrep -f "^$WOODY --root $ROOT create .*$ID" || fail "it should have failed"
}

@test "the cache does not grow with the listeners' paths" {
	agent errno 28
	notified mkdir mkdirat
	inside 1 'mkdir /dev/shm/x'
	local cached
	cached=$(find "$ROOT" -type f)
	mv "$AGENT" "$WORK/other.sock"
	config '.linux.seccomp.listenerPath = $p | .linux.seccomp.listenerMetadata = "other"' --arg p "$WORK/other.sock"
	inside 1 'mkdir /dev/shm/x'
	says "No space left"
	same "$(find "$ROOT" -type f)" "$cached"
}
