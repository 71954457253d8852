# update: limits of a running container, on v1 and on v2 alike.
load helpers

CG=/sys/fs/cgroup

is_v2() {
	[ -e $CG/cgroup.controllers ]
}

# limit V1-CONTROLLER V1-FILE V2-FILE - as the kernel has it
limit() {
	if is_v2; then cat "$CG/$ID/$3"; else cat "$CG/$1/$ID/$2"; fi
}

has() {
	if is_v2; then [ -e "$CG/$ID/$3" ]; else [ -e "$CG/$1/$ID/$2" ]; fi
}

resources() {
	config '.linux.resources += $r' --argjson r "$1"
}

# period QUOTA PERIOD - what cpu.max, or the two files of v1, must say
quota_is() {
	if is_v2; then
		same "$(cat "$CG/$ID/cpu.max")" "${1/#-1/max} $2"
	else
		same "$(limit cpu cpu.cfs_quota_us) $(limit cpu cpu.cfs_period_us)" "$1 $2"
	fi
}

setup_file() {
	chmod 711 "$BATS_RUN_TMPDIR"
	make_template
}

cleanup() {
	if [ -n "${PARENT:-}" ]; then find $CG -depth -type d -path "*/$PARENT*" -exec rmdir {} +; fi
}

@test "memory: limit, reservation, units, no limit; pids; what is not given stays" {
	start_sleeping
	expect 0 woody update --memory 64M --pids-limit 50 "$ID"
	silent
	same "$(limit memory memory.limit_in_bytes memory.max)" 67108864
	same "$(limit pids pids.max pids.max)" 50
	expect 0 woody update "$ID" --memory-reservation=33554432
	same "$(limit memory memory.soft_limit_in_bytes memory.low)" 33554432
	same "$(limit memory memory.limit_in_bytes memory.max)" 67108864
	expect 0 woody update --pids-limit 0 "$ID"
	same "$(limit pids pids.max pids.max)" 1
	expect 0 woody update --pids-limit -1 --memory -1 "$ID"
	same "$(limit pids pids.max pids.max)" max
	if is_v2; then same "$(limit - - memory.max)" max; else [ "$(limit memory memory.limit_in_bytes)" -gt 1000000000000 ]; fi
	same "$(limit memory memory.soft_limit_in_bytes memory.low)" 33554432
}

