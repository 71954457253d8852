# An ordinary user: no capability, no cgroup of its own, ids from /etc/subuid. The user is made for this file and removed;
# where bats is started by an ordinary user, it is that one, and what only root can prepare is skipped.
load helpers
load user

as_root() { [ "$(id -u)" -eq 0 ] || skip "only root can prepare this: $1"; }

setup_file() {
	chmod 711 "$BATS_RUN_TMPDIR"
	export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$BATS_FILE_TMPDIR}
	make_template
	chmod 755 "$BATS_FILE_TMPDIR"
	# a binary that this user cannot write to, where it can reach it
	cp "$WOODY" "$BATS_FILE_TMPDIR/runtime"
	chmod 755 "$BATS_FILE_TMPDIR/runtime"
	if [ "$(id -u)" -ne 0 ]; then
		export NAME HOME_DIR=$HOME
		NAME=$(id -un)
		return
	fi
	export NAME=wt$$ HOME_DIR=$BATS_FILE_TMPDIR/home
	add_user "$NAME" "$HOME_DIR" 400000000
}

teardown_file() {
	[ -n "${NAME:-}" ] && [ "$(id -u)" -eq 0 ] || return 0
	delete_user "$NAME"
}

# as_user COMMAND... - with an environment, session and groups of its own
as_user() {
	if [ "$(id -u)" -ne 0 ]; then
		XDG_RUNTIME_DIR=$WORK/run "$@"
		return
	fi
	setpriv --reuid "$NAME" --regid "$NAME" --init-groups --inh-caps=-all --reset-env \
		env HOME="$HOME_DIR" XDG_RUNTIME_DIR="$WORK/run" "$@"
}

user_woody() {
	as_user "$BATS_FILE_TMPDIR/runtime" "$@"
}

# prepare - the bundle is the user's, and made by its `spec --rootless`
prepare() {
	mkdir "$WORK/run"
	chmod 755 "$WORK"
	rm "$BUNDLE/config.json"
	chown -R "$NAME:$NAME" "$BUNDLE" "$WORK/run"
	user_woody spec --rootless
	config '.process.terminal = false'
	chown "$NAME:$NAME" config.json
	FIRST_UID=$(awk -F: -v name="$NAME" '$1 == name { print $2 }' /etc/subuid)
	FIRST_GID=$(awk -F: -v name="$NAME" '$1 == name { print $2 }' /etc/subgid)
	USER_ID=$(id -u "$NAME")
}

# init_exe RUNTIME - what a program in the container, as its root with all capabilities, gets when it opens what init was executed from
# for writing, once nobody executes it any more (before, it is busy for everybody); the runtime is called as root of a user namespace
# that has all of the user's ids
init_exe() {
	config '.linux.namespaces |= map(select(.type != "user")) | del(.linux.uidMappings, .linux.gidMappings) |
		.hooks.startContainer = [{ path: "/bin/sh", args: ["sh", "-c", $script] }] | .process.capabilities |= map_values($all)' \
		--arg script 'exec 3</proc/1/exe; (sleep 1; exec 4>>/proc/self/fd/3) >/dev/null 2>/tried & exit 0' \
		--argjson all '["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_SYS_PTRACE"]'
	config '.root.readonly = false'
	program sh -c 'until [ -s /tried ]; do sleep 0.1; done'
	detached as_user unshare --user --map-root-user --map-auto --mount "$1" --root "$WORK/run/w" run -d "$ID"
	soon test -s "$ROOTFS/tried"
	output=$(<"$ROOTFS/tried")
}

cleanup() {
	local id
	if [ -n "${MINE:-}" ]; then rmdir "$MINE/made" "$MINE" 2>/dev/null || rmdir "$MINE"; fi
	for id in $(user_woody list -q); do
		user_woody delete -f "$id"
	done
	same "" "$(find "$WORK/run" -mindepth 2 ! -path '*/.*')"
	soon no_process
}

# no_process - of the user is left; zombies are waiting for others
no_process() {
	# a user who runs bats has processes of its own
	! ps -o stat= -U "$([ "$(id -u)" -ne 0 ] || echo "$NAME,")$FIRST_UID" | grep -v '^Z'
}

