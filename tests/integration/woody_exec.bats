# exec: a further program in a running container.
load helpers

# masks - the five sets of an exec'ed program, for a user that has no privileges of its own
masks() {
	expect 0 woody exec "$@" "$ID" sh -c 'grep -E "^Cap" /proc/self/status | tr -d "\t"'
}

@test "exit codes: the program's, 128 + n, 255 for our own failures" {
	start_sleeping
	expect 0 woody exec "$ID" true
	silent
	expect 1 woody exec "$ID" false
	expect 42 woody exec "$ID" sh -c 'exit 42'
	expect 143 woody exec "$ID" sh -c 'kill -TERM $$'
	expect 137 woody exec "$ID" sh -c 'kill -KILL $$'
	expect 255 woody exec "$ID" no-such-program
	says 'executable file not found in $PATH'
	expect 255 woody exec "$ID" /no/such/program
	says "no such file or directory"
	expect 255 woody exec "$ID" /etc/passwd
	says "permission denied"
	expect 255 woody exec "$ID-unknown" true
	says "container does not exist"
	expect 255 woody exec --pid-file /no/such/dir/pid "$ID" true
	says /no/such/dir/pid
	expect 255 woody exec "$ID"
	status_is running
}

@test "a bad interpreter is one line that names the program" {
	printf '#!/no/such/interpreter\n' >"$ROOTFS/run.sh"
	chmod 755 "$ROOTFS/run.sh"
	start_sleeping
	expect 255 woody exec "$ID" /run.sh
	says "exec /run.sh: no such file or directory"
	same "$(wc -l <<<"$stderr")" 1
	program /run.sh
	config '.linux.cgroupsPath += "-other"'
	expect 1 "$WOODY" --root "$WORK/other" run "$ID"
	says "exec /run.sh: no such file or directory"
	same "$(wc -l <<<"$stderr")" 1
}

@test "stdin, stdout and stderr are the caller's" {
	start_sleeping
	run --separate-stderr bash -c 'printf "a b\nc" | "$0" --root "$1" exec "$2" sh -c "cat; echo err >&2"' "$WOODY" "$ROOT" "$ID"
	same "$status" 0
	prints $'a b\nc'
	same "$stderr" err
}

@test "in a created container, which stays created" {
	program sleep 1000
	detached woody create "$ID"
	expect 0 woody exec "$ID" echo hello
	prints hello
	status_is created
}

@test "not in a stopped container" {
	program true
	expect 0 woody run --keep "$ID"
	expect 255 woody exec "$ID" true
	says stopped
}

@test "options of the command stay the command's" {
	start_sleeping
	expect 0 woody exec "$ID" echo -d --env A=B -- x
	prints "-d --env A=B -- x"
	expect 0 woody exec --cwd /tmp "$ID" sh -c 'pwd; echo "$@"' sh --cwd /
	prints $'/tmp\n--cwd /'
}

@test "--cwd" {
	start_sleeping
	expect 0 woody exec "$ID" pwd
	prints /
	expect 0 woody exec --cwd=/bin "$ID" pwd
	prints /bin
	expect 255 woody exec --cwd /no/such "$ID" pwd
	says /no/such
	expect 255 woody exec --cwd tmp "$ID" pwd
	says "absolute"
}

@test "--env adds to the container's environment, the last one wins" {
	config '.process.env += ["FROM=config", "BOTH=config"]'
	start_sleeping
	expect 0 woody exec --env A=1 -e BOTH=exec -e "C=x y=z" "$ID" sh -c 'echo "$FROM $BOTH $A $C $HOME"'
	prints "config exec 1 x y=z /root"
}

