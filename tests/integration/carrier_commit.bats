# commit, export, import, snapshot, diff, image diff, image mount: what becomes an image, and back. WHO=root or user.
source "${BATS_TEST_DIRNAME}/archives.bash"

setup_file() {
	archives_setup_file
	bring debian
	bring plain
	bring busybox
	carrier run --network none --user 0 --workdir / --name changed --cap-add SETFCAP docker.io/test/debian bash -c "$CHANGES"
}

teardown_file() {
	carrier rm -f changed >/dev/null
	carrier_teardown_file
}

# the container that all tests look at stays
teardown() {
	cd /
	local id
	for id in $(carrier ps -aq); do
		[ "$id" = "$(carrier inspect changed | jq -r '.[0].Id[:12]')" ] || carrier rm -f "$id" >/dev/null
	done
	[ -n "${BATS_TEST_COMPLETED:-}" ] || return 0
	soon nothing_runs || fail "processes are left: $(processes | xargs -r ps -o pid,user,args -p)"
	same "" "$(grep -F "$BASE/" /proc/self/mountinfo)"
	same "" "$(find "$CROOT/store/tmp" -mindepth 1)"
}

# everything that a layer can say: files new, changed, deleted, replaced by other kinds; directories emptied and made again; links, owners,
# modes, times, names that are long or no text
CHANGES='
set -e
cd /srv
echo new >new; touch -d "2001-02-03 04:05:06.789012345" new
rm plain/stays; rm -r opaque; mkdir opaque; echo again >opaque/again
rm attributed; mkdir attributed; echo in >attributed/in
rm -r sticky; ln -s new sticky
chmod 2755 owned; chown 12:34 owned/file; chmod 6711 setuid
ln new hard-1; ln new hard-2; ln -f new owned/hard-3
mkfifo pipe
mkdir -m 1777 deep; cd deep
for i in 1 2 3 4 5 6 7 8 9; do mkdir $(printf "%060d" $i); cd $(printf "%060d" $i); done
echo bottom >$(printf "%0200d" 1); touch "$(printf "odd\n\303\244 \377 name")"; ln -s $(printf "%0300d" 0) long-link
touch -d "1955-01-01 00:00:00.5" /srv/early
truncate -s 3M /srv/sparse; echo end >>/srv/sparse
chmod 711 /
'
export CHANGES

# list_archive FILE - unpacked by GNU tar, as lister sees it; without what no archive says (a directory's size, times of access)
list_archive() {
	rm -rf "$WORK/unpacked"
	mkdir "$WORK/unpacked"
	"${UNTAR:-gnu_untar}" "$1"
	"$BASE/bin/lister" "$WORK/unpacked"
}
gnu_untar() { tar -x --numeric-owner -p --xattrs --xattrs-include='*' -C "$WORK/unpacked" -f "$1"; }

config_of() { cat "$CROOT/store/blobs/sha256/$(image_id "$1" | cut -d : -f 2)"; }

# what carrier bind-mounts is empty in an archive
without_mounts() { grep -av -e '^etc/hosts ' -e '^etc/hostname ' -e '^etc/resolv.conf ' -e '^etc ' -e '^dev' -e '^proc' -e '^sys' -e '^lister'; }

@test "what is committed is what the container saw, file by file" {
	expect 0 carrier commit -m "all of it" changed committed:1
	carrier export changed >changed.tar
	list_archive changed.tar | without_mounts >before
	tree_of committed:1 | without_mounts >after
	[ "$(wc -l <before)" -gt 100 ]
	grep -q '^srv/new - 0644 0:0 .*links=4 ' before
	grep -q '^srv/opaque/again' before
	! grep -q -e '^srv/opaque/upper' -e '^srv/plain/stays' -e '^srv/sticky/' before || fail "it should have failed"
	diff before after
	same "all of it" "$(jq -r '.history[-1].comment' \
		"$CROOT/store/blobs/sha256/$(image_id committed:1 | cut -d : -f 2)")"
	expect 0 carrier run --rm --network none committed:1 stat -c %a /
	prints 711
	carrier rmi committed:1 >/dev/null
}

