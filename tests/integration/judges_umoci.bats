# umoci as a judge: the tree that a container sees is, file by file, the one that umoci unpacks. WHO=root or user: the ids of a
# rootless container are shifted outside, but not inside, where we look.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	carrier_setup_file
	cp "$WOODY_TESTBIN/lister" "$BASE/bin/lister"
	chmod 755 "$BASE/bin/lister"
	start_registry REGISTRY
	push debian "$REGISTRY" debian:latest
	push debian "$REGISTRY" docker:latest --format v2s2
	push busybox "$REGISTRY" busybox:latest
	local tag
	for tag in debian busybox; do
		umoci unpack --image "$IMAGES:$tag" "$BATS_FILE_TMPDIR/umoci-$tag" >"$BATS_FILE_TMPDIR/umoci.log" 2>&1 ||
			fail "$(cat "$BATS_FILE_TMPDIR/umoci.log")" || return
		"$BASE/bin/lister" "$BATS_FILE_TMPDIR/umoci-$tag/rootfs" >"$BATS_FILE_TMPDIR/$tag.list"
	done
}

teardown_file() { carrier_teardown_file; }

# list NAME - the tree of a container, from inside: read-only, so that nothing is in it but the image
list() {
	carrier run --rm --read-only --network none --user 0 --workdir / --cap-add DAC_READ_SEARCH -v "$BASE/bin/lister:/lister:ro" \
		--entrypoint /lister "127.0.0.1:$REGISTRY/$1"
}

# equal NAME TAG - what is mounted over (/lister, /dev, ...) touches the root directory's entries, which are not listed, only
equal() {
	pull "$1"
	list "$1" >ours 2>errors || fail "$(cat errors)"
	[ "$(wc -l <ours)" -gt 10 ] || fail "the list is short: $(cat ours errors)"
	diff "$BATS_FILE_TMPDIR/$2.list" ours >differences || fail "umoci's (<) and ours (>):" "$(head -40 differences)"
}

@test "the fixtures hold what the comparison is for" {
	local list=$BATS_FILE_TMPDIR/debian.list
	grep -q '^srv/setuid - 4755 0:0 ' "$list"
	grep -q '^srv/capable .* security.capability=' "$list"
	grep -q '^srv/attributed .* user.binary=000100ff user.x=76616c7565$' "$list"
	grep -q '^srv/link-a - .* links=3 ' "$list"
	grep -q '^srv/fifo p 0640' "$list"
	grep -q '^srv/owned d 2750 1000:1000' "$list"
	grep -q '^srv/dangling l .* -> /nowhere' "$list"
	grep -q '^srv/opaque/upper' "$list"
	! grep -q '^srv/opaque/lower' "$list" || fail "it should have failed"
	! grep -q '^srv/plain/removed' "$list" || fail "it should have failed"
	grep -q '^srv/plain/stays - .* links=2 ' "$list"
	grep -q '^tmp d 1777' "$list"
	grep -q '^tmp/x - 0600' "$list"
	grep -q '^lib l ' "$list"
	grep -q '^usr/lib/y ' "$list"
}

@test "Debian in four layers: OCI" {
	equal debian debian
}

@test "Debian in four layers: docker schema 2" {
	equal docker debian
}

@test "busybox" {
	equal busybox busybox
}
