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
	ip -n "$CLIENT" route add 10.89.0.0/16 via 203.0.113.1
	! outside_gets "http://$(address_of n1 one)/" || fail "a port that is not published is reached"
	ip -n "$CLIENT" route del 10.89.0.0/16
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

@test "a firewall's flush is survived by the next start; rules of others stay" {
	needs_root
	carrier network create n1 >/dev/null
	on_host nft add table inet mine
	served web --network n1 -p 0.0.0.0:8080:80	# at all addresses of both families it would still be carried, as ::1 is
	on_host nft flush ruleset
	on_host nft add table inet mine
	! outside_gets http://203.0.113.1:8080/ || fail "there should be no rules now"
	served two --network n1
	same "I am web" "$(outside_gets http://203.0.113.1:8080/)"
	carrier rm -f -t 0 web two >/dev/null
	soon eval '[ "$(on_host nft list ruleset | xargs)" = "table inet mine { }" ]'
}

@test "stopped, started, restarted; a monitor that is killed: others go on, the next start repairs it" {
	needs_root
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
	needs_root
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
	same 10.201.0.4 "$(resolves web web2)"
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

# dig_in CONTAINER ARGS... - a real resolver program, in the container's network
dig_in() { nsenter -t "$(pid_of "$1")" -n dig "@127.0.0.11" +tries=1 +time=3 "${@:2}"; }
# serve_names ADDRESS... - a server for all names at each of these of the host's addresses, in packets and by connections; NAMES_SERVER is its
# pid. big.example has 200 addresses: by UDP it says that it was cut off. huge.example's packet is one that nobody has room for.
serve_names() {
	cat >"$WORK/names.py" <<-'EOS'
	import socket, sys, threading
	def answer(q, room):
	    n = q.index(0, 12) + 5
	    count = 200 if q[12:].startswith(b"\3big") else 1
	    name = q[12:12 + q[12] + 1]
	    if q[n - 3] != 1:
	        count = 0
	    records = b"".join(b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\xcb\0\x71" + bytes([i]) for i in range(1, count + 1))
	    if name == b"\4huge" and room < 65535:
	        return q[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + q[12:n] + records + b"\0" * 5000
	    if n + len(records) > room:
	        return q[:2] + b"\x83\x80\0\1\0\0\0\0\0\0" + q[12:n]
	    return q[:2] + b"\x81\x80\0\1" + count.to_bytes(2, "big") + b"\0\0\0\0" + q[12:n] + records
	def whole(c, n):
	    data = b""
	    while len(data) < n:
	        more = c.recv(n - len(data))
	        if not more:
	            raise EOFError
	        data += more
	    return data
	def packets(s):
	    while True:
	        q, a = s.recvfrom(4096)
	        s.sendto(answer(q, 512), a)
	def connection(c):
	    try:
	        while True:
	            a = answer(whole(c, int.from_bytes(whole(c, 2), "big")), 65535)
	            a = len(a).to_bytes(2, "big") + a
	            c.sendall(a[:1]); c.sendall(a[1:])      # in pieces
	    except (EOFError, OSError):
	        c.close()
	def connections(s):
	    while True:
	        threading.Thread(target=connection, args=(s.accept()[0],), daemon=True).start()
	for at in sys.argv[1:]:
	    family = socket.AF_INET6 if ":" in at else socket.AF_INET
	    u = socket.socket(family, socket.SOCK_DGRAM); u.bind((at, 53))
	    t = socket.socket(family, socket.SOCK_STREAM); t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); t.bind((at, 53)); t.listen(50)
	    threading.Thread(target=packets, args=(u,), daemon=True).start()
	    threading.Thread(target=connections, args=(t,), daemon=True).start()
	threading.Event().wait()
	EOS
	nsenter "--net=/run/netns/$HOST" python3 "$WORK/names.py" "$@" 3>&- &
	NAMES_SERVER=$!
}
end_names() {
	kill "$NAMES_SERVER" 2>/dev/null || true
	wait "$NAMES_SERVER" || true
}

@test "names by TCP as well as UDP: one's own, and those of others by servers of both families; what was cut off says so" {
	needs_root
	carrier network create --subnet 10.201.0.0/24 n1 >/dev/null
	serve_names 127.0.0.53 203.0.113.1 ::1
	served web --network n1 --dns 203.0.113.1 --network-alias www
	served six --network n1 --dns ::1
	served lost --network n1 --dns 203.0.113.250 --dns 2001:db8:9::1 --dns 127.0.0.53
	same 10.201.0.3 "$(dig_in web +short +tcp six)"
	same 10.201.0.2 "$(dig_in six +short +tcp www)"
	dig_in web +tcp -t aaaa six >"$WORK/out"
	grep -q 'status: NOERROR' "$WORK/out"
	grep -q 'ANSWER: 0' "$WORK/out"
	local name
	for name in web six; do
		soon eval '[ "$(dig_in $name +short +tcp elsewhere.example)" = 203.0.113.1 ]'
		same 203.0.113.1 "$(dig_in "$name" +short elsewhere.example)"
		same 200 "$(dig_in "$name" +short +tcp big.example | sort -u | wc -l)"
		# in a packet it is cut off: a resolver asks again by TCP, and one that may not sees that
		same 200 "$(dig_in "$name" +short big.example | sort -u | wc -l)"
		dig_in "$name" +ignore +notcp big.example | grep -q 'flags: qr tc rd ra'
		dig_in "$name" +ignore +notcp +bufsize=65000 huge.example | grep -q 'flags: qr tc rd ra; QUERY: 1, ANSWER: 0'
		same 203.0.113.1 "$(dig_in "$name" +short huge.example)"
	done
	# nobody is at the first one, and no route leads to the second
	same 200 "$(nsenter -t "$(pid_of lost)" -n dig @127.0.0.11 +tries=1 +time=9 +short +tcp big.example | wc -l)"
	end_names
	dig_in web +tcp elsewhere.example | grep -q 'status: SERVFAIL'
	same 10.201.0.3 "$(dig_in web +short +tcp six)"
}

@test "names: forty containers of one alias are cut off in a packet, and whole by TCP" {
	needs_root
	carrier network create --subnet 10.201.0.0/24 n1 >/dev/null
	local i
	local -a pids
	for i in {1..40}; do
		carrier run -d --name "p$i" --network n1:alias=all "$PLAIN" sleep 1000 >/dev/null 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	dig_in p1 +ignore +notcp all | grep -q 'flags: qr aa tc rd ra'
	same 40 "$(dig_in p40 +short all | sort -u | wc -l)"
	same 40 "$(dig_in p7 +short +tcp all | sort -u | wc -l)"
	carrier rm -f -t 0 $(carrier ps -aq) >/dev/null
}

@test "names: connections that drip, lie, or only stay are no obstacle; there are 32 of them" {
	needs_root
	carrier network create --subnet 10.201.0.0/24 n1 >/dev/null
	served web --network n1
	local pid names
	pid=$(pid_of web)
	expect 0 nsenter -t "$pid" -n timeout 30 python3 - <<-'EOS'
	import socket, struct
	ask = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\3web\0\0\1\0\1"
	framed = struct.pack(">H", len(ask)) + ask
	def connect():
	    c = socket.create_connection(("127.0.0.11", 53))
	    c.settimeout(20)
	    return c
	def whole(c):
	    head = c.recv(2, socket.MSG_WAITALL)
	    return c.recv(struct.unpack(">H", head)[0], socket.MSG_WAITALL) if len(head) == 2 else None
	# several questions, in one piece and byte by byte, on one connection
	c = connect()
	c.sendall(framed * 3)
	for i in range(3):
	    assert whole(c).endswith(bytes([10, 201, 0, 2]))
	for b in framed:
	    c.sendall(bytes([b]))
	assert whole(c).endswith(bytes([10, 201, 0, 2]))
	# what is no question ends the connection
	for bad in b"\0\0", b"\xff\xff", b"\0\5hello", struct.pack(">H", len(ask)) + b"\x12\x34\x81" + ask[3:]:
	    c = connect()
	    c.sendall(bad)
	    assert whole(c) is None, bad
	# many that stay: each finds a place, in that of the one that has been silent longest
	stay = [connect() for i in range(100)]
	c = connect()
	c.sendall(framed)
	assert whole(c).endswith(bytes([10, 201, 0, 2]))
	assert stay[0].recv(1) == b""
	# one that says half of it has its time, and no more
	stay[-1].sendall(framed[:5])
	assert stay[-1].recv(1) == b""
	print("good")
	EOS
	prints good
	names=$(pgrep -x carrier-names | while read -r p; do [ "$(ps -o ppid= -p "$p" | xargs)" != "$(jq .monitor "$CROOT/containers/$(id_of web)/status.json")" ] || echo "$p"; done)
	[ "$(find "/proc/$names/fd" | wc -l)" -lt 45 ] || fail "$(ls -l "/proc/$names/fd")"
}

@test "names: the service of a compose file is a name of its containers" {
	needs_root
	carrier network create --subnet 10.201.0.0/24 n1 >/dev/null
	served shop-db-1 --network n1 --label com.docker.compose.service=db --network-alias data
	served shop-db-2 --network n1 --label com.docker.compose.service=db
	served web --network n1
	same "10.201.0.2 10.201.0.3" "$(resolves web db)"
	same 10.201.0.2 "$(resolves web data)"
	carrier rm -f -t 0 shop-db-1 >/dev/null
	same 10.201.0.3 "$(resolves web db)"
}

# ---- connect, disconnect ----

# default_route CONTAINER - "ADDRESS INTERFACE"
default_route() { in_container "$1" ip route | sed -n 's/^default via \([^ ]*\) dev \([^ ]*\).*/\1 \2/p'; }
links_of() { in_container "$1" ip -o link | sed -n 's/^[0-9]*: \(eth[0-9]*\).*/\1/p' | sort | xargs; }

@test "connect and disconnect: a container that runs has the network at once, with address, names and events; a restart keeps it" {
	needs_root
	carrier network create --subnet 10.201.0.0/24 n1 >/dev/null
	carrier network create --subnet 10.202.0.0/24 --subnet fd00:202::/64 n2 >/dev/null
	carrier network create --subnet 10.203.0.0/24 --internal in >/dev/null
	served web --network n1
	served db --network n2
	same "" "$(resolves db web)"
	expect 0 carrier network connect --alias front --alias www --ip 10.202.0.77 --ip6 fd00:202::77 --mac-address 92:d0:c6:0a:29:33 n2 web
	silent
	same "eth0 eth1" "$(links_of web)"
	same 10.202.0.77 "$(resolves db front)"
	same 10.202.0.77 "$(resolves db www)"
	same 10.202.0.2 "$(resolves web db)"
	same "I am web" "$(fetches db http://front/)"
	same "I am web" "$(fetches db 'http://[fd00:202::77]/')"
	same 92:d0:c6:0a:29:33 "$(in_container web cat /sys/class/net/eth1/address)"
	same "10.201.0.1 eth0" "$(default_route web)"
	same '10.202.0.77 ["front","www"] n1,n2' "$(carrier inspect web | jq -r '.[0].NetworkSettings.Networks |
		"\(.n2.IPAddress) \(.n2.Aliases | tojson) \(keys | join(","))"')"
	same "10.202.0.77/24 fd00:202::77/64" "$(part n2 'Containers[] | select(.Name == "web") | "\(.IPv4Address) \(.IPv6Address)"')"
	same web "$(carrier ps --filter network=n2 --filter name=web --format '{{.Names}}')"
	expect 0 carrier network connect "$(part in Id | cut -c-12)" web
	same "eth0 eth1 eth2" "$(links_of web)"
	expect 0 carrier events --no-stream --filter type=network --filter event=connect --format '{{.Actor.ID}} {{.Actor.Attributes.name}} {{.Actor.Attributes.container}}'
	prints "$(part n2 Id) n2 $(id_of web)"$'\n'"$(part in Id) in $(id_of web)"
	expect 1 carrier network rm n2
	says "network 'n2' is used by the containers db, web: remove them first"
	# as it is, also after its end
	carrier restart -t 0 web >/dev/null
	soon carrier exec web busybox wget -q -O /dev/null http://127.0.0.1/
	same "eth0 eth1 eth2" "$(links_of web)"
	same 10.202.0.77 "$(resolves db front)"
	# the one in the middle goes, and its place is taken by the next that comes
	expect 0 carrier network disconnect n2 web
	silent
	same "eth0 eth2" "$(links_of web)"
	same "" "$(resolves db front)"
	same "" "$(resolves web db)"
	same db "$(part n2 'Containers[].Name')"
	carrier network create --subnet 10.204.0.0/24 n4 >/dev/null
	expect 0 carrier network connect n4 web
	same "eth0 eth1 eth2" "$(links_of web)"
	same 10.204.0.2 "$(address_of n4 web)"
	expect 0 carrier network disconnect "$(part in Id | cut -c-12)" web
	expect 0 carrier events --no-stream --filter event=disconnect --format '{{.Type}} {{.Actor.Attributes.name}}'
	prints $'network n2\nnetwork in'
	carrier stop -t 0 web >/dev/null
	same "" "$(ip -n "$HOST" -br link | grep "^ve$(id_of web | cut -c-12)")"
	carrier start web >/dev/null
	same "eth0 eth1" "$(links_of web)"
}

@test "connect and disconnect of what does not run, of --rm, and while a policy waits to start it again" {
	needs_root
	carrier network create --subnet 10.201.0.0/24 n1 >/dev/null
	carrier network create --subnet 10.202.0.0/24 n2 >/dev/null
	expect 0 carrier create --name made --network n1 "$PLAIN" busybox sh -c 'busybox ip -4 -o addr | busybox grep eth; busybox ip route | busybox grep default'
	expect 0 carrier network connect --ip 10.202.0.9 n2 made
	expect 0 carrier start -a made
	says "eth0    inet 10.201.0.2/24"
	says "eth1    inet 10.202.0.9/24"
	expect 0 carrier network disconnect n1 made
	expect 0 carrier start -a made
	says "eth1    inet 10.202.0.9/24"
	says "default via 10.202.0.1 dev eth1"
	expect 0 carrier network disconnect n2 made
	same none "$(carrier inspect made | jq -r '.[0].HostConfig.NetworkMode')"
	expect 1 carrier start -a made
	expect 0 carrier network connect n1 made
	expect 0 carrier start -a made
	says "eth0    inet 10.201.0.2/24"
	# one life
	carrier run -d --rm --name once --network n1 "$PLAIN" sleep 1000 >/dev/null
	expect 0 carrier network connect n2 once
	same 10.202.0.2 "$(address_of n2 once)"
	carrier stop -t 0 once >/dev/null
	# between two lives
	carrier run -d --name again --network n1 --restart always "$PLAIN" sh -c 'sleep 0.2; exit 3' >/dev/null
	has_state again restarting
	local i
	for i in {1..50}; do
		! carrier network connect n2 again 2>"$WORK/why" || break
		grep -q "is just being started or ended: try again" "$WORK/why" || fail "$(cat "$WORK/why")"
	done
	soon eval '[ "$(address_of n2 again)" = 10.202.0.2 ]'
}

@test "disconnect of the network that has the default route and the ports: both go to the next" {
	needs_root
	carrier network create --subnet 10.201.0.0/24 n1 >/dev/null
	carrier network create --subnet 10.203.0.0/24 --internal in >/dev/null
	carrier network create --subnet 10.202.0.0/24 --subnet fd00:202::/64 n2 >/dev/null
	served web --network n1 -p 8080:80
	served other --network n1 -p 8081:80
	carrier network connect in web
	carrier network connect n2 web
	same "10.201.0.1 eth0" "$(default_route web)"
	same "I am web" "$(outside_gets http://203.0.113.1:8080/)"
	expect 0 carrier network disconnect n1 web
	same "10.202.0.1 eth2" "$(default_route web)"
	in_container web ip -6 route | grep -q "default via fd00:202::1 dev eth2"
	same "I am web" "$(outside_gets http://203.0.113.1:8080/)"
	same "I am web" "$(outside_gets 'http://[2001:db8:113::1]:8080/')"
	same "I am web" "$(host_gets http://127.0.0.1:8080/)"
	same "I am other" "$(outside_gets http://203.0.113.1:8081/)"
	on_host nft list ruleset | grep -q "dnat ip to 10.202.0.2:80" || fail "$(on_host nft list ruleset)"
	! on_host nft list ruleset | grep -q "dnat ip to 10.201.0.2:80" || fail "$(on_host nft list ruleset)"
	expect 0 in_container web ping -c 1 -W 2 203.0.113.9
	# the one that comes takes its place behind
	expect 0 carrier network connect n1 web
	same "10.202.0.1 eth2" "$(default_route web)"
	expect 0 carrier network disconnect n2 web
	same "10.201.0.1 eth0" "$(default_route web)"
	same "I am web" "$(outside_gets http://203.0.113.1:8080/)"
	# the last one of them
	expect 0 carrier network disconnect n1 web
	same "" "$(default_route web)"
	! outside_gets http://203.0.113.1:8080/ || fail "an internal network publishes"
	expect 0 carrier network connect n2 web
	same "10.202.0.1 eth0" "$(default_route web)"
	same "I am web" "$(outside_gets http://203.0.113.1:8080/)"
}

@test "connect: a container that has no network gets one with names; one that has left its last is as that" {
	needs_root
	carrier network create --subnet 10.201.0.0/24 n1 >/dev/null
	served db --network n1
	served alone --network none
	expect 0 carrier network connect n1 alone
	same "I am db" "$(fetches alone http://db/)"
	same "nameserver 127.0.0.11" "$(carrier exec alone cat /etc/resolv.conf | grep nameserver)"
	carrier exec alone grep -q host.containers.internal /etc/hosts
	same "I am alone" "$(fetches db http://alone/)"
	expect 0 carrier network disconnect n1 alone
	same "" "$(links_of alone)"
	same "" "$(resolves db alone)"
	expect 0 carrier network connect --alias again n1 alone
	same "I am db" "$(fetches alone http://db/)"
	same "I am alone" "$(fetches db http://again/)"
	carrier network disconnect n1 alone
	carrier network disconnect n1 db
	carrier network rm n1 >/dev/null
	soon nothing_in_the_host
}

@test "connect: ten at once, of one container and of ten" {
	needs_root
	local i
	local -a pids=()
	for i in {1..10}; do carrier network create "m$i" >/dev/null; done
	served hub --network m1
	for i in {2..10}; do
		carrier network connect "m$i" hub 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	same 10 "$(links_of hub | wc -w)"
	same 10 "$(carrier inspect hub | jq '[.[0].NetworkSettings.Networks[].IPAddress | select(. != "")] | unique | length')"
	pids=()
	for i in {1..10}; do carrier run -d --name "c$i" --network m2 "$PLAIN" sleep 1000 >/dev/null; done
	for i in {1..10}; do
		carrier network connect --alias all m1 "c$i" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	same 10 "$(resolves hub all | wc -w)"
	pids=()
	for i in {1..10}; do
		carrier network disconnect m1 "c$i" 3>&- &
		pids+=($!)
	done
	for i in {2..10}; do
		carrier network disconnect "m$i" hub 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	same "" "$(resolves hub all)"
	same hub "$(part m1 'Containers[].Name')"
	same eth0 "$(links_of hub)"
	carrier rm -f -t 0 $(carrier ps -aq) >/dev/null
}

@test "connect, disconnect: what cannot be is one sentence, and changes nothing" {
	needs_root
	carrier network create --subnet 10.201.0.0/24 n1 >/dev/null
	carrier network create --subnet 10.202.0.0/24 n2 >/dev/null
	served web --network n1
	served two --network n2 --ip 10.202.0.9
	local before record
	record=$CROOT/containers/$(id_of web)/record.json
	before=$(jq -cS .networking "$record")
	failing 1 "there is no network 'n9'" carrier network connect n9 web
	failing 1 "no container 'nobody'" carrier network connect n1 nobody
	failing 1 "container web: it is connected to network 'n1' already" carrier network connect n1 web
	failing 1 "container two has the address 10.202.0.9 of network 'n2'" carrier network connect --ip 10.202.0.9 n2 web
	failing 1 "10.201.0.9 is no address of network 'n2': it has 10.202.0.0/24" carrier network connect --ip 10.201.0.9 n2 web
	failing 1 "network 'n2' has no IPv6 addresses" carrier network connect --ip6 fd00::9 n2 web
	failing 1 "10.202.0.1 is the gateway of network 'n2'" carrier network connect --ip 10.202.0.1 n2 web
	failing 1 "--ip 'x': not an IPv4 address" carrier network connect --ip x n2 web
	failing 1 "--mac-address '01:00:00:00:00:01': this is the address of a group" carrier network connect --mac-address 01:00:00:00:00:01 n2 web
	failing 1 "--alias 'a b': not a host name" carrier network connect --alias "a b" n2 web
	failing 1 "container web is not connected to network 'n2'" carrier network disconnect n2 web
	failing 1 "no container 'nobody'" carrier network disconnect n2 nobody
	expect 0 carrier network disconnect -f n2 web
	expect 0 carrier network disconnect --force n2 nobody
	same eth0 "$(links_of web)"
	same "$before" "$(jq -cS .networking "$record")"
	local how
	for how in host private "container:web"; do
		carrier create --name other --network "$how" "$PLAIN" true >/dev/null
		expect 1 carrier network connect n1 other
		one_sentence
		says_why "--network ${how%%:*}"
		expect 1 carrier network disconnect n1 other
		one_sentence
		carrier rm other >/dev/null
	done
	# a network that nobody can remove while it is being connected, and one whose monitor is gone
	kill -9 "$(jq .monitor "$CROOT/containers/$(id_of web)/status.json")"
	has_state web running
	failing 1 "its monitor was killed, \`carrier restart\` gives it a new one" carrier network connect n2 web
	carrier restart -t 0 web >/dev/null
	expect 0 carrier network connect n2 web
	same "eth0 eth1" "$(links_of web)"
	expect 125 carrier network connect n1
	expect 125 carrier network disconnect
}
says_why() { [[ $stderr == *"$1"* ]] || fail "stderr should say: $1" "stderr: $stderr"; }

# come_and_go NAME - a container that is made, stopped, started, restarted, given a name by another network and removed, until the file `enough`
# is there; what goes wrong is written to its own file
come_and_go() {
	local name=$1 turns=0
	while [ ! -e "$WORK/enough" ] || [ "$turns" -lt 1 ]; do
		carrier run -d --name "$name" --network n1:alias=guest "$PLAIN" \
			busybox sh -c "echo I am $name >/tmp/index.html; exec busybox httpd -f -p 80 -h /tmp" || return 1
		carrier stop -t 0 "$name" || return 1
		carrier start "$name" || return 1
		carrier network connect n2 "$name" || return 1
		carrier restart -t 0 "$name" || return 1
		carrier network disconnect n1 "$name" || return 1
		carrier network connect --alias guest n1 "$name" || return 1
		carrier rm -f -t 0 "$name" || return 1
		turns=$((turns + 1))
	done >"$WORK/$name.out" 2>"$WORK/$name.err"
	echo "$turns" >"$WORK/$name.turns"
}

@test "twenty containers reach each other by name while others start, stop and restart around them" {
	needs_root
	carrier network create n1 >/dev/null
	carrier network create n2 >/dev/null
	local i name
	local -a pids=() guests=()
	for i in {1..20}; do
		carrier run -d --name "t$i" --network n1 "$PLAIN" \
			busybox sh -c "echo I am t$i >/tmp/index.html; exec busybox httpd -f -p 80 -h /tmp" >/dev/null 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	for i in {1..20}; do soon carrier exec "t$i" busybox wget -q -O /dev/null http://127.0.0.1/; done
	for name in g1 g2 g3 g4; do
		come_and_go "$name" 3>&- &
		guests+=($!)
	done
	# each of the twenty asks all of them; of the others, who come and go, nobody is ever taken for somebody else
	for i in {1..20}; do
		expect 0 carrier exec "t$i" busybox sh -c 'for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
			timeout 5 busybox wget -q -O - http://t$n/ || echo "t$n does not answer"
			g=g$((n % 4 + 1)); a=$(timeout 1 busybox wget -q -O - http://$g/ 2>/dev/null) && [ "$a" != "I am $g" ] && echo "$g is somebody else: $a"; :
		done'
		same "$(printf 'I am t%s\n' {1..20})" "$output"
	done
	touch "$WORK/enough"
	for i in "${guests[@]}"; do wait "$i" || fail "$(cat "$WORK"/g?.err)"; done
	for name in g1 g2 g3 g4; do [ "$(cat "$WORK/$name.turns")" -ge 1 ]; done
	same "" "$(cat "$WORK"/g?.err)"
	same "" "$(resolves t1 guest)"
	same 20 "$(part n1 'Containers | [.[].IPv4Address] | unique | length')"
	carrier rm -f -t 0 $(carrier ps -aq) >/dev/null
}
