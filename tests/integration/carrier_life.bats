# The life of a container: made, started, attached to, detached from, waited for, started again, attended by nobody. WHO=root or user.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() { setup_with plain; }

teardown_file() { carrier_teardown_file; }

prepare() { install -d -m 777 "$WORK/theirs"; }	# where carrier itself may write

# service NAME [OPTION...] -- COMMAND...
service() {
	local name=$1 options=()
	shift
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	shift
	expect 0 carrier run -d --name "$name" --network none "${options[@]}" "$PLAIN" "$@"
}

# terminal SCRIPT - of python: `child` is carrier on a terminal of its own. run(args...), type(bytes), see(bytes), ended() are there
terminal() {
	{
		declare -p PROGRAM CROOT WHO BASE PLAIN
		[ -z "${NAME:-}" ] || declare -p NAME USER_HOME USER_RUN
		declare -f carrier as_user
		echo 'OUTSIDE=(); carrier "$@"'
	} >"$WORK/carrier"
	cat >"$WORK/terminal.py" <<-'PY'
		import fcntl, os, pty, select, struct, sys, termios, time
		shell, master, seen = sys.argv[1], -1, b""
		def run(*args, rows=24, cols=80):
		    global child, master, seen, sane
		    master, slave = pty.openpty()
		    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
		    sane, seen = termios.tcgetattr(slave), b""
		    child = os.fork()
		    if child == 0:
		        os.setsid()
		        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
		        for fd in 0, 1, 2: os.dup2(slave, fd)
		        os.execvp("bash", ["bash", shell, *args])
		    globals()["slave"] = slave
		def type(data): os.write(master, data)
		def see(text, seconds=10):
		    global seen
		    end = time.time() + seconds
		    while text not in seen:
		        if time.time() > end: sys.exit("not seen: %r in %r" % (text, seen))
		        if select.select([master], [], [], 0.1)[0]: seen += os.read(master, 65536)
		    seen = seen[seen.index(text) + len(text):]
		def ended(code):
		    end = time.time() + 10
		    while True:
		        if select.select([master], [], [], 0.05)[0]: os.read(master, 65536)
		        pid, status = os.waitpid(child, os.WNOHANG)
		        if pid: break
		        if time.time() > end: sys.exit("it goes on")
		    if os.waitstatus_to_exitcode(status) != code: sys.exit("exit code %d" % os.waitstatus_to_exitcode(status))
		    if termios.tcgetattr(slave) != sane: sys.exit("the terminal is not as it was")
		def resize(rows, cols):
		    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
		exec(sys.argv[2])
	PY
	python3 "$WORK/terminal.py" "$WORK/carrier" "$1" || fail "the terminal's script failed"
}

# client_of WORDS - pid of the carrier with this end of its command line that is no monitor
client_of() {
	local pid
	for pid in $(pgrep -f -- "$1"); do
		if [ "$(readlink "/proc/$pid/exe")" = "$PROGRAM" ] && [ "$(awk '{ print $6 }' "/proc/$pid/stat")" != "$pid" ]; then
			echo "$pid"
			return
		fi
	done
	return 1
}

status_of() { jq -r "$2" "$CROOT/containers/$(id_of "$1")/status.json"; }
monitor_of() { status_of "$1" .monitor; }

@test "create makes, start runs, and again; wait tells the exit code" {
	expect 0 carrier create --name made --network none --cidfile "$WORK/theirs/id" "$PLAIN" sh -c 'echo again >>/kept; wc -l </kept; exit 5'
	same "$output" "$(cat "$WORK/theirs/id")"
	state_is made created
	failing 1 "not running" carrier attach made
	expect 0 carrier start made
	prints made
	expect 0 carrier wait made
	prints 5
	expect 5 carrier start -a made
	prints 2	# in the files that it has left
	expect 0 carrier logs made
	prints $'1\n2'
	expect 0 carrier wait made	# it has ended: at once
	prints 5
	expect 1 carrier wait no-such
	expect 0 carrier wait --ignore no-such
	prints -1
	failing 125 exactly carrier start -a made made
	expect 0 carrier rm made
}

