# cgroup v2: limits, device rules, delegation, `exec` into cgroups that have handed controllers down. As root, or as an ordinary
# user with a delegated cgroup of his own: systemd-run --user --scope -p Delegate=yes bats woody_cgroup_v2.bats
load helpers

CG=/sys/fs/cgroup

setup_file() {
	chmod 711 "$BATS_RUN_TMPDIR"
	make_template
	# below which containers go: for root the top; for a user his own, which must be free of processes to hand controllers down
	export BASE=
	if [ -e $CG/cgroup.controllers ] && [ "$EUID" -ne 0 ]; then
		BASE=$(sed -n 's/^0:://p' /proc/self/cgroup)
		[ -w "$CG$BASE/cgroup.procs" ] || return 0
		mkdir "$CG$BASE/bats"
		local pid
		for pid in $(cat "$CG$BASE/cgroup.procs"); do
			echo "$pid" >"$CG$BASE/bats/cgroup.procs" || true	# some end meanwhile
		done
	fi
}

prepare() {
	[ -e $CG/cgroup.controllers ] || skip "no cgroup v2 at $CG: $(stat -f -c %T $CG)"
	[ -w "$CG$BASE/cgroup.procs" ] || skip "the cgroup $BASE is not the user's: systemd-run --user --scope -p Delegate=yes"
	DIR=$CG$BASE/$ID
	if [ "$EUID" -ne 0 ]; then
		rm config.json
		woody spec --rootless
		config '.process.terminal = false | .linux.resources = {}'
	fi
	config '.linux.cgroupsPath = $p' --arg p "$BASE/$ID"
}

# only_root WHY
only_root() {
	[ "$EUID" -eq 0 ] || skip "an ordinary user cannot $1"
}

cleanup() {
	if [ -n "${ABOVE:-}" ]; then rmdir "$CG$BASE/$ABOVE"; fi
}

limits() {
	config '.linux.resources += $r' --argjson r "$1"
}

is() {
	same "$(cat "$DIR/$1")" "$2"
}

# controller NAME... - the container can have these
controller() {
	local name
	for name in "$@"; do
		grep -qw "$name" "$CG$BASE/cgroup.controllers" || skip "the controller $name is not delegated to $BASE"
	done
}

# own_root - a user namespace, a cgroup namespace, and cgroups mounted for writing
own_root() {
	config '(.mounts[] | select(.type == "cgroup") | .options) |= map(select(. != "ro"))'
	[ "$EUID" -eq 0 ] || return 0
	config '.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }] | .linux.gidMappings = .linux.uidMappings
		| .linux.namespaces += [{ type: "user" }]'
	chown -R 100000:100000 "$ROOTFS"
	chmod -R go+rX "$WORK"
}

# hand_down - the container's processes move below its cgroup, which then gives a controller to those below
hand_down() {
	mkdir "$DIR/below"
	local pid
	for pid in $(cat "$DIR/cgroup.procs"); do
		echo "$pid" >"$DIR/below/cgroup.procs"
	done
	echo +pids >"$DIR/cgroup.subtree_control"
}

@test "v2: the process is in its cgroup, which is gone after delete" {
	start_sleeping
	same "$(cat "/proc/$PID/cgroup")" "0::$BASE/$ID"
	is cgroup.procs "$PID"
	expect 0 woody exec "$ID" cat /proc/self/cgroup
	prints 0::/	# of its cgroup namespace
	woody delete -f "$ID"
	gone
}

@test "v2: a nested path; parents hand their controllers down" {
	controller memory pids
	ABOVE=$ID-above
	config '.linux.cgroupsPath = $p' --arg p "$BASE/$ABOVE/$ID"
	limits '{ "memory": { "limit": 67108864 } }'
	start_sleeping
	DIR=$CG$BASE/$ABOVE/$ID
	is memory.max 67108864
	grep -qw pids "$CG$BASE/$ABOVE/cgroup.subtree_control"
	grep -qw memory "$DIR/cgroup.controllers"
}

@test "v2: memory, pids, cpu, weights" {
	controller memory pids cpu
	limits '{ "memory": { "limit": 67108864, "swap": 134217728, "reservation": 33554432 }, "pids": { "limit": 0 },
		"cpu": { "shares": 1024, "quota": 20000, "period": 50000, "burst": 1000 } }'
	start_sleeping
	is memory.max 67108864
	is memory.low 33554432
	if [ -e "$DIR/memory.swap.max" ]; then is memory.swap.max 67108864; fi
	is pids.max 1
	is cpu.weight 100
	is cpu.max "20000 50000"
	is cpu.max.burst 1000
}

@test "v2: the unified map wins over what was converted" {
	controller memory pids
	limits '{ "pids": { "limit": 7 }, "unified": { "pids.max": "8", "memory.high": "67108864", "memory.oom.group": "1" } }'
	start_sleeping
	is pids.max 8
	is memory.high 67108864
	is memory.oom.group 1
}

@test "v2: an unknown file, and an impossible limit, are errors that leave nothing" {
	program true
	limits '{ "unified": { "memory.nonsense": "1" } }'
	refused "there is no 'memory.nonsense'"
	config 'del(.linux.resources.unified)'
	limits '{ "memory": { "swap": 1000000 } }'
	refused "memory+swap cannot be limited without memory.limit"
}

