# The annotation io.woody.landlock: each access is really tried, by root and by an ordinary user of the container, and by exec.
load helpers

prepare() {
	ABI=$(landlock_abi)
	mkdir "$ROOTFS/data" "$ROOTFS/other"
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	ln -s "$ROOTFS/bin/busybox" "$ROOTFS/etc/out"
	echo secret >"$ROOTFS/etc/secret"
	echo text >"$ROOTFS/data/text"
	echo text >"$ROOTFS/other/text"
	chmod 777 "$ROOTFS/data" "$ROOTFS/other" "$ROOTFS/tmp"
	chmod 666 "$ROOTFS/data/text" "$ROOTFS/other/text"
	writable
}

# landlock_abi - 0 where the kernel has none; landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)
landlock_abi() {
	local abi
	abi=$("$WOODY_TESTBIN/probe" landlock) || abi=0
	echo "$abi"
}

needs() {
	[ "$ABI" -ge "$1" ] || skip "probe landlock: ABI $ABI, $1 is needed"
}

rules() {
	config '.annotations["io.woody.landlock"] = $value' --arg value "$1"
}

# the same for everybody
files() {
	rules "ro:/etc exec:/bin rw:/data rw:/dev/null ro:/proc"
	inside 0 'cat /etc/secret; ls /etc >/dev/null && echo listed; echo new >/data/new; cat /data/new; rm /data/new
		mkdir /data/d && touch /data/d/f && rm -r /data/d && echo tree; : >/data/text; echo x >/dev/null; probe link /data/text /data/link'
	prints $'secret\nlisted\nnew\ntree\nok'
	inside 0 'probe open r /other/text; probe open w /other/text; probe open w /etc/secret; probe truncate /other/text
		probe truncate /etc/secret; probe link /data/text /tmp/link; true'
	prints "$(yes "Permission denied" | head -6)"
	inside 0 'for try in "ls /other" "ls /" "touch /other/new" "mkdir /etc/d" "rm /other/text" "mv /data/text /other/" "mv /other/text /data/"; do
		$try && echo "this worked: $try"; done; true'
	prints ""
	same "$(grep -c "Permission denied" <<<"$stderr")" 7
	same "$(cat "$ROOTFS/etc/secret") $(cat "$ROOTFS/other/text") $(ls "$ROOTFS/other") $(ls "$ROOTFS/tmp")" "secret text text "
}

@test "files: what is named, and nothing else, for root" {
	needs 3
	all_capabilities
	config '.process.noNewPrivileges = true'
	files
}

@test "files: the same without no_new_privs" {
	needs 3
	all_capabilities
	files
	config 'del(.process.capabilities)'	# CAP_SYS_ADMIN is there for the rules alone
	rules "exec:/bin ro:/proc"
	inside 0 'grep -c "CapEff:.0000000000000000" /proc/self/status; grep NoNewPrivs /proc/self/status; cat /etc/secret || true'
	prints $'1\nNoNewPrivs:\t0'
	says "Permission denied"
}

@test "files: the same for an ordinary user" {
	needs 3
	config '.process.user = { uid: 1000, gid: 1000 }'
	chmod 666 "$ROOTFS/etc/secret"
	files
}

@test "files: the same in a user namespace" {
	needs 3
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 "$ROOTFS"
	files
}

@test "executing needs exec:, for the program and what it executes" {
	needs 1
	cp "$ROOTFS/bin/probe" "$ROOTFS/data/probe"
	rules "exec:/bin rw:/data"
	inside 126 '/data/probe fds'
	says "Permission denied"
	rules "exec:/data/probe"
	program /data/probe count
	expect 0 woody run "$ID"
	rules "ro:/bin"
	program sh -c true
	expect 1 woody run "$ID"
	says 'exec /bin/sh: permission denied; the annotation io.woody.landlock must have exec: for the program'
}

@test "a path may be a file or a device; ioctl needs rw:" {
	needs 5
	rules "exec:/bin ro:/etc/secret rw:/dev"
	inside 0 'cat /etc/secret; probe ioctl /dev/null; probe open r /etc/passwd; true'
	prints $'secret\nInappropriate ioctl for device\nPermission denied'
	rules "exec:/bin ro:/dev"
	inside 0 'probe ioctl /dev/null; true'
	prints "Permission denied"
}

