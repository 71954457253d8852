# cp in both directions, and volume export and import, which share what unpacks. WHO=root or user.
source "${BATS_TEST_DIRNAME}/archives.bash"

setup_file() {
	archives_setup_file
	bring plain
	carrier run -d --network none --name live -v data:/vol -v data:/ro:ro docker.io/test/plain sleep 1000 >/dev/null
	carrier run --network none --name still -v data:/vol -v data:/ro:ro docker.io/test/plain true
	export MINE=0:0
	[ "$WHO" = root ] || MINE=$(id -u "$NAME"):$(id -g "$NAME")
}

teardown_file() {
	carrier rm -f live still >/dev/null
	carrier volume rm -a >/dev/null
	carrier_teardown_file
}

prepare() {
	mkdir -p "$WORK/w/dir/sub" "$WORK/w/there"
	cd "$WORK/w"
	echo file >file
	echo one >dir/one
	echo two >dir/sub/two
	ln -s one dir/link
	ln dir/one dir/sub/hard
	chmod 640 dir/one
	chmod 2751 dir/sub
	touch -d '2001-02-03 04:05:06' dir/one dir/sub
	ln -s dir to-dir
	ln -s file to-file
	[ "$WHO" != user ] || chown -Rh "$NAME:$NAME" "$WORK"
}

# the two containers stay from one test to the next
teardown() {
	cd /
	if declare -F cleanup >/dev/null; then cleanup; fi
	carrier run --rm --network none --volumes-from still docker.io/test/plain sh -c 'rm -rf /vol/* /vol/.[!.]*'
	same "" "$(grep -F "$BASE/" /proc/self/mountinfo)"
}

in_live() { carrier exec live "$@"; }

