# Limits of run and update, read from inside the container: /sys/fs/cgroup, /proc, never our own configuration. WHO=root or user.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	setup_with plain
	export CG=/sys/fs/cgroup V2=
	[ ! -e $CG/cgroup.controllers ] || V2=1
}

teardown_file() { carrier_teardown_file; }

cleanup() {
	[ -z "${LOOP:-}" ] || losetup -d "$LOOP"
}

run_plain() { carrier run --rm --network none "$@"; }

# shows WANT V1FILE V2FILE OPTION... - what the container finds in its own cgroup. v1 has a directory for each controller, and the file
# is below it
shows() {
	local want=$1 file=${V2:+$3}
	file=${file:-$2}
	shift 3
	expect 0 run_plain "$@" "$PLAIN" cat "$CG/$file"
	prints "$want"
}

# limits_here - those of this user on this machine can be had?
limits_here() {
	has_limits || skip "no cgroup is delegated to an ordinary user here: $(stat -f -c %T $CG)"
}

# --- memory

@test "--memory, --memory-reservation, --memory-swap" {
	limits_here
	shows 67108864 memory/memory.limit_in_bytes memory.max -m 64m
	shows 67108864 memory/memory.limit_in_bytes memory.max --memory=64m
	shows 33554432 memory/memory.soft_limit_in_bytes memory.low -m 64m --memory-reservation 32m
	if [ -n "$V2" ] || [ -e $CG/memory/memory.memsw.limit_in_bytes ]; then
		# v1 counts memory and swap together, v2 swap alone
		shows "$([ -n "$V2" ] && echo 67108864 || echo 134217728)" memory/memory.memsw.limit_in_bytes memory.swap.max -m 64m
		shows "$([ -n "$V2" ] && echo 33554432 || echo 100663296)" memory/memory.memsw.limit_in_bytes memory.swap.max -m 64m --memory-swap 96m
	else
		failing 125 "--memory-swap: this kernel does not count swap" run_plain -m 64m --memory-swap 96m "$PLAIN" true
	fi
}

@test "--memory: who takes more is killed" {
	limits_here
	expect 137 run_plain -m 16m "$PLAIN" sh -c 'x=$(head -c 200m /dev/zero | tr "\0" x); echo lived'
	prints ""
}

@test "--memory-swappiness and --oom-kill-disable: cgroup v1's own" {
	limits_here
	if [ -n "$V2" ]; then
		failing 125 "cgroup v2, which this machine has, cannot do that" run_plain --memory-swappiness 10 "$PLAIN" true
		failing 125 "cgroup v2, which this machine has, cannot do that" run_plain -m 64m --oom-kill-disable "$PLAIN" true
		return
	fi
	shows 10 memory/memory.swappiness - --memory-swappiness 10
	expect 0 run_plain -m 64m --oom-kill-disable "$PLAIN" grep oom_kill_disable $CG/memory/memory.oom_control
	prints "oom_kill_disable 1"
	expect 0 run_plain --oom-kill-disable "$PLAIN" true
	says "--oom-kill-disable without --memory"
}

@test "--kernel-memory is said to have no effect" {
	expect 0 run_plain --kernel-memory 64m "$PLAIN" true
	says "--kernel-memory has no effect"
	expect 0 carrier --log-format=json run --rm --network none --kernel-memory 64m "$PLAIN" true
	[[ $(jq -r 'select(.level == "warning").msg' <<<"$stderr") == "--kernel-memory has no effect"* ]] || fail "$stderr"
	expect 0 carrier --log-level error run --rm --network none --kernel-memory 64m "$PLAIN" true
	same "" "$stderr"
}

# --- processors, processes