@test "--user: numbers, names, groups, HOME" {
	echo 'someone:x:2000:2001::/home/someone:/bin/sh' >>"$ROOTFS/etc/passwd"
	printf 'someone:x:2001:\nmore:x:2002:someone,other\nthird:x:2003:other\n' >>"$ROOTFS/etc/group"
	config '.process.user.additionalGids = [77]'
	start_sleeping
	expect 0 woody exec --user 1000:1000 "$ID" sh -c 'id -u; id -g; echo $HOME'
	prints $'1000\n1000\n/'
	expect 0 woody exec -u 2000 "$ID" sh -c 'id -u; echo $HOME'
	prints $'2000\n/home/someone'
	expect 0 woody exec -u someone "$ID" sh -c 'id -u; id -g; id -G; echo $HOME'
	prints $'2000\n2001\n2001 2002\n/home/someone'
	expect 0 woody exec -u someone:third "$ID" id -g
	prints 2003
	expect 0 woody exec -u 1000:1000 -e HOME=/mine "$ID" sh -c 'echo $HOME'
	prints /mine
}

@test "--user: what does not parse whole, or is unknown, is refused" {
	start_sleeping
	local word
	for word in nobody-here 0x0 1000x "1000:" ":0" "1000:x1" 4294967296 -1 " 0" "0 " root:nogroup 1:2:3 ""; do
		expect 255 woody exec --user "$word" "$ID" id
		same "$output" ""
	done
}

@test "--additional-gids" {
	start_sleeping
	expect 0 woody exec --user 1000:1000 --additional-gids 100 -g 65534 "$ID" id -G
	prints "1000 100 65534"
}

@test "--cap on a container without capabilities adds to bounding, effective, permitted" {
	config '.process.capabilities = {} | .process.user.uid = 0'
	start_sleeping
	masks --cap CAP_KILL --cap CAP_AUDIT_WRITE
	prints 'CapInh:0000000000000000
CapPrm:0000000020000020
CapEff:0000000020000020
CapBnd:0000000020000020
CapAmb:0000000000000000'
	masks
	prints 'CapInh:0000000000000000
CapPrm:0000000000000000
CapEff:0000000000000000
CapBnd:0000000000000000
CapAmb:0000000000000000'
}

@test "--cap on a container with inheritable ones adds to ambient, too" {
	# of a root process, whose execve makes permitted and effective of inheritable and bounding
	config '.process.capabilities = { inheritable: ["CAP_CHOWN", "CAP_SYSLOG"], permitted: ["CAP_KILL", "CAP_CHOWN"],
		effective: ["CAP_KILL"], bounding: ["CAP_CHOWN", "CAP_SYSLOG", "CAP_KILL"], ambient: ["CAP_CHOWN"] }'
	start_sleeping
	masks
	same "${lines[0]}" CapInh:0000000400000001
	same "${lines[3]}" CapBnd:0000000400000021
	same "${lines[1]} ${lines[2]}" "CapPrm:0000000000000021 CapEff:0000000000000021"	# no_new_privs: no more than it had
	same "${lines[4]}" CapAmb:0000000000000001
	masks --cap CAP_SYSLOG
	same "${lines[0]} ${lines[3]}" "CapInh:0000000400000001 CapBnd:0000000400000021"
	same "${lines[4]}" CapAmb:0000000400000001
	same "${lines[1]}" CapPrm:0000000400000021
	same "${lines[2]}" CapEff:0000000400000021
}

@test "the capabilities are the config's, by default" {
	config '.process.capabilities = { bounding: ["CAP_SYS_ADMIN", "CAP_KILL"], permitted: ["CAP_SYS_ADMIN"], effective: ["CAP_SYS_ADMIN"] }
		| .process.user = { uid: 1000, gid: 1000 }'
	start_sleeping
	masks
	prints 'CapInh:0000000000000000
CapPrm:0000000000000000
CapEff:0000000000000000
CapBnd:0000000000200020
CapAmb:0000000000000000'
}

@test "no_new_privs as the container, or by option" {
	start_sleeping
	expect 0 woody exec "$ID" grep -c 'NoNewPrivs:.1' /proc/self/status
	woody delete -f "$ID"
	config '.process.noNewPrivileges = false'
	start_sleeping
	expect 0 woody exec "$ID" grep -c 'NoNewPrivs:.0' /proc/self/status
	expect 0 woody exec --no-new-privs "$ID" grep -c 'NoNewPrivs:.1' /proc/self/status
}

