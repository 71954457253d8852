# cgroup v1 (and hybrid): where the container is, its limits, its devices, and that nothing is left.
load helpers

V1=/sys/fs/cgroup

# limit CONTROLLER FILE - as the kernel has it
limit() {
	cat "$V1/$1/$ID/$2"
}

# places PID - its cgroup in each hierarchy that is mounted here, once each, sorted: others may exist that are not
places() {
	local line name
	while IFS=: read -r _ name line; do
		name=${name#name=}
		if [ -d "$V1/${name:-unified}" ]; then echo "$line"; fi
	done <"/proc/$1/cgroup" | sort -u
}

# made_above - cgroups above the container's were made for it, and are left to whoever asked for them
made_above() {
	find $V1 -mindepth 2 -depth -type d -path "*/$ID*" -exec rmdir {} + 2>/dev/null || true
}

cleanup() {
	if [ -n "${ABOVE:-}" ]; then made_above; fi
}

resources() {
	config '.linux.resources += $r' --argjson r "$1"
}

prepare() {
	[ -d $V1/memory ] && [ -d $V1/pids ] || skip "no cgroup v1 hierarchies here: $(ls $V1 | head -n 5 | tr '\n' ' ')"
}

setup_file() {
	chmod 711 "$BATS_RUN_TMPDIR"
	make_template
}

@test "the process is in its cgroup in every hierarchy, and the cgroup is gone after delete" {
	start_sleeping
	same "$(places "$PID")" "/$ID"
	same "$(limit pids cgroup.procs)" "$PID"
	woody kill "$ID" KILL
	soon stopped
	[ -d "$V1/pids/$ID" ]
	woody delete "$ID"
	gone
}

@test "exec is in the same cgroup" {
	start_sleeping
	expect 0 woody exec "$ID" cat /proc/self/cgroup
	prints "$(cat "/proc/$PID/cgroup")"
}

@test "without cgroupsPath the cgroup is named as the container" {
	config 'del(.linux.cgroupsPath)'
	start_sleeping
	same "$(places "$PID" | sed 's:.*/::' | uniq)" "$ID"
	woody delete -f "$ID"
	same "" "$(find $V1 -type d -name "$ID" 2>/dev/null)"
}

@test "a nested and a relative cgroupsPath" {
	ABOVE=yes
	config '.linux.cgroupsPath = "/" + $id + "/a/b"' --arg id "$ID"
	start_sleeping
	same "$(places "$PID")" "/$ID/a/b"
	woody delete -f "$ID"
	same "" "$(find $V1 -path "*/$ID/a/b")"
	made_above
	config '.linux.cgroupsPath = $id' --arg id "$ID"
	start_sleeping
	same "$(places "$PID" | sed 's:.*/::' | uniq)" "$ID"
}

@test "memory: limit, swap, reservation, swappiness, kernel TCP, no OOM killer" {
	resources '{ "memory": { "limit": 67108864, "swap": 134217728, "reservation": 33554432, "swappiness": 17,
		"kernelTCP": 16777216, "disableOOMKiller": true } }'
	start_sleeping
	same "$(limit memory memory.limit_in_bytes)" 67108864
	same "$(limit memory memory.memsw.limit_in_bytes)" 134217728
	same "$(limit memory memory.soft_limit_in_bytes)" 33554432
	same "$(limit memory memory.swappiness)" 17
	same "$(limit memory memory.kmem.tcp.limit_in_bytes)" 16777216
	limit memory memory.oom_control | grep -qx 'oom_kill_disable 1'
}

@test "memory: swap equal to limit, and -1" {
	resources '{ "memory": { "limit": 67108864, "swap": 67108864 } }'
	start_sleeping
	same "$(limit memory memory.memsw.limit_in_bytes)" 67108864
	woody delete -f "$ID"
	resources '{ "memory": { "limit": -1 } }'
	start_sleeping
	[ "$(limit memory memory.limit_in_bytes)" -gt 1000000000000 ]
}

@test "memory: the limit is enforced" {
	resources '{ "memory": { "limit": 16777216, "swap": 16777216 } }'
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	inside 137 'exec head -c 64m /dev/zero | tail -c 64m >/dev/null; kill -KILL $$'
	[ -z "$output" ]
}

@test "memory: a limit too small to start is an error that says so, and leaves nothing" {
	resources '{ "memory": { "limit": 4096, "swap": 4096 } }'
	program true
	expect 1 woody run "$ID"
	says memory
	gone
}

