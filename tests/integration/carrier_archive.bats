# save and load: archives of images in every form, from and to other engines' hands, hostile ones, interrupted ones. WHO=root or user.
source "${BATS_TEST_DIRNAME}/archives.bash"

setup_file() {
	archives_setup_file
	bring debian
	bring plain
	tree_of docker.io/test/debian >"$BATS_FILE_TMPDIR/debian.list"
}

teardown_file() { carrier_teardown_file; }

prepare() {
	FILES=$BASE/files PODMAN=$BATS_FILE_TMPDIR/podman	# not below $BASE: nothing of the suite is mounted in the host's namespace there
	rm -rf "$FILES"
	mkdir -m 0777 "$FILES"
}

cleanup() {
	! mountpoint -q "$PODMAN/overlay" || umount "$PODMAN/overlay"	# podman mounts its own directory there, and leaves it
	elsewhere rmi -af >/dev/null
	same "" "$(find "$OTHER/store/blobs/sha256" "$OTHER/store/layers/sha256" "$OTHER/store/tmp" -mindepth 1 -maxdepth 1 2>/dev/null)"
}

# as_debian COMMAND... - the image of another store, as run by COMMAND, has the files of the first
as_debian() {
	tree_with "$@" >there || fail "$(cat there)"
	diff "$BATS_FILE_TMPDIR/debian.list" there >differences || fail "$(head -20 differences)"
}

@test "docker-archive: the image comes back with its id, its names and its files" {
	carrier save -q -m docker.io/test/debian docker.io/test/plain >"$FILES/two.tar"
	expect 0 elsewhere load --input "$FILES/two.tar"
	prints $'Loaded image: test/debian:latest\nLoaded image: test/plain:latest'
	[ -z "$stderr" ] || fail "$stderr"
	as_debian elsewhere docker.io/test/debian
	for name in debian plain; do
		same "$(image_id docker.io/test/$name)" "$(elsewhere inspect --type image docker.io/test/$name | jq -r '.[0].Id')"
	done
	whole_store "$OTHER"
	# what is written does not depend on who has it: uncompressed layers, everything of root and of 1970
	elsewhere save docker.io/test/debian docker.io/test/plain | cmp - "$FILES/two.tar"
	same 2 "$(carrier save --help | grep -cE -e "-(m, --multi-image-archive|q, --quiet) +taken for podman's")"
	carrier save docker.io/test/debian >"$FILES/one.tar"
	same "" "$(tar -tvf "$FILES/one.tar" | grep -v -e '^-rw-r--r-- 0/0 .* 1970-01-01 00:00 [0-9a-f]*\.\(tar\|json\)$' -e manifest.json)"
	for layer in $(tar -tf "$FILES/one.tar" | grep '\.tar$'); do
		same "${layer%.tar}" "$(tar -xOf "$FILES/one.tar" "$layer" | sha256sum | cut -d ' ' -f 1)"
	done
}

@test "oci-archive: digests of manifests survive, through a pipe and compressed, too" {
	carrier save --format oci-archive docker.io/test/debian docker.io/test/plain | elsewhere load >said
	same $'Loaded image: test/debian:latest\nLoaded image: test/plain:latest' "$(<said)"
	for name in debian plain; do
		same "$(manifest_of docker.io/test/$name)" "$(elsewhere inspect --type image docker.io/test/$name | jq -r '.[0].Digest')"
	done
	same "$(digest_of debian)" "$(manifest_of docker.io/test/debian)"
	as_debian elsewhere docker.io/test/debian
	expect 0 carrier save --format oci-archive -o "$FILES/a.tar" docker.io/test/plain
	gzip -k "$FILES/a.tar"
	zstd -q "$FILES/a.tar"
	for file in a.tar.gz a.tar.zst a.tar; do
		elsewhere rmi -af >/dev/null
		expect 0 elsewhere load -q -i "$FILES/$file"
		prints "Loaded image: test/plain:latest"
	done
	# by id, it has no name
	carrier save --format oci-archive "$(image_id docker.io/test/plain)" >"$FILES/b.tar"
	elsewhere rmi -af >/dev/null
	expect 0 elsewhere load -i "$FILES/b.tar"
	prints "Loaded image ID: $(image_id docker.io/test/plain)"
}