@test "start, stop, restart: --filter, --latest, --cidfile, --ignore, --signal; their events" {
	service first --label of=group -- sh -c 'trap "exit 4" USR2; while :; do sleep 0.1; done'
	service second --label of=group --cidfile "$WORK/theirs/second" -- sleep 1000
	service third -- sleep 1000
	expect 0 carrier stop -t 0 --latest
	prints "$(id_of third)"
	sleep 0.3
	expect 0 carrier stop -s USR2 first
	same 4 "$(status_of first .exitCode)"
	failing 125 --signal carrier stop --signal NONE first
	expect 0 carrier start --filter label=of=group
	state_is first running
	state_is third exited
	expect 0 carrier restart -t 0 --filter label=of=group
	expect 0 carrier stop -t 0 --cidfile "$WORK/theirs/second"
	state_is second exited
	expect 0 carrier stop --ignore no-such
	expect 0 carrier restart -t 0 --ignore no-such
	expect 0 carrier start -l
	state_is third running
	expect 0 carrier events --since 1m --no-stream --filter container=first --format '{{.Action}}'
	same "create start die stop start die start restart" "$(tr '\n' ' ' <<<"$output" | sed 's/ $//')"
	expect 0 carrier stop -t 0 --filter name=third
	prints "$(id_of third)"
	expect 0 carrier restart --timeout 0 --latest
	prints "$(id_of third)"
	state_is third running
	expect 0 carrier restart -t 0 --cidfile "$WORK/theirs/second"
	state_is second running
	expect 0 carrier stop --time 0 --all
	same 3 "$(wc -l <<<"$output")"
	expect 0 carrier restart --time 0 -a
	state_is third running
	expect 0 carrier stop --timeout 0 -a -i
	same "exited exited exited" "$(state_of first) $(state_of second) $(state_of third)"
	expect 0 carrier rm -f first second third
}

@test "create takes no -d; start of what runs is no error, start -a of it says how to attach" {
	expect 125 carrier create -d "$PLAIN" true
	service runs -- sleep 1000
	expect 0 carrier start runs
	failing 1 "carrier attach runs" carrier start -a runs
	expect 0 carrier start --all
	prints ""
	expect 0 carrier stop -t 0 runs
	expect 0 carrier start --all
	prints "$(id_of runs)"
	state_is runs running
	expect 0 carrier rm -f runs
}

@test "restart: another process in the same files; with --rm it stays; what has ended is started" {
	service again --rm -- sh -c 'echo $((1 + $(cat /n 2>/dev/null || echo 0))) >/n; sleep 1000'
	local first
	first=$(pid_of again)
	expect 0 carrier restart -t 0 again
	differ "$first" "$(pid_of again)"
	ended "$first"
	soon eval '[ "$(carrier exec again cat /n)" = 2 ]'
	expect 0 carrier restart -t 0 --running
	soon eval '[ "$(carrier exec again cat /n)" = 3 ]'
	expect 0 carrier stop -t 0 again
	soon no_containers
	service over -- true
	has_state over exited
	expect 0 carrier restart over
	expect 0 carrier wait over
	expect 0 carrier rm over
}

@test "wait: of all, of those that a filter takes, of the last, of a file's" {
	carrier run -d --name first --label k=v --network none "$PLAIN" sh -c 'exit 3' >/dev/null
	carrier run -d --name second --cidfile "$WORK/theirs/id" --network none "$PLAIN" sh -c 'exit 4' >/dev/null
	expect 0 carrier wait --filter label=k=v
	prints 3
	expect 0 carrier wait --latest
	prints 4
	expect 0 carrier wait --cidfile "$WORK/theirs/id" first
	prints $'4\n3'
	expect 0 carrier wait --all
	same "3 4" "$(sort <<<"$output" | xargs)"
	failing 125 "exclude each other" carrier wait --all first
	failing 125 "name at least one container" carrier wait
}

@test "wait: the end of one that is restarted by its policy; next-exit; removed" {
	service job --restart on-failure:1 -- sh -c 'if [ -e /second ]; then while [ ! -e /go ]; do sleep 0.1; done; fi; touch /second; sleep 1; exit 4'
	carrier wait job >"$WORK/end" 3>&- &
	local end=$!
	expect 0 carrier wait --condition next-exit job
	prints 4
	[ "$(state_of job)" != exited ]
	soon carrier exec job touch /go
	wait $end
	same 4 "$(cat "$WORK/end")"
	state_is job exited
	same 1 "$(status_of job .restarts)"
	carrier wait --condition removed job >"$WORK/end" 3>&- &
	end=$!
	sleep 0.5	# it has found it by then
	expect 0 carrier rm job
	wait $end
	failing 125 not-running carrier wait --condition gone job
}

