# Bad input: one sentence that names the thing, exit code 1, nothing on stdout, nothing left behind.
load helpers

# one_sentence TEXT... - `create` fails so, and says it in one line
one_sentence() {
	attempt 1 woody create "$ID"
	local text
	for text in "$@"; do says "$text"; done
	same "$output" ""
	same "$(wc -l <<<"$stderr")" 1
	gone
}

prepare() {
	program true
}

@test "no config.json: the bundle is named, and what to do" {
	rm config.json
	one_sentence config.json "$(basename "$BUNDLE")" || one_sentence config.json
	expect 1 woody run -b "$WORK/nowhere" "$ID"
	says "$WORK/nowhere"
	says "woody spec"
}

@test "config.json is no JSON" {
	local text
	for text in '' '{' 'not JSON' '[]' '"string"' '{} {}' '{"ociVersion":"1.0.0",}' $'{"ociVersion":"1.0.0"\x00}'; do
		printf '%s' "$text" >config.json
		one_sentence config.json
	done
	printf '{"ociVersion":"1.0.0","hostname":"a\\u0000b"}' >config.json
	one_sentence hostname
	printf '{"ociVersion":"1.0.0","hostname":"\xff\xfe"}' >config.json
	one_sentence config.json
}

@test "a member of the wrong type is named with its path" {
	cp config.json "$WORK/kept.json"
	local change
	while IFS=: read -r member change; do
		jq "$change" "$WORK/kept.json" >config.json
		one_sentence "$member"
	done <<-'LIST'
	process.user.uid:.process.user.uid = "0"
	process.user.uid:.process.user.uid = -1
	process.user.uid:.process.user.uid = 4294967296
	process.user.gid:.process.user.gid = 1.5
	process.args:.process.args = "sh"
	process.args[1]:.process.args = ["sh", 1]
	process.args:.process.args = []
	process.args:del(.process.args)
	process.cwd:del(.process.cwd)
	process.cwd:.process.cwd = ""
	process.terminal:.process.terminal = "yes"
	process.rlimits[0].soft:.process.rlimits[0].soft = -1
	process.rlimits[0].type:del(.process.rlimits[0].type)
	root.path:.root = {}
	root:del(.root)
	mounts[1].options:.mounts[1].options = "ro"
	mounts[0].destination:del(.mounts[0].destination)
	mounts[0].destination:.mounts[0].destination = ""
	hooks.prestart[0].path:.hooks = { prestart: [{}] }
	linux.namespaces[0].type:.linux.namespaces[0] = {}
	linux.resources.pids.limit:.linux.resources.pids = { limit: "many" }
	linux.resources.memory.limit:.linux.resources.memory = { limit: 9223372036854775808 }
	linux.devices[0].path:.linux.devices = [{ type: "c" }]
	linux.seccomp.defaultAction:.linux.seccomp = {}
	linux.seccomp.syscalls[0].names:.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ action: "SCMP_ACT_ERRNO" }] }
	linux.uidMappings[0].size:.linux.uidMappings = [{ containerID: 0, hostID: 0 }]
	ociVersion:del(.ociVersion)
	ociVersion:.ociVersion = "invalid"
	ociVersion:.ociVersion = "2.0.0"
	LIST
}

@test "what is not known, and null, is passed over" {
	config '.unknown = { a: [1, 2, { b: null }] } | .process.unknown = 1 | .hooks = null | .linux.seccomp = null
		| .annotations = { "some.thing": "" } | .windows = {} | .linux.resources.memory = null'
	expect 0 woody run "$ID"
	silent
}

@test "versions of the runtime-spec" {
	local version
	for version in 1.0.0 1.0.2-dev 1.0.2 1.1.0 1.2.0 1.2.1 1.3.0; do
		config '.ociVersion = $v' --arg v $version
		expect 0 woody run "$ID"
		silent
	done
}

@test "a missing rootfs" {
	config '.root.path = "no/such/rootfs"'
	one_sentence "$BUNDLE/no/such/rootfs"
	config '.root.path = "config.json"'
	one_sentence "$BUNDLE/config.json"
}

@test "a missing program, or one that nobody may execute, at create; a bad one, at start" {
	program no-such-program
	one_sentence 'exec: \"no-such-program\": executable file not found in $PATH'
	program /no/such/program
	one_sentence "no such file or directory"
	program /etc
	one_sentence 'exec: \"/etc\": permission denied'
	program /etc/passwd
	one_sentence 'exec: \"/etc/passwd\": permission denied'
	printf 'neither ELF nor script' >"$ROOTFS/bin/odd"
	chmod 755 "$ROOTFS/bin/odd"
	program odd
	expect 1 woody run "$ID"
	says "exec format error"
	gone
}

@test "a start that fails leaves a container that can be deleted" {
	printf 'neither ELF nor script' >"$ROOTFS/bin/odd"
	chmod 755 "$ROOTFS/bin/odd"
	program odd
	detached woody create "$ID"
	expect 1 woody start "$ID"
	says "exec format error"
	status_is stopped	# at once: engines delete what could not be started
	expect 0 woody delete "$ID"
	gone
}

