# Named networks: network create, ls, rm, inspect, prune, exists; containers on them. WHO=root or user. The host of all this is a network
# namespace of its own, with a client in another one: neither the machine's links and rules nor other suites are touched.
source "${BATS_TEST_DIRNAME}/hosted.bash"

setup_file() { hosted_setup_file; }
teardown_file() { hosted_teardown_file; }
prepare() { hosted_prepare; }
cleanup() { hosted_cleanup; }

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

# ---- containers on them ----

needs_root() { [ "$WHO" = root ] || skip "of root's networks, which are in the host's network namespace"; }
@test "a container has its address, its MAC, its MTU and its routes; afterwards nothing is left" {
	carrier network create --subnet 10.201.0.0/24 --subnet fd00:201::/64 -o mtu=1400 n1 >/dev/null
	expect 0 carrier run --rm --network n1 "$PLAIN" busybox sh -c \
		'cat /sys/class/net/eth0/mtu /sys/class/net/eth0/address; busybox ip -4 -o addr show eth0; busybox ip -6 -o addr show eth0 scope global
		 busybox ip route; busybox ip -6 route | busybox grep default'
	says $'1400\n02:ca:0a:c9:00:02'
	says "inet 10.201.0.2/24 brd 10.201.0.255"
	says "inet6 fd00:201::2/64"
	says "default via 10.201.0.1 dev eth0"
	says "default via fd00:201::1 dev eth0"
	soon nothing_in_the_host
	failing 125 "there is no network of this name (\`carrier network create n2\` makes it)" carrier run --rm --network n2 "$PLAIN" true
	same "" "$(carrier ps -aq)"
}

@test "containers of one network reach each other, those of two do not, unless both are open; internal ones reach nobody else" {
	local net
	for net in n1 n2; do carrier network create --ipv6 "$net" >/dev/null; done
	for net in o1 o2; do carrier network create -o isolate=false "$net" >/dev/null; done
	carrier network create --internal in >/dev/null
	served one --network n1
	served two --network n1
	served three --network n2
	served open1 --network o1
	served open2 --network o2
	served inner --network in
	served inner2 --network in
	same "I am two" "$(fetches one "http://$(address_of n1 two)/")"
	same "I am two" "$(fetches one "http://[$(address6_of n1 two)]/")"
	! fetches one "http://$(address_of n2 three)/" || fail "n1 reaches n2"
	! fetches one "http://[$(address6_of n2 three)]/" || fail "n1 reaches n2 by IPv6"
	same "I am open2" "$(fetches open1 "http://$(address_of o2 open2)/")"
	! fetches open1 "http://$(address_of n1 one)/" || fail "an open network reaches one that is not"
	! fetches one "http://$(address_of o1 open1)/" || fail "a network reaches an open one, and is not open itself"
	same "I am inner2" "$(fetches inner "http://$(address_of in inner2)/")"
	! fetches one "http://$(address_of in inner)/" || fail "an internal network is reached"
	# the world, with the host's address
	from_outside timeout 60 busybox nc -ll -p 7000 -e busybox sh -c 'busybox netstat -tn | busybox grep :7000' 3>&- &
	soon eval '[[ $(in_container one timeout 2 busybox nc 203.0.113.9 7000 </dev/null) == *203.0.113.1:* ]]'
	kill $! 2>/dev/null || true
	expect 0 in_container one ping -c 1 -W 2 203.0.113.9
	if [ "$WHO" = root ]; then expect 0 in_container one ping -c 1 -W 2 2001:db8:113::9; fi	# slirp4netns knows no ICMPv6
	from_outside timeout 60 busybox httpd -f -p 7001 -h "$WORK" 3>&- &
	echo I am outside >index.html
	soon fetches one 'http://[2001:db8:113::9]:7001/'
	same "I am outside" "$(fetches one http://203.0.113.9:7001/)"
	same "I am outside" "$(fetches one 'http://[2001:db8:113::9]:7001/')"
	! fetches inner http://203.0.113.9:7001/ || fail "an internal network reaches the world"
	kill $! 2>/dev/null || true
	expect 1 in_container inner ping -c 1 -W 1 203.0.113.9
	[ "$WHO" = root ] || return 0	# the rest is about the host's own links and rules
	# what is not published is not reached from outside, by whoever routes to it
	ip -n "$CLIENT" route add 10.72.0.0/16 via 203.0.113.1
	! outside_gets "http://$(address_of n1 one)/" || fail "a port that is not published is reached"
	ip -n "$CLIENT" route del 10.72.0.0/16
	same "I am one" "$(host_gets "http://$(address_of n1 one)/")"
	# what is on the host's loopback is not reached by way of the bridge
	served four --network n1 -p 8004:80
	says_guard=$(on_host nft list ruleset | grep -c 'ip daddr 127.0.0.0/8 drop')
	same "1" "$(on_host cat "/proc/sys/net/ipv4/conf/$(part n1 NetworkInterface)/route_localnet")"
	[ "$says_guard" -ge 1 ] || fail "$(on_host nft list ruleset)"
}

