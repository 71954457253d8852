# carrier run and what goes with it. WHO=root or user: the same list for both; what differs asks $WHO.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	setup_with plain busybox debian
	chmod 0666 /dev/net/tun
}

teardown_file() { carrier_teardown_file; }

run_plain() { carrier run --rm --network none "$PLAIN" "$@"; }

# asleep NAME [OPTION...] - a detached container that does nothing
asleep() {
	local name=$1
	shift
	expect 0 carrier run -d --name "$name" --network none "$@" "$PLAIN" sleep 1000
	has_state "$name" running
}

cleanup() {
	[ ! -d /sys/class/net/ct-dummy ] || ip link del ct-dummy
}

# expect_either CODE CODE COMMAND...
expect_either() {
	local one=$1 other=$2
	shift 2
	run --separate-stderr "$@"
	[ "$status" = "$one" ] || [ "$status" = "$other" ] || fail "exit code $status, not $one or $other, of: $*" "stderr: $stderr"
}

# none_left - at once for whoever looks; the monitor removes the files behind the exit code
none_left() {
	expect 0 carrier ps -aq
	prints ""
	same "" "$(find "$CROOT/names" -mindepth 1 -maxdepth 1)"
	soon no_container_files || fail "left: $(find "$CROOT/containers" -mindepth 1)"
}

no_container_files() { [ -z "$(find "$CROOT/containers" -mindepth 1 -maxdepth 1)" ]; }

# --- the program and how it ends

@test "hello comes with carrier: no network, no image" {
	expect 0 carrier run --rm hello
	says pid
	matches 'seccomp'
	none_left
}

@test "--rm: when run returns the name is free, and nobody finds the container" {
	local i
	for i in 1 2 3 4 5 6; do
		expect 3 carrier run --rm --name again --network none "$PLAIN" sh -c 'exit 3'
		expect 1 carrier inspect again
		expect 0 carrier ps -aq
		prints ""
	done
	none_left
}

@test "--rm: what a killed monitor did not get to remove is dead, and rm removes it" {
	expect 0 carrier run --name half --network none "$PLAIN" true
	local files
	files=$(find "$CROOT/containers" -mindepth 1 -maxdepth 1)
	soon ended "$(jq .monitor "$files/status.json")"
	jq '.state = "removing"' "$files/status.json" >"$files/s" && cat "$files/s" >"$files/status.json" && rm "$files/s"
	expect 0 carrier ps -a
	matches 'Dead +half'
	expect 0 carrier rm half
	none_left
}

@test "exit codes are the program's, or docker's" {
	local code
	for code in 0 1 7 255; do
		expect "$code" run_plain sh -c "exit $code"
	done
	none_left
}

@test "128 and the signal that ended the program" {
	# SIGKILL from outside is the only one that a first process cannot but hear
	carrier run --rm --name ending --network none "$PLAIN" sleep 1000 </dev/null >out 2>err 3>&- &
	local shell=$! status=0
	soon state_is ending running
	kill -KILL "$(pid_of ending)"
	wait "$shell" || status=$?
	same 137 "$status"
	none_left
}

@test "a program that is not there: 127" {
	failing 127 /no/such/program run_plain /no/such/program
	failing 127 no-such-name run_plain no-such-name
	none_left
}

@test "a program that cannot be executed: 126" {
	failing 126 /tmp run_plain /tmp
	failing 126 /etc/passwd run_plain /etc/passwd
	none_left
}

@test "an unknown option: 125" {
	expect 125 carrier run --no-such-option "$PLAIN" true
	none_left
}

@test "options behind the image are the program's" {
	expect 0 run_plain echo --rm -it
	prints "--rm -it"
}

@test "standard output and standard error are kept apart" {
	expect 0 run_plain sh -c 'echo out; echo err >&2'
	prints out
	same err "$stderr"
}

@test "stdin reaches the program with -i, and ends" {
	expect 0 bash -c "$(declare -f carrier as_user run_plain); printf 'one\ntwo\n' | carrier run --rm -i --network none $PLAIN wc -l"
	prints 2
}

@test "without -i stdin is empty" {
	expect 0 bash -c "$(declare -f carrier as_user); echo something | carrier run --rm --network none $PLAIN wc -c"
	prints 0
}

