# The attacks that this field has seen, each really tried: nothing of the host changes, and the error says why.
load helpers

# bait - a copy of the runtime that may be overwritten without harm, and what it needs inside to run there
bait() {
	cp "$WOODY" "$WORK/bait"
	chmod 755 "$WORK/bait"
	local library
	for library in $(ldd "$WOODY" 2>/dev/null | grep -o '/[^ ]*'); do
		cp -L --parents "$library" "$ROOTFS"
	done
	BEFORE=$(sha256sum <"$WORK/bait")
	mkfifo "$ROOTFS/fifo"	# --log of it blocks: the runtime stays to be looked at
}

untouched() {
	same "$(sha256sum <"$WORK/bait")" "$BEFORE"
	expect 0 "$WORK/bait" --version
}

# attacker - in the container, as root with all capabilities; its findings are in $WORK/attack
attacker() {
	all_capabilities
	writable
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	program probe overwrite /bin/busybox
	detached "$WORK/bait" --root "$ROOT" run -d --pid-file "$WORK/pid" "$ID"
	PID=$(cat "$WORK/pid")
	mv "$WORK/stdout" "$WORK/attack"
	soon grep -q ready "$WORK/attack"
}

# lure COMMAND... - a process in the container that executes the runtime, until the attacker has got hold of it
lure() {
	"$@" </dev/null >"$WORK/lure" 2>&1 3>&- &
	local lured=$!
	soon grep -q caught "$WORK/attack"
	sleep 0.2	# it strikes all the time
	kill -KILL $lured
	wait $lured || true
	sleep 0.2
}

cleanup() {
	if [ -n "${HELPER:-}" ]; then
		kill -KILL "$HELPER"
		wait "$HELPER" || true
	fi
}

# ---- CVE-2019-5736: the container overwrites the runtime ----

@test "CVE-2019-5736: the attack succeeds against a naive runtime" {
	# without this the tests below would prove nothing
	cp "$WOODY" "$WORK/bait"
	attacker
	cp "$WOODY_TESTBIN/probe" "$WORK/naive"
	run "$WORK/naive" enter "$PID" /proc/self/exe
	soon grep -q caught "$WORK/attack"
	soon grep -q overwritten "$WORK/attack"
	same "$(head -c 13 "$WORK/naive")" "#!/overwritte"
}

@test "CVE-2019-5736: exec of /proc/self/exe while the container attacks" {
	bait
	attacker
	lure "$WORK/bait" --root "$ROOT" exec "$ID" /proc/self/exe --root /tmp/none --log /fifo list
	untouched
	woody delete -f "$ID"
	untouched
	same "" "$(grep overwritten "$WORK/attack")"
}

@test "CVE-2019-5736: exec of a script whose interpreter is /proc/self/exe" {
	bait
	printf '#!/proc/self/exe\n' >"$ROOTFS/bin/script"
	chmod 755 "$ROOTFS/bin/script"
	attacker
	local i
	for i in {1..20}; do
		run "$WORK/bait" --root "$ROOT" exec "$ID" /bin/script
		differ "$status" 0
	done
	untouched
	woody delete -f "$ID"
	untouched
}

@test "CVE-2019-5736: exec of an innocent program, many times, while the container attacks" {
	bait
	attacker
	local i
	for i in {1..30}; do
		expect 0 "$WORK/bait" --root "$ROOT" exec "$ID" /bin/true
	done
	untouched
	woody delete -f "$ID"
	untouched
}

@test "CVE-2019-5736: a container whose program is /proc/self/exe, attacked by exec" {
	bait
	all_capabilities
	writable
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	program /proc/self/exe --root /tmp/none --log /fifo list
	detached "$WORK/bait" --root "$ROOT" run -d "$ID"
	"$WORK/bait" --root "$ROOT" exec "$ID" probe overwrite /bin/busybox </dev/null >"$WORK/attack" 2>&1 3>&- &
	HELPER=$!
	soon grep -q caught "$WORK/attack"
	sleep 0.2
	untouched
	woody delete -f "$ID"
	wait "$HELPER" || true
	unset HELPER
	untouched
	same "" "$(grep overwritten "$WORK/attack")"
}

@test "CVE-2019-5736: through a startContainer hook" {
	bait
	all_capabilities
	writable
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	# the first executes us inside; the second keeps init's executable open and tries to write to it, also when init has become
	# the program
	config '.hooks.startContainer = [{ path: "/proc/self/exe", args: ["x", "list"] },
		{ path: "/bin/sh", args: ["sh", "-c", $script] }]' --arg script 'exec 3</proc/1/exe >/dev/null 2>&1; (i=0
		while [ $i -lt 3000 ]; do echo owned >/proc/self/fd/3 && touch /owned; i=$((i + 1)); done; touch /tried) & exit 0'
	config '.hooks.startContainer |= .[1:] + .[:1]'
	program sleep 1000
	# the second hook may fail: there are no libraries where it is not static
	attempt_any timeout 20 "$WORK/bait" --root "$ROOT" run -d "$ID"
	soon test -e "$ROOTFS/tried" -o ! -e "$ROOT/$ID"
	[ ! -e "$ROOTFS/owned" ]
	untouched
	woody delete -f "$ID"
	untouched
}