@test "--cpus, --cpu-quota, --cpu-period, --cpu-shares" {
	limits_here
	if [ -n "$V2" ]; then
		shows "150000 100000" - cpu.max --cpus 1.5
		shows "20000 50000" - cpu.max --cpu-quota 20000 --cpu-period 50000
		shows 59 - cpu.weight --cpu-shares 512
		return
	fi
	shows 150000 cpu/cpu.cfs_quota_us - --cpus 1.5
	shows 100000 cpu/cpu.cfs_period_us - --cpus 1.5
	shows 20000 cpu/cpu.cfs_quota_us - --cpu-quota 20000 --cpu-period 50000
	shows 50000 cpu/cpu.cfs_period_us - --cpu-quota 20000 --cpu-period 50000
	shows 512 cpu/cpu.shares - --cpu-shares 512
	shows 2048 cpu/cpu.shares - -c 2048
}

@test "--cpuset-cpus, --cpuset-mems" {
	limits_here
	expect 0 run_plain --cpuset-cpus 0 --cpuset-mems 0 "$PLAIN" grep -E '^(Cpus|Mems)_allowed_list' /proc/self/status
	prints "$(printf 'Cpus_allowed_list:\t0\nMems_allowed_list:\t0')"
	failing 125 "--cpuset-cpus" run_plain --cpuset-cpus 4000 "$PLAIN" true
}

@test "--cpu-rt-runtime, --cpu-rt-period" {
	limits_here
	if [ -n "$V2" ]; then
		failing 125 "--cpu-rt-runtime: cgroup v2" run_plain --cpu-rt-runtime 1000 "$PLAIN" true
	elif [ -e $CG/cpu/carrier/cpu.rt_runtime_us ] || [ -e $CG/cpu/cpu.rt_runtime_us ]; then
		shows 500000 cpu/cpu.rt_period_us - --cpu-rt-period 500000
		expect 125 run_plain --cpu-rt-period 500000 --cpu-rt-runtime 400000 "$PLAIN" true
		says "--cpu-rt-runtime"
	else
		failing 125 "--cpu-rt-runtime" run_plain --cpu-rt-runtime 1000 "$PLAIN" true
	fi
}

@test "--pids-limit" {
	limits_here
	shows 7 pids/pids.max pids.max --pids-limit 7
	expect 2 run_plain --pids-limit 3 "$PLAIN" sh -c 'sleep 9 & sleep 9 & sleep 9 & sleep 9 & echo four'
	says "can't fork"
}

# --- block devices

@test "--device-read-bps and the others, --blkio-weight" {
	limits_here
	truncate -s 8M disk
	LOOP=$(losetup -f --show disk) || skip "no loop device: losetup -f: $(losetup -f 2>&1)"
	local number
	number=$(printf '%d:%d' "0x$(stat -c %t "$LOOP")" "0x$(stat -c %T "$LOOP")")
	if [ -n "$V2" ]; then
		shows "$number rbps=1048576 wbps=2097152 riops=100 wiops=200" - io.max --device-read-bps "$LOOP:1m" --device-write-bps "$LOOP:2mb" \
			--device-read-iops "$LOOP:100" --device-write-iops "$LOOP:200"
	else
		shows "$number 1048576" blkio/blkio.throttle.read_bps_device - --device-read-bps "$LOOP:1m"
		shows "$number 2097152" blkio/blkio.throttle.write_bps_device - --device-write-bps "$LOOP:2mb"
		shows "$number 100" blkio/blkio.throttle.read_iops_device - --device-read-iops "$LOOP:100"
		shows "$number 200" blkio/blkio.throttle.write_iops_device - --device-write-iops "$LOOP:200"
	fi
	if [ -n "$V2" ] || [ -e $CG/blkio/carrier/blkio.weight ] || [ -e $CG/blkio/carrier/blkio.bfq.weight ]; then
		expect 0 run_plain --blkio-weight 300 "$PLAIN" sh -c "cat $CG/blkio/blkio*.weight $CG/io*.weight 2>/dev/null || true"
		says "$([ -n "$V2" ] && echo 2930 || echo 300)"	# v2's weights go to 10000, not to 1000
	else
		failing 125 "--blkio-weight" run_plain --blkio-weight 300 "$PLAIN" true
		failing 125 "--blkio-weight-device" run_plain --blkio-weight-device "$LOOP:300" "$PLAIN" true
	fi
	failing 125 "--device-read-bps: '/dev/null' is no block device" run_plain --device-read-bps /dev/null:1m "$PLAIN" true
	failing 125 "--device-write-iops: look at '/dev/none'" run_plain --device-write-iops /dev/none:1 "$PLAIN" true
}

