# create, start, state, kill, delete, run, list, spec, features: what a caller of the commands sees.
load helpers

# in_background SCRIPT - `run` in the foreground of a process of its own: $RUN is its pid
in_background() {
	program sh -c "$1"
	"$WOODY" --root "$ROOT" run --pid-file "$WORK/pid" "$ID" </dev/null >"$WORK/stdout" 2>"$WORK/stderr" 3>&- &
	RUN=$!
}

# run_ends_with CODE
run_ends_with() {
	local code=0
	wait "$RUN" || code=$?
	same "$code" "$1"
	gone
}

@test "run exits with the program's code and deletes the container" {
	inside 0 'true'
	gone
	inside 42 'exit 42'
	gone
	inside 255 'exit 255'
}

@test "run exits with 128 + n when signal n ends the program" {
	config 'del(.linux.namespaces[] | select(.type == "pid"))'	# or it would be pid 1, which ignores its own signals
	inside 143 'kill -TERM $$'
	inside 137 'kill -KILL $$'
	inside 134 'kill -ABRT $$'
}

@test "run is ended by kill from outside" {
	in_background 'sleep 1000'
	soon status_is running
	expect 0 woody kill "$ID" KILL
	silent
	run_ends_with 137
}

@test "run forwards signals to the program" {
	in_background 'trap "echo got it; exit 7" TERM; echo ready; while :; do sleep 0.05; done'
	soon grep ready "$WORK/stdout"
	kill -TERM "$RUN"
	run_ends_with 7
	same "$(tail -n 1 "$WORK/stdout")" "got it"
}

@test "run passes stdin, stdout and stderr through" {
	program sh -c 'cat; echo to stderr >&2'
	run --separate-stderr bash -c 'printf "a b\nc" | "$0" --root "$1" run "$2"' "$WOODY" "$ROOT" "$ID"
	same "$status" 0
	prints $'a b\nc'
	same "$stderr" "to stderr"
}

@test "run --keep leaves a stopped container with its cgroup" {
	program sh -c 'exit 3'
	expect 3 woody run --keep "$ID"
	status_is stopped
	[ -n "$(find /sys/fs/cgroup -type d -name "$ID" -print -quit)" ]
	expect 0 woody delete "$ID"
	silent
	gone
}

@test "run --detach returns while the program runs" {
	start_sleeping
	same "$(cat "$WORK/stdout" "$WORK/stderr")" ""
	status_is running
	same "$(tr '\0' ' ' <"/proc/$PID/cmdline")" "sleep 1000 "
}

@test "create, start, kill, delete: the words of state" {
	program sleep 1000
	detached woody create --pid-file "$WORK/pid" "$ID"
	same "$(cat "$WORK/stdout" "$WORK/stderr")" ""
	status_is created
	same "$(woody state "$ID" | jq .pid)" "$(cat "$WORK/pid")"

	expect 0 woody start "$ID"
	silent
	status_is running
	same "$(woody state "$ID" | jq .pid)" "$(cat "$WORK/pid")"

	expect 0 woody kill "$ID" KILL
	silent
	soon stopped
	same "$(woody state "$ID" | jq .pid)" 0

	expect 0 woody delete "$ID"
	silent
	expect 1 woody state "$ID"
	gone
}

@test "the program does not run before start" {
	writable
	program touch /ran
	detached woody create "$ID"
	sleep 0.1
	[ ! -e "$ROOTFS/ran" ]
	expect 0 woody start "$ID"
	soon test -e "$ROOTFS/ran"
	soon stopped
}

@test "start returns once the program has been executed" {
	program sleep 1000
	detached woody create --pid-file "$WORK/pid" "$ID"
	expect 0 woody start "$ID"
	same "$(tr '\0' ' ' <"/proc/$(cat "$WORK/pid")/cmdline")" "sleep 1000 "
}

