# Published ports of containers on named networks, as those who connect see them. WHO=root or user.
source "${BATS_TEST_DIRNAME}/hosted.bash"

setup_file() { hosted_setup_file; }
teardown_file() { hosted_teardown_file; }

prepare() {
	hosted_prepare
	carrier network create --ipv6 n1 >/dev/null
}

cleanup() {
	hosted_cleanup
	soon nothing_listens || fail "a port is still open" "$(on_host ss -Htulpn)"
}

only_user() { [ "$WHO" = user ] || skip "of an ordinary user's networks, in a namespace of their own"; }
nothing_listens() { [ -z "$(on_host ss -Htuln)" ]; }
is_serving() { nsenter -t "$(pid_of "$1")" -n ss -Hltn "sport = :80" | grep -q .; }
outside_gets() { from_outside curl -gsf --max-time 5 "$1"; }
host_gets() { on_host curl -gsf --max-time 5 "$1"; }
logged() { carrier logs "$1" 2>&1 | grep -qF "[$2]:"; }
process_called() { processes | xargs -r ps -o pid=,comm= -p | awk -v name="$1" '$2 == name { print $1 }'; }
forwarder() { process_called carrier-forward; }

@test "the service sees the client's own address, IPv4 and IPv6; the host's loopback leads there, too" {
	served web --network n1 -p 8080:80 -p 203.0.113.1:8081:80 -p 127.0.0.1:8082:80 -p '[2001:db8:113::1]:8083:80' -p '[::1]:8084:80'
	same "I am web" "$(outside_gets http://203.0.113.1:8080/)"
	soon logged web ::ffff:203.0.113.9
	same "I am web" "$(outside_gets 'http://[2001:db8:113::1]:8080/')"
	soon logged web 2001:db8:113::9
	same "I am web" "$(outside_gets http://203.0.113.1:8081/)"
	same "I am web" "$(outside_gets 'http://[2001:db8:113::1]:8083/')"
	! outside_gets http://203.0.113.1:8082/ || fail "a port of the loopback is reached from outside"
	! outside_gets 'http://[2001:db8:113::1]:8081/' || fail "a port of another address is reached"
	local url
	for url in 'http://[::1]:8080/' http://127.0.0.1:8080/ http://203.0.113.1:8080/ 'http://[2001:db8:113::1]:8080/' http://127.0.0.1:8082/ 'http://[::1]:8084/'; do
		same "$url I am web" "$url $(host_gets "$url")"
	done
	! host_gets http://127.0.0.1:8081/ || fail "a port of another address is reached at 127.0.0.1"
	! host_gets 'http://[::1]:8083/' || fail "a port of another address is reached at ::1"
	carrier network create n2 >/dev/null
	served other --network n2
	same "I am web" "$(fetches web http://203.0.113.1:8080/)"	# itself
	same "I am web" "$(fetches other http://203.0.113.1:8080/)"	# another network, by what is published
	failing 125 "8080" carrier run --rm --network n1 -p 8080:80 "$PLAIN" true
	says "container web publishes it"
}

@test "nginx logs the client's address" {
	run_nginx web --network n1 -p 8080:80
	soon is_serving web
	same nginx "$(outside_gets http://203.0.113.1:8080/)"
	same nginx "$(outside_gets 'http://[2001:db8:113::1]:8080/')"
	soon logged_line web "seen 203.0.113.9"
	soon logged_line web "seen 2001:db8:113::9"
	# many at once, and much at once
	same "500 nginx" "$(seq 500 | from_outside xargs -P 16 -I{} curl -s --max-time 10 http://203.0.113.1:8080/ | sort | uniq -c | sed 's/^ *//')"
	carrier rm -f -t 0 web >/dev/null
}

@test "ranges, random ports, -P, UDP; the same port of TCP and UDP" {
	served web --network n1 -p 8000-8002:80-82 -p 80 --expose 81 -P -p 5353:53/udp -p 8000:53/udp
	same "I am web" "$(outside_gets http://203.0.113.1:8000/)"
	expect 7 from_outside curl -sS --max-time 5 http://203.0.113.1:9999/
	local port
	port=$(carrier port web 80/tcp | sed -n 's/^0.0.0.0://p' | grep -v 8000)
	same "I am web" "$(outside_gets "http://203.0.113.1:$port/")"
	start_helper UDP nsenter -t "$(pid_of web)" -n python3 -c 'import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 53))
print("listening", 53, flush=True)
while True:
    text, who = s.recvfrom(65536)
    s.sendto(("%s %s" % (len(text), who[0])).encode(), who)'
	local ask='import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect((sys.argv[1], int(sys.argv[2])))
s.send(b"x" * int(sys.argv[3]))
print(s.recv(9999).decode())'
	same "7 ::ffff:203.0.113.9" "$(from_outside python3 -c "$ask" 203.0.113.1 5353 7)"
	same "40000 ::ffff:203.0.113.9" "$(from_outside python3 -c "$ask" 203.0.113.1 8000 40000)"
	same "7 2001:db8:113::9" "$(from_outside python3 -c "$ask" 2001:db8:113::1 5353 7)"
	[[ $(on_host python3 -c "$ask" ::1 5353 9) == "9 "* ]] || fail "no answer at ::1"
	[[ $(on_host python3 -c "$ask" 127.0.0.1 5353 9) == "9 "* ]] || fail "no answer at 127.0.0.1"
}