# --- each process

@test "--ulimit: soft and hard, several, host" {
	expect 0 run_plain --ulimit nofile=100:200 --ulimit core=0 "$PLAIN" sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c'
	prints "$(printf '100\n200\n0')"
	expect 0 run_plain --ulimit host --ulimit nofile=64 "$PLAIN" sh -c 'ulimit -Hn'
	prints 64
	expect 0 run_plain "$PLAIN" sh -c 'ulimit -Hn'
	prints "$(client sh -c 'ulimit -Hn')"
}

@test "--ulimit: more than we have is said, and only then" {
	local hard=1000	# what the kernel has for all, fs.nr_open, nobody can go beyond
	OUTSIDE=(prlimit "--nofile=$hard:$hard")
	expect 0 run_plain --ulimit "nofile=$hard:$hard" "$PLAIN" sh -c 'ulimit -Hn'
	prints "$hard"
	if [ "$WHO" = root ] && capsh --has-p=cap_sys_resource 2>/dev/null; then
		expect 0 run_plain --ulimit "nofile=$((hard + 1))" "$PLAIN" sh -c 'ulimit -Hn'
		prints "$((hard + 1))"
	else
		failing 125 "--ulimit nofile: the hard limit $((hard + 1)) is above ours, which is $hard" \
			run_plain --ulimit "nofile=$((hard + 1))" "$PLAIN" true
		says "CAP_SYS_RESOURCE"
	fi
}

@test "--oom-score-adj" {
	expect 0 run_plain --oom-score-adj 500 "$PLAIN" cat /proc/self/oom_score_adj
	prints 500
	if [ "$WHO" = user ]; then
		failing 125 "--oom-score-adj -900: it is " run_plain --oom-score-adj -900 "$PLAIN" true
	fi
	# what was tried on the way has no effect on us
	expect 0 run_plain "$PLAIN" cat /proc/self/oom_score_adj
	prints "$(client cat /proc/self/oom_score_adj)"
}

@test "--shm-size" {
	expect 0 run_plain --shm-size 3m "$PLAIN" sh -c "df -k /dev/shm | awk 'END { print \$2 }'"
	prints 3072
	expect 0 run_plain "$PLAIN" sh -c "df -k /dev/shm | awk 'END { print \$2 }'"
	prints 65536
}

# --- the cgroup

@test "--cgroup-parent" {
	limits_here
	[ "$WHO" != self ] || skip "systemd says where an ordinary user's cgroups are: cat /proc/self/cgroup"
	carrier run -d --name child --network none --cgroup-parent /carrier-test-parent "$PLAIN" sleep 1000 >/dev/null
	has_state child running
	grep -q "/carrier-test-parent/$(id_of child)" "/proc/$(pid_of child)/cgroup"
	carrier rm -f child
	find $CG -depth -type d -name carrier-test-parent -exec rmdir {} +
}

@test "--cgroups: disabled makes none" {
	local name
	carrier run -d --name without --network none --cgroups disabled "$PLAIN" sleep 1000 >/dev/null
	has_state without running
	! grep -q "$(id_of without)" "/proc/$(pid_of without)/cgroup" || fail "without has a cgroup of its own"
	carrier stop -t 0 without
	carrier --cgroup-manager disabled run -d --name neither --network none "$PLAIN" sleep 1000 >/dev/null
	has_state neither running
	! grep -q "$(id_of neither)" "/proc/$(pid_of neither)/cgroup" || fail "neither has a cgroup of its own"
	carrier rm -f neither >/dev/null
	failing 125 "--cgroup-manager: cgroupfs, systemd or disabled, not 'odd'" carrier --cgroup-manager odd run --rm "$PLAIN" true
	if [ "$WHO" = root ]; then
		carrier --cgroup-manager=cgroupfs run -d --name with --network none "$PLAIN" sleep 1000 >/dev/null
		has_state with running
		grep -q "/carrier/$(id_of with)" "/proc/$(pid_of with)/cgroup"
	fi
	for name in enabled no-conmon; do
		expect 0 run_plain --cgroups "$name" "$PLAIN" true
	done
	failing 125 "nothing that could be limited" run_plain --cgroups disabled -m 64m "$PLAIN" true
	failing 125 "--cgroups 'odd'" run_plain --cgroups odd "$PLAIN" true
}

