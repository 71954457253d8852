# An ordinary user's named networks: the namespace they are in, its holder and its members (cli/network/holder.h). What containers see of
# their networks is carrier_networks.bats'. WHO=user.
source "${BATS_TEST_DIRNAME}/hosted.bash"

setup_file() {
	[ "$WHO" = user ] || fail "of ordinary users: WHO=user"
	hosted_setup_file
	export STATE=$USER_RUN/carrier/network/holder.json
	mkdir "$BASE/www"
	echo I am outside >"$BASE/www/index.html"
	nsenter "--net=/run/netns/$CLIENT" busybox httpd -f -p 7001 -h "$BASE/www" >"$BASE/httpd.log" 2>&1 3>&- &
	echo $! >"$BASE/httpd"
}
teardown_file() {
	kill "$(cat "$BASE/httpd")"
	hosted_teardown_file
}
prepare() {
	hosted_prepare
	carrier network create --ipv6 --subnet 10.201.0.0/24 n1 >/dev/null
}
cleanup() {
	hosted_cleanup
	soon no_holder || fail "a holder is left"
}

holder() { jq .pid "$STATE"; }
helper() { jq .helperPid "$STATE"; }
holders() { user_processes | xargs -r ps -o comm= -p | grep -cx carrier-holder || true; }
no_holder() { [ ! -e "$STATE" ] && [ "$(holders)" = 0 ]; }
monitor_of() { jq .monitor "$CROOT/containers/$(id_of "$1")/status.json"; }
network_namespace() { readlink "/proc/$1/fd/3"; }
bad_checks() { carrier doctor --json | jq -r '.Checks[] | select(.Level == "bad" or .Level == "warn") | "\(.Code) \(.Text)"' || true; }
get_out() { fetches "$1" http://203.0.113.9:7001/; }
gets_out() { [ "$(get_out "$1")" = "I am outside" ]; }
kill_now() {
	kill -9 "$1"
	soon ended "$1"
}

# connect_pair ONE TWO - a connection from TWO to ONE, which says everything again; talk WORD uses it
connect_pair() {
	carrier exec -d "$1" busybox nc -ll -p 9000 -e cat
	soon eval "in_container '$1' netstat -ltn | grep -q :9000"
	coproc TALK { carrier exec -i "$2" busybox nc "$(address_of n1 "$1")" 9000; }
	talk hello
}
talk() {
	local answer
	echo "$1" >&"${TALK[1]}"
	read -r -t 5 answer <&"${TALK[0]}" || fail "the connection is gone"
	same "$1" "$answer"
}

@test "one holder for all, which ends with its last member and leaves nothing" {
	local first before
	before=$(bad_checks)
	served one --network n1
	first=$(holder)
	same carrier-holder "$(ps -o comm= -p "$first")"
	same 600 "$(stat -c %a "$STATE")"
	# it is in the host's network namespace, and has nothing of the monitor's but what it needs
	same "$(on_host readlink /proc/self/ns/net)" "$(readlink "/proc/$first/ns/net")"
	same "$(readlink "/proc/$first/ns/user")" "$(readlink "/proc/$(monitor_of one)/ns/user")"
	same "" "$(readlink "/proc/$first/fd/"* | grep -v -e '^net:' -e '^/dev/null$' -e "^$USER_RUN/carrier/network" -e '^pipe:' -e '^anon_inode:\[pidfd\]' \
		-e '^/memfd:' || true)"
	served two --network n1
	same "$first" "$(holder)"
	same 1 "$(holders)"
	[ "$(readlink "/proc/$first/ns/user")" = "$(readlink "/proc/$(monitor_of two)/ns/user")" ]
	gets_out one
	same "I am outside" "$(fetches two 'http://[2001:db8:113::9]:7001/')"
	# a route that a router has advertised would be gone as soon as N forwards, and keep ours from being made
	same 0 "$(nsenter --net="/proc/$first/fd/3" cat /proc/sys/net/ipv6/conf/default/accept_ra)"
	same "default via fd00::2 dev tap0" "$(nsenter --net="/proc/$first/fd/3" ip -6 route show default | cut -d' ' -f1-5)"
	carrier rm -f -t 0 one >/dev/null
	same "$first" "$(holder)"
	gets_out two
	# it was made by the start of a container that is gone, and is no leftover of it
	same "$before" "$(bad_checks)"
	carrier rm -f -t 0 two >/dev/null
	soon no_holder
	soon nothing_runs
}

@test "the host is reached by its own address and by name, its loopback is not" {
	echo I am the host >index.html
	nsenter "--net=/run/netns/$HOST" busybox httpd -f -p 203.0.113.1:7002 -h "$WORK" >/dev/null 2>&1 3>&- &
	local servers=($!)
	nsenter "--net=/run/netns/$HOST" busybox httpd -f -p 127.0.0.1:7003 -h "$WORK" >/dev/null 2>&1 3>&- &
	servers+=($!)
	soon on_host busybox wget -q -O /dev/null http://127.0.0.1:7003/
	served one --network n1
	same "I am the host" "$(fetches one http://host.containers.internal:7002/)"
	local address
	for address in 127.0.0.1 10.0.2.2 10.201.0.1 10.0.2.100; do
		! fetches one "http://$address:7003/" || fail "the host's loopback is reached at $address"
	done
	kill "${servers[@]}"
}

@test "create: addresses and links of the helper" {
	failing 125 "--subnet '10.0.2.0/25': the program 'slirp4netns' has addresses of it" carrier network create --subnet 10.0.2.0/25 x1
	failing 125 "the program 'slirp4netns' has addresses of it" carrier network create --subnet fd00::/64 x1
	failing 125 "there is a link of this name" carrier network create --interface-name tap0 x1
}

@test "twenty first starts at once make one holder" {
	local i
	local -a pids
	for i in {1..20}; do
		carrier run -d --name "p$i" --network n1 "$PLAIN" sleep 1000 >/dev/null 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	same 1 "$(holders)"
	same 20 "$(part n1 'Containers | [.[].IPv4Address] | unique | length')"
	in_container p1 ping -c 1 -W 2 p20
	carrier rm -f -t 0 $(carrier ps -aq) >/dev/null
	soon no_holder
	# and again, where ends and starts meet
	local round
	for round in 1 2 3; do
		for i in {1..8}; do
			carrier run --rm --network n1 "$PLAIN" true 3>&- &
			pids[i - 1]=$!
		done
		for i in "${pids[@]:0:8}"; do wait "$i"; done
	done
	for i in {1..8}; do carrier run --rm --network n1 "$PLAIN" true; done
	soon no_holder
}

@test "the holder killed: it is noticed, connections between containers live on, a member makes a new one" {
	served one --network n1
	served two --network n1
	connect_pair one two
	local old namespace
	old=$(holder) namespace=$(network_namespace "$(holder)")
	kill_now "$old"
	soon eval '[ "$(holder)" != "$old" ] && [ "$(jq .lost "$STATE")" = null ]'
	same 1 "$(holders)"
	same "$namespace" "$(network_namespace "$(holder)")"
	talk "still there"
	soon gets_out one
	same "I am one" "$(fetches two http://one/)"
	soon eval '[ "$(jq -c .networkLost "$CROOT"/containers/*/status.json | xargs)" = "null null" ]'
	# a monitor that came late found the new one, and has lost nothing
	[ "$(carrier events --no-stream --filter event=network-lost --since 60s --format '{{.Actor.Attributes.helper}}' | grep -c carrier-holder)" -ge 1 ]
	# nothing of the container whose monitor made it is kept by it
	same "" "$(grep -F "$CROOT/" "/proc/$(holder)/mountinfo" || true)"
	served three --network n1
	same "I am three" "$(fetches one http://three/)"
	eval "exec ${TALK[1]}>&-"
}

@test "the holder and its monitors killed: the next start finds the namespace by who answers names" {
	served one --network n1
	served two --network n1
	local namespace name
	namespace=$(network_namespace "$(holder)")
	for name in one two; do kill -9 "$(monitor_of "$name")"; done
	kill_now "$(holder)"
	served three --network n1
	same "$namespace" "$(network_namespace "$(holder)")"
	same 1 "$(holders)"
	same "I am one" "$(fetches three http://one/)"
	same "I am two" "$(fetches one http://two/)"
	gets_out one
	carrier rm -f -t 0 three >/dev/null
	# those without a monitor are members still
	same 1 "$(holders)"
	gets_out two
}

@test "a monitor killed: its container keeps its network, and so does everybody else" {
	served one --network n1
	served two --network n1
	connect_pair one two
	kill_now "$(monitor_of one)"
	talk "still there"
	gets_out one
	carrier rm -f -t 0 two >/dev/null
	gets_out one
	same "I am one" "$(in_container one wget -q -O - http://one/)"
	eval "exec ${TALK[1]}>&-"
	carrier rm -f -t 0 one >/dev/null
	soon no_holder
}

@test "the helper killed: it is started again, at once and then at growing delays; holder.json says so" {
	served one --network n1
	local old i
	gets_out one
	for i in 1 2 3; do
		old=$(helper)
		[[ $(ps -o comm= -p "$old") == slirp4netns ]]
		kill -9 "$old"
		soon eval '[ "$(helper)" != "$old" ] && [ "$(helper)" != null ]'
		soon gets_out one
	done
	soon eval '[ "$(fetches one "http://[2001:db8:113::9]:7001/")" = "I am outside" ]'
	same 1 "$(holders)"
}

@test "pasta where slirp4netns is not installed, killed as well" {
	local program old
	mkdir path
	for program in newuidmap newgidmap pasta; do ln -s "/usr/bin/$program" path/; done
	chmod -R a+rx path
	ip -n "$HOST" route add default via 203.0.113.9
	USER_PATH=$WORK/path expect 0 carrier run -d --name one --network n1 "$PLAIN" sleep 1000
	same pasta "$(jq -r .helper "$STATE")"
	soon gets_out one
	old=$(helper)
	kill -9 "$old"
	soon eval '[ "$(helper)" != "$old" ] && [ "$(helper)" != null ]'
	soon gets_out one
	kill_now "$(holder)"
	soon eval '[ -e "/proc/$(holder)" ] && [ "$(helper)" != null ]'
	soon gets_out one
	ip -n "$HOST" route del default
}

@test "without a helper, or where it cannot start, one sentence, and nothing is left; internal networks need none" {
	local program i
	mkdir path
	cp /bin/busybox path/
	for program in newuidmap newgidmap; do ln -s "/usr/bin/$program" path/; done
	chmod -R a+rx path
	USER_PATH=$WORK/path failing 125 "neither slirp4netns nor pasta is installed: install the package slirp4netns" \
		carrier run --rm --network n1 "$PLAIN" true
	no_holder || fail "a holder is left"
	carrier network create --internal in >/dev/null
	USER_PATH=$WORK/path expect 0 carrier run -d --name inner --network in "$PLAIN" sleep 1000
	matches '^[0-9a-f]{64}$'
	[[ $(jq -r .lost "$STATE") == "neither slirp4netns nor pasta is installed"* ]] || fail "$(cat "$STATE")"
	same 127.0.0.1 "$(in_container inner nslookup -type=a inner 127.0.0.11 | sed -n 's/^Server:.*127.0.0.11/127.0.0.1/p')"
	# whoever needs the world, and has the means, does not wait for the next try
	cp /usr/bin/slirp4netns path/
	served outer --network n1
	soon gets_out outer
	rm path/slirp4netns
	same 1 "$(holders)"
	carrier rm -f -t 0 inner outer >/dev/null
	soon no_holder
	printf '#!/bin/sh\necho "no tap for you" >&2\nexit 3\n' >path/slirp4netns
	chmod a+rx path/slirp4netns
	for i in {1..10}; do	# whoever comes first, the monitor that reads holder.json or the holder that ends
		USER_PATH=$WORK/path:/bin failing 125 "slirp4netns: no tap for you" carrier run --rm --network n1 "$PLAIN" true
	done
	soon no_holder
	same "" "$(carrier ps -aq)"
}

@test "/dev/net/tun that cannot be opened: one sentence with the remedy" {
	mkdir dev
	: >dev/tun
	OUTSIDE+=(unshare -m sh -c 'mount --bind "$0" /dev/net/tun && exec "$@"' "$WORK/dev/tun")
	chmod 0 dev/tun
	failing 125 "open '/dev/net/tun': Permission denied; chmod 0666 /dev/net/tun" carrier run --rm --network n1 "$PLAIN" true
	no_holder || fail "a holder is left"
}

@test "a user with one id; --userns keep-id and auto; --group-add keep-groups" {
	served one --network n1
	expect 0 carrier run --rm --network n1 --userns keep-id "$PLAIN" busybox sh -c 'busybox id -u; busybox wget -q -O - http://one/'
	prints "$(id -u "$NAME")"$'\nI am one'
	expect 0 carrier run --rm --network n1 --userns auto "$PLAIN" busybox wget -q -O - http://one/
	prints "I am one"
	carrier run -d --name keep --network n1 --userns keep-id "$PLAIN" busybox sleep 1000 >/dev/null
	expect 0 carrier exec keep busybox wget -q -O - http://203.0.113.9:7001/
	prints "I am outside"
	expect 0 carrier run --rm --network container:keep "$PLAIN" busybox wget -q -O - http://one/
	prints "I am one"
	expect 0 carrier run --rm --network n1 --group-add keep-groups "$PLAIN" busybox wget -q -O - http://one/
	prints "I am one"
	carrier rm -f -t 0 one keep >/dev/null
	soon no_holder
	echo >"$WORK/empty"
	chmod 644 empty
	OUTSIDE+=(unshare -m sh -c 'for f in subuid subgid; do mount --bind "$0" "/etc/$f"; done && exec "$@"' "$WORK/empty")
	served single --network n1
	same "I am outside" "$(get_out single)"
	expect 0 carrier run --rm --network n1 "$PLAIN" busybox wget -q -O - http://single/
	prints "I am single"
	same 1 "$(wc -l <"/proc/$(monitor_of single)/uid_map")"
}

@test "namespaces of others: of those on named networks, and of those that are not" {
	served one --network n1
	served apart
	expect 0 carrier run --rm --network n1 --pid container:one "$PLAIN" busybox wget -q -O - http://one/
	prints "I am one"
	expect 0 carrier run --rm --network container:one --pid container:one --ipc container:one "$PLAIN" busybox wget -q -O - http://localhost/
	prints "I am one"
	failing 125 "that container is not in it: give it a named network, too" carrier run --rm --network n1 --pid container:apart "$PLAIN" true
	expect 0 carrier run --rm --network container:apart "$PLAIN" busybox wget -q -O - http://localhost/
	prints "I am apart"
}

@test "stopped, started, restarted by the policy, exec: the network is there again" {
	served one --network n1
	served two --network n1 --restart always
	local pid
	pid=$(pid_of two)
	in_container two sh -c 'kill -9 1' || true
	kill -9 "$pid" 2>/dev/null || true
	soon eval '[ "$(pid_of two)" != "$pid" ] && [ "$(fetches one http://two/)" = "I am two" ]'
	gets_out two
	carrier stop -t 0 one two >/dev/null
	soon no_holder
	carrier start one >/dev/null
	carrier start two >/dev/null
	soon eval '[ "$(fetches one http://two/)" = "I am two" ]'
	carrier restart -t 0 one two >/dev/null
	soon eval '[ "$(fetches two http://one/)" = "I am one" ]'
	gets_out one
	same 1 "$(holders)"
}
