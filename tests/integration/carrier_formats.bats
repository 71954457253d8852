# What carrier pull is given: every form of a layer that people meet, and what it refuses, with the sentence. WHO=root or user.
# The registry serves a layout as it is (layoutserver.py).
#
#	image TAG [OPTION...] LAYER...	mkimage.py's, into that layout
#	altered TAG NEW FILTER		the manifest of TAG changed by jq, under another tag
#	pulls TAG			it can be pulled, and has the file /f of the layer $WORK/../f.tar
#	refused TAG TEXT		it is not, for this reason, and nothing is left
source "${BATS_TEST_DIRNAME}/carrier.bash"
DOCKER=application/vnd.docker.image.rootfs
OCI=application/vnd.oci.image.layer

setup_file() {
	carrier_setup_file
	export LAYOUT=$BATS_FILE_TMPDIR/layout MADE=$BATS_FILE_TMPDIR/made
	mkdir -p "$MADE/tree" "$LAYOUT"
	echo content >"$MADE/tree/f"
	tar -c --numeric-owner --mtime=2001-02-03 -C "$MADE/tree" f >"$MADE/f.tar"
	tar -c --numeric-owner --mtime=2001-02-03 -C "$FIXTURES/layers/busybox" . >"$MADE/busybox.tar"
	start_helper LAYOUTS python3 "$TESTS/layoutserver.py" "$LAYOUT"
}

teardown_file() { carrier_teardown_file; }

prepare() { rm -rf "$CROOT"; }

image() {
	local tag=$1
	shift
	local options=()
	while [[ ${1:-} == --* ]]; do options+=("$1" "$2"); shift 2; done
	mkimage image "${options[@]}" "$LAYOUT" "$tag" "$@" >/dev/null
}

# name_blob TAG <JSON - a document into the layout, under this tag
name_blob() {
	local digest
	cat >"$WORK/blob"
	digest=$(sha256sum <"$WORK/blob" | cut -d' ' -f1)
	cp "$WORK/blob" "$LAYOUT/blobs/sha256/$digest"
	jq --arg tag "$1" --arg digest "sha256:$digest" --argjson size "$(stat -c %s "$WORK/blob")" '.manifests += [{ mediaType: "x", digest: $digest,
		size: $size, annotations: { "org.opencontainers.image.ref.name": $tag } }]' "$LAYOUT/index.json" >"$WORK/index"
	cp "$WORK/index" "$LAYOUT/index.json"
}

digest_in() { jq -r --arg tag "$1" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $tag).digest' "$LAYOUT/index.json"; }
manifest_of() { cat "$LAYOUT/blobs/sha256/$(digest_in "$1" | cut -d: -f2)"; }
altered() { manifest_of "$1" | jq -c "${@:3}" | name_blob "$2"; }

pulls() {
	expect 0 carrier pull -q --tls-verify=false "127.0.0.1:$LAYOUTS/x:$1"
	same content "$(cat "$CROOT"/store/layers/sha256/"$(sha256sum <"$MADE/f.tar" | cut -d' ' -f1)"/diff/f)"
}

refused() {
	failing 125 "$2" carrier pull --tls-verify=false "127.0.0.1:$LAYOUTS/x:$1"
	same "" "$(find "$CROOT"/store/{tmp,unfinished,blobs/sha256,layers/sha256,chains} -mindepth 1 2>/dev/null)"
}

@test "plain tar, gzip in several members, zstd in several frames, docker's types and OCI's" {
	image plain --layer-type $OCI.v1.tar "plain:$MADE/f.tar"
	pulls plain
	(head -c 700 "$MADE/f.tar" | gzip -n; tail -c +701 "$MADE/f.tar" | gzip -n) >members
	image members --layer-type $DOCKER.diff.tar.gzip "packed:$WORK/members=$MADE/f.tar"
	prepare
	pulls members
	(head -c 700 "$MADE/f.tar" | zstd -q; tail -c +701 "$MADE/f.tar" | zstd -q) >frames
	image frames --layer-type $OCI.v1.tar+zstd "packed:$WORK/frames=$MADE/f.tar"
	prepare
	pulls frames
	image docker-zstd --layer-type $DOCKER.diff.tar.zstd "packed:$WORK/frames=$MADE/f.tar"
	prepare
	pulls docker-zstd
}