@test "oci-dir and docker-dir: layouts that skopeo and umoci read" {
	expect 0 carrier save --format oci-dir -o "$FILES/oci" docker.io/test/debian docker.io/test/plain
	expect 0 elsewhere load -i "$FILES/oci"
	says "Loaded image: test/debian:latest"
	same "$(manifest_of docker.io/test/debian)" "$(elsewhere inspect --type image docker.io/test/debian | jq -r '.[0].Digest')"
	same "$(manifest_of docker.io/test/plain)" "$(skopeo inspect "oci:$FILES/oci:docker.io/test/plain:latest" | jq -r .Digest)"
	failing 125 "is there already" carrier save --format oci-dir -o "$FILES/oci" docker.io/test/plain
	expect 0 carrier save --format docker-dir -o "$FILES/dir" docker.io/test/debian
	same "$(manifest_of docker.io/test/debian)" "$(skopeo inspect "dir:$FILES/dir" | jq -r .Digest)"
	failing 125 "docker-dir holds one image" carrier save --format docker-dir -o "$FILES/dirs" docker.io/test/debian docker.io/test/plain
	failing 125 "writes a directory: name it with --output" carrier save --format oci-dir docker.io/test/plain
	same "" "$(find "$FILES" -name '*.tmp')"
	# umoci knows tags, not names
	skopeo copy -q --insecure-policy --preserve-digests "oci:$FILES/oci:docker.io/test/debian:latest" "oci:$FILES/tagged:debian"
	umoci unpack --image "$FILES/tagged:debian" "$FILES/bundle" >umoci.log 2>&1 || fail "$(cat umoci.log)"
	"$BASE/bin/lister" "$FILES/bundle/rootfs" >umoci
	diff umoci "$BATS_FILE_TMPDIR/debian.list"
}

@test "judges read what we write: skopeo" {
	carrier save docker.io/test/debian >"$FILES/d.tar"
	carrier save --format oci-archive docker.io/test/debian >"$FILES/o.tar"
	skopeo copy -q --insecure-policy "docker-archive:$FILES/d.tar:docker.io/test/debian:latest" "dir:$FILES/from-docker"
	same "$(image_id docker.io/test/debian)" "$(jq -r .config.digest "$FILES/from-docker/manifest.json")"
	skopeo copy -q --insecure-policy --preserve-digests "oci-archive:$FILES/o.tar" "dir:$FILES/from-oci"
	same "$(manifest_of docker.io/test/debian)" "sha256:$(sha256sum <"$FILES/from-oci/manifest.json" | cut -d ' ' -f 1)"
}

@test "we read what others write: skopeo, umoci" {
	local source=oci:$IMAGES:debian
	skopeo copy -q --insecure-policy "$source" "docker-archive:$FILES/d.tar:docker.io/from/skopeo:1"
	skopeo copy -q --insecure-policy --preserve-digests "$source" "oci-archive:$FILES/o.tar:docker.io/from/skopeo:2"
	skopeo copy -q --insecure-policy --format v2s2 "$source" "oci:$FILES/layout:docker.io/from/skopeo:3"
	skopeo copy -q --insecure-policy --dest-compress-format zstd --dest-compress "$source" "oci:$FILES/layout:docker.io/from/skopeo:4"
	expect 0 elsewhere load -i "$FILES/d.tar"
	prints "Loaded image: from/skopeo:1"
	expect 0 elsewhere load -i "$FILES/o.tar"
	prints "Loaded image: from/skopeo:2"
	same "$(digest_of debian)" "$(elsewhere inspect --type image docker.io/from/skopeo:2 | jq -r '.[0].Digest')"
	expect 0 elsewhere load -i "$FILES/layout"
	says "Loaded image: from/skopeo:3"
	says "Loaded image: from/skopeo:4"
	for i in 1 2 3 4; do
		as_debian elsewhere "docker.io/from/skopeo:$i"
	done
	umoci init --layout "$FILES/umoci" && umoci new --image "$FILES/umoci:new"
	umoci unpack --image "$FILES/umoci:new" "$FILES/bundle" >/dev/null 2>&1
	cp -a "$FIXTURES/layers/busybox/." "$FILES/bundle/rootfs/"
	umoci repack --image "$FILES/umoci:new" "$FILES/bundle" >/dev/null 2>&1
	chmod -R a+rX "$FILES/umoci"
	expect 0 elsewhere load -i "$FILES/umoci"
	says "Loaded image: new:latest"
	expect 0 elsewhere run --rm --network none new /bin/busybox true
}