@test "memory: limits go up and down together with memory+swap" {
	resources '{ "memory": { "limit": 33554432, "swap": 67108864 } }'
	start_sleeping
	has memory memory.memsw.limit_in_bytes memory.swap.max || skip "the kernel does not count swap: no memory.memsw files, no memory.swap.max"
	local value swap
	for value in 134217728:268435456 16777216:33554432 33554432:33554432; do
		swap=${value#*:}
		if is_v2; then swap=$((swap - ${value%:*})); fi
		expect 0 woody update --memory "${value%:*}" --memory-swap "${value#*:}" "$ID"
		same "$(limit memory memory.limit_in_bytes memory.max)" "${value%:*}"
		same "$(limit memory memory.memsw.limit_in_bytes memory.swap.max)" "$swap"
	done
	# memory+swap alone, above the limit on memory that is set
	expect 0 woody update --memory-swap 50331648 "$ID"
	same "$(limit memory memory.memsw.limit_in_bytes memory.swap.max)" "$(if is_v2; then echo 16777216; else echo 50331648; fi)"
	expect 1 woody update --memory-swap 1048576 "$ID"
	says memory.
	expect 0 woody update --memory-swap -1 "$ID"
}

@test "cpu: share, quota and period, separately and together" {
	resources '{ "cpu": { "quota": 50000, "period": 100000 } }'
	start_sleeping
	expect 0 woody update --cpu-share 512 "$ID"
	same "$(limit cpu cpu.shares cpu.weight)" "$(if is_v2; then echo 59; else echo 512; fi)"
	expect 0 woody update --cpu-quota 30000 "$ID"
	quota_is 30000 100000
	expect 0 woody update --cpu-period 50000 "$ID"
	quota_is 30000 50000
	expect 0 woody update --cpu-period 200000 --cpu-quota 150000 "$ID"
	quota_is 150000 200000
	expect 0 woody update --cpu-period 10000 --cpu-quota 2000 "$ID"
	quota_is 2000 10000
	expect 0 woody update --cpu-quota -1 "$ID"
	quota_is -1 10000
	expect 1 woody update --cpu-period 100 "$ID"
	says "linux.resources.cpu.period"
	quota_is -1 10000
}

@test "cpu: below a quota of the cgroup above, lower together; more than that is refused" {
	PARENT=$ID-above
	config '.linux.cgroupsPath = "/" + $p + "/" + $id | .linux.resources.cpu = { "quota": 50000, "period": 100000 }' --arg p "$PARENT" --arg id "$ID"
	start_sleeping
	local dir=$CG/cpu/$PARENT/$ID
	if is_v2; then
		dir=$CG/$PARENT/$ID
		echo "50000 100000" >"$CG/$PARENT/cpu.max"
	else
		echo 50000 >"$CG/cpu/$PARENT/cpu.cfs_quota_us"
	fi
	expect 0 woody update --cpu-period 10000 --cpu-quota 4000 "$ID"
	expect 0 woody update --cpu-period 50000 --cpu-quota 20000 "$ID"
	if is_v2; then
		same "$(cat "$dir/cpu.max")" "20000 50000"	# v2 takes any number: what is above still holds
	else
		expect 1 woody update --cpu-period 10000 --cpu-quota 9000 "$ID"
		says "cpu.cfs_"
	fi
}

@test "cpu: burst and idle" {
	resources '{ "cpu": { "quota": 50000, "period": 100000 } }'
	start_sleeping
	has cpu cpu.cfs_burst_us cpu.max.burst && has cpu cpu.idle cpu.idle || skip "the kernel has no burst or no idle: Linux before 5.15"
	expect 0 woody update --cpu-burst 10000 "$ID"
	same "$(limit cpu cpu.cfs_burst_us cpu.max.burst)" 10000
	expect 0 woody update --cpu-burst 0 "$ID"
	same "$(limit cpu cpu.cfs_burst_us cpu.max.burst)" 0
	expect 0 woody update --cpu-idle 1 "$ID"
	same "$(limit cpu cpu.idle cpu.idle)" 1
	expect 0 woody update --cpu-idle 0 --cpu-share 100 "$ID"
	same "$(limit cpu cpu.idle cpu.idle)" 0
	local bad
	for bad in 2 -1 3; do
		expect 1 woody update --cpu-idle $bad "$ID"
		says "cpu.idle: $bad is neither 0 nor 1"
	done
	expect 1 woody update --cpu-idle x "$ID"
}

@test "cpuset" {
	start_sleeping
	expect 0 woody update --cpuset-cpus 0 --cpuset-mems 0 "$ID"
	same "$(limit cpuset cpuset.cpus cpuset.cpus) $(limit cpuset cpuset.mems cpuset.mems)" "0 0"
	same "$(awk '/Cpus_allowed_list/ { print $2 }' "/proc/$PID/status")" 0
	expect 1 woody update --cpuset-cpus 4000 "$ID"
	says "cpuset.cpus"
	same "$(limit cpuset cpuset.cpus cpuset.cpus)" 0
}

@test "realtime" {
	start_sleeping
	[ -e "$CG/cpu/$ID/cpu.rt_runtime_us" ] || skip "no realtime groups: v2, or CONFIG_RT_GROUP_SCHED is off"
	[ "$(cat $CG/cpu/cpu.rt_runtime_us)" -ge 800000 ] || skip "the root cgroup has no realtime to give: cat $CG/cpu/cpu.rt_runtime_us"
	expect 0 woody update --cpu-rt-period 900000 --cpu-rt-runtime 600000 "$ID"
	same "$(limit cpu cpu.rt_period_us) $(limit cpu cpu.rt_runtime_us)" "900000 600000"
	expect 0 woody update --cpu-rt-period 400000 --cpu-rt-runtime 300000 "$ID"
	same "$(limit cpu cpu.rt_period_us) $(limit cpu cpu.rt_runtime_us)" "400000 300000"
	expect 1 woody update --cpu-rt-period 200000 "$ID"
}

@test "a document: from a file and from stdin, names in any case; options beside it are ignored" {
	start_sleeping
	echo '{ "Memory": { "LIMIT": 67108864 }, "CPU": { "Shares": 2048, "Cpus": "0" }, "pids": { "limit": 30 }, "unknown": 1 }' >"$WORK/doc"
	expect 0 woody update -r "$WORK/doc" --pids-limit 7 "$ID"
	same "$(limit memory memory.limit_in_bytes memory.max)" 67108864
	same "$(limit cpu cpu.shares cpu.weight)" "$(if is_v2; then echo 174; else echo 2048; fi)"
	same "$(limit cpuset cpuset.cpus cpuset.cpus)" 0
	same "$(limit pids pids.max pids.max)" 30
	expect 0 bash -c "echo '{\"pids\":{\"limit\":31}}' | $WOODY --root $ROOT update $ID --resources -"
	same "$(limit pids pids.max pids.max)" 31
	same "$(limit memory memory.limit_in_bytes memory.max)" 67108864
	expect 1 woody update -r /nonexistent "$ID"
	says "/nonexistent"
	expect 1 bash -c "echo '{\"pids\":{\"limit\":\"x\"}}' | $WOODY --root $ROOT update -r - $ID"
	says "stdin: pids.limit: expected a whole number"
	expect 1 bash -c "echo '{' | $WOODY --root $ROOT update -r - $ID"
	says "not JSON"
}

@test "a paused container stays paused, a running one runs on" {
	start_sleeping
	woody pause "$ID"
	expect 0 woody update --pids-limit 44 "$ID"
	status_is paused
	expect 0 bash -c "echo '{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]}' | $WOODY --root $ROOT update -r - $ID"
	status_is paused
	woody resume "$ID"
	expect 0 bash -c "echo '{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]}' | $WOODY --root $ROOT update -r - $ID"
	status_is running
	same "$(limit pids pids.max pids.max)" 44
}

@test "devices: rules survive an update, and can be changed by one" {
	writable
	capabilities CAP_MKNOD CAP_SYSLOG
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	start_sleeping
	woody exec "$ID" mknod /tmp/kmsg c 1 11
	local r
	for r in rw r w; do
		expect 1 woody exec "$ID" probe open $r /tmp/kmsg
		prints "Operation not permitted"
	done
	expect 0 woody update --pids-limit 30 "$ID"
	expect 1 woody exec "$ID" probe open rw /tmp/kmsg
	prints "Operation not permitted"
	echo '{ "devices": [{ "allow": false, "access": "rwm" }, { "allow": true, "type": "c", "major": 1, "minor": 11, "access": "r" }] }' >"$WORK/doc"
	expect 0 woody update -r "$WORK/doc" "$ID"
	silent
	expect 0 woody exec "$ID" probe open r /tmp/kmsg
	prints ok
	expect 1 woody exec "$ID" probe open rw /tmp/kmsg
	prints "Operation not permitted"
	expect 0 woody exec "$ID" probe open rw /dev/null
	prints ok
	echo '{ "devices": [{ "allow": false, "access": "rwm" }] }' >"$WORK/doc"
	expect 0 woody update -r "$WORK/doc" "$ID"
	expect 1 woody exec "$ID" probe open r /tmp/kmsg
	prints "Operation not permitted"
	echo '{ "devices": [{ "allow": true, "type": "c", "access": "q" }] }' >"$WORK/doc"
	expect 1 woody update -r "$WORK/doc" "$ID"
	says "linux.resources.devices[0].access: 'q' has other letters than r, w, m"
}

@test "block devices: weight for one device, throttles given twice" {
	start_sleeping
	local device
	device=$(awk '$4 ~ /^(vda|sda|nvme0n1|loop0)$/ { print $1, $2; exit }' /proc/partitions)
	[ -n "$device" ] || skip "no whole block device: cat /proc/partitions"
	has blkio blkio.throttle.read_bps_device io.max || skip "no throttle policy in the kernel"
	local numbers='"major": '"${device% *}"', "minor": '"${device#* }"
	echo '{ "blockIO": { "throttleReadBpsDevice": [{ '"$numbers"', "rate": 1000000 }, { '"$numbers"', "rate": 2097152 }] } }' >"$WORK/doc"
	expect 0 woody update -r "$WORK/doc" "$ID"
	limit blkio blkio.throttle.read_bps_device io.max | grep -Eq "^${device/ /:} (rbps=)?2097152"
	has blkio blkio.bfq.weight_device io.bfq.weight || skip "the scheduler BFQ is not loaded: modprobe bfq"
	grep -q '\[bfq\]' /sys/block/*/queue/scheduler || skip "no block device uses the scheduler BFQ"
	device=$(cat "$(dirname "$(dirname "$(grep -l '\[bfq\]' /sys/block/*/queue/scheduler | head -n 1)")")/dev")
	echo '{ "blockIO": { "weight": 150, "weightDevice": [{ "major": '"${device%:*}"', "minor": '"${device#*:}"', "weight": 444 }] } }' >"$WORK/doc"
	expect 0 woody update -r "$WORK/doc" "$ID"
	limit blkio blkio.bfq.weight_device io.bfq.weight | grep -qx "$device 444"
	limit blkio blkio.bfq.weight_device io.bfq.weight | grep -qx "default 150"
}

