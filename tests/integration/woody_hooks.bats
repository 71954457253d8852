# The six kinds of hooks: when, where and with what they run, and what their failure means.
load helpers

# hook KIND SCRIPT [MEMBERS] - a shell script; MEMBERS: more members as JSON
hook() {
	config '.hooks[$kind] += [{ path: "/bin/sh", args: ["sh", "-c", $script] } + $more]' \
		--arg kind "$1" --arg script "$2" --argjson more "${3:-{\}}"
}

# the order as the hooks noted it
noted() {
	tr '\n' ' ' <"$WORK/notes"
}

@test "the six kinds run in their order, each once, around the program" {
	writable
	local kind
	# a bind mount makes the notes reachable from inside, too
	touch "$WORK/notes" "$ROOTFS/notes"
	config '.mounts += [{ destination: "/notes", type: "bind", source: $file, options: ["bind"] }]' --arg file "$WORK/notes"
	for kind in prestart createRuntime createContainer poststart poststop; do
		hook $kind "echo $kind >>$WORK/notes"
	done
	hook startContainer 'echo startContainer >>/notes'
	program sh -c 'echo program >>/notes; sleep 1000'
	detached woody create "$ID"
	same "$(noted)" "prestart createRuntime createContainer "
	expect 0 woody start "$ID"
	soon grep -q program "$WORK/notes"
	same "$(head -n 4 "$WORK/notes" | tail -n 1)" startContainer
	same "$(sed '/^program$/d' "$WORK/notes" | tr '\n' ' ')" "prestart createRuntime createContainer startContainer poststart "
	woody kill "$ID" KILL
	soon stopped
	[[ "$(noted)" != *poststop* ]]
	expect 0 woody delete "$ID"
	same "$(tail -n 1 "$WORK/notes")" poststop
	same "$(wc -l <"$WORK/notes")" 7
}

@test "run calls them all, too" {
	local kind
	for kind in prestart createRuntime createContainer poststart poststop; do
		hook $kind "echo $kind >>$WORK/notes"
	done
	hook startContainer 'echo startContainer >/notes'
	writable
	inside 0 'cat /notes; sleep 0.1'
	prints startContainer
	same "$(noted)" "prestart createRuntime createContainer poststart poststop "
}

@test "hooks of a kind run in the order of the list, until one fails" {
	hook prestart "echo 1 >>$WORK/notes"
	hook prestart "echo 2 >>$WORK/notes; exit 3"
	hook prestart "echo 3 >>$WORK/notes"
	program true
	refused "error running prestart hook #1:"
	same "$(noted)" "1 2 "
}

@test "the state is on stdin: id, status, pid, bundle, annotations" {
	config '.annotations = { "org.example.key": "value" }'
	local kind
	for kind in prestart createRuntime createContainer poststart poststop; do
		hook $kind "cat >$WORK/$kind.json"
	done
	writable
	hook startContainer 'cat >/state.json'
	start_sleeping
	woody kill "$ID" KILL
	soon stopped
	woody delete "$ID"
	cp "$ROOTFS/state.json" "$WORK/startContainer.json"
	for kind in prestart createRuntime createContainer startContainer poststart poststop; do
		jq -e --arg id "$ID" --arg bundle "$BUNDLE" '.id == $id and .bundle == $bundle and (.ociVersion | startswith("1."))
			and .annotations["org.example.key"] == "value"' "$WORK/$kind.json" || fail "$(cat "$WORK/$kind.json")"
	done
	same "$(jq -r .status "$WORK"/{prestart,createRuntime,createContainer,startContainer,poststart,poststop}.json | tr '\n' ' ')" \
		"created creating creating created running stopped "
	same "$(jq .pid "$WORK/prestart.json" "$WORK/createRuntime.json" "$WORK/poststart.json" | uniq)" "$PID"
	same "$(jq .pid "$WORK/startContainer.json")" 1
}