@test "podman and buildah: both ways, several images, digests and files the same" {
	[ "$WHO" = root ] || skip "podman's store is root's here; what an ordinary user's carrier writes is the same (test 1: cmp)"
	pod() { podman --root "$PODMAN" --runroot "$PODMAN-run" --storage-driver overlay "$@"; }
	bring debian-2	# podman cannot unpack a layer that depends on the ones below
	carrier save docker.io/test/plain docker.io/test/debian-2 >"$FILES/ours.tar"
	carrier save --format oci-archive docker.io/test/plain >"$FILES/ours-oci.tar"
	expect 0 pod load -q -i "$FILES/ours.tar"
	says "docker.io/test/plain:latest"
	same "$(image_id docker.io/test/plain)" "sha256:$(pod inspect --type image docker.io/test/plain | jq -r '.[0].Id')"
	pod rmi -f docker.io/test/plain >/dev/null
	expect 0 pod load -q -i "$FILES/ours-oci.tar"
	same "$(manifest_of docker.io/test/plain)" "$(pod inspect --type image docker.io/test/plain | jq -r '.[0].Digest')"
	# theirs: docker-archive with two images, with one, oci-archive, buildah's
	pod save -q -m -o "$FILES/multi.tar" docker.io/test/plain docker.io/test/debian-2
	expect 0 elsewhere load -i "$FILES/multi.tar"
	says "Loaded image: test/debian-2:latest"
	says "Loaded image: test/plain:latest"
	same "$(image_id docker.io/test/debian-2)" "$(elsewhere inspect --type image docker.io/test/debian-2 | jq -r '.[0].Id')"
	diff <(tree_of docker.io/test/debian-2) <(tree_with elsewhere docker.io/test/debian-2)
	elsewhere rmi -af >/dev/null
	pod save -q --format oci-archive -o "$FILES/theirs.tar" docker.io/test/plain
	expect 0 elsewhere load -i "$FILES/theirs.tar"
	prints "Loaded image: test/plain:latest"
	same "$(image_id docker.io/test/plain)" "$(elsewhere inspect --type image docker.io/test/plain | jq -r '.[0].Id')"
	for form in docker-archive oci-archive; do
		elsewhere rmi -af >/dev/null
		buildah --root "$PODMAN" --runroot "$PODMAN-run" --storage-driver overlay push -q docker.io/test/plain \
			"$form:$FILES/buildah-$form.tar:docker.io/built/plain:1" 2>podman.err || fail "$(cat podman.err)"
		expect 0 elsewhere load -i "$FILES/buildah-$form.tar"
		says "Loaded image: built/plain:1"
	done
	pod rmi -af >/dev/null
}

