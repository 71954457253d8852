# checkpoint and restore. What CRIU does is tried where it works (`criu check`); what woody refuses, and what it does when criu
# fails, everywhere.
load helpers

export BATS_TEST_TIMEOUT=$((4 * ${WOODY_TEST_TIMEOUT:-60}))	# criu is quick, but not in an emulated guest

# needs_criu - skips with criu's own words
needs_criu() {
	local why
	command -v criu >/dev/null || skip "criu is not installed: command -v criu"
	why=$(criu check 2>&1) || skip "criu check: $(tail -n 1 <<<"$why")"
}

prepare() {
	IMAGES=$WORK/images
	[ "$(id -u)" = 0 ] || skip "CRIU needs root: id -u"
}

cleanup() {
	if [ -n "${NETNS:-}" ]; then ip netns del "$NETNS"; fi
	if [ -n "${HELPER:-}" ]; then kill "$HELPER" 2>/dev/null || true; fi
	local profile
	for profile in ${PROFILES:-}; do echo "profile $profile { }" | apparmor_parser --remove; done
}

# counting - a program that writes 1, 2, 3 ... to stdout, four a second
counting() {
	program sh -c 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.25; done'
}

# with_pipes COMMAND... - its 0, 1 and 2 are the pipes $IN, $OUT and $ERR of ours
pipes() {
	exec {IN}<> <(:) {OUT}<> <(:) {ERR}<> <(:)
}
with_pipes() {
	"$@" <&"$IN" >&"$OUT" 2>&"$ERR" 3>&-
}

# number - the next line that the container wrote; fails without one within 20 seconds
number() {
	local line
	read -t 20 -r line <&"$OUT" || fail "the container does not count any more"
	echo "$line"
}

# quiet - nothing was written to the container's stderr
quiet() {
	local line
	if read -t 0.2 -r line <&"$ERR"; then fail "stderr has: $line"; fi
}

# drained - what was in the pipe is read; prints the last number
drained() {
	local line last=
	while read -t 0.2 -r line <&"$OUT"; do last=$line; done
	echo "$last"
}

start_counting() {
	counting
	pipes
	with_pipes woody run -d "$ID"
	number >/dev/null
}

# away - it was saved and nothing of it is left
away() {
	expect 1 woody state "$ID"
	gone
}

save() {
	expect 0 woody checkpoint --image-path "$IMAGES" --work-path "$WORK/log" "$@" "$ID"
	silent
}

# bring_back OPTION... - with the pipes
bring_back() {
	with_pipes woody restore -d --image-path "$IMAGES" --work-path "$WORK/log" "$@" "$ID" ||
		fail "restore: exit code $?" "$(timeout 1 cat <&"$ERR")" "$(grep Error "$WORK/log/restore.log")"
}

# fake_criu SCRIPT - a criu that does this
fake_criu() {
	printf '#!/bin/sh\n%s\n' "$1" >"$WORK/criu"
	chmod 755 "$WORK/criu"
}

# ---- refused ----

@test "without criu: said in one sentence, and the container goes on" {
	start_sleeping
	expect 1 woody --criu "$WORK/none" checkpoint --image-path "$IMAGES" "$ID"
	says "woody checkpoint failed: $WORK/none: No such program; checkpoint and restore are done by CRIU: install the package criu, or name it with --criu PATH"
	[ ! -e "$IMAGES" ]
	status_is running
	woody delete -f "$ID"
	expect 1 woody --criu "$WORK/none" restore --image-path "$IMAGES" "$ID"
	says "No such program"
	gone
}