@test "hooks of the host run in the caller's namespaces, those of the container in its own" {
	hook createRuntime "readlink /proc/self/ns/mnt /proc/self/ns/pid /proc/self/ns/net >$WORK/createRuntime"
	hook createContainer "readlink /proc/self/ns/mnt /proc/self/ns/uts >$WORK/createContainer; pwd >>$WORK/createContainer; hostname >>$WORK/createContainer"
	hook poststart "readlink /proc/self/ns/mnt >$WORK/poststart"
	hook startContainer 'cat /etc/passwd >/notes; readlink /proc/self/ns/mnt >>/notes'
	writable
	config '.hostname = "inside-it"'
	start_sleeping
	same "$(cat "$WORK/createRuntime")" "$(for k in mnt pid net; do namespace_of self $k; done)"
	same "$(cat "$WORK/poststart")" "$(namespace_of self mnt)"
	same "$(sed -n 1p "$WORK/createContainer")" "$(namespace_of "$PID" mnt)"
	same "$(sed -n 2p "$WORK/createContainer")" "$(namespace_of "$PID" uts)"
	same "$(sed -n 3p "$WORK/createContainer")" "$ROOTFS"
	same "$(sed -n 4p "$WORK/createContainer")" inside-it
	same "$(cat "$ROOTFS/notes")" "root:x:0:0:root:/root:/bin/sh"$'\n'"$(namespace_of "$PID" mnt)"
}

@test "argv is exactly args, the environment exactly env" {
	config '.hooks.prestart = [{ path: "/bin/sh", args: ["not the path", "-c", $script, "a b", "", "c"], env: ["ONE=1", "TWO=b c"] }]' \
		--arg script "printf '<%s>' \"\$0\" \"\$@\" >$WORK/notes; tr '\\0' '\\n' </proc/\$\$/environ >$WORK/env; tr '\\0' '|' </proc/\$\$/cmdline >$WORK/argv"
	program true
	LEAKED=yes expect 0 woody run "$ID"
	same "$(cat "$WORK/notes")" "<a b><><c>"
	same "$(cat "$WORK/env")" $'ONE=1\nTWO=b c'
	[[ "$(cat "$WORK/argv")" == "not the path|-c|"* ]]
}

@test "a startContainer hook without env has the process' env and HOME, one with env its own" {
	hook startContainer 'echo "$MINE $HOME" >/notes'
	hook startContainer 'echo "<$MINE>" >>/notes' '{ "env": ["PATH=/bin"] }'
	config '.process.env += ["MINE=yes"]'
	writable
	inside 0 'cat /notes'
	prints $'yes /root\n<>'
}

@test "hooks get none of our file descriptors, and stdout is not the container's" {
	hook prestart "ls /proc/\$\$/fd | tr '\\n' ' ' >$WORK/fds; echo chatter"
	program echo program
	expect 0 bash -c 'exec 7</etc/passwd; exec "$0" --root "$1" run "$2"' "$WOODY" "$ROOT" "$ID"
	prints program
	[[ "$(cat "$WORK/fds")" == "0 1 2 "* ]]
	[[ "$(cat "$WORK/fds")" != *7* ]]
}

@test "a hook that reads nothing hurts nobody, also when the state is long" {
	config '.annotations = { "big": ("x" * 300000) }'
	config '.hooks.prestart = [{ path: "/bin/true" }] | .hooks.createRuntime = [{ path: "/bin/sleep", args: ["sleep", "0.05"] }]'
	inside 0 'echo runs'
	prints runs
}

@test "a hook that outlives its timeout is killed and named" {
	hook createRuntime "sleep 20; echo >$WORK/late" '{ "timeout": 1 }'
	program true
	local before=$SECONDS
	refused "error running createRuntime hook #0:"
	[ $((SECONDS - before)) -lt 8 ]
}

@test "a failing hook of each kind fails create or run, with its text" {
	local kind
	cp config.json "$WORK/kept.json"
	writable
	for kind in prestart createRuntime createContainer; do
		cp "$WORK/kept.json" config.json
		hook $kind 'echo said by the hook >&2; exit 9'
		program touch /ran
		refused "error running $kind hook #0:"
		says "exit status 9"
		says "said by the hook"
	done
	for kind in startContainer poststart; do
		cp "$WORK/kept.json" config.json
		hook $kind 'exit 9'
		program sh -c 'sleep 1000'
		expect 1 woody run "$ID"
		says "error running $kind hook #0:"
		gone
	done
	[ ! -e "$ROOTFS/ran" ]
}