@test "only what changed is in the new layer, and the lower layers are shared" {
	expect 0 carrier commit changed layered
	local was now
	was=$(carrier inspect --type image docker.io/test/debian | jq -c '.[0].RootFS.Layers')
	now=$(carrier inspect --type image layered | jq -c '.[0].RootFS.Layers')
	same "$was" "$(jq -c '.[:-1]' <<<"$now")"
	carrier commit -q --compression-level 9 changed layered	# zlib's in place of ISA-L's
	carrier save --format oci-dir -o "$OTHER.layered" layered
	local layer
	layer=$(jq -r '.layers[-1].digest' "$OTHER.layered/blobs/sha256/$(manifest_of layered | cut -d : -f 2)")
	tar -tzf "$OTHER.layered/blobs/sha256/${layer#sha256:}" >names
	grep -qx 'srv/plain/.wh.stays' names
	grep -qx 'srv/opaque/.wh..wh..opq' names
	grep -qx 'srv/opaque/again' names
	! grep -q 'usr/bin' names || fail "it should have failed"
	# in the order of the names, a directory first; the mark of an opaque one before what is in it
	LC_ALL=C sort -c <(grep -v '\.wh\.' names | sed 's,/$,,; s,/,\x01,g')
	rm -rf "$OTHER.layered"
	carrier rmi layered >/dev/null
}

@test "the image is set up as the container was run, and --change changes that" {
	carrier run --network none --name set --label from=run -e RUN=1 -w /tmp docker.io/test/busybox with words
	expect 0 carrier commit -a "A. Uthor" -c 'CMD ["a", "b"]' -c 'ENV X="two words" Y=2' -c 'LABEL own=1' -c 'EXPOSE 80 90-91/udp' \
		-c 'VOLUME /data' -c 'WORKDIR sub' -c 'USER=app:app' -c 'STOPSIGNAL SIGINT' -c 'ONBUILD RUN true' \
		-c 'HEALTHCHECK --interval=1m30s --retries=2 CMD true' set changed-settings
	carrier save changed-settings >saved.tar
	tar -xOf saved.tar "$(image_id changed-settings | cut -d : -f 2).json" >config
	expect 0 jq -c '[.author, .config.Entrypoint, .config.Cmd, .config.WorkingDir, .config.User, .config.StopSignal, .config.OnBuild]' config
	prints '["A. Uthor",["/bin/busybox","echo"],["a","b"],"/tmp/sub","app:app","SIGINT",["RUN true"]]'
	expect 0 jq -c '[.config.Labels, .config.Volumes, .config.ExposedPorts, .config.Healthcheck]' config
	prints '[{"from":"run","own":"1"},{"/data":{}},{"80/tcp":{},"90/udp":{},"91/udp":{}},{"Test":["CMD-SHELL","true"],"Interval":90000000000,"Retries":2}]'
	expect 0 jq -r '.config.Env[]' config
	says "FROM_IMAGE=yes"
	says "RUN=1"
	says "X=two words"
	expect 0 jq -r '.history[-1].created_by' config
	prints "/bin/busybox echo with words"
	carrier commit set as-run >/dev/null
	expect 0 carrier run --rm --network none as-run
	prints "with words"
	carrier rm set >/dev/null
	carrier rmi changed-settings as-run >/dev/null
}

@test "a running container goes on afterwards, and what it wrote last is in the image" {
	carrier run -d --network none --name runs docker.io/test/plain sh -c 'while :; do date +%s >/count; done' >/dev/null
	soon sh -c "[ -s '$CROOT/containers/$(id_of runs)/upper/count' ]"
	expect 0 carrier commit -q runs running
	prints ""
	[ "$WHO" = user ] || silent	# an ordinary user's container has no freezer where cgroups are not delegated: a warning
	state_is runs running
	soon still_counting || fail "it stands still"
	expect 0 carrier run --rm --network none running cat /count
	[[ $output =~ ^[0-9]*$ ]] || fail "a time is expected: $output"
	expect 0 carrier commit --pause=false runs running
	same "" "$stderr"	# no freezer was asked for
	expect 0 carrier export -o "$BASE_FILE" runs
	rm "$BASE_FILE"
	carrier rm -f runs >/dev/null
	carrier rmi running >/dev/null
}
prepare() {
	mkdir -p "$BASE/home"
	BASE_FILE=$BASE/home/exported.tar
}
still_counting() {
	local path before
	path=$CROOT/containers/$(id_of runs)/upper/count
	before=$(<"$path")
	sleep 0.05
	[ "$before" != "$(<"$path")" ]
}

