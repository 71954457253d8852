# What containers write, where it is kept, and how it is read. WHO=root or user.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() { setup_with plain; }

teardown_file() { carrier_teardown_file; }
prepare() { install -d -m 777 "$WORK/theirs"; }

cleanup() {
	[ -z "${JOURNAL:-}" ] || kill "$JOURNAL" 2>/dev/null || true
	[ ! -e "$WORK/made-run" ] || rm -rf /run/systemd/journal
}

# wrote NAME [OPTION...] -- SCRIPT - a container that has written what it had to say, and ended
wrote() {
	local name=$1 options=()
	shift
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	expect 0 carrier run -d --name "$name" --network none "${options[@]}" "$PLAIN" sh -c "$2"
	expect 0 carrier wait "$name"
}

dir_of() { echo "$CROOT/containers/$(id_of "$1")"; }

@test "json-file and k8s-file: every byte comes back, in its stream" {
	local driver
	# shellcheck disable=SC2016
	local script='i=0; while [ $i -lt 256 ]; do printf "\\$(printf %03o $i)"; i=$((i + 1)); done; head -c 70000 /dev/zero; echo; head -c 300000 /dev/urandom >/r; cat /r; sha256sum </r >&2'
	for driver in json-file k8s-file; do
		wrote bytes --log-driver "$driver" -- "$script"
		carrier logs bytes >"$WORK/out" 2>"$WORK/err"
		same "$(tail -c 300000 "$WORK/out" | sha256sum)" "$(cat "$WORK/err")"
		same "$({ python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) + bytes(70000) + b"\n")'; } | sha256sum)" \
			"$(head -c -300000 "$WORK/out" | sha256sum)"
		expect 0 carrier rm bytes
	done
}

@test "a program that writes much loses no byte and is not blocked: LOG_MEGABYTES, 64 by default" {
	local megabytes=${LOG_MEGABYTES:-64}
	wrote much -- "yes 0123456789abcdefghijklmnopqrstuvwxyz0123456789 | head -c ${megabytes}m; echo over >&2"
	same "$(yes 0123456789abcdefghijklmnopqrstuvwxyz0123456789 | head -c "${megabytes}M" | sha256sum)" "$(carrier logs much 2>/dev/null | sha256sum)"
	same over "$(carrier logs much 2>&1 >/dev/null)"
}

@test "max-size, max-file: rotated between lines; logs reads all of them; the oldest goes" {
	local driver
	for driver in json-file k8s-file; do
		wrote turns --log-driver "$driver" --log-opt max-size=20k --log-opt max-file=4 -- 'for i in $(seq 3000); do echo "line $i of many"; done; printf end'
		local dir file
		dir=$(dir_of turns)
		for file in log log.1 log.2 log.3; do
			[ "$(stat -c %s "$dir/$file")" -le 20480 ] || fail "$file is too large"
		done
		[ ! -e "$dir/log.4" ]
		expect 0 carrier logs turns
		local first
		first=$(head -1 <<<"$output" | cut -d' ' -f2)
		[ "$first" -gt 1 ] && [ "$first" -lt 2999 ]
		same "$(for i in $(seq "$first" 3000); do echo "line $i of many"; done; printf end)" "$output"
		expect 0 carrier logs -n 2 turns
		prints $'line 3000 of many\nend'
		expect 0 carrier logs --tail 500 turns	# begins in another file
		same "$(for i in $(seq 2502 3000); do echo "line $i of many"; done; printf end)" "$output"
		expect 0 carrier rm turns
	done
	wrote one --log-opt max-size=4k -- 'for i in $(seq 500); do echo "line $i"; done'
	[ ! -e "$(dir_of one)/log.1" ]
	expect 0 carrier logs -n 1 one
	prints "line 500"
	failing 125 max-size carrier run --log-opt max-file=3 "$PLAIN" true
	failing 125 "no option" carrier run --log-driver none --log-opt max-size=1m "$PLAIN" true
}

@test "follow: across rotation nothing is lost; it ends with the container, also of --rm" {
	expect 0 carrier run -d --rm --name runs --network none --log-opt max-size=50k --log-opt max-file=20 "$PLAIN" sh -c \
		'while [ ! -e /go ]; do sleep 0.05; done; i=0; while [ $i -lt 6000 ]; do echo "line $i of these"; i=$((i + 1)); done; sleep 0.2; echo last'
	carrier logs -f runs >"$WORK/followed" 2>"$WORK/err" 3>&- &
	local follows=$!
	sleep 0.3
	carrier exec runs touch /go
	wait $follows
	same "" "$(cat "$WORK/err")"
	same "$({ for i in $(seq 0 5999); do echo "line $i of these"; done; echo last; } | sha256sum)" "$(sha256sum <"$WORK/followed")"
}

@test "across restarts the log goes on, and follow with it" {
	expect 0 carrier run -d --name again --network none --restart on-failure:2 "$PLAIN" sh -c 'echo run; sleep 0.3; exit 1'
	carrier logs -f again >"$WORK/followed" 3>&-
	same $'run\nrun\nrun' "$(cat "$WORK/followed")"
}