@test "start works once" {
	start_sleeping
	expect 1 woody start "$ID"
	says "cannot start a container in the running state"
	woody kill "$ID" KILL
	soon stopped
	expect 1 woody start "$ID"
	says "cannot start a container that has stopped"
	status_is stopped
}

@test "create keeps nothing of the caller open" {
	program sleep 1000
	mkfifo "$WORK/fifo"
	cat "$WORK/fifo" >"$WORK/copy" &
	local reader=$!
	detached woody create "$ID" 9>"$WORK/fifo"
	soon bash -c "! kill -0 $reader"	# end of file came while the container is there
	status_is created
}

@test "pid-file is the decimal pid without a newline, relative to the caller" {
	program sleep 1000
	cd "$WORK"
	detached woody create --bundle "$BUNDLE" --pid-file relative.pid "$ID"
	[ ! -e "$BUNDLE/relative.pid" ]
	same "$(od -An -c relative.pid | tr -d ' ')" "$(woody state "$ID" | jq -j .pid)"
	same "$(stat -c %s relative.pid)" "$(woody state "$ID" | jq -j .pid | wc -c)"
}

@test "state prints what the runtime-spec and engines want" {
	config '.annotations = { "org.example.one": "1", "two": "zwei ü" }'
	cd "$WORK"
	program sleep 1000
	detached woody create -b bundle "$ID"
	expect 0 woody state "$ID"
	same "$stderr" ""
	same "$(jq -r .id <<<"$output")" "$ID"
	same "$(jq -r .bundle <<<"$output")" "$BUNDLE"
	same "$(jq -r .rootfs <<<"$output")" "$ROOTFS"
	same "$(jq -r .status <<<"$output")" created
	same "$(jq -c .annotations <<<"$output")" '{"org.example.one":"1","two":"zwei ü"}'
	same "$(jq -r .owner <<<"$output")" root
	jq -e '.pid > 1 and (.ociVersion | startswith("1."))' <<<"$output"
	jq -e '.created | fromdateiso8601? // (sub("\\.[0-9]+"; "") | fromdateiso8601) | (now - .) | . >= -1 and . < 60' <<<"$output"
}

@test "a zombie is stopped" {
	# `run` reaps its child only when it gets to it: a stopped one does not
	in_background 'echo ready; sleep 1000'
	soon grep ready "$WORK/stdout"
	PID=$(cat "$WORK/pid")
	kill -STOP "$RUN"
	kill -KILL "$PID"
	soon grep -q 'State:.Z' "/proc/$PID/status"
	status_is stopped
	kill -CONT "$RUN"
	run_ends_with 137
}

@test "a running container is deleted with --force only" {
	start_sleeping
	expect 1 woody delete "$ID"
	says "not stopped"
	status_is running
	expect 0 woody delete --force "$ID"
	silent
	gone
	ended "$PID"
}

@test "a created container is deleted without --force" {
	program sleep 1000
	detached woody create --pid-file "$WORK/pid" "$ID"
	expect 0 woody delete "$ID"
	silent
	gone
	ended "$(cat "$WORK/pid")"
}

@test "an unknown id" {
	local command
	for command in state start kill delete; do
		expect 1 woody "$command" unknown
		says "container does not exist"
		same "$output" ""
	done
	expect 0 woody delete --force unknown
	silent
}

@test "a used id is refused and the container stays" {
	start_sleeping
	attempt 1 woody create "$ID"
	says "already exists"
	expect 1 woody run "$ID"
	says "already exists"
	status_is running
	same "$(woody state "$ID" | jq .pid)" "$PID"
}

@test "bad ids are refused" {
	local id
	program true
	for id in . .. .hidden ../x a/b /abs "a b" "" $'a\nb' 'a*b' 'ä'; do
		expect 1 woody run "$id"
		says "container ID"
		same "$output" ""
	done
	same "$(find "$WORK" -mindepth 1 -maxdepth 1 ! -name 'separate-stderr-*' -printf '%f\n' | sort | tr '\n' ' ')" "bundle root "
	same "$(ls -A "$ROOT")" ""
	expect 1 woody run "$(printf 'a%.0s' {1..1025})"
	says "container ID"
	expect 1 woody state ../bundle
	expect 1 woody kill ..
	expect 1 woody delete .
}

