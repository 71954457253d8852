# Commands that look at a container or stop its time: events, ps, pause, resume; kill and delete by regular expression.
load helpers

setup_file() {
	chmod 711 "$BATS_RUN_TMPDIR"
	make_template
}

is_v2() {
	[ -e /sys/fs/cgroup/cgroup.controllers ]
}

# listen ARGS... - events in the background, into $WORK/events; $LISTENER is its pid
listen() {
	"$WOODY" --root "$ROOT" events "$@" </dev/null >"$WORK/events" 2>"$WORK/events.err" 3>&- &
	LISTENER=$!
}

lines() {
	[ "$(wc -l <"$WORK/events")" -ge "$1" ]
}

cleanup() {
	if [ -n "${LISTENER:-}" ]; then kill "$LISTENER" 2>/dev/null || true; fi
}

@test "events --stats: one line of JSON with what runc's has" {
	start_sleeping
	expect 0 woody events --stats "$ID"
	same "${#lines[@]}" 1
	[[ "$output" == '{"type":"stats","id":"'$ID'",'* ]]
	jq -e '.data.cpu.usage.total >= 0 and (.data.cpu.throttling | has("periods")) and .data.memory.usage.usage > 0
		and .data.pids.current == 1 and (.data | has("blkio")) and (.data.hugetlb | type) == "object"
		and (.data.intel_rdt | type) == "object" and (.data.network_interfaces | type) == "array"
		and (.data.memory.raw | length) > 10 and .data.cpuset.cpus[0] >= 0' <<<"$output" >/dev/null || fail "$output"
}

@test "events --stats: pressure on v2" {
	is_v2 || skip "v1 has no pressure files"
	[ -e /proc/pressure/cpu ] || skip "the kernel was booted without PSI"
	start_sleeping
	expect 0 woody events --stats "$ID"
	jq -e '.data.cpu.psi.some | has("avg10") and has("avg60") and has("avg300") and has("total")' <<<"$output" >/dev/null
	jq -e '.data.cpu.psi | has("full")' <<<"$output" >/dev/null
	jq -e '.data.memory.psi.full.total >= 0 and .data.blkio.psi.some.avg10 >= 0' <<<"$output" >/dev/null
}

@test "events: a line at every interval, and the end with the container" {
	start_sleeping
	listen --interval 100ms "$ID"
	soon lines 3
	woody kill "$ID" KILL
	soon ended $LISTENER
	local code=0
	wait $LISTENER || code=$?
	LISTENER=
	same "$code" 0
	same "$(jq -r .type "$WORK/events" | sort -u)" stats
	same "$(cat "$WORK/events.err")" ""
}

@test "events: out of memory, once for each" {
	config '.linux.resources.memory = { "limit": 16777216, "swap": 16777216 }'
	program sh -c 'while [ ! -e /tmp/go ]; do sleep 0.1; done; head -c 64m /dev/zero | tail -c 64m >/dev/null; sleep 1000'
	writable
	detached woody run -d "$ID"
	listen "$ID"
	sleep 0.3	# until it watches; it says nothing before the first event
	touch "$ROOTFS/tmp/go"
	soon grep -qx "{\"type\":\"oom\",\"id\":\"$ID\"}" "$WORK/events"
	woody kill "$ID" KILL
	soon ended $LISTENER
	wait $LISTENER || true
	LISTENER=
}

@test "events: what cannot be" {
	expect 1 woody events nosuch
	says "container does not exist"
	start_sleeping
	local bad
	for bad in 0s x 5 -1s 1x ""; do
		expect 1 woody events --interval="$bad" "$ID"
		says "--interval '$bad'"
	done
	woody kill "$ID" KILL
	soon stopped
	expect 1 woody events --stats "$ID"
	says "container with id $ID is not running"
}

@test "events: its reader goes away" {
	start_sleeping
	expect 0 bash -c "timeout 10 $WOODY --root $ROOT events --interval 50ms $ID | head -n 2 | wc -l"
	prints 2
}

@test "ps: the host's table with the container's lines only" {
	program sh -c 'sleep 1001 & sleep 1002 & wait'
	detached woody run -d "$ID"
	soon bash -c "$WOODY --root $ROOT ps $ID | grep -q 'sleep 1002'"
	expect 0 woody ps "$ID"
	[[ "${lines[0]}" =~ ^UID\ +PID\ +PPID\ +C\ STIME\ TTY\ +TIME\ CMD$ ]] || fail "$output"
	same "${#lines[@]}" 4
	same "$(grep -c 'sleep 100[12]$' <<<"$output")" 2
	expect 0 woody ps "$ID" -e -x
	[[ "${lines[0]}" =~ ^\ *PID\ TTY\ +STAT\ +TIME\ COMMAND$ ]] || fail "$output"
	same "${#lines[@]}" 4
	expect 0 woody ps -f json "$ID"
	same "$(jq -r 'length' <<<"$output")" 3
	same "$(jq -r '.[0]' <<<"$output")" "$(woody state "$ID" | jq .pid)"
	expect 1 woody ps --format yaml "$ID"
	says "invalid format option 'yaml'"
	expect 1 woody ps "$ID" -o comm
	says "no column PID"
	expect 1 woody ps nosuch
	says "container does not exist"
}