@test "zstd:chunked is read as zstd: frames, then skippable ones with its table and footer" {
	{
		head -c 512 "$MADE/f.tar" | zstd -q
		tail -c +513 "$MADE/f.tar" | zstd -q
		printf 'P*M\030\010\000\000\000the toc!'	# a skippable frame: 0x184D2A50, its length, its content
		printf 'P*M\030\007\000\000\000GNUlInU'
	} >chunked
	image chunked-plain --layer-type $OCI.v1.tar+zstd "packed:$WORK/chunked=$MADE/f.tar"
	altered chunked-plain chunked '.layers[0].annotations = { "io.github.containers.zstd-chunked.manifest-checksum": "sha256:0",
		"io.github.containers.zstd-chunked.manifest-position": "1:2:3:1" }'
	pulls chunked
}

@test "how a layer is compressed is told by its first bytes, whatever its media type says" {
	gzip -nc "$MADE/f.tar" >f.gz
	zstd -q "$MADE/f.tar" -o f.zst
	image gzip-as-plain --layer-type $DOCKER.diff.tar "packed:$WORK/f.gz=$MADE/f.tar"
	pulls gzip-as-plain
	image zstd-as-gzip --layer-type $OCI.v1.tar+gzip "packed:$WORK/f.zst=$MADE/f.tar"
	prepare
	pulls zstd-as-gzip
	image plain-as-gzip --layer-type $DOCKER.diff.tar.gzip "packed:$MADE/f.tar=$MADE/f.tar"
	prepare
	pulls plain-as-gzip
}

@test "foreign layers are refused, by docker's types and OCI's" {
	local type
	for type in $DOCKER.foreign.diff.tar.gzip $DOCKER.foreign.diff.tar $OCI.nondistributable.v1.tar+gzip $OCI.nondistributable.v1.tar; do
		image foreign --layer-type "$type" "$MADE/f.tar"
		refused foreign "a layer is foreign ('$type')"
	done
}

@test "artifacts are refused by their type, of the config or of the manifest" {
	image helm --config-type application/vnd.cncf.helm.config.v1+json "$MADE/f.tar"
	refused helm "an artifact of type 'application/vnd.cncf.helm.config.v1+json'"
	image empty --config-type application/vnd.oci.empty.v1+json "$MADE/f.tar"
	altered empty artifact '.artifactType = "application/vnd.example.sbom"'
	refused artifact "an artifact of type 'application/vnd.example.sbom'"
	image f "$MADE/f.tar"
	altered f odd '.layers[0].mediaType = "application/vnd.example.file"'
	refused odd "'application/vnd.example.file', which is not that of an image's layer"
}

@test "schema 1, a nested index, a manifest that is also an index, an index that is also a manifest" {
	image f "$MADE/f.tar"
	name_blob one <<<'{"schemaVersion":1,"name":"x","tag":"one","architecture":"amd64","fsLayers":[],"history":[]}'
	refused one "schema 1"
	mkimage index "$LAYOUT" inner f >/dev/null
	mkimage index "$LAYOUT" unplatformed inner >/dev/null
	altered unplatformed nested --argjson p "$(jq -c '.manifests[0].platform' <<<"$(manifest_of inner)")" '.manifests[0].platform = $p'
	refused nested "a further index"
	refused unplatformed "a further index"
	altered f both '.manifests = []'
	refused both "the member of an index"
	altered inner too '.layers = []'
	refused too "the members of a manifest"
}

@test "attestations in an index are passed over" {
	image f "$MADE/f.tar"
	mkimage index "$LAYOUT" alone f >/dev/null
	altered alone attested '.manifests = [{ mediaType: "application/vnd.oci.image.manifest.v1+json", size: 2, digest: ("sha256:" + ("0" * 64)),
		platform: { os: "unknown", architecture: "unknown" }, annotations: { "vnd.docker.reference.type": "attestation-manifest" } }] + .manifests'
	pulls attested
	prepare
	failing 125 "it is there for: linux/" carrier pull --platform unknown2/unknown --tls-verify=false "127.0.0.1:$LAYOUTS/x:attested"
}

@test "the same layer several times, and empty ones" {
	tar -c -T /dev/null >empty.tar
	image twice "$MADE/busybox.tar" empty.tar "$MADE/f.tar" empty.tar "$MADE/f.tar" empty.tar
	pulls twice
	expect 0 carrier run --rm --network none "127.0.0.1:$LAYOUTS/x:twice" /bin/cat /f
	prints content
}

