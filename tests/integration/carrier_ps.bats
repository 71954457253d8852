# carrier list (ps, ls): which containers, in which order, in which form. WHO=root or user.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() { setup_with plain; }

teardown_file() { carrier_teardown_file; }

# three - one that ended with 3, one that ended with 0, one that runs; made in this order
three() {
	mkdir -p "$WORK/data"
	chmod 755 "$WORK" "$WORK/data"
	expect 3 carrier run --name aaa --network none --label color=red --label shape=round "$PLAIN" sh -c 'exit 3'
	expect 0 carrier run --name ccc --network none --label color=blue -v "$WORK/data:/data" "$PLAIN" true
	expect 0 carrier run -d --name bbb --network host --label color=red "$PLAIN" sleep 1000
	has_state bbb running
}

# names OPTION... - in their order, on one line
names() { carrier list -a --format '{{.Names}}' "$@" | xargs; }

@test "which: those that run, all, the last, the latest; ids alone, whole ids; containers or images" {
	local id
	three
	id=$(id_of bbb)
	expect 0 carrier ps --format '{{.Names}}'
	prints bbb
	expect 0 carrier ls -q
	prints "${id:0:12}"
	expect 0 carrier list -q --no-trunc
	prints "$id"
	same "bbb ccc aaa" "$(names)"
	expect 0 carrier ls -c -a --format '{{.Names}}'
	same "bbb ccc aaa" "$(xargs <<<"$output")"
	expect 0 carrier ps -n 2 --format '{{.Names}}'
	same "bbb ccc" "$(xargs <<<"$output")"
	expect 0 carrier ps -l --format '{{.Names}}'
	prints bbb
	expect 0 carrier ls -i
	matches "127.0.0.1:$REGISTRY/plain +latest"
	failing 125 "--last" carrier ps --last -2
}

@test "the table: docker's columns, STATUS with its exit code, commands cut and whole, a size" {
	three
	expect 0 carrier ps -a
	same "CONTAINER ID   IMAGE" "$(head -1 <<<"$output" | cut -c1-20)"
	grep -qE "^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$" <<<"$output" || fail "$output"
	shows_all 'Exited \(3\) .* ago +aaa$' || fail "$output"
	shows_all 'Exited \(0\) .* ago +ccc$' || fail "$output"
	shows_all '"sleep 1000" .*Up .* +bbb$' || fail "$output"
	same 3 "$(carrier ps -a --noheading | wc -l)"
	expect 0 carrier run --name long --network none "$PLAIN" sh -c 'true this is a command line of many words'
	expect 0 carrier ps -a
	matches '"sh -c true this is …"'
	expect 0 carrier ps -a --no-trunc
	matches '"sh -c true this is a command line of many words"'
	expect 0 carrier run --name fat --network none "$PLAIN" sh -c 'head -c 3000000 /dev/zero >/fat'
	expect 0 carrier ps -as
	grep -qE 'fat +3(\.[0-9]+)? MB \(virtual .*\)$' <<<"$output" || fail "$output"
	expect 0 carrier ps -a --size --format '{{.Size}}' --sort size --filter name=^fat$
	matches '^3(\.[0-9]+)? MB \(virtual'
	expect 0 carrier ps -a --size --sort size --format '{{.Names}}'
	same fat "$(tail -1 <<<"$output")"
	expect 0 carrier ps -a --format '{{.Size}}' --filter name=fat
	prints 0B
}