# attempt_any COMMAND... - whatever its exit code is
attempt_any() {
	"$@" </dev/null >"$WORK/stdout" 2>"$WORK/stderr" 3>&- || true
}

# ---- CVE-2024-21626: a descriptor of the host as a way out ----

@test "CVE-2024-21626: process.cwd is a descriptor" {
	echo secret >"$WORK/secret"
	program sh -c 'cat "$0/../../../../../../../../../../../..$1/secret" && echo ESCAPED' . "$WORK"
	local fd
	for fd in {3..20}; do
		config '.process.cwd = "/proc/self/fd/" + $fd' --arg fd $fd
		# the caller has descriptors of directories, too
		run bash -c 'for fd in {3..12}; do eval "exec $fd</tmp"; done; exec "$0" --root "$1" run "$2"' "$WOODY" "$ROOT" "$ID"
		[[ "$output" != *ESCAPED* ]] || fail "fd $fd: $output"
		differ "$status" 0
	done
	ln -s /proc/self/fd/7 "$ROOTFS/link"
	config '.process.cwd = "/link"'
	run woody run "$ID"
	[[ "$output" != *ESCAPED* ]]
}

@test "CVE-2024-21626: exec --cwd is a descriptor" {
	echo secret >"$WORK/secret"
	start_sleeping
	local fd
	for fd in {3..20}; do
		run bash -c 'for fd in {3..12}; do eval "exec $fd</tmp"; done; exec "$@"' bash "$WOODY" --root "$ROOT" \
			exec --cwd "/proc/self/fd/$fd" "$ID" sh -c 'cat "./../../../../../../../../../../../..$0/secret" && echo ESCAPED' "$WORK"
		[[ "$output" != *ESCAPED* ]] || fail "fd $fd: $output"
		differ "$status" 0
	done
}

@test "CVE-2024-21626: the program is reached through a descriptor, by run and by exec" {
	# a program of the host, which the container must not execute: it could overwrite it then
	cp /bin/busybox "$WORK/busybox"
	local fd up=../../../../../../../../../..
	for fd in {3..20}; do
		program "/proc/self/fd/$fd/$up$WORK/busybox" echo ESCAPED
		run bash -c 'for fd in {3..12}; do eval "exec $fd</tmp"; done; exec "$0" --root "$1" run "$2"' "$WOODY" "$ROOT" "$ID"
		[[ "$output" != *ESCAPED* ]] || fail "run, fd $fd: $output"
		differ "$status" 0
	done
	start_sleeping
	for fd in {3..20}; do
		run bash -c 'for fd in {3..12}; do eval "exec $fd</tmp"; done; exec "$@"' bash "$WOODY" --root "$ROOT" \
			exec "$ID" "/proc/self/fd/$fd/$up$WORK/busybox" echo ESCAPED
		[[ "$output" != *ESCAPED* ]] || fail "exec, fd $fd: $output"
		differ "$status" 0
	done
}

@test "CVE-2024-21626: the program is reached through a descriptor, in a user namespace with id-mapped sources" {
	# here the parent opens sources for the child: more descriptors
	mkdir "$WORK/source"
	cp /bin/busybox "$WORK/busybox"
	chown -R 100000:100000 "$ROOTFS"
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings | .process.args = ["x", "echo", "ESCAPED"]
		| .mounts += [{ destination: "/mnt", type: "bind", source: $source, options: ["rbind"] }]' --arg source "$WORK/source"
	cp config.json "$WORK/kept.json"
	local fd
	for fd in {3..30}; do
		sed "s:\"x\":\"/proc/self/fd/$fd/../../../../../../../../../..$WORK/busybox\":" "$WORK/kept.json" >config.json
		run woody run "$ID"
		[[ "$output" != *ESCAPED* ]] || fail "fd $fd: $output"
		differ "$status" 0
	done
}

@test "CVE-2024-21626: the interpreter of a script is reached through a descriptor" {
	cp /bin/busybox "$WORK/sh"
	local fd
	for fd in {3..16}; do
		printf '#!/proc/self/fd/%s/../../../../../../../../..%s/sh\necho ESCAPED\n' $fd "$WORK" >"$ROOTFS/bin/script"
		chmod 755 "$ROOTFS/bin/script"
		program /bin/script
		run woody run "$ID"
		[[ "$output" != *ESCAPED* ]] || fail "fd $fd: $output"
		differ "$status" 0
	done
}