@test "squashed, it is one layer with everything; zstd and none are other compressions of the same" {
	carrier export changed >changed.tar
	list_archive changed.tar | without_mounts >before
	expect 0 carrier commit --squash --compression zstd --iidfile "$BASE/home/iid" changed squashed
	same "sha256:$output" "$(<"$BASE/home/iid")"
	same 1 "$(carrier inspect --type image squashed | jq '.[0].RootFS.Layers | length')"
	tree_of squashed | without_mounts >after
	diff before after
	local diff_id
	diff_id=$(carrier inspect --type image squashed | jq -r '.[0].RootFS.Layers[0]')
	for how in none gzip; do
		carrier commit -q --squash --compression "$how" changed squashed
		same "$diff_id" "$(carrier inspect --type image squashed | jq -r '.[0].RootFS.Layers[0]')"
	done
	carrier rmi squashed >/dev/null
	rm "$BASE/home/iid"
}

@test "with the drivers copy and fuse-overlayfs the same is committed and listed" {
	local driver
	carrier diff changed >overlay.diff
	carrier commit -q changed by-overlay
	tree_of by-overlay | without_mounts >overlay
	for driver in copy fuse-overlayfs; do
		carrier --storage-driver "$driver" run --network none --user 0 --workdir / --name driven --cap-add SETFCAP docker.io/test/debian \
			bash -c "$CHANGES" 2>refused || { [ "$driver" != copy ] && echo "# no $driver here: $(cat refused)" >&3 && continue; }
		carrier commit -q driven by-driver
		tree_of by-driver | without_mounts >driver
		# times of what was made just now differ
		diff <(sed -E 's/ [0-9]{10}\.[0-9]+( |$)/ T /' overlay) <(sed -E 's/ [0-9]{10}\.[0-9]+( |$)/ T /' driver)
		carrier export driven | tar -t >names
		grep -qx srv/new names
		if [ "$driver" = copy ]; then
			carrier diff driven >driver.diff
			diff overlay.diff driver.diff
		fi
		carrier rm driven >/dev/null
		carrier rmi by-driver >/dev/null
	done
	carrier rmi by-overlay >/dev/null
}

@test "without a name it is known by its id" {
	expect 0 carrier commit changed
	local id=$output
	expect 0 carrier images --no-trunc
	says "<none>"
	expect 0 carrier run --rm --network none "$id" cat /srv/new
	prints new
	carrier rmi "$id" >/dev/null
	[[ $(carrier images -q --no-trunc) != *$id* ]]
}

@test "a container that was never started is committed as its image" {
	carrier run --network none --name quick docker.io/test/plain true
	expect 0 carrier commit quick quick
	expect 0 carrier run --rm --network none quick true
	carrier rm quick >/dev/null
	carrier rmi quick >/dev/null
}

@test "commit: what cannot be is one sentence, and leaves nothing" {
	local before
	before=$(find "$CROOT/store" | sort)
	failing 125 "no container" carrier commit nobody x
	failing 125 "--change 'RUN x': there are CMD, ENTRYPOINT" carrier commit -c 'RUN x' changed x
	failing 125 "--change 'EXPOSE 80/icmp'" carrier commit -c 'EXPOSE 80/icmp' changed x
	failing 125 "a quote is not closed" carrier commit -c 'ENV A="b' changed x
	failing 125 "nothing follows it" carrier commit -c 'USER' changed x
	failing 125 "no such signal" carrier commit -c 'STOPSIGNAL HUPP' changed x
	failing 125 "Upper" carrier commit changed Upper/Case
	failing 125 "a digest for a name" carrier commit changed "x@sha256:$(printf '%064d' 0)"
	failing 125 "there are gzip, zstd and none" carrier commit --compression lzma changed x
	failing 125 "levels from 1 to 9" carrier commit --compression-level 12 changed x
	same "$before" "$(find "$CROOT/store" | sort)"
	carrier run --network none --name directory --rootfs "$FIXTURES/layers/busybox" true || [ "$WHO" = user ]
	if [ "$WHO" = root ]; then
		failing 125 "carrier snapshot" carrier commit directory x
		carrier rm directory >/dev/null
	fi
}