@test "templates and JSON: docker's names; a table of one's own; what is wrong is said" {
	local id
	three
	id=$(id_of bbb)
	expect 0 carrier ps --no-trunc --format '{{.ID}} {{.Image}} {{.Command}} {{.State}} {{.Names}} {{.Labels}} {{.Networks}}'
	prints "$id $PLAIN \"sleep 1000\" running bbb color=red host"
	expect 0 carrier ps -a --filter name=ccc --format json
	same '["ccc","exited","color=blue","1",0]' "$(jq -c '[.Names, .State, .Labels, .LocalVolumes, .Pid] | .[3] = "1"' <<<"$output")"
	same "Command CreatedAt ExitCode Health ID Image ImageID Labels LocalVolumes Mounts Names Networks Pid Ports Restarts RunningFor Size State Status" \
		"$(jq -r 'keys | join(" ")' <<<"$output")"
	grep -qE '^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} [+-][0-9]{4} ' <<<"$(jq -r .CreatedAt <<<"$output")" || fail "$output"
	expect 0 carrier ps -a --format '{{.Names}} {{.Mounts}}' --filter name=ccc --no-trunc
	prints "ccc $WORK/data"
	expect 0 carrier ps -a --format 'table {{.Names}}\t{{.ExitCode}}\t{{.State}}' --sort names
	same "NAMES EXIT CODE STATE" "$(head -1 <<<"$output" | xargs)"
	same "aaa 3 exited bbb 0 running ccc 0 exited" "$(tail -n +2 <<<"$output" | xargs)"
	expect 0 carrier ps -a --format '{{if eq .State "running"}}up{{else}}down{{end}} {{.Names | upper}}' --sort names
	same "down AAA up BBB down CCC" "$(xargs <<<"$output")"
	failing 125 "did you mean 'Names'" carrier ps -a --format '{{.Name}}'
	failing 125 "--format 'yaml' is not known" carrier ps --format yaml
	failing 125 "}}, is missing" carrier ps --format '{{.ID'
}

@test "--filter: every key; the same key is any of them, labels and keys are all of them" {
	local aaa
	three
	aaa=$(id_of aaa)
	same aaa "$(names --filter "id=${aaa:0:10}")"
	same "ccc aaa" "$(names --filter name=aaa --filter name=cc)"
	same "bbb" "$(names --filter 'name=^b+$')"
	same "bbb aaa" "$(names --filter label=color=red)"
	same "aaa" "$(names --filter label=color=red --filter label=shape)"
	same "ccc" "$(names --filter label!=color=red)"
	same "bbb" "$(names --filter status=running)"
	same "ccc aaa" "$(carrier ps --filter status=exited --format '{{.Names}}' | xargs)"
	same "aaa" "$(carrier ps --filter exited=3 --format '{{.Names}}')"
	same "bbb ccc aaa" "$(names --filter "ancestor=$PLAIN")"
	same "bbb ccc aaa" "$(names --filter ancestor=plain)"
	same "" "$(names --filter ancestor=plai)"
	same "ccc aaa" "$(names --filter before=bbb)"
	same "bbb ccc" "$(names --filter since=aaa)"
	same "ccc" "$(names --filter since=aaa --filter before=bbb)"
	same "ccc" "$(names --filter volume=/data)"
	same "ccc" "$(names --filter "volume=$WORK/data")"
	same "bbb" "$(names --filter network=host)"
	same "bbb ccc aaa" "$(names --filter health=none)"
	same "" "$(names --filter health=healthy)"
	same "bbb ccc aaa" "$(names --filter until="$(date -d '+1 hour' -u +%FT%TZ)")"
	same "" "$(names --filter until=1h)"
	same "bbb" "$(names --filter command=sleep)"
	same "aaa" "$(names --filter status=exited --filter label=color=red)"
	failing 125 "--filter 'colour=red'" carrier ps --filter colour=red
	failing 125 "--filter 'status=happy'" carrier ps --filter status=happy
	failing 125 "--filter 'exited=x'" carrier ps --filter exited=x
	failing 125 "no container 'nobody'" carrier ps --filter before=nobody
}

@test "--sort: every word" {
	three
	same "bbb ccc aaa" "$(names --sort created)"
	same "aaa bbb ccc" "$(names --sort names)"
	same "aaa ccc bbb" "$(names --sort runningfor)"
	same "$(carrier ps -aq | sort | xargs)" "$(carrier ps -aq --sort id | xargs)"
	same "aaa bbb ccc" "$(names --sort command | sed 's/$//')"
	same "ccc aaa bbb" "$(names --sort status)"
	same "bbb ccc aaa" "$(names --sort image)"
	failing 125 "--sort 'colour'" carrier ps --sort colour
}