@test "--since, --until, --timestamps, --tail" {
	wrote times -- 'echo one; sleep 1.2; echo two; sleep 1.2; echo three'
	local second
	expect 0 carrier logs -t times
	matches '^20[0-9-]*T[0-9:]*\.[0-9]*Z one'
	second=$(sed -n 2p <<<"$output" | cut -d' ' -f1)
	expect 0 carrier logs --since "$second" times
	prints $'two\nthree'
	expect 0 carrier logs --until "$second" times
	prints $'one\ntwo'
	expect 0 carrier logs --since 1h --until 30m times
	prints ""
	expect 0 carrier logs --since "$(($(date +%s) - 3600))" -n 1 times
	prints three
	expect 0 carrier logs -n 0 times
	prints ""
	failing 125 --since carrier logs --since yesterday times
	failing 125 --tail carrier logs --tail some times
}

@test "--search, --regex, --fuzzy, --names, --details" {
	wrote words --log-opt tag='{{.Name}}!' -- 'echo "GET /index.html 200"; echo "POST /form 500"; echo "GET /form 404"; printf "no end 500"'
	expect 0 carrier logs --search /form words
	prints $'POST /form 500\nGET /form 404'
	expect 0 carrier logs --regex '^GET.* [45][0-9]{2}$' words
	prints "GET /form 404"
	expect 0 carrier logs --fuzzy gidx words
	prints "GET /index.html 200"
	expect 0 carrier logs --search 500 words
	prints $'POST /form 500\nno end 500'
	expect 0 carrier logs --search GET --regex 404 words
	prints "GET /form 404"
	expect 0 carrier logs --names --details -n 2 words
	prints $'words tag=words! GET /form 404\nwords tag=words! no end 500'
	failing 125 --regex carrier logs --regex '(' words
}

@test "none and passthrough keep no log; path= is where it is kept" {
	wrote quiet --log-driver none -- 'echo nothing'
	failing 1 "--log-driver none" carrier logs quiet
	carrier run --name passes --log-driver passthrough --network none "$PLAIN" sh -c 'readlink /proc/self/fd/1; echo err >&2' >"$WORK/theirs/out" 2>"$WORK/theirs/err"
	same err "$(cat "$WORK/theirs/err")"
	[[ $(cat "$WORK/theirs/out") == */out ]] || fail "$(cat "$WORK/theirs/out")"	# the file itself, no pipe
	failing 1 passthrough carrier logs passes
	failing 125 passthrough carrier run -t --log-driver passthrough "$PLAIN" true
	wrote elsewhere --log-driver k8s-file --log-opt "path=$WORK/theirs/its.log" -- 'echo here'
	grep -q ' stdout F here$' "$WORK/theirs/its.log"
	expect 0 carrier logs elsewhere
	prints here
	failing 125 "did you mean" carrier run --log-driver jsonfile "$PLAIN" true
}

@test "journald: its own protocol, docker's fields" {
	if [ -e /run/systemd/journal/socket ]; then skip "a real journald is here: ls /run/systemd/journal/socket"; fi
	failing 125 journald carrier run --log-driver journald "$PLAIN" true
	mkdir -p /run/systemd/journal
	touch "$WORK/made-run"
	python3 - "$WORK/journal" 3>&- <<-'PY' &
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind("/run/systemd/journal/socket")
		os.chmod("/run/systemd/journal/socket", 0o666)
		with open(sys.argv[1], "wb", buffering=0) as f:
		    while True: f.write(s.recv(1 << 20).replace(b"\0" * 7, b"").replace(b"\0", b"") + b"--\n")
	PY
	JOURNAL=$!
	soon test -S /run/systemd/journal/socket
	wrote told --log-driver journald --log-opt tag=mine -- 'echo to journald; echo and this >&2'
	soon grep -q "and this" "$WORK/journal"
	local field
	for field in PRIORITY=6 PRIORITY=3 CONTAINER_NAME=told CONTAINER_TAG=mine SYSLOG_IDENTIFIER=mine "CONTAINER_ID_FULL=$(id_of told)" "IMAGE_NAME=$PLAIN"; do
		grep -qx "$field" "$WORK/journal" || fail "$field is missing" "$(cat "$WORK/journal")"
	done
	failing 1 journalctl carrier logs told
}

# journal NAME JQ-FILTER - what the machine's journal has of the container
journal() { journalctl --no-pager --all -o json "CONTAINER_ID_FULL=$(id_of "$1")" | jq -r "$2"; }
journal_has() { journal told .MESSAGE | grep -qx "$1"; }

@test "journald: a real one has every line, with docker's fields" {
	[ -e /run/systemd/journal/socket ] || skip "there is no journald here: ls /run/systemd/journal/socket"
	wrote told --log-driver journald --log-opt tag=mine -- 'echo to journald; echo and this >&2; head -c 100000 /dev/zero | tr "\0" x; echo; echo last'
	soon journal_has last
	same $'3 and this\n6 last\n6 to journald' "$(journal told 'select(.MESSAGE | length < 100) | .PRIORITY + " " + .MESSAGE' | sort)"
	same 100000 "$(journal told 'select(.MESSAGE | length > 100) | .MESSAGE' | tr -cd x | wc -c)"
	same "told mine mine $PLAIN" "$(journal told '[.CONTAINER_NAME, .CONTAINER_TAG, .SYSLOG_IDENTIFIER, .IMAGE_NAME] | join(" ")' | sort -u)"
	failing 1 journalctl carrier logs told
}
