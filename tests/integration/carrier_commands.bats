# Commands on containers: pause, kill, rename, rm, destroy, prune, exec and its other names, clone, checkpoint, unshare. WHO=root or user.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() { setup_with plain; }

teardown_file() { carrier_teardown_file; }

asleep() {
	local name=$1
	shift
	expect 0 carrier run -d --name "$name" --network none "$@" "$PLAIN" sleep 1000
	has_state "$name" running
}

ended() { expect 0 carrier run --name "$1" --network none "${@:2}" "$PLAIN" true; }

# refused TEXT COMMAND... - a usage error
refused() {
	expect 125 "${@:2}"
	[[ $stderr == *"$1"* ]] || fail "stderr should say: $1" "stderr: $stderr"
}

names() { carrier ps -a --sort names --format '{{.Names}}' | xargs; }

# catcher NAME - writes down which signals it gets
catcher() {
	expect 0 carrier run -d --name "$1" --network none "${@:2}" "$PLAIN" sh -c 'trap "echo usr1 >>/got" USR1; trap "echo term >>/got; exit 5" TERM; touch /ready; while :; do sleep 0.1; done'
	soon carrier exec "$1" test -e /ready || fail "$1 is not ready"
}
got() { carrier exec "$1" cat /got 2>/dev/null | grep -qx "$2"; }

@test "pause and unpause: nothing runs meanwhile; exec says so; stop, kill and rm end it all the same" {
	if [ "$WHO" = user ]; then
		asleep held
		expect 1 carrier pause held
		[[ $stderr == *"pause container held"* ]] || fail "$stderr"
		has_state held running
		return
	fi
	expect 0 carrier run -d --name beats --network none "$PLAIN" sh -c 'while :; do echo x >>/beat; sleep 0.05; done'
	soon carrier exec beats test -e /beat || fail "no beat"
	expect 0 carrier pause beats
	prints beats
	local before after
	before=$(wc -c <"$CROOT/containers/$(id_of beats)/upper/beat")
	sleep 0.3
	after=$(wc -c <"$CROOT/containers/$(id_of beats)/upper/beat")
	same "$before" "$after"
	shows_up=$(carrier ps --filter status=paused --format '{{.Names}} {{.Status}}')
	[[ $shows_up == "beats Up "*"(Paused)" ]] || fail "$shows_up"
	failing 1 "is paused already" carrier pause beats
	failing 125 "is paused: \`carrier unpause beats\`" carrier exec beats true
	asleep other
	expect 0 carrier unpause --all
	prints "$(id_of beats)"
	sleep 0.3
	[ "$(wc -c <"$CROOT/containers/$(id_of beats)/upper/beat")" -gt "$after" ] || fail "it does not go on"
	failing 1 "is not paused" carrier unpause beats
	expect 0 carrier pause -a
	same 2 "$(carrier ps -q --filter status=paused | wc -l)"
	expect 0 carrier stop -t 0 beats
	same "exited" "$(state_of beats)"
	failing 1 "is paused: stop it first" carrier rm other
	expect 0 carrier rm -f other
	failing 1 "is not running" carrier pause beats
	asleep again --cidfile "$WORK/cid"
	expect 0 carrier pause -l
	same paused "$(state_of again)"
	expect 0 carrier unpause --latest
	same running "$(state_of again)"
	expect 0 carrier pause --filter name=again
	prints "$(id_of again)"
	failing 1 "is paused already" carrier pause --cidfile "$WORK/cid"
	expect 0 carrier unpause --filter status=paused
	same running "$(state_of again)"
	expect 0 carrier pause --cidfile "$WORK/cid"
	same paused "$(state_of again)"
	expect 0 carrier unpause --cidfile "$WORK/cid"
	expect 0 carrier pause again
	expect 0 carrier kill again
	has_state again exited
	expect 0 carrier start again		# what was left behind by the last process does not count
	has_state again running
	refused "exclude each other" carrier pause --all again
	refused "name at least one" carrier pause
}