@test "ids may have every character that is allowed" {
	program true
	expect 0 woody run "$ID+A_z.0-"
	silent
}

@test "commands without an id fail" {
	local command
	for command in create run start state kill delete exec; do
		run woody "$command"
		differ "$status" 0
	done
	expect 1 woody kill KILL	# it is an id then
}

@test "kill takes names and numbers" {
	program sh -c 'trap "echo USR1" USR1; trap "echo HUP" HUP; trap "echo TERM; exit" TERM; echo ready; while :; do sleep 0.02; done'
	detached woody run -d "$ID"
	soon grep ready "$WORK/stdout"
	local signal
	for signal in USR1 SIGUSR1 10 HUP sighup 1; do
		: >"$WORK/stdout"
		expect 0 woody kill "$ID" "$signal"
		silent
		soon grep -e USR1 -e HUP "$WORK/stdout"
	done
	expect 1 woody kill "$ID" NOSUCH
	says "NOSUCH"
	expect 1 woody kill "$ID" 1000
	status_is running
	expect 0 woody kill "$ID"	# TERM
	soon stopped
	same "$(tail -n 1 "$WORK/stdout")" TERM
}

@test "kill of a stopped container changes nothing" {
	program true
	expect 0 woody run --keep "$ID"
	local before
	before=$(woody state "$ID")
	expect 1 woody kill "$ID"
	says "container not running"
	expect 1 woody kill "$ID" KILL
	says "container not running"
	expect 0 woody kill -a "$ID" KILL
	same "$(woody state "$ID")" "$before"
}

# procs - the file with the pids of the container's cgroup, in whichever hierarchy; processes N - there are N
procs() { find /sys/fs/cgroup -path "*/$ID/cgroup.procs" -print -quit; }
processes() { [ "$(wc -l <"$(procs)")" -eq "$1" ]; }

@test "kill KILL reaches every process of a container that shares the pid namespace" {
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	program sh -c 'sleep 1001 & sleep 1002 & wait'
	detached woody run -d "$ID"
	soon processes 3
	local pid pids
	pids=$(<"$(procs)")
	expect 0 woody kill "$ID" KILL
	soon processes 0
	soon stopped
	for pid in $pids; do soon ended "$pid"; done
	expect 0 woody delete "$ID"
}

@test "delete ends what outlived init in a shared pid namespace" {
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	program sh -c 'sleep 1001 & exit 0'
	detached woody run -d "$ID"
	soon stopped
	local left
	left=$(<"$(procs)")
	[ -n "$left" ]
	expect 0 woody delete "$ID"
	silent
	soon ended "$left"
	gone
}

@test "config.json may be replaced after create" {
	writable
	program sh -c 'echo old >/ran'
	detached woody create "$ID"
	echo 'this is no JSON' >"$BUNDLE/config.json"
	expect 0 woody start "$ID"
	soon test -s "$ROOTFS/ran"
	soon stopped
	rm "$BUNDLE/config.json"
	expect 0 woody delete "$ID"
	same "$(cat "$ROOTFS/ran")" old
	gone
}

@test "a config without process creates, and its start fails" {
	config 'del(.process)'
	detached woody create "$ID"
	status_is created
	expect 1 woody start "$ID"
	says "process"
}