@test "pids: the limit is enforced on a fork bomb, and 0 and -1 have their meaning" {
	resources '{ "pids": { "limit": 20 } }'
	program sh -c 'i=0; while [ $i -lt 40 ]; do sleep 1000 & i=$((i + 1)); done; wait'
	detached woody run -d "$ID"
	soon grep -qi 'fork' "$WORK/stderr"
	[ "$(limit pids pids.current)" -le 20 ]
	same "$(limit pids pids.max)" 20
	woody delete -f "$ID"
	gone
	local value
	for value in 0:1 -1:max; do
		resources "{ \"pids\": { \"limit\": ${value%:*} } }"
		start_sleeping
		same "$(limit pids pids.max)" "${value#*:}"
		woody delete -f "$ID"
	done
}

@test "cpu: shares, quota, period" {
	resources '{ "cpu": { "shares": 512, "quota": 25000, "period": 50000 } }'
	start_sleeping
	same "$(limit cpu cpu.shares) $(limit cpu cpu.cfs_quota_us) $(limit cpu cpu.cfs_period_us)" "512 25000 50000"
	woody delete -f "$ID"
	resources '{ "cpu": { "quota": -1 } }'
	start_sleeping
	same "$(limit cpu cpu.cfs_quota_us)" -1
}

@test "cpu: the quota is enforced" {
	resources '{ "cpu": { "quota": 10000, "period": 100000 } }'
	program sh -c 'while :; do :; done'
	detached woody run -d "$ID"
	soon throttled
}

throttled() {
	[ "$(awk '/nr_throttled/ { print $2 }' "$V1/cpu/$ID/cpu.stat")" -gt 0 ]
}

@test "cpu: what the kernel refuses is an error that names it" {
	resources '{ "cpu": { "period": 100 } }'
	program true
	refused cpu.cfs_period_us
	config 'del(.linux.resources.cpu)'
	resources '{ "cpu": { "cpus": "4000" } }'
	refused cpuset
}

@test "cpuset: cpus and mems hold, also for exec" {
	resources '{ "cpu": { "cpus": "0", "mems": "0" } }'
	start_sleeping
	same "$(limit cpuset cpuset.cpus) $(limit cpuset cpuset.mems)" "0 0"
	same "$(awk '/Cpus_allowed_list/ { print $2 }' "/proc/$PID/status")" 0
	expect 0 woody exec "$ID" sh -c 'grep Cpus_allowed_list /proc/self/status | tr -d "\t "'
	prints Cpus_allowed_list:0
}

@test "cpuset: without cpus they are the parent's, for parents that are made, too" {
	ABOVE=yes
	config '.linux.cgroupsPath = "/" + $id + "/inner"' --arg id "$ID"
	inside 0 'grep Cpus_allowed_list /proc/self/status | cut -f2'
	prints "$(cat $V1/cpuset/cpuset.cpus)"
}

@test "blkio: weight and throttle" {
	[ -e $V1/blkio/blkio.throttle.read_bps_device ] || skip "no throttle policy: $(ls $V1/blkio | tr '\n' ' ')"
	local device
	device=$(awk '$4 == "vda" || $4 == "sda" || $4 == "loop0" || $4 == "nvme0n1" { print $1, $2; exit }' /proc/partitions)
	[ -n "$device" ] || skip "no whole block device: cat /proc/partitions"
	resources '{ "blockIO": { "throttleReadBpsDevice": [{ "major": '"${device% *}"', "minor": '"${device#* }"', "rate": 1048576 }] } }'
	start_sleeping
	limit blkio blkio.throttle.read_bps_device | grep -qx "${device/ /:} 1048576"
}

@test "devices: all is denied but the defaults; mknod is allowed, using it is not" {
	writable
	capabilities CAP_MKNOD CAP_SYSLOG	# reading kmsg wants the second: what refuses is the cgroup
	inside 0 'cd /tmp; mknod kmsg c 1 11; mknod zero c 1 5; head -c 1 zero | wc -c; head -c 1 kmsg 2>&1; echo x 2>&1 >kmsg; true'
	same "${lines[0]}" 1
	same "$(grep -c 'Operation not permitted' <<<"$output")" 2
}

@test "devices: an allow rule lets exactly that through" {
	writable
	capabilities CAP_MKNOD CAP_SYSLOG	# reading kmsg wants the second: what refuses is the cgroup
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	resources '{ "devices": [{ "allow": false, "access": "rwm" },
		{ "allow": true, "type": "c", "major": 1, "minor": 11, "access": "rw" },
		{ "allow": true, "type": "c", "major": 10, "access": "r" }] }'
	inside 0 'mknod /tmp/kmsg c 1 11; probe open rw /tmp/kmsg; probe open r /tmp/kmsg;
		mknod /tmp/fuse c 10 229 && probe open rw /tmp/fuse; true'
	same "${lines[0]} ${lines[1]} ${lines[2]}" "ok ok Operation not permitted"
	start_sleeping
	limit devices devices.list | grep -qx 'c 1:11 rw'
	limit devices devices.list | grep -qx 'c 10:\* r'
	limit devices devices.list | grep -qx 'c 1:3 rwm'
}