@test "a megabyte through stdin and stdout arrives whole" {
	head -c 1000000 /dev/urandom >"$WORK/data"
	chmod 644 "$WORK/data"
	carrier run --rm -i --network none "$PLAIN" cat <data >out 2>err || fail "$(cat err)"
	cmp data out
}

# --- the image's configuration and what overrides it

@test "Entrypoint and Cmd" {
	expect 0 carrier run --rm --network none "$BUSYBOX"
	prints "from cmd"
	expect 0 carrier run --rm --network none "$BUSYBOX" from words
	prints "from words"
	expect 0 carrier run --rm --network none --entrypoint /bin/busybox "$BUSYBOX" pwd
	prints /home/app
}

@test "--entrypoint leaves the image's Cmd out" {
	expect 0 carrier run --rm --network none --entrypoint /bin/whoami "$BUSYBOX"
	prints app
}

@test "User, WorkingDir, Env of the image; groups of /etc/group" {
	expect 0 carrier run --rm --network none --entrypoint /bin/sh "$BUSYBOX" -c 'id -u; id -g; id -G; pwd; echo $FROM_IMAGE $HOME'
	prints $'1000\n1001\n1001 1002\n/home/app\nyes /home/app'
}

@test "-e, from the caller's environment too; -e beats the image" {
	export FROM_CALLER=inherited
	expect 0 client env FROM_CALLER=inherited "$PROGRAM" $([ "$WHO" = user ] || echo "--root $CROOT") run --rm --network none -e A=1 -e B= \
		-e FROM_CALLER -e FROM_IMAGE=no --entrypoint /bin/sh "$BUSYBOX" -c 'echo $A-$B-$FROM_CALLER-$FROM_IMAGE; echo ${B+set}'
	prints $'1--inherited-no\nset'
}

@test "-w makes and enters a directory" {
	expect 0 carrier run --rm --network none -w /made/here "$PLAIN" pwd
	prints /made/here
}

@test "-u by name, by id, by both" {
	expect 0 carrier run --rm --network none -u app "$PLAIN" sh -c 'id -u; id -g; id -G'
	prints $'1000\n1001\n1001 1002'
	expect 0 carrier run --rm --network none -u 4321 "$PLAIN" sh -c 'id -u; id -g'
	prints $'4321\n0'
	expect 0 carrier run --rm --network none -u 12:34 "$PLAIN" sh -c 'id -u; id -g'
	prints $'12\n34'
	expect 0 carrier run --rm --network none -u app:extra "$PLAIN" sh -c 'id -u; id -g'
	prints $'1000\n1002'
}

@test "-u of a user that the image has not" {
	failing 125 nobodyhere carrier run --rm --network none -u nobodyhere "$PLAIN" true
	none_left
}

@test "--hostname, in uname, /etc/hostname and /etc/hosts" {
	expect 0 carrier run --rm --network none --hostname box "$PLAIN" sh -c 'hostname; cat /etc/hostname; grep -c box /etc/hosts'
	prints $'box\nbox\n1'
}

@test "without --hostname it is the id's first twelve digits" {
	expect 0 run_plain hostname
	matches '^[0-9a-f]{12}$'
}

# --- files

@test "-v: read-write, read-only" {
	mkdir data
	chmod 777 data
	echo given >data/in
	expect 0 carrier run --rm --network none -v "$WORK/data:/mnt/data" "$PLAIN" sh -c 'cat /mnt/data/in; echo made >/mnt/data/out'
	prints given
	same made "$(cat data/out)"
	expect 1 carrier run --rm --network none -v "$WORK/data:/data:ro" "$PLAIN" sh -c 'echo no >/data/in'
	[[ $stderr == *"Read-only"* ]] || fail "$stderr"
	same given "$(cat data/in)"
}

@test "-v of what does not exist, or to what is no path" {
	failing 125 /no/such/dir carrier run --rm --network none --mount type=bind,src=/no/such/dir,dst=/x "$PLAIN" true
	failing 125 nowhere carrier run --rm --network none -v "$WORK:nowhere" "$PLAIN" true
	none_left
}

@test "the root file system is writable, and changes are the container's own" {
	expect 0 run_plain sh -c 'echo changed >/etc/passwd; rm /bin/wc; mkdir /new; cat /etc/passwd'
	prints changed
	expect 0 run_plain sh -c 'head -c 4 /etc/passwd; ls /new 2>/dev/null || echo; echo . | wc -l'
	prints $'root\n1'
}

