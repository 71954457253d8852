# carrier stats and metrics: what containers use. WHO=root or user.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() { setup_with plain; }

teardown_file() { carrier_teardown_file; }

asleep() {
	local name=$1
	shift
	expect 0 carrier run -d --name "$name" --network none "$@" "$PLAIN" sleep 1000
	has_state "$name" running
}

once() { carrier stats --no-stream "$@"; }

@test "stats: docker's columns and members; processor, memory and processes are those of the container" {
	local limit=()
	! has_limits || limit=(-m 64m)
	asleep idle "${limit[@]}"
	asleep busy
	expect 0 carrier exec -d busy sh -c 'while :; do :; done'
	expect 0 once
	same "CONTAINER ID NAME CPU % MEM USAGE / LIMIT MEM % NET I/O BLOCK I/O PIDS PSI CPU / MEM / IO" "$(head -1 <<<"$output" | xargs)"
	same 3 "$(wc -l <<<"$output")"
	expect 0 once --format json
	same "BlockIO CPUPerc CPUPressure Container ID IOPressure MemPerc MemPressure MemUsage Name NetIO PIDs" \
		"$(jq -sr '.[0] | keys | join(" ")' <<<"$output")"
	same true "$(jq -s '(.[] | select(.Name == "busy") | .CPUPerc | rtrimstr("%") | tonumber) > 5' <<<"$output")"
	same true "$(jq -s '(.[] | select(.Name == "idle") | .CPUPerc | rtrimstr("%") | tonumber) < 5' <<<"$output")"
	same '["1","2"]' "$(jq -sc 'sort_by(.Name) | reverse | map(.PIDs)' <<<"$output")"
	expect 0 once --format '{{.Name}} {{.MemUsage}}' idle
	if has_limits; then
		[[ $output =~ ^idle\ [0-9.]+(B|KiB|MiB)\ /\ 64MiB$ ]] || fail "$output"
	else
		[[ $output =~ ^idle\ [0-9.]+(KiB|MiB)\ /\ [0-9.]+GiB$ ]] || fail "$output"
	fi
}

@test "stats: which containers, ids, templates, and what is wrong" {
	asleep one
	expect 0 carrier create --name made --network none "$PLAIN" true
	expect 0 once --format '{{.Name}}'
	prints one
	expect 0 once -a --format '{{.Name}} {{.PIDs}}'
	same "made 0 one 1" "$(xargs <<<"$output")"
	expect 0 once --latest --format '{{.Name}}'
	prints made
	expect 0 once --no-trunc --format '{{.ID}}' one
	prints "$(id_of one)"
	expect 0 once --format 'table {{.Name}}\t{{.CPUPerc}}'
	same "NAME CPU %" "$(head -1 <<<"$output" | xargs)"
	failing 1 "no container 'nobody'" carrier stats --no-stream nobody
	failing 125 "--interval" carrier stats -i 0
	failing 125 "exclude each other" carrier stats -l one
	failing 125 "did you mean 'CPUPerc'" carrier stats --no-stream --format '{{.CPUPer}}'
}

@test "stats: live; on a terminal the screen is cleared and the processor drawn as bars; no process is started for it" {
	asleep one
	local root=()
	[ "$WHO" = user ] || root=(--root "$CROOT")
	client timeout 2.4 "$PROGRAM" "${root[@]}" stats --format '{{.Name}}' -i 60 >"$WORK/rarely" 3>&- &
	expect 124 client timeout 2.5 "$PROGRAM" "${root[@]}" stats --format '{{.Name}}'
	[ "$(grep -c '^one$' <<<"$output")" -ge 2 ] || fail "$output"
	wait $! || true
	same one "$(<"$WORK/rarely")"
	[ "$WHO" = root ] || skip "the terminal is made as root; what is written to it is the same"
	script -qec "timeout 3 '$PROGRAM' --root '$CROOT' stats" /dev/null >"$WORK/screen" </dev/null || true
	grep -q $'\033\[H\033\[J' "$WORK/screen" || fail "not cleared: $(cat "$WORK/screen")"
	grep -q '[▁▂▃▄▅▆▇█][▁▂▃▄▅▆▇█]' "$WORK/screen" || fail "no bars: $(cat "$WORK/screen")"
	script -qec "timeout 2 '$PROGRAM' --root '$CROOT' stats --no-reset" /dev/null >"$WORK/screen" </dev/null || true
	! grep -q $'\033\[H' "$WORK/screen" || fail "cleared: $(cat "$WORK/screen")"
	strace -f -e trace=execve,clone,fork,vfork,clone3 -o "$WORK/calls" "$PROGRAM" --root "$CROOT" stats --no-stream >/dev/null
	same 1 "$(grep -cE 'execve|clone|fork' "$WORK/calls")"
}

@test "metrics: Prometheus' format; each container's values, escaped names, states" {
	local id
	asleep one --label 'x=y'
	id=$(id_of one)
	expect 0 carrier run --name ended --network none "$PLAIN" true
	expect 0 carrier metrics
	grep -qE "^carrier_container_cpu_usage_seconds_total\{id=\"$id\",name=\"one\",image=\"$PLAIN\"\} [0-9.e-]+$" <<<"$output" || fail "$output"
	grep -qE "^carrier_container_memory_usage_bytes\{id=\"$id\".*\} [1-9][0-9]+" <<<"$output" || fail "$output"
	grep -qE "^carrier_container_tasks\{id=\"$id\".*\} 1$" <<<"$output" || fail "$output"
	grep -qE "^carrier_container_start_time_seconds\{id=\"$id\".*\} $(date +%s | cut -c1-6)" <<<"$output" || fail "$output"
	grep -qx 'carrier_containers{state="running"} 1' <<<"$output" || fail "$output"
	grep -qx 'carrier_containers{state="exited"} 1' <<<"$output" || fail "$output"
	! grep -q 'name="ended"' <<<"$output" || fail "$output"
	# every metric has its HELP and TYPE in front of it, once, and nothing else is there
	same "" "$(awk '/^# HELP/ { help[$3]++; next } /^# TYPE/ { type[$3]++; next } { sub(/[{ ].*/, ""); if (help[$0] != 1 || type[$0] != 1) print }' <<<"$output")"
	if command -v promtool >/dev/null; then
		same "" "$(promtool check metrics <<<"$output" 2>&1)"
	fi
}