@test "only 0-2 are open inside, whatever the caller has open" {
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	program probe fds
	expect 0 bash -c 'for fd in {3..30}; do eval "exec $fd</etc/passwd"; done; exec "$0" --root "$1" run "$2"' "$WOODY" "$ROOT" "$ID"
	same "$(cut -d' ' -f1 <<<"$output" | tr '\n' ' ')" "0 1 2 "
	start_sleeping
	same "$(ls "/proc/$PID/fd" | tr '\n' ' ')" "0 1 2 "
	expect 0 bash -c 'for fd in {3..30}; do eval "exec $fd</etc/passwd"; done; exec "$0" --root "$1" exec "$2" probe fds' "$WOODY" "$ROOT" "$ID"
	same "$(cut -d' ' -f1 <<<"$output" | tr '\n' ' ')" "0 1 2 "
}

@test "ten thousand descriptors of the caller" {
	[ "$(ulimit -n)" -ge 11000 ] || skip "ulimit -n is $(ulimit -n)"
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	program probe fds
	expect 0 bash -c 'for ((i = 0; i < 10000; i++)); do exec {fd}</dev/null; done; exec "$0" --root "$1" run "$2"' "$WOODY" "$ROOT" "$ID"
	same "$(cut -d' ' -f1 <<<"$output" | tr '\n' ' ')" "0 1 2 "
}

@test "init that waits for start holds no directory of the host, and none of its cgroups" {
	program sleep 1000
	detached woody create --pid-file "$WORK/pid" "$ID"
	local pid held
	pid=$(cat "$WORK/pid")
	held=$(find "/proc/$pid/fd" -mindepth 1 -printf '%f %l\n' | awk '$1 > 2')
	[[ "$held" != *"$ROOT"* ]] || fail "$held"
	[[ "$held" != */sys/fs/cgroup* ]] || fail "$held"
	[[ "$held" != *"$BUNDLE"* ]] || fail "$held"
}

# ---- mount targets ----

@test "CVE-2021-30465: targets that are symlinks to the host, directories" {
	mkdir "$WORK/host" "$WORK/source"
	echo mine >"$WORK/host/file"
	ln -s "$WORK/host" "$ROOTFS/absolute"
	ln -s "../../../../../../../../../..$WORK/host" "$ROOTFS/relative"
	local target
	for target in absolute relative absolute/new relative/new/deep; do
		config '.mounts += [{ destination: ("/" + $target), type: "bind", source: $source, options: ["rbind"] },
			{ destination: ("/" + $target + "/tmpfs"), type: "tmpfs", source: "tmpfs" }]' --arg target $target --arg source "$WORK/source"
		run woody run "$ID"
		config '.mounts |= .[:-2]'
		same "$(find "$WORK/host" -printf '%P ')" " file "
	done
	same "$(cat "$WORK/host/file")" mine
}

@test "CVE-2021-30465: targets that are symlinks to the host, files" {
	echo mine >"$WORK/host"
	echo theirs >"$WORK/source"
	ln -s "$WORK/host" "$ROOTFS/existing"
	ln -s "$WORK/new" "$ROOTFS/dangling"
	ln -s "../../../../../../../../../..$WORK/new" "$ROOTFS/climbing"
	local target
	for target in existing dangling climbing; do
		config '.mounts += [{ destination: ("/" + $target), type: "bind", source: $source, options: ["bind"] }]' \
			--arg target $target --arg source "$WORK/source"
		inside 0 "cat /$target"
		prints theirs
		config '.mounts |= .[:-1]'
	done
	same "$(cat "$WORK/host")" mine
	[ ! -e "$WORK/new" ]
}

@test "CVE-2021-30465, CVE-2024-45310: a target that is exchanged for a symlink while we mount" {
	mkdir -p "$WORK/host" "$ROOTFS/volume/target" "$WORK/source"
	ln -s "$WORK/host" "$ROOTFS/volume/link"
	"$WOODY_TESTBIN/probe" swap "$ROOTFS/volume/target" "$ROOTFS/volume/link" >"$WORK/swap" 2>&1 3>&- &
	HELPER=$!
	soon grep -q ready "$WORK/swap"
	config '.mounts += [{ destination: "/volume/target/made", type: "bind", source: $source, options: ["rbind"] },
		{ destination: "/volume/target/tmp/deep", type: "tmpfs", source: "tmpfs" }]' --arg source "$WORK/source"
	program true
	local i
	for i in {1..25}; do
		run woody run "$ID"	# the target may vanish under us; that is an error, no harm
	done
	kill -0 "$HELPER"	# it has exchanged all the time
	same "$(find "$WORK/host" "$WORK/source" -mindepth 1)" ""
}

