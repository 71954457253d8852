# `woody mounts add` and `remove`: mounts of a container that runs.
load helpers

# mounts JSON - the file $WORK/mounts.json
mounts() {
	printf '%s\n' "$1" >"$WORK/mounts.json"
}

add() {
	expect "${1:-0}" woody mounts add "$ID" "$WORK/mounts.json"
}

take_away() {
	expect "${1:-0}" woody mounts remove "$ID" "$WORK/mounts.json"
}

user_namespace() {
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }] |
		.linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 "$ROOTFS"
}

cleanup() {
	if [ -n "${HELPER:-}" ]; then
		kill -KILL "$HELPER"
		wait "$HELPER" || true
	fi
}

# both - binds of a directory and of a file, and a tmpfs, appear and go again
both() {
	mkdir -p "$WORK/dir" "$ROOTFS/tmp"
	echo one >"$WORK/dir/file"
	writable
	start_sleeping
	mounts '[{ "type": "bind", "source": "'"$WORK/dir"'", "destination": "/tmp/new/dir", "options": ["rbind", "ro", "nosuid"] },
		{ "type": "bind", "source": "'"$WORK/dir/file"'", "destination": "/tmp/file", "options": ["bind"] },
		{ "type": "tmpfs", "source": "tmpfs", "destination": "/tmp/t", "options": ["mode=0750", "nodev", "ro"] }]'
	add
	silent
	expect 0 woody exec "$ID" sh -c 'cat /tmp/new/dir/file /tmp/file; stat -c %a:%u /tmp/t; touch /tmp/new/dir/x /tmp/t/x 2>&1; true'
	same "${lines[0]} ${lines[1]} ${lines[2]}" "one one 750:0"
	same "$(grep -c 'Read-only file system' <<<"$output")" 2
	expect 0 woody exec "$ID" cat /proc/self/mountinfo
	matches ' /tmp/new/dir ro,nosuid'
	same "" "$(grep -F "$WORK/" /proc/self/mountinfo)"
	take_away
	silent
	expect 0 woody exec "$ID" sh -c 'ls /tmp/new/dir; wc -c </tmp/file; cut -d" " -f5 /proc/self/mountinfo | grep -c /tmp/ || true'
	prints $'0\n0'
	same "$(cat "$WORK/dir/file")" one
}

@test "binds and a tmpfs are added and removed" {
	both
}

@test "the same with a user namespace: the tmpfs belongs to the container's root" {
	user_namespace
	both
}

@test "a source where only root gets, in a user namespace; idmap maps as the container does" {
	mkdir -m 700 "$WORK/closed"
	mkdir -m 755 "$WORK/closed/dir"
	touch "$WORK/closed/dir/file"
	chown 7:8 "$WORK/closed/dir/file"
	user_namespace
	writable
	start_sleeping
	mounts '[{ "type": "bind", "source": "'"$WORK/closed/dir"'", "destination": "/tmp/plain", "options": ["bind"] },
		{ "type": "bind", "source": "'"$WORK/closed/dir"'", "destination": "/tmp/mapped", "options": ["bind", "idmap"] }]'
	add
	expect 0 woody exec "$ID" stat -c %u:%g /tmp/plain/file /tmp/mapped/file
	prints $'65534:65534\n7:8'
}

@test "an ordinary user's container" {
	chmod 711 "$WORK"
	chmod -R a+rX "$BUNDLE"
	local me="setpriv --reuid 1234 --regid 1234 --clear-groups $WOODY --root $WORK/theirs --rootless true"
	mkdir "$WORK/theirs" "$WORK/dir"
	echo mine >"$WORK/dir/file"
	rm config.json
	chown -R 1234:1234 "$BUNDLE" "$WORK/theirs" "$WORK/dir"
	$me spec --rootless
	config '.process.terminal = false | .process.args = ["sleep", "1000"] | .root.readonly = false'
	chown -R 1234:1234 "$BUNDLE"
	detached $me run -d "$ID"
	mounts '[{ "type": "bind", "source": "'"$WORK/dir"'", "destination": "/tmp/dir", "options": ["bind"] },
		{ "type": "tmpfs", "source": "tmpfs", "destination": "/tmp/t" }]'
	expect 0 $me mounts add "$ID" "$WORK/mounts.json"
	expect 0 $me exec "$ID" sh -c 'cat /tmp/dir/file; stat -c %u /tmp/t'
	prints $'mine\n0'
	expect 0 $me mounts remove "$ID" "$WORK/mounts.json"
	expect 0 $me exec "$ID" sh -c 'ls /tmp/dir'
	prints ""
	$me delete -f "$ID"
}

@test "procfs and sysfs are those of the container, and only on ordinary directories" {
	mkdir "$ROOTFS/p" "$ROOTFS/s"
	ln -s /p "$ROOTFS/link"
	start_sleeping
	mounts '{ "mounts": [{ "type": "proc", "source": "proc", "destination": "/p" }, { "type": "sysfs", "source": "sysfs", "destination": "/s" }] }'
	add
	expect 0 woody exec "$ID" sh -c 'cat /p/1/comm; ls /s/class/net'
	prints $'sleep\nlo'
	take_away
	mounts '[{ "type": "proc", "source": "proc", "destination": "/link" }]'
	add 1
	says "must be mounted on ordinary directory"
}