@test "attach: several at once, the exit code is the container's; --no-stdin; signals are passed on, or not" {
	service talks -i -- sh -c 'trap "echo TERM; exit 3" TERM; while read -r line; do echo "got $line"; done'
	carrier attach --no-stdin talks >"$WORK/one" 2>&1 </dev/null 3>&- &
	local one=$! two code=0
	mkfifo "$WORK/in"
	carrier attach talks <"$WORK/in" >"$WORK/two" 2>&1 3>&- &
	two=$!
	exec 9>"$WORK/in"
	soon eval '[ "$(ls /proc/'"$(monitor_of talks)"'/fd -l | grep -c socket)" -ge 3 ]'
	echo hello >&9
	soon grep -q 'got hello' "$WORK/one"
	soon grep -q 'got hello' "$WORK/two"
	exec 9>&-	# the other client's input has ended; a detached container's stdin has not
	echo more | carrier attach talks >"$WORK/three" 2>&1 3>&- &
	soon grep -q 'got more' "$WORK/one"
	kill -TERM "$(client_of "attach talks")"
	wait $one || code=$?
	same 3 "$code"
	grep -q TERM "$WORK/two"
	wait $two || code=$?
	same 3 "$code"
	expect 0 carrier rm talks
}

@test "attach --sig-proxy=false: a signal ends the client alone" {
	service goes --  sh -c 'trap "exit 9" INT TERM; while :; do sleep 0.1; done'
	carrier attach --sig-proxy=false goes >"$WORK/out" 2>&1 </dev/null 3>&- &
	local code=0 shell=$!
	soon client_of 'attach --sig-proxy=false goes'
	sleep 0.2	# its signals are its own from now on
	kill -TERM "$(client_of 'attach --sig-proxy=false goes')"
	wait $shell || code=$?
	same 143 "$code"
	state_is goes running
	expect 0 carrier rm -f goes
}

@test "run -i: stdin through the monitor, whole, and its end; -a stdout alone" {
	head -c 3000000 /dev/urandom >"$WORK/data"
	carrier run --rm -i --network none "$PLAIN" cat <"$WORK/data" >"$WORK/out" 2>"$WORK/err" || fail "$(cat "$WORK/err")"
	cmp "$WORK/data" "$WORK/out"
	expect 0 carrier run --rm -a stdout --network none "$PLAIN" sh -c 'echo out; echo err >&2'
	prints out
	same "" "$stderr"
	expect 0 carrier run --rm -a stderr --network none "$PLAIN" sh -c 'echo out; echo err >&2'
	prints ""
	failing 125 exclude carrier run -d -a stdout "$PLAIN" true
	failing 125 stdin carrier run -a input "$PLAIN" true
}

@test "a signal gets through although stdin is full" {
	carrier run --rm -i --name deaf --network none "$PLAIN" sh -c 'trap "exit 7" TERM; echo up; while :; do sleep 0.1; done' </dev/zero >"$WORK/out" 2>&1 3>&- &
	local code=0 shell=$!
	soon grep -q up "$WORK/out"
	kill -TERM "$(client_of "run --rm -i --name deaf")"
	wait $shell || code=$?
	same 7 "$code"
}

@test "a client that does not read is cut off; the container, the log and the others go on" {
	service loud -- sh -c 'while [ ! -e /go ]; do sleep 0.1; done; head -c 8000000 /dev/zero | tr "\0" x; echo; echo done; sleep 1000'
	mkfifo "$WORK/stuck"
	carrier attach --no-stdin loud >"$WORK/stuck" 2>"$WORK/stuck.err" </dev/null 3>&- &
	local stuck=$!
	exec 8<"$WORK/stuck"	# and does not read
	carrier attach --no-stdin loud >"$WORK/fine" 2>&1 </dev/null 3>&- &
	local fine=$! code=0
	soon eval '[ "$(ls /proc/'"$(monitor_of loud)"'/fd -l | grep -c socket)" -ge 3 ]'
	carrier exec loud touch /go
	soon grep -q done "$WORK/fine"
	soon eval '[ "$(carrier logs -n 1 loud)" = done ]'
	cat <&8 >"$WORK/rest" &
	wait $stuck || code=$?
	exec 8<&-
	same 125 "$code"
	grep -q 'faster than it was read' "$WORK/stuck.err" || fail "$(cat "$WORK/stuck.err")"
	expect 0 carrier rm -f loud
	wait $fine || true
	same 8000006 "$(stat -c %s "$WORK/fine")"
}