@test "--read-only" {
	expect 1 carrier run --rm --network none --read-only "$PLAIN" touch /file
	[[ $stderr == *"Read-only"* ]] || fail "$stderr"
}

@test "--rootfs: a directory as root file system" {
	local dir=$BASE/rootfs-$BATS_TEST_NUMBER
	mkdir -p "$dir/bin" "$dir"/{proc,sys,dev,etc,tmp}
	cp /bin/busybox "$dir/bin/sh"
	[ "$WHO" = root ] || chown -R "$NAME:$NAME" "$dir"
	expect 0 carrier run --rm --network none --rootfs "$dir" /bin/sh -c 'echo from a directory'
	prints "from a directory"
}

@test "/proc, /sys and /dev are docker's: masked, read-only, with the usual nodes" {
	# which of these a kernel has differs; those it has are empty
	expect 0 run_plain sh -c 'for f in kcore keys timer_list sched_debug latency_stats; do [ ! -e /proc/$f ] || cat /proc/$f; done; find /proc/acpi /sys/firmware -mindepth 1 2>/dev/null; true'
	prints ""
	cat /proc/keys /proc/timer_list 2>/dev/null | grep -q . || fail "nothing that is masked has content outside: this test could not fail"
	expect 0 run_plain sh -c 'ls /dev | tr "\n" " "'
	prints "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero "
	expect 1 run_plain sh -c 'echo changed >/proc/sys/kernel/hostname'
	[[ $stderr == *"Read-only"* ]] || fail "$stderr"
	expect 1 run_plain touch /sys/new
}

# --- isolation

@test "namespaces, capabilities, seccomp" {
	expect 0 run_plain sh -c 'echo $$; grep -E "^(CapEff|Seccomp):" /proc/self/status; for n in pid mnt ipc uts net; do readlink /proc/self/ns/$n; done'
	same 1 "$(head -1 <<<"$output")"
	says $'CapEff:\t00000000a80425fb'
	says $'Seccomp:\t2'
	local kind
	for kind in pid mnt ipc uts net; do
		[[ $output != *"$(readlink /proc/self/ns/$kind)"* ]] || fail "the $kind namespace is the host's"
	done
	if [ "$WHO" = user ]; then
		expect 0 run_plain cat /proc/self/uid_map
		matches '^ *0 +[0-9]+ +1'
	fi
}

@test "what seccomp and capabilities forbid fails" {
	expect 1 run_plain unshare -r true
	expect 1 run_plain mount -t tmpfs none /tmp
	expect 1 run_plain sh -c 'hostname changed'
}

@test "no file descriptor of carrier's is in the container" {
	expect 0 run_plain sh -c 'ls /proc/self/fd | wc -l'
	prints 4	# 0, 1, 2 and the directory that ls reads
}

@test "-m, --pids-limit, --cpus" {
	if [ "$WHO" = user ]; then
		# an ordinary user has no cgroup on v1: that is said, not passed over
		expect_either 0 125 carrier run --rm --network none -m 32m "$PLAIN" cat /sys/fs/cgroup/memory/memory.limit_in_bytes
		[ "$output" = 33554432 ] || [[ $stderr == *cgroup* ]] || fail "no limit, and no word about it: $output, $stderr"
		return
	fi
	expect 0 carrier run --rm --network none -m 32m --pids-limit 20 --cpus 0.5 "$PLAIN" sh -c '
		cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us'
	prints $'33554432\n20\n50000\n100000'
	expect 137 carrier run --rm --network none -m 16m "$PLAIN" dd if=/dev/zero of=/dev/null bs=64M count=1
	expect 125 carrier run --rm --network none -m nonsense "$PLAIN" true
	says nonsense
}

# --- networks

@test "--network none: loopback only" {
	expect 0 run_plain sh -c 'ls /sys/class/net; ip -o addr show lo | grep -c 127.0.0.1'
	prints $'lo\n1'
}

@test "--network host: the host's" {
	expect 0 carrier run --rm --network host "$PLAIN" readlink /proc/self/ns/net
	prints "$(readlink /proc/self/ns/net)"
}

