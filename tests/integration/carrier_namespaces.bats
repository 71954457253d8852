# --pid, --ipc, --uts, --cgroupns: looked at from inside. WHO=root or user.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() { setup_with plain; }

teardown_file() { carrier_teardown_file; }

run_plain() { carrier run --rm --network none "$@"; }
inside() {
	local script=$1
	shift
	expect 0 run_plain "$@" "$PLAIN" sh -c "$script"
}
host_ns() { client readlink "/proc/self/ns/$1"; }

# asleep NAME OPTION...
asleep() {
	local name=$1
	shift
	expect 0 carrier run -d --name "$name" --network none "$@" "$PLAIN" sleep 1000
	has_state "$name" running
}

@test "without options all are the container's own" {
	local ns
	for ns in pid ipc uts cgroup; do
		inside "readlink /proc/self/ns/$ns"
		[ "$output" != "$(host_ns "$ns")" ] || fail "$ns is the host's"
	done
	inside 'readlink /proc/self/ns/pid' --pid private --ipc private --uts private --cgroupns private
	[ "$output" != "$(host_ns pid)" ]
}

@test "host: the host's own" {
	inside 'readlink /proc/self/ns/pid; test -d /proc/'$$' && echo seen' --pid host
	prints "$(printf '%s\nseen' "$(host_ns pid)")"
	inside 'readlink /proc/self/ns/ipc; stat -f -c %T /dev/shm' --ipc host
	prints "$(printf '%s\n%s' "$(host_ns ipc)" "$(stat -f -c %T /dev/shm)")"
	inside 'readlink /proc/self/ns/uts; hostname' --uts host
	prints "$(printf '%s\n%s' "$(host_ns uts)" "$(hostname)")"
	inside 'readlink /proc/self/ns/cgroup' --cgroupns host
	prints "$(host_ns cgroup)"
}

@test "--pid host: /proc is masked all the same" {
	inside 'grep -c " /proc/sys " /proc/self/mountinfo; head -c1 /proc/kcore | wc -c' --pid host
	prints "$(printf '1\n0')"
}

@test "--ipc host: shared memory of the host, --ipc none: no /dev/shm" {
	local name=carrier-test-$$
	echo here >"/dev/shm/$name"
	chmod 644 "/dev/shm/$name"
	run --separate-stderr run_plain --ipc host "$PLAIN" cat "/dev/shm/$name"
	rm "/dev/shm/$name"
	prints here
	inside 'grep -c " /dev/shm " /proc/self/mountinfo || true' --ipc none
	prints 0
}

@test "container: processes, host name, cgroup and shared memory of another" {
	asleep first --ipc shareable --hostname firsthost
	carrier exec first sh -c 'echo shared >/dev/shm/note'
	local pid ns
	pid=$(pid_of first)
	for ns in pid ipc uts cgroup; do
		inside "readlink /proc/self/ns/$ns" --pid container:first --ipc container:first --uts container:first --cgroupns container:first
		prints "$(readlink "/proc/$pid/ns/$ns")"
	done
	inside 'cat /proc/1/cmdline | tr "\0" " "; hostname; cat /dev/shm/note; echo back >/dev/shm/answer' \
		--pid "container:$(id_of first)" --ipc container:first --uts container:first
	prints "$(printf 'sleep 1000 firsthost\nshared')"
	expect 0 carrier exec first cat /dev/shm/answer
	prints back
	# what joins and ends does not take the other with it
	state_is first running
	expect 0 carrier run -d --name second --network none --pid container:first "$PLAIN" sleep 1000
	has_state second running
	expect 0 carrier stop -t 0 second
	state_is first running
	grep -q . "/proc/$pid/cmdline"
}

@test "container: what cannot be joined" {
	failing 125 "--pid: no container 'nobody'" run_plain --pid container:nobody "$PLAIN" true
	expect 0 carrier run --name over --network none "$PLAIN" true
	failing 125 "--uts: container over does not run" run_plain --uts container:over "$PLAIN" true
	asleep closed --ipc private
	failing 125 "does not share its own" run_plain --ipc container:closed "$PLAIN" true
	failing 125 "--hostname with --uts host" run_plain --uts host --hostname x "$PLAIN" true
	failing 125 "--pid 'hots': did you mean 'host'?" run_plain --pid hots "$PLAIN" true
	failing 125 "--ipc 'some'" run_plain --ipc some "$PLAIN" true
	if [ "$WHO" = user ]; then
		asleep another
		failing 125 "container:NAME with different containers" run_plain --pid container:closed --uts container:another "$PLAIN" true
	else
		asleep another
		expect 0 run_plain --pid container:closed --uts container:another "$PLAIN" true
	fi
}

@test "a name is resolved when the container is made" {
	asleep first
	expect 0 carrier run -d --name second --network none --uts container:first "$PLAIN" sleep 1000
	has_state second running
	same "$(readlink "/proc/$(pid_of first)/ns/uts")" "$(readlink "/proc/$(pid_of second)/ns/uts")"
}

# killed NAME - its process, and it runs again as another one
killed() {
	local was
	was=$(pid_of "$1")
	kill -9 "$was"
	soon eval "[ \"\$(pid_of $1)\" != $was ] && state_is $1 running"
}

@test "the restart policy looks for those again whose namespaces are shared" {
	asleep first --restart always --ipc shareable
	echo hidden | carrier secret create note - >/dev/null
	asleep second --restart always --uts container:first --ipc container:first --secret note,type=env,target=NOTE --mount "type=image,source=$PLAIN,target=/i" \
		--mount "type=image,source=$PLAIN,target=/j,subpath=bin"
	killed first
	differ "$(readlink "/proc/$(pid_of first)/ns/uts")" "$(readlink "/proc/$(pid_of second)/ns/uts")"
	carrier exec first sh -c 'echo new >/dev/shm/note'
	killed second
	same "$(readlink "/proc/$(pid_of first)/ns/uts")" "$(readlink "/proc/$(pid_of second)/ns/uts")"
	expect 0 carrier exec second sh -c 'cat /dev/shm/note; ls /i/bin/sh; ls /j/sh; tr "\0" "\n" </proc/1/environ | grep NOTE'
	prints $'new\n/i/bin/sh\n/j/sh\nNOTE=hidden'
	# a person starts it anew: an ordinary user's has another user namespace then
	expect 0 carrier restart -t 0 first
	if [ "$WHO" = root ]; then
		killed second
	else
		kill -9 "$(pid_of second)"
		soon eval 'carrier inspect second | grep -q "was started anew, in a user namespace that cannot be entered from here: .carrier restart second"'
		expect 0 carrier restart -t 0 second
	fi
	same "$(readlink "/proc/$(pid_of first)/ns/uts")" "$(readlink "/proc/$(pid_of second)/ns/uts")"
	# while the other is not there it is tried again
	expect 0 carrier stop -t 0 first
	kill -9 "$(pid_of second)"
	soon eval 'carrier inspect second | grep -q "container first does not run: start it first"'
	if [ "$WHO" = root ]; then
		expect 0 carrier start first
		soon state_is second running
	fi
	carrier rm -f first second >/dev/null
	carrier secret rm note >/dev/null
}