@test "published ports: the client's own address, both families; from the host, its loopback and containers" {
	needs_root
	carrier network create --ipv6 n1 >/dev/null
	carrier network create n2 >/dev/null
	served web --network n1 -p 8080:80 -p 203.0.113.1:8081:80 -p 127.0.0.1:8082:80
	served other --network n2
	same "I am web" "$(outside_gets http://203.0.113.1:8080/)"
	same "I am web" "$(outside_gets 'http://[2001:db8:113::1]:8080/')"
	same "I am web" "$(outside_gets http://203.0.113.1:8081/)"
	soon eval 'carrier logs web 2>&1 | grep -q "^\[::ffff:203.0.113.9\]:[0-9]*: response:200"'
	soon eval 'carrier logs web 2>&1 | grep -q "^\[2001:db8:113::9\]:[0-9]*: response:200"'
	! outside_gets http://203.0.113.1:8082/ || fail "a port of the loopback is reached from outside"
	! host_gets http://127.0.0.1:8081/ || fail "a port of another address is reached at 127.0.0.1"
	local url
	for url in http://127.0.0.1:8080/ http://203.0.113.1:8080/ http://127.0.0.1:8082/ 'http://[2001:db8:113::1]:8080/'; do
		same "I am web" "$(host_gets "$url")"
	done
	same "I am web" "$(fetches web http://203.0.113.1:8080/)"	# itself
	same "I am web" "$(fetches other http://203.0.113.1:8080/)"	# another network, by what is published
	failing 125 "8080" carrier run --rm --network n2 -p 8080:80 "$PLAIN" true
	# UDP: the answer of the container's kernel, that nobody listens there, comes back as one of the published port
	carrier run -d --name udp --network n1 -p 9000:9/udp "$PLAIN" sleep 1000 >/dev/null
	on_host nft list ruleset | grep -q "udp dport 9000 .*dnat ip to $(address_of n1 udp):9" || fail "$(on_host nft list ruleset)"
	expect 1 from_outside python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3); s.connect(("203.0.113.1", 9000)); s.send(b"x"); s.recv(9)'
	says ConnectionRefusedError
	carrier rm -f -t 0 web >/dev/null
	soon eval '! on_host nft list ruleset | grep -q 8080'
	carrier network create --internal in >/dev/null
	failing 125 "the network is internal" carrier run --rm --network in -p 8080:80 "$PLAIN" true
}

@test "whoever is told of the end can have the port and the address at once" {
	carrier network create --subnet 10.201.0.0/24 --subnet fd00:201::/64 n1 >/dev/null
	given_back --network n1 --ip 10.201.0.7 --ip6 fd00:201::7 -p 8080:80
	served other --network n1
	given_back --network n1 --ip 10.201.0.7 -p 127.0.0.1:8080:80 -p '[::1]:8080:80'
}

