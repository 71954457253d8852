# linux.netDevices: devices of the caller's network namespace that become the container's. All of it happens in a
# network namespace of the test's own, so that the host's devices are never touched.
load helpers

prepare() {
	HOST=$BATS_RUN_TMPDIR/netns-$BATS_TEST_NUMBER	# not in $WORK: no mount there is to be left
	touch "$HOST"
	unshare --net="$HOST" true
	host ip link set lo up
	NAME=wd$BATS_TEST_NUMBER
}

cleanup() {
	[ -z "${OTHER:-}" ] || umount "$OTHER"
	umount "$HOST"
}

# host COMMAND... - in the caller's network namespace
host() {
	nsenter --net="$HOST" "$@"
}

# ours - woody in it
ours() {
	host "$WOODY" --root "$ROOT" "$@"
}

# other - $OTHER is a further network namespace, to be joined by path
other() {
	OTHER=$BATS_RUN_TMPDIR/other-$BATS_TEST_NUMBER
	touch "$OTHER"
	unshare --net="$OTHER" true
	config '.linux.namespaces |= map(select(.type != "network")) + [{ type: "network", path: $path }]' --arg path "$OTHER"
}

# link NAME OPTION... - a device; its other end, NAMEp, is down
link() {
	host ip link add "$@" type veth peer name "$1p"
}

# device NAME JSON - is to be moved
device() {
	config '.linux.netDevices[$name] = $value' --arg name "$1" --argjson value "$2"
}

# full - a device with all that must survive, and addresses that must not
full() {
	link "$NAME" address 02:11:22:33:44:55 mtu 1402
	host ip link set "$NAME" alias "what it is for"
	host ip addr add 192.0.2.7/24 broadcast 192.0.2.255 dev "$NAME"
	host ip addr add 192.0.2.8/24 dev "$NAME" label "$NAME:x"
	host ip addr add 198.51.100.1 peer 198.51.100.2/32 dev "$NAME"
	host ip addr add 169.254.9.9/16 scope link dev "$NAME"
	host ip addr add 203.0.113.9/24 valid_lft 1000 preferred_lft 500 dev "$NAME"
	host ip addr add 2001:db8::7/64 nodad dev "$NAME"
	host ip addr add fe80::77/64 nodad dev "$NAME"
	host ip link set "$NAME" up
}

# start - the container runs and does nothing; $PID is its process
start() {
	program sleep 1000
	detached ours run -d --pid-file "$WORK/pid" "$ID"
	PID=$(cat "$WORK/pid")
}

# there COMMAND... - in the container's network namespace, with the host's tools
there() {
	nsenter --net="/proc/$PID/ns/net" "$@"
}

# addresses - of `ip -j addr show`, one a line, sorted
addresses() {
	jq -r '.[0].addr_info[] | "\(.local)/\(.prefixlen) \(.scope) \(.address // "") \(.broadcast // "") \(.label // "")"' | sort
}

@test "a device is moved with its addresses, MTU, hardware address and alias, and is up" {
	full
	device "$NAME" '{}'
	start
	expect 1 host ip link show "$NAME"
	expect 0 there ip -j link show "$NAME"
	same "$(jq -r '.[0] | "\(.mtu) \(.address) \(.ifalias) \(.flags | contains(["UP"]))"' <<<"$output")" \
		"1402 02:11:22:33:44:55 what it is for true"
	expect 0 there ip -j addr show dev "$NAME" scope global
	same "$(addresses <<<"$output")" "192.0.2.7/24 global  192.0.2.255 $NAME
192.0.2.8/24 global   $NAME:x
198.51.100.1/32 global 198.51.100.2  $NAME
2001:db8::7/64 global   "
	# not those of another scope, nor those that end by themselves
	expect 0 there ip -o addr show dev "$NAME"
	[[ "$output" != *169.254.9.9* && "$output" != *fe80::77* && "$output" != *203.0.113.9* ]] || fail "$output"
	expect 0 woody exec "$ID" ls "/sys/class/net"
	says "$NAME"
}

@test "a device is renamed, and so are the labels of its addresses" {
	full
	device "$NAME" '{ "name": "ctr_eth0" }'
	start
	expect 1 host ip link show "$NAME"
	expect 0 there ip -j addr show dev ctr_eth0
	same "$(jq -r '.[0].addr_info[] | select(.local == "192.0.2.8") | .label' <<<"$output")" ctr_eth0:x
	same "$(jq -r '.[0].flags | contains(["UP"])' <<<"$output")" true
}