@test "a criu that fails: its last complaint and the log are named, and the container goes on" {
	start_sleeping
	fake_criu 'exit 3'
	expect 1 woody --criu "$WORK/criu" checkpoint --image-path "$IMAGES" "$ID"
	says "criu failed to checkpoint the container: it ended early, with status 3; it wrote no log '$IMAGES/dump.log'"
	fake_criu 'echo "Error (criu/x.c:1): not on this kernel" >&2; exit 1'
	expect 1 woody --criu "$WORK/criu" checkpoint --image-path "$IMAGES" "$ID"
	says "with status 1: Error (criu/x.c:1): not on this kernel; it wrote no log"
	fake_criu 'printf "(00.1) Error (a.c:1): first\n(00.2) Error (b.c:2): the reason\n(00.3) fine\n(00.4) Error (c.c:3): Dumping FAILED.\n" >"$LOG/dump.log"; exit 1'
	expect 1 env LOG="$WORK/log" "$WOODY" --root "$ROOT" --criu "$WORK/criu" checkpoint --image-path "$IMAGES" --work-path "$WORK/log" "$ID"
	says "with status 1: Error (b.c:2): the reason; see the log '$WORK/log/dump.log'"
	# one that does not speak the protocol: it sends back what it got
	fake_criu 'cat <&3 >&3'
	expect 1 woody --criu "$WORK/criu" checkpoint --image-path "$IMAGES" "$ID"
	says "criu's answer: field 2 is not what it should be"
	status_is running
	expect 0 woody exec "$ID" true
}

@test "a criu that fails to restore leaves nothing" {
	mkdir "$IMAGES"
	echo '["pipe:[1]","/dev/null",""]' >"$IMAGES/descriptors.json"
	fake_criu 'exit 3'
	expect 1 woody --criu "$WORK/criu" restore -d --pid-file "$WORK/pid" --image-path "$IMAGES" "$ID"
	says "criu failed to restore the container: it ended early, with status 3"
	[ ! -e "$WORK/pid" ]
	gone
	# the mount points that it would need were made, as for a start
	[ -d "$ROOTFS/dev" ]
	echo '["pipe' >"$IMAGES/descriptors.json"
	expect 1 woody --criu "$WORK/criu" restore --image-path "$IMAGES" "$ID"
	says "$IMAGES/descriptors.json"
	gone
	rm "$IMAGES/descriptors.json"
	expect 1 woody --criu "$WORK/criu" restore --image-path "$IMAGES" "$ID"
	says "there is no checkpoint in '$IMAGES'"
	gone
	expect 1 woody --criu "$WORK/criu" restore --image-path "$WORK/none" "$ID"
	says "open '$WORK/none'"
	gone
}

@test "--parent-path is relative to the images, and there" {
	start_sleeping
	mkdir "$WORK/parent"
	expect 1 woody --criu /bin/true checkpoint --image-path "$IMAGES" --parent-path "$WORK/parent" "$ID"
	says "--parent-path '$WORK/parent' must be relative, to the directory of the images '$IMAGES'"
	expect 1 woody --criu /bin/true checkpoint --image-path "$IMAGES" --parent-path ../none "$ID"
	says "--parent-path '$IMAGES/../none': No such file or directory"
	touch "$WORK/file"
	expect 1 woody --criu /bin/true checkpoint --image-path "$IMAGES" --parent-path ../file "$ID"
	says "--parent-path '$IMAGES/../file' is not a directory"
	status_is running
}

@test "wrong words are refused before anything is done" {
	start_sleeping
	expect 1 woody --criu /bin/true checkpoint --manage-cgroups-mode half "$ID"
	says "--manage-cgroups-mode: soft, full, strict or ignore, not 'half'"
	expect 1 woody --criu /bin/true checkpoint --empty-ns pid "$ID"
	says "--empty-ns: only a network namespace can be left empty, not 'pid'"
	local word
	for word in nowhere 127.0.0.1: 127.0.0.1:0 127.0.0.1:65536 127.0.0.1:x; do
		expect 1 woody --criu /bin/true checkpoint --image-path "$IMAGES" --page-server "$word" "$ID"
		says "--page-server '$word' should be ADDRESS:PORT"
	done
	expect 1 woody --criu /bin/true checkpoint --status-fd 77 "$ID"
	says "--status-fd 77: Bad file descriptor"
	status_is running
	woody kill "$ID" KILL
	soon stopped
	expect 1 woody --criu /bin/true checkpoint "$ID"
	says "container '$ID' cannot be checkpointed: it is stopped"
	expect 1 woody --criu /bin/true checkpoint "$ID-none"
	says "container does not exist"
	expect 1 woody --criu /bin/true restore "$ID"
	says "container with given ID already exists"
}

