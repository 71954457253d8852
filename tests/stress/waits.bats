# What takes a minute, because carrier waits so long: a registry that stalls, one that trickles, a credential helper that hangs. All at once.
#	CARRIER=build/cli/carrier WOODY=... WOODY_TESTBIN=... bats tests/stress/waits.bats
source "${BATS_TEST_DIRNAME}/../integration/carrier.bash"
export BATS_TEST_TIMEOUT=400

setup_file() {
	carrier_setup_file
	start_registry REGISTRY
	push big "$REGISTRY" big:latest
	printf '#!/bin/sh\nexec sleep 3000\n' >"$BASE/bin/docker-credential-hangs"
	chmod 755 "$BASE/bin/docker-credential-hangs"
	mkdir "$BASE/home" "$BASE/home/.docker"
	echo '{"credHelpers":{"hanging.example.com":"hangs"}}' >"$BASE/home/.docker/config.json"
}

teardown_file() { carrier_teardown_file; }

# begin NAME ARGS... - in the background, with a store of its own; its end is in NAME.code
begin() {
	local name=$1
	shift
	{
		code=0
		env HOME="$BASE/home" PATH="$BASE/bin:$PATH" "$PROGRAM" --root "$BASE/$name" "$@" </dev/null >"$name.out" 2>"$name.err" 3>&- || code=$?
		echo "$code $SECONDS" >"$name.code"
	} &
	began+=($!)
}

ended_with() { # NAME CODE TEXT
	soon eval "[ -s $1.code ]" || fail "$1 has not ended"
	same "$2" "$(cut -d' ' -f1 "$1.code")"
	[ -z "$3" ] || grep -qF "$3" "$1.err" || fail "$1: $(cat "$1.err")"
}

@test "a registry that stalls or trickles, and a helper that hangs, are given up after a minute; a blob that stalled goes on" {
	start_helper SILENT python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" manifests:slow
	start_helper TRICKLE python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" manifests:rate=2
	start_helper STALLING python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" stall=3000000
	began=()
	SECONDS=0
	begin silent pull -q --tls-verify=false "127.0.0.1:$SILENT/big"
	begin trickle pull -q --tls-verify=false "127.0.0.1:$TRICKLE/big"
	begin stalling pull -q --tls-verify=false "127.0.0.1:$STALLING/big"
	begin hanging pull -q hanging.example.com/x
	wait "${began[@]}"
	ended_with silent 125 "next to nothing for 60 seconds"
	ended_with trickle 125 "the last 60 seconds"
	ended_with hanging 125 "took longer than 60 seconds and was ended"
	ended_with stalling 0 ""	# 3 MB a minute of its 8: twice broken off, and never from the start
	[ "$(cut -d' ' -f2 hanging.code)" -lt 100 ] || fail "$(cat hanging.code)"
	same "" "$(pgrep -f 'sleep 3000$' || true)"
	same "" "$(find "$BASE"/{silent,trickle,stalling,hanging}/store/tmp -mindepth 1)"
}
