# carrier events: what is told, by whom, and how it is read. WHO=root or user.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() { setup_with plain; }

teardown_file() { carrier_teardown_file; }

cleanup() {
	local pid
	for pid in $(pgrep -f "$BASE/bin/carrier.* events "); do kill "$pid" 2>/dev/null || true; done
}

events_file() { find "${USER_RUN:-/nowhere}" "$CROOT" -maxdepth 3 -name events -type f 2>/dev/null | head -1; }

# told FORMAT OPTION... - of all that is known
told() {
	local format=$1
	shift
	carrier events --no-stream --format "$format" "$@"
}

@test "a container's life is told: create, start, exec, pause, kill, rename, die, destroy; with name, image, labels and exit code" {
	local id
	expect 0 carrier run -d --name life1 --network none --label team=red "$PLAIN" sleep 1000
	id=$output
	expect 3 carrier exec life1 sh -c 'exit 3'
	expect 0 carrier rename life1 life2
	expect 0 carrier kill -s WINCH life2
	expect 0 carrier rm -f life2
	expect 0 told '{{.Action}}' --filter "container=$id"
	for word in create start 'exec_create: sh -c exit 3' 'exec_start: sh -c exit 3' exec_die rename kill die destroy; do
		grep -qxF "$word" <<<"$output" || fail "no '$word' in: $output"
	done
	expect 0 told '{{.ID}} {{.Actor.ID}} {{.From}} {{.Actor.Attributes.team}} {{.Actor.Attributes.name}}' -f "container=$id" -f event=create
	prints "$id $id $PLAIN red life1"
	expect 0 told '{{.Actor.Attributes.exitCode}}' -f event=die -f "container=$id"
	prints 137
	expect 0 told '{{.Actor.Attributes.exitCode}}' -f event=exec_die -f container=life1
	prints 3
	expect 0 told '{{.Actor.Attributes.oldName}} {{.Name}}' -f event=rename -f container=life2
	prints "life1 life2"
	expect 0 told '{{.Actor.Attributes.signal}}' -f event=kill -f "container=${id:0:9}"
	prints 28
	# a line of docker's: local time with nanoseconds, type, action, id and the attributes in their order
	expect 0 carrier events --no-stream -f event=create -f label=team=red
	[[ $output =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}(Z|[+-][0-9]{2}:[0-9]{2})\ container\ create\ $id\ \(image=$PLAIN,\ name=life1,\ team=red\)$ ]] ||
		fail "$output"
}

@test "images: pull, tag, untag, delete; JSON is docker's" {
	expect 0 carrier pull -q --tls-verify=false "$PLAIN"
	expect 0 carrier tag "$PLAIN" first second
	expect 0 carrier untag "$PLAIN" second
	expect 0 carrier rmi first
	expect 0 told '{{.Action}} {{.Name}}' -f type=image
	matches "pull $PLAIN"
	matches 'tag first'
	matches 'untag .*second'
	matches 'untag .*first'
	expect 0 told json -f type=image -f event=tag -f image=first
	same "image tag local first:latest" "$(jq -r '"\(.Type) \(.Action) \(.scope) \(.Actor.Attributes.name)"' <<<"$output")"
	same true "$(jq '.timeNano > 1e18 and (.timeNano / 1e9 | floor) == .time and .status == .Action and .id == .Actor.ID' <<<"$output")"
	expect 0 told '{{.Action}}' -f type=image -f event=pull -f image=127.0.0.1:$REGISTRY/plain
	same pull "$(sort -u <<<"$output")"
	expect 0 told '{{.Action}}' -f type=volume -f event=tag
	prints ""
	expect 0 told '{{.Action}}' -f volume=none
	prints ""
}

@test "--since and --until: times and durations; what has happened is shown, and what happens from now on is waited for" {
	local before after
	expect 0 carrier run --rm --name early --network none "$PLAIN" true
	soon told_of destroy early || fail "no destroy"
	sleep 0.01
	before=$(date +%s.%N)
	expect 0 carrier run --rm --name middle --network none "$PLAIN" true
	soon told_of destroy middle || fail "no destroy"
	after=$(date +%s.%N)
	sleep 0.01
	expect 0 carrier run --rm --name late --network none "$PLAIN" true
	expect 0 told '{{.Name}}' --since "$before" --until "$after" -f event=create
	prints middle
	expect 0 told '{{.Name}}' --since "$after" -f event=create
	prints late
	expect 0 told '{{.Name}}' --until "$before" -f event=create -f container=early -f container=late
	prints early
	expect 0 told '{{.Name}}' --since 10m --stream=false -f event=create -f container=middle
	prints middle
	# without --since only what happens from now on; --until is an end
	expect 0 carrier events --until "$(date -d '+1 second' +%s)" -f container=middle -f event=create --format '{{.Name}}'
	prints middle
	failing 125 "--since 'yesterdayish'" carrier events --since yesterdayish --no-stream
	failing 125 "--filter 'colour=red'" carrier events --filter colour=red --no-stream
	failing 125 "cannot be measured" carrier events --no-stream --format 'table {{.ID}}'
}

told_of() { [ -n "$(told x{{.ID}} -f "event=$1" -f "container=$2")" ]; }

@test "followed live, without a daemon, also over a rotation: no line is lost" {
	local file id i
	expect 0 carrier run -d --name beat --network none "$PLAIN" sleep 1000
	id=$output
	file=$(events_file)
	[ -n "$file" ] || fail "no events file"
	carrier events --filter container=beat --filter event=kill --format '{{.Actor.Attributes.signal}}' >"$WORK/seen" 2>&1 3>&- &
	sleep 0.5
	expect 0 carrier kill -s USR1 beat	# sleep as pid 1 ignores it
	soon grep -qx 10 "$WORK/seen" || fail "not followed: $(cat "$WORK/seen")"
	# the file grows to its limit; whoever writes next begins a new one
	yes '{"Type":"filler","Action":"x","Actor":{"ID":"x","Attributes":{}},"scope":"local","time":1,"timeNano":1}' | head -c 1100000 | sed '$d' >>"$file"
	for i in 34 35 36 37 38 39 40; do expect 0 carrier kill -s "$i" beat; done
	[ -f "$file.1" ] || fail "not rotated: $(ls -l "$file"*)"
	[ "$(stat -c %s "$file")" -lt 100000 ] || fail "the new file is long: $(stat -c %s "$file")"
	soon grep -qx 40 "$WORK/seen" || fail "lost: $(cat "$WORK/seen")"
	same "10 34 35 36 37 38 39 40" "$(xargs <"$WORK/seen")"
	# and who reads from the beginning sees both files
	expect 0 told '{{.Actor.Attributes.signal}}' -f event=kill -f "container=$id"
	same "10 34 35 36 37 38 39 40" "$(xargs <<<"$output")"
	# half a line, as a crash leaves it, is passed over
	printf '{"Type":"contai\n' >>"$file"
	expect 0 told '{{.Name}}' -f event=kill -f container=beat
	same 8 "$(wc -l <<<"$output")"
}
