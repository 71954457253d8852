# The programs that see bytes of others, taken over by them: test builds of carrier-fetch and carrier-unpack (attack.c) in
# a real pull, and of carrier-pack in a snapshot, try what they must not be able to do, and say what happened. WHO=root or user.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	carrier_setup_file
	start_registry REGISTRY
	push plain "$REGISTRY" plain:latest
	mkdir "$BASE/taken"
	cp "$CARRIER" "$WOODY" "$BASE/taken/"
	cp "$WOODY_TESTBIN/carrier-fetch-attacking" "$BASE/taken/carrier-fetch"
	cp "$WOODY_TESTBIN/carrier-unpack-attacking" "$BASE/taken/carrier-unpack"
	cp "$WOODY_TESTBIN/carrier-pack-attacking" "$BASE/taken/carrier-pack"
	chmod 755 "$BASE/taken"/*
	export PROGRAM=$BASE/taken/carrier SOCKET=$BASE/socket
	start_helper LISTENER python3 -c '
import os, socket, sys, time
path = sys.argv[1]
kinds = [(socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_UNIX, path), (socket.AF_UNIX, "\0" + path)]
held = [socket.socket(family) for family, _ in kinds]
for s, (_, at) in zip(held, kinds):
    s.bind(at)
    s.listen(99)
os.chmod(path, 0o777)
print("listening", held[0].getsockname()[1], flush=True)
time.sleep(1000)' "$SOCKET"
	SHM=$(client ipcmk -M 4096 -p 0600 | sed 's/.*: //')
	export SHM
}

teardown_file() {
	[ -z "${SHM:-}" ] || ipcrm -m "$SHM"
	carrier_teardown_file
}

# victims DIR - what is tried to be read, changed and removed
victims() {
	client sh -c 'umask 077; mkdir -p "$1" && cd "$1" && for i in victim unlinked renamed; do echo untouched >$i; done' sh "$1"
}

prepare() {
	rm -rf "$CROOT" "$BASE/place"
	if [ "$WHO" = user ]; then install -d -o "$NAME" "$BASE/place"; else mkdir "$BASE/place"; fi
	expect 0 carrier images -q
	victims "$CROOT/store"
	victims "$BASE/place/.ssh"
	victims "$BASE/place/outside"
	echo secret >stdin
}

cleanup() { rm -rf "$CROOT/store/tmp/neighbour"; }

# targets - all of them, with everything by which a change would show
targets() {
	local dir
	for dir in "$CROOT/store" "$BASE/place/.ssh" "$BASE/place/outside"; do
		find "$dir" -maxdepth 1 -regextype posix-extended -regex '.*/(victim|unlinked|renamed|renamed-to|created|linked|symlink|directory|fifo)' \
			-printf '%p %m %U:%G %s %T@ %C@ %n %l\n'
	done | sort
}

# taken WRAPPER... - a pull (else $DOING, words) with both programs taken over; what they said is in ./attacks
taken() {
	local root=()
	[ "$WHO" = user ] || root=(--root "$CROOT")
	client touch "$CROOT/store/tmp/neighbour"
	status=0
	client env ATTACK_STORE="$CROOT/store" ATTACK_SSH="$BASE/place/.ssh" ATTACK_OUTSIDE="$BASE/place/outside" \
		ATTACK_PORT="$LISTENER" ATTACK_SOCKET="$SOCKET" ATTACK_SHM="$SHM" "$@" \
		"$PROGRAM" "${root[@]}" ${DOING:-pull -q --tls-verify=false "127.0.0.1:$REGISTRY/plain"} <stdin >stdout 2>stderr 3>&- || status=$?
	grep -ah '^attack ' stderr >attacks || true
	cleanup
}

# outcome PROGRAM ATTEMPT - what it has to come to
outcome() {
	case $1:$2 in
	*:thread | *:dumpable | *:stdout-write) echo ok ;;	# its own matters; stdout is /dev/null
	fetch:tcp | fetch:udp | fetch:route) echo ok ;;		# what it is for
	*:clone3 | *:newer) echo ENOSYS ;;
	*:stderr-read) echo EBADF ;;
	fetch:stdin-read) echo ENODATA ;;
	*:*-watch) echo EPERM ;;
	fetch:*-read | fetch:*-list | fetch:environ-parent | fetch:exec-memfd | fetch:bind) echo EACCES ;;	# Landlock's
	fetch:*) echo EPERM ;;
	pack:store-read | pack:ssh-read | pack:outside-read | pack:passwd-read | pack:shadow-read) echo ENOENT ;;
	pack:*-list | pack:*-chmod-path | pack:environ-parent | pack:setns) [ "$2" = root-list ] && echo ok || echo ENOENT ;;
	pack:climb-layer | pack:climb-magic | pack:exec-memfd) echo ENOENT ;;
	pack:climb-*) echo ENOTDIR ;;				# what it writes to is a file
	pack:fds) echo 0,1,2,3,4,5 ;;
	pack:*) echo EPERM ;;					# it can change nothing at all
	layer:root-list | document:root-list) echo ok ;;	# its own root
	layer:node-open) if [ "$WHO" = user ]; then echo EPERM; else echo EACCES; fi ;;
	*:node-open) echo EPERM ;;
	*:store-* | *:ssh-* | *:outside-* | *:passwd-* | *:shadow-* | *:climb-*) echo ENOENT ;;
	*:exe-write | *:lib-create | *:environ-parent | *:mem-parent | *:oom-parent | *:exec-memfd | *:setns) echo ENOENT ;;
	layer:fds) echo 0,1,2,3,4,5,6,7 ;;	# with the blob and the layer, which it has opened itself
	document:fds) echo 0,1,2,3,4,5 ;;
	*) echo EPERM ;;
	esac
}