# docker_25 - what `docker save` of 25 and later has in its archives is in $WORK/d, for the test to change
docker_25() {
	local made=$BATS_FILE_TMPDIR/docker-25
	[ -e "$made.ids" ] || make_docker_25
	cp -a "$made" d
	read -r CONFIG LAYER manifest <"$made.ids"
}
make_docker_25() {
	local config layer manifest
	mkdir -p d/blobs/sha256
	layer=$(sha256sum <"$FIXTURES/layers/busybox.tar" | cut -d ' ' -f 1)
	cp "$FIXTURES/layers/busybox.tar" "d/blobs/sha256/$layer"
	jq -cn --arg diff "sha256:$layer" '{architecture: "amd64", os: "linux", config: {Cmd: ["sh"]}, rootfs: {type: "layers", diff_ids: [$diff]}}' >c
	config=$(sha256sum <c | cut -d ' ' -f 1)
	mv c "d/blobs/sha256/$config"
	jq -cn --arg c "$config" --arg l "$layer" --argjson n "$(stat -c %s "d/blobs/sha256/$config")" --argjson m "$(stat -c %s "d/blobs/sha256/$layer")" \
		'{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
		  config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: "sha256:\($c)", size: $n},
		  layers: [{mediaType: "application/vnd.oci.image.layer.v1.tar", digest: "sha256:\($l)", size: $m}]}' >m
	manifest=$(sha256sum <m | cut -d ' ' -f 1)
	jq -cn --arg m "$manifest" --argjson n "$(stat -c %s m)" '{schemaVersion: 2, manifests: [{
		mediaType: "application/vnd.oci.image.manifest.v1+json", digest: "sha256:\($m)", size: $n,
		annotations: {"io.containerd.image.name": "docker.io/library/mixed:1", "org.opencontainers.image.ref.name": "1"}}]}' >d/index.json
	mv m "d/blobs/sha256/$manifest"
	echo '{"imageLayoutVersion":"1.0.0"}' >d/oci-layout
	jq -cn --arg c "$config" --arg l "$layer" '[{Config: "blobs/sha256/\($c)", RepoTags: ["mixed:1"], Layers: ["blobs/sha256/\($l)"]}]' \
		>d/manifest.json
	mv d "$BATS_FILE_TMPDIR/docker-25"
	echo "$config $layer $manifest" >"$BATS_FILE_TMPDIR/docker-25.ids"
}
pack() { tar -c -C d . >"$FILES/x.tar"; }

@test "docker's mixed form: the layout is read; and without it manifest.json, with symlinks, too" {
	docker_25
	pack
	expect 0 elsewhere load -i "$FILES/x.tar"
	prints "Loaded image: mixed:1"
	same "sha256:$manifest" "$(elsewhere inspect --type image mixed:1 | jq -r '.[0].Digest')"
	elsewhere rmi -af >/dev/null
	rm d/oci-layout
	pack
	expect 0 elsewhere load -i "$FILES/x.tar"
	prints "Loaded image: mixed:1"
	same "sha256:$CONFIG" "$(elsewhere inspect --type image mixed:1 | jq -r '.[0].Id')"
	expect 0 elsewhere run --rm --network none mixed:1 true
	elsewhere rmi -af >/dev/null
	# the form of before: a directory for each layer, and a symlink where it is the same as another
	mkdir d/one d/two
	mv "d/blobs/sha256/$LAYER" d/one/layer.tar
	ln -s ../one/layer.tar d/two/layer.tar
	mv "d/blobs/sha256/$CONFIG" "d/$CONFIG.json"
	jq -c --arg c "$CONFIG" '.[0].Config = $c + ".json" | .[0].Layers = ["two/layer.tar"]' d/manifest.json >m && mv m d/manifest.json
	pack
	expect 0 elsewhere load -i "$FILES/x.tar"
	same "sha256:$CONFIG" "$(elsewhere inspect --type image mixed:1 | jq -r '.[0].Id')"
}

# refused TEXT - the archive of $WORK/d, with one sentence, and nothing of it stays
refused() {
	pack
	failing 125 "$1" elsewhere load -i "$FILES/x.tar"
	expect 0 elsewhere images -q
	silent
	same "" "$(find "$OTHER/store/blobs/sha256" "$OTHER/store/layers/sha256" "$OTHER/store/chains" "$OTHER/store/tmp" -mindepth 1 -maxdepth 1)"
	rm -rf d
	docker_25
}