@test "--detach and --pid-file" {
	start_sleeping
	cd "$WORK"
	detached woody exec --detach --pid-file exec.pid "$ID" sleep 1001
	local pid
	pid=$(cat exec.pid)
	same "$(stat -c %s exec.pid)" "${#pid}"
	same "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "sleep 1001 "
	differ "$pid" "$PID"
	same "$(namespace_of "$pid" pid)" "$(namespace_of "$PID" pid)"
	woody kill "$ID" KILL
	soon ended "$pid"
}

@test "--process takes the whole process from a document" {
	config '.process.env += ["FROM=config"] | .process.user.umask = 7'
	start_sleeping
	cat >"$WORK/process.json" <<-'JSON'
	{ "terminal": false, "user": { "uid": 1000, "gid": 100, "additionalGids": [5] }, "cwd": "/tmp", "env": ["PATH=/bin", "MINE=1"],
	  "args": ["sh", "-c", "id -u; id -G; pwd; echo \"$FROM $MINE $HOME\"; umask; ulimit -n; grep NoNewPrivs /proc/self/status | tr -d '\\t'"],
	  "rlimits": [{ "type": "RLIMIT_NOFILE", "soft": 77, "hard": 78 }] }
	JSON
	expect 0 woody exec --process "$WORK/process.json" "$ID"
	prints $'1000\n100 5\n/tmp\n 1 /\n0007\n77\nNoNewPrivs:1'
	jq '.user = { uid: 0, gid: 0, umask: 18 } | .args = ["sh", "-c", "umask"]' "$WORK/process.json" >"$WORK/p"
	expect 0 woody exec -p "$WORK/p" "$ID"
	prints 0022
	detached woody exec --pid-file "$WORK/pid2" --process "$WORK/process.json" --detach "$ID"
}

@test "--process: what is wrong is named with its path" {
	start_sleeping
	echo '{ "cwd": "/", "args": ["true"], "user": { "uid": "zero" } }' >"$WORK/p"
	expect 255 woody exec --process "$WORK/p" "$ID"
	says "user.uid"
	echo '{ "args": ["true"] }' >"$WORK/p"
	expect 255 woody exec --process "$WORK/p" "$ID"
	says cwd
	echo '{ "cwd": "/", "args": [] }' >"$WORK/p"
	expect 255 woody exec --process "$WORK/p" "$ID"
	says args
	echo 'not JSON' >"$WORK/p"
	expect 255 woody exec --process "$WORK/p" "$ID"
	says "$WORK/p"
	expect 255 woody exec --process "$WORK/missing" "$ID"
	says "$WORK/missing"
}

@test "--preserve-fds" {
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	start_sleeping
	expect 0 bash -c 'exec 3<"$3" 4<"$3"; exec "$0" --root "$1" exec --preserve-fds 1 "$2" probe fds' "$WOODY" "$ROOT" "$ID" /etc/passwd
	says "3 /etc/passwd"
	[[ "$output" != *$'\n4 '* ]]
}

@test "the program leads a session of its own, in the container's cgroup and namespaces" {
	start_sleeping
	expect 0 woody exec "$ID" sh -c 'cut -d" " -f1,5,6 /proc/$$/stat'
	[[ "${lines[0]}" =~ ^([0-9]+)\ ([0-9]+)\ ([0-9]+)$ ]]
	same "${BASH_REMATCH[1]} ${BASH_REMATCH[1]}" "${BASH_REMATCH[2]} ${BASH_REMATCH[3]}"
	# from outside: with a cgroup namespace, as on v2, all that is seen inside is /
	detached woody exec -d --pid-file "$WORK/second" "$ID" sleep 1000
	same "$(cat "/proc/$(cat "$WORK/second")/cgroup")" "$(cat "/proc/$PID/cgroup")"
}

@test "signals to exec go to the program" {
	start_sleeping
	"$WOODY" --root "$ROOT" exec "$ID" sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.02; done' >"$WORK/out" 2>&1 3>&- &
	local exec=$! code=0
	soon grep -q ready "$WORK/out"
	kill -TERM $exec
	wait $exec || code=$?
	same "$code" 9
}

