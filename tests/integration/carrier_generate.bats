# `carrier generate`, the files of contrib/boot, and what is said of lingering. WHO=root or user. The judge of units is systemd-analyze verify of
# Debian's package systemd; what a unit says is then really executed, as systemd would: nothing here runs systemd.
# Not judged: .container files, for want of a podman with the generator (podman --version: 4.3.1; quadlet came with 4.4).
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	setup_with plain
	export CONTRIB=$BATS_TEST_DIRNAME/../../contrib/boot
}

teardown_file() { carrier_teardown_file; }

rootless() { [ "$WHO" = user ]; }

# verified FILE... - systemd-analyze has nothing to say
verified() {
	command -v systemd-analyze >/dev/null || return 0
	local kind=--system file
	! rootless || kind=--user
	mkdir -p "$WORK/units"
	for file in "$@"; do cp "$file" "$WORK/units/"; done
	XDG_RUNTIME_DIR=$WORK expect 0 systemd-analyze $kind verify --man=no "$WORK/units/"*.service
	same "" "$(grep -v -e 'Delegate=' <<<"$stderr" | grep -F "$WORK" || true)"
	rm -r "$WORK/units"
}

# command_of KEY FILE - the words of a unit's ExecStart= or ExecStop=, one a line, as systemd reads them
command_of() {
	python3 - "$1" "$2" <<-'EOF'
	import re, sys
	line = next(l for l in open(sys.argv[2]) if l.startswith(sys.argv[1] + '='))[len(sys.argv[1]) + 1:].rstrip('\n')
	for m in re.finditer(r'"((?:[^"\\]|\\.)*)"|(\S+)', line):
	    word = m[1] if m[1] is not None else m[2]
	    if m[1] is not None:
	        word = re.sub(r'\\(.)', lambda e: {'n': '\n', 't': '\t'}.get(e[1], e[1]), word)
	    print(word.replace('%%', '%').replace('$$', '$').replace('\n', '\x01'))
	EOF
}

# executed KEY FILE - it is
executed() {
	local words
	mapfile -t words < <(command_of "$1" "$2")
	client env -C / "${words[@]//$'\x01'/$'\n'}"
}

@test "generate systemd: start and stop of a container that is there" {
	expect 0 carrier create --name web --stop-timeout 7 --network none "$PLAIN" sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.1; done'
	local id
	id=$(id_of web)
	expect 0 carrier generate systemd --name web
	printf '%s\n' "$output" >container-web.service
	says "# container-web.service"
	says "Restart=on-failure"
	says "TimeoutStopSec=67"
	says "stop --time 7 web"
	if rootless; then says "WantedBy=default.target"; else says "WantedBy=multi-user.target"; fi
	verified container-web.service
	executed ExecStart container-web.service >out 2>err 3>&- &
	local service=$! code=0
	has_state web running
	soon grep -q ready out
	executed ExecStop container-web.service
	wait $service || code=$?
	same 9 "$code"
	has_state web exited
	expect 0 carrier generate systemd --restart-policy always -t 3 web
	says "# container-$id.service"
	says "Restart=always"
	says "start --attach $id"
	says "stop --time 3 $id"
	same 63 "$(sed -n 's/^TimeoutStopSec=//p' <<<"$output")"
	failing 125 "--restart-policy 'sometimes' is not one of systemd's" carrier generate systemd --restart-policy sometimes web
	failing 125 "no container 'nobody'" carrier generate systemd nobody
	expect 0 carrier rm web
}

@test "generate systemd --new: the command line, with what needs quoting, makes the same container" {
	local odd='a "b" $HOME %n \ c'
	mkdir -m 777 "$WORK/dir"
	expect 0 client env PASSED="was $odd" "$PROGRAM" --root "$CROOT" --runroot "$CROOT/run" run -dit --name new -e PASSED -e "OWN=$odd" -w /tmp -u 0:0 --label x=y \
		--restart always --replace --cidfile "$WORK/dir/cid" --network=none -v "$WORK/dir:/data:ro" "$PLAIN" sh -c 'trap "exit 143" TERM; echo "$OWN|$PASSED|$1|$(pwd)"; while :; do sleep 0.1; done' - $'two\nlines'
	expect 0 carrier --root "$CROOT" --runroot "$CROOT/run" generate systemd --new new
	printf '%s\n' "$output" >container-new.service
	verified container-new.service
	expect 0 carrier --root "$CROOT" --runroot "$CROOT/run" rm -f new
	command_of ExecStart container-new.service >words
	same "1 1 1 0 0 0 0 0" "$(for w in --replace --rm --name=new --detach --tty --interactive --restart --cidfile; do grep -c -e "^$w" words || true; done | xargs)"
	executed ExecStart container-new.service >out 2>err 3>&- &
	local service=$! code=0
	soon grep -q lines out || fail "$(<err)"
	same "$odd|was $odd|two
lines|/tmp" "$(<out)"
	executed ExecStop container-new.service
	wait $service || code=$?
	same 143 "$code"
	same "" "$(carrier --root "$CROOT" --runroot "$CROOT/run" ps -aq)"
	same "SuccessExitStatus=143 SIGTERM" "$(grep ^Success container-new.service)"
}