@test "targets that are symlinks to the host lead nowhere, nor do exchanged ones" {
	mkdir -p "$WORK/host" "$WORK/dir" "$ROOTFS/volume/target"
	ln -s "$WORK/host" "$ROOTFS/absolute"
	ln -s "../../../../../../../../../..$WORK/host" "$ROOTFS/climbing"
	ln -s /proc/1/root "$ROOTFS/magic"
	ln -s "$WORK/host" "$ROOTFS/volume/link"
	writable
	start_sleeping
	local target
	for target in absolute/new climbing/new magic/new; do
		mounts '[{ "type": "bind", "source": "'"$WORK/dir"'", "destination": "/'$target'", "options": ["bind"] }]'
		run woody mounts add "$ID" "$WORK/mounts.json"
	done
	[ -d "$ROOTFS$WORK/host/new" ]
	"$WOODY_TESTBIN/probe" swap "$ROOTFS/volume/target" "$ROOTFS/volume/link" >"$WORK/swap" 2>&1 3>&- &
	HELPER=$!
	soon grep -q ready "$WORK/swap"
	mounts '[{ "type": "bind", "source": "'"$WORK/dir"'", "destination": "/volume/target/made", "options": ["bind"] }]'
	local i
	for i in {1..20}; do
		run woody mounts add "$ID" "$WORK/mounts.json"
		run woody mounts remove "$ID" "$WORK/mounts.json"
	done
	kill -0 "$HELPER"
	same "$(find "$WORK/host" "$WORK/dir" -mindepth 1)" ""
	same "" "$(grep -F "$WORK/" /proc/self/mountinfo)"
}

@test "a container that looks into whoever comes gets nothing of the host" {
	all_capabilities
	mkdir "$WORK/dir"
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	writable
	# it tries to list the descriptors and the root of every process it sees that is not its own
	program sh -c 'while :; do for p in /proc/[0-9]*; do case $(readlink $p/exe) in */busybox) ;; *) ls -l $p/fd $p/cwd/ 2>/dev/null >>/tmp/seen; esac; done; done'
	detached woody run -d "$ID"
	mounts '[{ "type": "bind", "source": "'"$WORK/dir"'", "destination": "/tmp/dir", "options": ["bind"] }]'
	local i
	for i in {1..15}; do
		add
		take_away
	done
	[ ! -s "$ROOTFS/tmp/seen" ] || ! grep -F "$WORK" "$ROOTFS/tmp/seen"
}

@test "what cannot be: said in a sentence, and nothing changes" {
	mkdir "$WORK/dir"
	writable
	start_sleeping
	mounts '[{ "type": "bind", "source": "'"$WORK/missing"'", "destination": "/tmp/x", "options": ["bind"] }]'
	add 1
	says "$WORK/missing"
	mounts '[{ "type": "tmpfs", "source": "tmpfs", "destination": "/" }]'
	add 1
	says "the root of a running container"
	take_away 1
	says "the root of a running container"
	mounts '[{ "type": "cgroup", "source": "cgroup", "destination": "/tmp/c" }]'
	add 1
	says "cgroups cannot be mounted later"
	mounts '[{ "type": "bind", "source": "'"$WORK/dir"'", "destination": "/proc", "options": ["remount", "ro"] }]'
	add 1
	says "only new mounts"
	mounts '[{ "type": "nosuchfs", "source": "x", "destination": "/tmp/c" }]'
	add 1
	says nosuchfs
	mounts '[{ "destination": "/tmp" }]'
	take_away 1
	says "nothing is mounted there"
	mounts '[]'
	add 1
	says "no mounts in it"
	mounts '[{ "source": "x" }]'
	add 1
	says destination
	mounts '{'
	add 1
	says mounts.json
	expect 1 woody mounts add "$ID" "$WORK/nosuch"
	says "$WORK/nosuch"
	expect 1 woody mounts add nosuch "$WORK/mounts.json"
	says "container does not exist"
	expect 1 woody mounts add "$ID"
	expect 1 woody mounts
	woody kill "$ID" KILL
	soon stopped
	mounts '[{ "type": "tmpfs", "source": "tmpfs", "destination": "/tmp/x" }]'
	add 1
	says "is not running"
}

@test "a created container takes mounts, too; one without a mount namespace does not" {
	mkdir "$WORK/dir" "$ROOTFS/mnt"
	echo text >"$WORK/dir/file"
	program cat /mnt/file
	mounts '[{ "type": "bind", "source": "'"$WORK/dir"'", "destination": "/mnt", "options": ["bind"] }]'
	detached woody create "$ID"
	mv "$WORK/stdout" "$WORK/seen"
	add
	woody start "$ID"
	soon grep -q text "$WORK/seen"
	woody delete -f "$ID"
	config '.linux.namespaces |= map(select(.type != "mount")) | .mounts = [] | .linux.maskedPaths = [] | .linux.readonlyPaths = [] | .root.readonly = false'
	start_sleeping
	add 1
	says "no mount namespace of its own"
}