@test "Landlock rules would be lost, and an ordinary user cannot" {
	start_sleeping
	expect 1 unshare -r "$WOODY" --root "$ROOT" --criu /bin/true checkpoint "$ID"
	says "checkpoint and restore need root of the host"
	woody delete -f "$ID"
	mkdir "$IMAGES"
	config '.annotations["io.woody.landlock"] = "exec:/ read:/"'
	expect 1 woody --criu /bin/true restore --image-path "$IMAGES" "$ID"
	says "CRIU would bring the container back without them"
	gone
}

@test "features tells whether criu is there" {
	local there=false
	if command -v criu >/dev/null; then there=true; fi
	expect 0 woody features
	same "$(jq -r '.annotations["org.opencontainers.runc.checkpoint.enabled"]' <<<"$output")" "$there"
	jq -e '.potentiallyUnsafeConfigAnnotations | index("org.criu.config")' <<<"$output"
	expect 0 woody --criu /bin/true features
	same "$(jq -r '.annotations["org.opencontainers.runc.checkpoint.enabled"]' <<<"$output")" true
	expect 0 woody --criu "$WORK/none" features
	same "$(jq -r '.annotations["org.opencontainers.runc.checkpoint.enabled"]' <<<"$output")" false
}

@test "podman asks for --lsm-mount-context, which it wants to restore into a pod, by leaving its value out" {
	expect 1 woody restore --lsm-mount-context
	says "flag needs an argument: --lsm-mount-context CONTEXT of 'woody restore'"
}

# ---- done ----

@test "checkpoint and restore: counts on through its pipes, in its cgroup, like any container" {
	needs_criu
	start_counting
	with_pipes woody exec "$ID" sh -c 'sleep 1000 &'
	local last masks cgroup
	masks=$(woody exec "$ID" stat -c '%n %F %t:%T' /proc/kcore /proc/keys /proc/acpi)
	cgroup=$(cat "/proc/$(woody state "$ID" | jq .pid)/cgroup")
	save
	away
	last=$(drained)
	bring_back --pid-file "$WORK/pid"
	same "$(number)" $((last + 1))
	same "$(number)" $((last + 2))
	quiet
	status_is running
	same "$(woody state "$ID" | jq .pid)" "$(cat "$WORK/pid")"
	same "$(cat "/proc/$(cat "$WORK/pid")/cgroup")" "$cgroup"
	woody ps "$ID" | grep -q 'sleep 1000'
	same "$(woody exec "$ID" stat -c '%n %F %t:%T' /proc/kcore /proc/keys /proc/acpi)" "$masks"
	expect 1 woody exec "$ID" sh -c 'echo 0 >/proc/sysrq-trigger'
	same "$(ls "$ROOT/$ID")" $'config.json\nstate.json'
	# and once more; what `exec` started itself is not below init, so CRIU cannot see it
	with_pipes woody exec -d --pid-file "$WORK/stray" "$ID" sleep 2000
	quiet
	expect 0 woody checkpoint --image-path "$IMAGES" --work-path "$WORK/log" "$ID"
	says "process $(cat "$WORK/stray"), which exec has started, is not saved: it does not descend from the container's first process"
	same "$(grep -c 'is not saved' <<<"$stderr")" 1
	away
	last=$(drained)
	bring_back
	same "$(number)" $((last + 1))
	woody kill "$ID" KILL
	soon stopped
	expect 0 woody delete "$ID"
	gone
}

@test "0, 1 and 2 that are files of the host" {
	needs_criu
	program sh -c 'while :; do echo tick; sleep 0.25; done'
	detached woody run -d "$ID"
	save
	away
	local lines
	lines=$(wc -l <"$WORK/stdout")
	woody restore -d --image-path "$IMAGES" --work-path "$WORK/log" "$ID" </dev/null >>"$WORK/stdout" 2>>"$WORK/stderr" 3>&- ||
		fail "$(cat "$WORK/stderr")" "$(grep Error "$WORK/log/restore.log")"
	more_lines() { [ "$(wc -l <"$WORK/stdout")" -gt "$lines" ]; }
	soon more_lines
	same "$(cat "$WORK/stderr")" ""
}

@test "--leave-running, and from the same images after its end" {
	needs_criu
	start_counting
	save --leave-running
	status_is running
	number
	woody delete -f "$ID"
	drained
	bring_back
	number
}