@test "CVE-2019-19921: /proc or /sys of the rootfs is no ordinary directory" {
	mkdir "$ROOTFS/elsewhere"
	local what
	program true
	for what in proc sys; do
		rmdir "$ROOTFS/$what"
		ln -s /elsewhere "$ROOTFS/$what"
		refused "must be mounted on ordinary directory"
		rm "$ROOTFS/$what"
		ln -s "$WORK" "$ROOTFS/$what"
		refused "must be mounted on ordinary directory"
		rm "$ROOTFS/$what"
		echo >"$ROOTFS/$what"
		refused "must be mounted on ordinary directory"
		rm "$ROOTFS/$what"
		mkdir "$ROOTFS/$what"
	done
	# by way of a directory that is one
	ln -s elsewhere "$ROOTFS/way"
	config '.mounts[0].destination = "/way/proc"'
	refused "must be mounted on ordinary directory"
}

@test "CVE-2019-16884: a volume in the place of /proc receives no sysctl" {
	mkdir -p "$WORK/fake/sys/kernel" "$WORK/fake/self/attr" "$WORK/fake/self/fd"
	echo 0 | tee "$WORK/fake/sys/kernel/shmmni" "$WORK/fake/self/oom_score_adj" "$WORK/fake/self/attr/exec" >/dev/null
	config '.mounts |= map(if .destination == "/proc" then { destination: "/proc", type: "bind", source: $fake, options: ["rbind"] } else . end)
		| .linux.sysctl = { "kernel.shmmni": "4000" } | .process.oomScoreAdj = 500' --arg fake "$WORK/fake"
	program true
	run woody run "$ID"
	same "$(cat "$WORK/fake/sys/kernel/shmmni" "$WORK/fake/self/oom_score_adj" "$WORK/fake/self/attr/exec" | tr '\n' ' ')" "0 0 0 "
}

# ---- /dev ----

@test "CVE-2026-41579, CVE-2026-47766: /dev of the rootfs is a symlink to the host: no node appears there" {
	mkdir "$WORK/host"
	rmdir "$ROOTFS/dev"
	ln -s "$WORK/host" "$ROOTFS/dev"
	config '.linux.devices = [{ path: "/dev/planted", type: "c", major: 1, minor: 3, fileMode: 438 }]'
	program true
	run woody run "$ID"	# with the default's tmpfs on /dev
	same "$(find "$WORK/host" -mindepth 1)" ""
	config '.mounts |= map(select(.destination | startswith("/dev") | not))'
	run woody run "$ID"	# and without
	same "$(find "$WORK/host" -mindepth 1)" ""
	rm "$ROOTFS/dev"
	ln -s "../../../../../../../../../..$WORK/host" "$ROOTFS/dev"
	run woody run "$ID"
	same "$(find "$WORK/host" -mindepth 1)" ""
}

@test "CVE-2025-31133: /dev/null of the rootfs is something else: masked paths show none of it" {
	echo 'the attacker reads this' >"$ROOTFS/etc/bait"
	echo 'what is to be hidden' >"$ROOTFS/etc/hidden"
	config '.mounts |= map(select(.destination | startswith("/dev") | not)) | .linux.maskedPaths = ["/etc/hidden"]'
	local how
	for how in file link socket; do
		rm -f "$ROOTFS/dev/null"
		case $how in
		file) echo 'the attacker reads this' >"$ROOTFS/dev/null" ;;
		link) ln -s /etc/bait "$ROOTFS/dev/null" ;;
		socket) mknod "$ROOTFS/dev/null" c 1 5 ;;	# zero
		esac
		program sh -c 'head -c 64 /etc/hidden'
		run --separate-stderr woody run "$ID"
		same "$output" ""
		if [ "$status" -ne 0 ]; then says null; fi
		rm -rf "${ROOTFS:?}/dev" && mkdir "$ROOTFS/dev"
	done
}

@test "CVE-2025-52565: /dev/console of the rootfs is a symlink to the host" {
	echo mine >"$WORK/host"
	ln -s "$WORK/host" "$ROOTFS/dev/console"
	ln -s "$WORK/new" "$ROOTFS/dev/other"
	config '.process.terminal = true | .mounts |= map(select(.destination != "/dev" and .destination != "/dev/shm" and .destination != "/dev/mqueue"))'
	program true
	run woody run "$ID" </dev/null
	same "$(cat "$WORK/host")" mine
	same "$(stat -c %F "$WORK/host")" "regular file"
	rm "$ROOTFS/dev/console"
	ln -s "$WORK/new" "$ROOTFS/dev/console"
	run woody run "$ID" </dev/null
	[ ! -e "$WORK/new" ]
}

# ---- names and paths ----

