# Two hundred containers at once, as root and as an ordinary user (WHO): started in parallel, listed, looked into, ended and removed by one
# command, after which nothing is left. And a thousand records, of which one is asked for.
#	WHO=user FIXTURES=... CARRIER=build/cli/carrier WOODY=... WOODY_TESTBIN=... bats tests/stress/many.bats
source "${BATS_TEST_DIRNAME}/../integration/carrier.bash"
export BATS_TEST_TIMEOUT=900

MANY=200 RECORDS=1000

setup_file() { setup_with plain; }

teardown_file() { carrier_teardown_file; }

# start_all N - all at once
start_all() {
	local i failed=0 pids=()
	for ((i = 1; i <= $1; i++)); do
		carrier run -d --name "many-$i" --network none "$PLAIN" sh -c "echo number $i; exec sleep 1000" >"$WORK/$i.id" 2>"$WORK/$i.err" \
			</dev/null 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || failed=$((failed + 1)); done
	[ "$failed" = 0 ] || fail "$failed of $1 failed" "$(cat "$WORK"/*.err | sort | uniq -c | sort -rn | head -n 5)"
}

@test "$MANY containers, started at the same time, ended and removed by one command" {
	start_all "$MANY"
	same "$MANY" "$(carrier ps -q | wc -l)"
	same "$MANY" "$(cat "$WORK"/*.id | sort -u | wc -l)"
	local i
	for i in 1 50 "$MANY"; do
		same "number $i" "$(carrier logs "many-$i")"
		same in "$(carrier exec "many-$i" echo in)"
	done
	expect 0 carrier stop -t 0 many-1 many-2
	same "$((MANY - 2))" "$(carrier ps -q | wc -l)"
	expect 0 carrier rm -c --force
	same "" "$(carrier ps -aq)"
	quiet_down
}

@test "$RECORDS records: listed, found by name and by the beginning of an id, and removed" {
	local i id
	for ((i = 1; i <= RECORDS; i++)); do
		carrier create --name "record-$i" --network none "$PLAIN" true >/dev/null
	done
	same "$RECORDS" "$(carrier ps -aq | wc -l)"
	id=$(carrier inspect -f '{{.Id}}' record-777)
	same record-777 "$(carrier inspect -f '{{.Name}}' "${id:0:16}")"
	expect 0 carrier start record-777
	soon eval '[ "$(carrier inspect -f "{{.State.Status}}" record-777)" = exited ]'
	expect 0 carrier rm -c --force
	same "" "$(carrier ps -aq)"
}