@test "/dev/null given as stdio is never given to the user" {
	start_sleeping
	local before
	before=$(stat -c '%u:%g %a' /dev/null)
	detached woody exec -d -u 1000:1000 "$ID" sleep 1001
	expect 0 woody exec -u 1000:1000 "$ID" true </dev/null
	same "$(stat -c '%u:%g %a' /dev/null)" "$before"
}

@test "several at once" {
	start_sleeping
	local i pids=()
	for i in 1 2 3 4 5 6 7 8; do
		"$WOODY" --root "$ROOT" exec "$ID" sh -c "sleep 0.1; exit $i" 3>&- &
		pids+=($!)
	done
	for i in 1 2 3 4 5 6 7 8; do
		local code=0
		wait "${pids[i - 1]}" || code=$?
		same $code $i
	done
}

@test "a user namespace: exec is root inside, or who was asked for" {
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 "$ROOTFS"
	start_sleeping
	expect 0 woody exec "$ID" sh -c 'id -u; cat /proc/self/uid_map | tr -s " "'
	prints $'0\n 0 100000 65536'
	expect 0 woody exec -u 5:6 "$ID" sh -c 'id -u; id -g'
	prints $'5\n6'
	expect 255 woody exec -u 70000 "$ID" true
}

# receive_pidfd - at $WORK/socket, in the background: $WORK/received gets the message's text, the number of fds and the pid
receive_pidfd() {
	rm -f "$WORK/socket" "$WORK/received"
	python3 - "$WORK/socket" "$WORK/received" <<-'PYTHON' 3>&- &
	import os, re, socket, sys
	server = socket.socket(socket.AF_UNIX)
	server.bind(sys.argv[1])
	server.listen()
	connection = server.accept()[0]
	text, fds, flags, address = socket.recv_fds(connection, 100, 8)
	info = open("/proc/self/fdinfo/%d" % fds[0]).read()
	open(sys.argv[2] + ".new", "w").write("%s %d %s" % (text.decode(), len(fds), re.search("Pid:\t(.*)", info).group(1)))
	os.rename(sys.argv[2] + ".new", sys.argv[2])
	PYTHON
	RECEIVER=$!
	soon test -S "$WORK/socket"
}

# received PID - by the receiver
received() {
	wait $RECEIVER
	same "$(cat "$WORK/received")" "pidfd 1 $1"
}

@test "--pidfd-socket of create, run and exec" {
	program sleep 1000
	receive_pidfd
	detached woody create --pidfd-socket "$WORK/socket" --pid-file "$WORK/pid" "$ID"
	received "$(cat "$WORK/pid")"
	receive_pidfd
	cd "$WORK"	# a relative path starts at the caller's directory
	detached woody exec -d --pidfd-socket socket --pid-file "$WORK/exec.pid" "$ID" sleep 1001
	received "$(cat "$WORK/exec.pid")"
	differ "$(cat "$WORK/exec.pid")" "$(cat "$WORK/pid")"
	woody delete -f "$ID"
	receive_pidfd
	detached woody run -d --bundle "$BUNDLE" --pidfd-socket "$WORK/socket" --pid-file "$WORK/pid" "$ID"
	received "$(cat "$WORK/pid")"
}

@test "--pidfd-socket where nobody listens" {
	program true
	attempt 1 woody run --pidfd-socket "$WORK/none" "$ID"
	says "connect to the pidfd socket '$WORK/none'"
	gone
	start_sleeping
	expect 255 woody exec --pidfd-socket "$WORK/none" "$ID" sh -c 'touch /tmp/it-ran'
	says "connect to the pidfd socket '$WORK/none'"
	[ ! -e "$ROOTFS/tmp/it-ran" ]
}

@test "--debug tells what callers of runc look for; with --log only there" {
	start_sleeping
	expect 0 woody --debug exec "$ID" echo out
	prints out
	local text
	for text in "level=debug" "nsexec container setup" "child process in init()" "setns_init: about to exec"; do
		says "$text"
	done
	expect 0 woody --debug --log "$WORK/log" --log-format json exec "$ID" echo out
	same "$stderr" ""
	grep -q '"level":"debug".*setns_init: about to exec\|setns_init: about to exec.*"level":"debug"' "$WORK/log"
}