@test "sysctl names that climb are refused, and the host's values stay" {
	local before name
	before=$(cat /proc/sys/kernel/core_pattern /proc/sys/vm/swappiness /proc/sys/kernel/hostname)
	program true
	for name in net.../../kernel/core_pattern net/../kernel/core_pattern net./../kernel/core_pattern net/../../../etc/x \
		kernel.shm/../core_pattern fs.mqueue/../../vm/swappiness ../kernel/core_pattern /kernel/core_pattern kernel.hostname/.. net. net ..; do
		config '.linux.sysctl = { ($name): "17" }' --arg name "$name"
		refused sysctl
	done
	same "$(cat /proc/sys/kernel/core_pattern /proc/sys/vm/swappiness /proc/sys/kernel/hostname)" "$before"
}

@test "an id cannot leave --root" {
	mkdir -p "$WORK/elsewhere"
	cp "$BUNDLE/config.json" "$WORK/elsewhere/"
	echo '{}' >"$WORK/elsewhere/state.json"
	local command
	for command in state kill start "delete -f" delete; do
		expect 1 woody $command ../elsewhere
		says "container ID"
	done
	expect 255 woody exec ../elsewhere true
	[ -e "$WORK/elsewhere/state.json" ]
	ln -s "$WORK/elsewhere" "$ROOT/$ID"
	run woody delete -f "$ID"
	[ -e "$WORK/elsewhere/state.json" ]
	rm -f "$ROOT/$ID"
}

@test "cgroupsPath cannot leave its hierarchy" {
	local path
	for path in "/../../../..$WORK/$ID" "../../../../../../..$WORK/$ID" "/$ID/../../../../..$WORK/$ID" "/a/../../$ID"; do
		config '.linux.cgroupsPath = $path' --arg path "$path"
		program sh -c 'cat /proc/self/cgroup'
		run --separate-stderr woody run "$ID"
		[ ! -e "$WORK/$ID" ]
		[[ "$output" != */..* ]] || fail "$path: $output"
		if [ "$status" -ne 0 ]; then says cgroup; fi
		find /sys/fs/cgroup -mindepth 2 -depth -type d -path "*$WORK*" -exec rmdir {} + 2>/dev/null || true
	done
	# what the parents were made of
	find /sys/fs/cgroup -mindepth 2 -depth -type d \( -path "*${BATS_RUN_TMPDIR##*/}*" -o -path "*$ID*" \) -exec rmdir {} + 2>/dev/null || true
	for d in /sys/fs/cgroup/*/a /sys/fs/cgroup/*/tmp; do rmdir "$d" 2>/dev/null || true; done
}

@test "a recycled pid in a stale state: nothing is killed, nothing entered" {
	start_sleeping
	woody kill "$ID" KILL
	soon stopped
	sleep 1000 </dev/null >/dev/null 2>&1 3>&- &
	HELPER=$!
	sed -i "s/\"pid\":$PID\b/\"pid\":$HELPER/" "$ROOT/$ID/state.json"
	grep -q "\"pid\":$HELPER" "$ROOT/$ID/state.json"
	status_is stopped
	expect 1 woody kill "$ID" KILL
	says "container not running"
	expect 255 woody exec "$ID" true
	expect 0 woody kill -a "$ID" KILL
	expect 0 woody delete -f "$ID"
	kill -0 $HELPER
	grep -q '^State:.S' "/proc/$HELPER/status"
}

@test "a state of an earlier boot: nothing is killed" {
	start_sleeping
	woody kill "$ID" KILL
	soon stopped
	sleep 1000 </dev/null >/dev/null 2>&1 3>&- &
	HELPER=$!
	local since
	since=$(sed 's/.*) //' "/proc/$HELPER/stat" | cut -d' ' -f20)
	jq -c --argjson pid $HELPER --argjson since "$since" '.pid = $pid | .startTime = $since | .bootId = "00000000-0000-0000-0000-000000000000"' \
		"$ROOT/$ID/state.json" >"$WORK/state.json"
	cat "$WORK/state.json" >"$ROOT/$ID/state.json"
	status_is stopped
	expect 1 woody kill "$ID" KILL
	expect 0 woody delete -f "$ID"
	kill -0 $HELPER
}

@test "the state is the caller's alone" {
	program sleep 1000
	config '.process.env += ["PASSWORD=secret"]'
	detached "$WOODY" --root "$WORK/made/here" create "$ID"
	same "$(stat -c %a "$WORK/made/here" "$WORK/made/here/$ID" | tr '\n' ' ')" "700 700 "
	same "$(find "$WORK/made/here/$ID" -type f -perm /077)" ""
	"$WOODY" --root "$WORK/made/here" delete -f "$ID"
}

@test "CVE-2020-15257: no abstract socket of ours, while a container waits and while it runs" {
	program sleep 1000
	config 'del(.linux.namespaces[] | select(.type == "network"))'
	expect 0 unshare --net sh -c '"$1" --root "$2" create "$3" >/dev/null 2>&1 </dev/null; cat /proc/net/unix; "$1" --root "$2" start "$3"; cat /proc/net/unix' \
		sh "$WOODY" "$ROOT" "$ID"
	[[ "$output" != *@* ]] || fail "$output"
	matches start.sock
}

