# Namespaces: own, absent, joined by path; user namespaces, as root and as an ordinary user.
load helpers

KINDS="cgroup ipc mnt net pid time uts"

# config_name KIND - as config.json calls what /proc calls KIND
config_name() {
	case $1 in mnt) echo mount;; net) echo network;; *) echo "$1";; esac
}

# own_namespaces KIND... - exactly these, as config.json names them
own_namespaces() {
	jq '.linux.namespaces = [$ARGS.positional[] | { type: . }]' "$BUNDLE/config.json" --args -- "$@" >"$BUNDLE/config.new" &&
		mv "$BUNDLE/config.new" "$BUNDLE/config.json"
}

# join KIND PATH - the namespace of this kind is the one at PATH
join() {
	config '.linux.namespaces |= map(select(.type != $type)) + [{ type: $type, path: $path }]' --arg type "$1" --arg path "$2"
}

# user_namespace FIRST SIZE - the container has its own; id 0 there is FIRST here
user_namespace() {
	config '.linux.namespaces += [{ type: "user" }] |
		.linux.uidMappings = [{ containerID: 0, hostID: $first, size: $size }] | .linux.gidMappings = .linux.uidMappings' \
		--argjson first "$1" --argjson size "$2"
	chown -R "$1:$1" "$ROOTFS"
}

# holder FLAGS... - a process with namespaces of its own; $HOLDER is its pid
holder() {
	unshare "$@" sleep 1000 </dev/null >/dev/null 2>&1 3>&- &
	HOLDER=$!
	soon held
}

# held - unshare is done: it has become sleep, or has a child that has
held() {
	pgrep -x sleep --parent "$HOLDER" || grep -qx sleep "/proc/$HOLDER/comm"
}

cleanup() {
	if [ -n "${HOLDER:-}" ]; then
		kill -KILL "$HOLDER"
		wait "$HOLDER" || true
	fi
}

@test "each namespace that is listed is the container's own" {
	own_namespaces cgroup ipc mount network pid uts
	start_sleeping
	local kind
	for kind in cgroup ipc mnt net pid uts; do
		differ "$(namespace_of "$PID" "$kind")" "$(namespace_of self "$kind")"
	done
	same "$(namespace_of "$PID" user)" "$(namespace_of self user)"
	same "$(namespace_of "$PID" time)" "$(namespace_of self time)"
}

@test "each namespace that is not listed is the caller's" {
	local kind
	for kind in cgroup ipc net pid uts; do
		own_namespaces cgroup ipc mount network pid uts
		config 'del(.linux.namespaces[] | select(.type == $type)) | if $type == "uts" then del(.hostname) else . end' \
			--arg type "$(config_name "$kind")"
		# without network namespace sysfs cannot be made anew by everyone; mqueue wants its ipc namespace
		config '.mounts |= map(select(.destination != "/dev/mqueue"))'
		start_sleeping
		same "$(namespace_of "$PID" "$kind")" "$(namespace_of self "$kind")"
		differ "$(namespace_of "$PID" mnt)" "$(namespace_of self mnt)"
		woody delete -f "$ID"
	done
}

@test "a container without any namespace" {
	own_namespaces
	config '.mounts = [] | del(.hostname) | .linux.maskedPaths = [] | .linux.readonlyPaths = [] | .root.readonly = false'
	start_sleeping
	local kind
	for kind in $KINDS; do
		same "$(namespace_of "$PID" "$kind")" "$(namespace_of self "$kind")"
	done
	same "$(readlink "/proc/$PID/root")" "$ROOTFS"
}

@test "a namespace is joined by path" {
	holder --ipc --net --uts --cgroup --mount
	local kind
	for kind in ipc net uts cgroup; do
		join "$(config_name "$kind")" "/proc/$HOLDER/ns/$kind"
	done
	config 'del(.hostname)'
	start_sleeping
	for kind in ipc net uts cgroup; do
		same "$(namespace_of "$PID" "$kind")" "$(namespace_of "$HOLDER" "$kind")"
	done
}

@test "a mount namespace is joined by path" {
	holder --mount
	join mount "/proc/$HOLDER/ns/mnt"
	config '.mounts = [] | .linux.maskedPaths = [] | .linux.readonlyPaths = [] | .root.readonly = false'
	start_sleeping
	same "$(namespace_of "$PID" mnt)" "$(namespace_of "$HOLDER" mnt)"
}

@test "a pid namespace is joined by path, of the process or of its children" {
	holder --pid --fork --kill-child
	local init path
	init=$(pgrep -x sleep --parent "$HOLDER")
	for path in "/proc/$init/ns/pid" "/proc/$HOLDER/ns/pid_for_children"; do
		join pid "$path"
		start_sleeping
		same "$(namespace_of "$PID" pid)" "$(namespace_of "$init" pid)"
		differ "$(awk '/NSpid/ { print $3 }' "/proc/$PID/status")" 1
		woody kill "$ID" KILL
		soon stopped
		woody delete "$ID"
	done
}