@test "ps: of a stopped container, its head" {
	start_sleeping
	woody kill "$ID" KILL
	soon stopped
	expect 0 woody ps "$ID"
	same "${#lines[@]}" 1
	expect 0 woody ps -f json "$ID"
	prints "[]"
}

@test "pause and resume" {
	start_sleeping
	expect 0 woody pause "$ID"
	silent
	status_is paused
	expect 1 woody pause "$ID"
	says "container not running or created: '$ID' is paused"
	attempt 255 woody exec "$ID" true
	says "cannot exec in a paused container"
	expect 0 woody resume "$ID"
	silent
	status_is running
	expect 1 woody resume "$ID"
	says "container not paused"
	expect 0 woody exec "$ID" true
	expect 1 woody pause nosuch
	says "container does not exist"
	expect 1 woody resume nosuch
	status_is running
}

@test "pause: a created container, too; not a stopped one" {
	program sleep 1000
	detached woody create "$ID"
	expect 0 woody pause "$ID"
	status_is paused
	expect 0 woody resume "$ID"
	status_is created
	woody start "$ID"
	woody kill "$ID" KILL
	soon stopped
	expect 1 woody pause "$ID"
	says "is stopped"
}

@test "exec --ignore-paused waits until the container is resumed" {
	start_sleeping
	woody pause "$ID"
	"$WOODY" --root "$ROOT" exec --ignore-paused "$ID" echo ok </dev/null >"$WORK/out" 2>"$WORK/err" 3>&- &
	local waiting=$!
	sleep 0.3
	same "$(cat "$WORK/out")" ""
	woody resume "$ID"
	wait $waiting
	same "$(cat "$WORK/out")" ok
	same "$(cat "$WORK/err")" ""
}

@test "delete --force of a paused container" {
	start_sleeping
	woody pause "$ID"
	expect 0 timeout 10 "$WOODY" --root "$ROOT" delete --force "$ID"
	gone
	ended "$PID"
}

@test "kill and delete by regular expression" {
	program sleep 1000
	local n
	for n in a1 a2 b1; do
		config '.linux.cgroupsPath = "/" + $p' --arg p "$ID-$n"
		detached woody run -d "$ID-$n"
	done
	expect 0 woody kill --regex -- '-a[0-9]$' KILL
	soon bash -c "[ \$($WOODY --root $ROOT list -f json | jq '[.[] | select(.status == \"stopped\")] | length') = 2 ]"
	expect 0 woody delete --regex 'wt-.*-a.$'
	same "$(woody list -q)" "$ID-b1"
	expect 1 woody delete --regex 'b1$'	# running
	says "that is not stopped: running"
	expect 0 woody delete --regex --force '.'
	same "$(woody list -q)" ""
	expect 0 woody kill --regex nothing
	expect 1 woody kill --regex '(' KILL
	says "--regex: '(' is no regular expression"
}

@test "kill --all is taken, also of a container that has ended" {
	start_sleeping
	expect 0 woody kill --all "$ID" KILL
	soon stopped
	expect 0 woody kill -a "$ID" 9
	expect 1 woody kill "$ID" 9
	says "container not running"
}

@test "a shared pid namespace: KILL and delete reach all, also when init has gone" {
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	program sh -c 'sleep 1003 & sleep 1004 & echo $! >/tmp/pid; wait'
	writable
	detached woody run -d --pid-file "$WORK/pid" "$ID"
	soon test -s "$ROOTFS/tmp/pid"
	local other
	other=$(cat "$ROOTFS/tmp/pid")
	kill -KILL "$(cat "$WORK/pid")"
	soon stopped
	! ended "$other" || fail "it should have failed"
	expect 0 woody kill "$ID" KILL
	soon ended "$other"
	expect 0 woody delete "$ID"
	gone
	rm "$ROOTFS/tmp/pid"
	detached woody run -d --pid-file "$WORK/pid" "$ID"
	soon test -s "$ROOTFS/tmp/pid"
	other=$(cat "$ROOTFS/tmp/pid")
	kill -KILL "$(cat "$WORK/pid")"
	soon stopped
	expect 0 woody delete "$ID"
	gone
	soon ended "$other"
}