@test "hostile archives: docker's form" {
	docker_25
	only_docker() { rm d/oci-layout; }
	only_docker; printf 'x' >>"d/blobs/sha256/$CONFIG"; refused "the archive is damaged"
	only_docker; sed -i 's/"sh"/"no"/' "d/blobs/sha256/$CONFIG"; refused "has the digest sha256:"
	only_docker; printf 'more' >>"d/blobs/sha256/$LAYER"; refused "its diff_id is"
	only_docker; truncate -s 100000 "d/blobs/sha256/$LAYER"; refused "diff_id"
	only_docker; rm "d/blobs/sha256/$LAYER"; refused "'blobs/sha256/$LAYER' is not in it"
	only_docker; rm "d/blobs/sha256/$CONFIG"; refused "'blobs/sha256/$CONFIG' is not in it"
	only_docker; jq -c '.[0].Layers += .[0].Layers' d/manifest.json >m; mv m d/manifest.json; refused "names 1 layers, and manifest.json 2"
	only_docker; jq -c '.[0].RepoTags = ["Not A Name"]' d/manifest.json >m; mv m d/manifest.json; refused "the name of an image in it"
	only_docker; jq -c '.[0].Config = "../../../../../../etc/passwd"' d/manifest.json >m; mv m d/manifest.json; refused "'../../../../../../etc/passwd' is not in it"
	only_docker; ln -sf /etc/passwd "d/blobs/sha256/$CONFIG"; refused "is not in it"
	only_docker; rm "d/blobs/sha256/$LAYER"; ln -s ../../../../../../../../proc/self/mem "d/blobs/sha256/$LAYER"; refused "is not in it"
	only_docker; rm "d/blobs/sha256/$LAYER"; mkfifo "d/blobs/sha256/$LAYER"; refused "is no regular file"
	only_docker; rm d/manifest.json; mkdir d/manifest.json; refused "is no regular file"
	only_docker; ln -sf manifest.json d/loop; ln -sf loop d/manifest.json; refused "manifest.json"
	only_docker; echo '[]' >d/manifest.json; refused "there is no image in it"
	only_docker; echo '{"x":1}' >d/manifest.json; refused "manifest.json"
	only_docker; printf '%0100d' 0 | tr 0 '[' >d/manifest.json; refused "manifest.json"
	only_docker; truncate -s 5M d/manifest.json; refused "manifest.json"
	rm -rf d && mkdir -p d/bin && cp /bin/true d/bin; refused "it holds files and no image: \`carrier import\`"
	rm -rf d && mkdir d && echo '{}' >d/repositories; refused "docker before 1.10"
	rm -rf d && mkdir d && echo x >d/x; refused "it holds no image"
}

@test "hostile archives: a layout" {
	docker_25
	edit() { jq -c "$1" d/index.json >i; mv i d/index.json; }
	printf ' ' >>"d/blobs/sha256/$manifest"; refused "blob sha256:$manifest: it is longer than"
	sed -i 's/"layers"/"Layers"/' "d/blobs/sha256/$manifest"; refused "not the sha256:$manifest"
	sed -i 's/"sh"/"no"/' "d/blobs/sha256/$CONFIG"; refused "not the sha256:$CONFIG"
	printf 'more' >>"d/blobs/sha256/$LAYER"; refused "sha256:$LAYER"
	rm "d/blobs/sha256/$LAYER"; refused "'blobs/sha256/$LAYER' is not in it"
	rm "d/blobs/sha256/$LAYER"; ln -s /etc/shadow "d/blobs/sha256/$LAYER"; refused "is not in it"
	edit '.manifests[0].digest = "sha256:../../../../../../etc/passwd"'; refused "digest"
	edit '.manifests[0].digest |= ascii_upcase'; refused "digest"
	edit '.manifests[0].digest |= sub("sha256"; "md5")'; refused "digest"
	edit '.manifests[0].digest = "sha512:" + ("0" * 128)'; refused "sha512 is not supported"
	edit '.manifests[0].size = -1'; refused "negative"
	edit '.manifests[0].size = 100000000'; refused "longer than 4 MiB"
	edit '.manifests[0].mediaType = "application/vnd.oci.image.index.v1+json"'; refused "it is served as"
	edit '.manifests[0].annotations["io.containerd.image.name"] = "../x"'; refused "the name of an image in it"
	edit '.manifests = []'; refused "there is no image in it"
	edit '.manifests = 5'; refused "manifests"
	echo '{"imageLayoutVersion":"2.0.0"}' >d/oci-layout; refused "OCI layout is of version '2.0.0'"
	: >d/oci-layout; refused "oci-layout"
	rm d/index.json; refused "'index.json' is not in it"
	# its second image is bad: the first does not stay either
	edit '.manifests += [.manifests[0] | .digest = "sha256:" + ("0" * 64)]'; refused "is not in it"
}

