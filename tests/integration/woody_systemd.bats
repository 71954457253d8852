# The systemd cgroup driver. Most of it needs a machine that systemd runs; the refusals are tried where it does not.
load helpers

export BATS_TEST_TIMEOUT=180	# systemd, its bus and a dozen processes for each container; slow in an emulated guest

setup_file() {
	chmod 711 "$BATS_RUN_TMPDIR"
	make_template
}

# systemd - the test needs one, and a woody that can ask it
systemd() {
	[ -d /run/systemd/system ] || skip "systemd does not run here: ls /run/systemd/system"
	woody --version | grep -q +SYSTEMD || skip "woody was built without the systemd driver: woody --version"
}

# prepare - the scope wt-$ID.scope, in the default slice
prepare() {
	UNIT=wt-$ID.scope
	config '.linux.cgroupsPath = ":wt:" + $id' --arg id "$ID"
}

cleanup() {
	local left
	[ -d /run/systemd/system ] || return 0
	if [ -n "${USER_NAME:-}" ]; then
		as_user "$WOODY" --root "$WORK/run" delete -f "$ID"
		left=$(as_user systemctl --user list-units --all --no-legend --plain "*$ID*")
		[ -z "$left" ] || fail "the user's units are left: $left"
	fi
	if [ -n "${OTHERS:-}" ]; then systemctl stop "$OTHERS"; fi
	soon no_unit
}

no_unit() {
	[ -z "$(systemctl list-units --all --no-legend --plain "*$ID*")" ]
}

s_woody() {
	woody --systemd-cgroup "$@"
}

# start_scope OPTION... - the container runs and does nothing; $PID, and its directory $DIR where the kernel's limits are
start_scope() {
	program sleep 1000
	detached s_woody run -d --pid-file "$WORK/pid" "$@" "$ID"
	PID=$(cat "$WORK/pid")
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		DIR=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$PID/cgroup")
	else
		DIR=/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory://p' "/proc/$PID/cgroup")
	fi
}

# limit V2-FILE V1-FILE - as the kernel has it; v1: of the hierarchy that the file is named after
limit() {
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then cat "$DIR/$1"; else cat "${DIR/\/memory\///${2%%.*}/}/$2"; fi
}

# property NAME - as systemd has it
property() {
	systemctl show --value -p "$1" "$UNIT"
}

# scope_of PID - where systemd has put it
scope_of() {
	grep -E '^(0::|[0-9]+:name=systemd:)' "/proc/$1/cgroup" | cut -d: -f3 | grep -v '^/$' | sort -u
}