@test "--pre-dump, then --parent-path: two steps" {
	needs_criu
	start_counting
	expect 0 woody checkpoint --pre-dump --image-path "$WORK/parent" --work-path "$WORK/log" "$ID"
	silent
	status_is running
	number
	save --parent-path ../parent
	away
	same "$(readlink "$IMAGES/parent")" ../parent
	drained
	bring_back
	number
}

@test "binds, read-only and within each other, in a rootfs that has no mount points" {
	needs_criu
	mkdir -p "$WORK/outer" "$WORK/inner"
	echo outer >"$WORK/outer/file"
	echo inner >"$WORK/inner/file"
	echo single >"$WORK/single"
	config '.mounts += [
		{ destination: "/data", type: "bind", source: ($w + "/outer"), options: ["bind", "ro"] },
		{ destination: "/own", type: "tmpfs", source: "tmpfs" },
		{ destination: "/own/bound/here", type: "bind", source: ($w + "/inner"), options: ["rbind"] },
		{ destination: "/var/deep/er", type: "bind", source: ($w + "/outer"), options: ["bind"] },
		{ destination: "/var/deep/er/sub", type: "bind", source: ($w + "/inner"), options: ["bind"] },
		{ destination: "/etc/single", type: "bind", source: ($w + "/single"), options: ["bind", "ro"] }]' --arg w "$WORK"
	start_counting
	woody exec "$ID" sh -c 'echo kept >/own/file'
	save
	away
	rm -r "$ROOTFS"
	cp -a "$BATS_FILE_TMPDIR/template/rootfs" "$BUNDLE"
	rmdir "$WORK/outer/sub" "$ROOTFS/proc"
	bring_back
	same "$(woody exec "$ID" cat /data/file /own/file /own/bound/here/file /var/deep/er/file /var/deep/er/sub/file /etc/single)" \
		$'outer\nkept\ninner\nouter\ninner\nsingle'
	expect 1 woody exec "$ID" touch /data/new
	says "Read-only file system"
	expect 1 woody exec "$ID" sh -c 'echo >/etc/single'
	expect 0 woody exec "$ID" touch /var/deep/er/new
	[ -e "$WORK/outer/new" ]
	same "" "$(grep -F "$WORK/" /proc/self/mountinfo)"
}

@test "a terminal: its master goes to the console socket" {
	needs_criu
	config '.process.terminal = true'
	program sh -c 'while read -r word; do echo "<$word>"; done'
	"$WOODY_TESTBIN/recvtty" "$WORK/tty1" </dev/null >"$WORK/out1" 2>&1 3>&- &
	HELPER=$!
	soon test -S "$WORK/tty1"
	detached woody run -d --console-socket "$WORK/tty1" "$ID"
	save
	away
	mkfifo "$WORK/keys"
	"$WOODY_TESTBIN/recvtty" "$WORK/tty2" <>"$WORK/keys" >"$WORK/out2" 2>&1 3>&- &
	HELPER=$!
	soon test -S "$WORK/tty2"
	detached woody restore -d --image-path "$IMAGES" --work-path "$WORK/log" --console-socket "$WORK/tty2" "$ID"
	status_is running
	echo hello >"$WORK/keys"
	soon grep -q '<hello>' "$WORK/out2"
	expect 1 woody restore -d --image-path "$IMAGES" "$ID-2"
	says "cannot allocate tty"
}

@test "in the foreground: waits, gives the exit code, deletes the container" {
	needs_criu
	program sh -c 'read -r code; echo "got $code"; exit "$code"'
	pipes
	with_pipes woody run -d "$ID"
	save
	away
	echo 7 >&"$IN"
	local code=0
	with_pipes woody restore --image-path "$IMAGES" --work-path "$WORK/log" "$ID" || code=$?
	same "$code" 7
	same "$(number)" "got 7"
	gone
}

@test "another cgroup, with --manage-cgroups-mode ignore" {
	needs_criu
	start_counting
	save --manage-cgroups-mode=ignore
	away
	config '.linux.cgroupsPath = "/" + $id + "-other"' --arg id "$ID"
	drained
	bring_back --manage-cgroups-mode=ignore
	number
	grep -q "/$ID-other$" "/proc/$(woody state "$ID" | jq .pid)/cgroup"
	! grep -q "/$ID$" "/proc/$(woody state "$ID" | jq .pid)/cgroup" || fail "it should have failed"
	woody delete -f "$ID"
}