@test "all namespaces of another container are joined, and exec follows" {
	user_namespace 100000 65536
	config 'del(.linux.namespaces[] | select(.type == "cgroup"))'
	start_sleeping
	local first=$PID kind
	for kind in user ipc net pid uts; do
		join "$(config_name "$kind")" "/proc/$first/ns/$kind"
	done
	config 'del(.linux.uidMappings, .linux.gidMappings, .hostname) | .linux.cgroupsPath += "-second"'
	program sleep 1000
	detached woody run -d --pid-file "$WORK/second" "$ID-second"
	for kind in user ipc net pid uts; do
		same "$(namespace_of "$(cat "$WORK/second")" "$kind")" "$(namespace_of "$first" "$kind")"
	done
	expect 0 woody exec "$ID-second" sh -c 'for kind in user pid uts; do readlink /proc/self/ns/$kind; done'
	prints "$(for kind in user pid uts; do namespace_of "$first" "$kind"; done)"
	woody delete -f "$ID-second"
}

@test "a path to a namespace of another kind is refused" {
	holder --ipc --net --uts
	local pair
	for pair in network:uts uts:ipc ipc:net pid:net mount:net cgroup:net user:net; do
		cp "$BUNDLE/config.json" "$WORK/kept.json"
		join "${pair%:*}" "/proc/$HOLDER/ns/${pair#*:}"
		program true
		refused "/proc/$HOLDER/ns/${pair#*:}"
		cp "$WORK/kept.json" "$BUNDLE/config.json"
	done
}

@test "a path that is no namespace, or not there, is refused" {
	program true
	join network /etc/passwd
	refused /etc/passwd
	join network /no/such/namespace
	refused /no/such/namespace
	config '.linux.namespaces[-1] = { type: "nosuchkind" }'
	refused nosuchkind
}

@test "a namespace given twice is refused" {
	program true
	config '.linux.namespaces += [{ type: "pid" }]'
	refused pid
}

@test "exec enters every namespace of the container" {
	own_namespaces cgroup ipc mount network pid uts time
	start_sleeping
	local kind want=""
	for kind in $KINDS; do
		want+="$(namespace_of "$PID" "$kind")"$'\n'
	done
	expect 0 woody exec "$ID" sh -c "for kind in $KINDS; do readlink /proc/self/ns/\$kind; done"
	prints "${want%$'\n'}"
}

@test "hostname and domainname are the container's, not the host's" {
	local host domain
	host=$(hostname)
	domain=$(cat /proc/sys/kernel/domainname)
	config '.hostname = "box.example" | .domainname = "domain.example"'
	inside 0 'hostname; cat /proc/sys/kernel/domainname'
	prints $'box.example\ndomain.example'
	same "$(hostname)" "$host"
	same "$(cat /proc/sys/kernel/domainname)" "$domain"
}

@test "hostname without a uts namespace is refused, and the host keeps its own" {
	local host
	host=$(hostname)
	config '.hostname = $host | del(.linux.namespaces[] | select(.type == "uts"))' --arg host "$host"
	program true
	refused uts
}

@test "the network namespace has nothing but a loopback device" {
	inside 0 'ls /sys/class/net'
	matches '(^|[[:space:]])lo($|[[:space:]])'
	[[ "$output" != *eth* ]]
}

@test "the container's process is pid 1 and sees no other" {
	inside 0 'echo $$; ls -d /proc/[0-9]* | wc -l'
	same "${lines[0]}" 1
	[ "${lines[1]}" -le 4 ]	# the shell, ls, wc
}

@test "sysctls of the container's namespaces are set, and the host's stay" {
	local before
	before=$(cat /proc/sys/kernel/shmmni /proc/sys/net/ipv4/ip_forward)
	config '.linux.sysctl = { "kernel.shmmni": "1234", "net.ipv4.ip_unprivileged_port_start": "81",
		"net/ipv4/ping_group_range": "0 7", "fs.mqueue.msg_max": "17" }'
	inside 0 'cd /proc/sys; cat kernel/shmmni net/ipv4/ip_unprivileged_port_start net/ipv4/ping_group_range fs/mqueue/msg_max'
	prints $'1234\n81\n0\t7\n17'
	same "$(cat /proc/sys/kernel/shmmni /proc/sys/net/ipv4/ip_forward)" "$before"
}

@test "sysctls that are not the container's are refused" {
	program true
	local name
	for name in vm.swappiness kernel.pid_max fs.file-max kernel.core_pattern no.such; do
		config '.linux.sysctl = { ($name): "1" }' --arg name "$name"
		refused "$name"
	done
	config '.linux.sysctl = { "net.ipv4.ip_forward": "0" } | del(.linux.namespaces[] | select(.type == "network"))'
	refused net.ipv4.ip_forward
}