@test "a name that means a deletion in layers cannot be committed" {
	carrier run --network none --name whiteout docker.io/test/plain sh -c 'echo x >/tmp/.wh.file'
	failing 125 "'tmp/.wh.file' cannot be in an image" carrier commit whiteout x
	carrier export whiteout | tar -t >names
	grep -qx tmp/.wh.file names
	carrier rm whiteout >/dev/null
}

@test "export: GNU tar, bsdtar and python read the same from it" {
	carrier export changed >changed.tar
	list_archive changed.tar >gnu
	bsd_untar() { LC_ALL=C.UTF-8 bsdtar -x --numeric-owner -p -C "$WORK/unpacked" -f "$1"; }
	UNTAR=bsd_untar list_archive changed.tar >bsd
	# libarchive takes the fraction of a time before 1970 the wrong way
	diff <(grep -av '^srv/early ' gnu) <(grep -av '^srv/early ' bsd)
	python3 - changed.tar >python <<-'PY'
	import sys, tarfile
	for m in tarfile.open(sys.argv[1], errors="surrogateescape"):
	    print(repr(m.name), m.type.decode(), oct(m.mode), m.uid, m.gid, m.size, repr(m.linkname), m.mtime)
	PY
	same "$(tar -tf changed.tar | wc -l)" "$(wc -l <python)"
	grep -q "^'srv/early' 0 0o644 0 0 0 '' -473385599.5" python
	grep -q "^'srv/new' 1 " python || grep -q "^'srv/new' 0 " python
	# the same files, the same bytes
	carrier export changed | cmp - changed.tar
}

@test "export: a terminal is refused, a file appears when it is complete" {
	one_carrier
	output=$(script -qec "$(printf '%q ' "${CARRIER_COMMAND[@]}") export changed" /dev/null </dev/null) && fail "it was not refused"
	says "an archive on a terminal is no use to anybody"
	failing 125 "no container" carrier export -o "$BASE/home/none.tar" nobody
	failing 125 "is a directory" carrier export -o "$BASE/home" changed
	failing 125 "create '/no/such/dir" carrier export -o /no/such/dir/x.tar changed
	same "" "$(find "$BASE/home" -name '*none.tar*' -o -name '*.tmp')"
}

@test "import: what was exported runs again, plain or compressed, by name or by pipe" {
	carrier export changed >"$BASE/home/changed.tar"
	list_archive "$BASE/home/changed.tar" | without_mounts >before
	expect 0 carrier import -m why -c 'CMD ["cat", "/srv/new"]' -c 'ENV PATH=/usr/bin:/bin' "$BASE/home/changed.tar" imported
	expect 0 carrier run --rm --network none imported
	prints new
	tree_of imported | without_mounts >after
	diff before after
	local diff_id
	diff_id=$(carrier inspect --type image imported | jq -r '.[0].RootFS.Layers[0]')
	same "sha256:$(sha256sum <"$BASE/home/changed.tar" | cut -d ' ' -f 1)" "$diff_id"
	for how in "gzip -1" zstd; do
		$how <"$BASE/home/changed.tar" | carrier import -q -a "A. Uthor" --platform linux/arm/v7 - "imported" >said
		same "sha256:$(<said)" "$(image_id imported)"	# podman's --quiet: nothing else is printed anyway
		same "$diff_id" "$(carrier inspect --type image imported | jq -r '.[0].RootFS.Layers[0]')"
	done
	carrier import --help | grep -qE -e "-q, --quiet +taken for podman's"
	same '["A. Uthor","linux","arm","v7"]' "$(config_of imported | jq -c '[.author, .os, .architecture, .variant]')"
	carrier rmi imported >/dev/null
	rm "$BASE/home/changed.tar"
}

