# umoci and podman as judges of six images from Debian's packages (debian_images.bash): the tree that a container of carrier's sees is,
# file by file, the one that `umoci unpack` makes: types, modes, owners, times to the nanosecond, links, contents, attributes.
# WHO=root or user.
#
# podman 4.3.1 unpacks each layer alone, too, but settles nothing afterwards. What it makes of the same images (root only, the last test):
#	plain, many, privileged		equal
#	whiteouts, small		a directory that a layer does not itself contain is as old as the unpacking, and 0755 root, where umoci and
#					we keep the lower layer's; in whiteouts, one with a whiteout that hides nothing lists a name that
#					cannot be looked at
#	links				refused: a hard link to a file of a lower layer
# What overlayfs cannot have, so that it is in none of these images: a file with several names in one layer that gets one more, or loses
# one, in a higher layer. Names of different layers are different files (content and metadata are equal), and the count of links of the
# lower ones stays.
source "${BATS_TEST_DIRNAME}/carrier.bash"
source "${BATS_TEST_DIRNAME}/debian_images.bash"

setup_file() {
	# tens of thousands of files: their content is judged, not the disk
	BASE_IN=/dev/shm
	carrier_setup_file
	make_debian_images
	cp "$WOODY_TESTBIN/lister" "$BASE/bin/lister"
	chmod 755 "$BASE/bin/lister"
	start_registry REGISTRY
	local tag
	IMAGES=$SIX
	for tag in $SIX_TAGS; do push "$tag" "$REGISTRY" "$tag:latest"; done
}

teardown_file() { carrier_teardown_file; }

# umoci_list TAG - as the judge has it; kept, as it does not depend on us
umoci_list() {
	local list=$FIXTURES/six/$1.list
	[ -e "$list" ] || {
		umoci unpack --image "$SIX:$1" "$BASE/umoci" >umoci.log 2>&1 || fail "$(cat umoci.log)" || return
		"$BASE/bin/lister" "$BASE/umoci/rootfs" >"$list.new"
		mv "$list.new" "$list"
		rm -rf "$BASE/umoci"
	}
	echo "$list"
}

# ours TAG - from inside a container, whose ids are the image's
ours() {
	pull "$1" >/dev/null
	carrier run --rm --read-only --network none --user 0 --workdir / --cap-add DAC_READ_SEARCH -v "$BASE/bin/lister:/lister:ro" \
		--entrypoint /lister "127.0.0.1:$REGISTRY/$1"
}

# timeless LIST - without the times of the directories in ./unpacked
timeless() { awk 'NR == FNR { unpacked[$1] = 1; next } $1 in unpacked { $5 = "unpacked" } { print }' unpacked "$1"; }

# equal TAG AT-LEAST
equal() {
	local list
	list=$(umoci_list "$1")
	ours "$1" >ours 2>errors || fail "$(cat errors)"
	[ "$(wc -l <ours)" -ge "$2" ] || fail "the list is short: $(wc -l <ours)"
	# a directory that no layer contains, or only one that was deleted, is as old as the unpacking
	awk -v since="$(stat -c %Y "$FIXTURES/six/complete")" '$2 == "d" && $5 > since { print $1 }' "$list" >unpacked
	timeless "$list" >theirs
	timeless ours >mine
	diff theirs mine >differences || fail "umoci's (<) and ours (>):" "$(head -40 differences)"
}

@test "plain" { equal plain 300; }
@test "many layers, one for each package" { equal many 900; }

@test "whiteouts and opaque directories" {
	equal whiteouts 200
	! grep -E '^(usr/bin/grep|home|etc/debian_version|usr/share/(base-files|only)) ' ours || fail "a deleted file is there"
	grep -q '^var/lib/again - .* size=29 ' ours
	grep -q '^usr/bin d 0755 0:0 ' ours
}

@test "setuid, setgid, sticky and file capabilities" {
	equal privileged 500
	[ "$(grep -cE ' - [2467][0-7]{3} ' ours)" -gt 8 ]
	grep -q '^usr/bin/ping .* security.capability=' ours
	grep -q '^srv/setgid/inside - 4500 .* security.capability=' ours
	grep -q '^srv/sticky d 3777 ' ours
}

@test "hard links across directories and layers" {
	equal links 320
	grep -q '^srv/a/deep/perl - .* links=4 ' ours
	grep -q '^srv/c/d/lower - 0600 7:8 .* links=2 ' ours
	grep -q '^srv/c/again - .* links=3 ' ours
	grep -q '^usr/bin/through - .* links=2 ' ours
	grep -q '^lib l ' ours
	grep -q '^srv/c/cat - .* links=1 ' ours
}

@test "30,000 small files" {
	equal small 30300
	[ "$(grep -c '^srv/.* size=' ours)" = 30000 ]
}

# podman_list IMAGE - what podman makes of it; errors are in ./podman.err
podman_list() {
	local id mount
	id=$(podman pull -q "oci:$SIX:$1" 2>podman.err) || return
	mount=$(podman image mount "$id") || return
	"$BASE/bin/lister" "$mount" 2>podman.err || true
	podman image umount -a >/dev/null
}

@test "podman: equal, but for what the head of this file says" {
	[ "$WHO" = root ] || skip "podman's own rootless set-up is none of ours: WHO is $WHO"
	type podman >/dev/null || skip "no podman: type podman fails"
	local tag
	export CONTAINERS_STORAGE_CONF=$BASE/storage.conf
	printf '[storage]\ndriver = "overlay"\ngraphroot = "%s/graph"\nrunroot = "%s/podman-run"\n' "$BASE" "$BASE" >"$CONTAINERS_STORAGE_CONF"
	# its mounts are seen by nobody else
	export -f podman_list
	export SIX
	for tag in $SIX_TAGS; do umoci_list "$tag" >/dev/null; done
	unshare -m bash -c 'mount --make-rprivate / && for tag in '"$SIX_TAGS"'; do podman_list "$tag" >"$tag.podman"; cp podman.err "$tag.err"; done'
	for tag in plain many privileged; do
		diff "$FIXTURES/six/$tag.list" "$tag.podman" >differences || fail "$tag: umoci's (<) and podman's:" "$(head -20 differences)"
	done
	grep -q 'processing tar file.*no such file or directory' links.err
	grep -q "usr/share/base-files/new': No such file" whiteouts.err
	! diff "$FIXTURES/six/small.list" small.podman >differences || fail "podman has learned to keep the times of lower directories"
	same "" "$(awk '/^[<>]/ && !($2 ~ /^srv(\/[0-9]+)?$/ && $3 == "d") { print }' differences | head)"
}