@test "states: paused, unattended, dead; one whose documents are damaged does not hide the others" {
	local id monitor
	three
	id=$(id_of bbb)
	monitor=$(jq .monitor "$CROOT/containers/$id/status.json")
	kill -9 "$monitor"
	soon shows 'unattended' || fail "$(carrier ps)"
	same bbb "$(names --filter status=unattended)"
	expect 0 carrier exec bbb true
	kill -9 "$(pid_of bbb)"
	soon shows_all 'Dead +bbb' || fail "$(carrier ps -a)"
	same bbb "$(names --filter status=dead)"
	# the link of a process that has been replaced does not make a container look paused
	expect 0 carrier rm bbb
	expect 0 carrier run -d --name bbb --network none "$PLAIN" sleep 1000
	id=$(id_of bbb)
	client ln -s "1 1" "$CROOT/containers/$id/paused"
	same "running bbb" "$(carrier ps --format '{{.State}} {{.Names}}')"
	id=$(id_of aaa)
	echo '{' >"$CROOT/containers/$id/record.json"
	same "bbb ccc" "$(carrier ps -a --format '{{.Names}}' 2>/dev/null | xargs)"
	expect 0 carrier rm "${id:0:12}"
	expect 0 carrier run --rm --name aaa --network none "$PLAIN" true	# its name is free
}

@test "a directory without a record, whose maker was killed, goes with its name" {
	local id
	id=$(printf '%064x' 12345)
	expect 0 carrier ps -a	# makes the directories
	carrier create --name other --network none "$PLAIN" true >/dev/null
	client mkdir "$CROOT/containers/$id"
	client ln -s "$id" "$CROOT/names/half"
	expect 0 carrier ps -a
	[ -d "$CROOT/containers/$id" ]	# it may be in the making
	client touch -d '-1 minute' "$CROOT/containers/$id"
	expect 0 carrier ps
	[ ! -e "$CROOT/containers/$id" ] || fail "the directory is there yet"
	[ ! -L "$CROOT/names/half" ] || fail "the name is there yet"
	same other "$(carrier ps -a --format '{{.Names}}')"
}

shows() { carrier ps | grep -qE "$1"; }
shows_all() { carrier ps -a | grep -qE "$1"; }

@test "a thousand records: three calls for a document, and nothing is executed" {
	[ "$WHO" = root ] || skip "strace counts root's own calls; the code is the same"
	local id new i calls
	expect 0 carrier run --name many --network none "$PLAIN" true
	id=$(id_of many)
	for i in $(seq 1000); do
		new=$(printf '%064x' "$i")
		mkdir "$CROOT/containers/$new"
		sed "s/$id/$new/; s/\"name\":\"many\"/\"name\":\"many$i\"/" "$CROOT/containers/$id/record.json" >"$CROOT/containers/$new/record.json"
		cp "$CROOT/containers/$id/status.json" "$CROOT/containers/$new/"
	done
	strace -f -c -o "$WORK/calls" "$PROGRAM" --root "$CROOT" ps -a >"$WORK/list"
	same 1002 "$(wc -l <"$WORK/list")"
	calls=$(awk '$NF ~ /^(openat|read|close)$/ { sum += $4 } END { print sum }' "$WORK/calls")
	[ "$calls" -lt 6400 ] || fail "$calls calls for 1001 records: $(cat "$WORK/calls")"
	same 1 "$(awk '$NF == "execve" { print $4 }' "$WORK/calls")"
	# only those that run are asked for: their records are all that is read
	strace -f -c -o "$WORK/calls" "$PROGRAM" --root "$CROOT" ps >"$WORK/list"
	calls=$(awk '$NF ~ /^(openat|read|close)$/ { sum += $4 } END { print sum }' "$WORK/calls")
	[ "$calls" -lt 3400 ] || fail "$calls calls for none: $(cat "$WORK/calls")"
	rm -rf "$CROOT"/containers/0000000000*
}