@test "what goes where: docker's rules, into both kinds of container" {
	local c
	for c in live still; do
		carrier cp - "$c:/" < <(mkdir -p t/d t/full/x && echo old >t/f && tar -c --owner=0 --group=0 t)
		# a file: to a new name, over a file, into a directory, not to a directory that is not there
		expect 0 carrier cp file "$c:/t/new"
		silent
		expect 0 carrier cp file "$c:/t/f"
		expect 0 carrier cp file "$c:/t/d"
		expect 0 carrier cp file "$c:/t/d/"
		failing 1 "the directory must exist" carrier cp file "$c:/t/none/"
		failing 1 "the directory must exist" carrier cp file "$c:/none/x"
		failing 1 "'/t/f/' is no directory" carrier cp file "$c:/t/f/"
		failing 1 "it is a hard link" carrier cp - "$c:/t" < <(python3 -c '
import tarfile,sys
t=tarfile.open(fileobj=sys.stdout.buffer,mode="w|"); i=tarfile.TarInfo("x"); i.type=tarfile.LNKTYPE; i.linkname="nothing"; t.addfile(i); t.close()')
		# a directory: to a new name its content, into one that is there itself, with /. its content
		expect 0 carrier cp dir "$c:/t/copy"
		expect 0 carrier cp dir "$c:/t/copy2/"
		expect 0 carrier cp dir "$c:/t/d"
		expect 0 carrier cp dir/. "$c:/t/full"
		expect 0 carrier cp "$WORK/w/dir/" "$c:/t/full"
		failing 1 "a directory cannot be copied to it" carrier cp dir "$c:/t/f"
		failing 1 "a directory cannot be copied to it" carrier cp dir/. "$c:/t/f"
		expect 0 carrier cp "$c:/t" got
		same "$(printf '%s\n' copy copy/link copy/one copy/sub copy/sub/hard copy/sub/two copy2 copy2/link copy2/one copy2/sub \
			copy2/sub/hard copy2/sub/two d d/dir d/dir/link d/dir/one d/dir/sub d/dir/sub/hard d/dir/sub/two d/file f full \
			full/dir full/dir/link full/dir/one full/dir/sub full/dir/sub/hard full/dir/sub/two full/link full/one full/sub \
			full/sub/hard full/sub/two full/x new)" "$(cd got && find . -mindepth 1 | sed 's,^\./,,' | LC_ALL=C sort)"
		same file "$(cat got/f)"
		same "640 2001-02-03" "$(stat -c '%a %y' got/copy/one | cut -d ' ' -f 1,2)"
		same "2751 2001-02-03" "$(stat -c '%a %y' got/copy/sub | cut -d ' ' -f 1,2)"
		same "$(stat -c %i got/copy/one)" "$(stat -c %i got/copy/sub/hard)"
		same one "$(readlink got/copy/link)"
		# a directory over a file, and the other way round, are refused within, too
		mkdir -p over/new && echo x >over/d
		[ "$WHO" != user ] || chown -R "$NAME:$NAME" over
		failing 1 "this is none" carrier cp over/. "$c:/t"
		rm over/d
		failing 1 "there is something else of that name" carrier cp over/. "$c:/t"
		rm -r got over
	done
}

@test "out: the same rules on our side" {
	carrier cp dir live:/src
	expect 0 carrier cp live:/src/one new
	same one "$(cat new)"
	expect 0 carrier cp live:/src/sub/two there
	same two "$(cat there/two)"
	failing 1 "the directory must exist" carrier cp live:/src/one none/
	failing 1 "the directory must exist" carrier cp live:/src/one none/x
	failing 1 "there is no '/src/none' in container live" carrier cp live:/src/none .
	failing 1 "no container 'nobody'" carrier cp nobody:/x .
	expect 0 carrier cp live:/src there
	[ -e there/src/sub/two ]
	expect 0 carrier cp live:/src/. there
	[ -e there/sub/two ]
	expect 0 carrier cp live:/src made
	[ -e made/sub/two ]
	failing 1 "a directory cannot be copied to it" carrier cp live:/src file
	expect 0 carrier cp live:src/one relative		# paths in it begin at its root
	same one "$(cat relative)"
	same "$MINE" "$(stat -c %u:%g made/one)"
	expect 0 carrier cp live:/src/one ./with:colon
	expect 0 carrier cp ./with:colon live:/src/colon
	same one "$(in_live cat /src/colon)"
	failing 1 "both are containers" carrier cp live:/src still:/src
	failing 1 "neither is a container" carrier cp file there
	failing 1 "there is no path" carrier cp live: there
	in_live rm -r /src
}

@test "owners: root's in the container and the caller's outside; kept with --archive" {
	expect 0 carrier exec live sh -c 'mkdir /own; echo x >/own/f; chown -R 1000:1001 /own; chmod 4755 /own/f'
	expect 0 carrier cp live:/own out
	same "$MINE $MINE 4755" "$(stat -c %u:%g out) $(stat -c '%u:%g %a' out/f)"
	expect 0 carrier cp -a live:/own kept
	if [ "$WHO" = root ]; then
		same 1000:1001 "$(stat -c %u:%g kept/f)"
		chown -R 7:8 out
	fi
	expect 0 carrier cp out live:/mine
	same "0:0 0:0" "$(in_live stat -c %u:%g /mine /mine/f | tr '\n' ' ' | sed 's/ $//')"
	expect 0 carrier cp -a kept live:/back
	same 1000:1001 "$(in_live stat -c %u:%g /back/f)"
	in_live rm -r /own /mine /back
}

@test "symbolic links: themselves, and with -L what they lead to" {
	expect 0 carrier cp to-file live:/l
	same file "$(in_live readlink /l)"
	expect 0 carrier cp -L to-file live:/l2
	same file "$(in_live cat /l2)"
	expect 0 carrier cp -L to-dir live:/d2
	same one "$(in_live cat /d2/one)"
	expect 0 carrier exec live sh -c 'ln -s /d2/one /out; ln -s d2 /outd'
	expect 0 carrier cp live:/out out
	same /d2/one "$(readlink out)"
	expect 0 carrier cp --follow-link live:/out out2
	same one "$(cat out2)"
	expect 0 carrier cp -L live:/outd there
	same one "$(cat there/outd/one)"
	expect 0 carrier cp live:/outd/ there2
	same one "$(cat there2/one)"
	# a target that is a link is followed, within the container
	expect 0 carrier cp file live:/outd
	same file "$(in_live cat /d2/file)"
	expect 0 carrier cp file live:/out
	same file "$(in_live cat /d2/one)"
	in_live rm -r /l /l2 /d2 /out /outd
}

@test "archives: - at either end" {
	tar -c dir >dir.tar
	expect 0 carrier cp - live:/tmp <dir.tar
	same two "$(in_live cat /tmp/dir/sub/two)"
	gzip -k dir.tar
	expect 0 carrier cp - still:/tmp <dir.tar.gz
	carrier cp still:/tmp/dir - >back.tar
	same "$(printf '%s\n' dir/ dir/link dir/one dir/sub/ dir/sub/hard dir/sub/two)" "$(tar -tf back.tar | LC_ALL=C sort)"
	carrier cp still:/tmp/dir/. - >back.tar
	same ./one "$(tar -tf back.tar | grep one)"
	carrier cp live:/tmp/dir/one - | tar -x -O >one
	same one "$(cat one)"
	failing 1 "'/etc/passwd' is no directory of container live" carrier cp - live:/etc/passwd <dir.tar
	failing 1 "the directory must exist" carrier cp - live:/none <dir.tar
	expect 1 carrier cp - live:/tmp <file
	if [ "$WHO" = root ]; then	# owners are what the archive says
		tar -c --owner=1000 --group=1001 --numeric-owner file | carrier cp - live:/tmp
		same 1000:1001 "$(in_live stat -c %u:%g /tmp/file)"
	fi
	in_live rm -rf /tmp/dir /tmp/file
}

@test "through volumes and mounts, running and stopped; read-only ones are" {
	local c
	for c in live still; do
		expect 0 carrier cp file "$c:/vol/by-$c"
		expect 0 carrier cp "$c:/vol/by-$c" "out-$c"
		same file "$(cat "out-$c")"
		expect 1 carrier cp file "$c:/ro/x"
		says "Read-only file system"
		expect 0 carrier cp "$c:/ro/by-$c" "ro-$c"
	done
	expect 0 carrier run --rm --network none --volumes-from still docker.io/test/plain ls /vol
	prints "$(printf 'by-live\nby-still')"
	# all of it at once has what is mounted in it
	carrier cp still:/ - | tar -t >list
	grep -q '^\(\./\)*vol/by-live$' list
	carrier cp live:/vol - | tar -t >list
	grep -q '^vol/by-still$' list
	expect 0 carrier run -d --network none --read-only --name closed --tmpfs /t docker.io/test/plain sleep 1000
	expect 1 carrier cp file closed:/x
	says "Read-only file system"
	expect 0 carrier cp file closed:/t/x
	same file "$(carrier exec closed cat /t/x)"
	carrier kill closed >/dev/null
	has_state closed exited
	expect 1 carrier cp file closed:/x
	says "Read-only file system"
	carrier rm closed >/dev/null
	# what was copied to a stopped container is there when it is looked at otherwise
	expect 0 carrier cp dir still:/kept
	expect 0 carrier diff still
	says "A /kept/sub/two"
}

@test "into a part of a volume, running and stopped" {
	local c
	expect 0 carrier run --rm --network none -v parts:/all docker.io/test/plain mkdir /all/part
	expect 0 carrier run -d --network none --name part --mount type=volume,src=parts,dst=/p,volume-subpath=part docker.io/test/plain sleep 1000
	expect 0 carrier cp file part:/p/running
	carrier kill part >/dev/null
	has_state part exited
	expect 0 carrier cp file part:/p/stopped
	expect 0 carrier run --rm --network none -v parts:/all docker.io/test/plain ls /all/part
	prints $'running\nstopped'
	carrier rm part >/dev/null
	carrier volume rm parts >/dev/null
}

@test "into a mount whose ids are mapped, running and stopped" {
	[ "$WHO" = root ] || skip "only root of the host can map the ids of a mount"
	local ids
	mkdir -p mapped tree
	chown 5000:6000 mapped
	echo mine >tree/file
	chown 7:8 tree/file
	for ids in "" --uidmap=0:300000:65536; do
		rm -f mapped/*
		expect 0 carrier run -d --network none --name shifted $ids -v "$PWD/mapped:/m:idmap=uids=5000-${ids:+30000}0-10;gids=6000-${ids:+30000}0-10" \
			docker.io/test/plain sleep 1000
		expect 0 carrier cp -a tree/file shifted:/m/running
		carrier kill shifted >/dev/null
		has_state shifted exited
		expect 0 carrier cp -a tree/file shifted:/m/stopped
		same $'5007:6008\n5007:6008' "$(stat -c %u:%g mapped/running mapped/stopped)"
		carrier rm shifted >/dev/null
	done
}

@test "one whose monitor was killed has its files, too" {
	carrier run -d --network none --name orphan -v data:/vol docker.io/test/plain sleep 1000 >/dev/null
	has_state orphan running
	kill -9 "$(jq .monitor "$CROOT/containers/$(id_of orphan)/status.json")"
	soon is_orphan
	expect 0 carrier cp file orphan:/vol/orphaned
	expect 0 carrier cp orphan:/vol/orphaned out
	same file "$(cat out)"
	expect 0 carrier cp dir orphan:/made
	expect 0 carrier cp orphan:/made/one out
	same one "$(cat out)"
	carrier rm -f orphan >/dev/null
}

is_orphan() { [ "$(carrier inspect orphan | jq -r ".[0].State.Unattended")" = true ]; }

# nothing outside changes: a file that must stay as it is, and a directory in which nothing may appear
victim() {
	mkdir "$WORK/victim"
	echo safe >"$WORK/victim/file"
	chmod 777 "$WORK/victim"
	chmod 666 "$WORK/victim/file"
}
unharmed() { same "file safe" "$(ls -A "$WORK/victim") $(cat "$WORK/victim/file")"; }

@test "a symlink in the container leads no copy out of it, neither way" {
	victim
	local up=/../../../../../../../../../..
	expect 0 carrier exec live sh -c "ln -s $up$WORK/victim /evil; ln -s $up$WORK/victim/file /evilf; ln -s $up$WORK/victim/new /eviln; ln -s /proc/1/root$WORK/victim /evilp"
	expect 1 carrier cp file live:/evil/x
	expect 1 carrier cp file live:/evilf
	expect 1 carrier cp file live:/eviln
	expect 1 carrier cp -L live:/evilf out
	expect 1 carrier cp live:/evil/file out
	run carrier cp live:/evilp/file out
	[ "$status" != 0 ]
	[ ! -e out ]
	unharmed
	# what is copied as a link is one of ours then; nothing was read through it
	expect 0 carrier cp live:/evilf out
	[ -L out ]
	# an archive of theirs: names that climb, files through links
	python3 - >evil.tar <<-PY
		import tarfile, io, sys
		t = tarfile.open(fileobj=sys.stdout.buffer, mode="w|")
		def add(name, data=None, link=None, kind=None):
		    i = tarfile.TarInfo(name)
		    if link is not None: i.type = kind or tarfile.SYMTYPE; i.linkname = link; t.addfile(i)
		    else: i.size = len(data); t.addfile(i, io.BytesIO(data))
		add("l", link="$WORK/victim")
		add("l/planted", b"x")
		t.close()
	PY
	run carrier cp - live:/tmp <evil.tar
	unharmed
	python3 -c 'import tarfile,io,sys; t=tarfile.open(fileobj=sys.stdout.buffer,mode="w|"); i=tarfile.TarInfo("../../up"); t.addfile(i, io.BytesIO(b"")); t.close()' >up.tar
	failing 1 "climbs out with '..'" carrier cp - live:/tmp <up.tar
	# a container's archive of its own, by way of cp out: links first, then what is behind them
	expect 0 carrier exec live sh -c "mkdir /pack; ln -s $WORK/victim /pack/dir"
	mkdir -p got/pack/dir
	[ "$WHO" != user ] || chown -R "$NAME:$NAME" got
	run carrier cp live:/pack got
	unharmed
	in_live rm -rf /evil /evilf /eviln /evilp /pack /tmp/l
}

@test "CVE-2018-15664: a directory that becomes a symlink while something is copied" {
	victim
	expect 0 carrier exec -d live sh -c "mkdir /race; cd /race; while [ ! -e /stop ]; do mkdir -p x 2>/dev/null; mv x y 2>/dev/null; ln -s /../../../../../../..$WORK/victim x 2>/dev/null; rm -rf x y 2>/dev/null; done"
	local i
	for ((i = 0; i < 25; i++)); do
		carrier cp dir/. live:/race/x 2>/dev/null || true
		carrier cp live:/race/x/file "leak-$i" 2>/dev/null || true
	done
	in_live touch /stop
	unharmed
	[ -z "$(cat leak-* 2>/dev/null | grep safe)" ] || fail "read from outside"
}

@test "CVE-2019-14271: nothing of the container is loaded or executed by cp" {
	expect 0 carrier exec live sh -c 'echo /evil.so >/etc/ld.so.preload; mkdir -p /lib/x86_64-linux-gnu; echo x >/lib/x86_64-linux-gnu/libnss_files.so.2; echo x >/lib/x86_64-linux-gnu/libz.so.1; echo "#!/bin/sh" >/etc/nsswitch.conf; touch -d 2001-01-01 /etc/ld.so.preload; date +%s >/before'
	expect 0 carrier cp dir live:/safe
	silent
	expect 0 carrier cp live:/safe out
	silent
	in_live rm -r /etc/ld.so.preload /safe /lib/x86_64-linux-gnu
}

@test "many megabytes go through, and a failure on either side is told by its reason" {
	head -c 60000000 /dev/urandom >big
	[ "$WHO" != user ] || chown "$NAME:$NAME" big
	expect 0 carrier cp -q big live:/tmp
	same "$(sha256sum <big)" "$(carrier exec live cat /tmp/big | sha256sum)"
	in_live rm /tmp/big
	one_carrier
	CARRIER_COMMAND+=(cp live:/etc/passwd "$WORK/passwd")
	[ "$WHO" = root ] || install -o "$NAME" /dev/null "$WORK/passwd"
	same "Successfully copied" "$(script -qec "$(printf '%q ' "${CARRIER_COMMAND[@]}")" /dev/null </dev/null | cut -d ' ' -f 1,2)"
	same "" "$(script -qec "$(printf '%q ' "${CARRIER_COMMAND[@]}") --quiet" /dev/null </dev/null)"
	[ -s "$WORK/passwd" ]
	carrier run -d --network none --name small --tmpfs /t:size=1m docker.io/test/plain sleep 1000 >/dev/null
	expect 1 carrier cp big small:/t
	says "No space left on device"
	carrier rm -f small >/dev/null
	if [ "$WHO" = user ]; then
		chmod 000 big
		chown root:root big
		expect 1 carrier cp big live:/tmp
		says "Permission denied"
		chown "$NAME:$NAME" big
	fi
}

@test "volume export and import: files, owners, links; hostile archives stay within" {
	expect 0 carrier run --rm --network none -v data:/v docker.io/test/plain sh -c 'mkdir /v/d; echo x >/v/d/f; chown -R 1000:1001 /v/d; chmod 750 /v/d; ln -s /etc /v/l; ln /v/d/f /v/h'
	expect 0 carrier volume export -o data.tar data
	carrier volume create other >/dev/null
	expect 0 carrier volume import other data.tar
	expect 0 carrier run --rm --network none -v other:/v docker.io/test/plain sh -c 'cat /v/h; stat -c "%a %u:%g" /v/d; readlink /v/l; stat -c %h /v/h'
	prints "$(printf '%s\n' x "750 1000:1001" /etc 2)"
	carrier volume export data | gzip | carrier volume import other -
	victim
	python3 -c 'import tarfile,io,sys; t=tarfile.open(fileobj=sys.stdout.buffer,mode="w|"); i=tarfile.TarInfo("/../../victim"); t.addfile(i, io.BytesIO(b"")); t.close()' >up.tar
	failing 125 "climbs out with '..'" carrier volume import other up.tar
	unharmed
	failing 125 "there is no volume 'none'" carrier volume import none data.tar
	failing 125 "there is no volume 'none'" carrier volume export none
	carrier volume create -o type=tmpfs ram >/dev/null
	failing 125 "mounted by its options" carrier volume export ram
	carrier volume rm other ram >/dev/null
}