@test "other errors do not use the words by which engines sort" {
	config '.linux.namespaces |= map(if .type == "network" then . + { path: "/dev/null" } else . end)'
	attempt 1 woody create "$ID"
	[[ "${stderr,,}" != *"executable file not found"* ]]
	[[ "${stderr,,}" != *"permission denied"* ]]
	gone
}

@test "a pid file that cannot be written" {
	attempt 1 woody create --pid-file "$WORK/no/dir/pid" "$ID"
	says "$WORK/no/dir/pid"
	gone
	expect 1 woody run --pid-file "$WORK/no/dir/pid" "$ID"
	gone
}

@test "the state directory cannot be made" {
	touch "$WORK/file"
	expect 1 "$WOODY" --root "$WORK/file" run "$ID"
	says "$WORK/file"
	same "" "$(find /sys/fs/cgroup -type d -name "$ID" 2>/dev/null)"
}

@test "a damaged state is named, and delete --force removes it" {
	start_sleeping
	cp "$ROOT/$ID/state.json" "$WORK/state.json"
	echo '{ "id": 5 }' >"$ROOT/$ID/state.json"
	expect 1 woody state "$ID"
	says "$ID"
	same "$output" ""
	cp "$WORK/state.json" "$ROOT/$ID/state.json"
	status_is running
}

@test "create that is killed leaves something that delete --force removes" {
	config '.hooks.createRuntime = [{ path: "/bin/sleep", args: ["sleep", "30"] }]'
	"$WOODY" --root "$ROOT" create "$ID" </dev/null >"$WORK/stdout" 2>"$WORK/stderr" 3>&- &
	local creator=$!
	local cgroup=/sys/fs/cgroup/pids/$ID
	[ ! -e /sys/fs/cgroup/cgroup.controllers ] || cgroup=/sys/fs/cgroup/$ID
	soon test -d "$cgroup"
	soon pgrep --parent "$creator"
	expect 1 woody delete "$ID"
	local children
	children=$(pgrep --parent "$creator")
	kill -KILL $creator
	wait $creator || true
	# the hook is nobody's now; init saw the end of its channel
	for child in $children; do
		if grep -qz sleep "/proc/$child/cmdline" 2>/dev/null; then kill -KILL "$child"; fi
	done
	soon bash -c "! grep -q . $cgroup/cgroup.procs"
	expect 0 woody list -q
	prints "$ID"
	expect 0 woody delete --force "$ID"
	silent
	gone
}

@test "unknown commands and options: the nearest word, exit code 1" {
	expect 1 woody creat "$ID"
	says create
	same "$output" ""
	expect 1 woody run --detatch "$ID"
	says --detach
	same "$output" ""
	expect 1 woody run "$ID" too many words
	same "$output" ""
	expect 1 woody run --bundle
	expect 1 woody --no-such-option list
	same "$(ls -A "$ROOT")" ""
}

@test "the same error with --log is in the log and on stderr" {
	config '.process.args = []'
	attempt 1 woody --log "$WORK/log" --log-format json create "$ID"
	says process.args
	jq -e 'select(.level == "error") | .msg | contains("process.args")' "$WORK/log"
}

@test "limits that the caller may not raise say so" {
	# below the machine's own end, the sysctl fs.nr_open, beyond which nobody may
	local hard=1000
	ulimit -n "$hard"
	config '.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 10, hard: $hard }]' --argjson hard $((hard + 1))
	if setpriv --dump | grep -q '^Effective.*sys_resource\|^Capability bounding set.*,sys_resource'; then
		expect 0 woody run "$ID"
	else
		one_sentence RLIMIT_NOFILE
	fi
}

@test "linux.intelRdt without resctrl is refused in a sentence, and wrong texts before that" {
	grep -q ' - resctrl ' /proc/self/mountinfo && skip "resctrl is mounted here: grep resctrl /proc/self/mountinfo"
	program true
	config '.linux.intelRdt = { closID: "guaranteed", schemata: ["L3:0=7f0"] }'
	refused "no resctrl file system is mounted"
	config '.linux.intelRdt = { enableMonitoring: true }'
	refused "no resctrl file system is mounted"
	config '.linux.intelRdt = { closID: "../../etc" }'
	refused "linux.intelRdt.closID"
	config '.linux.intelRdt = { memBwSchema: "L3:0=1" }'
	refused "linux.intelRdt.memBwSchema"
	config '.linux.intelRdt = { schemata: ["L3:0=1\nL3:1=1"] }'
	refused "linux.intelRdt.schemata[0]"
}

@test "every command has its help and its man page" {
	local command n=0
	[ -e "${WOODY%/*}/../cli/woody.8" ] || skip "this build has no man pages (-Dman=false)"
	expect 0 woody --help
	for command in $(awk '/^COMMANDS/ { on = 1; next } /^$/ { on = 0 } on && $1 ~ /^[a-z]+$/ && $1 != "help" { print $1 }' <<<"$output"); do
		expect 0 woody "$command" --help
		[ -s "${WOODY%/*}/../cli/woody-$command.8" ] || fail "there is no woody-$command.8"
		n=$((n + 1))
	done
	[ "$n" -ge 18 ] || fail "only $n commands were found"
}