# subordinate_maps - root is the caller, 1 and up are its subordinate ids
subordinate_maps() {
	config '.linux.uidMappings = [{ containerID: 0, hostID: $uid, size: 1 }, { containerID: 1, hostID: $first_uid, size: 65536 }] |
		.linux.gidMappings = [{ containerID: 0, hostID: $gid, size: 1 }, { containerID: 1, hostID: $first_gid, size: 65536 }]' \
		--argjson uid "$USER_ID" --argjson gid "$(id -g "$NAME")" --argjson first_uid "$FIRST_UID" --argjson first_gid "$FIRST_GID"
}

# user_inside CODE SCRIPT
user_inside() {
	program sh -c "$2"
	expect "$1" user_woody run "$ID"
}

@test "rootless: spec --rootless runs as it is, with the caller's id alone" {
	user_inside 7 'id -u; cat /proc/self/uid_map /proc/self/gid_map; cat /proc/self/setgroups; exit 7'
	same "${lines[0]}" 0
	same "$(tr -s ' ' <<<"${lines[1]}")" " 0 $USER_ID 1"
	same "$(tr -s ' ' <<<"${lines[2]}")" " 0 $(id -g "$NAME") 1"
	same "${lines[3]}" deny
	same "$stderr" ""
}

@test "rootless: maps of subordinate ids, through newuidmap and newgidmap" {
	subordinate_maps
	user_inside 1 'cat /proc/self/uid_map; touch /tmp/f'
	same "$(tr -s ' ' <<<"${lines[1]}")" " 1 $FIRST_UID 65536"
	says "Read-only file system"
	writable
	config '.process.capabilities[] += ["CAP_CHOWN"]'
	user_inside 0 'touch /tmp/f && chown 5:7 /tmp/f && stat -c %u:%g /tmp/f'
	prints 5:7
	same "$(stat -c %u:%g "$ROOTFS/tmp/f")" "$((FIRST_UID + 4)):$((FIRST_GID + 6))"
	as_user rm -f "$ROOTFS/tmp/f"
}

@test "rootless: another user and further groups inside" {
	subordinate_maps
	config '.process.user = { uid: 1000, gid: 1000, additionalGids: [5, 100] }'
	user_inside 0 'id -u; id -G'
	prints $'1000\n1000 5 100'
}

@test "rootless: a private network namespace" {
	subordinate_maps
	config '.linux.namespaces += [{ type: "network" }]'
	user_inside 0 'readlink /proc/self/ns/net; wc -l </proc/net/dev'
	differ "${lines[0]}" "$(namespace_of self net)"
	same "${lines[1]}" 3	# two lines of heading and lo
}

# matches_mode - the user's alone; a sticky bit says that it must not be tidied away
matches_mode() {
	[[ "$1" =~ ^1?700:$NAME$ ]] || fail "the state's directory is $1"
}

@test "rootless: create, exec, kill, delete; the state is in XDG_RUNTIME_DIR" {
	subordinate_maps
	program sleep 1000
	detached user_woody create "$ID"
	matches_mode "$(stat -c %a:%U "$WORK/run/"*)"
	same "$(user_woody state "$ID" | jq -r '.status + " " + .owner')" "created $NAME"
	expect 0 user_woody start "$ID"
	expect 3 user_woody exec "$ID" sh -c 'id -u; exit 3'
	prints 0
	expect 0 user_woody exec -u 33:34 "$ID" sh -c 'id -u; id -g'
	prints $'33\n34'
	expect 0 user_woody kill "$ID" KILL
	soon user_stopped
	expect 0 user_woody delete "$ID"
	silent
}

user_stopped() {
	[ "$(user_woody state "$ID" | jq -r .status)" = stopped ]
}

@test "rootless: a terminal, whose group cannot be that of tty" {
	config '.process.terminal = true'
	chown "$NAME:$NAME" config.json
	program sh -c 'tty; test -w /dev/tty && echo writable'
	expect 0 as_user script -qec "$BATS_FILE_TMPDIR/runtime run $ID" /dev/null
	says /dev/pts/0
	says writable
}

@test "rootless: limits without permission are an error that says so" {
	config '.linux.resources = { pids: { limit: 10 } } | .linux.cgroupsPath = "/" + $id' --arg id "$ID"
	program true
	expect 1 user_woody run "$ID"
	says cgroup
	[[ "${stderr,,}" == *"permission denied"* ]]
}