@test "a time namespace has the offsets of the config" {
	own_namespaces ipc mount network pid uts time
	config '.linux.timeOffsets = { monotonic: { secs: 7881, nanosecs: 0 }, boottime: { secs: 1000000 } }'
	inside 0 'cat /proc/self/timens_offsets; cut -d. -f1 /proc/uptime'
	matches 'monotonic +7881 +0'
	matches 'boottime +1000000 +0'
	[ "${lines[-1]}" -ge 1000000 ]
}

@test "time offsets without a time namespace are refused" {
	config '.linux.timeOffsets = { monotonic: { secs: 1 } }'
	program true
	refused time
}

@test "a user namespace has the maps of the config" {
	user_namespace 100000 65536
	inside 0 'cat /proc/self/uid_map /proc/self/gid_map; id -u; stat -c %u:%g /bin/busybox /etc'
	same "$(tr -s ' ' <<<"${lines[0]}")" " 0 100000 65536"
	same "$(tr -s ' ' <<<"${lines[1]}")" " 0 100000 65536"
	same "${lines[2]}" 0
	same "${lines[3]} ${lines[4]}" "0:0 0:0"
	start_sleeping
	same "$(awk '/^[UG]id/ { print $2, $3, $4, $5 }' "/proc/$PID/status")" $'100000 100000 100000 100000\n100000 100000 100000 100000'
}

@test "several maps, and a user that is not root" {
	user_namespace 100000 1000
	config '.linux.uidMappings += [{ containerID: 1000, hostID: 300000, size: 1 }] | .process.user = { uid: 1000, gid: 5 }'
	program sleep 1000
	detached woody run -d --pid-file "$WORK/pid" "$ID"
	same "$(awk '/^[UG]id/ { print $2 }' "/proc/$(cat "$WORK/pid")/status" | tr '\n' ' ')" "300000 100005 "
	expect 0 woody exec "$ID" sh -c 'id -u; id -g'
	prints $'1000\n5'
}

@test "in a user namespace the default devices work and their options hold" {
	user_namespace 100000 65536
	inside 0 'echo x >/dev/null && head -c 3 /dev/zero | wc -c && head -c 2 /dev/urandom | wc -c; grep -c " /dev/null " /proc/self/mountinfo;
		grep " /dev/null " /proc/self/mountinfo'
	same "${lines[0]} ${lines[1]} ${lines[2]}" "3 2 1"
	says nosuid
	says noexec
}

@test "in a user namespace a bind source may be where only root gets" {
	user_namespace 100000 65536
	mkdir -p "$WORK/secret/inner"
	echo hidden >"$WORK/secret/inner/file"
	chmod 700 "$WORK/secret"
	config '.mounts += [{ destination: "/mnt", type: "bind", source: $source, options: ["rbind", "ro"] }]' \
		--arg source "$WORK/secret/inner"
	inside 0 'cat /mnt/file'
	prints hidden
}

@test "in a user namespace the rootfs may be where only root gets" {
	user_namespace 100000 65536
	chmod 700 "$WORK"
	inside 0 'echo inside; ls -d /proc/1'
	prints $'inside\n/proc/1'
	chmod 755 "$WORK"
}

@test "a user namespace without mappings, made by root, maps everything as it is" {
	config '.linux.namespaces += [{ type: "user" }]'
	inside 0 'cat /proc/self/uid_map; readlink /proc/self/ns/user'
	same "$(tr -s ' ' <<<"${lines[0]}")" " 0 0 4294967295"
	differ "${lines[1]}" "$(namespace_of self user)"
}

@test "mappings that overlap, or are empty, are refused by name" {
	user_namespace 100000 65536
	program true
	cp config.json "$WORK/kept.json"
	config '.linux.uidMappings += [{ containerID: 10, hostID: 300000, size: 1 }]'
	refused "linux.uidMappings[1]"
	cp "$WORK/kept.json" config.json
	config '.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 0 }]'
	refused "linux.gidMappings[0].size"
}

@test "namespaces that belong to the host are joined with a user namespace of the container's own" {
	holder --net --ipc --uts --cgroup
	local kind
	for kind in net ipc uts cgroup; do
		join "$(config_name "$kind")" "/proc/$HOLDER/ns/$kind"
	done
	user_namespace 100000 65536
	# a sysfs of a foreign network namespace, an mqueue of a foreign ipc namespace: not for this root
	config 'del(.hostname) | .mounts |= map(select(.destination != "/dev/mqueue" and .type != "cgroup" and .type != "sysfs"))'
	start_sleeping
	for kind in net ipc uts cgroup; do
		same "$(namespace_of "$PID" "$kind")" "$(namespace_of "$HOLDER" "$kind")"
	done
	differ "$(namespace_of "$PID" user)" "$(namespace_of self user)"
	differ "$(namespace_of "$PID" pid)" "$(namespace_of self pid)"
	same "$(awk '{ print $1, $2, $3 }' "/proc/$PID/uid_map")" "0 100000 65536"
	expect 0 woody exec "$ID" id -u
	prints 0
}
