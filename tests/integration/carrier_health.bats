# Health checks: who asks, how often, what the answers lead to. WHO=root or user.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() { setup_with plain; }

teardown_file() { carrier_teardown_file; }

status_of() { jq -r "$2" "$CROOT/containers/$(id_of "$1")/status.json"; }
health_is() { [ "$(status_of "$1" .health)" = "$2" ]; }
monitor_of() { status_of "$1" .monitor; }

# asked NAME COMMAND [OPTION...] - a container whose health is asked for by COMMAND, four times a second
asked() {
	local name=$1 command=$2
	shift 2
	expect 0 carrier run -d --name "$name" --network none --health-cmd "$command" --health-interval 250ms --health-timeout 2s "$@" "$PLAIN" sleep 1000
}

@test "starting, healthy, unhealthy after --health-retries, healthy again; ps, the last five answers" {
	asked well 'echo looked; test ! -e /ill' --health-retries 2
	health_is well starting || health_is well healthy
	soon health_is well healthy
	expect 0 carrier ps
	says "(healthy)"
	carrier exec well touch /ill
	soon health_is well unhealthy
	[ "$(status_of well .failingStreak)" -ge 2 ]
	state_is well running	# nothing is done about it by itself
	local file
	file=$CROOT/containers/$(id_of well)/health.json
	soon eval "[ \"\$(jq '.log | length' '$file')\" = 5 ]"
	same $'looked\n1' "$(jq -r '.log[-1].output, .log[-1].exitCode' "$file" | grep -v '^$')"
	same unhealthy "$(jq -r .status "$file")"
	carrier exec well rm /ill
	soon health_is well healthy
	same 0 "$(status_of well '.failingStreak // 0')"
}

@test "the start period forgives; healthcheck run asks now" {
	asked slowly 'test -e /up' --health-start-period 1m --health-retries 1 --health-start-interval 100ms
	sleep 0.8
	health_is slowly starting
	expect 1 carrier healthcheck run slowly
	prints starting
	expect 0 carrier healthcheck run --ignore-result slowly
	carrier exec slowly touch /up
	soon health_is slowly healthy	# by the start interval: the interval would be the same here
	carrier exec slowly rm /up
	soon health_is slowly unhealthy	# it was healthy once: the start period is over
	expect 0 carrier run -d --name rarely --network none --health-cmd true "$PLAIN" sleep 1000
	expect 0 carrier healthcheck run rarely	# not in 30 seconds
	prints healthy
	expect 0 carrier stop -t 0 rarely
	failing 125 "not running" carrier healthcheck run rarely
	failing 125 "no health check" carrier healthcheck run "$(carrier create --network none "$PLAIN" true)"
}

@test "an answer that takes too long is none, and its process is killed" {
	asked late 'sleep 777' --health-timeout 300ms --health-retries 1
	soon health_is late unhealthy
	local file
	file=$CROOT/containers/$(id_of late)/health.json
	same -1 "$(jq -r '.log[0].exitCode' "$file")"
	[[ "$(jq -r '.log[0].output' "$file")" == *"exceeded timeout (0.3s)"* ]]
	sleep 3
	[ "$(carrier exec late sh -c 'grep -lz 777 /proc/[0-9]*/cmdline | wc -l')" -le 5 ] || fail "they pile up"
}

@test "--health-on-failure kill, restart, stop; with kill the policy holds" {
	asked killed false --health-retries 1 --health-on-failure kill
	soon state_is killed exited
	same 137 "$(status_of killed .exitCode)"
	asked revived 'test ! -e /ill' --health-retries 1 --health-on-failure restart --stop-timeout 0
	local first
	first=$(pid_of revived)
	carrier exec revived sh -c 'touch /ill; { sleep 1; rm /ill; } >/dev/null 2>&1 &' || true
	soon eval '[ "$(status_of revived .restarts)" -ge 1 ]'
	differ "$first" "$(pid_of revived)"
	carrier rm -f revived
	asked halted false --health-retries 1 --health-on-failure stop --stop-timeout 0 --restart no
	soon state_is halted exited
	asked both false --health-retries 1 --health-on-failure kill --restart on-failure:1
	soon state_is both exited
	same 1 "$(status_of both .restarts)"
}

@test "the image's HEALTHCHECK, as CMD and as CMD-SHELL; options change it; --no-healthcheck" {
	local base
	base=$(carrier create --network none "$PLAIN" true)
	expect 0 carrier commit -q -c 'HEALTHCHECK --interval=250ms --retries=1 CMD ["test", "-e", "/a b"]' "$base" checked:words
	expect 0 carrier commit -q -c 'HEALTHCHECK --interval=250ms --retries=1 CMD test -e "/a b" && echo yes' "$base" checked:shell
	local tag
	for tag in words shell; do
		expect 0 carrier run -d --name "$tag" --network none "checked:$tag" sleep 1000
		soon health_is "$tag" unhealthy
		carrier exec "$tag" touch '/a b'
		soon health_is "$tag" healthy
	done
	expect 0 carrier run -d --name other --network none --health-cmd '["true"]' checked:words sleep 1000
	soon health_is other healthy
	expect 0 carrier run -d --name unasked --network none --no-healthcheck checked:words sleep 1000
	sleep 0.6
	health_is unasked null
	expect 0 carrier rm -af
	expect 0 carrier rmi checked:words checked:shell
}

@test "what cannot be meant" {
	failing 125 --health-interval carrier run --health-cmd true --health-interval soon "$PLAIN" true
	failing 125 --health-timeout carrier run --health-cmd true --health-timeout 1us "$PLAIN" true
	failing 125 --health-on-failure carrier run --health-cmd true --health-on-failure pray "$PLAIN" true
	failing 125 exclude carrier run --health-cmd true --no-healthcheck "$PLAIN" true
	failing 125 exclude carrier run --health-cmd true --health-on-failure restart --restart always "$PLAIN" true
	failing 125 --health-cmd carrier run --health-interval 1s "$PLAIN" true
	failing 125 --health-cmd carrier run --health-cmd '["x"' "$PLAIN" true
}

@test "the monitor is small: half a megabyte alone, also when it has asked" {
	local kb name
	expect 0 carrier run -d --name idle --network none "$PLAIN" sleep 1000
	expect 0 carrier run -d --name asks --network none --health-cmd true "$PLAIN" sleep 1000
	expect 0 carrier healthcheck run asks
	sleep 2.5
	for name in idle asks; do	# others that share its pages make it less, never more
		kb=$(awk '/^Pss:/ { print $2 }' "/proc/$(monitor_of "$name")/smaps_rollup")
		[ "$kb" -le 500 ] || fail "$name: $kb kB"
	done
}