@test "a network namespace by path is the same afterwards" {
	needs_criu
	NETNS=wtcr$$
	ip netns add "$NETNS"
	config '(.linux.namespaces[] | select(.type == "network")).path = $path' --arg path "/run/netns/$NETNS"
	start_counting
	local before
	before=$(stat -L -c %i "/run/netns/$NETNS")
	save
	away
	drained
	bring_back
	number
	same "$(stat -L -c %i "/proc/$(woody state "$ID" | jq .pid)/ns/net")" "$before"
}

@test "hooks: prestart and createRuntime again, poststop at both ends; a failing one leaves nothing" {
	needs_criu
	cat >"$WORK/hook" <<'EOF'
#!/bin/sh
echo "$2 $(jq -c '[.id, .pid > 0]')" >>"$1"
EOF
	chmod 755 "$WORK/hook"
	config '.hooks = (["prestart", "createRuntime", "poststart", "poststop"]
		| map({ (.): [{ path: $hook, args: ["hook", $log, .], env: ["PATH=/usr/bin:/bin"] }] }) | add)' \
		--arg hook "$WORK/hook" --arg log "$WORK/hooks"
	start_counting
	save
	away
	same "$(tail -n 1 "$WORK/hooks" | cut -d' ' -f1)" poststop
	: >"$WORK/hooks"
	drained
	bring_back
	same "$(cat "$WORK/hooks")" "prestart [\"$ID\",true]"$'\n'"createRuntime [\"$ID\",true]"
	woody delete -f "$ID"
	config '.hooks = { createRuntime: [{ path: "/bin/false" }] }'
	expect 1 woody restore -d --image-path "$IMAGES" --work-path "$WORK/log" "$ID"
	says "error running createRuntime hook #0"
	gone
}

@test "org.criu.config names a configuration of CRIU, which goes first" {
	needs_criu
	printf 'log-file=mine.log\n' >"$WORK/criu.conf"
	config '.annotations["org.criu.config"] = $f' --arg f "$WORK/criu.conf"
	start_counting
	save
	away
	[ -e "$WORK/log/mine.log" ]
}

@test "--lazy-pages: the page server is announced, and a restore gets the memory from it" {
	needs_criu
	criu check --feature uffd-noncoop >/dev/null 2>&1 || skip "criu check --feature uffd-noncoop: $(criu check --feature uffd-noncoop 2>&1 | tail -n 1)"
	start_counting
	local port=$((20000 + RANDOM % 10000)) last
	exec {STATUS}<> <(:)
	woody checkpoint --lazy-pages --page-server "127.0.0.1:$port" --status-fd "$STATUS" --image-path "$IMAGES" --work-path "$WORK/log" \
		--manage-cgroups-mode=ignore "$ID" >"$WORK/saved" 2>&1 3>&- &
	local saving=$!
	same "$(timeout 60 head -c 1 <&"$STATUS" | od -An -tx1)" " 00"
	[ -e "$IMAGES/inventory.img" ] || fail "the page server was announced before the images were there"
	last=$(drained)
	criu lazy-pages --page-server --address 127.0.0.1 --port "$port" -D "$IMAGES" -W "$WORK/log" >/dev/null 2>&1 3>&- &
	HELPER=$!
	soon test -S "$WORK/log/lazy-pages.socket"
	# the first one is still there, without its memory, until all of that is fetched: its cgroup is in use
	config '.linux.cgroupsPath = "/" + $id + "-lazy"' --arg id "$ID"
	with_pipes "$WOODY" --root "$ROOT" restore -d --lazy-pages --image-path "$IMAGES" --work-path "$WORK/log" \
		--manage-cgroups-mode=ignore "$ID-lazy"
	same "$(number)" $((last + 1))
	wait "$saving" || fail "checkpoint: $(cat "$WORK/saved")"
	wait "$HELPER"
	HELPER=
	number
	woody delete -f "$ID-lazy"
}

