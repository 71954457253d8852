# checkpoint and restore through carrier, where CRIU works: `tests/run --guest carrier_checkpoint`. What it does where CRIU does not start is in
# carrier_commands.bats, what woody does with CRIU in woody_checkpoint.bats. Without images, so that a guest without a registry will do.
source "${BATS_TEST_DIRNAME}/carrier.bash"
export BATS_TEST_TIMEOUT=$((4 * ${WOODY_TEST_TIMEOUT:-60}))

setup_file() {
	local applet
	[ "$(id -u)" = 0 ] || return 0
	carrier_setup_bare
	export TREE=$BASE/tree
	mkdir -p "$TREE"/{bin,dev,etc,proc,sys,tmp}
	cp /bin/busybox "$WOODY_TESTBIN/probe" "$TREE/bin/"
	for applet in $APPLETS nc; do
		ln -s busybox "$TREE/bin/$applet"
	done
}

teardown_file() { carrier_teardown_file; }

prepare() {
	local why
	[ "$(id -u)" = 0 ] || skip "CRIU needs root: id -u"
	command -v criu >/dev/null || skip "criu is not installed: command -v criu"
	why=$(criu check 2>&1) || skip "criu check: $(tail -n 1 <<<"$why")"
}

# container NAME OPTION... -- COMMAND...
container() {
	local name=$1 options=()
	shift
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	shift
	expect 0 carrier run -d --name "$name" --network none "${options[@]}" --rootfs "$TREE" "$@"
}

counting() { container "$@" -- sh -c 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.25; done'; }
last_of() { carrier logs --tail 1 "$1" | tr -d '\r'; }
counts_beyond() { [ "$(last_of "$1")" -gt "$2" ]; }
has_checkpoint() { [ -e "$CROOT/containers/$(id_of "$1")/checkpoint/inventory.img" ]; }

@test "the processes go on where they were, under a monitor as before: output, input by exec, exit code" {
	local last
	container web -- sh -c 'i=0; while [ ! -e /tmp/over ]; do i=$((i + 1)); echo $i; sleep 0.25; done; rm /tmp/over; exit 7'
	soon counts_beyond web 2
	expect 0 carrier checkpoint web
	prints web
	has_state web exited
	has_checkpoint web
	last=$(last_of web)
	expect 0 carrier restore web
	prints web
	state_is web running
	soon counts_beyond web "$((last + 1))"
	same "$((last + 1))" "$(carrier logs web | sed -n "$((last + 1))p")"	# none is missing, none came twice
	run has_checkpoint web
	same 1 "$status"
	expect 0 carrier exec web touch /tmp/over
	expect 0 carrier wait web
	prints 7
}

@test "--leave-running: it goes on, and what was saved is where --dir says" {
	local last
	counting on
	soon counts_beyond on 1
	expect 0 carrier checkpoint -R --dir "$WORK/saved" on
	last=$(last_of on)
	soon counts_beyond on "$last"
	state_is on running
	failing 1 "is running" carrier restore --dir "$WORK/saved" on
	expect 0 carrier rm -f on
	[ -e "$WORK/saved/inventory.img" ]
}

@test "--keep: what was saved serves again; a policy does not start what a checkpoint has ended" {
	counting again --restart always
	soon counts_beyond again 1
	expect 0 carrier checkpoint again
	has_state again exited
	expect 0 carrier restore --keep again
	has_checkpoint again
	expect 0 carrier kill again
	has_state again exited
	expect 0 carrier restore -k again
	state_is again running
}

@test "--all: those that run, and those that were saved" {
	counting one
	counting two
	counting ended
	expect 0 carrier kill ended
	soon counts_beyond two 1
	local both
	both=$({ id_of one; id_of two; } | sort)
	expect 0 carrier checkpoint --all
	same "$both" "$(sort <<<"$output")"
	expect 0 carrier restore -a
	same "$both" "$(sort <<<"$output")"
	state_is one running
	state_is two running
	state_is ended exited
}

@test "a terminal is a new one afterwards" {
	local last
	counting screen -t
	soon counts_beyond screen 2
	expect 0 carrier checkpoint screen
	last=$(last_of screen)
	expect 0 carrier restore screen
	soon counts_beyond screen "$((last + 2))"
	expect 0 carrier exec screen sh -c 'readlink /proc/1/fd/1'
	says /dev/
}

# not_without OPTION NAME - CRIU refuses, the container goes on
not_without() {
	expect 1 carrier checkpoint "$2"
	grep -q -- "$1" "$BATS_TEST_TMPDIR/.stderr" "$CROOT/containers/$(id_of "$2")/dump.log" || fail "nobody names $1" "stderr: $stderr"
	state_is "$2" running
}

@test "--file-locks: it holds its lock afterwards" {
	container holds -- sh -c 'exec 3>/tmp/lock; probe lock 3 >/dev/null; while :; do sleep 0.2; done'
	soon eval '! flock -n "$TREE/tmp/lock" true'
	not_without file-locks holds
	expect 0 carrier checkpoint --file-locks holds
	expect 0 flock -n "$TREE/tmp/lock" true
	expect 0 carrier restore --file-locks holds
	expect 1 flock -n "$TREE/tmp/lock" true
}

@test "--tcp-established: a connection stays" {
	container talks -- sh -c 'rm -f /tmp/said; sleep 1000 | nc -l -p 7777 >/tmp/said & sleep 0.5; (while [ ! -e /tmp/say ]; do sleep 0.2; done; echo heard; sleep 1000) |
		nc 127.0.0.1 7777'
	soon eval 'carrier exec talks cat /proc/net/tcp | grep -q " 01 "'
	not_without tcp-established talks
	expect 0 carrier checkpoint --tcp-established talks
	expect 0 carrier restore --tcp-established talks
	expect 0 carrier exec talks touch /tmp/say
	soon grep -q heard "$TREE/tmp/said"
	rm "$TREE/tmp/say"
}

@test "--ext-unix-sk: a datagram socket whose peer is outside" {
	mkdir outside
	python3 -c 'if True:
		import socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[1])
		while True: print(s.recv(100).decode(), flush=True)' "$WORK/outside/sock" >received 2>&1 3>&- &
	local peer=$!
	soon test -S outside/sock
	expect 0 carrier run -d --name sends --network host -v "$WORK/outside:$WORK/outside" --rootfs "$TREE" \
		sh -c 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.5; done | probe datagrams '"$WORK/outside/sock"
	soon grep -q 2 received
	not_without ext-unix-sk sends
	expect 0 carrier checkpoint --ext-unix-sk sends
	local last
	last=$(tail -n 1 received)
	expect 0 carrier restore --ext-unix-sk sends
	soon grep -qx "$((last + 1))" received
	expect 0 carrier rm -f sends
	kill "$peer"
}