@test "an image of 130 layers" {
	local i layers=("$MADE/busybox.tar")
	for ((i = 1; i < 130; i++)); do
		mkdir -p "l/$i"
		echo $i >"l/$i/file$i"
		tar -c --mtime=2001-02-03 -C "l/$i" . >"l/$i.tar"
		layers+=("$WORK/l/$i.tar")
	done
	image many "${layers[@]}"
	expect 0 carrier pull -q --tls-verify=false "127.0.0.1:$LAYOUTS/x:many"
	same 130 "$(find "$CROOT/store/layers/sha256" -mindepth 1 -maxdepth 1 | wc -l)"
	expect 0 carrier run --rm --network none "127.0.0.1:$LAYOUTS/x:many" /bin/sh -c 'cat /file1 /file129'
	prints $'1\n129'
}

@test "documents beyond 4 MiB, and numbers that do not fit together" {
	image f "$MADE/f.tar"
	manifest_of f >small
	python3 -c 'import json; m = json.load(open("small")); m["annotations"] = {"x": "y" * (5 << 20)}; print(json.dumps(m))' | name_blob huge
	refused huge "more than the 4194304"
	altered f fewer '.layers = []'
	refused fewer "the image's config names 1 layers and its manifest 0"
	altered f long '.layers[0].size += 1'
	refused long "$(manifest_of f | jq -r '.layers[0].digest')"
	altered f short '.layers[0].size -= 1'
	refused short "$(manifest_of f | jq -r '.layers[0].digest')"
	altered f none '.layers[0].size = 0'
	refused none "0 bytes, which no layer can have"
	altered f negative '.layers[0].size = -5'
	refused negative "-5 bytes"
	altered f climbing '.layers[0].digest = "sha256:../../../../etc/passwd"'
	refused climbing "digest"
	image pair "$MADE/f.tar" "$MADE/busybox.tar"
	altered pair same '.layers[1] = .layers[0]'
	refused same "two diff_ids for one layer"
	altered f gone '.layers[0].digest = ("sha256:" + ("1" * 64))'
	refused gone "has no blob"
}

@test "bombs: by size, by number of entries, by ratio" {
	mkdir b l
	head -c 20000000 /dev/zero >zeros
	tar -c zeros | gzip -9 >bomb.gz
	bomb() {
		expect 1 bash -c '"$@" layer <bomb.gz 3>report 4<b 5<l' - "$UNPACK" --blob B "$@"
		same "" "$(find b l -mindepth 1)"
		cat report
	}
	[[ $(bomb --max-unpacked 10000000) == *"more than the 10000000 bytes allowed"* ]]
	[[ $(bomb --ratio-from 10000000 --max-ratio 200) == *"more than 10000000 bytes and 200 times its size"* ]]
	[[ $(bomb --max-entries 0) == *entries* ]]
	# what compresses well and is small is no bomb
	expect 0 bash -c '"$@" layer <bomb.gz 3>report 4<b 5<l' - "$UNPACK" --blob B --max-ratio 200
}

@test "the disk is asked for room before anything is fetched" {
	cat >"$WORK/full" <<-'SH'
	set -e
	mount -t tmpfs -o size=3m,mode=0755 none "$1"
	status=0
	"$2" --root "$1" pull -q --tls-verify=false "$3" || status=$?
	left=$(find "$1"/store/{tmp,unfinished,blobs/sha256,layers/sha256} -mindepth 1)
	echo "left: ${left:-nothing}" >&2
	exit "$status"
	SH
	head -c 2000000 /dev/urandom >random
	head -c 20000000 /dev/zero >zeros
	tar -c random >random.tar
	tar -c zeros >zeros.tar
	image large "$WORK/random.tar"
	image spreads "$WORK/zeros.tar"
	mkdir -p "$BASE/full"
	[ "$WHO" = root ] || chown "$NAME" "$BASE/full"
	in_small() {
		expect 125 client unshare $([ "$WHO" = root ] || echo --user --map-root-user --map-auto) -m bash "$WORK/full" "$BASE/full" "$PROGRAM" \
			"127.0.0.1:$LAYOUTS/x:$1"
		one_sentence
		says "left: nothing"
	}
	in_small large
	says "No space left on device: at least 4.00 MB are needed in '$BASE/full/store' (2.00 MB to be fetched"
	# nobody could know before that this one needs more than its 20 kB
	in_small spreads
	says "No space left on device"
	[[ $stderr != *"are needed"* ]]
}