@test "a failing poststart or startContainer hook makes start fail and stops the container" {
	local kind
	for kind in poststart startContainer; do
		config 'del(.hooks)'
		hook $kind 'exit 1'
		program sleep 1000
		detached woody create "$ID"
		attempt 1 woody start "$ID"
		says "error running $kind hook #0:"
		soon stopped
		expect 0 woody delete "$ID"
		gone
	done
}

@test "a hook that is not there is named; one without an absolute path is refused" {
	config '.hooks.prestart = [{ path: "/no/such/hook" }]'
	program true
	refused "error running prestart hook #0:"
	config '.hooks = { createRuntime: [{ path: "relative/hook" }] }'
	refused "hooks.createRuntime[0].path"
	config '.hooks = { poststop: [{ path: "/bin/true", timeout: 0 }] }'
	refused "hooks.poststop[0].timeout"
}

@test "a failing poststop hook is a warning, and the others run" {
	hook poststop "echo 1 >>$WORK/notes; exit 5"
	hook poststop "echo 2 >>$WORK/notes"
	program sleep 1000
	detached woody create "$ID"
	expect 0 woody delete "$ID"
	says level=warn
	says poststop
	same "$(noted)" "1 2 "
	gone
}

@test "delete --force runs poststop, too" {
	hook poststop "echo done >$WORK/notes"
	start_sleeping
	expect 0 woody delete -f "$ID"
	same "$(noted)" "done "
}

@test "a createRuntime hook may make mounts in the container's namespace through its pid" {
	mkdir "$ROOTFS/mnt"
	hook createRuntime 'pid=$(sed "s/.*\"pid\":\([0-9]*\).*/\1/"); nsenter -t $pid -m mount -t tmpfs -o size=1m hooked '"$ROOTFS/mnt"
	inside 0 'grep -c "tmpfs hooked" /proc/self/mountinfo; touch /mnt/works && ls /mnt'
	prints $'1\nworks'
}

@test "hooks without a mount namespace, once each" {
	config '.linux.namespaces = [] | .mounts = [] | del(.hostname) | .linux.maskedPaths = [] | .linux.readonlyPaths = [] | .root.readonly = false'
	local kind
	for kind in prestart createRuntime createContainer poststart poststop; do
		hook $kind "echo $kind >>$WORK/notes"
	done
	program true
	expect 0 woody run "$ID"
	same "$(noted)" "prestart createRuntime createContainer poststart poststop "
}

@test "poststop hooks run once, though a run in the foreground and a delete both see the end" {
	hook poststop "echo poststop >>$WORK/notes"
	program sleep 1000
	woody run "$ID" </dev/null >/dev/null 2>"$WORK/run.err" 3>&- &
	local run=$!
	soon running
	expect 0 woody delete -f "$ID"
	wait "$run" || true
	same "$(noted)" "poststop "
	gone
}

@test "poststop hooks run, though all is gone before whoever took the record comes to them" {
	hook poststop "echo poststop >>$WORK/notes"
	program sleep 1000
	"$WOODY" --root "$ROOT" run "$ID" </dev/null >/dev/null 2>"$WORK/run.err" 3>&- &
	local run=$! delete
	soon running
	# the delete takes the record, and is then so late that the run has removed everything
	kill -STOP "$run"
	strace -qq -o "$WORK/delete.trace" -e trace=unlinkat -e inject=unlinkat:delay_exit=1000000 \
		"$WOODY" --root "$ROOT" delete -f "$ID" 3>&- &
	delete=$!
	soon test ! -e "$ROOT/$ID/state.json"
	kill -CONT "$run"
	wait "$run" || true
	gone
	wait "$delete"
	same "$(noted)" "poststop "
}

running() { [ "$(woody state "$ID" | jq -r .status)" = running ]; }