# not_everywhere - attempts that may fail without confinement, too: the kernel's configuration, or no privilege to begin with
not_everywhere() {
	printf '%s\n' alg sctp x32 newer rlimit-raise exe-write mptcp bpf io_uring aio perf userfaultfd vsock packet raw open_tree \
		setns stderr-read fds
	[ "$WHO" = root ] || printf '%s\n' mount passwd-write shadow-read lib-create node-open
}

landlock() { # ABI
	local abi
	abi=$(python3 -c 'import ctypes; print(ctypes.CDLL(None).syscall(444, 0, 0, 1))')
	[ "$abi" -ge "$1" ] || skip "Landlock's ABI $1 is needed, landlock_create_ruleset(NULL, 0, VERSION) says $abi"
}

@test "taken over, both programs fail at everything that they try, and the pull succeeds" {
	landlock 4
	local before attack who what got want
	before=$(targets)
	[ "$(wc -l <<<"$before")" = 9 ] || fail "$before"
	taken
	same 0 "$status"
	while read -r attack who what got; do
		want=$(outcome "$who" "$what")
		[ "$got" = "$want" ] || echo "$who: $what is $got, not $want"
	done <attacks >surprises
	same "" "$(cat surprises)"
	same "$before" "$(targets)"
	[[ $(cat stdout) != *written* ]] || fail "$(cat stdout)"
	expect 0 carrier run --rm --network none "127.0.0.1:$REGISTRY/plain" echo whole
	prints whole
}

@test "taken over while it sends, carrier-fetch fails at everything that it tries, and the push succeeds" {
	landlock 4
	local before attack who what got want
	taken
	same 0 "$status"
	before=$(targets)
	DOING="push -q --tls-verify=false 127.0.0.1:$REGISTRY/plain 127.0.0.1:$REGISTRY/sent" taken
	same 0 "$status"
	same fetch "$(awk '{ print $2 }' attacks | sort -u)"
	[ "$(wc -l <attacks)" -gt 50 ] || fail "$(cat attacks)"
	while read -r attack who what got; do
		want=$(outcome "$who" "$what")
		[ "$got" = "$want" ] || echo "$who: $what is $got, not $want"
	done <attacks >surprises
	same "" "$(cat surprises)"
	same "$before" "$(targets)"
	same "$(digest_of plain)" "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://127.0.0.1:$REGISTRY/sent")"
}

@test "taken over, carrier-pack fails at everything that it tries, and the archive is whole" {
	local before root=()
	[ "$WHO" = user ] || root=(--root "$CROOT")
	[ "$WHO" = user ] && landlock 1
	client mkdir -p "$BASE/place/tree"
	client cp "$STATIC_BUSYBOX" "$BASE/place/tree/sh"
	before=$(targets)
	snapshot() {
		expect 0 client env ATTACK_STORE="$CROOT/store" ATTACK_SSH="$BASE/place/.ssh" ATTACK_OUTSIDE="$BASE/place/outside" \
			ATTACK_PORT="$LISTENER" ATTACK_SOCKET="$SOCKET" ATTACK_SHM="$SHM" "$@" \
			"$PROGRAM" "${root[@]}" snapshot -q -c 'CMD ["/sh", "-c", "echo whole"]' "$BASE/place/tree" taken
		grep -a '^attack pack ' <<<"$stderr" >attacks
	}
	snapshot
	[ "$(wc -l <attacks)" -gt 100 ] || fail "$(cat attacks)"
	same "" "$(surprises)"
	same "$before" "$(targets)"
	expect 0 carrier run --rm --network none taken
	prints whole
	# and not confined it succeeds
	snapshot ATTACK_UNCONFINED=1
	for what in store-read ssh-read outside-read outside-create outside-unlink outside-chmod passwd-read unix fork execve; do
		grep -qx "attack pack $what ok" attacks || fail "$what: $(grep " $what " attacks)"
	done
}

# surprises WHAT - attempts that came out otherwise than confinement wants, one a line: "PROGRAM ATTEMPT RESULT"
surprises() {
	local attack who what got
	while read -r attack who what got; do
		[ "$got" = "$(outcome "$who" "$what")" ] || echo "$who $what $got"
	done <attacks | sort -u
}