@test "huge pages: every size, also reserved ones" {
	start_sleeping
	local size file found=
	for file in /sys/kernel/mm/hugepages/hugepages-*; do
		size=${file##*-}
		size=$((${size%kB} / 1024))MB
		if [ "$size" = 1024MB ]; then size=1GB; fi
		has hugetlb hugetlb.$size.limit_in_bytes hugetlb.$size.max || continue
		found=yes
		echo '{ "hugepageLimits": [{ "pageSize": "'$size'", "limit": 2147483648 }] }' >"$WORK/doc"
		expect 0 woody update -r "$WORK/doc" "$ID"
		same "$(limit hugetlb hugetlb.$size.limit_in_bytes hugetlb.$size.max)" 2147483648
		same "$(limit hugetlb hugetlb.$size.rsvd.limit_in_bytes hugetlb.$size.rsvd.max)" 2147483648
	done
	[ -n "$found" ] || skip "no hugetlb controller here: cat /proc/cgroups"
}

@test "unified: files of v2 by their names; refused on v1" {
	start_sleeping
	echo '{ "unified": { "memory.max": "80000000", "memory.high": "70000000" } }' >"$WORK/doc"
	if is_v2; then
		expect 0 woody update -r "$WORK/doc" "$ID"
		same "$(limit - - memory.max) $(limit - - memory.high)" "79998976 69996544"
		echo '{ "unified": { "memory.nonsense": "1" } }' >"$WORK/doc"
		expect 1 woody update -r "$WORK/doc" "$ID"
		says "there is no 'memory.nonsense'"
	else
		expect 1 woody update -r "$WORK/doc" "$ID"
		says "invalid configuration"
	fi
}

@test "memory.checkBeforeUpdate: a limit below what is used is refused, the container lives" {
	is_v2 || skip "v1 refuses such a limit by itself"
	config '.linux.resources.memory = { "limit": 200000000, "checkBeforeUpdate": true }'
	start_sleeping
	expect 1 woody update --memory 1024 "$ID"
	says "rejecting memory limit"
	expect 1 bash -c "echo '{\"memory\":{\"limit\":1024,\"swap\":1024,\"checkBeforeUpdate\":true}}' | $WOODY --root $ROOT update -r - $ID"
	says "rejecting memory+swap limit"
	status_is running
	same "$(limit - - memory.max)" 199999488
}

# all_limits - every file of the container's cgroups that is a limit. On v2 an empty cpuset is the parent's; an older kernel (6.1) does not
# let it be emptied again, so it is what is in effect that counts.
all_limits() {
	local dir cpus=cpuset.cpus
	! is_v2 || cpus+=.effective
	for dir in $CG/"$ID" $CG/*/"$ID"; do
		[ ! -d "$dir" ] || grep -s . "$dir"/{memory.{max,low,limit_in_bytes,soft_limit_in_bytes,oom_control},pids.max,io.max} \
			"$dir"/{cpu.{max,weight,shares,idle,cfs_quota_us,cfs_period_us},"$cpus",blkio.throttle.read_bps_device} || true
	done
}

@test "an update of which one part is refused changes nothing" {
	resources '{ "memory": { "limit": 67108864, "reservation": 33554432 }, "pids": { "limit": 50 }, "cpu": { "shares": 512 } }'
	start_sleeping
	local before device
	before=$(all_limits)
	[ "$(wc -l <<<"$before")" -ge 5 ] || fail "few limits were found: $before"
	device=$(awk '$4 ~ /^(vda|sda|nvme0n1|loop0)$/ { print $1, $2; exit }' /proc/partitions)
	[ -n "$device" ] || device='7 0'
	jq -n --arg device "$device" '($device / " " | map(tonumber)) as $d |
		{ memory: { limit: 50000000, swap: -1, reservation: 20000000 }, pids: { limit: 7 },
		  cpu: { shares: 100, quota: 20000, period: 50000, cpus: "0" },
		  blockIO: { throttleReadBpsDevice: [{ major: $d[0], minor: $d[1], rate: 1000000 }] },
		  hugepageLimits: [{ pageSize: "3MB", limit: 0 }] }' >"$WORK/doc"
	if ! has blkio blkio.throttle.read_bps_device io.max; then jq 'del(.blockIO)' "$WORK/doc" >"$WORK/less" && mv "$WORK/less" "$WORK/doc"; fi
	expect 1 woody update -r "$WORK/doc" "$ID"	# the last of them: no machine has such pages
	says "hugepageLimits"
	same "$before" "$(all_limits)"
	expect 1 woody update --cpu-share 100 --cpu-idle 1 --cpuset-mems 4000 "$ID"
	same "$before" "$(all_limits)"
	# without the odd one it is taken
	jq 'del(.hugepageLimits)' "$WORK/doc" >"$WORK/good"
	expect 0 woody update -r "$WORK/good" "$ID"
	differ "$before" "$(all_limits)"
	same "$(limit pids pids.max pids.max)" 7
}

@test "update: what cannot be" {
	expect 1 woody update --pids-limit 5 nosuch
	says "container does not exist"
	start_sleeping
	expect 1 woody update --cpu-share -3 "$ID"
	says "--cpu-share: -3 is below 0"
	expect 1 woody update --blkio-weight 70000 "$ID"
	says "--blkio-weight: 70000 is not from 10 to 1000"
	expect 1 woody update --l3-cache-schema "L3:0=f" "$ID"
	if grep -q ' - resctrl ' /proc/self/mountinfo; then says "created without linux.intelRdt"; else says "Intel RDT: no resctrl file system is mounted"; fi
	woody kill "$ID" KILL
	soon stopped
	expect 1 woody update --pids-limit 5 "$ID"
	says "container not running"
}

@test "a container without a cgroup has no limits to change" {
	program sleep 1000
	config 'del(.linux.cgroupsPath, .linux.resources)'
	detached woody --cgroup-manager disabled run -d "$ID"
	expect 1 woody update --pids-limit 5 "$ID"
	says "linux.resources.pids.limit: the container has no cgroup"
	expect 1 woody pause "$ID"
	says "no cgroup with a freezer"
	expect 1 woody events --stats "$ID"
	says "has no cgroup"
	expect 1 woody ps "$ID"
	says "has no cgroup"
}