@test "CVE-2022-24769, CVE-2022-29162, CVE-2022-27650: nothing is inheritable by default, for run and exec" {
	program sh -c 'grep CapInh /proc/self/status | tr -d "\t"'
	expect 0 woody run "$ID"
	prints CapInh:0000000000000000
	start_sleeping
	expect 0 woody exec --cap CAP_CHOWN "$ID" sh -c 'grep -E "Cap(Inh|Amb)" /proc/self/status | tr -d "\t"'
	prints $'CapInh:0000000000000000\nCapAmb:0000000000000000'
}

# ---- sizes ----

@test "ten thousand arguments, and a large environment" {
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	config '.process.args = ["probe", "count"] + [range(10000) | tostring] | .process.env = ["PATH=/bin"] + [range(1000) | "V\(.)=" + ("x" * 500)]'
	expect 0 woody run "$ID"
	matches '^10002 5[0-9]{5}$'
}

@test "more than execve takes is one sentence, and nothing stays" {
	config '.process.env += ["BIG=" + ("x" * 200000)]'
	program true
	expect 1 woody run "$ID"
	says "rgument list too long"
	[ ${#stderr} -lt 2000 ]
	gone
}

# big_config BYTES - an annotation of that size; jq would take seconds
big_config() {
	local text
	text=$(jq -c 'del(.annotations)' "$BATS_FILE_TMPDIR/template/config.json")
	text=${text//@ID@/$ID}
	{ printf '%s' "${text%\}},\"annotations\":{\"big\":\""; head -c "$1" /dev/zero | tr '\0' x; printf '"}}'; } >config.json
}

@test "a config.json of more than 16 MiB is refused, one of 8 MiB is not" {
	big_config 17000000
	refused config.json
	[ ${#stderr} -lt 2000 ]
	# /dev/zero is endless
	attempt 1 woody create --config /dev/zero "$ID"
	big_config 8000000
	program true
	expect 0 woody run "$ID"
}

@test "JSON that is nested too deeply is refused, also by the hundred thousand" {
	local levels
	for levels in 65 1000 200000; do
		jq -c . "$BATS_FILE_TMPDIR/template/config.json" | sed 's/}$//' >config.json
		{ printf ',"deep":'; printf '[%.0s' $(seq $levels); printf ']%.0s' $(seq $levels); echo '}'; } >>config.json
		refused config.json
	done
	cp "$BATS_FILE_TMPDIR/template/config.json" config.json
	config '.deep = ([] | until([.. | select(type == "array")] | length > 59; [.])) | .linux.cgroupsPath = "/" + $id' --arg id "$ID"
	program true
	expect 0 woody run "$ID"
}

@test "a thousand mounts" {
	mkdir "$WORK/source"
	config '.mounts += [range(1000) | { destination: "/tmp/m\(.)", type: "bind", source: $source, options: ["bind", "ro"] }]' --arg source "$WORK/source"
	inside 0 'grep -c " /tmp/m" /proc/self/mountinfo'
	prints 1000
}

# ---- more of the same, raced or redirected ----

# exchange A B - they change places all the time from now on
exchange() {
	"$WOODY_TESTBIN/probe" swap "$1" "$2" >"$WORK/swap" 2>&1 3>&- &
	HELPER=$!
	soon grep -q ready "$WORK/swap"
}

@test "CVE-2024-45310: no file and no directory is made on the host, whatever a target is exchanged for" {
	mkdir -p "$WORK/host" "$ROOTFS/volume/target"
	echo source >"$WORK/source"
	ln -s "$WORK/host" "$ROOTFS/volume/link"
	exchange "$ROOTFS/volume/target" "$ROOTFS/volume/link"
	config '.mounts += [{ destination: "/volume/target/file", type: "bind", source: $source, options: ["bind"] },
		{ destination: "/volume/target/a/b/file", type: "bind", source: $source, options: ["bind"] }]
		| .linux.devices = [{ path: "/volume/target/node", type: "c", major: 1, minor: 3 }]' --arg source "$WORK/source"
	program true
	local i
	for i in {1..20}; do
		run woody run "$ID"
	done
	kill -0 "$HELPER"
	same "$(find "$WORK/host" -mindepth 1)" ""
	same "$(cat "$WORK/source")" source
}

@test "CVE-2023-27561, CVE-2023-28642: /proc and /sys are symlinks into a volume" {
	mkdir -p "$WORK/volume/proc" "$WORK/volume/sys"
	local what
	program true
	for what in proc sys; do
		rmdir "$ROOTFS/$what"
		ln -s "volume/$what" "$ROOTFS/$what"
		config '.mounts |= [{ destination: "/volume", type: "bind", source: $volume, options: ["rbind"] }] + .' --arg volume "$WORK/volume"
		refused "must be mounted on ordinary directory"
		config '.mounts |= .[1:]'
		rm "$ROOTFS/$what"
		mkdir "$ROOTFS/$what"
	done
	same "$(find "$WORK/volume/proc" "$WORK/volume/sys" -mindepth 1)" ""
}

# keep_trying COMMAND... - for six seconds, and at least twenty times
keep_trying() {
	local end=$((SECONDS + 6)) tries	# not i, which belongs to `run`
	for ((tries = 0; tries < 20 || SECONDS < end; tries++)); do
		"$@"
	done
	kill -0 "$HELPER"	# it has exchanged all the time
}

# mask_once - whether it was refused or not is chance; what is seen is not
mask_once() {
	run --separate-stderr woody run "$ID"
	same "$output" ""
	if [ "$status" -eq 0 ]; then
		ran=$((ran + 1))
	else
		[[ "$stderr" == *null* ]] || fail "$stderr"
		refused=$((refused + 1))
	fi
}

@test "CVE-2025-31133: /dev/null that is exchanged while masks are made shows nothing else" {
	mkdir "$WORK/dev"
	echo 'the attacker reads this' | tee "$ROOTFS/etc/bait" "$WORK/host" >/dev/null
	echo 'what is to be hidden' | tee "$ROOTFS"/etc/hidden{1,2,3} >/dev/null
	config '.mounts |= map(select(.destination | startswith("/dev") | not)) + [{ destination: "/dev", type: "bind", source: $dev, options: ["bind"] }]
		| .linux.maskedPaths = ["/etc/hidden1", "/etc/hidden2", "/etc/hidden3"]' --arg dev "$WORK/dev"
	program sh -c 'head -c 64 /etc/hidden1 /etc/hidden2 /etc/hidden3 | grep -v -e "==>" -e "^$"; true'
	local other ran refused
	for other in "link /etc/bait" "link $WORK/host" "file"; do
		ran=0 refused=0
		rm -f "$WORK"/dev/{null,other}
		mknod -m 666 "$WORK/dev/null" c 1 3
		case $other in
		link*) ln -s "${other#* }" "$WORK/dev/other" ;;
		file) cp "$WORK/host" "$WORK/dev/other" ;;
		esac
		exchange "$WORK/dev/null" "$WORK/dev/other"
		keep_trying mask_once
		kill "$HELPER"
		wait "$HELPER" || true
		# both were met: it was a race
		[ "$ran" -gt 0 ] && [ "$refused" -gt 0 ] || fail "$other: $ran ran, $refused were refused"
	done
}

@test "CVE-2025-52565: /dev/console that is exchanged for a symlink to the host while the terminal is set up" {
	mkdir "$WORK/dev"
	echo mine >"$WORK/host"
	touch "$WORK/dev/console"
	ln -s "$WORK/host" "$WORK/dev/other"
	mkdir "$WORK/dev/pts"
	config '.process.terminal = true | .mounts |= map(select(.destination | startswith("/dev") | not)) +
		[{ destination: "/dev", type: "bind", source: $dev, options: ["bind"] },
		 { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance", "ptmxmode=0666", "mode=0620"] }]' --arg dev "$WORK/dev"
	program sh -c 'echo written >/dev/console; true'
	exchange "$WORK/dev/console" "$WORK/dev/other"
	local i
	for i in {1..20}; do
		run woody run "$ID" </dev/null
	done
	kill -0 "$HELPER"
	same "$(cat "$WORK/host")" mine
}

@test "CVE-2025-52881: what is mounted over parts of /proc receives no write of ours" {
	mkdir -p "$WORK/fake"
	echo 0 | tee "$WORK/fake/shmmni" "$WORK/fake/hostname" "$WORK/fake/oom_score_adj" "$WORK/fake/exec" "$WORK/fake/setgroups" >/dev/null
	config '.mounts += [{ destination: "/proc/sys/kernel", type: "bind", source: $fake, options: ["bind"] }]
		| .linux.sysctl = { "kernel.shmmni": "4000" } | .process.oomScoreAdj = 500 | .linux.readonlyPaths = []' --arg fake "$WORK/fake"
	start_sleeping
	same "$(cat "$WORK/fake/shmmni" "$WORK/fake/oom_score_adj" "$WORK/fake/exec" | tr '\n' ' ')" "0 0 0 "
	# they went where they belong
	same "$(nsenter --target "$PID" --ipc cat /proc/sys/kernel/shmmni)" 4000
	same "$(cat "/proc/$PID/oom_score_adj")" 500
}

# cover_once - the volume's directory is mounted, wherever its name leads at that moment; nothing of it is written to
cover_once() {
	run --separate-stderr woody run "$ID"
	case $status,$output in
	0,fake) covered=$((covered + 1)) ;;
	0,500) real=$((real + 1)) ;;
	0,*) fail "$output" ;;
	*) refused=$((refused + 1)) ;;
	esac
	same "$(cat "$WORK/host" "$WORK/fake/sys/kernel/shmmni" "$WORK"/fake/self/{oom_score_adj,uid_map,setgroups} | tr '\n' ' ')" "0 0 0 0 0 "
}