@test "--ip, --ip6, --mac-address; several networks; what cannot be" {
	carrier network create --subnet 10.201.0.0/24 --subnet fd00:201::/64 --ip-range 10.201.0.128/30 n1 >/dev/null
	carrier network create --subnet 10.202.0.0/30 n2 >/dev/null
	expect 0 carrier run --rm --network n1 --ip 10.201.0.77 --ip6 fd00:201::77 --mac-address 92:d0:c6:0a:29:33 "$PLAIN" busybox sh -c \
		'cat /sys/class/net/eth0/address; busybox ip -o addr show eth0'
	says 92:d0:c6:0a:29:33
	says 10.201.0.77/24
	says fd00:201::77/64
	served one --network n1:ip=10.201.0.77 --network n2
	same "10.201.0.77 10.202.0.2" "$(address_of n1 one) $(address_of n2 one)"
	local mtu=1500
	[ "$WHO" = root ] || mtu=65520	# they leave by a helper, which takes as much
	same "$mtu $mtu" "$(in_container one cat /sys/class/net/eth0/mtu /sys/class/net/eth1/mtu | xargs)"
	same "10.201.0.77 fd00:201::2 02:ca:0a:c9:00:4d 10.202.0.2" "$(carrier inspect one | jq -r '.[0].NetworkSettings.Networks |
		"\(.n1.IPAddress) \(.n1.GlobalIPv6Address) \(.n1.MacAddress) \(.n2.IPAddress)"')"
	expect 0 in_container one ip -4 -o addr
	says "eth1    inet 10.202.0.2/30"
	failing 125 "container one has the address 10.201.0.77 of network 'n1'" carrier run --rm --network n1 --ip 10.201.0.77 "$PLAIN" true
	failing 125 "network 'n2' has no free address in 10.202.0.0/30" carrier run --rm --network n2 "$PLAIN" true
	failing 125 "10.202.0.9 is no address of network 'n1': it has 10.201.0.0/24" carrier run --rm --network n1 --ip 10.202.0.9 "$PLAIN" true
	failing 125 "is the gateway of network 'n1'" carrier run --rm --network n1 --ip 10.201.0.1 "$PLAIN" true
	failing 125 "network 'n2' has no IPv6 addresses" carrier run --rm --network n2 --ip6 fd00:201::9 "$PLAIN" true
	same one "$(carrier ps -a --format '{{.Names}}')"
	expect 0 carrier run --rm --network n1 "$PLAIN" busybox ip -4 -o addr show eth0
	says 10.201.0.128/24
	expect 1 carrier network rm n1
	says "network 'n1' is used by container one: remove it first"
	same n1 "$(carrier network ls -q -f dangling=false -f name=n1)"
	# a link of the host has addresses of it meanwhile
	carrier rm -f -t 0 one >/dev/null
	[ "$WHO" = root ] || return 0	# a user's bridges are not beside the host's links
	soon nothing_in_the_host
	ip -n "$HOST" addr add 10.202.0.1/24 dev up0
	failing 125 "a route by the link 'up0' leads to addresses of its subnet 10.202.0.0/30 now" carrier run --rm --network n2 "$PLAIN" true
	ip -n "$HOST" addr del 10.202.0.1/24 dev up0
}