# waiting SCRIPT SCRIPT - the container does the first, says "ready", and the second once /tmp/go is there
waiting() {
	writable
	program sh -c "$1; echo ready; while [ ! -e /tmp/go ]; do sleep 0.1; done; $2; exec sleep 1000"
	pipes
	with_pipes woody run -d "$ID"
	same "$(number)" ready
}

# not_without OPTION WORD - without it criu refuses, and its log has this word
not_without() {
	expect 1 woody checkpoint --image-path "$WORK/refused" "$ID"
	grep -q -e "$2" "$WORK/refused/dump.log" || fail "dump.log: $(grep Error "$WORK/refused/dump.log")"
	status_is running
}

@test "--link-remap: an open file without its name, which has another" {
	needs_criu
	waiting 'echo kept >/tmp/a; busybox ln /tmp/a /tmp/b; exec 3</tmp/a; rm /tmp/a' 'cat <&3'
	not_without --link-remap link-remap
	save --link-remap
	away
	[ -n "$(find "$ROOTFS/tmp" -name 'link_remap.*')" ] || fail "no link was made: $(ls "$ROOTFS/tmp")"
	bring_back
	touch "$ROOTFS/tmp/go"
	same "$(number)" kept
	same "$(find "$ROOTFS/tmp" -name 'link_remap.*')" ""
}

@test "--auto-dedup: what is saved anew goes from the parent's images" {
	needs_criu
	start_counting
	expect 0 woody checkpoint --pre-dump --image-path "$WORK/parent" --work-path "$WORK/log" "$ID"
	local before after
	before=$(cat "$WORK"/parent/pages-*.img | wc -c) after=0
	number
	save --parent-path ../parent --auto-dedup
	away
	after=$(du --block-size=1 -c "$WORK"/parent/pages-*.img | awk 'END { print $1 }')
	[ "$after" -lt "$before" ] || fail "the parent's pages are still $after of $before bytes"
	local last
	last=$(drained)
	before=$(du --block-size=1 -c "$IMAGES"/pages-*.img | awk 'END { print $1 }')
	bring_back --auto-dedup
	same "$(number)" $((last + 1))
	after=$(du --block-size=1 -c "$IMAGES"/pages-*.img | awk 'END { print $1 }')
	[ "$after" -lt "$before" ] || fail "the pages are still $after of $before bytes"
}

@test "--ext-unix-sk: a datagram socket whose peer is outside" {
	needs_criu
	mkdir "$WORK/outside"
	python3 -c 'if True:
		import socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[1])
		while True: print(s.recv(100).decode(), flush=True)' "$WORK/outside/sock" >"$WORK/received" 2>&1 3>&- &
	HELPER=$!
	soon test -S "$WORK/outside/sock"
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	# of the host's network: CRIU finds no peer in another; and it connects to the name that the peer was bound to
	config '.mounts += [{ destination: $from, type: "bind", source: $from, options: ["rbind"] }]
		| .linux.namespaces |= map(select(.type != "network"))' --arg from "$WORK/outside"
	writable
	program probe datagrams "$WORK/outside/sock"
	pipes
	with_pipes woody run -d "$ID"
	echo one >&"$IN"
	soon grep -q one "$WORK/received"
	not_without --ext-unix-sk ext-unix-sk
	save --ext-unix-sk
	away
	bring_back --ext-unix-sk
	echo two >&"$IN"
	soon grep -q two "$WORK/received"
}

@test "--file-locks: the container holds its lock afterwards" {
	needs_criu
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	waiting 'exec 3>/tmp/lock; probe lock 3 >/dev/null' 'echo on'
	expect 1 flock -n "$ROOTFS/tmp/lock" true
	not_without --file-locks file-locks
	save --file-locks
	away
	expect 0 flock -n "$ROOTFS/tmp/lock" true
	bring_back --file-locks
	expect 1 flock -n "$ROOTFS/tmp/lock" true
	touch "$ROOTFS/tmp/go"
	same "$(number)" on
}