@test "--cgroup-conf: files of cgroup v2" {
	limits_here
	if [ -n "$V2" ]; then
		shows 16777216 - memory.high --cgroup-conf memory.high=16777216
	else
		failing 125 "--cgroup-conf: this machine has cgroup v1" run_plain --cgroup-conf memory.high=16777216 "$PLAIN" true
	fi
	failing 125 "--cgroup-conf 'memory.high'" run_plain --cgroup-conf memory.high "$PLAIN" true
}

# --- what cannot be had

@test "an ordinary user is told which controller is missing, and what gives it" {
	[ "$WHO" = user ] || skip "root has all controllers"
	[ -z "$V2" ] || skip "cgroup v2: what systemd delegates here is the machine's"
	local option
	for option in "--memory 64m" "--memory-reservation 64m" "--cpus 1" "--cpu-quota 5000" "--cpu-shares 5" "--cpuset-cpus 0" "--cpuset-mems 0" \
		"--pids-limit 5" "--blkio-weight 100" "--device-read-bps /dev/sda:1" "--device-write-iops /dev/sda:1"; do
		# shellcheck disable=SC2086
		failing 125 "${option%% *}" run_plain $option "$PLAIN" true
		says "of cgroup v1 cannot be given to an ordinary user; run carrier as root, or boot with systemd.unified_cgroup_hierarchy=1"
	done
	expect 0 carrier ps -aq
	prints ""
}

@test "what makes no sense together is refused before anything is made" {
	failing 125 "--memory: the least" run_plain -m 1m "$PLAIN" true
	failing 125 "--memory-swap" run_plain --memory-swap 64m "$PLAIN" true
	failing 125 "too little for --memory" run_plain -m 64m --memory-swap 32m "$PLAIN" true
	failing 125 "more than the limit" run_plain -m 64m --memory-reservation 128m "$PLAIN" true
	failing 125 "leave those out" run_plain --cpus 1 --cpu-quota 5000 "$PLAIN" true
	failing 125 "--cpuset-cpus '1-'" run_plain --cpuset-cpus 1- "$PLAIN" true
	failing 125 "did you mean 'nofile'?" run_plain --ulimit nofiles=5 "$PLAIN" true
	failing 125 "--blkio-weight: 5000" run_plain --blkio-weight 5000 "$PLAIN" true
	failing 125 "--oom-score-adj: 5000" run_plain --oom-score-adj 5000 "$PLAIN" true
	expect 0 carrier ps -aq
	prints ""
}

# --- update

# inside_now NAME V1FILE V2FILE
inside_now() {
	local file=${V2:+$3}
	expect 0 carrier exec "$1" cat "$CG/${file:-$2}"
}