@test "import: what cannot be is one sentence, and leaves nothing" {
	local before
	before=$(find "$CROOT/store" | sort)
	head -c 100000 "$FIXTURES/layers/base.tar" | gzip >"$BASE/home/cut.tar.gz"
	failing 125 "is cut off" carrier import "$BASE/home/cut.tar.gz" x
	head -c 3000 "$BASE/home/cut.tar.gz" >"$BASE/home/cut"
	failing 125 "ends too early" carrier import "$BASE/home/cut" x
	xz -0 <"$BASE/home/cut" >"$BASE/home/x.xz"
	failing 125 "compressed with xz, which carrier does not read: pass it through \`xz -dc\` first" carrier import "$BASE/home/x.xz" x
	failing 125 "this is no tar archive" carrier import "$PROGRAM" x
	failing 125 "open '$BASE/home/none'" carrier import "$BASE/home/none" x
	failing 125 "curl -fL 'https://127.0.0.1/x'" carrier import https://127.0.0.1/x x
	mkimage tar "$BASE/home/evil.tar" <<-'PY'
	add("../../escaped", data=b"x")
	PY
	failing 125 "'../../escaped'" carrier import "$BASE/home/evil.tar" x
	same "$before" "$(find "$CROOT/store" | sort)"
	rm "$BASE"/home/*
}

@test "snapshot: a directory becomes an image, always the same layer" {
	local dir=$BASE/home/dir
	[ "$WHO" = root ] || dir=$USER_HOME/dir
	client mkdir -p "$dir/bin" "$dir/sub"
	client cp "$STATIC_BUSYBOX" "$dir/bin/sh"
	client sh -c "cd '$dir' && echo data >sub/data && ln sub/data sub/hard && ln -s data sub/soft && mkfifo sub/fifo && chmod 4711 bin/sh"
	client python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$dir/sub/socket"
	expect 0 carrier snapshot -c 'CMD ["/bin/sh", "-c", "cat /sub/hard; ls -ln /sub"]' "$dir" taken
	[[ $stderr == *"left out: 1 sockets"* ]]
	expect 0 carrier run --rm --network none taken
	says data
	says "0        0"
	! grep -q socket <<<"$output" || fail "it should have failed"
	local diff_id
	diff_id=$(carrier inspect --type image taken | jq -r '.[0].RootFS.Layers[0]')
	carrier snapshot -q --compression none "$dir" taken 2>/dev/null
	same "$diff_id" "$(carrier inspect --type image taken | jq -r '.[0].RootFS.Layers[0]')"
	local small large
	carrier snapshot --compression-level 1 "$dir" taken >said 2>&1
	large=$(carrier inspect --type image taken | jq '.[0].Size')
	expect 0 carrier snapshot -a "A. Uthor" -m "of a directory" --compression-level 9 --iidfile "$BASE/home/iid" --platform linux/s390x "$dir" taken
	small=$(carrier inspect --type image taken | jq '.[0].Size')
	same "sha256:$output" "$(<"$BASE/home/iid")"
	same "$diff_id" "$(carrier inspect --type image taken | jq -r '.[0].RootFS.Layers[0]')"
	same '["A. Uthor","of a directory","s390x"]' "$(config_of taken | jq -c '[.author, .history[-1].comment, .architecture]')"
	[ "$small" -lt "$large" ] || fail "$small, and at level 1 $large"
	carrier rmi taken >/dev/null
	client touch "$dir/sub/.wh.data"
	failing 125 "'sub/.wh.data' cannot be in an image" carrier snapshot "$dir" x
	failing 125 "open the directory '$dir/none'" carrier snapshot "$dir/none" x
	failing 125 "open the directory '$dir/bin/sh'" carrier snapshot "$dir/bin/sh" x
	failing 125 "give OS/ARCH" carrier snapshot --platform linux "$dir" x
	rm -rf "$dir"
}

@test "diff: added, changed, deleted" {
	expect 0 carrier diff changed
	for line in 'A /srv/new' 'D /srv/plain/stays' 'C /srv/plain' 'D /srv/opaque/upper' 'D /srv/opaque/link-d' 'A /srv/opaque/again' 'C /srv/attributed' \
		'A /srv/attributed/in' 'C /srv/sticky' 'C /srv/owned' 'C /srv/owned/file' 'C /srv/setuid' 'C /srv'; do
		grep -aqx "$line" <<<"$output" || fail "there is no line '$line'" "$output"
	done
	! grep -aq -e /usr -e resolv.conf -e '/dev' <<<"$output" || fail "it should have failed"
	# in the order of the names, each once
	same "" "$(cut -c 3- <<<"$output" | sort | uniq -d)"
	expect 0 carrier diff --json changed
	same '["/srv/opaque/link-d","/srv/opaque/upper","/srv/plain/stays"]' "$(jq -c .deleted <<<"$output")"
	carrier run --network none --name idle docker.io/test/plain true
	expect 0 carrier diff idle
	silent
	carrier rm idle >/dev/null
	failing 125 "no container" carrier diff nobody
	failing 125 "json or table" carrier diff --format xml changed
}

@test "image diff: the topmost layer, or another image" {
	carrier commit -q changed compared
	expect 0 carrier image diff compared
	grep -av -e ' /etc' <<<"$output" >top
	carrier diff changed >container
	diff container top
	expect 0 carrier image diff compared docker.io/test/debian
	diff container <(grep -av ' /etc' <<<"$output")
	same "$output" "$(carrier image diff --format table compared docker.io/test/debian)"
	expect 0 carrier image diff --format json compared docker.io/test/debian
	same '["/srv/opaque/link-d","/srv/opaque/upper","/srv/plain/stays"]' "$(jq -c .deleted <<<"$output")"
	same "$output" "$(carrier image diff --json compared docker.io/test/debian)"
	expect 0 carrier image diff docker.io/test/debian compared
	grep -aqx 'D /srv/new' <<<"$output"
	expect 0 carrier image diff compared compared
	silent
	failing 125 "no image" carrier image diff nobody
	carrier rmi compared >/dev/null
}

@test "image mount: its files, read-only, for who may mount" {
	if [ "$WHO" = user ]; then
		failing 125 "unshare --map-root-user --map-auto --mount" carrier image mount docker.io/test/plain
		# in a namespace of the user's own it works, and ends with it
		expect 0 as_user unshare --map-root-user --map-auto --mount sh -c '
			d=$("$1" image mount docker.io/test/plain) && cat "$d/etc/passwd" && ! touch "$d/x" 2>/dev/null &&
			"$1" image mount && "$1" image unmount docker.io/test/plain' sh "$PROGRAM"
		says "home/app"
		return
	fi
	expect 0 carrier image mount docker.io/test/debian
	local dir=$output
	expect 0 carrier image mount docker.io/test/debian
	prints "$dir"
	"$BASE/bin/lister" "$dir" | without_mounts >mounted
	tree_of docker.io/test/debian | without_mounts >inside
	diff mounted inside
	! touch "$dir/x" 2>/dev/null || fail "it should have failed"
	same ro,nosuid,nodev "$(findmnt -no OPTIONS "$dir" | cut -d , -f 1-3)"
	expect 0 carrier image mount
	says "docker.io/test/debian:latest"
	says "$dir"
	same "$dir" "$(carrier image mount --json | jq -r '.[0].mountpoint')"
	same "$dir" "$(carrier image mount --format json | jq -r '.[0].mountpoint')"
	failing 1 "is mounted on '$dir': \`carrier image unmount\` it first" carrier rmi -f docker.io/test/debian
	failing 125 "--force" in_directory "$dir" "$PROGRAM" --root "$CROOT" image unmount docker.io/test/debian
	expect 0 in_directory "$dir" "$PROGRAM" --root "$CROOT" image unmount -f docker.io/test/debian
	failing 125 "is not mounted" carrier image unmount --force docker.io/test/debian
	carrier image mount docker.io/test/debian >/dev/null
	expect 0 carrier image umount docker.io/test/debian
	failing 125 "is not mounted" carrier image unmount docker.io/test/debian
	failing 125 "name images, or give --all" carrier image unmount
	failing 125 "no image" carrier image mount nobody
	carrier image mount docker.io/test/debian docker.io/test/plain >/dev/null
	expect 0 carrier image unmount -a
	expect 0 carrier image mount
	silent
	same "" "$(find "$CROOT/run/images" -mindepth 1)"
}
in_directory() { (cd "$1" && shift && "$@"); }

@test "killed at any time, commit leaves the old or the new state" {
	local i pause
	one_carrier
	for i in 1 2 3 4 5 6 7 8 9 10; do
		pause=0.$(printf %03d $((RANDOM % 300)))
		killed_at "$pause" "${CARRIER_COMMAND[@]}" commit changed victim
		expect 0 carrier images -q
		if carrier inspect --type image victim >/dev/null 2>&1; then
			expect 0 carrier run --rm --network none victim cat /srv/new
			prints new
		fi
		whole_store "$CROOT" || fail "after $pause s"
	done
	expect 0 carrier commit changed victim
	expect 0 carrier run --rm --network none victim cat /srv/new
	carrier rmi victim >/dev/null
}