@test "hostile archives: the archive itself" {
	bad() { failing 125 "$1" elsewhere load -i "$FILES/x.tar"; same "" "$(find "$OTHER/store" -type f ! -name index.json ! -name oci-layout ! -name hold ! -name lock)"; }
	mkimage tar "$FILES/x.tar" <<-'PY'
	add("../manifest.json", data=b"[]")
	PY
	bad "'../manifest.json'"
	mkimage tar "$FILES/x.tar" <<-'PY'
	add("blobs", type=tarfile.SYMTYPE, link="/")
	add("blobs/tmp/escaped", data=b"x")
	add("manifest.json", data=b"[]")
	PY
	bad "there is no image in it"
	[ ! -e /tmp/escaped ]
	mkimage tar "$FILES/x.tar" <<-'PY'
	add("manifest.json", type=tarfile.LNKTYPE, link="/etc/passwd")
	PY
	bad "it holds no image"
	mkimage tar "$FILES/x.tar" <<-'PY'
	add("manifest.json", type=tarfile.CHRTYPE)
	PY
	bad "it holds no image"
	carrier save docker.io/test/plain >"$FILES/whole.tar"
	head -c 300000 "$FILES/whole.tar" >"$FILES/x.tar"
	bad "is cut off"
	gzip -c "$FILES/whole.tar" | head -c 300000 >"$FILES/x.tar"
	bad "ends too early"
	: >"$FILES/x.tar"
	bad "it holds no image"
	echo "this is text" >"$FILES/x.tar"
	bad "is cut off in the middle of a header"
	xz -0 -c "$FILES/x.tar" >"$FILES/y.tar"
	failing 125 "pass it through \`xz -dc\` first" elsewhere load -i "$FILES/y.tar"
	failing 125 "open '/no/such/file'" elsewhere load -i /no/such/file
	failing 125 "it holds no image" elsewhere load -i "$FILES"
}

@test "usage: terminals, formats, images that are not there" {
	local said
	one_carrier
	said=$(script -qec "$(printf '%q ' "${CARRIER_COMMAND[@]}") save docker.io/test/plain" /dev/null </dev/null) && fail "it was not refused"
	[[ $said == *"an archive on a terminal is no use to anybody"* ]]
	said=$(script -qec "$(printf '%q ' "${CARRIER_COMMAND[@]}") load" /dev/null </dev/null) && fail "it was not refused"
	[[ $said == *"standard input is your terminal"* ]]
	carrier save --format oci-archive docker.io/test/debian >"$FILES/debian.tar"
	one_carrier
	CARRIER_COMMAND+=(--root "$OTHER" load -i "$FILES/debian.tar")
	said=$(script -qec "$(printf '%q ' "${CARRIER_COMMAND[@]}")" /dev/null </dev/null)
	[[ $said == *$'\e'*"Loaded image: test/debian:latest"* ]] || fail "no bars: $said"
	elsewhere rmi -af >/dev/null
	said=$(script -qec "$(printf '%q ' "${CARRIER_COMMAND[@]}") --quiet" /dev/null </dev/null)
	same "Loaded image: test/debian:latest" "${said%$'\r'}"
	rm "$FILES/debian.tar"
	failing 125 "there are docker-archive, oci-archive, oci-dir and docker-dir" carrier save --format zip docker.io/test/plain
	failing 125 "no image 'nobody:latest'" carrier save -o "$FILES/x.tar" docker.io/test/plain nobody
	[ ! -e "$FILES/x.tar" ]
	same "" "$(ls "$FILES")"
	failing 125 "Broken pipe" closed_early save docker.io/test/debian
	failing 125 "No space left" carrier save -o /dev/full docker.io/test/plain
}
closed_early() { carrier "$@" > >(head -c 1 >/dev/null); }