@test "update: at once, and after the container was started again" {
	limits_here
	carrier run -d --name web --network none -m 64m --cpus 1 "$PLAIN" sleep 1000 >/dev/null
	has_state web running
	expect 0 carrier update -m 96m --pids-limit 33 --cpu-shares 700 web
	prints web
	inside_now web memory/memory.limit_in_bytes memory.max
	prints 100663296
	inside_now web pids/pids.max pids.max
	prints 33
	expect 0 carrier update --pids-limit -1 --cpus 0.5 web
	inside_now web pids/pids.max pids.max
	prints max
	if [ -z "$V2" ]; then
		inside_now web cpu/cpu.shares -
		prints 700
		inside_now web cpu/cpu.cfs_quota_us -
		prints 50000
	fi
	inside_now web memory/memory.limit_in_bytes memory.max
	prints 100663296
	failing 1 "--memory-reservation" carrier update --memory-reservation 1g web
	failing 1 "--cpuset-cpus" carrier update --cpuset-cpus 4000 web
	expect 0 carrier inspect web
	same 100663296 "$(jq '.[0].HostConfig.Memory' <<<"$output")"
	if carrier restart --help >/dev/null 2>&1; then
		expect 0 carrier restart -t 0 web
		has_state web running
		inside_now web memory/memory.limit_in_bytes memory.max
		prints 100663296
	fi
	expect 0 carrier update -m -1 web
	inside_now web memory/memory.limit_in_bytes memory.max
	[ "$output" = max ] || [ "$output" -gt 9000000000000000 ]
}