@test "kill: signals by name and number, several containers, --all, --latest, --filter" {
	catcher one
	catcher two --label kill=me
	expect 0 carrier kill -s USR1 one two
	soon got one usr1 || fail "one got no USR1"
	soon got two usr1 || fail "two got no USR1"
	expect 0 carrier kill --signal=sigterm --filter label=kill=me
	has_state two exited
	same 5 "$(carrier inspect -f '{{.State.ExitCode}}' two)"
	same running "$(state_of one)"
	failing 1 "is not running" carrier kill two
	failing 1 "is not running" carrier kill --latest -s 15
	expect 0 carrier kill -a
	prints "$(id_of one)"
	same 137 "$(carrier inspect -f '{{.State.ExitCode}}' one)"
	failing 125 "is no signal" carrier kill -s NONSENSE one
	failing 1 "no container 'nobody'" carrier kill nobody
	carrier inspect -f '{{.Id}}' one >"$WORK/cid"
	chmod 644 "$WORK/cid"
	expect 0 carrier start one
	expect 0 carrier kill --cidfile "$WORK/cid"
	has_state one exited
	failing 1 "/none" carrier kill --cidfile "$WORK/none"
	expect 0 carrier start one two
	expect 0 carrier kill -l
	prints "$(id_of two)"
	expect 0 carrier kill --all
	prints "$(id_of one)"
}

@test "kill by its stop signal ends a restart policy; another signal does not" {
	catcher stays --restart always
	expect 0 carrier kill -s TERM stays
	has_state stays exited
	sleep 0.5
	same exited "$(state_of stays)"
}

@test "rename: while it runs; the old name is free, the new one taken; what cannot be a name is refused" {
	asleep old
	local id
	id=$(id_of old)
	expect 0 carrier rename old new
	prints ""
	same "$id" "$(id_of new)"
	failing 1 "no container 'old'" carrier kill old
	expect 0 carrier exec new true
	ended old
	failing 1 "the name 'old' is used by" carrier rename new old
	failing 1 "cannot be a container's name" carrier rename -- new '-x'
	failing 1 "has this name already" carrier rename new new
	failing 1 "no container 'nobody'" carrier rename nobody x1
	expect 0 carrier rename "${id:0:8}" newer
	expect 0 carrier kill newer
	expect 0 carrier start newer
	expect 0 carrier rm -f newer
	# the monitor of a --rm container that was renamed gives up the name it has now
	expect 0 carrier run -d --rm --name shortly --network none "$PLAIN" sleep 1000
	expect 0 carrier rename shortly longer
	expect 0 carrier kill longer
	soon no_name longer || fail "$(ls "$CROOT/names")"
	same old "$(names)"
}

no_name() { ! find "$CROOT/names" -name "$1" | grep -q .; }

@test "rm: --force, --ignore, --latest, --filter, --cidfile, --time, --all, --all-containers, --volumes" {
	ended e1
	ended e2 --label l=1
	asleep r1
	failing 1 "container r1 is running: stop it first, or give --force" carrier rm r1
	failing 1 "no container and no image 'nobody'" carrier rm nobody
	expect 0 carrier rm --ignore nobody
	expect 0 carrier rm -f nobody
	expect 0 carrier rm --filter label=l=1
	same "e1 r1" "$(names)"
	expect 0 carrier rm -f -l
	same e1 "$(names)"
	carrier inspect -f '{{.Id}}' e1 >"$WORK/cid"
	chmod 644 "$WORK/cid"
	expect 0 carrier rm --cidfile "$WORK/cid"
	same "" "$(names)"
	expect 0 carrier rm -i --cidfile "$WORK/none"
	ended e1
	asleep r1
	expect 0 carrier rm -c
	same r1 "$(names)"
	ended e1
	expect 0 carrier rm -c --force -v
	same "" "$(names)"
	ended e1
	asleep r1
	expect 1 carrier rm --all
	same r1 "$(names)"
	expect 0 carrier rm --all -f
	same "" "$(names)"
	catcher polite
	expect 0 carrier rm -f -t 5 polite
	same 5 "$(carrier events --no-stream -f event=die -f container=polite --format '{{.Actor.Attributes.exitCode}}')"
	refused "give both" carrier rm -t 5 polite
	refused "exclude each other" carrier rm --all x
	refused "name at least one" carrier rm
}