@test "a terminal of the caller's: another one afterwards, with --shell-job and without" {
	needs_criu
	counting
	export ROOT ID IMAGES WORK OPTION
	local last
	for OPTION in "" --shell-job; do
		script -qefc '"$WOODY" --root "$ROOT" run "$ID"' "$WORK/first" </dev/null >/dev/null 2>&1 3>&- &
		HELPER=$!
		soon grep -q 3 "$WORK/first"
		save $OPTION
		wait "$HELPER" || true
		last=$(tr -d '\r' <"$WORK/first" | grep -x '[0-9]*' | tail -n 1)
		script -qefc '"$WOODY" --root "$ROOT" restore $OPTION --image-path "$IMAGES" --work-path "$WORK/log" "$ID"' "$WORK/second" \
			</dev/null >/dev/null 2>&1 3>&- &
		HELPER=$!
		soon grep -q "^$((last + 2))" "$WORK/second" || fail "$(cat "$WORK/second")" "$(grep Error "$WORK/log/restore.log")"
		woody kill "$ID" KILL
		wait "$HELPER" || true
		rm -r "$IMAGES"
	done
	HELPER=
}

@test "--empty-ns network: only what is in it is left out" {
	needs_criu
	start_counting
	in_net() { nsenter -t "$(woody state "$ID" | jq .pid)" -n "$@"; }
	in_net ip address add 192.0.2.7/32 dev lo
	save --leave-running
	woody delete -f "$ID"
	drained
	bring_back
	in_net ip address show dev lo | grep -q 192.0.2.7
	rm -r "$IMAGES"
	save --empty-ns network
	away
	drained
	bring_back --empty-ns network
	number
	! in_net ip address show dev lo | grep -q 192.0.2.7 || fail "it should have failed"
}

@test "--lsm-profile: another AppArmor profile; --lsm-mount-context is handed on" {
	needs_criu
	start_counting
	save
	away
	fake_criu 'timeout 2 cat <&3 >"$SAID"; exit 1'
	expect 1 env SAID="$WORK/said" "$WOODY" --root "$ROOT" --criu "$WORK/criu" restore -d --image-path "$IMAGES" \
		--lsm-mount-context system_u:object_r:some_t:s0 --lsm-profile selinux:other_t "$ID"
	grep -aq system_u:object_r:some_t:s0 "$WORK/said"
	grep -aq selinux:other_t "$WORK/said"
	grep -qs Y /sys/module/apparmor/parameters/enabled || skip "no AppArmor: cat /sys/module/apparmor/parameters/enabled"
	PROFILES="woody-before-$$ woody-after-$$"
	local name
	for name in $PROFILES; do
		printf 'profile %s flags=(attach_disconnected,mediate_deleted) { file, capability, signal, network, mount, ptrace, unix, }\n' "$name"
	done | apparmor_parser --skip-cache --replace
	config '.process.apparmorProfile = $p' --arg p "woody-before-$$"
	start_counting
	rm -r "$IMAGES"
	save
	away
	drained
	bring_back
	same "$(cat "/proc/$(woody state "$ID" | jq .pid)/attr/current")" "woody-before-$$ (enforce)"
	rm -r "$IMAGES"
	save
	away
	drained
	bring_back --lsm-profile "apparmor:woody-after-$$"
	same "$(cat "/proc/$(woody state "$ID" | jq .pid)/attr/current")" "woody-after-$$ (enforce)"
	number
}

@test "a container that CRIU cannot save goes on" {
	needs_criu
	# a connection, and no --tcp-established
	ln -sf busybox "$ROOTFS/bin/nc"
	ln -sf busybox "$ROOTFS/bin/ip"
	program sh -c 'ip link set lo up; nc -l -p 99 >/dev/null </dev/zero & sleep 1; exec nc 127.0.0.1 99 </dev/zero >/dev/null'
	config '.process.capabilities[] += ["CAP_NET_ADMIN"]'
	pipes
	with_pipes woody run -d "$ID"
	soon sh -c "grep -q ' 01 ' /proc/$(woody state "$ID" | jq .pid)/net/tcp"
	expect 1 woody checkpoint --image-path "$IMAGES" "$ID"
	says "criu failed to checkpoint the container: Error (criu/"
	says "tcp"
	says "see the log '$IMAGES/dump.log'"
	status_is running
	expect 0 woody exec "$ID" true
	expect 0 woody checkpoint --image-path "$IMAGES-2" --tcp-established "$ID"
	away
}
