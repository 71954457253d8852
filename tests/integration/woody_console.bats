# Terminals: through --console-socket, in the foreground, for exec.
load helpers

# receiver - listens at $SOCKET, what the terminal prints goes to $WORK/tty; what is written to fd 9 is typed
receiver() {
	SOCKET=$WORK/s
	rm -f "$SOCKET" "$WORK/keys"
	mkfifo "$WORK/keys"
	"$WOODY_TESTBIN/recvtty" "$SOCKET" "$WORK/name" <"$WORK/keys" >"$WORK/tty" 2>"$WORK/recvtty.err" 3>&- &
	RECEIVER=$!
	exec 9>"$WORK/keys"
	soon test -S "$SOCKET"
}

cleanup() {
	exec 9>&-
	if [ -n "${RECEIVER:-}" ]; then
		kill "$RECEIVER" 2>/dev/null || true
		wait "$RECEIVER" || true
	fi
}

# tty_text - what came over the terminal, without the carriage returns that a terminal puts before newlines
tty_text() {
	tr -d '\r' <"$WORK/tty"
}

# with_terminal CODE COMMAND - in a terminal that script(1) makes; $output without carriage returns and without the end of
# file that script types and the terminal echoes
with_terminal() {
	expect "$1" script -qec "$2" /dev/null
	output=$(tr -d '\r\b' <<<"$output" | sed 's/\^@//g; s/\^D//g')
}

terminal() {
	config '.process.terminal = true'
}

four_names() {
	[ "$(tty_text | grep -c '^/dev/pts/0$')" -eq 4 ]
}

@test "create with --console-socket: 0-2 are the pty, the name is the message, keys arrive" {
	terminal
	receiver
	program sh -c 'tty; for n in 0 1 2; do readlink /proc/$$/fd/$n; done; read line; echo "got $line"; sleep 1000'
	detached woody create --console-socket "$SOCKET" "$ID"
	same "$(cat "$WORK/stdout" "$WORK/stderr")" ""
	expect 0 woody start "$ID"
	soon four_names
	[[ "$(cat "$WORK/name")" == /* ]]
	echo hello >&9
	soon grep -q 'got hello' "$WORK/tty"
	same "$(cat "$WORK/recvtty.err")" ""
}

@test "the socket's receiver gets the terminal as the kernel made it: with ONLCR, as from runc" {
	# it copies to a raw terminal of its own, as docker does, or clears the flag itself, as runc's recvtty does
	terminal
	receiver
	program sh -c 'echo one; echo two; sleep 1000'
	detached woody run -d --console-socket "$SOCKET" "$ID"
	soon grep -q two "$WORK/tty"
	same "$(od -An -c "$WORK/tty" | tr -d ' \n')" 'one\r\ntwo\r\n'
}

@test "in the foreground output has no carriage returns" {
	terminal
	inside 0 'echo one; echo two' </dev/null
	prints $'one\ntwo'
}

@test "the terminal ends with the container" {
	terminal
	receiver
	program sh -c 'echo last words'
	detached woody run -d --console-socket "$SOCKET" "$ID"
	local code=0
	wait "$RECEIVER" || code=$?
	unset RECEIVER
	same "$code" 0
	same "$(tty_text)" "last words"
}

@test "it is the controlling terminal: Ctrl-C interrupts" {
	terminal
	receiver
	program sh -c 'trap "echo interrupted; exit 4" INT; echo ready; while :; do sleep 0.05; done'
	detached woody run -d --console-socket "$SOCKET" "$ID"
	soon grep -q ready "$WORK/tty"
	printf '\003' >&9
	soon grep -q interrupted "$WORK/tty"
	soon stopped
}

@test "size, owner and mode; /dev/console and /dev/tty are it" {
	terminal
	config '.process.consoleSize = { height: 10, width: 110 } | .process.user = { uid: 1000, gid: 100 }'
	receiver
	program sh -c 'stty size; stat -c "%u:%g %a" /dev/pts/0; stat -c "%F %t:%T" /dev/console; echo to-tty >/dev/tty; echo to-console >/dev/console; sleep 1000'
	detached woody run -d --console-socket "$SOCKET" "$ID"
	soon grep -q to-console "$WORK/tty"
	same "$(tty_text | head -n 1)" "10 110"
	same "$(tty_text | sed -n 2p)" "1000:5 620"
	same "$(tty_text | sed -n 3p)" "character special file 88:0"
	grep -q to-tty "$WORK/tty"
}

@test "in the foreground, with a terminal of our own" {
	terminal
	program sh -c 'tty; stty size; echo done; exit 6'
	with_terminal 6 "stty rows 33 cols 77; '$WOODY' --root '$ROOT' run $ID"
	prints $'/dev/pts/0\n33 77\ndone'
	gone
}

@test "in the foreground, typed input and the terminal's own state afterwards" {
	terminal
	program sh -c 'read a; echo "<$a>"'
	expect 0 sh -c '(sleep 0.3; echo word; sleep 0.3) | script -qec "stty -a >'"$WORK"'/before; '"'$WOODY'"' --root '"'$ROOT'"' run '"$ID"'; stty -a >'"$WORK"'/after" /dev/null'
	says "<word>"
	cmp "$WORK/before" "$WORK/after"
}

@test "in the foreground, without a terminal of our own the program has one all the same" {
	terminal
	inside 0 'tty; test -t 0 && test -t 1 && test -t 2 && echo three' </dev/null
	prints $'/dev/pts/0\nthree'
}

@test "all output comes, also what is written last" {
	terminal
	inside 0 'seq 1 20000' </dev/null
	same "$(wc -l <<<"$output")" 20000
	same "${output##*$'\n'}" 20000
}

@test "without a terminal stdio is the caller's" {
	inside 1 'test -t 0 || tty' </dev/null
	prints "not a tty"
}

@test "a terminal without socket is refused when nobody stays, a socket without terminal, too" {
	program true
	terminal
	attempt 1 woody create "$ID"
	says "console socket"
	attempt 1 woody run -d "$ID"
	says "console socket"
	config '.process.terminal = false'
	attempt 1 woody create --console-socket "$WORK/s" "$ID"
	says "console socket"
	gone
}

@test "a socket that nobody listens at, or that is none, is named" {
	terminal
	program true
	attempt 1 woody create --console-socket "$WORK/nobody" "$ID"
	says "$WORK/nobody"
	touch "$WORK/file"
	attempt 1 woody create --console-socket "$WORK/file" "$ID"
	says "$WORK/file"
	gone
}

@test "the socket's path is relative to the caller" {
	terminal
	receiver
	program sleep 1000
	cd "$WORK"
	detached woody create --bundle "$BUNDLE" --console-socket s "$ID"
	soon test -s "$WORK/name"
}

@test "exec --tty" {
	start_sleeping
	with_terminal 5 "'$WOODY' --root '$ROOT' exec --tty $ID sh -c 'tty; echo here >/dev/tty; exit 5'"
	prints $'/dev/pts/0\nhere'
	expect 0 woody exec -t -u 1000:1000 "$ID" sh -c 'stat -c %u:%g $(tty)' </dev/null
	prints 1000:5
}

@test "exec --tty --detach with --console-socket" {
	start_sleeping
	receiver
	detached woody exec -t -d --console-socket "$SOCKET" --pid-file "$WORK/exec.pid" "$ID" sh -c 'tty; read a; echo "<$a>"; sleep 1000'
	soon grep -q /dev/pts/0 "$WORK/tty"
	echo word >&9
	soon grep -q '<word>' "$WORK/tty"
	differ "$(cat "$WORK/exec.pid")" "$PID"
}