@test "destroy: whatever it is doing; prune: what does not run, older than, with a label" {
	asleep d1
	ended d2
	expect 0 carrier destroy d1 d2
	same "d1 d2" "$(xargs <<<"$output")"
	same "" "$(names)"
	failing 1 "no container 'd1'" carrier destroy d1
	expect 0 carrier destroy -i d1
	carrier create --name d4 --network none "$PLAIN" true >"$WORK/cid"
	chmod 644 "$WORK/cid"
	ended d5 --label d=5
	ended d6
	expect 0 carrier destroy --latest
	same "d4 d5" "$(names)"
	expect 0 carrier destroy --filter label=d=5
	same d4 "$(names)"
	expect 0 carrier destroy --cidfile "$WORK/cid"
	same "" "$(names)"
	failing 1 "no container" carrier destroy --cidfile "$WORK/cid"
	expect 0 carrier destroy --ignore --cidfile "$WORK/cid"
	catcher d3
	expect 0 carrier destroy --time 5 -a
	same 5 "$(carrier events --no-stream -f event=die -f container=d3 --format '{{.Actor.Attributes.exitCode}}')"
	ended p1 --label keep
	ended p2
	asleep p3
	failing 125 "--force" carrier prune </dev/null
	expect 0 carrier prune -f --filter until=1h
	same "p1 p2 p3" "$(names)"
	expect 0 carrier prune -f --filter label!=keep
	matches 'Deleted Containers:'
	matches 'Total reclaimed space: [0-9.]+ .?B'
	same "p1 p3" "$(names)"
	expect 0 carrier prune --force
	same p3 "$(names)"
}

@test "exec: variables from files and words, user, directory, privileges, input, detached, --latest; exit codes" {
	asleep web -e OWN=1
	printf 'A=file\n# no\nB=two words\n\nOURS\n' >"$WORK/env"
	chmod 644 "$WORK/env"
	expect 0 client env OURS=here "$PROGRAM" $([ "$WHO" = user ] || echo --root "$CROOT") exec --env-file "$WORK/env" -e A=word web sh -c 'echo "$A|$B|$OURS|$OWN"'
	prints "word|two words|here|1"
	expect 0 carrier exec -w /tmp -u 0 web sh -c 'pwd; id -u'
	same "/tmp 0" "$(xargs <<<"$output")"
	expect 0 carrier exec --privileged web grep CapEff /proc/self/status
	local all=$output
	expect 0 carrier exec web grep CapEff /proc/self/status
	same 00000000a80425fb "$(cut -f2 <<<"$output")"
	[ "$((16#$(cut -f2 <<<"$all")))" -gt "$((16#a80425fb))" ] || fail "$all"
	echo text >"$WORK/in"
	expect 0 carrier exec -i web cat <"$WORK/in"
	prints text
	expect 0 carrier exec web cat <"$WORK/in"
	prints ""
	expect 0 carrier exec -d web sh -c 'touch /detached'
	soon carrier exec web test -e /detached || fail "nothing was done"
	expect 0 carrier exec -l echo latest
	prints latest
	expect 3 carrier exec web sh -c 'exit 3'
	expect 137 carrier exec web sh -c 'kill -9 $$'
	expect 127 carrier exec web nothere
	expect 126 carrier exec web /etc
	expect 1 carrier exec nobody true
	failing 125 "there is nobody to attend" carrier exec -dt web true
	failing 125 "is not absolute" carrier exec -w tmp web true
	failing 125 "/none" carrier exec --env-file "$WORK/none" web true
	expect 125 carrier exec web
	expect 0 carrier kill web
	failing 125 "is not running (it is exited): \`carrier start web\`" carrier exec web true
}

