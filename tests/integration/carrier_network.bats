# Modes of --network and published ports, with the helpers that are installed. WHO=root or user. The client is in a network namespace of its
# own, behind a veth pair: so its address is none of the host's.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	setup_with plain debian
	chmod 0666 /dev/net/tun
	export NS=ct-$$ FOUR=198.51.100.$((BASHPID % 60 * 4 + 1)) SIX=fd00:c7:$((BASHPID % 8000 + 1000))::1
	export CLIENT_FOUR=${FOUR%.*}.$((${FOUR##*.} + 1)) CLIENT_SIX=${SIX%1}2
	ip netns add "$NS"
	ip link add "cta$$" type veth peer name ctb netns "$NS"
	ip addr add "$FOUR/30" dev "cta$$"
	ip addr add "$SIX/64" dev "cta$$" nodad
	ip link set "cta$$" up
	ip -n "$NS" addr add "$CLIENT_FOUR/30" dev ctb
	ip -n "$NS" addr add "$CLIENT_SIX/64" dev ctb nodad
	ip -n "$NS" link set ctb up
	soon ip_is_there
}

# ip_is_there - the link is up, and both addresses are usable
ip_is_there() { ip netns exec "$NS" python3 -c 'import socket, sys
for family, to in (socket.AF_INET, sys.argv[1]), (socket.AF_INET6, sys.argv[2]):
    socket.socket(family, socket.SOCK_DGRAM).connect((to, 9))' "$FOUR" "$SIX"; }

teardown_file() {
	[ -z "${NS:-}" ] || ip netns del "$NS"
	carrier_teardown_file
}

only_user() { [ "$WHO" = user ] || skip "of an ordinary user's limits"; }

# web NAME OPTION... - a server at port 80 which logs who asks
web() {
	local name=$1
	shift
	expect 0 carrier run -d --name "$name" "$@" "$PLAIN" busybox httpd -f -vv -p 80 -h /etc
	soon is_serving "$name"
}

# is_serving NAME [PORT] - of the container's own network
is_serving() {
	local pid
	pid=$(pid_of "$1")
	nsenter -t "$pid" -n ss -Hltn "sport = :${2:-80}" | grep -q .
}

# get ADDRESS PORT - from the other network namespace
get() { ip netns exec "$NS" curl -gsf --max-time 10 "http://$1:$2/hostname"; }

# logged NAME ADDRESS - the server has seen this client
logged() { carrier logs "$1" 2>&1 | grep -qF "$2]:"; }

no_helper() { [ -z "$(processes)" ]; }

# --- -p

@test "-p: on the default network the service sees the client's own address, IPv4 and IPv6" {
	local p
	p=$(free_port)
	web w1 -p "$p:80"
	expect 0 get "$FOUR" "$p"
	prints "$(carrier exec w1 hostname)"
	soon logged w1 "::ffff:$CLIENT_FOUR"
	expect 0 get "[$SIX]" "$p"
	soon logged w1 "$CLIENT_SIX"
	# and the host itself gets there, by every address of its own
	expect 0 curl -sf --max-time 10 "http://127.0.0.1:$p/hostname"
	expect 0 curl -gsf --max-time 10 "http://[::1]:$p/hostname"
	expect 0 curl -sf --max-time 10 "http://$FOUR:$p/hostname"
	expect 0 carrier rm -f w1
	soon no_helper
	failing_get "$p"
}

failing_get() { ! curl -sf --max-time 5 "http://127.0.0.1:$1/" || fail "port $1 is still open"; }

@test "-p: nginx logs the client's address" {
	local p
	p=$(free_port)
	run_nginx w2 -p "$p:80"
	soon is_serving w2
	expect 0 get "$FOUR" "$p"
	prints nginx
	expect 0 get "[$SIX]" "$p"
	prints nginx
	soon logged_line w2 "seen $CLIENT_FOUR"
	soon logged_line w2 "seen $CLIENT_SIX"
	expect 0 carrier rm -f w2
}

@test "-p: an address, a range, any free port, UDP" {
	local p q six
	p=$(free_port)
	six=$(free_port)
	web w3 -p "127.0.0.1:$p:80" -p "[::1]:$six:80" -p "$FOUR::80" -p 53/udp
	expect 0 curl -sf --max-time 10 "http://127.0.0.1:$p/hostname"
	expect 0 curl -gsf --max-time 10 "http://[::1]:$six/hostname"
	! get "$FOUR" "$p" || fail "the port is open at an address that was not asked for"
	! get "[$SIX]" "$six" || fail "the port is open at an address that was not asked for"
	q=$(free_port)
	failing 125 "pasta can publish port $q of the host at one address only" carrier run --rm -p "127.0.0.1:$q:80" -p "[::1]:$q:80" "$PLAIN" true
	q=$(jq -r '.ports[] | select(.hostIp == "'"$FOUR"'") | .hostPort' "$CROOT"/containers/*/status.json)
	expect 0 get "$FOUR" "$q"
	q=$(jq -r '.ports[] | select(.protocol == "udp") | .hostPort' "$CROOT"/containers/*/status.json)
	start_helper UDP nsenter -t "$(pid_of w3)" -n python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 53))
print("listening", 53, flush=True)
while True:
    data, who = s.recvfrom(100)
    s.sendto(data + who[0].encode(), who)'
	expect 0 ip netns exec "$NS" bash -c "exec 3<>/dev/udp/$FOUR/$q; printf hello- >&3; timeout 5 head -c $((6 + ${#CLIENT_FOUR})) <&3"
	prints "hello-$CLIENT_FOUR"
}

@test "-p: of a range of the host's one that is free, and a range for a range" {
	local p
	p=$(free_port)
	web w4 -p "$p-$((p + 50)):80"
	web w5 -p "$p-$((p + 50)):80"
	expect 0 curl -sf --max-time 10 "http://127.0.0.1:$(published w5)/hostname"
	prints "$(carrier exec w5 hostname)"
	[ "$(published w4)" != "$(published w5)" ] || fail "both have port $(published w4)"
	p=$(free_port)
	[ $((p + 2)) -le 65535 ] || p=$((p - 10))
	expect 0 carrier run -d --name w6 -p "$p-$((p + 2)):80-82" "$PLAIN" sh -c 'busybox httpd -p 82 -h /etc; busybox httpd -f -p 80 -h /etc'
	soon is_serving w6
	soon is_serving w6 82
	expect 0 curl -sf --max-time 10 "http://127.0.0.1:$p/hostname"
	expect 0 curl -sf --max-time 10 "http://127.0.0.1:$((p + 2))/hostname"
}

# published NAME - the port of the host of the first of its ports
published() { jq -r '.ports[0].hostPort' "$CROOT/containers/$(id_of "$1")/status.json"; }

@test "-P publishes what the image and --expose say" {
	expect 0 carrier run -d --name w7 -P --expose 80 --expose 7000-7001/udp "$PLAIN" busybox httpd -f -p 80 -h /etc
	same "7000/udp 7001/udp 80/tcp" "$(jq -r '.ports | map("\(.containerPort)/\(.protocol)") | sort | join(" ")' "$CROOT"/containers/*/status.json)"
	soon is_serving w7
	expect 0 curl -sf --max-time 10 "http://127.0.0.1:$(published w7)/hostname"
}

@test "-p: a taken port is said with the process that has it, and nothing is left" {
	local p
	start_helper p python3 -c 'import socket, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
print("listening", s.getsockname()[1], flush=True)
time.sleep(1000)'
	if [ "$WHO" = root ]; then
		failing 125 "port $p/tcp of the host is taken by python3 (process " carrier run --name taken -p "$p:80" "$PLAIN" true
	else	# whose it is can be seen, but not which process
		failing 125 "port $p/tcp of the host is taken by a process of user 0" carrier run --name taken -p "$p:80" "$PLAIN" true
	fi
	expect 0 carrier ps -aq
	prints ""
	# one container has what another wants
	web w8 -p 0:80
	p=$(published w8)
	failing 125 "port $p/tcp of the host is taken by " carrier run --rm -p "$p:80" "$PLAIN" true
	[[ $stderr == *"container w8 publishes it"* ]] || fail "$stderr"
	# one that was made earlier says so when it is started
	expect 0 carrier create --name late -p "$p:80" "$PLAIN" true
	failing 125 "port $p/tcp of the host is taken by " carrier start -a late
	[[ $stderr == *"container w8 publishes it"* ]] || fail "$stderr"
	expect 0 carrier rm -f w8
	expect 0 carrier start -a late
}

@test "-p: --replace and a restart have the same port again, at once, also behind connections" {
	local p i
	p=$(free_port)
	web again -p "$p:80"
	for i in 1 2 3; do
		expect 0 curl -sf --max-time 10 "http://127.0.0.1:$p/hostname"
		expect 0 get "$FOUR" "$p"
		web again --replace -p "$p:80"
		expect 0 get "$FOUR" "$p"
		expect 0 carrier restart -t 0 again
		soon is_serving again
	done
	expect 0 get "$FOUR" "$p"
}

@test "-p: whoever is told of the end can have the port at once" {
	given_back -p "$(free_port):80"
	given_back --network slirp4netns -p "$(free_port):80"
	given_back --network pasta -p "127.0.0.1:$(free_port):80"
}

@test "-p: low ports are root's, and the sentence has the sysctl" {
	only_user
	[ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 81 ] || skip "everybody may use port 81 here (ip_unprivileged_port_start)"
	failing 125 "sysctl net.ipv4.ip_unprivileged_port_start=81" carrier run --rm -p 81:80 "$PLAIN" true
	expect 0 carrier ps -aq
	prints ""
}

@test "-p: what cannot be is one sentence, and leaves nothing" {
	local word
	for word in x 80/sctp 0:0 70000:80 8000-8002:80-81 localhost:80:80 ::1:80:80; do
		failing 125 "--publish '$word':" carrier run --rm -p "$word" "$PLAIN" true
	done
	failing 125 "this host has no address 203.0.113.77" carrier run --rm -p 203.0.113.77:8080:80 "$PLAIN" true
	failing 125 "--publish with --network none" carrier run --rm --network none -p 8080:80 "$PLAIN" true
	failing 125 "--expose '1:2'" carrier run --rm --expose 1:2 "$PLAIN" true
	failing 125 "leads to the container's port 80/tcp already" carrier run --rm -p 8080:80 -p 8080:81 "$PLAIN" true
	expect 0 carrier run --rm --network host -p 8080:80 "$PLAIN" true
	[[ $stderr == *"nothing is published"* ]] || fail "$stderr"
	expect 0 carrier ps -aq
	prints ""
}

@test "-p: of a container with ids of its own, by both helpers" {
	local how p map=--userns=keep-id
	[ "$WHO" = user ] || map=--uidmap=0:300000:65536
	for how in pasta slirp4netns; do
		p=$(free_port)
		web mapped "$map" --network "$how" -p "$p:80" --user root
		expect 0 get "$FOUR" "$p"
		soon logged mapped "::ffff:$CLIENT_FOUR"
		expect 0 carrier rm -f mapped
	done
}

@test "-p: ten that start at once have ten ports" {
	local i pids=() ports
	for i in 1 2 3 4 5 6 7 8 9 10; do
		carrier run -d --name "many$i" -p 80 "$PLAIN" sleep 1000 >/dev/null 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || fail "one of them did not start"; done
	ports=$(for i in 1 2 3 4 5 6 7 8 9 10; do published "many$i"; done | sort -u | wc -l)
	same 10 "$ports"
}

# --- what people are told

@test "ps, port and inspect say which ports lead to a container, in docker's words" {
	local p q
	p=$(free_port)
	expect 0 carrier run -d --name told -p "$p:80" -p 127.0.0.1::81/udp --expose 9000 "$PLAIN" sleep 1000
	q=$(jq -r '.ports[1].hostPort' "$CROOT"/containers/*/status.json)
	expect 0 carrier ps --format '{{.Ports}}'
	prints "0.0.0.0:$p->80/tcp, [::]:$p->80/tcp, 127.0.0.1:$q->81/udp, 9000/tcp"
	expect 0 carrier ps
	says "0.0.0.0:$p->80/tcp"
	expect 0 carrier port told
	prints "80/tcp -> 0.0.0.0:$p"$'\n'"80/tcp -> [::]:$p"$'\n'"81/udp -> 127.0.0.1:$q"
	expect 0 carrier port told 80
	prints "0.0.0.0:$p"$'\n'"[::]:$p"
	expect 0 carrier port told 81/udp
	prints "127.0.0.1:$q"
	expect 0 carrier port -l 80/tcp
	says "0.0.0.0:$p"
	expect 0 carrier port --all
	matches "^$(id_of told | cut -c1-12)"$'\t'"80/tcp -> 0.0.0.0:$p"
	failing 1 "port 82/tcp of container told is not published" carrier port told 82
	failing 125 "port '80-81': give one port" carrier port told 80-81
	failing 125 "port: name a container" carrier port
	failing 1 "no container 'nobody'" carrier port nobody

	expect 0 carrier inspect told
	same '{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"'"$p"'"},{"HostIp":"::","HostPort":"'"$p"'"}],"81/udp":[{"HostIp":"127.0.0.1","HostPort":"'"$q"'"}],"9000/tcp":null}' \
		"$(jq -c '.[0].NetworkSettings.Ports' <<<"$output")"
	same '{"80/tcp":[{"HostIp":"","HostPort":"'"$p"'"}],"81/udp":[{"HostIp":"127.0.0.1","HostPort":""}]}' \
		"$(jq -c '.[0].HostConfig.PortBindings' <<<"$output")"
	same '{"9000/tcp":{},"80/tcp":{},"81/udp":{}}' "$(jq -c '.[0].Config.ExposedPorts' <<<"$output")"

	local filter
	for filter in publish=80 "publish=$p" publish=81/udp publish=70-90 expose=9000 expose=80/tcp network=private; do
		expect 0 carrier ps -q --filter "$filter"
		same 12 "$(tr -d '\n' <<<"$output" | wc -c)"
	done
	for filter in publish=9000 publish=81 expose=9000/udp network=none; do
		expect 0 carrier ps -q --filter "$filter"
		prints ""
	done
	failing 125 "--filter 'publish=x': a port or a range" carrier ps --filter publish=x

	# one that has ended has none, and says what it asked for
	expect 0 carrier stop -t 0 told
	expect 0 carrier port told
	prints ""
	failing 1 "port 80/tcp of container told is not published: it does not run" carrier port told 80
	expect 0 carrier inspect told
	same '{"9000/tcp":null,"80/tcp":null,"81/udp":null}' "$(jq -c '.[0].NetworkSettings.Ports' <<<"$output")"
	# and when it is started again, the port that is asked for, and some free one
	expect 0 carrier start told
	expect 0 carrier port told 80
	says "0.0.0.0:$p"
}

# --- the helper

# helper_of NAME - the pid of its pasta or slirp4netns, a child of its monitor
helper_of() {
	local monitor
	monitor=$(jq .monitor "$CROOT/containers/$(id_of "$1")/status.json")
	pgrep -P "$monitor" -f '^(pasta|slirp4netns) '
}

# is_mended NAME PID - it has another helper than that, and nothing is lost any more
is_mended() {
	local helper
	helper=$(helper_of "$1") && [ "$helper" != "$2" ] && ! says_lost "$1" &&
		[ "$(carrier inspect "$1" | jq -r '.[0].NetworkSettings.Error // ""')" = "" ] &&
		[ "$(carrier events --no-stream --filter event=network-lost --filter "container=$1" | wc -l)" = \
			"$(carrier events --no-stream --filter event=network-restored --filter "container=$1" | wc -l)" ]
}

# is_small NAME - its monitor has given back what it needs no more
is_small() { [ "$(awk '/^Pss:/ { print $2 }' "/proc/$(jq .monitor "$CROOT/containers/$(id_of "$1")/status.json")/smaps_rollup")" -le 512 ]; }

@test "a helper that is killed is started again in place, with its ports; the container runs on, nobody else is concerned" {
	local how pid helper turn
	for how in "-p 0:80" "--network slirp4netns" "--network slirp4netns -p 0:80" "--network pasta"; do
		# shellcheck disable=SC2086
		web lost $how
		web other -p 0:80
		pid=$(pid_of lost)
		for turn in 1 2 3; do
			helper=$(helper_of lost)
			kill -9 "$helper"
			soon is_mended lost "$helper" || fail "turn $turn: $(carrier inspect lost | jq -c '.[0].NetworkSettings')"
			expect 0 carrier exec lost cat /sys/class/net/tap0/operstate
			[[ $how != *-p* ]] || expect 0 curl -sf --max-time 10 "http://127.0.0.1:$(published lost)/hostname"
			expect 0 curl -sf --max-time 10 "http://127.0.0.1:$(published other)/hostname"
		done
		soon is_small lost || fail "its monitor has grown"
		if [[ $how == *-p* ]]; then
			expect 0 get "$FOUR" "$(published lost)"
			soon logged lost "$CLIENT_FOUR"
		fi
		same "$pid 0" "$(pid_of lost) $(carrier inspect lost | jq '.[0].RestartCount')"
		expect 0 carrier events --no-stream --filter event=network-lost --filter "container=$(id_of lost)"
		same 3 "$(wc -l <<<"$output")"
		expect 0 carrier restart -t 0 lost
		soon is_serving lost
		expect 0 carrier rm -f lost
		expect 0 carrier rm -f other
	done
}

@test "a helper that is killed and cannot be started again: ps and inspect say why, until it can" {
	mkdir path
	printf '#!/bin/bash\n[ -e "%s/good" ] || { echo "no tap for you" >&2; exit 3; }\nexec -a pasta /usr/bin/pasta "$@"\n' "$WORK" >path/pasta
	chmod -R a+rx path
	touch good
	local p helper pid
	p=$(free_port)
	USER_PATH=$WORK/path:/usr/sbin:/usr/bin:/sbin:/bin expect 0 with_path run -d --name lost --network pasta -p "$p:80" "$PLAIN" busybox httpd -f -p 80 -h /etc
	soon is_serving lost
	helper=$(helper_of lost)
	pid=$(pid_of lost)
	rm good
	kill -9 "$helper"
	soon says_why_lost
	soon says_lost lost
	same true "$(carrier inspect lost | jq '.[0].State.Running')"
	failing_get "$p"
	expect 0 carrier exec lost true
	touch good
	soon is_mended lost "$helper"
	same "$pid" "$(pid_of lost)"
	expect 0 curl -sf --max-time 10 "http://127.0.0.1:$p/hostname"
	# while it is lost: the end is the end, a restart makes all anew
	rm good
	kill -9 "$(helper_of lost)"
	soon says_why_lost
	USER_PATH=$WORK/path:/usr/sbin:/usr/bin:/sbin:/bin failing 1 "no tap for you" with_path restart -t 0 lost
	touch good
	USER_PATH=$WORK/path:/usr/sbin:/usr/bin:/sbin:/bin expect 0 with_path start lost
	soon is_serving lost
	expect 0 curl -sf --max-time 10 "http://127.0.0.1:$p/hostname"
}

says_why_lost() {
	[ "$(carrier inspect lost | jq -r '.[0].NetworkSettings.Error')" = \
		"the network's helper ended and cannot be started again: the container's network could not be made: pasta: no tap for you" ]
}
says_lost() { carrier ps --filter "name=$1" --format '{{.Status}}' | grep -q '(no network)'; }

@test "a helper ends with a monitor that is killed, and the next start makes it anew" {
	local how helper
	for how in "-p 0:80" "--network slirp4netns"; do
		# shellcheck disable=SC2086
		web alone $how
		helper=$(helper_of alone)
		kill -9 "$(jq .monitor "$CROOT/containers/$(id_of alone)/status.json")"
		soon ended "$helper"
		expect 0 carrier inspect alone
		matches '"Error": ?"its monitor was killed, and the network.s helper ended with it'
		expect 0 carrier restart -t 0 alone
		soon is_serving alone
		[ -n "$(helper_of alone)" ]
		expect 0 carrier rm -f alone
	done
}

@test "a helper that cannot start is one sentence with its own words, and nothing is left" {
	mkdir path
	printf '#!/bin/sh\necho "no tap for you" >&2\nexit 3\n' >path/pasta
	cp path/pasta path/slirp4netns
	printf '#!/bin/sh\nexit 3\n' >path/slirp4netns
	for program in /usr/bin/newuidmap /usr/bin/newgidmap; do ln -s "$program" path/; done
	chmod -R a+rx path
	USER_PATH=$WORK/path:/bin failing 125 "pasta: no tap for you" with_path run --rm --network pasta "$PLAIN" true
	USER_PATH=$WORK/path:/bin failing 125 "slirp4netns ended with status 3" with_path run --rm --network slirp4netns "$PLAIN" true
	expect 0 carrier ps -aq
	prints ""
}

@test "the helper works while the runtime makes the container; one that ends then is one sentence, and nothing is left" {
	local mode helper run code
	mkfifo gate
	make_hook createRuntime "read x <$PWD/gate"
	for mode in slirp4netns pasta; do
		carrier run --rm --name "slow-$mode" --hooks-dir "$PWD/hooks" --network $mode "$PLAIN" cat /sys/class/net/tap0/operstate >out 2>err 3>&- &
		run=$!
		soon eval 'helper=$(helper_of "slow-$mode")'
		soon up_in "$CROOT/containers/$(id_of "slow-$mode")/netns"
		echo go >gate
		wait $run || fail "$(cat err)"
		[ -s out ] || fail "it has no tap0"
		code=0
		carrier run --name "slow-$mode" --network $mode --hooks-dir "$PWD/hooks" "$PLAIN" true >out 2>err 3>&- &
		run=$!
		soon eval 'helper=$(helper_of "slow-$mode")'
		kill -9 $helper
		soon ended $helper
		echo go >gate
		wait $run || code=$?
		same 125 "$code"
		grep -q "the container's network could not be made: $mode was ended by signal 9" err || fail "$(cat err)"
		carrier rm "slow-$mode" >/dev/null
	done
}

# up_in LINK - the network namespace has its interface
up_in() { nsenter --net="$1" ip -o addr show tap0 | grep -q "10.0.2.100"; }

# with_path - carrier, by $USER_PATH
with_path() {
	if [ "$WHO" = user ]; then carrier "$@"; else env PATH="$USER_PATH" "$PROGRAM" --root "$CROOT" "$@"; fi
}

@test "without one helper the other does it; without both a sentence has the packages" {
	local program only
	for only in slirp4netns pasta none; do
		mkdir "path-$only"
		for program in newuidmap newgidmap; do ln -s "/usr/bin/$program" "path-$only/"; done
		[ "$only" = none ] || ln -s "$(command -v "$only")" "path-$only/"
		chmod a+rx "path-$only"
	done
	# pasta executes what is beside it
	ln -s "$(command -v pasta.avx2)" path-pasta/ 2>/dev/null || true
	USER_PATH=$WORK/path-pasta expect 0 with_path run --rm --network private "$PLAIN" cat /sys/class/net/tap0/operstate
	local p
	p=$(free_port)
	USER_PATH=$WORK/path-slirp4netns expect 0 with_path run -d --name slirped -p "$p:80" "$PLAIN" busybox httpd -f -vv -p 80 -h /etc
	soon is_serving slirped
	expect 0 get "$FOUR" "$p"
	soon logged slirped "::ffff:$CLIENT_FOUR"
	expect 0 carrier port slirped
	prints "80/tcp -> 0.0.0.0:$p"
	USER_PATH=$WORK/path-slirp4netns failing 125 "slirp4netns forwards no IPv6, pasta does: install the package passt" \
		with_path run --rm -p "[::1]:$p:80" "$PLAIN" true
	USER_PATH=$WORK/path-none failing 125 "install the package slirp4netns or passt" with_path run --rm --network private "$PLAIN" true
	USER_PATH=$WORK/path-none failing 125 "install the package passt" with_path run --rm --network pasta "$PLAIN" true
	USER_PATH=$WORK/path-none failing 125 "install the package slirp4netns" with_path run --rm --network slirp4netns "$PLAIN" true
	USER_PATH=$WORK/path-none failing 125 "install the package slirp4netns or passt" with_path run --rm -p 80 "$PLAIN" true
}

# --- modes

@test "container:NAME: one network, its names, and its loopback" {
	web first -p 0:80 --add-host somewhere:192.0.2.99
	expect 0 carrier run --rm --network container:first "$PLAIN" sh -c 'busybox wget -qO- http://127.0.0.1/hostname; grep somewhere /etc/hosts; cat /sys/class/net/tap0/operstate'
	says "$(carrier exec first hostname)"
	says "192.0.2.99"
	expect 0 carrier run -d --name second --network container:first "$PLAIN" sleep 1000
	same "$(readlink "/proc/$(pid_of first)/ns/net")" "$(readlink "/proc/$(pid_of second)/ns/net")"
	expect 0 carrier inspect second
	same "container:$(id_of first)" "$(jq -r '.[0].HostConfig.NetworkMode' <<<"$output")"
	failing 125 "--publish with --network container:first: the network is another's" carrier run --rm --network container:first -p 80 "$PLAIN" true
	failing 125 "no container 'nobody'" carrier run --rm --network container:nobody "$PLAIN" true
	failing 125 "'container:': give container:NAME" carrier run --rm --network container: "$PLAIN" true
	failing 125 "--sysctl 'net.ipv4.ip_forward': the container does not have this for itself" \
		carrier run --rm --network container:first --sysctl net.ipv4.ip_forward=1 "$PLAIN" true
	expect 0 carrier stop -t 0 second
	expect 0 carrier stop -t 0 first
	failing 125 "container first does not run: start it first" carrier start -a second
	expect 0 carrier start first
	expect 0 carrier start second
	same "$(readlink "/proc/$(pid_of first)/ns/net")" "$(readlink "/proc/$(pid_of second)/ns/net")"
}

@test "ns:PATH: a network that somebody else has made" {
	if [ "$WHO" = root ]; then
		expect 0 carrier run --rm --network "ns:/run/netns/$NS" "$PLAIN" cat /sys/class/net/ctb/operstate
		prints up
		expect 0 carrier run --rm --network "ns:/run/netns/$NS" "$PLAIN" cat /etc/resolv.conf
		prints "$(cat /etc/resolv.conf)"
	else	# it belongs to root: its owner alone may let others in
		failing 125 "network" carrier run --rm --network "ns:/run/netns/$NS" "$PLAIN" true
	fi
	failing 125 "'/etc/passwd' is not a network namespace" carrier run --rm --network ns:/etc/passwd "$PLAIN" true
	failing 125 "'/proc/self/ns/uts' is not a network namespace" carrier run --rm --network ns:/proc/self/ns/uts "$PLAIN" true
	failing 125 "open '/nowhere': No such file" carrier run --rm --network ns:/nowhere "$PLAIN" true
	failing 125 "'ns:x': give ns: and an absolute path" carrier run --rm --network ns:x "$PLAIN" true
	expect 0 carrier ps -aq
	prints ""
}

@test "bridge and default are what docker and podman call private" {
	local name
	for name in bridge default; do
		expect 0 carrier run --rm --network "$name" "$PLAIN" cat /sys/class/net/tap0/operstate
	done
}

@test "the host's loopback is out of reach, unless it is asked for" {
	local how
	start_word LOOPBACK 127.0.0.1 secret
	for how in private pasta slirp4netns "slirp4netns:allow_host_loopback=false"; do
		run carrier run --rm --network "$how" "$DEBIAN" timeout 3 bash -c "cat </dev/tcp/10.0.2.2/$LOOPBACK"
		[ "$status" -ne 0 ] && [[ $output != *secret* ]] || fail "$how: $output"
	done
	for how in pasta:--map-gw slirp4netns:allow_host_loopback=true; do
		expect 0 carrier run --rm --network "$how" "$DEBIAN" timeout 5 bash -c "cat </dev/tcp/10.0.2.2/$LOOPBACK"
		prints secret
		expect 0 carrier run --rm --network "$how" "$DEBIAN" timeout 5 bash -c "cat </dev/tcp/host.containers.internal/$LOOPBACK"
		prints secret
	done
}

@test "the host by its names, also --add-host's host-gateway, behind both helpers" {
	local how
	start_word SERVED 0.0.0.0 served
	for how in pasta slirp4netns; do
		for name in host.containers.internal host.docker.internal up; do
			expect 0 carrier run --rm --network "$how" --add-host up:host-gateway "$DEBIAN" timeout 5 bash -c "cat </dev/tcp/$name/$SERVED"
			prints served
		done
	done
}

@test "slirp4netns' options" {
	expect 0 carrier run --rm --network slirp4netns:mtu=1400,cidr=10.77.0.0/16 "$PLAIN" \
		sh -c 'cat /sys/class/net/tap0/mtu /etc/resolv.conf; busybox ip addr show tap0'
	says 1400
	says "nameserver 10.77.0.3"
	says "inet 10.77.0.100/16"
	expect 0 carrier run -d --name six --network slirp4netns:enable_ipv6=true "$PLAIN" sleep 1000
	soon has_global_six six
	failing 125 "mtu is a number from 576 to 65521, not '5'" carrier run --rm --network slirp4netns:mtu=5 "$PLAIN" true
	failing 125 "cidr is a network such as 10.0.2.0/24" carrier run --rm --network slirp4netns:cidr=10.0.0.1/24 "$PLAIN" true
	failing 125 "allow_host_loopback is true or false, not '1'" carrier run --rm --network slirp4netns:allow_host_loopback=1 "$PLAIN" true
	failing 125 "port_handler is slirp4netns, which is the only one" carrier run --rm --network slirp4netns:port_handler=rootlesskit "$PLAIN" true
	failing 125 "'x' is none of its options" carrier run --rm --network slirp4netns:x "$PLAIN" true
	local p
	p=$(free_port)
	web sl --network slirp4netns:cidr=10.78.0.0/24 -p "$p:80"
	expect 0 get "$FOUR" "$p"
}

has_global_six() { carrier exec "$1" busybox ip -6 addr show tap0 | grep -q 'scope global'; }

@test "pasta's options" {
	expect 0 carrier run --rm --network pasta:-m,1400,-I,eth7 "$PLAIN" cat /sys/class/net/eth7/mtu
	prints 1400
	expect 0 carrier run --rm --network pasta:-4 "$PLAIN" busybox ip -6 addr show tap0
	[[ $output != *"scope global"* ]] || fail "$output"
	local p
	p=$(free_port)
	web pa --network "pasta:-t,$p:80"
	expect 0 get "$FOUR" "$p"
	failing 125 "--netns is what carrier gives it" carrier run --rm --network pasta:--netns,x "$PLAIN" true
	failing 125 "'x' is no option of pasta's" carrier run --rm --network pasta:x "$PLAIN" true
	failing 125 "pasta: " carrier run --rm --network pasta:--no-such-option "$PLAIN" true
	expect 0 carrier ps -aq --filter network=pasta
}

@test "an option of a named network, or an unknown one, is one sentence" {
	failing 125 "--ip is for networks that have a name" carrier run --rm --ip 10.0.0.9 "$PLAIN" true
	failing 125 "--ip6 is for networks that have a name" carrier run --rm --ip6 fd00::9 "$PLAIN" true
	failing 125 "--mac-address is for networks that have a name" carrier run --rm --mac-address 02:00:00:00:00:01 "$PLAIN" true
	failing 125 "--network-alias is for networks that have a name" carrier run --rm --network-alias x "$PLAIN" true
	failing 125 "cannot be together with another network" carrier run --rm --network host --network none "$PLAIN" true
	failing 125 "private has no options" carrier run --rm --network private:x "$PLAIN" true
	failing 125 "did you mean 'host'?" carrier run --rm --network hots "$PLAIN" true
	expect 0 carrier ps -aq
	prints ""
}

@test "resolv.conf: behind pasta the host's servers, of systemd-resolved's stub the real ones; behind slirp4netns the forwarder" {
	OUTSIDE=(unshare -m bash -ec 'mount --make-rprivate /; echo "nameserver 127.0.0.53" >'"$WORK"'/stub; echo "search example.test" >>'"$WORK"'/stub
		mkdir -p '"$WORK"'/run/resolve; printf "nameserver 192.0.2.53\nsearch real.test\n" >'"$WORK"'/run/resolve/resolv.conf; chmod -R a+rX '"$WORK"'
		mkdir -p /run/systemd/resolve; mount --bind '"$WORK"'/run/resolve /run/systemd/resolve
		mount --bind '"$WORK"'/stub /etc/resolv.conf; exec "$@"' -)
	expect 0 carrier run --rm --network pasta "$PLAIN" cat /etc/resolv.conf
	prints $'nameserver 192.0.2.53\nsearch real.test'
	expect 0 carrier run --rm --network slirp4netns "$PLAIN" cat /etc/resolv.conf
	prints $'nameserver 10.0.2.3\nsearch example.test'
	expect 0 carrier run --rm --network host "$PLAIN" cat /etc/resolv.conf
	prints $'nameserver 127.0.0.53\nsearch example.test'
	expect 0 carrier run --rm --network none "$PLAIN" cat /etc/resolv.conf
	prints ""
	expect 0 carrier run --rm --network pasta --dns 192.0.2.54 "$PLAIN" cat /etc/resolv.conf
	prints $'nameserver 192.0.2.54\nsearch real.test'
	OUTSIDE=()
}

# --- socket activation

# activate ARGUMENT... - carrier, as a service that systemd has two sockets for: the first one's port is $ACTIVE, and it has a client already
activate() {
	local program=("$PROGRAM")
	[ "$WHO" = user ] || program+=(--root "$CROOT")
	start_helper ACTIVE client env WRONG="${WRONG:-0}" python3 -c 'import os, socket, sys
a, b = socket.socket(), socket.socket()
for s in a, b:
    s.bind(("127.0.0.1", 0))
    s.listen()
print("listening", a.getsockname()[1], flush=True)
for fd, s in (13, a), (14, b):
    os.dup2(s.fileno(), fd, inheritable=True)
for fd in 3, 4:
    os.dup2(fd + 10, fd, inheritable=True)
    os.close(fd + 10)
for k, v in ("LISTEN_FDS", "2"), ("LISTEN_FDNAMES", "web:admin"), ("LISTEN_PID", str(os.getpid() + int(os.environ.get("WRONG", 0)))):
    os.environ[k] = v
os.execv(sys.argv[1], sys.argv[1:])' "${program[@]}" "$@"
}

# server_root - a root in which python3 of the host runs
server_root() {
	mkdir root root/dev root/proc root/sys root/tmp root/usr root/etc
	ln -s usr/bin usr/sbin usr/lib usr/lib64 root
	cp /etc/ld.so.cache root/etc
	cat >root/server.py <<-'PY'
	import os, socket
	print(os.environ["LISTEN_PID"] == str(os.getpid()), os.environ["LISTEN_FDS"], os.environ["LISTEN_FDNAMES"], flush=True)
	socket.socket(fileno=4).getsockname()
	s = socket.socket(fileno=3)
	c, who = s.accept()
	c.sendall(b"activated " + who[0].encode())
	c.close()
	PY
	chmod -R a+rwX root
}

@test "sockets of systemd are passed to the container, with any network, with --init, and again by its policy" {
	local how
	server_root
	for how in "--network none" "--network private" "--init --network none"; do
		# shellcheck disable=SC2086
		activate run --rm --name active $how -v /usr:/usr:ro -f "$WORK/root" python3 /server.py
		expect 0 timeout 10 bash -c "cat </dev/tcp/127.0.0.1/$ACTIVE"
		prints "activated 127.0.0.1"
		soon has_line "True 2 web:admin"
		soon no_containers
	done
	activate run -d --name active --restart always --network none -v /usr:/usr:ro -f "$WORK/root" python3 /server.py
	for how in 1 2; do
		expect 0 timeout 20 bash -c "cat </dev/tcp/127.0.0.1/$ACTIVE"
		prints "activated 127.0.0.1"
	done
	expect 0 carrier rm -f active
}

has_line() { grep -qxF "$1" "$BATS_FILE_TMPDIR/ACTIVE.out"; }

@test "sockets that are for another process are not passed" {
	WRONG=1 activate run --rm --network none "$PLAIN" sh -c 'env | grep -c LISTEN; ls /proc/self/fd | wc -l'
	soon has_line 0
	soon no_containers
}

# --- hosts that lack something

# in_host COMMAND... - carrier is in a network namespace that these commands have prepared, as if that were the host's
in_host() {
	OUTSIDE=(unshare -n -m bash -ec 'ip link set lo up; '"$*"'; exec "$@"' -)
}
WITH_ROUTE='ip link add d0 type veth peer name d1; ip addr add 10.5.0.1/24 dev d0; ip link set d0 up; ip link set d1 up; ip route add default via 10.5.0.2'

@test "a host without a default route: slirp4netns publishes; pasta says what it needs" {
	in_host true
	expect 0 carrier run --rm -p 8080:80 "$PLAIN" cat /sys/class/net/tap0/operstate
	failing 125 "pasta needs a default route, and this host has none: use --network slirp4netns" carrier run --rm --network pasta "$PLAIN" true
	failing 125 "slirp4netns forwards no IPv6" carrier run --rm -p '[::1]:8080:80' "$PLAIN" true
	OUTSIDE=()
}

@test "a host without IPv6: ports are IPv4's, and an IPv6 address is one sentence" {
	in_host "$WITH_ROUTE"
	expect 0 carrier run --rm -p 8080:80 "$PLAIN" cat /sys/class/net/tap0/operstate
	failing 125 "pasta forwards IPv6 only where the host has an IPv6 default route" carrier run --rm -p '[::1]:8080:80' "$PLAIN" true
	in_host "$WITH_ROUTE; echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6"
	expect 0 carrier run --rm -p 8080:80 "$PLAIN" cat /sys/class/net/tap0/operstate
	expect 0 carrier run -d --name four -p 8080:80 "$PLAIN" sleep 1000
	expect 0 carrier port four
	prints "80/tcp -> 0.0.0.0:8080"
	OUTSIDE=()
}

@test "names are asked of the host's server, also when it is on the host's loopback" {
	local how
	cat >dns.py <<-'PY'
	import socket
	u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	u.bind(("127.0.0.1", 53))
	while True:
	    d, who = u.recvfrom(512)
	    end = d.index(0, 12) + 5
	    if d[end - 4:end] == b"\0\1\0\1":    # an address is asked for
	        u.sendto(d[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + d[12:end] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\x4d", who)
	    else:
	        u.sendto(d[:2] + b"\x81\x80\0\1\0\0\0\0\0\0" + d[12:end], who)
	PY
	echo "nameserver 127.0.0.1" >resolv.conf
	chmod a+r resolv.conf dns.py
	in_host "$WITH_ROUTE; mount --make-rprivate /; mount --bind $WORK/resolv.conf /etc/resolv.conf; python3 $WORK/dns.py 3>&- & echo \$! >>$WORK/servers; until ss -Hlun 'sport = :53' | grep -q .; do sleep 0.02; done"
	for how in slirp4netns pasta; do
		expect 0 carrier run --rm --network "$how" "$PLAIN" busybox nslookup some.example 10.0.2.3
		says 192.0.2.77
		expect 0 carrier run --rm --network "$how" "$PLAIN" cat /etc/resolv.conf
		prints "nameserver 10.0.2.3"
	done
	OUTSIDE=()
	xargs kill <servers
}