# resources_of NAME - docker's members, of all options that update and clone have for them
resources_of() {
	carrier inspect "$1" | jq -c '.[0].HostConfig | [.Memory, .MemoryReservation, .MemorySwap, .MemorySwappiness, .CpuShares, .CpuQuota, .CpuPeriod,
		.CpuRealtimePeriod, .CpuRealtimeRuntime, .CpusetCpus, .CpusetMems, .PidsLimit, .BlkioWeight]
		+ ([.BlkioWeightDevice, .BlkioDeviceReadBps, .BlkioDeviceWriteBps, .BlkioDeviceReadIOps, .BlkioDeviceWriteIOps]
		   | map(.[] | select(.Path == $disk) | .Weight // .Rate))' --arg disk "$LOOP"
}

@test "update and clone: every limit that run has" {
	limits_here
	truncate -s 8M disk
	LOOP=$(losetup -f --show disk) || skip "no loop device: losetup -f: $(losetup -f 2>&1)"
	local number old=(--memory-swappiness 10 --cpu-rt-period 500000 --cpu-rt-runtime 400000) all now
	number=$(printf '%d:%d' "0x$(stat -c %t "$LOOP")" "0x$(stat -c %T "$LOOP")")
	now=(--memory 64m --memory-reservation 32m --memory-swap 96m --cpu-quota 20000 --cpu-period 50000 --cpuset-cpus 0 --cpuset-mems 0
		--device-read-bps "$LOOP:1m" --device-write-bps "$LOOP:2m" --device-read-iops "$LOOP:3" --device-write-iops "$LOOP:4")
	all=("${now[@]}" --kernel-memory 1g --cpu-shares 300 --pids-limit 33 --blkio-weight 300 --blkio-weight-device "$LOOP:400")
	[ -z "$V2" ] || old=()
	carrier create --name made --network none "$PLAIN" sleep 1000 >/dev/null
	expect 0 carrier update "${all[@]}" "${old[@]}" made
	says "--kernel-memory has no effect"
	same "[67108864,33554432,100663296,${old[1]:-null},300,20000,50000,${old[3]:-0},${old[5]:-0},\"0\",\"0\",33,300,400,1048576,2097152,3,4]" \
		"$(resources_of made)"
	carrier run -d --name web --network none "$PLAIN" sleep 1000 >/dev/null
	expect 0 carrier clone "${all[@]}" "${old[@]}" web other
	says "--kernel-memory has no effect"
	same "$(resources_of made)" "$(resources_of other)"
	expect 0 carrier clone --cpus 0.5 -c 77 -m 16m web small
	same "77 50000 100000 16777216" "$(carrier inspect -f '{{.HostConfig.CpuShares}} {{.HostConfig.CpuQuota}} {{.HostConfig.CpuPeriod}} {{.HostConfig.Memory}}' small)"
	expect 0 carrier rm made other small
	# one that runs has them at once
	if [ -n "$V2" ]; then
		failing 1 "--memory-swappiness" carrier update --memory-swappiness 10 web
		expect 0 carrier update -a "${now[@]}" -c 300
		expect 0 carrier exec web sh -c "cat $CG/memory.low $CG/cpu.max $CG/cpuset.cpus $CG/cpuset.mems $CG/io.max"
		prints "$(printf '%s\n' 33554432 "20000 50000" 0 0 "$number rbps=1048576 wbps=2097152 riops=3 wiops=4")"
		return
	fi
	[ -e $CG/memory/memory.memsw.limit_in_bytes ] || now=("${now[@]/--memory-swap/--memory-reservation}")
	expect 0 carrier update -a "${now[@]}" -c 300 --memory-swappiness 10 --cpu-rt-period 500000
	prints "$(id_of web)"
	expect 0 carrier exec web sh -c "cd $CG && cat memory/memory.swappiness cpu/cpu.shares cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us cpu/cpu.rt_period_us \
		cpuset/cpuset.cpus cpuset/cpuset.mems blkio/blkio.throttle.read_bps_device blkio/blkio.throttle.write_bps_device \
		blkio/blkio.throttle.read_iops_device blkio/blkio.throttle.write_iops_device"
	prints "$(printf '%s\n' 10 300 20000 50000 500000 0 0 "$number 1048576" "$number 2097152" "$number 3" "$number 4")"
	if [ -e $CG/memory/memory.memsw.limit_in_bytes ]; then
		expect 0 carrier exec web cat $CG/memory/memory.memsw.limit_in_bytes $CG/memory/memory.soft_limit_in_bytes
		prints $'100663296\n33554432'
	fi
	if [ ! -e $CG/blkio/carrier/blkio.weight ] && [ ! -e $CG/blkio/carrier/blkio.bfq.weight ]; then
		failing 1 "--blkio-weight" carrier update --blkio-weight 300 web
		failing 1 "--blkio-weight-device" carrier update --blkio-weight-device "$LOOP:300" web
	fi
	failing 1 "--cpu-rt-runtime" carrier update --cpu-rt-runtime 400000 web
}

@test "update --restart and limits hold when the policy starts it again" {
	carrier run -d --name again --network none "$PLAIN" sh -c 'cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; sleep 1000' >/dev/null
	has_state again running
	expect 0 carrier update --restart on-failure:3 again
	! has_limits || expect 0 carrier update --pids-limit 44 again
	local first
	first=$(pid_of again)
	kill -9 "$first"
	soon started_anew again "$first" || fail "not started again: $(carrier inspect again)"
	! has_limits || soon logged again 44
	expect 0 carrier update --restart no again
	kill -9 "$(pid_of again)"
	has_state again exited
	failing 1 "--restart" carrier update --restart sometimes again
	expect 0 carrier run -d --rm --name gone --network none "$PLAIN" sleep 1000
	failing 1 "was made with --rm" carrier update --restart always gone
}

started_anew() { [ "$(pid_of "$1")" != "$2" ] && state_is "$1" running; }
logged() { carrier logs "$1" | grep -qx "$2"; }

@test "update: of those that a filter takes, of the last, of a file's" {
	policy() { carrier inspect -f '{{.HostConfig.RestartPolicy.Name}}' first second | xargs; }
	carrier create --name first --label k=v --network none "$PLAIN" true >/dev/null
	carrier create --name second --network none "$PLAIN" true >"$WORK/id"
	expect 0 carrier update --restart always --filter label=k=v
	same "always no" "$(policy)"
	expect 0 carrier update --restart unless-stopped --latest
	same "always unless-stopped" "$(policy)"
	chmod 644 "$WORK/id"
	expect 0 carrier update --restart no --cidfile "$WORK/id"
	same "always no" "$(policy)"
	expect 0 carrier update --restart no --all
	same "no no" "$(policy)"
}

@test "update: of several, of none, of nothing" {
	failing 125 "give at least one limit" carrier update nobody
	expect 1 carrier update -m 64m nobody
	says "no container 'nobody'"
}