@test "a firewall's flush is survived: at once, and by the next start; rules of others stay" {
	needs_root
	local monitor i
	carrier network create n1 >/dev/null
	carrier network create --internal n2 >/dev/null
	served web --network n1 -p 0.0.0.0:8080:80	# at all addresses of both families it would still be carried, as ::1 is
	served inner --network n2
	on_host nft list ruleset | sort >"$WORK/before"
	for i in {1..5}; do
		printf 'flush ruleset\ntable inet mine {\n}\n' | on_host nft -f -
		soon eval 'on_host nft list ruleset | grep -v "^table inet mine" | sort | cmp -s - <(sed 1i} "$WORK/before" | sort)'
	done
	same "I am web" "$(outside_gets http://203.0.113.1:8080/)"
	# where nobody listens, as after a monitor's end
	monitor=$(jq .monitor "$CROOT/containers/$(id_of web)/status.json")
	kill -STOP "$monitor"
	on_host nft flush ruleset
	on_host nft add table inet mine
	! outside_gets http://203.0.113.1:8080/ || fail "there should be no rules now"
	served two --network n1
	same "I am web" "$(outside_gets http://203.0.113.1:8080/)"
	kill -CONT "$monitor"
	# connected while it runs
	carrier run -d --name late --network none "$PLAIN" sleep 1000 >/dev/null
	carrier rm -f -t 0 web two >/dev/null
	carrier network connect n1 late
	on_host nft flush ruleset
	on_host nft add table inet mine
	soon eval 'on_host nft list ruleset | grep -q "ip saddr .* masquerade"'
	carrier rm -f -t 0 late inner >/dev/null
	soon eval '[ "$(on_host nft list ruleset | xargs)" = "table inet mine { }" ]'
}

@test "stopped, started, restarted; a monitor that is killed: others go on, the next start repairs it" {
	carrier network create n1 >/dev/null
	served web --network n1 -p 8080:80
	served two --network n1 -p 8081:80
	carrier restart -t 0 web >/dev/null
	soon outside_gets http://203.0.113.1:8080/
	carrier stop -t 0 web >/dev/null
	! outside_gets http://203.0.113.1:8080/ || fail "it was stopped"
	same two "$(carrier network inspect n1 -f '{{range .Containers}}{{.Name}}{{end}}')"
	carrier start web >/dev/null
	soon outside_gets http://203.0.113.1:8080/
	local pid
	pid=$(pid_of web)
	kill -9 "$(jq .monitor "$CROOT/containers/$(id_of web)/status.json")"
	kill -9 "$pid"
	soon ended "$pid"
	same "I am two" "$(outside_gets http://203.0.113.1:8081/)"
	carrier start web >/dev/null
	soon outside_gets http://203.0.113.1:8080/
	same "I am two" "$(outside_gets http://203.0.113.1:8081/)"
}

@test "doctor finds and removes the bridge that a killed monitor left; so does network rm" {
	local pid
	carrier network create n1 >/dev/null
	carrier network create n2 >/dev/null
	served other --network n2	# a user's network namespace stays with it
	served web --network n1
	carrier doctor --json >"$WORK/doctor" || true
	same ok "$(jq -r '.Checks[] | select(.Code == "CD0404") | .Level' "$WORK/doctor")"
	pid=$(pid_of web)
	kill -9 "$(jq .monitor "$CROOT/containers/$(id_of web)/status.json")"
	kill -9 "$pid"
	soon ended "$pid"
	carrier doctor --json >"$WORK/doctor" || true
	same bad "$(jq -r '.Checks[] | select(.Code == "CD0404") | .Level' "$WORK/doctor")"
	carrier doctor --fix --json >"$WORK/doctor" || true
	same true "$(jq -r '.Checks[] | select(.Code == "CD0404") | .Fixed' "$WORK/doctor")"
	carrier doctor --json >"$WORK/doctor" || true
	same ok "$(jq -r '.Checks[] | select(.Code == "CD0404") | .Level' "$WORK/doctor")"
	carrier start web >/dev/null
	pid=$(pid_of web)
	kill -9 "$(jq .monitor "$CROOT/containers/$(id_of web)/status.json")"
	kill -9 "$pid"
	soon ended "$pid"
	carrier rm -f web >/dev/null
	carrier network rm n1 >/dev/null
	carrier doctor --json >"$WORK/doctor" || true
	same ok "$(jq -r '.Checks[] | select(.Code == "CD0404") | .Level' "$WORK/doctor")"
	carrier rm -f -t 0 other >/dev/null
	soon nothing_in_the_host
}

