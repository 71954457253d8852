# What the suites of woody stand on: a private --root, a bundle with a busybox root file system, and a teardown that
# fails the test when anything is left behind.
#
# Environment, set by meson:
#	WOODY		the runtime under test
#	WOODY_TESTBIN	directory with recvtty and probe (static), built from the .c files beside this one
#	WOODY_DENY	system calls that woody is not to have ("fsopen,open_tree", "openat2=EPERM"), see deny.c; or unset
#
# In each test:
#	$ID, $ROOT, $BUNDLE, $ROOTFS	the container's id, --root, bundle and rootfs (writable here, private to the test)
#	$WORK				a directory for anything else; gone after the test
#	config FILTER [JQ OPTION...]	edits $BUNDLE/config.json (no --args: the file comes last)
#	woody ARGS...			$WOODY --root $ROOT ARGS...
#	expect CODE COMMAND...		runs it and checks the exit code; $output is stdout, $stderr is stderr
#	inside CODE SCRIPT		expect CODE, of a container whose program is `sh -c SCRIPT`
#	says TEXT, prints TEXT, silent	about what `expect` caught
#	attempt CODE COMMAND...		the same for a command that must fail, but would leave a process if it did not
#	detached COMMAND...		runs it with files as stdio, so that what stays behind holds no pipe of bats
# The container's capabilities, mounts and the rest are those of `woody spec`; only the terminal is off and the cgroup
# is named, /$ID in every hierarchy, so that it can be looked for.

! declare -F bats_require_minimum_version >/dev/null || bats_require_minimum_version 1.5.0	# images are made without bats, too

: "${WOODY:?the path of the runtime}"
: "${WOODY_TESTBIN:?the directory with recvtty and probe}"
# nothing here takes long; a hang is a failure. Emulated machines need more: WOODY_TEST_TIMEOUT
export BATS_TEST_TIMEOUT=${WOODY_TEST_TIMEOUT:-60}
if ! WOODY=$(command -v "$WOODY"); then
	echo "WOODY is no program" >&2
	exit 1
fi
WOODY=$(realpath "$WOODY")
WOODY_TESTBIN=$(realpath "$WOODY_TESTBIN")
if [ -n "${WOODY_DENY:-}" ] && [ "$WOODY" != "$BATS_RUN_TMPDIR/woody" ]; then
	printf '#!/bin/sh\nexec %q %q %q "$@"\n' "$WOODY_TESTBIN/deny" "$WOODY_DENY" "$WOODY" >"$BATS_RUN_TMPDIR/woody"
	chmod 755 "$BATS_RUN_TMPDIR/woody"
	WOODY=$BATS_RUN_TMPDIR/woody
fi

# what the scripts in containers use; all that busybox has would be hundreds of links to copy for every test
APPLETS="[ awk cat chmod chown cut df echo env false find grep head hostname id kill ls mkdir mknod mount od printf ps pwd readlink
	rm rmdir sed seq sh sleep sort stat stty tail test touch tr true tty umount uname wc"

# make_template - once for each file: the root file system and the configuration that bundles are copied from
make_template() {
	local t=$BATS_FILE_TMPDIR/template applet
	mkdir -p "$t"/rootfs/{bin,dev,etc,proc,root,sys,tmp,var}
	cp /bin/busybox "$t/rootfs/bin/"
	for applet in $APPLETS; do
		ln -s busybox "$t/rootfs/bin/$applet"
	done
	echo 'root:x:0:0:root:/root:/bin/sh' >"$t/rootfs/etc/passwd"
	echo 'root:x:0:' >"$t/rootfs/etc/group"
	(cd "$t" && "$WOODY" spec)
	jq '.process.terminal = false | .linux.cgroupsPath = "/@ID@"' "$t/config.json" >"$t/config" && mv "$t/config" "$t/config.json"
}

setup_file() {
	chmod 711 "$BATS_RUN_TMPDIR"	# ordinary users and mapped roots have to reach the bundle; bats makes it 700
	make_template
}