@test "list prints sorted ids, a table and JSON" {
	local name
	expect 0 woody list -q
	silent
	expect 0 woody list --format json
	[[ "$output" == "[]" || "$output" == null ]]

	program true
	for name in c a b; do
		config '.linux.cgroupsPath = "/" + $id' --arg id "$ID-$name"
		expect 0 woody run --keep "$ID-$name"
	done
	expect 0 woody list -q
	prints "$ID-a"$'\n'"$ID-b"$'\n'"$ID-c"
	expect 0 woody list --quiet
	same "${#lines[@]}" 3
	expect 0 woody list
	matches '^ID +PID +STATUS +BUNDLE +CREATED +OWNER'
	same "${#lines[@]}" 4
	[[ "${lines[1]}" =~ ^"$ID-a"\ +0\ +stopped\ +"$BUNDLE"\ +20[0-9T:.Z-]+\ +root ]]
	expect 0 woody list -f json
	same "$(jq -r '[.[].id] | join(" ")' <<<"$output")" "$ID-a $ID-b $ID-c"
	same "$(jq -r '.[0] | keys_unsorted | join(" ")' <<<"$output")" "ociVersion id pid status bundle rootfs created owner"
	expect 1 woody list -f yaml
}

@test "list of a --root that is not there fails" {
	expect 1 "$WOODY" --root "$WORK/nowhere" list
	same "$output" ""
	[ ! -e "$WORK/nowhere" ]
}

@test "--root separates containers" {
	start_sleeping
	expect 1 "$WOODY" --root "$WORK/other" state "$ID"
	config '.linux.cgroupsPath = "/" + $id' --arg id "$ID-other"
	program sh -c 'exit 5'
	expect 5 "$WOODY" --root "$WORK/other" run "$ID"
	status_is running
}

@test "options stand before and after the id" {
	program sleep 1000
	detached woody run "$ID" --detach --bundle="$BUNDLE" --pid-file="$WORK/pid"
	[ -s "$WORK/pid" ]
	expect 0 woody delete "$ID" --force
	gone
}

@test "a relative bundle and root.path" {
	mv "$ROOTFS" "$BUNDLE/tree"
	config '.root.path = "./tree"'
	program cat /etc/passwd
	cd "$WORK"
	expect 0 woody run -b ./bundle "$ID"
	says root:x:0
	config '.root.path = "."'
	mv "$BUNDLE/config.json" "$BUNDLE/tree/"
	cd "$BUNDLE/tree"
	expect 0 woody run "$ID"
	says root:x:0
}

@test "--log takes the messages, as text and as JSON lines" {
	expect 1 woody --log "$WORK/log" --log-format json state unknown
	jq -e 'select(.level == "error") | .msg | contains("container does not exist")' <"$WORK/log"
	jq -e '.time' <"$WORK/log"
	expect 1 woody --log "$WORK/text" state unknown
	grep -q 'level=error' "$WORK/text"
	expect 1 woody --log "$WORK/log" --log-format yaml state unknown
	says yaml
	expect 1 woody --log "$WORK/no/such/dir" state unknown
	says "$WORK/no/such/dir"
}

@test "--debug tells what init does, to the log only when there is one" {
	program true
	expect 0 woody --debug run "$ID"
	says level=debug
	says "child process in init()"
	says "init: closing the pipe to signal completion"
	expect 0 woody --debug --log "$WORK/log" --log-format json run "$ID"
	silent
	grep -q '"level":"debug"' "$WORK/log"
}

@test "--help has runc's shape" {
	local command
	for command in "" create delete exec kill list run spec start state features; do
		expect 0 woody $command --help
		same "${lines[0]}" "NAME:"
		if [ -z "$command" ]; then
			[[ "${lines[1]}" == *"woody - Open Container Initiative runtime"* ]]
		else
			[[ "${lines[1]}" == *"woody $command"* ]]
		fi
		expect 0 woody $command -h
		same "${lines[0]}" "NAME:"
	done
	run --separate-stderr woody foo -h
	differ "$status" 0
	says "No help topic for 'foo'"
}

@test "--version names the runtime, the commit and the spec" {
	expect 0 woody --version
	[[ "${lines[0]}" =~ ^woody\ version\ [0-9]+\.[0-9]+\.[0-9]+ ]]
	[[ "${lines[1]}" == "commit: "* ]]
	same "${lines[2]}" "spec: 1.3.0"
	expect 0 woody -v
}