@test "fifty at once on one network, with a port each: different addresses, the right ports" {
	carrier network create n1 >/dev/null
	local i
	local -a pids
	for i in {1..50}; do
		carrier run -d --name "p$i" --network n1 -p "$((8100 + i)):80" "$PLAIN" \
			busybox sh -c "echo I am p$i >/tmp/index.html; exec busybox httpd -f -p 80 -h /tmp" >/dev/null 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	same 50 "$(part n1 'Containers | [.[].IPv4Address] | unique | length')"
	for i in {1..50}; do
		soon outside_gets "http://203.0.113.1:$((8100 + i))/"
		same "I am p$i" "$(outside_gets "http://203.0.113.1:$((8100 + i))/")"
	done
	carrier rm -f -t 0 $(carrier ps -aq) >/dev/null
}

@test "names: by name, alias and id; live across restarts and other addresses; of one's own networks alone" {
	carrier network create --subnet 10.201.0.0/24 --subnet fd00:201::/64 n1 >/dev/null
	carrier network create --subnet 10.202.0.0/24 n2 >/dev/null
	served web --network n1 --network-alias www
	served web2 --network n1:alias=www --network n2
	served far --network n2
	same "nameserver 127.0.0.11" "$(carrier exec web cat /etc/resolv.conf | grep nameserver)"
	same 10.201.0.3 "$(resolves web web2)"
	same 10.201.0.3 "$(resolves web WEB2)"
	same "10.201.0.2 10.201.0.3" "$(resolves web www)"
	same 10.201.0.3 "$(resolves web "$(id_of web2 | cut -c-12)")"
	same "" "$(resolves web far)"
	same 10.202.0.3 "$(resolves web2 far)"
	same "I am web2" "$(fetches web http://web2/)"
	[[ $(in_container web nslookup -type=aaaa web2) == *fd00:201::3* ]] || fail "it has no IPv6 address"
	carrier stop -t 0 web2 >/dev/null
	same "" "$(resolves web web2)"
	same 10.201.0.2 "$(resolves web www)"
	served between --network n1
	carrier start web2 >/dev/null
	same 10.201.0.5 "$(resolves web web2)"
	carrier rm -f -t 0 web2 >/dev/null
	same "" "$(resolves web web2)"
	carrier network create --disable-dns --subnet 10.203.0.0/24 n3 >/dev/null
	served quiet1 --network n3
	served quiet2 --network n3
	same "" "$(resolves quiet1 quiet2)"
}

@test "names: what is not known is asked of --dns, also on the host's loopback; not by who is on internal networks alone" {
	carrier network create n1 >/dev/null
	carrier network create --internal in >/dev/null
	cat >"$WORK/server.py" <<-'EOS'
	import socket
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.bind(("127.0.0.53", 53))
	while True:
	    q, a = s.recvfrom(4096)
	    n = q.index(0, 12) + 5
	    ok = q[n - 3] == 1
	    s.sendto(q[:2] + b"\x81\x80\0\1\0" + (b"\1" if ok else b"\0") + b"\0\0\0\0" + q[12:n] + (b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\xcb\0\x71\x4d" if ok else b""), a)
	EOS
	nsenter "--net=/run/netns/$HOST" python3 "$WORK/server.py" 3>&- &
	local server=$!
	served web --network n1 --dns 127.0.0.53
	served alone --network in --dns 127.0.0.53
	soon resolves_to web elsewhere.example 203.0.113.77
	same "" "$(resolves alone elsewhere.example)"
	kill "$server"
	wait "$server" || true
	expect 1 in_container web nslookup elsewhere.example
	says SERVFAIL
	soon eval '[ "$(pgrep -xc carrier-names)" -ge 2 ]'
}