@test "sh, shell, execute, hook: the image's shell, or a command; terminal, term, t: always at a terminal" {
	asleep web -e SHELL=/none
	echo 'echo in $0; exit 6' >"$WORK/script"
	local word
	for word in sh shell execute hook; do
		expect 6 carrier "$word" web <"$WORK/script"
		prints "in /bin/sh"
	done
	expect 0 carrier sh web echo a b
	prints "a b"
	printf 'Y=file\nX=file\n' >"$WORK/env"
	chmod 644 "$WORK/env"
	expect 0 carrier sh -e X=1 --env-file "$WORK/env" -u 5:6 -w /tmp web sh -c 'echo $X $Y $PWD $(id -u) $(id -g)'
	prints "1 file /tmp 5 6"
	expect 0 carrier terminal -e X=1 --env-file "$WORK/env" -u 5:6 -w /tmp web sh -c 'echo $X $Y $PWD $(id -u) $(id -g)'
	same "1 file /tmp 5 6" "$(tr -d '\r' <<<"$output")"
	expect 0 carrier sh --env X=2 --user 5 --workdir /proc --detach web sh -c 'umask 0; echo $X $PWD $(id -u) >/tmp/said'
	soon carrier exec web test -s /tmp/said
	expect 0 carrier term --env X=3 --user 5 --workdir /proc web sh -c 'cat /tmp/said; echo $X $PWD $(id -u)'
	same $'2 /proc 5\n3 /proc 5' "$(tr -d '\r' <<<"$output")"
	expect 0 carrier exec web grep CapBnd /proc/self/status
	local usual=$output
	for word in sh term; do
		expect 0 carrier "$word" --privileged web grep CapBnd /proc/self/status
		[ "$((16#$(tr -d '\r' <<<"$output" | cut -f2)))" -gt "$((16#$(cut -f2 <<<"$usual")))" ] || fail "$output"
		failing 125 "ctrl" carrier "$word" --detach-keys ctrl- web true
	done
	for word in terminal term t; do
		expect 0 carrier "$word" web sh -c 'test -t 0 && test -t 1 && echo at one'
		matches 'at one'
	done
	expect 0 carrier sh web sh -c 'test -t 0 || echo at none' <"$WORK/script"
	prints "at none"
	expect 0 carrier sh -d web touch /done
	soon carrier exec web test -e /done || fail "nothing was done"
	# the image's own shell, where it has one
	expect 0 carrier exec web sh -c "printf '#!/bin/sh\necho it is bash\n' >/bin/bash && chmod 755 /bin/bash"
	expect 0 carrier sh web </dev/null
	prints "it is bash"
}

# at_terminal COMMAND... - in a window of a tmux of its own (one that is about to end would take the next window, and end), as $WHO; keys are
# sent by the test
at_terminal() {
	TERMINALS=$((${TERMINALS:-0} + 1))
	local line=("$PROGRAM" --root "$CROOT")
	[ "$WHO" = root ] || line=(setpriv --reuid "$NAME" --regid "$NAME" --init-groups --inh-caps=-all --reset-env
		env HOME="$USER_HOME" XDG_RUNTIME_DIR="$USER_RUN" TERM=screen "$PROGRAM")
	terminal -f /dev/null new-session -d -x 90 -y 30 "$(printf '%q ' "${line[@]}" "$@"); echo \"ended \$?\"; stty -a | grep -o '.icanon'; sleep 100" 3>&-
}
terminal() { tmux -L "ct$BATS_TEST_NUMBER$WHO$TERMINALS" "$@"; }
screen() { terminal capture-pane -p; }
on_screen() { screen | grep -qE -- "$1"; }
type_keys() { terminal send-keys "$@"; }
seen() { soon on_screen "$1" || fail "not on the screen: $1" "$(screen)"; }

@test "exec -it: its terminal has our size, what is typed and signals arrive, and ours is restored; --detach-keys leave it" {
	command -v tmux >/dev/null || skip "tmux is not installed"
	asleep web
	at_terminal exec -it web sh
	type_keys 'stty size; echo "got "this' Enter
	seen '^30 90'
	seen '^got this'
	type_keys 'echo sl""eeps; sleep 100' Enter
	seen '^sleeps'
	type_keys C-c
	type_keys 'echo a""wake; exit 9' Enter
	seen '^ended 9'
	seen '^ icanon'
	terminal kill-server
	at_terminal exec -it --detach-keys ctrl-x,y web sh
	type_keys 'stty size; trap "" HUP; echo "first "line' Enter
	seen '^30 90'
	type_keys C-x z	# not the keys: both are passed on
	type_keys C-u 'while :; do echo tick; sleep 0.1; touch /alive; done' Enter
	seen '^tick'
	type_keys C-x y
	seen '^ended 0'
	seen '^ icanon'
	terminal kill-server
	soon carrier exec web rm /alive
	soon carrier exec web test -e /alive || fail "it does not run on"
	expect 0 carrier kill web
	at_terminal exec -it --detach-keys ctrl-x,y web sh
	seen '^ended 125'
	terminal kill-server
	expect 0 carrier start web
	at_terminal exec -it --detach-keys ctrl-x,y web sh -c 'exit 4'
	seen '^ended 4'
	terminal kill-server
	failing 125 "ctrl" carrier exec --detach-keys ctrl- web true
}