@test "CVE-2025-52881: a mount that comes to lie over /proc while we write there receives none of it" {
	mkdir -p "$WORK"/fake/{sys/kernel,self/attr,self/fd,thread-self/attr} "$ROOTFS/volume/target"
	echo 0 | tee "$WORK/host" "$WORK/fake/sys/kernel/shmmni" "$WORK"/fake/self/{oom_score_adj,uid_map,setgroups} >/dev/null
	ln -s "$WORK/host" "$WORK/fake/self/attr/exec"
	ln -s "$WORK/host" "$WORK/fake/thread-self/attr/exec"
	ln -s "$WORK/host" "$WORK/fake/sys/kernel/msgmni"
	ln -s /proc "$ROOTFS/volume/link"
	exchange "$ROOTFS/volume/target" "$ROOTFS/volume/link"
	config '.mounts += [{ destination: "/volume/target", type: "bind", source: $fake, options: ["rbind"] }]
		| .linux.sysctl = { "kernel.shmmni": "4000", "kernel.msgmni": "77" } | .process.oomScoreAdj = 500
		| .linux.readonlyPaths = [] | .linux.maskedPaths = []' --arg fake "$WORK/fake"
	if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]; then config '.process.apparmorProfile = "unconfined"'; fi
	echo fake >"$WORK/fake/marker"
	program sh -c 'cat /proc/marker 2>/dev/null || cat /proc/self/oom_score_adj'
	local covered=0 real=0 refused=0
	keep_trying cover_once
	# both were met: it was a race
	[ "$real" -gt 0 ] && [ $((covered + refused)) -gt 0 ] || fail "$real times not covered, $covered times covered, $refused times refused"
}