# not_lost WRAPPER... - a pull with both programs taken over, on an older kernel; what came out is in $lost
not_lost() {
	local before
	before=$(targets)
	OUTSIDE=("$@")
	taken
	OUTSIDE=()
	same 0 "$status"
	same "$before" "$(targets)"
	[[ $(cat stdout) != *written* ]] || fail "$(cat stdout)"
	lost=$(surprises)
}

@test "without Landlock the fetcher could read files and bind a port: that is said once, and everything else holds" {
	not_lost "$WOODY_TESTBIN/deny" landlock_create_ruleset
	same 1 "$(grep -c 'this kernel has no Landlock.*carrier-fetch.*could read the files' stderr)"
	local shadow=''
	[ "$WHO" = user ] || shadow=$'fetch shadow-read ok\n'
	# no file is executed all the same: it is the filter that says so then
	same "fetch bind ok
fetch exec-memfd EPERM
fetch outside-list ok
fetch outside-read ok
fetch passwd-read ok
fetch root-list ok
${shadow}fetch ssh-list ok
fetch ssh-read ok
fetch store-list ok
fetch store-read ok" "$lost"
	taken
	same 0 "$(grep -c Landlock stderr)"
}

@test "with Landlock of ABI 1, 2 and 3 the fetcher could bind a port, and everything else holds" {
	local abi
	for abi in 1 2 3; do
		prepare
		not_lost "$WOODY_TESTBIN/landlock_abi" "$abi"
		same "fetch bind ok" "$lost"
		same 0 "$(grep -c Landlock stderr)"
	done
}

@test "without mounts of its own the unpacker loses CAP_MKNOD, and everything holds" {
	not_lost "$WOODY_TESTBIN/deny" open_tree,mount_setattr
	# as root a node is not made then; a user's namespace opens none in either case
	if [ "$WHO" = user ]; then same "" "$lost"; else same "layer node-open EPERM" "$lost"; fi
}

@test "the same programs, not confined, succeed at what they try: the test above can fail" {
	local program
	taken
	cut -d ' ' -f 2,3 attacks | sort -u >tried
	prepare
	taken ATTACK_UNCONFINED=1
	cut -d ' ' -f 2,3 attacks | sort -u >tried-unconfined
	cmp tried tried-unconfined
	for program in fetch layer document; do
		[ "$(grep -c "^$program " tried)" -gt 100 ] || fail "$program has tried little" "$(cat tried)"
	done
	cut -d ' ' -f 2 tried | sort -u >whats
	awk '$4 == "ok" { print $3 }' attacks | sort -u >succeeded
	same "" "$(comm -23 whats succeeded | grep -vxFf <(not_everywhere) || true)"
	[[ $(cat stdout) == *written* ]] || fail "stdout: $(cat stdout)"
	same 0 "$(stat -c %s "$BASE/place/.ssh/victim")"	# emptied
}

@test "a terminal is neither read nor typed on" {
	local program
	for program in "" ATTACK_UNCONFINED=1; do
		prepare
		# the wrapper of the pull is a terminal: its output is all that the programs say
		taken ${program:+"$program"} python3 -c 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))'
		tr -d '\r' <stdout | grep '^attack ' >attacks
		grep -E ' (stderr-read|tiocsti|winsize) ' attacks | sort -u >"terminal$program"
	done
	same $'attack document stderr-read EBADF\nattack document tiocsti EPERM\nattack document winsize EPERM
attack fetch stderr-read EBADF\nattack fetch tiocsti EPERM\nattack fetch winsize EPERM
attack layer stderr-read EBADF\nattack layer tiocsti EPERM\nattack layer winsize EPERM' "$(cat terminal)"
	# whether TIOCSTI works at all is a setting of newer kernels
	same 6 "$(grep -v tiocsti terminalATTACK_UNCONFINED=1 | grep -c ' ok$')"
}

@test "a call of another architecture ends the program, and carrier says so" {
	[ "$(uname -m)" = x86_64 ] || skip "only x86_64 has one; uname -m says $(uname -m)"
	taken ATTACK_ONLY=i386
	same 125 "$status"
	grep 'carrier-fetch ended early, with status 159' stderr
}

@test "the manual lists every file that the fetcher may read" {
	local path
	expect 0 carrier help --man
	tr '\n' ' ' <<<"$output" | sed 's/\\-/-/g' >manual
	sed -n '/readable\[\] = {/,/^};/p' "$BATS_TEST_DIRNAME/../../cli/fetch/main.c" | grep -o '"/[^"]*"' | tr -d '"' |
		grep -v -e '^/usr/lib' -e '^/lib' -e '^/dev/' -e ld.so.cache >readable	# "its libraries"
	[ "$(wc -l <readable)" -gt 10 ] || fail "$(cat readable)"
	while read -r path; do
		grep -qF "$path" manual || fail "$path is not in carrier(1)"
	done <readable
	grep -qF /etc/containers/certs.d manual && grep -qF /etc/docker/certs.d manual && grep -qF .config/containers/certs.d manual
}
