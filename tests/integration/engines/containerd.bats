# containerd, through its runc shim with woody as the binary: run, exec, the events that the shim sends, its metrics.
source "${BATS_TEST_DIRNAME}/engine.bash"
WHO=root

setup_file() {
	engine_setup_file containerd ctr containerd-shim-runc-v2
	[ -z "$UNFIT" ] || return 0
	mkdir "$BASE/containerd"
	cat >"$BASE/containerd/config.toml" <<-CONF
	version = 2
	root = "$BASE/containerd/root"
	state = "$BASE/containerd/state"
	oom_score = 0
	disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs"]
	[grpc]
	  address = "$BASE/containerd/sock"
	[ttrpc]
	  address = "$BASE/containerd/ttrpc"
	CONF
	daemon containerd containerd --config "$BASE/containerd/config.toml"
	if ! within 60 ct version; then
		unfit "containerd does not start here: $(tail -n 1 "$BASE/daemons/containerd.log")"
		return 0
	fi
	tar -C "$BASE/layout" -cf "$BASE/image.tar" .
	ct images import --base-name plain "$BASE/image.tar" >/dev/null
	ct events >"$BASE/events" 2>&1 3>&- 4>&- &
	echo $! >"$BASE/daemons/events.pid"
	disown
}

teardown_file() {
	[ -n "${BASE:-}" ] || return 0
	[ ! -e "$BASE/daemons/containerd.pid" ] || remove_all
	engine_teardown_file
}

ct() { ctr --address "$BASE/containerd/sock" "$@"; }
# new ARGS... - of `ctr run`
new() { ct run --runc-binary "$RUNTIME" "$@"; }
plain=plain:plain

remove_all() {
	local id
	for id in $(ct tasks ls -q); do ct tasks rm -f "$id" >/dev/null 2>&1 || true; done
	for id in $(ct containers ls -q); do ct containers rm "$id" >/dev/null 2>&1 || true; done
}

cleanup() {
	remove_all
	within 10 no_cgroups || fail "cgroups are left: $(cgroups_of "$TAG")"
	same "" "$(find "$BASE"/containerd/state/io.containerd.runtime.v2.task/default -mindepth 1 -maxdepth 1 2>/dev/null)"
}

no_cgroups() { [ -z "$(find /sys/fs/cgroup -mindepth 2 -type d -path "*/$TAG/*" 2>/dev/null)" ]; }

# event TOPIC ID - such a line has come; it tells the exit status of an exit
event() { within 10 grep -q "/tasks/$1 .*\"$2\"" "$BASE/events" || fail "no event $1 of $2" "$(tail -n 20 "$BASE/events")"; }

@test "run: output, exit codes, and the events of a life" {
	expect 0 new --rm --cgroup "/$TAG/life" "$plain" life sh -c 'echo out; id -u'
	prints $'out\n0'
	local topic
	for topic in create start exit delete; do
		event "$topic" life
	done
	expect 42 new --rm --cgroup "/$TAG/code" "$plain" code sh -c 'exit 42'
	expect 1 new --rm --cgroup "/$TAG/none" "$plain" none no-such-program
	says 'exec: "no-such-program": executable file not found in $PATH'
}

@test "a task: exec, pause, resume, ps, kill, delete" {
	expect 0 new -d --cgroup "/$TAG/task" "$plain" task sleep 1000
	event start task
	expect 0 ct tasks exec --exec-id e1 task sh -c 'echo in; id -u'
	prints $'in\n0'
	event exec-started task
	expect 3 ct tasks exec --exec-id e2 task sh -c 'exit 3'
	expect 0 ct tasks pause task
	event paused task
	expect 0 ct tasks ls
	matches 'task +[0-9]+ +PAUSED'
	expect 0 ct tasks resume task
	event resumed task
	expect 0 ct tasks ps task
	matches '^PID +INFO'
	expect 0 ct tasks kill -s SIGKILL task
	event exit task
	within 10 eval 'ct tasks ls | grep -q "task .*STOPPED"'
	expect 0 ct tasks delete task
	says "exit code 137"
	event delete task
}

@test "a start that fails leaves a task that has stopped, a create that fails leaves none" {
	expect 1 new -d --cgroup "/$TAG/odd" "$plain" odd odd
	says "exec format error"
	expect 0 ct tasks ls
	matches 'odd +[0-9]+ +STOPPED'
	expect 0 ct tasks rm odd
	expect 1 new -d --cgroup "/$TAG/dir" "$plain" dir /tmp
	says "permission denied"
	expect 0 ct tasks ls -q
	prints ""
}

@test "metrics and limits" {
	expect 0 new -d --memory-limit 67108864 --cpus 0.5 --cgroup "/$TAG/metrics" "$plain" metrics sleep 1000
	expect 0 ct tasks metrics metrics
	says memory
	matches 'pids.current +1'
	[ -n "$V2" ] || matches 'memory.limit_in_bytes|memory.usage_in_bytes +[1-9]'
	local file=/sys/fs/cgroup/memory/$TAG/metrics/memory.limit_in_bytes
	[ -z "$V2" ] || file=/sys/fs/cgroup/$TAG/metrics/memory.max
	same "$(cat "$file")" 67108864
}

@test "out of memory is an event" {
	expect 0 new -d --memory-limit 16777216 --cgroup "/$TAG/hungry" "$plain" hungry \
		sh -c 'sleep 1; while :; do head -c 64m /dev/zero | tail -c 64m >/dev/null; sleep 0.2; done'
	event oom hungry
}

@test "a terminal, seccomp, a read-only root, no_new_privs, mounts" {
	expect 0 script -qec "ctr --address $BASE/containerd/sock run --runc-binary $RUNTIME --rm -t --cgroup /$TAG/tty $plain tty tty" /dev/null
	says /dev/pts/0
	mkdir "$WORK/volume"
	expect 0 new --rm --seccomp --read-only --cgroup "/$TAG/mounts" --mount "type=bind,src=$WORK/volume,dst=/tmp,options=rbind:rw" "$plain" mounts \
		sh -c 'grep -E "Seccomp:|NoNewPrivs" /proc/self/status; echo kept >/tmp/file; touch /no 2>/dev/null || echo refused'
	prints $'NoNewPrivs:\t1\nSeccomp:\t2\nrefused'
	same kept "$(cat "$WORK/volume/file")"
	# every capability is asked for; those that this machine's root lacks are left out
	expect 0 new --rm --privileged --cgroup "/$TAG/privileged" "$plain" privileged sh -c 'mount -t tmpfs t /tmp && echo mounted'
	prints mounted
}

@test "systemd as the cgroup manager: the task is a scope in the slice that was asked for" {
	[ -d /run/systemd/system ] || skip "systemd does not run here"
	expect 0 new -d --runc-systemd-cgroup --memory-limit 67108864 --cgroup "$TAG.slice:ctr:scoped" "$plain" scoped sleep 1000
	local dir=/sys/fs/cgroup/$TAG.slice/ctr-scoped.scope
	[ -n "$V2" ] || dir=/sys/fs/cgroup/memory/$TAG.slice/ctr-scoped.scope
	expect 0 ct tasks exec --exec-id e1 scoped true
	expect 0 systemctl is-active ctr-scoped.scope
	prints active
	grep -x "$(ct tasks ls | awk '$1 == "scoped" { print $2 }')" "$dir/cgroup.procs"
	expect 0 ct tasks rm -f scoped
	within 10 eval '! systemctl is-active -q ctr-scoped.scope'
}
