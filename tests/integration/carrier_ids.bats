# Which ids an ordinary user has, and what becomes of an image's owners: none (everything is the user's), few, several ranges, those of
# a directory. What this file changes of /etc is seen by its own commands only: they run in a mount namespace of their own.
export WHO=user
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	carrier_setup_file
	start_registry REGISTRY
	local dir=$BATS_FILE_TMPDIR
	mkimage tar "$dir/owners.tar" <<-'PY'
	cap = b'\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'.decode('latin1')
	add("srv/mine", mode=0o4755, uid=1000, gid=1001)
	add("srv/group", mode=0o2711, uid=1000, gid=1001)
	add("srv/dir", type=tarfile.DIRTYPE, mode=0o2750, uid=499, gid=499)
	add("srv/dir/file", uid=499, gid=498)
	add("srv/link", type=tarfile.SYMTYPE, link="mine", uid=1000, gid=1000)
	add("srv/ping", mode=0o755, pax={"SCHILY.xattr.security.capability": cap})
	PY
	mkimage image --config '{"Cmd":["sh"]}' "$dir/layout" owners "$IMAGES/../layers/busybox.tar" "$dir/owners.tar"
	mkimage tar "$dir/few.tar" <<<'add("srv/few", uid=499, gid=500)'
	mkimage tar "$dir/beyond.tar" <<<'add("srv/well", uid=500, gid=500); add("srv/beyond", type=tarfile.SYMTYPE, link="x", uid=501)'
	mkimage image "$dir/layout" few "$dir/few.tar"
	mkimage image "$dir/layout" beyond "$dir/few.tar" "$dir/beyond.tar"
	(IMAGES=$dir/layout && push owners "$REGISTRY" owners:latest && push few "$REGISTRY" few:latest &&
		push beyond "$REGISTRY" beyond:latest && IMAGES=$FIXTURES/images && push busybox "$REGISTRY" busybox:latest)
	export AT=127.0.0.1:$REGISTRY
	FIRST=$(awk -F: -v name="$NAME" '$1 == name { print $2 }' /etc/subuid)
	export FIRST
}

teardown_file() { carrier_teardown_file; }

# every test starts with nothing, and with one range
prepare() {
	rm -rf "$CROOT"
	mkdir etc hidden
	RANGES=$NAME:$FIRST:65536
}

# elsewhere - carrier where /etc/subuid and /etc/subgid are $RANGES alone, and ./etc and ./hidden lie over /etc and /usr/bin
elsewhere() {
	printf '%s\n' "$RANGES" | tee etc/subuid >etc/subgid
	{
		declare -p NAME USER_HOME USER_RUN PROGRAM
		declare -f as_user
		echo "mount -t overlay -o lowerdir=$WORK/etc:/etc none /etc && mount -t overlay -o lowerdir=$WORK/hidden:/usr/bin none /usr/bin"
		[ ! -d lib ] || echo "mount -t overlay -o lowerdir=$WORK/lib:$LIBRARIES none $LIBRARIES"
		echo '"$@"'
	} >script
	unshare -m bash "$WORK/script" "${AS[@]-as_user}" "$PROGRAM" "$@"
}

# owners [OPTION...] - of the files of the image `owners`, as they are seen inside
owners() {
	expect 0 elsewhere "$@" run --rm --network none "$AT/owners" stat -c '%n %a %u:%g' \
		/srv/mine /srv/group /srv/dir /srv/dir/file /srv/link /srv/ping /home/app
}
all_mine=$'/srv/mine 4755 0:0\n/srv/group 2711 0:0\n/srv/dir 2750 0:0\n/srv/dir/file 644 0:0\n/srv/link 777 0:0
/srv/ping 755 0:0\n/home/app 755 0:0'
as_in_archive=$'/srv/mine 4755 1000:1001\n/srv/group 2711 1000:1001\n/srv/dir 2750 499:499\n/srv/dir/file 644 499:498
/srv/link 777 1000:1000\n/srv/ping 755 0:0\n/home/app 755 1000:1001'