@test "the client in the foreground is waited for, and loses nothing" {
	carrier run --rm --network none "$PLAIN" sh -c 'head -c 6000000 /dev/zero; echo end' 2>"$WORK/err" 3>&- | { sleep 2.5; sha256sum; } >"$WORK/sum"
	same "$({ head -c 6000000 /dev/zero; echo end; } | sha256sum)" "$(cat "$WORK/sum")"
}

@test "a terminal: keys detach, the container goes on; attach draws anew; sizes follow; the terminal is as it was" {
	terminal '
run("run", "-it", "--name", "tty", "--network", "none", os.environ["PLAIN"], "sh")
see(b"# "); type(b"echo A$((1+1))\n"); see(b"A2\r\n"); see(b"# ")
type(b"\x10\x11"); ended(0)
run("attach", "tty", rows=33, cols=99)
time.sleep(0.5); type(b"stty size\n"); see(b"33 99")
resize(20, 70)
time.sleep(0.3); type(b"stty size\n"); see(b"20 70")
type(b"\x03echo B$((2+2))\n"); see(b"B4")
type(b"exit 6\n"); ended(6)
'
	state_is tty exited
	terminal '
run("start", "-ai", "--detach-keys", "ctrl-x,x", "tty")
see(b"# "); type(b"\x10\x11\x18y\necho C$((3+3))\n"); see(b"C6"); type(b"\x18x"); ended(0)
'
	state_is tty running
	failing 125 detach-keys carrier attach --detach-keys ctrl-1 tty
	expect 0 carrier rm -f tty
}

@test "--restart always: started again until it is stopped; docker's back-off; ps says Restarting; the exit ends the client" {
	expect 3 carrier run --name flaps --network none --restart always "$PLAIN" sh -c 'echo run; exit 3'
	soon eval '[ "$(carrier logs flaps | wc -l)" -ge 4 ]'
	expect 0 carrier ps -a
	soon state_is flaps restarting
	expect 0 carrier ps -a
	says "Restarting (3)"
	expect 0 carrier stop flaps
	state_is flaps exited
	local runs
	runs=$(carrier logs flaps | wc -l)
	sleep 2
	same "$runs" "$(carrier logs flaps | wc -l)"
	same "$((runs - 1))" "$(status_of flaps .restarts)"
	expect 0 carrier start flaps
	soon eval '[ "$(carrier logs flaps | wc -l)" -gt '"$((runs + 1))"' ]'
	expect 0 carrier rm -f flaps
}

@test "--restart on-failure:N, unless-stopped; kill is a person's end; what excludes what" {
	service thrice --restart on-failure:2 -- sh -c 'echo run; exit 1'
	expect 0 carrier wait thrice
	same 3 "$(carrier logs thrice | wc -l)"
	service fine --restart on-failure -- sh -c 'echo run; exit 0'
	expect 0 carrier wait fine
	same 1 "$(carrier logs fine | wc -l)"
	service stays --restart unless-stopped -- sleep 1000
	local first
	first=$(pid_of stays)
	kill -9 "$first"	# nobody's command
	soon eval '[ "$(pid_of stays)" != '"$first"' ] && state_is stays running'
	expect 0 carrier kill stays
	state_is stays exited
	sleep 0.5
	state_is stays exited
	service told --restart always -- sh -c 'trap "exit 3" TERM; trap "echo HUP" HUP; echo up; while :; do sleep 0.1; done'
	soon eval '[ "$(carrier logs told)" = up ]'
	expect 0 carrier kill -s HUP told	# tells it something
	soon eval '[ "$(carrier logs -n 1 told)" = HUP ]'
	expect 0 carrier kill -s TERM told	# ends it
	soon state_is told exited
	sleep 0.5
	state_is told exited
	expect 0 carrier rm told
	failing 125 exclude carrier run --rm --restart always "$PLAIN" true
	expect 0 carrier run --rm --restart no --network none "$PLAIN" true
	failing 125 on-failure carrier run --restart sometimes "$PLAIN" true
	expect 0 carrier rm thrice fine stays
}

