# network connect and disconnect, many containers that come and go, and what killed ones leave. WHO=root or user.
source "${BATS_TEST_DIRNAME}/hosted.bash"

setup_file() { hosted_setup_file; }
teardown_file() { hosted_teardown_file; }
prepare() { hosted_prepare; }
cleanup() { hosted_cleanup; }

# ---- connect, disconnect ----

# default_route CONTAINER - "ADDRESS INTERFACE"
default_route() { in_container "$1" ip route | sed -n 's/^default via \([^ ]*\) dev \([^ ]*\).*/\1 \2/p'; }
links_of() { in_container "$1" ip -o link | sed -n 's/^[0-9]*: \(eth[0-9]*\).*/\1/p' | sort | xargs; }

@test "connect and disconnect: a container that runs has the network at once, with address, names and events; a restart keeps it" {
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
	same 1 "$(ps --ppid "$(jq .monitor "$CROOT/containers/$(id_of web)/status.json")" -o comm= | grep -c carrier-names)"
	expect 0 carrier network disconnect "$(part in Id | cut -c-12)" web
	expect 0 carrier events --no-stream --filter event=disconnect --format '{{.Type}} {{.Actor.Attributes.name}}'
	prints $'network n2\nnetwork in'
	carrier stop -t 0 web >/dev/null
	same "" "$(ip -n "$HOST" -br link | grep "^ve$(id_of web | cut -c-12)")"
	carrier start web >/dev/null
	same "eth0 eth1" "$(links_of web)"
}

@test "connect and disconnect of what does not run, of --rm, and while a policy waits to start it again" {
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
	says "eth0    inet 10.201.0.3/24"	# not the one that somebody may still remember
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
	soon eval '[[ "$(address_of n2 again)" == 10.202.0.* ]]'
}

