# docker swarm on one node, every replica through woody: three replicas, a rolling update, a drain.
source "${BATS_TEST_DIRNAME}/docker.bash"
WHO=root

setup_file() {
	GWBRIDGE=$(ip -o link show docker_gwbridge 2>/dev/null) || true
	export GWBRIDGE
	docker_setup_file
	[ -z "$UNFIT" ] || return 0
	if ! dock swarm init --advertise-addr 127.0.0.1 --listen-addr 127.0.0.1:"$((20000 + $$ % 10000))" >"$BASE/swarm.log" 2>&1; then
		unfit "docker swarm does not start here: $(tail -n 1 "$BASE/swarm.log")"
	fi
}

teardown_file() {
	[ -n "${BASE:-}" ] || return 0
	dock swarm leave --force >/dev/null 2>&1 || true
	docker_teardown_file
	[ -n "$GWBRIDGE" ] || ip link delete docker_gwbridge 2>/dev/null || true	# dockerd leaves it for the next time
}

# three - replicas run, as the swarm sees it
three() { [ "$(dock service ps --filter desired-state=running --format '{{.CurrentState}}' web | grep -c '^Running')" = 3 ]; }
running() { dock ps --format '{{.Names}}' | grep -c '^web\.'; }

@test "three replicas, a rolling update, scale, a drain, removal" {
	expect 0 dock service create -d --name web --replicas 3 --stop-grace-period 1s --update-delay 100ms \
		--update-monitor 1s --restart-delay 100ms --env VERSION=1 plain sh -c 'echo version $VERSION; exec sleep 1000'
	within 60 three || fail "$(dock service ps --no-trunc web)"
	local id
	for id in $(dock ps -q); do
		same "$(of "$id" '{{.HostConfig.Runtime}}')" woody
		expect 0 dock exec "$id" sh -c 'echo $VERSION'
		prints 1
	done

	expect 0 dock service update -d --env-add VERSION=2 web
	within 90 eval '[ "$(dock service inspect --format "{{.UpdateStatus.State}}" web)" = completed ]' || fail "$(dock service ps --no-trunc web)"
	within 30 three
	for id in $(dock ps -q); do
		expect 0 dock exec "$id" sh -c 'echo $VERSION'
		prints 2
	done

	# one dies: another takes its place
	dock kill "$(dock ps -q | head -n 1)" >/dev/null
	within 60 eval '[ "$(dock ps -aq | wc -l)" -ge 4 ] && three' || fail "$(dock service ps --no-trunc web)"

	expect 0 dock node update --availability drain "$(dock node ls -q)"
	within 60 eval '[ "$(running)" = 0 ]' || fail "$(dock service ps --no-trunc web)"
	expect 0 dock node update --availability active "$(dock node ls -q)"
	within 60 three || fail "$(dock service ps --no-trunc web)"
	expect 0 dock service rm web
	within 30 eval '[ "$(running)" = 0 ]'
}