@test "a policy that is changed while it runs holds at its end" {
	service changes -- sh -c 'while [ ! -e /go ]; do sleep 0.05; done; rm /go; exit 2'
	local file
	file=$CROOT/containers/$(id_of changes)/record.json
	jq -c '.life.restart = "always"' "$file" >"$WORK/r" && cat "$WORK/r" >"$file"	# as `carrier update --restart always`
	carrier exec changes touch /go
	soon eval '[ "$(status_of changes .restarts)" = 1 ] && state_is changes running'
	expect 0 carrier stop -t 0 changes
	state_is changes exited
	expect 0 carrier rm changes
}

@test "a policy's start that fails counts, and is tried again" {
	service breaks --restart on-failure:2 --entrypoint /bin/sh -- -c 'rm -f /bin/sh; exit 1'
	expect 0 carrier wait breaks
	same 2 "$(status_of breaks .restarts)"
	[[ "$(status_of breaks .error)" == *"/bin/sh"* ]]
	expect 0 carrier rm breaks
}

@test "--timeout kills; --init passes TERM on and reaps; --stop-signal, --stop-timeout; --pidfile; --replace" {
	expect 137 carrier run --rm --timeout 1 --network none "$PLAIN" sleep 1000
	service polite --init --pidfile "$WORK/theirs/pid" -- sh -c '(sleep 0.1 &); exec sleep 1000'
	same "$(pid_of polite)" "$(cat "$WORK/theirs/pid")"
	sleep 0.5
	expect 0 carrier exec polite sh -c 'cat /proc/[0-9]*/stat'
	[[ $output != *") Z "* ]] || fail "$output"
	local begin=$SECONDS
	expect 0 carrier stop -t 20 polite
	[ $((SECONDS - begin)) -lt 10 ]
	same 143 "$(status_of polite .exitCode)"
	local id
	id=$(id_of polite)
	failing 125 used carrier run -d --name polite --network none "$PLAIN" true
	service polite --replace --init --stop-signal USR1 --stop-timeout 1 -- sh -c 'trap "" TERM USR1; sleep 1000 & wait; wait'
	differ "$id" "$(id_of polite)"
	service polite --replace -- sleep 1000	# also one that runs
	expect 0 carrier rm -f polite
	failing 125 --name carrier run --replace "$PLAIN" true
	expect 5 carrier run --rm --init --network none "$PLAIN" sh -c 'exit 5'
	expect 127 carrier run --rm --init --network none "$PLAIN" /no/such
	failing 125 init-path carrier run --rm --init --init-path /no/such "$PLAIN" true
}

@test "kill -9 of the runtime that deletes one: it is deleted all the same" {
	cat >"$BASE/dies" <<-END
		#!/bin/sh
		for word; do
			if [ "\$word" = delete ] && mkdir "$WORK/theirs/died" 2>/dev/null; then kill -9 \$\$; fi
		done
		exec "$BASE/bin/woody" "\$@"
	END
	chmod 755 "$BASE/dies"
	expect 3 carrier run --rm --runtime "$BASE/dies" --network none "$PLAIN" sh -c 'exit 3'
	soon test -d "$WORK/theirs/died"
	soon eval '[ -z "$(processes)" ]'
	same ok "$(carrier doctor --json | jq -r '.Checks[] | select(.Code == "CD0805") | .Level')"
}

