# What the suites of archives and commits have in common, besides carrier.bash.
#
#	bring TAG [NAME]		the image of the fixtures' layout comes into the store as docker.io/test/NAME (default: TAG)
#	tree_of NAME			its files as lister prints them, from inside a container that writes nothing
#	elsewhere ARGS...		carrier with another store
#	whole_store ROOT		each blob has the digest that it is named by, index.json leads to nothing that is not there
#	killed_at SECONDS COMMAND...	starts it, and after this time kills every process of it

# shellcheck source=carrier.bash
source "${BASH_SOURCE[0]%/*}/carrier.bash"

archives_setup_file() {
	carrier_setup_file
	cp "$WOODY_TESTBIN/lister" "$BASE/bin/lister"
	chmod 755 "$BASE/bin/lister"
	export OTHER=$BASE/other
	[ "$WHO" != user ] || OTHER=$USER_HOME/other
}

bring() {
	local archive=$BATS_FILE_TMPDIR/$1.oci
	[ -e "$archive" ] || skopeo copy -q --insecure-policy --preserve-digests "oci:$IMAGES:$1" "oci-archive:$archive:docker.io/test/$1:latest"
	carrier load -q <"$archive" >/dev/null
}

elsewhere() {
	if [ "$WHO" = user ]; then as_user "$PROGRAM" --root "$OTHER" "$@"; else "$PROGRAM" --root "$OTHER" "$@"; fi
}

# tree_with COMMAND NAME - COMMAND is carrier or elsewhere
tree_with() {
	local how=$1
	shift
	"$how" run --rm --read-only --network none --user 0 --workdir / --cap-add DAC_READ_SEARCH -v "$BASE/bin/lister:/lister:ro" \
		--entrypoint /lister "$@"
}
tree_of() { tree_with carrier "$@"; }

manifest_of() { carrier inspect --type image "$1" | jq -r '.[0].Digest'; }
image_id() { carrier inspect --type image "$1" | jq -r '.[0].Id'; }

whole_store() {
	local root=$1 blob digest
	for blob in "$root"/store/blobs/sha256/*; do
		[ -e "$blob" ] || continue	# there is none
		same "${blob##*/}" "$(sha256sum "$blob" | cut -d ' ' -f 1)" || return
	done
	for digest in $(jq -r '.manifests[].digest' "$root/store/index.json"); do
		for digest in "$digest" $(jq -r '.config.digest, .layers[].digest' "$root/store/blobs/sha256/${digest#sha256:}"); do
			[ -e "$root/store/blobs/sha256/${digest#sha256:}" ] || fail "there is no blob $digest" || return
		done
	done
}

killed_at() {
	local seconds=$1 pid
	shift
	setsid "$@" <"${INPUT:-/dev/null}" >"$WORK/killed.out" 2>&1 3>&- &
	pid=$!
	sleep "$seconds"
	kill -9 -- "-$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
}

# one_carrier - the command line of `carrier`, for programs that cannot call a function
one_carrier() {
	if [ "$WHO" = user ]; then
		CARRIER_COMMAND=(setpriv --reuid "$NAME" --regid "$NAME" --init-groups --inh-caps=-all --reset-env
			env HOME="$USER_HOME" XDG_RUNTIME_DIR="$USER_RUN" PATH=/usr/sbin:/usr/bin:/sbin:/bin "$PROGRAM")
	else
		CARRIER_COMMAND=("$PROGRAM" --root "$CROOT")
	fi
}