@test "a thousand ports" {
	served web --network n1 -p 20000-20999:80-1079
	same "I am web" "$(outside_gets http://203.0.113.1:20000/)"
	same "I am web" "$(outside_gets 'http://[2001:db8:113::1]:20000/')"
	# of an ordinary user's each is a socket that listens
	[ "$WHO" = root ] || same 1000 "$(on_host ss -Hltn 'sport >= :20000 and sport <= :20999' | wc -l)"
	expect 0 carrier exec web busybox sh -c 'ulimit -n'
	same "$(carrier run --rm --network none "$PLAIN" busybox sh -c 'ulimit -n')" "$output"
}

@test "the ports are open when the container is started, closed when it ends, and open again with its next life" {
	served web --network n1 -p 8080:80 --restart always
	same "I am web" "$(outside_gets http://203.0.113.1:8080/)"
	local pid
	pid=$(pid_of web)
	kill -9 "$pid"
	soon another_life "$pid"
	soon is_serving web
	same "I am web" "$(outside_gets http://203.0.113.1:8080/)"
	expect 0 carrier restart -t 0 web
	soon is_serving web
	same "I am web" "$(outside_gets 'http://[2001:db8:113::1]:8080/')"
	expect 0 carrier stop -t 0 web
	expect 7 from_outside curl -sS --max-time 5 http://203.0.113.1:8080/
	expect 0 carrier start web
	soon is_serving web
	same "I am web" "$(outside_gets http://203.0.113.1:8080/)"
	expect 0 carrier run -d --replace --name web --network n1 -p 8080:80 "$PLAIN" busybox sh -c 'sleep 1; echo later | busybox nc -l -p 80'
	! outside_gets http://203.0.113.1:8080/ || fail "nobody listens there yet"
	soon eval '[ "$(from_outside timeout 5 busybox nc 203.0.113.1 8080 </dev/null)" = later ]'
	soon nothing_listens	# the program has ended, and with it the ports
}
another_life() {
	local now
	now=$(pid_of web 2>/dev/null) && [ -n "$now" ] && [ "$now" != 0 ] && [ "$now" != "$1" ]
}

@test "the process that carries them is started again when it is killed; who connects meanwhile waits" {
	only_user
	served web --network n1 -p 8080:80
	local first second
	first=$(forwarder)
	[ -n "$first" ] || fail "$(processes | xargs -r ps -f -p)"
	# of the monitor's it has nothing, and of capabilities what addresses take
	same "0000000000001400" "$(sed -n 's/^CapPrm:\t//p' "/proc/$first/status")"
	! ls -l "/proc/$first/fd" | grep -v 'pipe:\|socket:\|anon_inode:\|/dev/null\|^total' || fail "files of others"
	kill -9 "$first"
	same "I am web" "$(outside_gets http://203.0.113.1:8080/)"
	expect 0 carrier events --no-stream --filter event=network-lost
	says helper=carrier-forward
	soon is_not_lost web
	second=$(forwarder)
	[ "$second" != "$first" ] || fail "the same process"
	kill -9 "$second"	# too soon: it waits a little, and says so
	soon eval '[ -n "$(forwarder)" ] && [ "$(forwarder)" != "$second" ]'
	same "I am web" "$(outside_gets 'http://[2001:db8:113::1]:8080/')"
	soon is_not_lost web
	second=$(forwarder)
	kill "$second"	# it ends in order, and is missed all the same
	soon eval '[ -n "$(forwarder)" ] && [ "$(forwarder)" != "$second" ]'
	same "I am web" "$(outside_gets http://203.0.113.1:8080/)"
	soon is_not_lost web
	same 3 "$(carrier events --no-stream --filter event=network-restored | wc -l)"
}
is_not_lost() { [ "$(carrier inspect "$1" | jq -r '.[0].State.NetworkLost // ""')" = "" ] && ! grep -q networkLost "$CROOT"/containers/*/status.json; }

@test "the holder or the monitor killed: the ports go on" {
	only_user
	served web --network n1 -p 8080:80 --restart always
	local monitor
	kill -9 "$(process_called carrier-holder)"
	same "I am web" "$(outside_gets http://203.0.113.1:8080/)"
	monitor=$(jq .monitor "$CROOT"/containers/*/status.json)
	kill -9 "$monitor"
	same "I am web" "$(outside_gets 'http://[2001:db8:113::1]:8080/')"
	expect 0 carrier restart -t 0 web
	soon is_serving web
	same "I am web" "$(outside_gets http://203.0.113.1:8080/)"
	same 1 "$(forwarder | wc -l)"
}

@test "root: only what is published at ::1 is carried by a process" {
	[ "$WHO" = root ] || skip "of root's networks"
	served web --network n1 -p 127.0.0.1:8080:80 -p 203.0.113.1:8081:80
	same "" "$(forwarder)"
	carrier rm -f -t 0 web >/dev/null
	carrier network create n4 >/dev/null
	served web --network n4 -p '[::1]:8080:80'	# a container without IPv6
	same "I am web" "$(host_gets 'http://[::1]:8080/')"
	carrier rm -f -t 0 web >/dev/null
	# whose socket is open at all addresses: without the rules it carries those as well
	served web --network n1 -p 8080:80
	on_host nft flush ruleset
	same "I am web" "$(outside_gets http://203.0.113.1:8080/)"
}
