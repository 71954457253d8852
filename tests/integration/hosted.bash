# A host that is a network namespace of its own, with a client in another one, and what suites of named networks do on it: neither the machine's
# links and rules nor other suites are touched. For suites whose images are of archives.bash.
#
#	hosted_setup_file, hosted_teardown_file, hosted_prepare, hosted_cleanup	what such a suite's setup_file, ... call
#	on_host, from_outside COMMAND...	root's, in the host and in the client
source "${BATS_TEST_DIRNAME}/archives.bash"

PLAIN=docker.io/test/plain

hosted_setup_file() {
	archives_setup_file
	bring plain
	export HOST=nh$$ CLIENT=nc$$
	ip netns add "$HOST"
	ip netns add "$CLIENT"
	ip -n "$HOST" link set lo up
	ip -n "$CLIENT" link set lo up
	ip -n "$HOST" link add up0 type veth peer name eth0 netns "$CLIENT"
	ip -n "$HOST" addr add 203.0.113.1/24 dev up0
	ip -n "$HOST" addr add 2001:db8:113::1/64 dev up0 nodad
	ip -n "$CLIENT" addr add 203.0.113.9/24 dev eth0
	ip -n "$CLIENT" addr add 2001:db8:113::9/64 dev eth0 nodad
	ip -n "$HOST" link set up0 up
	ip -n "$CLIENT" link set eth0 up
	on_host sh -c 'echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range'	# else no helper of a user's can ping
}

hosted_teardown_file() {
	carrier_teardown_file
	ip netns del "$HOST" 2>/dev/null || true
	ip netns del "$CLIENT" 2>/dev/null || true
}

hosted_prepare() {
	OUTSIDE=(nsenter "--net=/run/netns/$HOST")
}

hosted_cleanup() {
	local id
	for id in $(carrier ps -aq); do carrier rm -f -t 0 "$id" >/dev/null; done
	carrier network prune -f >/dev/null
	on_host nft delete table inet mine 2>/dev/null || true
	soon nothing_in_the_host || fail "links or rules are left" "$(ip -n "$HOST" -br link)" "$(on_host nft list ruleset)"
}

on_host() { nsenter "--net=/run/netns/$HOST" "$@"; }
from_outside() { nsenter "--net=/run/netns/$CLIENT" "$@"; }
nothing_in_the_host() {
	[ -z "$(on_host nft list ruleset)" ] && [ "$(ip -n "$HOST" -br link | cut -d' ' -f1 | cut -d@ -f1 | sort | xargs)" = "lo up0" ]
}

networks() { carrier network ls -q; }
parts() { carrier network inspect "$1" | jq -r ".[0] | $2"; }
part() { carrier network inspect "$1" | jq -r ".[0].$2"; }

# ---- containers ----

# served NAME ARGS... - a container that serves "I am NAME" at port 80, and logs who asks
served() {
	local name=$1
	shift
	carrier run -d --name "$name" "$@" "$PLAIN" busybox sh -c "echo I am $name >/tmp/index.html; exec busybox httpd -f -v -p 80 -h /tmp" >/dev/null
	soon carrier exec "$name" busybox wget -q -O /dev/null http://127.0.0.1/
}
in_container() { carrier exec "$1" busybox "${@:2}"; }
# fetches CONTAINER URL - what it gets there within two seconds
fetches() { in_container "$1" timeout 2 busybox wget -q -O - "$2"; }
outside_gets() { from_outside timeout 2 busybox wget -q -O - "$1"; }
host_gets() { on_host timeout 2 busybox wget -q -O - "$1"; }
address_of() { carrier network inspect "$1" | jq -r ".[0].Containers[] | select(.Name == \"$2\") | .IPv4Address" | cut -d/ -f1; }
address6_of() { carrier network inspect "$1" | jq -r ".[0].Containers[] | select(.Name == \"$2\") | .IPv6Address" | cut -d/ -f1; }
# resolves CONTAINER NAME - its IPv4 addresses, sorted
resolves() { in_container "$1" nslookup -type=a "$2" | sed -n '/^Name:/,$ s/^Address: //p' | sort | xargs; }
resolves_to() { [ "$(resolves "$1" "$2")" = "$3" ]; }
