# The table "Images and store" of what must never happen, row by row: each attack is really tried, with a hostile image from a hostile
# registry (hostile.py), and the host is found unchanged. WHO=root or user.
#
#	row					tried in
#	names that climb out (zip-slip)		here (22 images); unpack.bats; fuzz_layer
#	CVE-2024-9676, 2024-9341, 2018-15664,	here: passwd, group, hosts, hostname, resolv.conf, /etc and the working directory as symlinks to
#	  2019-14271				  the host, devices, fifos and 90 MB in their place. Skipped: `cp`, as there is none (`carrier cp`)
#	CVE-2022-23648, volume path		here: nothing is made of an image's volumes
#	CVE-2024-3727, digest games		here (17 images); carrier_errors.bats: on the way, and on the registry's disk
#	CVE-2021-41190, manifest and index	here (3)
#	CVE-2020-15157, 2019-10214, credentials	here: layers from elsewhere are not asked for. Credentials at redirects and over plain HTTP:
#	  sent elsewhere			  carrier_login.bats, carrier_registry.bats
#	bombs					here (8), and the memory that they take. A registry that trickles: tests/stress/waits.bats, as it takes
#						  minutes
#	CVE-2021-41091, setuid in the store	here
#	CVE-2022-2989, 2023-25173, groups	here
#	CVE-2021-20199, source address		skipped: no port is forwarded yet (`carrier run --help | grep publish` finds nothing)
#	CVE-2020-10749, router advertisements	skipped: no bridge is made yet (`carrier network` is no command)
#	credentials readable, in argv, in logs	carrier_login.bats
#	kill -9, full disk, power cut		here: full disk; carrier_resume.bats, carrier_store.bats, tests/stress
# 13 rows: 8 here, 2 here in part, 2 skipped, 1 elsewhere.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	carrier_setup_file
	export HOST_DIR=$BASE/outside BUSYBOX_TAR=$FIXTURES/layers/busybox.tar REQUESTS=$BASE/requests
	mkdir -p "$HOST_DIR"
	: >"$REQUESTS"
	chmod 666 "$REQUESTS"
	local file
	for file in canary passwd group hosts hostname resolv.conf; do echo "the host's $file" >"$HOST_DIR/$file"; done
	# whoever runs carrier could change all of it
	[ "$WHO" = root ] || chown -R "$NAME:$NAME" "$HOST_DIR"
	start_helper HOSTILE python3 "$TESTS/hostile.py" "$BASE/blobs" --listen --log "$REQUESTS"
	state=$(outside)
	export state
}

teardown_file() { carrier_teardown_file; }

prepare() { soon rm -rf "$CROOT"; }	# the monitor of a container that has ended may still be at it

# outside - all of it, with everything by which a change would show; and /canary, which absolute names would make
outside() { find "$HOST_DIR" /canary -printf '%p %m %U:%G %s %T@ %C@ %n %l\n' 2>/dev/null | sort; }
untouched() { same "$state" "$(outside)"; }

nothing() {
	same "" "$(find "$CROOT/store/tmp" "$CROOT"/store/{blobs,layers}/sha256 "$CROOT/store/chains" -mindepth 1 2>/dev/null)"
}