@test "devices: a rule without type is for all, later rules win" {
	writable
	capabilities CAP_MKNOD CAP_SYSLOG	# reading kmsg wants the second: what refuses is the cgroup
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	resources '{ "devices": [{ "allow": true, "access": "rwm" }, { "allow": false, "type": "c", "major": 1, "minor": 11, "access": "rw" }] }'
	inside 0 'mknod /tmp/kmsg c 1 11 && probe open r /tmp/kmsg; mknod /tmp/full c 1 7 && probe open r /tmp/full'
	prints $'Operation not permitted\nok'
}

@test "an unknown page size is refused" {
	resources '{ "hugepageLimits": [{ "pageSize": "3MB", "limit": 1 }] }'
	program true
	if [ -d $V1/hugetlb ]; then refused 3MB; else refused hugepageLimits; fi
}

@test "unified limits without v2 controllers are refused" {
	resources '{ "unified": { "memory.max": "1000000" } }'
	program true
	refused unified
}

@test "a cgroup that is not empty, or is frozen, is refused and stays" {
	mkdir "$V1/pids/$ID" "$V1/freezer/$ID"
	sleep 1000 </dev/null >/dev/null 2>&1 3>&- &
	local sleeper=$!
	echo $sleeper >"$V1/pids/$ID/cgroup.procs"
	program true
	attempt 1 woody create "$ID"
	says "not empty"
	grep -qx $sleeper "$V1/pids/$ID/cgroup.procs"
	kill -KILL $sleeper
	wait $sleeper || true
	soon rmdir "$V1/pids/$ID"
	echo FROZEN >"$V1/freezer/$ID/freezer.state"
	attempt 1 woody create "$ID"
	says "unexpectedly frozen"
	echo THAWED >"$V1/freezer/$ID/freezer.state"
	find $V1 -mindepth 2 -maxdepth 2 -name "$ID" -exec rmdir {} +
}

@test "a paused container: its state, exec, kill, delete" {
	start_sleeping
	echo FROZEN >"$V1/freezer/$ID/freezer.state"
	soon grep -qx FROZEN "$V1/freezer/$ID/freezer.state"
	status_is paused
	attempt 255 woody exec "$ID" true
	says "cannot exec in a paused container"
	expect 1 woody delete "$ID"
	expect 0 timeout 10 "$WOODY" --root "$ROOT" delete -f "$ID"
	gone
	ended "$PID"
}

@test "delete --force of a process that others have put into a frozen cgroup of theirs" {
	start_sleeping
	mkdir "$V1/freezer/$ID-other"
	echo "$PID" >"$V1/freezer/$ID-other/cgroup.procs"
	echo FROZEN >"$V1/freezer/$ID-other/freezer.state"
	expect 0 timeout 10 "$WOODY" --root "$ROOT" delete --force "$ID"
	gone
	soon rmdir "$V1/freezer/$ID-other"
}

@test "cgroups made inside are removed with the container" {
	start_sleeping
	mkdir -p "$V1/memory/$ID/sub/deep" "$V1/freezer/$ID/sub" "$V1/cpuset/$ID/sub"
	woody kill "$ID" KILL
	soon stopped
	expect 0 woody delete "$ID"
	gone
}

@test "every process of the cgroup is ended by delete --force, those that fork, too" {
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	program sh -c 'while :; do sleep 0.01 & done'
	resources '{ "pids": { "limit": 64 } }'
	detached woody run -d "$ID"
	sleep 0.2
	expect 0 woody delete --force "$ID"
	gone
}

@test "exec --cgroup: a cgroup below the container's" {
	start_sleeping
	mkdir "$V1/pids/$ID/sub" "$V1/memory/$ID/sub"
	expect 0 woody exec --cgroup pids:sub "$ID" grep -E ':(pids|cpu):' /proc/self/cgroup
	same "$(sort <<<"$output" | cut -d: -f2,3)" "cpu:/$ID"$'\n'"pids:/$ID/sub"
	expect 0 woody exec --cgroup pids,memory:sub "$ID" grep -cE ':(pids|memory):.*/sub$' /proc/self/cgroup
	prints 2
	expect 255 woody exec --cgroup pids:../.. "$ID" true
	says ..
	expect 255 woody exec --cgroup nosuch:sub "$ID" true
	says "unknown controller "
	expect 255 woody exec --cgroup pids:missing "$ID" true
	says "no such file or directory"
	expect 0 woody exec --cgroup / "$ID" true
}