@test "clone: the same under another name, other files; --run, --destroy, --force" {
	asleep web --label a=b -e X=1
	expect 0 carrier exec web touch /written
	expect 0 carrier clone web
	same "web web-clone" "$(names)"
	same "created b" "$(carrier inspect -f '{{.State.Status}} {{.Config.Labels.a}}' web-clone)"
	expect 0 carrier clone web
	same "web web-clone web-clone1" "$(names)"
	expect 0 carrier clone --run web second
	has_state second running
	expect 1 grep -q ":$(stat -c %i "$CROOT/store/hold") 0 EOF" /proc/locks	# while it runs, others may remove images
	expect 1 carrier exec second test -e /written
	expect 0 carrier exec second sh -c '[ $X = 1 ]'
	expect 0 carrier clone --name third second
	if [ "$WHO" = root ]; then
		expect 0 carrier clone --cpu-shares 77 --memory 64m web limited
		same "77 67108864" "$(carrier inspect -f '{{.HostConfig.CpuShares}} {{.HostConfig.Memory}}' limited)"
		same "0 0" "$(carrier inspect -f '{{.HostConfig.CpuShares}} {{.HostConfig.Memory}}' web)"
		expect 0 carrier rm limited
	fi
	failing 125 "--memory" carrier clone --memory 1k web small
	failing 125 "the name 'third' is used" carrier clone web third
	failing 125 "exclude each other" carrier clone --name x1 web x2
	failing 125 "give --force with --destroy" carrier clone --destroy web fourth
	expect 0 carrier clone --destroy -f web fourth
	same "fourth second third web-clone web-clone1" "$(names)"
	failing 1 "no container 'web'" carrier clone web
}

@test "checkpoint and restore: where CRIU does not start its sentence is passed on, and the container goes on" {
	asleep web
	failing 1 "has no checkpoint in" carrier restore web
	if carrier checkpoint web 2>"$WORK/why"; then
		has_state web exited
		expect 0 carrier restore web
		has_state web running
	else
		grep -q "checkpoint container web: " "$WORK/why" || fail "$(cat "$WORK/why")"
		has_state web running
		failing 1 "has no checkpoint in" carrier restore web
	fi
	expect 0 carrier kill web
	failing 1 "is not running" carrier checkpoint web
	refused "name at least one" carrier checkpoint
	expect 0 carrier rm web
	expect 0 carrier restore --all
	prints ""
}

# told COMMAND... - what the runtime's last COMMAND was called with
told() { sed -n "s/.* \($1 .*\)/\1/p" "$WORK/told/words" | tail -n 1; }
# told_of COMMAND - the names of all containers that the runtime was called for since the last time, sorted
told_of() {
	local id
	for id in $(sed -n "s/.* $1 .* //p" "$WORK/told/words"); do carrier inspect -f '{{.Name}}' "$id"; done | tr -d / | sort | xargs
	: >"$WORK/told/words"
}