@test "CVE-2026-30892: exec --user is the whole text, or refused" {
	start_sleeping
	local user
	for user in "" : 0x0 "0 " " 0" +0 -1 1000:x 1000:-1 1000:0x 4294967296 4294967295 18446744073709551616 1000:0:0 0,1 1e3 "1000;0" root: root:nosuch nosuch; do
		run woody exec --user "$user" "$ID" id -u
		same "$user: $status" "$user: 255"
		[[ "$output" == *--user* ]] || fail "$user: $output"
	done
	expect 0 woody exec --user 1000:1000 "$ID" sh -c 'id -u; id -g'
	prints $'1000\n1000'
}

@test "exec --cgroup cannot leave the container's cgroup" {
	start_sleeping
	local path
	for path in .. ../.. x/../../.. pids:../.. pids:/../.. /../..; do
		run woody exec --cgroup "$path" "$ID" cat /proc/self/cgroup
		same "$path: $status" "$path: 255"
	done
}

@test "annotations are data: quotes, newlines and paths in them do nothing" {
	config '.annotations = { "../../x": "../../../etc", "a\"b": "line\nnext\u0001", "run.oci.hooks.stderr": "/etc/woody-was-here" }'
	start_sleeping
	same "$(woody state "$ID" | jq -r '.annotations["a\"b"]' | head -n 1)" line
	expect 0 woody list
	[ "$(wc -l <<<"$output")" -eq 2 ]
	[ ! -e /etc/woody-was-here ]
}

@test "the state of another user is not used" {
	start_sleeping
	chmod -R a+rX "$ROOT" "$WORK"
	chmod 711 "$WORK"
	local words
	for words in "state $ID" "kill $ID KILL" "delete -f $ID" "exec $ID true"; do
		# shellcheck disable=SC2086
		run setpriv --reuid 1234 --regid 1234 --clear-groups "$WOODY" --root "$ROOT" $words
		differ "$status" 0
		says "belongs to another user"
	done
	status_is running
}

@test "a fork bomb is held by its limit, and ends with delete" {
	config '.linux.resources.pids = { limit: 40 }'
	program sh -c 'bomb() { bomb | bomb & }; bomb; sleep 1000'
	detached woody run -d --pid-file "$WORK/pid" "$ID"
	sleep 0.5
	same "$(pgrep --ns "$(cat "$WORK/pid")" --nslist pid -c | awk '{ print ($1 <= 41) }')" 1
	expect 0 woody delete -f "$ID"
	gone
}

@test "a memory limit in which nothing can start is a sentence, and nothing stays" {
	config '.linux.resources.memory = { limit: 4096 }'
	program sh -c 'head -c 100000000 /dev/zero | tail -c 1'
	run woody run "$ID"
	differ "$status" 0
	[ ${#output} -lt 2000 ]
	gone
}