@test "a template lets the kernel number the device" {
	link "$NAME"
	link "$NAME"b
	other
	nsenter --net="$OTHER" ip link add eth0 type bridge
	device "$NAME" '{ "name": "eth%d" }'
	device "${NAME}b" '{ "name": "eth%d" }'
	start
	expect 0 there ip -br link
	same "$(awk '$1 != "lo" { sub("@.*", "", $1); print $1 }' <<<"$output" | sort | tr '\n' ' ')" "eth0 eth1 eth2 "
}

@test "one end of a veth pair: traffic flows, and the other end stays here" {
	host ip link add "$NAME" type veth peer name "${NAME}p"
	host ip addr add 192.0.2.1/24 dev "$NAME"
	host ip addr add 192.0.2.2/24 dev "${NAME}p"
	host ip link set "$NAME" up
	device "${NAME}p" '{ "name": "eth0" }'
	start
	same "$(there ip -j addr show dev eth0 | jq -r '.[0].addr_info[] | select(.family == "inet").local')" 192.0.2.2
	host bash -c ': </dev/tcp/192.0.2.2/9' 2>"$WORK/answer" || true	# nobody listens there: its kernel answers
	grep -q refused "$WORK/answer" || fail "$(cat "$WORK/answer")"
}

@test "a namespace by path: the device is moved there, and stays there after delete" {
	full
	other
	device "$NAME" '{ "name": "kept0" }'
	start
	same "$(readlink "/proc/$PID/ns/net")" "net:[$(stat -c %i "$OTHER")]"
	expect 0 woody delete -f "$ID"
	expect 0 nsenter --net="$OTHER" ip -j addr show dev kept0
	says 2001:db8::7
	expect 1 host ip link show "$NAME"
}

@test "with a user namespace, own network namespace and by path" {
	full
	chown -R 100000:100000 "$ROOTFS"
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }] |
		.linux.gidMappings = .linux.uidMappings'
	device "$NAME" '{}'
	start
	expect 0 there ip -o addr show dev "$NAME"
	says 192.0.2.7/24
	woody delete -f "$ID"
	soon gone_here
	full
	other
	# a sysfs of a foreign network namespace cannot be made
	config '.mounts |= map(select(.type != "sysfs" and .type != "cgroup")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	start
	expect 0 there ip -o addr show dev "$NAME"
	says 192.0.2.7/24
}

# gone_here - a virtual device ends with its namespace, which the kernel takes its time for
gone_here() {
	! host ip link show "$NAME" || fail "it should have failed"
}

@test "hooks see the device in its place" {
	full
	device "$NAME" '{ "name": "eth0" }'
	config '.hooks.createRuntime = [{ path: "/bin/sh", args: ["sh", "-c", $script] }]' \
		--arg script "nsenter --net=/proc/\$(/usr/bin/jq .pid)/ns/net /sbin/ip -o addr show dev eth0 >$WORK/seen"
	start
	grep -q 192.0.2.7 "$WORK/seen"
}

# unchanged - the device is here again, as full() made it
unchanged() {
	expect 0 host ip -j addr show dev "$NAME"
	same "$(host ip -j link show "$NAME" | jq -r '.[0] | "\(.mtu) \(.address) \(.ifalias) \(.flags | contains(["UP"]))"')" \
		"1402 02:11:22:33:44:55 what it is for true"
	same "$(addresses <<<"$output" )" "169.254.9.9/16 link   $NAME
192.0.2.7/24 global  192.0.2.255 $NAME
192.0.2.8/24 global   $NAME:x
198.51.100.1/32 global 198.51.100.2  $NAME
2001:db8::7/64 global   
203.0.113.9/24 global   $NAME
fe80::77/64 link   "
	matches '"valid_life_time":(9[0-9][0-9]|1000)'
}

# refused_here TEXT - as refused, in the caller's network namespace
refused_here() {
	attempt 1 ours create "$ID"
	says "$1"
	same "$output" ""
	gone
}

@test "after a failed create the device is back, with its name, addresses and state" {
	full
	local name
	for name in eth0 eth%d "$NAME"; do
		config '.linux.netDevices = { ($name): { name: $wanted } }' --arg name "$NAME" --arg wanted "$name"
		program /no/such/program
		refused_here "no such file or directory"
		unchanged
		program true
		config '.hooks.createRuntime = [{ path: "/bin/false" }]'
		refused_here "error running createRuntime hook #0"
		unchanged
		config 'del(.hooks)'
	done
}