@test "kill -9 of the monitor: stop, start, restart, wait and attach find the truth" {
	local what first
	service left -- sh -c 'echo run >>/n; exec sleep 1000'
	first=$(pid_of left)
	kill -9 "$(monitor_of left)"
	soon eval '[ "$(carrier inspect left | jq ".[0].State.Unattended")" = true ]'
	expect 0 carrier start left	# it runs
	same "$first" "$(pid_of left)"
	failing 1 restart carrier attach left
	expect 0 carrier restart -t 0 left
	differ "$first" "$(pid_of left)"
	ended "$first"
	soon eval '[ "$(carrier exec left sh -c "wc -l </n")" = 2 ]'
	kill -9 "$(monitor_of left)"
	expect 0 carrier stop -t 0 left
	expect 0 carrier ps -q
	prints ""
	expect 0 carrier start left
	state_is left running
	first=$(pid_of left)
	kill -9 "$(monitor_of left)" "$first"	# both: dead
	soon state_is left dead
	expect 0 carrier wait left
	prints 255
	expect 0 carrier start left
	state_is left running
	kill -9 "$(monitor_of left)"
	carrier wait left >"$WORK/code" 2>"$WORK/err" 3>&- &
	local waits=$!
	soon eval 'for p in $(pgrep -f " wait left$"); do ls -l /proc/$p/fd; done | grep -q pidfd'	# it has found it
	expect 0 carrier rm -f left
	wait $waits
	same 255 "$(cat "$WORK/code")"
}

@test "a monitor that was killed after it had told the exit: start and rm do what it did not get to" {
	local id what
	for what in start rm; do
		service half -- sleep 1000
		id=$(id_of half)
		kill -9 "$(monitor_of half)" "$(pid_of half)"
		soon state_is half dead
		jq -c '.state = "exited"' "$CROOT/containers/$id/status.json" >"$WORK/s" && cat "$WORK/s" >"$CROOT/containers/$id/status.json"
		state_is half exited
		if [ $what = start ]; then
			expect 0 carrier start half
			state_is half running
			expect 0 carrier rm -f half
		else
			expect 0 carrier rm half
		fi
		same "" "$(find "$CROOT/run/woody" "${USER_RUN:-/nonexistent}/carrier/woody" -name "$id" 2>/dev/null)"
	done
	for what in 1 2 3 4 5 6 7 8; do	# its last monitor may still be cleaning up
		expect 7 carrier run --name "quick$what" --network none "$PLAIN" sh -c 'exit 7'
		expect 7 carrier start -a "quick$what"
		expect 0 carrier rm "quick$what"
	done
}

@test "a runtime whose state is gone, as after a logout: rm -f and stop end the container all the same" {
	local id pid what
	for what in "rm -f" "stop -t 1"; do
		service lost -- sleep 1000
		id=$(id_of lost)
		pid=$(pid_of lost)
		find "$CROOT/run/woody" "${USER_RUN:-/nonexistent}/carrier/woody" -maxdepth 1 -name "$id" -exec rm -r {} + 2>/dev/null || true
		# shellcheck disable=SC2086
		expect 0 carrier $what lost
		ended "$pid" || fail "it runs on"
		find /sys/fs/cgroup -depth -type d -name "$id" -exec rmdir {} + 2>/dev/null || true	# of which the state alone knew
	done
	expect 0 carrier rm lost
}

@test "who reads what run prints to its end does not wait for what is cleaned up behind it" {
	mkfifo gate
	make_hook poststop "read x <$PWD/gate"
	carrier run --rm --hooks-dir "$PWD/hooks" --network none "$PLAIN" sh -c 'echo out; echo err >&2' 2>&1 3>&- | { cat >read; : >end; } 3>&- &
	soon [ -e end ]
	same "err out" "$(sort read | xargs)"
	[ -n "$(ls "$CROOT/containers")" ] || fail "it was removed before anybody looked"
	echo go >gate
	soon eval '[ -z "$(ls "$CROOT/containers")" ]'
}

@test "a signal to run that comes before the container has started ends it" {
	local code=0
	make_hook createRuntime ": >$PWD/begun; sleep 1"
	carrier run --rm --name early --hooks-dir "$PWD/hooks" --network none "$PLAIN" sleep 1000 >out 2>err 3>&- &
	local runs=$!
	soon [ -e begun ]
	kill -TERM "$(pgrep -o -f "carrier .*run --rm --name early")"
	wait $runs || code=$?
	same 137 "$code"
	soon eval '[ -z "$(carrier ps -aq)" ]'
}