@test "a blob that was damaged on disk is not handed on" {
	local blob
	bring plain
	blob=$CROOT/store/blobs/sha256/$(jq -r '.layers[0].digest[7:]' "$CROOT/store/blobs/sha256/$(manifest_of docker.io/test/plain | cut -d : -f 2)")
	cp -a "$blob" kept
	printf X | dd of="$blob" bs=1 seek=5000 conv=notrunc status=none
	failing 125 "its digest is" carrier save --format oci-archive -o "$FILES/x.tar" docker.io/test/plain
	failing 125 "its gzip data is damaged" carrier save -o "$FILES/x.tar" docker.io/test/plain
	mv "$blob" gone
	failing 125 "is not in the store (it was pruned): \`carrier pull\` brings it back" carrier save -o "$FILES/x.tar" docker.io/test/plain
	same "" "$(ls "$FILES")"
	cp -a kept "$blob"
}

@test "a full disk is one sentence, and nothing of it stays" {
	[ "$WHO" = root ] || skip "only root can mount a small file system; id -u says $(client id -u)"
	carrier save docker.io/test/debian >"$FILES/x.tar"
	expect 0 unshare --mount --propagation private bash -c '
		mkdir "$1/small" && mount -t tmpfs -o size=20m tmpfs "$1/small" || exit 1
		"$2" --root "$1/small" images -q
		for words in "load -i $1/x.tar" "import $1/x.tar x" "snapshot $3 x"; do
			"$2" --root "$1/small" $words && exit 1
			find "$1/small/store/blobs/sha256" "$1/small/store/layers/sha256" "$1/small/store/tmp" -mindepth 1 -maxdepth 1
		done; exit 0' sh "$FILES" "$PROGRAM" /usr/lib
	prints ""
	same 3 "$(grep -c '^carrier: .*No space left on device; the file system of the store is full' <<<"$stderr")"
}

@test "an image that came in several forms is found by its id, and removed by it" {
	carrier save docker.io/test/plain | elsewhere load >/dev/null
	carrier save --format oci-archive docker.io/test/plain >"$FILES/x.tar"
	elsewhere load -i "$FILES/x.tar" >/dev/null
	skopeo copy -q --insecure-policy --preserve-digests "oci-archive:$FILES/x.tar" "oci:$FILES/y:docker.io/other/plain:1"
	elsewhere load -i "$FILES/y" >/dev/null
	expect 0 elsewhere inspect --type image "$(image_id docker.io/test/plain)"
	expect 0 elsewhere rmi -af
	expect 0 elsewhere images -q
	silent
}

@test "killed at any time, load leaves the old or the new state" {
	local i pause
	bring busybox
	carrier save docker.io/test/busybox docker.io/test/plain >"$FILES/two.tar"
	carrier save --format oci-archive docker.io/test/busybox docker.io/test/plain >"$FILES/two-oci.tar"
	one_carrier
	[ "$WHO" = user ] && CARRIER_COMMAND+=(--root "$OTHER") || CARRIER_COMMAND=("$PROGRAM" --root "$OTHER")
	for i in 1 2 3 4 5 6 7 8 9 10; do
		pause=0.$(printf %03d $((RANDOM % 250)))
		killed_at "$pause" "${CARRIER_COMMAND[@]}" load -i "$FILES/two$([ $((i % 2)) = 0 ] || echo -oci).tar"
		expect 0 elsewhere images -q
		if elsewhere inspect --type image docker.io/test/plain >/dev/null 2>&1; then
			expect 0 elsewhere run --rm --network none docker.io/test/plain echo well
			prints well
		fi
		whole_store "$OTHER" || fail "after $pause s"
	done
	expect 0 elsewhere load -i "$FILES/two.tar"
	same "" "$(find "$OTHER/store/tmp" -mindepth 1 -maxdepth 1)"	# what the killed ones left is gone
	diff <(tree_of docker.io/test/plain) <(tree_with elsewhere docker.io/test/plain)
}
