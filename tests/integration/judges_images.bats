# umoci and podman as judges of six images from Debian's packages (debian_images.bash): the tree that a container of carrier's sees is,
# file by file, the one that `umoci unpack` makes: types, modes, owners, times to the nanosecond, links, contents, attributes.
# WHO=root or user.
#
# podman 4.3.1 (root only) makes others of some of them. It unpacks each layer alone, too, but settles nothing afterwards. In these
# images, and asserted below, so that nothing else hides behind it:
#	many		implicit, and replaced: a package's `bin/` over the base's symlink bin -> usr/bin is a directory of its own in umoci's
#			tree and in ours and podman's; equal
#	whiteouts	directories that a layer does not itself contain (usr, usr/bin, usr/share, var) become 0755 root with the time of the
#			unpacking, where the base's have another time
#	links		the same (srv, srv/a, srv/b); hard links to files of lower layers are not possible: podman refuses the image
#	small		the same (srv/NNN in the second layer)
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