# refused NAME TEXT... - by turns: exit code 125, one sentence that says so, nothing left, nothing outside touched
refused() {
	while [ $# -gt 0 ]; do
		failing 125 "$2" carrier pull -q --tls-verify=false "127.0.0.1:$HOSTILE/$1" || fail "it was $1"
		nothing
		untouched
		shift 2
	done
}

# harmless NAME COMMAND... - the image runs, and what its names say is inside
harmless() {
	local name=$1
	shift
	expect 0 carrier run --rm -q --tls-verify=false --network none "127.0.0.1:$HOSTILE/$name" "$@"
	untouched
}

@test "names that lead out of a layer are refused by name" {
	refused up "climbs out with '..'" up-later "climbs out with '..'" up-link "climbs out with '..'" \
		whiteout-up 'whiteout of no file' whiteout-slash 'a whiteout is no directory' whiteout-nothing 'whiteout of no file' \
		long 'is too long' long-path 'more than 4095 bytes' parent-file "its parent 'f' is not a directory" loop 'loop of symlinks' \
		link-directory 'hard link to a directory' escape-sequence '\033]0;evil\007'
}

@test "absolute names, and symlinks of the same and of earlier layers, stay within the image" {
	harmless absolute cat /canary/absolute "$HOST_DIR/absolute"
	prints $'evil\nevil'
	harmless symlink cat /way/symlink "$HOST_DIR/canary"
	prints $'evil\noverwritten'
	harmless symlink-up cat /way/up "$HOST_DIR/up"
	prints $'evil\nevil'
	harmless symlink-earlier cat "$HOST_DIR/earlier"
	prints evil
	harmless opaque ls "$HOST_DIR"
	prints new
}

@test "hard links to files of the host are links to nothing" {
	refused link-earlier "is a hard link to 'way/canary', which is in no layer below" \
		link-absolute "canary', which is in no layer below"
}

@test "overlayfs' own marks cannot be smuggled in" {
	harmless opaque-xattr ls /bin/busybox
	harmless whiteout-node ls /bin/busybox
	harmless not-utf8 sh -c 'cat /d?/f?'
	prints bytes
}

@test "files that carrier reads and writes in a rootfs lead nowhere else" {
	local file way
	for file in passwd group; do
		for way in etc up; do
			# what is there inside is asked for the user, and that is nothing
			harmless "$way-$file" id -u
			prints 0
		done
	done
	for file in hosts hostname resolv.conf; do
		for way in etc up; do
			harmless "$way-$file" cat "/etc/$file"
			[[ $output != *"the host's"* ]] || fail "$file of the host is seen: $output"
		done
	done
	harmless etc-link cat /etc/hosts
	[[ $output != *"the host's"* ]] || fail "$output"
}

@test "no device, fifo or endless file is read in place of /etc/passwd" {
	local no_file="the container's '/etc/passwd' is no regular file"
	failing 125 "$no_file" carrier run --rm -q --tls-verify=false --network none "127.0.0.1:$HOSTILE/fifo-passwd" true
	if [ "$WHO" = user ]; then	# whose devices are not made
		harmless device-passwd true
	else
		failing 125 "$no_file" carrier run --rm -q --tls-verify=false --network none "127.0.0.1:$HOSTILE/device-passwd" true
	fi
	failing 125 passwd carrier run --rm -q --tls-verify=false --network none "127.0.0.1:$HOSTILE/huge-passwd" true
	untouched
}

@test "a working directory and volumes of the image are beneath it" {
	harmless workdir sh -c 'echo x >here; pwd'
	harmless workdir-link sh -c 'echo x >here; pwd'
	harmless volumes true
	failing 125 "0 0" carrier run --rm -q --tls-verify=false --network none "127.0.0.1:$HOSTILE/user" true
	untouched
}

@test "supplementary groups are those of the image's /etc/group, whole names only" {
	harmless groups id
	prints 'uid=1000(app) gid=1001(app) groups=1001(app),1002(extra),1004(last)'
	harmless group-gone id -G
	prints 1001
}

@test "digests that are none, or another's" {
	refused upper-case 'digest' upper-case-algorithm 'digest' md5 'digest' no-algorithm 'digest' short 'digest' long-digest 'digest' \
		path-digest 'digest' other-digest 'its digest is' too-small 'expected are' too-large 'expected are' negative 'negative' \
		config-digest 'image config' config-size 'expected are' config-path 'digest' diff-id 'its diff_id is' diff-id-form 'digest' \
		diff-ids-count 'names 2 layers and its manifest 1'
}

@test "one document is not two, and layers from elsewhere are not fetched" {
	refused both manifest both-index index other-type index foreign 'foreign'
	! grep -q 'foreign/blobs/sha256.*127.0.0.1:1' "$REQUESTS" || fail "$(cat "$REQUESTS")"
}

# peak COMMAND... - runs it; the largest resident size of any process of it is in $peak, in KiB
peak() {
	python3 - "$@" >peak <<-'PY'
	import os, resource, subprocess, sys
	r = subprocess.run(sys.argv[1:], stdout=2)
	print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
	sys.exit(r.returncode)
	PY
}

@test "bombs are refused, in little memory and with nothing left" {
	local name root=()
	[ "$WHO" = user ] || root=(--root "$CROOT")
	refused records 'more than 1 MiB of pax records' long-name 'more than 4095 bytes' overflow "'over' has a size" \
		holes 'its sparse files are larger than'
	for name in endless entries; do
		status=0
		peak $(if [ "$WHO" = user ]; then echo setpriv --reuid "$NAME" --regid "$NAME" --init-groups --inh-caps=-all env HOME="$USER_HOME"; fi) \
			"$PROGRAM" "${root[@]}" pull -q --tls-verify=false "127.0.0.1:$HOSTILE/$name" 2>"stderr.$name" || status=$?
		same 125 "$status"
		[ "$(cat peak)" -lt 65536 ] || fail "$name: a process took $(cat peak) KiB"
		nothing
	done
	grep -q 'more than' stderr.endless || fail "$(cat stderr.endless)"
	grep -q 'more than 4194304 entries' stderr.entries || fail "$(cat stderr.entries)"
	untouched
}

@test "10 GB of zeros do not fill more than the store's disk, which is said to be full, and is empty afterwards" {
	[ "$WHO" = root ] || skip "an ordinary user mounts no small disk for the test: id -u says $(client id -u)"
	mkdir -p "$CROOT"
	mount -t tmpfs -o size=64m none "$CROOT"
	local left wrong=0
	failing 125 '' carrier pull -q --tls-verify=false "127.0.0.1:$HOSTILE/zeros" || wrong=1
	left=$(find "$CROOT/store/tmp" "$CROOT"/store/{blobs,layers}/sha256 -mindepth 1 2>/dev/null || true)
	umount "$CROOT"
	same 0 "$wrong"
	same "" "$left"
	[[ $stderr == *"full"* || $stderr == *"room"* || $stderr == *"space"* ]] || fail "$stderr"
}

@test "nobody else reaches what the store holds: setuid programs are not the host's" {
	harmless absolute true
	same 700 "$(stat -c %a "$CROOT/store")"
	expect 2 setpriv --reuid 65533 --regid 65533 --clear-groups ls "$CROOT/store"
	expect 1 setpriv --reuid 65533 --regid 65533 --clear-groups sh -c "cat '$(find "$CROOT/store/layers" -name busybox -type f | head -n 1)'"
}