@test "paths are the container's, also through symlinks" {
	needs 1
	echo outside >"$WORK/outside"
	ln -s "$WORK/outside" "$ROOTFS/etc/link"
	ln -s /etc/secret "$ROOTFS/data/link"
	rules "exec:/bin ro:/data/link"
	inside 0 'cat /etc/secret'
	prints secret
	program true
	rules "exec:/bin ro:/etc/link"
	refused "annotation io.woody.landlock: '/etc/link' is not there in the container"
	rules "exec:/bin ro:/../../../..$WORK/outside"
	refused "is not there in the container"
	rules "exec:/bin ro:/missing"
	refused "annotation io.woody.landlock: '/missing' is not there in the container"
	rules "exec:/bin ro:/proc/self/root"
	refused "annotation io.woody.landlock: open '/proc/self/root'"
}

@test "exec is under the same rules" {
	needs 1
	rules "exec:/bin rw:/data"
	start_sleeping
	expect 0 woody exec "$ID" cat /data/text
	prints text
	expect 1 woody exec "$ID" cat /etc/secret
	says "Permission denied"
	expect 1 woody exec --user 1000:1000 "$ID" cat /etc/secret
	says "Permission denied"
	expect 255 woody exec "$ID" /data/text
	says "permission denied"
}

@test "TCP: connect and bind, each as it is named" {
	needs 4
	rules "tcp-connect:7001 tcp-bind:7002"
	inside 0 'probe connect 7001; probe connect 7003; probe listen 7002; probe listen 7001; cat /etc/secret'
	prints $'Connection refused\nPermission denied\nok\nPermission denied\nsecret'	# refused by nobody's listening
	config '.process.user = { uid: 1000, gid: 1000 }'
	inside 0 'probe connect 7003; probe listen 7001; true'
	prints $'Permission denied\nPermission denied'
	rules "tcp-connect:none"
	inside 0 'probe connect 7001; probe listen 7001'
	prints $'Permission denied\nok'
	rules "tcp-bind:none"
	inside 0 'probe listen 7001; probe connect 7001; true'
	prints $'Permission denied\nConnection refused'
}

@test "scopes: abstract sockets and signals outside" {
	needs 6
	# of the host: no network and no pid namespace of its own
	config 'del(.linux.namespaces[] | select(.type == "network" or .type == "pid"))
		| .mounts |= map(select(.type != "sysfs"))'
	local name=woody-$ID pid
	python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind("\0" + sys.argv[1]); s.listen(); open(sys.argv[2], "w").close(); time.sleep(25)' "$name" "$WORK/listens" 3>&- &
	pid=$!
	soon test -e "$WORK/listens"
	inside 0 "probe abstract $name; probe signal $pid"
	prints $'ok\nok'
	rules "scope:abstract-unix"
	inside 0 "probe abstract $name; probe signal $pid; true"
	prints $'Operation not permitted\nok'
	rules "scope:signal"
	inside 0 "probe abstract $name; probe signal $pid; true"
	prints $'ok\nOperation not permitted'
	rules "scope:signal,abstract-unix"
	inside 0 "probe abstract $name; probe signal $pid; sleep 5 & probe signal \$!"	# its own child is inside
	prints $'Operation not permitted\nOperation not permitted\nok'
	kill $pid
}

@test "what is no rule is refused, and nothing is made" {
	program true
	local value
	for value in "" "ro:usr" "rx:/usr" "tcp-connect:http" "tcp-bind:65536" "scope:all" "ro:/ nonsense"; do
		rules "$value"
		refused "annotation io.woody.landlock: '"
	done
}

@test "what the kernel lacks is refused, with the version that has it" {
	program true
	rules "tcp-connect:443"
	if [ "$ABI" -eq 0 ]; then
		refused "this kernel has no Landlock"
	elif [ "$ABI" -lt 4 ]; then
		refused "tcp-connect and tcp-bind need Linux 6.7, Landlock ABI 4; this kernel has ABI $ABI"
		rules "scope:signal"
		refused "scope needs Linux 6.12, Landlock ABI 6; this kernel has ABI $ABI"
	elif [ "$ABI" -lt 6 ]; then
		rules "scope:signal"
		refused "scope needs Linux 6.12, Landlock ABI 6; this kernel has ABI $ABI"
	else
		skip "probe landlock: ABI $ABI has everything"
	fi
}

@test "together with a seccomp filter that denies Landlock's own calls" {
	needs 1
	config '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["landlock_create_ruleset", "landlock_restrict_self"],
		action: "SCMP_ACT_KILL_PROCESS" }] }'
	rules "exec:/bin"
	inside 1 'cat /etc/secret'
	says "Permission denied"
	config '.process.noNewPrivileges = false'
	inside 1 'cat /etc/secret'
	says "Permission denied"
}