# alone NAME - a copy of woody whose woody-systemd is the script NAME
alone() {
	mkdir -p "$WORK/alone"
	cp "$WOODY" "$WORK/alone/woody"
	rm -f "$WORK/alone/woody-systemd"
	[ $# -eq 0 ] || { printf '#!/bin/sh\n%s\n' "$1" >"$WORK/alone/woody-systemd" && chmod +x "$WORK/alone/woody-systemd"; }
	ALONE=$WORK/alone/woody
	HELPER=${WOODY%/*}/woody-systemd
}

# ---- where there is none ----

@test "without systemd: one sentence with the remedy, and nothing is left" {
	[ ! -d /run/systemd/system ] || skip "systemd runs here"
	program true
	local given
	for given in --systemd-cgroup "--cgroup-manager systemd" --cgroup-manager=systemd; do
		# shellcheck disable=SC2086
		attempt 1 woody $given run "$ID"
		says "--cgroup-manager cgroupfs"
		if woody --version | grep -q +SYSTEMD; then
			says "the systemd cgroup driver needs systemd, which does not run here (/run/systemd/system is missing)"
		else
			says "this woody was built without the systemd cgroup driver"
		fi
		gone
	done
}

@test "--version, features and woody-systemd tell the same" {
	local built=false
	if [ -x "${WOODY%/*}/woody-systemd" ]; then built=true; fi
	same "$(woody features | jq -c '.linux.cgroup | [.systemd, .systemdUser]')" "[$built,$built]"
	same "$(woody --version | grep -c -- '+SYSTEMD')" "$([ $built = true ] && echo 1 || echo 0)"
}

@test "woody-systemd says how it is called, and when nobody answers" {
	local helper=${WOODY%/*}/woody-systemd
	[ -x "$helper" ] || skip "woody was built without the systemd driver: woody --version"
	expect 2 "$helper"
	says usage:
	expect 2 "$helper" destroy a.scope
	expect 2 "$helper" --user stop
	expect 1 env -i "$helper" --user stop a.scope
	says "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set"
	expect 1 env -i XDG_RUNTIME_DIR="$WORK/a b" "$helper" --user stop a.scope
	says "unix:path=$WORK/a%20b/bus: no such socket; unix:path=$WORK/a%20b/systemd/private: no such socket"
	says "or use --cgroup-manager cgroupfs"
}

@test "a woody whose woody-systemd was removed says so" {
	systemd
	alone
	program true
	attempt 1 "$ALONE" --root "$ROOT" --systemd-cgroup run "$ID"
	[ ! -x /usr/local/libexec/woody/woody-systemd ] || skip "another one is installed"
	says "/woody-systemd', which is not installed; use --cgroup-manager cgroupfs"
	gone
}

# ---- a scope ----

@test "the container is in a scope of its own, and delete leaves no unit and no cgroup" {
	systemd
	start_scope
	same "$(scope_of "$PID")" "/system.slice/$UNIT"
	same "$(cat "$DIR/cgroup.procs")" "$PID"
	same "$(property ActiveState) $(property Delegate) $(property Slice)" "active yes system.slice"
	expect 0 woody exec "$ID" grep -c . /proc/self/cgroup
	same "$(jq -r .cgroup.scope "$ROOT/$ID/state.json")" "$UNIT"
	woody kill "$ID" KILL
	soon stopped
	woody delete "$ID"
	no_unit
	gone
}

@test "without cgroupsPath it is woody-ID.scope; a plus in the id is escaped" {
	systemd
	config 'del(.linux.cgroupsPath)'
	start_scope
	same "$(scope_of "$PID")" "/system.slice/woody-$ID.scope"
	woody delete -f "$ID"
	program true
	expect 0 s_woody run "$ID+x"
}

@test "a slice a-b.slice is inside a.slice; systemd makes it" {
	systemd
	config '.linux.cgroupsPath = "wta-wtb.slice:p:" + $id' --arg id "$ID"
	OTHERS="wta-wtb.slice wta.slice"
	start_scope
	same "$(scope_of "$PID")" "/wta.slice/wta-wtb.slice/p-$ID.scope"
	woody delete -f "$ID"
	systemctl stop wta-wtb.slice wta.slice
	OTHERS=
}

@test "other forms of cgroupsPath are refused before anything is made" {
	systemd
	program true
	local path
	for path in "/$ID" "a:$ID" "a.slice:b:$ID:c" ; do
		config '.linux.cgroupsPath = $p' --arg p "$path"
		attempt 1 s_woody run "$ID"
		says "linux.cgroupsPath '$path' is not of the form slice:prefix:name"
	done
	config '.linux.cgroupsPath = ":p:" + $id + ".slice"' --arg id "$ID"
	attempt 1 s_woody run "$ID"
	says "is a slice, and a slice holds no processes"
	config '.linux.cgroupsPath = "a--b.slice:p:" + $id' --arg id "$ID"
	attempt 1 s_woody run "$ID"
	says "'a--b.slice' is not the name of a slice"
	no_unit
	gone
}

@test "limits: systemd knows them, the kernel has them exactly" {
	systemd
	config '.linux.resources += { memory: { limit: 67108864, swap: 134217728 }, pids: { limit: 50 },
		cpu: { shares: 1024, quota: 12345, period: 50000, cpus: "0", mems: "0" } }'
	start_scope
	same "$(property TasksMax) $(property CPUQuotaPerSecUSec) $(property CPUQuotaPeriodUSec)" "50 250ms 50ms"
	same "$(limit memory.max memory.limit_in_bytes)" 67108864
	same "$(limit pids.max pids.max)" 50
	same "$(limit cpuset.cpus cpuset.cpus)" 0
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		same "$(property MemoryMax) $(property MemorySwapMax) $(property AllowedCPUs)" "67108864 67108864 0"
		same "$(property CPUWeight) $(cat "$DIR/cpu.weight")" "100 100"
		same "$(cat "$DIR/cpu.max")" "12345 50000"
	else
		same "$(property MemoryLimit) $(property CPUShares)" "67108864 1024"
		same "$(limit - cpu.cfs_quota_us) $(limit - cpu.cfs_period_us)" "12345 50000"
	fi
	same "$(property DevicePolicy)" strict
	# and they outlive what undoes those that systemd does not know
	systemctl daemon-reload
	same "$(limit pids.max pids.max)" 50
	same "$(limit memory.max memory.limit_in_bytes)" 67108864
}

@test "limits: what the kernel refuses is an error that leaves no scope" {
	systemd
	config '.linux.resources += { cpu: { cpus: "4000" } }'
	program true
	attempt 1 s_woody run "$ID"
	says cpuset
	soon no_unit
	gone
}

@test "devices: systemd's filter lets the usual ones through" {
	systemd
	inside_scope 'echo x >/dev/null; head -c 1 /dev/zero | wc -c; head -c 1 /dev/urandom | wc -c; : </dev/full'
	prints $'1\n1'
}

inside_scope() {
	program sh -c "$1"
	expect 0 s_woody run "$ID"
}

@test "properties by annotation; bad ones are refused" {
	systemd
	config '.annotations = { "org.systemd.property.TimeoutStopSec": "7", "org.systemd.property.CollectMode": "'"'inactive-or-failed'"'",
		"org.systemd.property.Description": "'"'of the test'"'", "org.systemd.property.TasksMax": "uint64 33" }'
	start_scope
	same "$(property TimeoutStopUSec) $(property CollectMode) $(property Description)" "7s inactive-or-failed of the test"
	same "$(property TasksMax) $(limit pids.max pids.max)" "33 33"
	woody delete -f "$ID"
	config '.annotations = { "org.systemd.property.TimeoutStopSec": "seven" }'
	attempt 1 s_woody run "$ID"
	says "annotation org.systemd.property.TimeoutStopSec: 'seven' is no value that can be read"
	config '.annotations = { "org.systemd.property.NoSuchThing": "true" }'
	attempt 1 s_woody run "$ID"
	says "systemd: start '$UNIT': Cannot set property NoSuchThing"
	config '.annotations = { "org.systemd.property.TimeoutStopUSec": "'"'text'"'" }'
	attempt 1 s_woody run "$ID"
	says "systemd: start '$UNIT': "
	no_unit
	gone
}

@test "run.oci.systemd.subgroup: the container is one below the scope, with its limits" {
	systemd
	config '.annotations = { "run.oci.systemd.subgroup": "inner" } | .linux.resources += { pids: { limit: 50 } }'
	start_scope
	same "$(scope_of "$PID")" "/system.slice/$UNIT/inner"
	same "$(limit pids.max pids.max)" 50
	same "$(cat "${DIR%/inner}/cgroup.procs")" ""
	expect 0 woody exec "$ID" true
	woody delete -f "$ID"
	no_unit
	gone
	config '.annotations = { "run.oci.systemd.subgroup": "../x" }'
	attempt 1 s_woody run "$ID"
	says "annotation run.oci.systemd.subgroup: '../x' is not the name of one cgroup"
	soon no_unit
}

@test "a unit that failed is removed by delete, and is not in the way of the next one" {
	systemd
	config '.annotations = { "org.systemd.property.RuntimeMaxSec": "1", "org.systemd.property.TimeoutStopSec": "1" }'
	start_scope
	soon failed
	soon stopped
	woody delete "$ID"
	no_unit
	start_scope
	soon failed
	soon stopped
	rm -r "${ROOT:?}/$ID"	# somebody else's cleaning
	config 'del(.annotations)'
	start_scope
	same "$(property ActiveState)" active
}

failed() {
	[ "$(property ActiveState)" = failed ]
}

@test "a name that another unit has is refused, and that one lives on" {
	systemd
	detached systemd-run --scope --unit "$UNIT" sh -c 'sleep 300 & '
	OTHERS=$UNIT
	program true
	attempt 1 s_woody run "$ID"
	says "systemd: start '$UNIT': Unit $UNIT was already loaded or has a fragment file"
	same "$(property ActiveState)" active
	[ ! -e "$ROOT/$ID" ]
	woody delete -f "$ID"
	same "$(property ActiveState)" active
	systemctl stop "$UNIT"
	OTHERS=
}

@test "update: systemd is told, too; half a quota keeps its period" {
	systemd
	config '.linux.resources += { cpu: { quota: 20000, period: 40000 }, pids: { limit: 50 } }'
	start_scope
	expect 0 woody update --pids-limit 20 --cpu-quota 10000 "$ID"
	same "$(property TasksMax) $(property CPUQuotaPerSecUSec) $(property CPUQuotaPeriodUSec)" "20 250ms 40ms"
	expect 0 woody update --memory 67108864 "$ID"
	systemctl daemon-reload
	same "$(limit pids.max pids.max) $(limit memory.max memory.limit_in_bytes)" "20 67108864"
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		same "$(cat "$DIR/cpu.max") $(property MemoryMax)" "10000 40000 67108864"
	else
		same "$(limit - cpu.cfs_quota_us) $(limit - cpu.cfs_period_us)" "10000 40000"
	fi
}

@test "update: of which one part is refused changes nothing, for systemd neither" {
	systemd
	config '.linux.resources += { cpu: { shares: 512, cpus: "0" }, pids: { limit: 50 } }'
	start_scope
	all() { systemctl show -p TasksMax -p MemoryMax -p MemoryLimit -p CPUWeight -p CPUShares -p CPUQuotaPerSecUSec -p CPUQuotaPeriodUSec -p AllowedCPUs \
		-p DevicePolicy -p DeviceAllow "$UNIT" | sort; }	# systemd turns the list of devices round; its order has no meaning
	local before
	before=$(all)
	jq -n '{ memory: { limit: 67108864 }, pids: { limit: 7 }, cpu: { shares: 100, quota: 20000, period: 50000, cpus: "0-1" },
		devices: [{ allow: true, type: "c", major: 10, minor: 200, access: "rw" }], hugepageLimits: [{ pageSize: "3MB", limit: 0 }] }' >"$WORK/doc"
	expect 1 woody update -r "$WORK/doc" "$ID"
	says "hugepageLimits"
	same "$(all)" "$before"
	same "$(limit pids.max pids.max)" 50
	systemctl daemon-reload
	same "$(limit pids.max pids.max)" 50
	jq 'del(.hugepageLimits)' "$WORK/doc" >"$WORK/good"
	expect 0 woody update -r "$WORK/good" "$ID"
	same "$(property TasksMax)" 7
}

@test "woody-systemd set: what is no property is refused" {
	systemd
	start_scope
	expect 0 "${WOODY%/*}/woody-systemd" set "$UNIT" TasksMax t 9
	expect 0 "${WOODY%/*}/woody-systemd" set "$UNIT" TasksMax t 7 MemoryAccounting b true
	prints $'TasksMax\nt\n9\nMemoryAccounting\nb\ntrue'	# what they were
	same "$(property TasksMax)" 7
	expect 1 "${WOODY%/*}/woody-systemd" set "$UNIT" TasksMax t seven
	says "property 'TasksMax': 'seven' is no value of type 't'"
	expect 1 "${WOODY%/*}/woody-systemd" set "$UNIT" TasksMax z 7
	says "property 'TasksMax' has no valid type: 'z'"
	expect 1 "${WOODY%/*}/woody-systemd" set "$UNIT" TasksMax
	expect 1 "${WOODY%/*}/woody-systemd" set "$UNIT" Names as 2 a
	expect 1 "${WOODY%/*}/woody-systemd" set "no-$UNIT" TasksMax t 7
	says "no-$UNIT"
}

# ---- being killed ----

# leaves_nothing - also for a woody that died meanwhile, after `delete --force`
leaves_nothing() {
	woody delete --force "$ID"
	soon no_unit
	gone
}

@test "killed before systemd is asked: nothing is left" {
	systemd
	# shellcheck disable=SC2016
	alone 'kill -9 $PPID'
	program sleep 1000
	attempt 137 "$ALONE" --root "$ROOT" --systemd-cgroup create "$ID"
	same "$(woody state "$ID" | jq -r .status)" creating
	leaves_nothing
}

@test "killed after the scope was made: it goes by itself" {
	systemd
	# shellcheck disable=SC2016
	alone "${WOODY%/*}/woody-systemd"' "$@"; kill -9 $PPID'
	program sleep 1000
	attempt 137 "$ALONE" --root "$ROOT" --systemd-cgroup create "$ID"
	soon no_unit
	leaves_nothing
}

@test "killed while the container is being set up: delete --force finds the scope on record" {
	systemd
	printf '#!/bin/sh\nkill -9 $PPID\n' >"$WORK/hook"
	chmod +x "$WORK/hook"
	config '.hooks.createRuntime = [{ path: $p }]' --arg p "$WORK/hook"
	program sleep 1000
	attempt 137 s_woody create "$ID"
	same "$(jq -r .cgroup.scope "$ROOT/$ID/state.json")" "$UNIT"
	status_is creating
	leaves_nothing
}

@test "woody-systemd dies: the error names it, and nothing is left" {
	systemd
	# shellcheck disable=SC2016
	alone "${WOODY%/*}/woody-systemd"' "$@"; kill -9 $$'
	program sleep 1000
	attempt 1 "$ALONE" --root "$ROOT" --systemd-cgroup create "$ID"
	says "woody-systemd' ended with status 137"
	soon no_unit
	gone
}

# ---- other ways to systemd ----

# hidden PATHS COMMAND... - without these paths of the machine, in a mount namespace
hidden() {
	local paths=$1
	shift
	# shellcheck disable=SC2016
	unshare -m sh -c 'for p in $0; do if [ -d "$p" ]; then mount -t tmpfs none "$p"; else mount --bind /dev/null "$p"; fi; done; exec "$@"' \
		"$paths" "$@"
}

@test "without a bus systemd is asked at its private socket" {
	systemd
	program sleep 1000
	detached hidden /run/dbus "$WOODY" --root "$ROOT" --systemd-cgroup run -d "$ID"
	same "$(property ActiveState)" active
	hidden /run/dbus "$WOODY" --root "$ROOT" delete -f "$ID"
	no_unit
	gone
}

@test "with neither, the error names both; delete still works" {
	systemd
	start_scope
	program true
	attempt 1 hidden "/run/dbus /run/systemd/private" "$WOODY" --root "$ROOT" --systemd-cgroup run "$ID-2"
	says "unix:path=/run/dbus/system_bus_socket: no such socket; unix:path=/run/systemd/private: Connection refused"
	expect 0 hidden "/run/dbus /run/systemd/private" "$WOODY" --root "$ROOT" delete -f "$ID"
	says "systemd cannot be asked"
	soon no_unit
	gone
}

# ---- an ordinary user ----

# user - the test is of an ordinary user's manager: one of those that run here
user() {
	systemd
	local dir
	for dir in /run/user/*; do
		[ -S "$dir/systemd/private" ] && [ "$(stat -c %u "$dir")" != 0 ] || continue
		USER_DIR=$dir
		USER_NAME=$(stat -c %U "$dir")
	done
	[ -n "${USER_NAME:-}" ] || skip "no ordinary user's systemd runs here: ls /run/user/*/systemd"
	[ -e /sys/fs/cgroup/cgroup.controllers ] || skip "no cgroup v2, and v1 gives users no controllers: ls /sys/fs/cgroup"
	setpriv --reuid "$USER_NAME" --clear-groups test -x "$WOODY" || skip "$USER_NAME cannot execute $WOODY"
	chmod 755 "$WORK" "$BATS_FILE_TMPDIR"
	mkdir "$WORK/run"
	rm "$BUNDLE/config.json"
	chown -R "$USER_NAME:" "$BUNDLE" "$WORK/run"
	as_user "$WOODY" spec --rootless
	config '.process.terminal = false | .linux.cgroupsPath = ":wt:" + $id' --arg id "$ID"
	chown "$USER_NAME:" config.json
}

as_user() {
	setpriv --reuid "$USER_NAME" --regid "$(id -g "$USER_NAME")" --init-groups --inh-caps=-all --reset-env \
		env XDG_RUNTIME_DIR="$USER_DIR" "$@"
}

u_woody() {
	as_user "$WOODY" --root "$WORK/run" "$@"
}

@test "rootless: the scope is the user's, exec goes into it, and delete leaves nothing" {
	user
	config '.linux.resources = { memory: { limit: 67108864 }, pids: { limit: 50 } }'
	program sleep 1000
	detached u_woody --systemd-cgroup run -d --pid-file "$WORK/run/pid" "$ID"
	PID=$(cat "$WORK/run/pid")
	local id dir
	id=$(id -u "$USER_NAME")
	dir=$(sed -n 's/^0:://p' "/proc/$PID/cgroup")
	same "$dir" "/user.slice/user-$id.slice/user@$id.service/user.slice/$UNIT"
	same "$(cat "/sys/fs/cgroup$dir/memory.max" "/sys/fs/cgroup$dir/pids.max")" $'67108864\n50'
	same "$(as_user systemctl --user show --value -p TasksMax "$UNIT")" 50
	as_user "$WOODY" --root "$WORK/run" exec "$ID" sleep 1001 </dev/null >/dev/null 2>&1 3>&- &
	local job=$!
	soon two_processes "/sys/fs/cgroup$dir"
	u_woody delete -f "$ID"
	[ ! -e "/sys/fs/cgroup$dir" ]
	same "$(as_user systemctl --user list-units --all --no-legend --plain "*$ID*")" ""
	wait "$job" || true	# killed with the container
}

two_processes() {
	[ "$(wc -l <"$1/cgroup.procs")" -ge 2 ] && grep -qx 1001 <(tr '\0' '\n' <"/proc/$(tail -n 1 "$1/cgroup.procs")/cmdline")
}

@test "rootless: without the user's bus, at the private socket" {
	user
	program true
	touch "$USER_DIR/bus" 2>/dev/null || true
	expect 0 hidden "$USER_DIR/bus" setpriv --reuid "$USER_NAME" --regid "$(id -g "$USER_NAME")" --init-groups --inh-caps=-all \
		--reset-env env XDG_RUNTIME_DIR="$USER_DIR" "$WOODY" --root "$WORK/run" --systemd-cgroup run "$ID"
	silent
}

@test "rootless: without XDG_RUNTIME_DIR the sentence says what is missing" {
	user
	program true
	attempt 1 setpriv --reuid "$USER_NAME" --clear-groups --reset-env "$WOODY" --root "$WORK/run" --systemd-cgroup run "$ID"
	says "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set"
}

# ---- as podman calls it ----

podman_run() {
	local root=$1
	shift
	"$@" podman --root "$root/storage" --runroot "$root/runroot" --tmpdir "$root/tmp" --storage-driver vfs --runtime "$WOODY" \
		--cgroup-manager systemd run --rm --network none --memory 64m --name "$ID" --rootfs "$ROOTFS" \
		cat /proc/self/cgroup /sys/fs/cgroup/memory.max
}

@test "podman --cgroup-manager systemd, root" {
	systemd
	command -v podman >/dev/null || skip "podman is not installed"
	[ -e /sys/fs/cgroup/cgroup.controllers ] || skip "podman shows /sys/fs/cgroup/memory.max on cgroup v2 only"
	chmod 777 "$ROOTFS" "$ROOTFS"/*
	expect 0 podman_run "$WORK/podman" env
	prints $'0::/\n67108864'
	same "$(systemctl list-units --all --no-legend --plain 'libpod-*' | grep -v conmon)" ""
}

@test "podman --cgroup-manager systemd, rootless" {
	user
	command -v podman >/dev/null || skip "podman is not installed"
	mkdir "$WORK/podman"
	chown "$USER_NAME:" "$WORK/podman"
	expect 0 podman_run "$WORK/podman" as_user HOME="$WORK/podman"
	prints $'0::/\n67108864'
	same "$(as_user systemctl --user list-units --all --no-legend --plain 'libpod-*' | grep -v conmon)" ""
	as_user HOME="$WORK/podman" podman --root "$WORK/podman/storage" --runroot "$WORK/podman/runroot" system migrate >/dev/null 2>&1
	soon rm -rf "$WORK/podman"
}