# address - of this host, reachable from outside; where there is none, one is given to a dummy device
address() {
	local a
	a=$(ip -4 -o addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }')
	if [ -z "$a" ]; then
		ip link add ct-dummy type dummy
		ip addr add 198.51.100.7/32 dev ct-dummy
		ip link set ct-dummy up
		a=198.51.100.7
	fi
	echo "$a"
}

@test "--network private reaches a server on the host by address and by name" {
	local host
	host=$(address)
	start_word SERVED 0.0.0.0 served
	expect 0 carrier run --rm --network private "$DEBIAN" bash -c "cat </dev/tcp/$host/$SERVED"
	prints served
	expect 0 carrier run --rm --network private "$DEBIAN" bash -c "cat </dev/tcp/host.containers.internal/$SERVED"
	prints served
	expect 0 carrier run --rm --network private "$PLAIN" sh -c 'ls /sys/class/net | tr "\n" " "; cat /etc/resolv.conf'
	says "tap0"
	says "nameserver"
}

@test "/etc/hosts names the container and localhost" {
	expect 0 run_plain sh -c 'grep -c localhost /etc/hosts; grep -c "$(hostname)" /etc/hosts'
	matches $'^[1-9]\n1$'
}

@test "an unknown network names those there are" {
	expect 125 carrier run --rm --network nonsense "$PLAIN" true
	says private
	none_left
}

# --- terminals

# on_terminal COMMAND - of carrier's, as a line of shell, with a terminal of script(1)
on_terminal() {
	{
		declare -p PROGRAM CROOT WHO BASE PLAIN
		[ -z "${NAME:-}" ] || declare -p NAME USER_HOME USER_RUN
		declare -f carrier as_user
		echo "$1"
	} >"$WORK/terminal"
	script -qec "bash $WORK/terminal" /dev/null
}

@test "-t: a terminal with the caller's size" {
	expect 0 on_terminal "stty rows 33 cols 77; carrier run --rm -it --network none $PLAIN sh -c 'tty; stty size' </dev/tty"
	says /dev/pts/0
	says "33 77"
}