@test "v2: devices: all is denied but the defaults, rules let through what they name" {
	only_root "set device rules"
	writable
	capabilities CAP_MKNOD CAP_SYSLOG
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	inside 0 'mknod /tmp/k c 1 11; mknod /tmp/z c 1 5; probe open r /tmp/k; probe open rw /tmp/k; probe open r /tmp/z; true'
	prints $'Operation not permitted\nOperation not permitted\nok'
	limits '{ "devices": [{ "allow": false, "access": "rwm" }, { "allow": true, "type": "c", "major": 1, "minor": 11, "access": "rw" },
		{ "allow": true, "type": "c", "major": 10, "access": "r" }] }'
	inside 0 'probe open rw /tmp/k; mknod /tmp/fuse c 10 229; probe open r /tmp/fuse; probe open rw /tmp/fuse; true'
	same "${lines[0]} ${lines[2]}" "ok Operation not permitted"
	differ "${lines[1]}" "Operation not permitted"
	limits '{ "devices": [{ "allow": true, "access": "rwm" }, { "allow": false, "type": "c", "major": 1, "minor": 11, "access": "w" }] }'
	inside 0 'probe open r /tmp/k; probe open w /tmp/k; probe open rw /tmp/k; true'
	prints $'ok\nOperation not permitted\nOperation not permitted'
}

@test "v2: device rules of a user: deny all is passed over in silence, a loss is told" {
	[ "$EUID" -ne 0 ] || skip "root can set them"
	program true
	limits '{ "devices": [{ "allow": false, "access": "rwm" }, { "allow": true, "type": "c", "major": 10, "minor": 229, "access": "rwm" }] }'
	expect 0 woody run "$ID"
	silent
	limits '{ "devices": [{ "allow": true, "access": "rwm" }, { "allow": false, "type": "c", "major": 10, "minor": 229, "access": "rwm" }] }'
	expect 0 woody run "$ID"
	says "linux.resources.devices is not enforced"
}

@test "v2: a cgroup of its own, writable, belongs to the container's root: directory and delegated files only" {
	only_root "give files to others"
	own_root
	start_sleeping
	same "$(stat -c %u "$DIR")" 100000
	local name
	for name in $(cat /sys/kernel/cgroup/delegate); do
		if [ -e "$DIR/$name" ]; then same "$name $(stat -c %u "$DIR/$name")" "$name 100000"; fi
	done
	same "$(stat -c %u "$DIR/memory.max") $(stat -c %u "$DIR/cgroup.freeze")" "0 0"
	expect 0 woody exec "$ID" sh -c 'cd /sys/fs/cgroup && mkdir own && echo 1 >own/cgroup.procs && echo 0 >own/cgroup.procs &&
		echo +pids >cgroup.subtree_control && mkdir own2 && cat /proc/1/cgroup'
	prints 0::/own
	expect 0 woody exec "$ID" cat /proc/self/cgroup
	prints 0::/own
	woody delete -f "$ID"
	gone
}

@test "v2: read-only, or in the host's cgroup namespace, it stays ours" {
	only_root "tell the difference: all is his"
	own_root
	config '(.mounts[] | select(.type == "cgroup") | .options) += ["ro"]'
	start_sleeping
	same "$(stat -c %u "$DIR") $(stat -c %u "$DIR/cgroup.procs")" "0 0"
	woody delete -f "$ID"
	config '(.mounts[] | select(.type == "cgroup") | .options) |= map(select(. != "ro"))
		| .linux.namespaces |= map(select(.type != "cgroup"))'
	start_sleeping
	same "$(stat -c %u "$DIR") $(stat -c %u "$DIR/cgroup.procs")" "0 0"
}

@test "v2: exec goes where init is when the container's cgroup lets nobody in; --cgroup / does not" {
	controller pids
	start_sleeping
	hand_down
	expect 0 woody exec "$ID" cat /proc/self/cgroup
	[[ "$output" == */below ]] || fail "$output"
	expect 255 woody exec --cgroup / "$ID" true
	[[ "$stderr" == *" adding pid "*" to cgroups"*"/cgroup.procs: device or resource busy"* ]] || fail "$stderr"
	mkdir "$DIR/other"
	expect 0 woody exec --cgroup other "$ID" cat /proc/self/cgroup
	[[ "$output" == */other ]] || fail "$output"
	expect 255 woody exec --cgroup missing "$ID" true
	[[ "$stderr" == *" cgroup"*"no such file or directory"* ]] || fail "$stderr"
	expect 255 woody exec --cgroup pids:other "$ID" true
	says "unknown controller pids"
	expect 255 woody exec --cgroup other/../.. "$ID" true
	says "bad sub cgroup path"
}

@test "v2: kill, pause and delete reach threaded cgroups below" {
	start_sleeping
	mkdir -p "$DIR/t/u"
	echo threaded >"$DIR/t/cgroup.type"
	echo threaded >"$DIR/t/u/cgroup.type"
	echo "$PID" >"$DIR/t/u/cgroup.threads"
	expect 0 woody ps -f json "$ID"
	prints "[$PID]"
	woody pause "$ID"
	is cgroup.freeze 1
	status_is paused
	expect 0 woody delete --force "$ID"
	gone
	ended "$PID"
}

@test "v2: a cgroup that is not empty, or is frozen, is refused and stays" {
	mkdir "$DIR"
	sleep 1000 </dev/null >/dev/null 2>&1 3>&- &
	local sleeper=$!
	echo $sleeper >"$DIR/cgroup.procs"
	program true
	attempt 1 woody create "$ID"
	says "container's cgroup is not empty"
	kill -KILL $sleeper
	wait $sleeper || true
	echo 1 >"$DIR/cgroup.freeze"
	attempt 1 woody create "$ID"
	says "container's cgroup unexpectedly frozen"
	attempt 1 woody run "$ID"
	says "container's cgroup unexpectedly frozen"
	rmdir "$DIR"
}

@test "v2: one that is there and empty is used, and its device rules are replaced" {
	mkdir "$DIR"
	program true
	expect 0 woody run "$ID"
	gone
}
