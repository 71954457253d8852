# Named networks: network create, ls, rm, inspect, prune, exists; containers on them. WHO=root or user. The host of all this is a network
# namespace of its own, with a client in another one: neither the machine's links and rules nor other suites are touched.
source "${BATS_TEST_DIRNAME}/archives.bash"

setup_file() {
	archives_setup_file
	bring busybox
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
}

teardown_file() {
	carrier_teardown_file
	ip netns del "$HOST" 2>/dev/null || true
	ip netns del "$CLIENT" 2>/dev/null || true
}

prepare() {
	OUTSIDE=(nsenter "--net=/run/netns/$HOST")
}

cleanup() {
	local id
	for id in $(carrier ps -aq); do carrier rm -f -t 0 "$id" >/dev/null; done
	carrier network prune -f >/dev/null
	soon nothing_in_the_host || fail "links or rules are left" "$(ip -n "$HOST" -br link)" "$(on_host nft list ruleset)"
}

on_host() { nsenter "--net=/run/netns/$HOST" "$@"; }
from_outside() { nsenter "--net=/run/netns/$CLIENT" "$@"; }
nothing_in_the_host() {
	[ -z "$(on_host nft list ruleset)" ] && [ "$(ip -n "$HOST" -br link | cut -d' ' -f1 | cut -d@ -f1 | sort | xargs)" = "lo up0" ]
}

BUSYBOX=docker.io/test/busybox
networks() { carrier network ls -q; }
parts() { carrier network inspect "$1" | jq -r ".[0] | $2"; }
part() { carrier network inspect "$1" | jq -r ".[0].$2"; }

@test "create, ls, inspect, exists, rm" {
	expect 0 carrier network create --label a=1 -l b one
	prints one
	expect 0 carrier network ls
	matches '^NETWORK ID +NAME +DRIVER +SUBNET'$'\n''[0-9a-f]{12} +one +bridge +10\.[0-9.]+/24$'
	expect 0 carrier network ls --no-trunc -n
	matches '^[0-9a-f]{64} '
	expect 0 carrier network create
	matches '^net-[0-9a-f]{12}$'
	local other=$output
	same "$(printf '%s\n' "$other" one)" "$(networks)"
	same one "$(carrier network ls -q --filter name=on)"
	same one "$(carrier network ls -q -f label=a=1)"
	same "" "$(carrier network ls -q -f label=a=2)"
	same one "$(carrier network ls -q -f "id=$(part one Id | cut -c-8)")"
	same "" "$(carrier network ls -q -f driver=macvlan)"
	same "$(networks)" "$(carrier network list -q -f dangling=true)"
	same "" "$(carrier network ls -q -f dangling=false)"
	same "one bridge" "$(carrier network ls -f label=b --format '{{.Name}} {{.Driver}}')"
	same "$(carrier network ls --format json)" "$(carrier network ls --json)"
	same '{"a":"1","b":""}' "$(carrier network inspect one | jq -c '.[0].Labels')"
	same "bridge local false false true {}" "$(parts one '"\(.Driver) \(.Scope) \(.Internal) \(.EnableIPv6) \(.DNSEnabled) \(.Containers)"')"
	same "ca-$(part one Id | cut -c-12)" "$(part one NetworkInterface)"
	same "$(part one Id)" "$(carrier network inspect -f '{{.Id}}' "$(part one Id | cut -c-10)")"
	expect 0 carrier network exists one
	expect 1 carrier network exists nothing
	silent
	expect 1 carrier network inspect nothing
	says "there is no network 'nothing': \`carrier network create nothing\` makes it"
	failing 125 "there is a network 'one' already" carrier network create one
	expect 0 carrier network create --ignore --internal one
	same false "$(part one Internal)"
	expect 0 carrier network rm one
	prints one
	expect 1 carrier network rm one
	expect 0 carrier network rm --force one
	silent
	expect 0 carrier network remove "$other"
	same "" "$(networks)"
}