@test "checkpoint and restore: each option reaches woody, and which containers are meant" {
	local at=$WORK/told flags="--tcp-established --file-locks --ext-unix-sk" dir
	mkdir -m 777 "$at"
	# woody does it; this writes down on the way what it is asked for
	printf '#!/bin/sh\necho " $*" >>%q\nexec %q "$@"\n' "$at/words" "$BASE/bin/woody" >"$WORK/runtime"
	chmod 755 "$WORK/runtime"
	asleep one --label on=1 --runtime "$WORK/runtime"
	asleep two -t --runtime "$WORK/runtime" --cidfile "$at/cid"
	dir=$CROOT/containers/$(id_of one)
	# with --leave-running they go on, whether or not there is a CRIU that starts
	carrier checkpoint --leave-running one || true
	same "checkpoint --image-path=$dir/checkpoint --work-path=$dir --leave-running $(id_of one)" "$(told checkpoint)"
	carrier checkpoint $flags -R --dir "$at/images" one || true
	same "checkpoint --image-path=$at/images --work-path=$dir $flags --leave-running $(id_of one)" "$(told checkpoint)"
	carrier checkpoint --file-locks --checkpoint-dir "$at/images" -R one || true
	same "checkpoint --image-path=$at/images --work-path=$dir --file-locks --leave-running $(id_of one)" "$(told checkpoint)"
	: >"$at/words"
	carrier checkpoint -R -a || true
	same "one two" "$(told_of checkpoint)"
	carrier checkpoint -R --filter label=on=1 || true
	same one "$(told_of checkpoint)"
	carrier checkpoint -R --latest || true
	[[ $(told checkpoint) == *" --shell-job --leave-running "* ]] || fail "$(told checkpoint)"
	same two "$(told_of checkpoint)"
	carrier checkpoint -R --cidfile "$at/cid" || true
	same two "$(told_of checkpoint)"
	failing 125 "--dir holds the images of one container" carrier checkpoint -R --dir "$at/images" one two
	failing 125 "--dir holds the images of one container" carrier checkpoint -R --dir "$at/images" --all
	same "running running" "$(state_of one) $(state_of two)"
	expect 0 carrier kill -a
	# nothing can be restored from an empty directory, with any CRIU
	mkdir -m 777 "$at/none"
	failing 1 "restore container one: " carrier restore $flags --keep --dir "$at/none" one
	same "restore --detach --image-path=$at/none --work-path=$dir $flags" "$(told restore | grep -o "restore .*--ext-unix-sk")"
	failing 1 "restore container one: " carrier restore --checkpoint-dir "$at/none" one
	[[ $(told restore) == *" --image-path=$at/none "* ]] || fail "$(told restore)"
	same "exited exited" "$(state_of one) $(state_of two)"
	failing 125 "--dir holds the images of one container" carrier restore --dir "$at/none" --all
	: >"$at/words"
	for dir in one two; do client mkdir -p "$CROOT/containers/$(id_of $dir)/checkpoint"; done
	expect 1 carrier restore -a
	same "one two" "$(told_of restore)"
	expect 1 carrier restore --filter label=on=1
	same one "$(told_of restore)"
	expect 1 carrier restore -l
	same two "$(told_of restore)"
	expect 1 carrier restore -k --cidfile "$at/cid"
	same two "$(told_of restore)"
}

@test "unshare: root of a user namespace like the containers'" {
	if [ "$WHO" = root ]; then
		failing 125 "root has no user namespace" carrier unshare id
		return
	fi
	expect 0 carrier unshare id -u
	prints 0
	expect 0 carrier unshare sh -c 'touch "$1" && chown 5:6 "$1" && stat -c %u:%g "$1"' - "$USER_HOME/owned"
	prints 5:6
	[ "$(stat -c %u "$USER_HOME/owned")" -ge 600000000 ] || fail "$(stat -c %u "$USER_HOME/owned")"
	expect 0 carrier unshare rm "$USER_HOME/owned"
	failing 127 "no program 'nothere'" carrier unshare nothere
	expect 7 carrier unshare sh -c 'exit 7'
}

# ---- the group container ----

@test "container COMMAND: docker's group has the commands of the top level, and knows no images" {
	local word top group
	expect 0 carrier container run -d --name grouped --network none "$PLAIN" sleep 1000
	expect 0 carrier container ls -q --no-trunc
	prints "$(id_of grouped)"
	expect 0 carrier container list --format '{{.Names}}'
	prints grouped
	expect 0 carrier container exec grouped echo inside
	prints inside
	expect 0 carrier container exists grouped
	expect 1 carrier container exists nobody
	expect 1 carrier container exists "$PLAIN"
	expect 0 carrier container inspect -f '{{.State.Status}}' grouped
	prints running
	failing 1 "no container '$PLAIN'" carrier container inspect "$PLAIN"
	failing 1 "no container '$PLAIN'" carrier container rm "$PLAIN"
	expect 0 carrier image exists "$PLAIN"
	expect 0 carrier container stop -t 0 grouped
	expect 0 carrier container prune -f
	expect 1 carrier container exists grouped
	expect 0 carrier container create --name grouped --network none "$PLAIN" true
	expect 0 carrier generate systemd grouped
	expect 0 carrier container rm grouped
	failing 125 "did you mean 'container inspect'" carrier container inspekt
	# what is not its own is word for word the top level's
	for word in attach checkpoint clone commit cp create diff exec export kill logs ls pause prune rename restart restore run start stats stop top unpause update wait; do
		top=$(carrier "$word" --help) group=$(carrier container "$word" --help)
		same "$top" "${group//carrier container $word/carrier $word}"
	done
}