@test "disconnect of the network that has the default route and the ports: both go to the next" {
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
	if [ "$WHO" = root ]; then
		on_host nft list ruleset | grep -q "dnat ip to 10.202.0.2:80" || fail "$(on_host nft list ruleset)"
		! on_host nft list ruleset | grep -q "dnat ip to 10.201.0.2:80" || fail "$(on_host nft list ruleset)"
	fi
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
	carrier network create --subnet 10.201.0.0/24 n1 >/dev/null
	served db --network n1
	served alone --network none
	if [ "$WHO" = user ]; then
		failing 1 "stop it, connect it, start it" carrier network connect n1 alone
		same "" "$(links_of alone)"
		carrier stop -t 0 alone >/dev/null
		expect 0 carrier network connect n1 alone
		carrier start alone >/dev/null
		soon carrier exec alone busybox wget -q -O /dev/null http://127.0.0.1/
	fi
	[ "$WHO" = user ] || expect 0 carrier network connect n1 alone
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

@test "rename: others find a container by its new name at once, and when it was started again" {
	carrier network create --subnet 10.201.0.0/24 n1 >/dev/null
	carrier network create --subnet 10.202.0.0/24 n2 >/dev/null
	served db --network n1
	carrier run -d --name web --network n1 --restart always "$PLAIN" sleep 1000 >/dev/null
	expect 0 carrier rename web front
	same 10.201.0.3 "$(resolves db front)"
	same "" "$(resolves db web)"
	same "db front" "$(part n1 'Containers | [.[].Name] | sort | join(" ")')"
	carrier network connect n2 front
	carrier network connect n2 db
	same "10.201.0.3 10.202.0.2" "$(resolves db front)"
	local pid
	pid=$(pid_of front)
	kill -9 "$pid"
	soon resolves_to db front "10.201.0.4 10.202.0.4"
	soon eval '[ "$(pid_of front)" != "$pid" ] && resolves_to db front "10.201.0.4 10.202.0.4"'
	same "" "$(resolves db web)"
}

@test "connect: ten at once, of one container and of ten" {
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
	# each of the twenty asks all of them; of the others, who come and go, nobody is taken for somebody else twice: once may be, when an address
	# changed hands between the answer and the connection
	for i in {1..20}; do
		expect 0 carrier exec "t$i" busybox sh -c 'wrong() { a=$(timeout 1 busybox wget -q -O - "http://$1/" 2>/dev/null) && [ "$a" != "I am $1" ]; }
		for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
			timeout 5 busybox wget -q -O - http://t$n/ || echo "t$n does not answer"
			g=g$((n % 4 + 1)); wrong $g && wrong $g && echo "$g is somebody else"; :
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

# where_bridges_are COMMAND... - in the host; in an ordinary user's network namespace, which the processes that answer names keep as their fd 3
where_bridges_are() {
	local pid
	if [ "$WHO" = root ]; then
		on_host "$@"
	else
		pid=$(processes | xargs ps -o pid=,comm= -p | awk '$2 == "carrier-names" { print $1; exit }')
		nsenter "--net=/proc/$pid/fd/3" "$@"
	fi
}
leftovers() { carrier doctor "$@" --json | jq -r '.Checks[] | select(.Code == "CD0404") | "\(.Level) \(.Fixed // false) \(.Text)"'; }

@test "doctor finds links, rules and leases that nobody needs, removes them, and leaves what others have" {
	carrier network create n1 >/dev/null
	carrier network create n2 >/dev/null
	served web --network n1 -p 8080:80
	served gone --network n1
	local link pid before
	before=$(where_bridges_are nft list tables; where_bridges_are ip -br link | cut -d' ' -f1)
	for link in "ve0123456789ab0 n1 $CROOT" "ve0123456789ab1 nothing $CROOT" "ve0123456789ab2 n1 /somebody/else"; do
		# shellcheck disable=SC2086
		set -- $link
		where_bridges_are ip link add "$1" type veth peer name "p${1#ve}"
		where_bridges_are ip link set "$1" alias "carrier network $2 $3"
	done
	where_bridges_are nft "add table inet carrier_0123456789ab { comment \"carrier network nothing $CROOT\"; }"
	where_bridges_are nft "add table inet carrier_$(part n2 Id | cut -c-12) { comment \"carrier network n2 $CROOT\"; }"
	where_bridges_are nft "add table inet carrier_0123456789ac { comment \"carrier network n1 /somebody/else\"; }"
	where_bridges_are nft add table inet carrier_0123456789ad
	pid=$(pid_of gone)
	kill -9 "$(jq .monitor "$CROOT/containers/$(id_of gone)/status.json")"
	kill -9 "$pid"
	soon ended "$pid"
	leftovers >"$WORK/found" || true
	grep -qF "bad false" "$WORK/found" || fail "$(cat "$WORK/found")"
	local word
	for word in "lease of container 'gone'" "link 've0123456789ab0'" "link 've0123456789ab1'" "table of network '0123456789ab'" \
		"table of network '$(part n2 Id | cut -c-12)'"; do
		grep -qF "$word" "$WORK/found" || fail "it should have found: $word" "$(cat "$WORK/found")"
	done
	same 5 "$(tr ',' '\n' <"$WORK/found" | grep -c "lease of\|link '\|table of")"
	leftovers --fix >"$WORK/fixed" || true
	grep -q true "$WORK/fixed" || fail "$(cat "$WORK/fixed")"
	leftovers >"$WORK/found" || true
	grep -q "^ok" "$WORK/found" || fail "$(cat "$WORK/found")"
	! grep -q gone "$CROOT/networks/n1/leases.json" || fail "$(cat "$CROOT/networks/n1/leases.json")"
	# others' are there, and what lives
	where_bridges_are ip link del ve0123456789ab2
	where_bridges_are nft delete table inet carrier_0123456789ac
	where_bridges_are nft delete table inet carrier_0123456789ad
	soon same_but_gone "$before"
	same "I am web" "$(outside_gets http://203.0.113.1:8080/)"
}
# same_but_gone BEFORE - the tables and links are those of BEFORE, without the one link of the container that was killed
same_but_gone() {
	same "$(grep -v "^ve$(id_of gone | cut -c-12)" <<<"$1")" "$(where_bridges_are nft list tables; where_bridges_are ip -br link | cut -d' ' -f1)"
}
