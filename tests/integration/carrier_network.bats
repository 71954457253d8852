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
	mkdir www
	cat >nginx.conf <<-END
	daemon off; user root; pid /tmp/nginx.pid; error_log stderr; worker_processes 1;
	events { worker_connections 64; }
	http {
		client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
		log_format seen 'seen \$remote_addr'; access_log /dev/stdout seen;
		server { listen 80; listen [::]:80; location / { return 200 "nginx\n"; } }
	}
	END
	mkdir root root/dev root/proc root/sys root/tmp root/usr root/etc
	ln -s usr/bin usr/sbin usr/lib usr/lib64 root
	cp /etc/passwd /etc/group /etc/ld.so.cache /etc/nsswitch.conf root/etc
	chmod -R a+rwX root nginx.conf
	expect 0 carrier run -d --name w2 -p "$p:80" -v /usr:/usr:ro -v "$WORK/nginx.conf:/nginx.conf:ro" -f "$WORK/root" nginx -c /nginx.conf
	soon is_serving w2
	expect 0 get "$FOUR" "$p"
	prints nginx
	expect 0 get "[$SIX]" "$p"
	prints nginx
	soon logged_line w2 "seen $CLIENT_FOUR"
	soon logged_line w2 "seen $CLIENT_SIX"
	expect 0 carrier rm -f w2
}

logged_line() { carrier logs "$1" 2>&1 | grep -qxF "$2"; }

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
	# one that was made earlier says so when it is started
	expect 0 carrier create --name late -p "$p:80" "$PLAIN" true
	failing 125 "port $p/tcp of the host is taken by " carrier start -a late
	expect 0 carrier rm -f w8
	expect 0 carrier start -a late
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