@test "generate --files; relative paths are warned of; older records say so" {
	mkdir -m 777 "$WORK/here"
	expect 0 carrier create --name filed --network none -v "$WORK/here:/x" "$PLAIN" true
	expect 0 client env -C "$WORK/here" "$PROGRAM" --root "$CROOT" --runroot "$CROOT/run" generate systemd --files --name filed
	prints "$WORK/here/container-filed.service"
	grep -q "^ExecStart=.* start --attach filed" "$WORK/here/container-filed.service"
	expect 0 client env -C "$WORK/here" "$PROGRAM" --root "$CROOT" generate quadlet --files filed
	prints "$WORK/here/filed.container"
	expect 0 client env -C "$WORK" "$PROGRAM" --root "$CROOT" --runroot "$CROOT/run" create --name relative --network none -v ./here:/x "$PLAIN" true
	expect 0 client "$PROGRAM" --root "$CROOT" --runroot "$CROOT/run" generate systemd --new relative
	[[ $stderr == *"warning: --volume ./here:/x: systemd starts the container elsewhere"* ]] || fail "$stderr"
	expect 0 carrier rm relative
	local record
	record=$CROOT/containers/$(id_of filed)/record.json
	jq 'del(.createCommand)' "$record" >older
	cat older >"$record"
	failing 125 "how container filed was made is not known" carrier generate systemd --new filed
	expect 0 carrier generate systemd filed
	expect 0 carrier rm filed
}

@test "generate quadlet: keys where podman has them, PodmanArgs for the rest" {
	expect 0 carrier create --name quad -e 'A=b c' --label one=two -v /srv:/data:ro -u 5:6 -w /tmp --hostname h --cap-add NET_ADMIN --cap-drop=all --read-only \
		--network none --security-opt no-new-privileges --stop-timeout 5 --stop-signal INT --pids-limit 50 -m 64m --restart unless-stopped -it "$PLAIN" sh -c 'echo 50% "$x"'
	expect 0 carrier generate quadlet quad
	diff -u - <(printf '%s\n' "$output") <<-EOF
	# quad.container
	# made by \`carrier generate quadlet quad\`
	[Unit]
	Description=Container quad

	[Container]
	Image=$PLAIN:latest
	ContainerName=quad
	Environment="A=b c"
	Label=one=two
	Volume=/srv:/data:ro
	User=5
	Group=6
	WorkingDir=/tmp
	HostName=h
	AddCapability=NET_ADMIN
	DropCapability=all
	ReadOnly=true
	Network=none
	NoNewPrivileges=true
	StopTimeout=5
	StopSignal=INT
	PidsLimit=50
	PodmanArgs=--memory=64m
	Exec=sh -c "echo 50%% \\"\$\$x\\""

	[Service]
	Restart=always

	[Install]
	WantedBy=$(if rootless; then echo default; else echo multi-user; fi).target
	EOF
	expect 0 carrier generate quadlet --restart-policy on-failure quad
	says "Restart=on-failure"
	expect 0 carrier rm quad
}

@test "contrib/boot: units, script and crontab line call carrier boot" {
	local kind
	if rootless; then kind=default; else kind=multi-user; fi
	sed -e "s,@CARRIER@,$PROGRAM," -e "s,@TARGET@,$kind.target," "$CONTRIB/carrier-boot.service.in" >carrier-boot.service
	verified carrier-boot.service
	expect 0 carrier run -d --name kept --restart always --network none "$PLAIN" sleep 600
	local id
	id=$(id_of kept)
	# as a reboot leaves it
	jq '.bootId = "another"' "$CROOT/containers/$id/status.json" >status
	kill -9 "$(jq .monitor "$CROOT/containers/$id/status.json")" "$(pid_of kept)"
	sleep 0.2
	cat status >"$CROOT/containers/$id/status.json"
	sed "s, boot --quiet,$(rootless || echo " --root $CROOT") boot," carrier-boot.service >unit
	executed ExecStart unit >started 3>&-
	same "$id" "$(<started)"
	has_state kept running
	expect 0 carrier rm -f kept
	dash -n "$CONTRIB/carrier-boot.openrc"
	same 1 "$(grep -c '^@reboot .*carrier boot' "$CONTRIB/carrier-boot.crontab")"
}

# logind LINGERING - a machine that has one
logind() {
	OUTSIDE=(unshare -m bash -ec 'mount --make-rprivate /; mkdir -p /var/lib/systemd; mount -t tmpfs -o mode=755 tmpfs /var/lib/systemd; mkdir /var/lib/systemd/linger
		[ -z "$0" ] || : >"/var/lib/systemd/linger/$0"; exec "$@"' "$1")
}

@test "run -d with a restart policy says once that lingering is off" {
	logind ""
	expect 0 carrier run -d --name one --restart unless-stopped --network none "$PLAIN" sleep 600
	if rootless; then
		same "carrier: warning: lingering is off for $NAME: the container ends with the last logout, and nothing starts it again at boot; run \`loginctl enable-linger $NAME\`" "$stderr"
	else
		same "" "$stderr"
	fi
	expect 0 carrier run -d --name two --network none "$PLAIN" sleep 600
	same "" "$stderr"
	logind "${NAME:-root}"
	expect 0 carrier run -d --name three --restart always --network none "$PLAIN" sleep 600
	same "" "$stderr"
	OUTSIDE=()
	expect 0 carrier rm -f one two three
}