@test "boot: what a reboot has ended is started again, by its policy, once" {
	local name
	service always --restart always -- sleep 1000
	service unless --restart unless-stopped -- sleep 1000
	service ended --restart unless-stopped -- sleep 1000
	service never -- sleep 1000
	service here --restart always -- sleep 1000
	expect 0 carrier stop -t 0 ended
	for name in always unless never here; do
		kill -9 "$(monitor_of "$name")" "$(pid_of "$name")"
		soon state_is "$name" dead
	done
	for name in always unless ended never; do	# of a boot that is over
		local file
		file=$CROOT/containers/$(id_of "$name")/status.json
		jq -c '.bootId = "00000000-0000-0000-0000-000000000000"' "$file" >"$WORK/s" && cat "$WORK/s" >"$file"
	done
	expect 0 carrier stop here	# a person, since the machine is up: not running, no error
	expect 0 carrier boot --dry-run
	says "$(id_of always)"
	state_is always dead
	expect 0 carrier boot
	says "$(id_of always)"
	says "$(id_of unless)"
	[[ $output != *"$(id_of ended)"* && $output != *"$(id_of never)"* ]] || fail "$output"
	state_is always running
	state_is unless running
	state_is ended exited
	state_is never dead
	expect 0 carrier boot
	prints ""
	kill -9 "$(monitor_of always)" "$(pid_of always)"
	soon state_is always dead
	file=$CROOT/containers/$(id_of always)/status.json
	jq -c '.bootId = "00000000-0000-0000-0000-000000000000"' "$file" >"$WORK/s" && cat "$WORK/s" >"$file"
	expect 0 carrier boot --quiet
	prints ""
	state_is always running
	expect 0 carrier rm -f always unless ended never here
}

@test "the newest: attach, wait and logs --latest; wait --interval; --init-path; --sig-proxy=false of run and start" {
	service newest -- sh -c 'echo said; while [ ! -e /go ]; do sleep 0.1; done; exit 8'
	carrier attach --latest >"$WORK/out" 2>&1 </dev/null 3>&- &
	local shell=$! code=0
	carrier wait --latest --interval 1s >"$WORK/code" 3>&- &
	local waits=$!
	sleep 0.5
	carrier exec newest touch /go
	wait $shell || code=$?
	same 8 "$code"
	wait $waits
	same 8 "$(cat "$WORK/code")"
	expect 0 carrier logs --latest
	prints said
	expect 0 carrier rm newest
	expect 3 carrier run --rm --init --init-path "$BASE/bin/carrier-init" --network none "$PLAIN" sh -c '[ "$(cat /proc/1/comm)" = init ] && exit 3'
	local how
	for how in run start; do
		if [ $how = run ]; then
			carrier run --name unheard --sig-proxy=false --network none "$PLAIN" sleep 1000 >"$WORK/out" 2>&1 </dev/null 3>&- &
		else
			carrier start -a --sig-proxy=false unheard >"$WORK/out" 2>&1 </dev/null 3>&- &
		fi
		shell=$! code=0
		soon state_is unheard running
		sleep 0.2
		kill -TERM "$(client_of "$how .*--sig-proxy=false")"
		wait $shell || code=$?
		same 143 "$code"
		state_is unheard running
		expect 0 carrier stop -t 0 unheard
	done
	expect 0 carrier rm unheard
}

@test "--detach-keys of run; a foreground container that is started again lets the terminal go" {
	terminal '
run("run", "-it", "--detach-keys", "ctrl-a,d", "--name", "keys", "--network", "none", os.environ["PLAIN"], "sh")
see(b"# "); type(b"\x01x\x01d"); ended(0)
run("run", "-it", "--restart", "on-failure:1", "--name", "twice", "--network", "none", os.environ["PLAIN"], "sh", "-c", "sleep 0.3; test -e /n && sleep 1000; touch /n; exit 1")
ended(1)
'
	state_is keys running
	soon eval '[ "$(status_of twice .restarts)" = 1 ] && state_is twice running'
	soon eval '! readlink /proc/'"$(monitor_of twice)"'/fd/[012] | grep -v /dev/null'
	expect 0 carrier rm -f keys twice
}

@test "out of memory: 137, and the state says why" {
	has_limits || skip "an ordinary user's container has no memory limit here: no cgroup is delegated to it (cat /proc/self/cgroup)"
	expect 137 carrier run --name greedy --memory 20m --network none "$PLAIN" sh -c 'x=a; while :; do x=$x$x; done'
	same true "$(status_of greedy .oomKilled)"
	expect 0 carrier run --name content --memory 20m --network none "$PLAIN" true
	same null "$(status_of content .oomKilled)"
	expect 0 carrier rm greedy content
}