@test "create: subnets, gateways, ranges, both families, options" {
	expect 0 carrier network create --subnet 10.201.0.0/16 --gateway 10.201.0.254 --ip-range 10.201.9.0/24 a4
	same '{"Subnet":"10.201.0.0/16","Gateway":"10.201.0.254","IPRange":"10.201.9.0/24"}' "$(part a4 'IPAM.Config[0] | tojson')"
	expect 0 carrier network create --subnet fd00:201::/64 a6
	same '[{"Subnet":"fd00:201::/64","Gateway":"fd00:201::1"}]' "$(part a6 'IPAM.Config | tojson')"
	same true "$(part a6 EnableIPv6)"
	expect 0 carrier network create --subnet fd00:202::/64 --ipv6 both
	same 2 "$(part both 'IPAM.Config | length')"
	expect 0 carrier network create --ipv6 chosen
	[[ $(part chosen 'IPAM.Config[1].Subnet') == fd??:*::/64 ]] || fail "$(part chosen IPAM)"
	expect 0 carrier network create --internal --disable-dns -o mtu=1400 -o isolate=false --interface-name br-x opt
	same "true false br-x 1400 false" "$(parts opt '"\(.Internal) \(.DNSEnabled) \(.NetworkInterface) \(.Options.mtu) \(.Options.isolate)"')"
	expect 0 carrier network create -d bridge --opt com.docker.network.driver.mtu=9000 --opt com.docker.network.bridge.name=br-y opt2
	same br-y "$(part opt2 NetworkInterface)"
}

@test "create: what cannot be is one sentence, and leaves nothing" {
	expect 0 carrier network create --subnet 10.201.0.0/24 --interface-name br-1 first
	local before
	before=$(find "$CROOT/networks" -mindepth 1 | sort)
	failing 125 "--subnet '10.201.0.0/25': the network 'first' has addresses of it" carrier network create --subnet 10.201.0.0/25 x1
	failing 125 "did you mean '10.202.0.0/24'?" carrier network create --subnet 10.202.0.1/24 x1
	failing 125 "the longest prefix is /30" carrier network create --subnet 10.202.0.0/31 x1
	failing 125 "no containers can have these addresses" carrier network create --subnet 127.1.0.0/16 x1
	failing 125 "the network has an IPv4 subnet already" carrier network create --subnet 10.202.0.0/24 --subnet 10.203.0.0/24 x1
	failing 125 "--gateway '10.203.0.1': it is in no subnet" carrier network create --subnet 10.202.0.0/24 --gateway 10.203.0.1 x1
	failing 125 "--gateway '10.202.0.255': it is in no subnet" carrier network create --subnet 10.202.0.0/24 --gateway 10.202.0.255 x1
	failing 125 "--gateway 'me': it is no address" carrier network create --gateway me x1
	failing 125 "--ip-range '10.203.0.0/28': it is in no subnet" carrier network create --subnet 10.202.0.0/24 --ip-range 10.203.0.0/28 x1
	failing 125 "--opt 'colour': there are mtu, isolate" carrier network create --opt colour=red x1
	failing 125 "--opt mtu=12: give a number from 68 to 65535" carrier network create --opt mtu=12 x1
	failing 125 "--opt mtu=1000: IPv6 needs at least 1280" carrier network create --ipv6 --opt mtu=1000 x1
	failing 125 "--opt isolate=maybe: give true or false" carrier network create --opt isolate=maybe x1
	failing 125 "there is only the driver bridge" carrier network create --driver macvlan x1
	failing 125 "at most 15 characters" carrier network create --interface-name 0123456789abcdef x1
	failing 125 "the network 'first' has a bridge of this name" carrier network create --interface-name br-1 x1
	failing 125 "there is a link of this name" carrier network create --interface-name lo x1
	failing 125 "'host' cannot be a network's name" carrier network create host
	failing 125 "'../x' cannot be a network's name" carrier network create ../x
	failing 125 "--subnet '203.0.113.0/25': a route by the link 'up0' has addresses of it" carrier network create --subnet 203.0.113.0/25 x1
	same "$before" "$(find "$CROOT/networks" -mindepth 1 | sort)"
	same first "$(networks)"
}

@test "prune removes what no container has; --filter; nobody to ask" {
	carrier network create --label keep k1 >/dev/null
	carrier network create k2 >/dev/null
	carrier network create k3 >/dev/null
	failing 125 "--force" carrier network prune </dev/null
	expect 0 carrier network prune --force --filter label!=keep
	prints $'Deleted Networks:\nk2\nk3'
	expect 0 carrier network prune -f --filter until=24h
	silent
	same k1 "$(networks)"
	failing 125 "dangling=true|false" carrier network prune -f --filter nothing=1
}

@test "thirty networks made at once have thirty subnets" {
	local i
	local -a pids
	for i in {1..30}; do
		carrier network create "par$i" >/dev/null 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	same 30 "$(networks | wc -l)"
	same 30 "$(carrier network ls --format '{{(index .IPAM.Config 0).Subnet}}' | sort -u | wc -l)"
}