setup() {
	local file=${BATS_TEST_FILENAME##*/} text
	file=${file%.bats}
	ID=wt-${file#woody_}-$BATS_TEST_NUMBER-$$w
	WORK=$BATS_TEST_TMPDIR
	ROOT=$WORK/root
	BUNDLE=$WORK/bundle
	ROOTFS=$BUNDLE/rootfs
	mkdir "$ROOT"
	cp -a "$BATS_FILE_TMPDIR/template" "$BUNDLE"
	cd "$BUNDLE" || return 1
	text=$(<config.json)
	printf '%s\n' "${text//@ID@/$ID}" >config.json
	if declare -F prepare >/dev/null; then prepare; fi
}

teardown() {
	cd /
	local id left
	for id in $(woody list -q); do
		woody delete -f "$id"
	done
	if declare -F cleanup >/dev/null; then cleanup; fi
	left=$(find /sys/fs/cgroup -type d -name "*$ID*" 2>/dev/null)	# others' cgroups come and go beside us
	[ -z "$left" ] || fail "cgroups are left: $left"
	left=$(grep -F "$WORK/" /proc/self/mountinfo || true)
	[ -z "$left" ] || fail "mounts are left: $left"
	# names that begin with a dot are woody's own (the cache of compiled filters), and no state of a container
	left=$(find "$ROOT" -mindepth 1 -maxdepth 1 ! -name '.*')
	[ -z "$left" ] || fail "state is left: $left"
}

fail() {
	printf '%s\n' "$@" >&2
	return 1
}

woody() {
	"$WOODY" --root "$ROOT" "$@"
}

config() {
	jq "$@" "$BUNDLE/config.json" >"$BUNDLE/config.new" && mv "$BUNDLE/config.new" "$BUNDLE/config.json"
}

# program WORD... - what the container executes
program() {
	jq '.process.args = $ARGS.positional' "$BUNDLE/config.json" --args -- "$@" >"$BUNDLE/config.new" &&
		mv "$BUNDLE/config.new" "$BUNDLE/config.json"
}

# lacks CALL - is woody denied this system call ($WOODY_DENY)?
lacks() {
	[[ ",${WOODY_DENY%=*}," == *",$1,"* ]]
}

# writable - a root file system that the container may write to
writable() {
	config '.root.readonly = false'
}

# capabilities NAME... - in every set that a root process would have them in
capabilities() {
	jq '.process.capabilities = ($ARGS.positional | { bounding: ., effective: ., permitted: . })' "$BUNDLE/config.json" \
		--args -- "$@" >"$BUNDLE/config.new" && mv "$BUNDLE/config.new" "$BUNDLE/config.json"
}

# all_capabilities - of the caller: a container without user namespace cannot have more
all_capabilities() {
	config '.process.capabilities |= with_entries(select(.key == "bounding" or .key == "effective" or .key == "permitted"))
		| .process.capabilities[] |= (. + ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER",
		  "CAP_FSETID", "CAP_MKNOD", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP",
		  "CAP_SETUID", "CAP_SYS_ADMIN", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE"] | unique)
		| .process.noNewPrivileges = false'
}

expect() {
	local want=$1
	shift
	run --separate-stderr "$@"
	[ "$status" -eq "$want" ] ||
		fail "exit code $status, not $want, of: $*" "stdout: $output" "stderr: $stderr"
}

# attempt CODE COMMAND... - as expect, with files as stdio: for what may leave a process behind, were it to succeed
attempt() {
	local want=$1
	shift
	status=0
	"$@" </dev/null >"$WORK/stdout" 2>"$WORK/stderr" 3>&- || status=$?
	output=$(cat "$WORK/stdout") stderr=$(cat "$WORK/stderr")
	[ "$status" -eq "$want" ] ||
		fail "exit code $status, not $want, of: $*" "stdout: $output" "stderr: $stderr"
}

inside() {
	program sh -c "$2"
	expect "$1" woody run "$ID"
}

says() {
	[[ "$output$stderr" == *"$1"* ]] || fail "this text is missing: $1" "stdout: $output" "stderr: $stderr"
}

prints() {
	[ "$output" = "$1" ] || fail "stdout should be: $1" "it is: $output" "stderr: $stderr"
}

silent() {
	[ -z "$output$stderr" ] || fail "there should be no output" "stdout: $output" "stderr: $stderr"
}

# matches REGEX - of stdout
matches() {
	[[ "$output" =~ $1 ]] || fail "stdout should match: $1" "it is: $output" "stderr: $stderr"
}

# same A B - two values, for anything that is not $output
same() {
	[ "$1" = "$2" ] || fail "these should be equal:" "$1" "$2"
}

differ() {
	[ "$1" != "$2" ] || fail "these should differ, both are: $1"
}

detached() {
	"$@" </dev/null >"$WORK/stdout" 2>"$WORK/stderr" 3>&- ||
		fail "exit code $? of: $*" "stdout: $(cat "$WORK/stdout")" "stderr: $(cat "$WORK/stderr")"
}

# start_sleeping - the container runs and does nothing; $PID is its process, on the host
start_sleeping() {
	program sleep 1000
	detached woody run -d --pid-file "$WORK/pid" "$ID"
	PID=$(cat "$WORK/pid")
}

status_is() {
	same "$(woody state "$ID" | jq -r .status)" "$1"
}

# soon COMMAND... - until it succeeds, at most five seconds; more where tests have more than their minute
soon() {
	local i tries=$((250 * ${WOODY_TEST_TIMEOUT:-60} / 60))
	for ((i = 0; i < tries; i++)); do
		if "$@" >/dev/null 2>&1; then return 0; fi
		sleep 0.02
	done
	fail "this did not become true within $((tries / 50)) seconds: $*"
}

stopped() {
	[ "$(woody state "$ID" | jq -r .status)" = stopped ]
}

# ended PID - no such process, or only its zombie: who has to reap it is not our matter. One look: it may go at any time.
ended() {
	! grep -q '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null
}

# gone - nothing of the container is left, also before teardown looks
gone() {
	[ ! -e "$ROOT/$ID" ] || fail "$ROOT/$ID is left"
	same "" "$(find /sys/fs/cgroup -type d -name "$ID" 2>/dev/null)"
	same "" "$(grep -F "$WORK/" /proc/self/mountinfo)"
}

# refused TEXT - `create` of the bundle fails with exit code 1 and this text, and leaves nothing
refused() {
	attempt 1 woody create "$ID"
	says "$1"
	same "$output" ""
	gone
}

# namespace_of PID KIND
namespace_of() {
	readlink "/proc/$1/ns/$2"
}

# schema_dir FILE - where runtime-spec's schema is, as $SCHEMA; a test that wants FILE of it is skipped where there is none. Debian's
# golang-github-opencontainers-specs-dev has an older one, without the documents.
schema_dir() {
	for SCHEMA in "${OCI_RUNTIME_SCHEMA:-}" "$BATS_TEST_DIRNAME/../../../shared/schema/runtime" \
			/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema; do
		[ ! -e "$SCHEMA/$1" ] || return 0
	done
	skip "runtime-spec's schema/$1 is nowhere: set OCI_RUNTIME_SCHEMA to the directory that has it"
}