# mine_alone - nothing in the store belongs to anybody but the user
mine_alone() { same "" "$(find "$CROOT/store" ! -user "$NAME" -o ! -group "$NAME" | head)"; }

@test "without ranges everything belongs to the user, one line says so, and the image runs" {
	RANGES=
	expect 0 elsewhere pull -q --tls-verify=false "$AT/owners"
	same 1 "$(grep -c . <<<"$stderr")"
	[[ $stderr == *"only one id can be had here"*"usermod --add-subuids"* ]] || fail "$stderr"
	mine_alone
	owners
	prints "$all_mine"
	same "" "$stderr"
	[[ $(getcap -n "$CROOT"/store/layers/sha256/*/diff/srv/ping) == *"cap_net_raw=ep [rootid=$(id -u "$NAME")]" ]] ||
		fail "$(getcap -n "$CROOT"/store/layers/sha256/*/diff/srv/ping)"
	# --verbose says why, and what to run
	owners --verbose
	[[ $stderr == *"user '$NAME' has no subordinate user and group ids"*--add-subuids*"belongs to this user alone"* ]] || fail "$stderr"
	# written files, and what a container leaves, are the user's as well
	expect 0 elsewhere run --name left --network none "$AT/owners" sh -c 'echo x >/srv/dir/new; chmod 000 /srv/dir'
	mine_alone
	expect 0 elsewhere rm left
}

@test "without ranges an image's own user is root, without capabilities, and is warned of" {
	RANGES=
	expect 0 elsewhere pull -q --tls-verify=false "$AT/busybox"
	expect 0 elsewhere run --rm --network none --entrypoint /bin/sh "$AT/busybox" -c 'id -u; id -g; grep CapEff /proc/self/status'
	prints $'0\n0\nCapEff:\t0000000000000000'
	[[ $stderr == *"user 'app' is 1000:1001, but"*"only one id: it runs as root, without capabilities"* ]] || fail "$stderr"
}

@test "layers of one id are unpacked again when there is a range, for every image that has them" {
	RANGES=
	expect 0 elsewhere pull -q --tls-verify=false "$AT/owners"
	expect 0 elsewhere pull -q --tls-verify=false "$AT/few"
	same 3 "$(find "$CROOT/store/layers" -name single-id | wc -l)"
	RANGES=$NAME:$FIRST:65536
	owners
	prints "$as_in_archive"
	same 2 "$(grep -c ': done$' <<<"$stderr")"	# that they are unpacked again is said
	owners
	same "" "$stderr"
	same 1 "$(find "$CROOT/store/layers" -name single-id | wc -l)"	# the other image's, which nobody has used since
	expect 0 elsewhere pull -q --tls-verify=false "$AT/few"
	same 0 "$(find "$CROOT/store/layers" -name single-id | wc -l)"
	# and when the range is lost again, what is there is used: others' files are nobody's
	RANGES=
	expect 0 elsewhere run --rm --network none "$AT/owners" stat -c '%n %u' /srv/mine /srv/ping
	prints $'/srv/mine 65534\n/srv/ping 0'
}

@test "without newuidmap everything belongs to the user, too" {
	mknod hidden/newuidmap c 0 0	# overlayfs' whiteout
	expect 0 elsewhere pull -q --tls-verify=false "$AT/owners"
	[[ $stderr == *"only one id can be had here"*uidmap* ]] || fail "$stderr"
	mine_alone
	owners --verbose
	prints "$all_mine"
	[[ $stderr == *"newuidmap is not installed"*'`uidmap` package'* ]] || fail "$stderr"
	rm hidden/newuidmap
	mknod hidden/newgidmap c 0 0
	owners
	prints "$all_mine"
}

@test "several lines of a user are one after the other" {
	RANGES=$NAME:$FIRST:400$'\n'other:$((FIRST + 400)):100$'\n'$(id -u "$NAME"):$((FIRST + 500)):100$'\n'$NAME:$((FIRST + 1000)):600
	expect 0 elsewhere pull -q --tls-verify=false "$AT/owners"
	owners
	prints "$as_in_archive"
	# ids 1 to 400 are the first range, 401 to 500 the second, and then the third: 1000 is the 500th of that
	same "$((FIRST + 1499)):$((FIRST + 1500))" "$(stat -c %u:%g "$CROOT"/store/layers/sha256/*/diff/srv/mine)"
	same "$((FIRST + 598))" "$(stat -c %u "$CROOT"/store/layers/sha256/*/diff/srv/dir)"
}

@test "a range of 500 ids is enough for an image that has no others" {
	RANGES=$NAME:$FIRST:500
	expect 0 elsewhere pull -q --tls-verify=false "$AT/few"
	same "$((FIRST + 498)):$((FIRST + 499))" "$(stat -c %u:%g "$CROOT"/store/layers/sha256/*/diff/srv/few)"
}

@test "an owner beyond the range is named, with the file and the remedy, and nothing is left" {
	RANGES=$NAME:$FIRST:500
	failing 125 "entry 'srv/beyond': it belongs to 501:0" elsewhere pull -q --tls-verify=false "$AT/beyond"
	[[ $stderr == *"as root, give more with \`usermod --add-subuids FIRST-LAST --add-subgids FIRST-LAST USER\`"* ]] || fail "$stderr"
	same "" "$(find "$CROOT"/store/{layers,blobs,tmp,chains} -type f)"
	failing 125 "': it belongs to 1000:1001" elsewhere run --tls-verify=false "$AT/owners" true
}

# directory UID - a user of this number that /etc/passwd does not know, but a directory does, with the file's range
directory() {
	LIBRARIES=$(dirname "$(ldd /usr/bin/getsubids | sed -n 's,.*=> \(/.*/libc.so.6\) .*,\1,p')")
	mkdir lib
	cp "$WOODY_TESTBIN/libtestdir.so" lib/libnss_testdir.so.2
	cp "$WOODY_TESTBIN/libtestdir.so" lib/libsubid_testdir.so
	chmod 755 lib lib/*
	echo "remote:$1:$FIRST:65536" >etc/testdir
	printf 'passwd: files testdir\ngroup: files\nsubid: testdir\n' >etc/nsswitch.conf
	mkdir remote
	chown "$1:$1" remote
	CROOT=$WORK/remote/.local/share/carrier
	AS=(setpriv --reuid "$1" --regid "$1" --clear-groups --inh-caps=-all --reset-env env "HOME=$WORK/remote" "USER=remote" \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin)
}

@test "a user of a directory has the range that getsubids knows" {
	type getsubids >/dev/null || skip "shadow has no getsubids here (before 4.9): type getsubids fails"
	RANGES=
	directory 1987654321
	elsewhere version >version
	same "0: remote $FIRST 65536" "$(AS=(); PROGRAM=getsubids elsewhere remote)"
	expect 0 elsewhere pull -q --tls-verify=false "$AT/owners"
	same "" "$stderr"
	owners
	prints "$as_in_archive"
	same "$((FIRST + 999))" "$(stat -c %u "$CROOT"/store/layers/sha256/*/diff/srv/mine)"
	# the files alone do not ask
	printf 'passwd: files testdir\nsubid: files\n' >etc/nsswitch.conf
	expect 0 elsewhere --verbose run --rm --network none "$AT/owners" true
	[[ $stderr == *"has no subordinate user and group ids"* ]] || fail "$stderr"
	# who is not in the directory has none
	printf 'passwd: files testdir\nsubid: testdir\n' >etc/nsswitch.conf
	echo "somebody:1:$FIRST:65536" >etc/testdir
	expect 0 elsewhere --verbose run --rm --network none "$AT/owners" true
	[[ $stderr == *"user 'remote' has no subordinate user and group ids"* ]] || fail "$stderr"
}