@test "a device that was down is down again after a failed create" {
	link "$NAME"
	host ip addr add 192.0.2.7/24 dev "$NAME"
	device "$NAME" '{ "name": "eth0" }'
	program /no/such/program
	refused_here "no such file or directory"
	expect 0 host ip -j addr show dev "$NAME"
	same "$(jq -r '.[0] | "\(.flags | contains(["UP"])) \(.addr_info[0].local)"' <<<"$output")" "false 192.0.2.7"
}

@test "a container whose program cannot be executed gives its devices back, too" {
	full
	printf '#!/no/interpreter\n' >"$ROOTFS/bin/script"
	chmod 755 "$ROOTFS/bin/script"
	device "$NAME" '{ "name": "eth0" }'
	program /bin/script
	attempt 1 ours run "$ID"
	says "no such file or directory"
	unchanged
}

@test "when the second device fails the first is back" {
	full
	device "$NAME" '{ "name": "eth0" }'
	device lo '{ "name": "eth1" }'	# no namespace lets its loopback device go
	program true
	refused_here "move to the container's network namespace the device 'lo'"
	unchanged
	expect 0 host ip link show lo
}

@test "a device that is not there, and a name that is taken, are told before anything moves" {
	full
	device "$NAME" '{}'
	device nosuch0 '{}'
	program true
	refused_here "there is no network device 'nosuch0'"
	unchanged
	config '.linux.netDevices = { ($name): { name: "lo" } }' --arg name "$NAME"
	refused_here "has a device 'lo' already"
	unchanged
	other
	nsenter --net="$OTHER" ip link add eth7 type bridge
	config '.linux.netDevices = { ($name): { name: "eth7" } }' --arg name "$NAME"
	refused_here "has a device 'eth7' already"
	unchanged
	link second
	config '.linux.netDevices = { ($name): { name: "same" }, second: { name: "same" } }' --arg name "$NAME"
	refused_here "cannot both be called 'same'"
	unchanged
}

@test "names that no device can have are refused" {
	program true
	local name
	for name in "" . .. a/b a:b "a b" sixteen-letters_ eth%d '%d' $'tab\tbed'; do
		config '.linux.netDevices = { ($name): {} }' --arg name "$name"
		refused_here "network device"
	done
	for name in . .. a/b a:b "a b" sixteen-letters_ %d%d 'e%dth' 'eth%s' 'eth%'; do
		config '.linux.netDevices = { lo: { name: $name } }' --arg name "$name"
		refused_here "network device"
	done
}

@test "without a network namespace of the container's, or with the caller's own, it is refused" {
	full
	device "$NAME" '{}'
	program true
	config '.linux.namespaces |= map(select(.type != "network")) + [{ type: "network", path: $path }]' --arg path "$HOST"
	refused_here "needs a network namespace"
	config '.linux.namespaces |= map(select(.type != "network"))'
	refused_here "needs a network namespace"
	unchanged
}

@test "an ordinary user is told that it needs root" {
	link "$NAME"
	rm -rf "$BUNDLE/config.json"
	chmod 755 "$WORK" "$BUNDLE"
	chown -R 1234:1234 "$BUNDLE" "$ROOT"
	expect 0 setpriv --reuid 1234 --regid 1234 --clear-groups "$WOODY" --root "$ROOT" spec --rootless
	config '.linux.namespaces += [{ type: "network" }] | .process.terminal = false'
	device "$NAME" '{}'
	attempt 1 host setpriv --reuid 1234 --regid 1234 --clear-groups "$WOODY" --root "$ROOT" create "$ID"
	says "a rootless container cannot take network devices"
	expect 0 host ip link show "$NAME"
}

@test "a container without network devices does not ask for them" {
	program true
	expect 0 strace -f -e trace=socket -o "$WORK/trace" "$WOODY" --root "$ROOT" run "$ID"
	same "$(grep -c AF_NETLINK "$WORK/trace" || true)" 0
}

@test "features tells of network devices and of Intel RDT" {
	expect 0 woody features
	same "$(jq -c '.linux | [.netDevices.enabled, .intelRdt.enabled]' <<<"$output")" "[true,true]"
}