@test "spec writes runc's default and refuses to overwrite" {
	mkdir "$WORK/new"
	cd "$WORK/new"
	expect 0 woody spec
	silent
	cp config.json first
	expect 1 woody spec
	says "config.json"
	cmp config.json first
	jq -e '.process | .terminal == true and .args == ["sh"] and .user == {uid: 0, gid: 0} and .cwd == "/"
		and .noNewPrivileges == true
		and (.capabilities.bounding | sort) == ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
		and .capabilities.bounding == .capabilities.permitted and .capabilities.bounding == .capabilities.effective
		and .rlimits == [{type: "RLIMIT_NOFILE", hard: 1024, soft: 1024}]' config.json
	jq -e '.root == {path: "rootfs", readonly: true}' config.json
	jq -e '[.mounts[].destination] == ["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup"]' config.json
	jq -e '.linux.resources.devices == [{allow: false, access: "rwm"}]' config.json
	jq -e '[.linux.namespaces[].type] - ["cgroup"] | sort == ["ipc", "mount", "network", "pid", "uts"]' config.json
	jq -e '.linux | (.maskedPaths | index("/proc/kcore")) and (.readonlyPaths | index("/proc/sys"))' config.json
	mkdir other
	expect 0 woody spec --bundle other
	cmp config.json other/config.json
}

@test "spec --rootless maps the caller alone" {
	mkdir "$WORK/new"
	cd "$WORK/new"
	expect 0 woody spec --rootless
	jq -e '.linux.namespaces | any(.type == "user") and all(.type != "network")' config.json
	jq -e '.linux.uidMappings == [{containerID: 0, hostID: 0, size: 1}] and .linux.gidMappings == .linux.uidMappings' config.json
	jq -e '.linux.resources.devices == null' config.json
	jq -e '.mounts[] | select(.destination == "/sys") | .type == "none" and (.options | index("rbind"))' config.json
}

@test "features is a JSON document of the runtime-spec" {
	expect 0 woody features
	same "$stderr" ""
	jq -e '.ociVersionMin and .ociVersionMax' <<<"$output"
	jq -e '.hooks - ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"] == []
		and (.hooks | length) == 6' <<<"$output"
	jq -e '.mountOptions | index("rbind") and index("ro") and index("nosuid") and index("tmpcopyup")' <<<"$output"
	jq -e '.linux.namespaces | sort == (["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"] | sort)' <<<"$output"
	jq -e '.linux.capabilities | index("CAP_SYS_ADMIN")' <<<"$output"
	jq -e '.linux.seccomp | .enabled and (.actions | index("SCMP_ACT_ERRNO")) and (.operators | index("SCMP_CMP_EQ"))
		and (.archs | index("SCMP_ARCH_X86_64"))' <<<"$output"
	jq -e '.linux.cgroup | .v1 and (.systemd | type) == "boolean"' <<<"$output"
}

@test "--preserve-fds passes that many, and no more" {
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	echo from five >"$WORK/five"
	program sh -c 'cat <&5; exec probe fds'
	expect 0 bash -c 'exec 3<"$3" 4<"$3" 5<"$3" 6<"$3"; exec "$0" --root "$1" run --preserve-fds=3 "$2"' \
		"$WOODY" "$ROOT" "$ID" "$WORK/five"
	says "from five"
	matches $'\n3 [^\n]*five'
	matches $'\n5 [^\n]*five'
	[[ "$output" != *$'\n6 '* ]]
	# most of them closed is the caller's choice, and must not make ours pass for one of them
	expect 0 bash -c 'for fd in {3..110}; do eval "exec $fd>&-"; done; exec 5<"$3"; exec "$0" --root "$1" run --preserve-fds 100 "$2"' \
		"$WOODY" "$ROOT" "$ID" "$WORK/five"
	says "from five"
	same "$(tail -n +2 <<<"$output" | cut -d' ' -f1 | tr '\n' ' ')" "0 1 2 5 "
}