@test "-t: the exit code is the program's, and the caller's terminal is as it was" {
	expect 9 on_terminal "before=\$(stty -g); carrier run --rm -it --network none $PLAIN sh -c 'exit 9'; code=\$?
		[ \"\$before\" = \"\$(stty -g)\" ] || exit 77; exit \$code"
}

@test "-t: what is typed reaches the program" {
	expect 0 bash -c "$(declare -f on_terminal carrier as_user); $(declare -p WORK PROGRAM CROOT WHO BASE PLAIN)
		$([ -z "${NAME:-}" ] || declare -p NAME USER_HOME USER_RUN)
		(sleep 1; echo typed; sleep 1) | on_terminal 'carrier run --rm -it --network none $PLAIN sh -c \"read x; echo got-\\\$x\"'"
	says got-typed
}

# --- names, lists, records

@test "--name is unique; the sentence says how to free it" {
	asleep unique
	failing 125 unique carrier run --name unique --network none "$PLAIN" true
	[[ $stderr == *"rm"* ]] || fail "$stderr"
	expect 0 carrier ps -q
	same 1 "$(wc -l <<<"$output")"
}

@test "-d prints the id; ps, inspect and logs tell of it" {
	expect 0 carrier run -d --name told --network none "$PLAIN" sh -c 'echo to stdout; echo to stderr >&2; sleep 1000'
	matches '^[0-9a-f]{64}$'
	local id=$output
	expect 0 carrier ps
	says told
	says "${id:0:12}"
	says "$PLAIN"
	same "$id" "$(id_of told)"
	has_state told running
	soon eval '[ "$(carrier logs told 2>/dev/null)" = "to stdout" ]'
	expect 0 carrier logs told
	prints "to stdout"
	same "to stderr" "$stderr"
	jq -es 'all(.log and .stream and .time)' "$CROOT/containers/$id/log" >/dev/null
}

@test "ps without -a shows what runs; with it, what ended and how" {
	expect 7 carrier run --name ended --network none "$PLAIN" sh -c 'exit 7'
	expect 0 carrier ps
	[[ $output != *ended* ]] || fail "$output"
	expect 0 carrier ps -a
	says ended
	says 7
	expect 0 carrier inspect ended
	same 7 "$(jq -r '.[0].State.ExitCode' <<<"$output")"
	expect 0 carrier rm ended
	none_left
}

@test "exec: exit codes, stdin, user, environment, directory" {
	asleep target
	expect 0 carrier exec target echo inside
	prints inside
	expect 3 carrier exec target sh -c 'exit 3'
	expect 127 carrier exec target /no/such/program
	expect 126 carrier exec target /tmp
	expect 0 carrier exec -u app -w /tmp -e X=y target sh -c 'id -u; pwd; echo $X'
	prints $'1000\n/tmp\ny'
	echo piped >in
	carrier exec -i target cat <in >out 2>err || fail "$(cat err)"
	same piped "$(cat out)"
	expect 137 carrier exec target sh -c 'kill -9 $$'
}

@test "exec into what does not run" {
	expect 0 carrier run --name over --network none "$PLAIN" true
	failing 125 "not running" carrier exec over true
}

@test "stop: the image's StopSignal, then SIGKILL after the time" {
	expect 0 carrier run -d --name polite --network none --entrypoint /bin/sh "$BUSYBOX" -c \
		'trap "echo got it; exit 9" USR1; echo ready; while :; do sleep 0.1; done'
	soon eval '[ "$(carrier logs polite)" = ready ]'
	expect 0 carrier stop polite
	has_state polite exited
	expect 0 carrier inspect polite
	same 9 "$(jq -r '.[0].State.ExitCode' <<<"$output")"
	asleep deaf
	local begin=$SECONDS
	expect 0 carrier stop -t 1 deaf	# pid 1 without a handler hears no SIGTERM
	[ $((SECONDS - begin)) -lt 6 ]
	expect 0 carrier inspect deaf
	same 137 "$(jq -r '.[0].State.ExitCode' <<<"$output")"
}

@test "kill: SIGKILL, or the signal that is given" {
	asleep victim
	expect 0 carrier kill victim
	has_state victim exited
	expect 0 carrier inspect victim
	same 137 "$(jq -r '.[0].State.ExitCode' <<<"$output")"
	expect 0 carrier run -d --name listener --network none "$PLAIN" sh -c 'trap "exit 5" HUP; echo ready; while :; do sleep 0.1; done'
	soon eval '[ "$(carrier logs listener)" = ready ]'
	expect 0 carrier kill -s HUP listener
	has_state listener exited
	expect 0 carrier inspect listener
	same 5 "$(jq -r '.[0].State.ExitCode' <<<"$output")"
}

@test "rm refuses what runs, -f ends it" {
	asleep busy
	failing 1 busy carrier rm busy
	expect 0 carrier rm -f busy
	none_left
}

@test "containers are found by name, id, and the id's beginning" {
	asleep found
	local id
	id=$(id_of found)
	expect 0 carrier exec "$id" true
	expect 0 carrier exec "${id:0:6}" true
	expect 0 carrier rm -f "${id:0:12}"
	none_left
}

@test "rmi refuses an image that a container uses" {
	asleep needy
	failing 1 needy carrier rmi "$PLAIN"
	expect 0 carrier images
	says plain
}

@test "info and version" {
	expect 0 carrier version
	matches '[0-9]+\.[0-9]+'
	expect 0 carrier info
	says woody
	says "$CROOT"
}

@test "inspect of an image shows what it was configured with" {
	expect 0 carrier inspect "$BUSYBOX"
	same app "$(jq -r '.[0].Config.User' <<<"$output")"
	same SIGUSR1 "$(jq -r '.[0].Config.StopSignal' <<<"$output")"
}

@test "--rm with -d removes when it ends" {
	expect 0 carrier run -d --rm --name brief --network none "$PLAIN" sleep 0.3
	soon eval '[ -z "$(carrier ps -aq)" ]'
	none_left
}

@test "signals reach the program: TERM ends a run with the program's code" {
	carrier run --rm --name signalled --network none "$PLAIN" sh -c 'trap "exit 6" TERM; echo ready; while :; do sleep 0.1; done' \
		</dev/null >out 2>err 3>&- &
	local shell=$! status=0
	soon grep -q ready out
	kill -TERM "$(client_of signalled)"
	wait "$shell" || status=$?
	same 6 "$status"
	none_left
}

# client_of NAME - pid of the `carrier run` that waits for a container: the first of its processes
client_of() { first_process "--name $1 "; }

# monitor_of NAME
monitor_of() { jq -r .monitor "$CROOT/containers/$(readlink "$CROOT/names/$1" | sed 's,.*/,,')/status.json"; }

# --- after a murder

@test "kill -9 of carrier in the middle: the container goes on, ps tells the truth, rm -f cleans" {
	carrier run --name orphan --network none "$PLAIN" sleep 1000 </dev/null >out 2>err 3>&- &
	local shell=$!
	soon state_is orphan running
	local client_pid
	client_pid=$(client_of orphan)
	differ "$client_pid" "$(monitor_of orphan)"
	kill -9 "$client_pid"
	wait "$shell" || true
	state_is orphan running
	expect 0 carrier exec orphan echo alive
	prints alive
	expect 0 carrier rm -f orphan
	none_left
	soon nothing_runs
}

@test "kill -9 of carrier and its monitor in the middle of a --rm run: nothing survives rm -f" {
	carrier run --rm --name both --network none "$PLAIN" sleep 1000 </dev/null >out 2>err 3>&- &
	local shell=$! client_pid
	soon state_is both running
	client_pid=$(client_of both)
	kill -9 "$(monitor_of both)" "$client_pid"
	wait "$shell" || true
	expect 0 carrier ps -aq
	[ -n "$output" ] || fail "the container is not listed"
	expect 0 carrier rm -f both
	none_left
	soon nothing_runs
}

@test "kill -9 of the monitor: ps tells the truth, and rm -f leaves nothing" {
	asleep lonely
	local pid
	pid=$(pid_of lonely)
	kill -9 "$(monitor_of lonely)"
	expect 0 carrier ps -a
	says lonely
	if ended "$pid"; then
		soon eval '[ "$(state_of lonely)" != running ]'
	else
		state_is lonely running
	fi
	expect 0 carrier rm -f lonely
	soon ended "$pid"
	none_left
}

@test "kill -9 of the container's process: 137" {
	asleep shot
	kill -9 "$(pid_of shot)"
	has_state shot exited
	expect 0 carrier inspect shot
	same 137 "$(jq -r '.[0].State.ExitCode' <<<"$output")"
}

# --- what the programs are

@test "ldd of carrier and woody shows neither libcurl nor libcrypto" {
	local program
	for program in "$PROGRAM" "$BASE/bin/woody"; do
		run ldd "$program"
		[[ $output == *libc.so* || $output == *statically* || $output == *"not a dynamic"* ]] || fail "ldd $program: $output"
		[[ $output != *libcurl* && $output != *libcrypto* && $output != *libssl* ]] || fail "$program: $output"
	done
	# the assertion can fail: the fetcher is the one that has it
	ldd "$BASE/bin/carrier-fetch" | grep -q libcurl
}

@test "without any helper --network private names the packages" {
	mkdir path
	chmod 755 path
	local program
	for program in /usr/bin/newuidmap /usr/bin/newgidmap; do ln -s "$program" path/; done
	if [ "$WHO" = user ]; then
		USER_PATH=$WORK/path failing 125 slirp4netns carrier run --rm --network private "$PLAIN" true
	else
		failing 125 slirp4netns env PATH="$WORK/path" "$PROGRAM" --root "$CROOT" run --rm --network private "$PLAIN" true
	fi
	none_left
}

@test "a removal that is killed half-way is finished by the next command" {
	local id command=("$PROGRAM" --root "$CROOT" rm half)
	expect 0 carrier run --network none --name half "$PLAIN" sh -c 'mkdir /many; for i in 1 2 3 4 5 6 7 8 9; do echo >/many/$i; done'
	id=$(basename "$CROOT"/containers/*)
	# the sixth of its unlinkat(2), in whichever process that is
	client strace -f -qq -o /dev/null -e trace=unlinkat -e inject=unlinkat:signal=KILL:when=6 "${command[@]}" >/dev/null 2>&1 3>&- || true
	[ -d "$CROOT/containers/$id.removed" ] || fail "$(ls "$CROOT/containers" "$CROOT/names")"
	failing 1 "no container 'half'" carrier stop half
	expect 0 carrier ps -a -q
	same "" "$output"
	same "" "$(find "$CROOT/containers" "$CROOT/names" -mindepth 1)"
}
