# Names on named networks, beside what carrier_networks.bats has: by TCP, those that were cut off, services of compose files. WHO=root or user.
source "${BATS_TEST_DIRNAME}/hosted.bash"

setup_file() { hosted_setup_file; }
teardown_file() { hosted_teardown_file; }
prepare() { hosted_prepare; }
cleanup() { hosted_cleanup; }

# dig_in CONTAINER ARGS... - a real resolver program, in the container's network
dig_in() { nsenter -t "$(pid_of "$1")" -n dig "@127.0.0.11" +tries=1 +time=3 "${@:2}"; }
# serve_names ADDRESS... - a server for all names at each of these of the host's addresses (or of the network namespace NAMES_IN), in packets
# and by connections; NAMES_SERVER is its pid. big.example has 200 addresses: by UDP it says that it was cut off. huge.example's packet is one that nobody has room for.
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
	nsenter "--net=${NAMES_IN:-/run/netns/$HOST}" python3 "$WORK/names.py" "$@" 3>&- &
	NAMES_SERVER=$!
}
end_names() {
	kill "$NAMES_SERVER" 2>/dev/null || true
	wait "$NAMES_SERVER" || true
}

@test "names by TCP as well as UDP: one's own, and those of others by servers of both families; what was cut off says so" {
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
	carrier network create --subnet 10.201.0.0/24 n1 >/dev/null
	served shop-db-1 --network n1 --label com.docker.compose.service=db --network-alias data
	served shop-db-2 --network n1 --label com.docker.compose.service=db
	served web --network n1
	same "10.201.0.2 10.201.0.3" "$(resolves web db)"
	same 10.201.0.2 "$(resolves web data)"
	carrier rm -f -t 0 shop-db-1 >/dev/null
	same 10.201.0.3 "$(resolves web db)"
}

@test "a container can be a name server itself, at all its addresses" {
	carrier network create n1 >/dev/null
	served db --network n1
	carrier run -d --name server --network n1 "$PLAIN" sleep 1000 >/dev/null
	NAMES_IN=/proc/$(pid_of server)/ns/net serve_names 0.0.0.0
	soon eval '[ "$(nsenter -t "$(pid_of db)" -n dig "@$(address_of n1 server)" +tries=1 +time=1 +short www.example)" = 203.0.113.1 ]'
	same 203.0.113.1 "$(nsenter -t "$(pid_of db)" -n dig "@$(address_of n1 server)" +tries=1 +time=3 +tcp +short www.example)"
	same "$(address_of n1 db)" "$(resolves server db)"
	same "$(address_of n1 db)" "$(dig_in server +short db)"
	same "$(address_of n1 db)" "$(dig_in server +short +tcp db)"
	end_names
}