@test "rootless: the host's cgroups are not writable (CVE-2023-25809)" {
	as_root "a cgroup that is given to the user"
	# a cgroup that was given to the user, as systemd does
	MINE=/sys/fs/cgroup/pids/$ID-mine
	[ -d /sys/fs/cgroup/pids ] || MINE=/sys/fs/cgroup/$ID-mine
	mkdir "$MINE"
	chown -R "$NAME:$NAME" "$MINE"
	user_inside 1 "mkdir $MINE/made"
	[ ! -e "$MINE/made" ]
	subordinate_maps
	user_inside 1 "mkdir $MINE/made"
	[ ! -e "$MINE/made" ]
	as_user mkdir "$MINE/made"	# or the above would prove nothing
	rmdir "$MINE/made"
}

@test "rootless: ids of nobody's range are refused with the remedy" {
	config '.linux.uidMappings = [{ containerID: 0, hostID: 1, size: 10 }]'
	program true
	expect 1 user_woody run "$ID"
	says uid
	same "$output" ""
}

@test "rootless: another user's container is out of reach" {
	as_root "a container of another user"
	program sleep 1000
	config '.linux.namespaces |= map(select(.type != "user")) | del(.linux.uidMappings, .linux.gidMappings)
		| .linux.cgroupsPath = "/" + $id' --arg id "$ID"
	detached woody run -d "$ID"
	chmod 711 "$ROOT"
	expect 1 user_woody --root "$ROOT" state "$ID"
	same "$output" ""
	expect 1 user_woody --root "$ROOT" kill "$ID" KILL
	status_is running
}

@test "the runtime is out of reach when its owner has no id in the caller's user namespace" {
	as_root "a runtime of another user"
	init_exe "$BATS_FILE_TMPDIR/runtime"
	says "Permission denied"
}

@test "the runtime is sealed when its owner has an id in the caller's user namespace" {
	as_root "a runtime of another user"
	cp "$BATS_FILE_TMPDIR/runtime" "$WORK/mine"
	chown "$NAME:" "$WORK/mine"
	init_exe "$WORK/mine"
	says "Read-only file system"
}

@test "rootless: what the process document asks for, and an ordinary user may" {
	config '.process.scheduler = { policy: "SCHED_BATCH", nice: 5 } | .process.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 6 }
		| .linux.personality = { domain: "LINUX32" } | .linux.memoryPolicy = { mode: "MPOL_BIND", nodes: "0" }
		| .process.oomScoreAdj = 500'
	user_inside 0 'cut -d" " -f19,41 /proc/1/stat; busybox ionice -p 1; uname -m | sed s/i686/x86_64/; head -1 /proc/self/numa_maps | cut -d" " -f2
		cat /proc/self/oom_score_adj; grep Cpus_allowed_list /proc/self/status | cut -f2'
	prints "$(printf '5 3\nbest-effort: prio 6\n%s\nbind:0\n500\n%s' "$(uname -m)" "$(cat /sys/devices/system/cpu/online)")"
	config '.process.scheduler = { policy: "SCHED_OTHER", nice: -5 }'
	program true
	expect 1 user_woody run "$ID"
	says "process.scheduler: set SCHED_OTHER"
	says "a nice value below what it is needs CAP_SYS_NICE"
	config 'del(.process.scheduler) | .process.ioPriority = { class: "IOPRIO_CLASS_RT", priority: 0 }'
	expect 1 user_woody run "$ID"
	says "IOPRIO_CLASS_RT needs CAP_SYS_NICE or CAP_SYS_ADMIN"
}

@test "rootless: Landlock confines the program and exec" {
	[ "$("$WOODY_TESTBIN/probe" landlock || echo 0)" -ge 4 ] || skip "probe landlock: $("$WOODY_TESTBIN/probe" landlock)"
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	mkdir "$ROOTFS/data"
	chown "$NAME:" "$ROOTFS/data"
	echo secret >"$ROOTFS/etc/secret"
	config '.root.readonly = false | .annotations["io.woody.landlock"] = "exec:/bin rw:/data tcp-connect:7001"'
	user_inside 0 'echo mine >/data/file; cat /data/file; probe open r /etc/secret; probe open w /etc/passwd; probe connect 7002; true'
	prints $'mine\nPermission denied\nPermission denied\nPermission denied'
	config '.process.noNewPrivileges = false'
	user_inside 1 'cat /etc/secret'
	says "Permission denied"
	program sleep 1000
	detached user_woody run -d "$ID"
	expect 0 user_woody exec "$ID" cat /data/file
	prints mine
	expect 1 user_woody exec "$ID" cat /etc/secret
	says "Permission denied"
}
