# Names of images and what is said of images: tag, untag, rmi, rm, history, image tree, exists, verify, manifest. WHO=root or user.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	carrier_setup_file
	start_registry REGISTRY
	start_registry TARGET
	push plain "$REGISTRY" plain:latest
	push busybox "$REGISTRY" busybox:latest
	push foreign "$REGISTRY" foreign:latest
	push multi "$REGISTRY" multi:latest --all
	push big "$REGISTRY" big:latest
	pull plain
	pull big
	carrier pull -q --platform linux/s390x --tls-verify=false "$(source_of foreign)"
	cp -a "$CROOT" "$BASE/kept"
}

teardown_file() { carrier_teardown_file; }

# every test starts with plain, big and foreign in the store
prepare() {
	rm -rf "$CROOT"
	cp -a "$BASE/kept" "$CROOT"
}

source_of() { echo "127.0.0.1:$REGISTRY/$1"; }
target() { echo "127.0.0.1:$TARGET/$1"; }
id_of_image() { carrier images -q --no-trunc "$(source_of "$1")"; }
blobs() { find "$CROOT/store/blobs/sha256" -type f | wc -l; }
raw() { skopeo inspect --raw --tls-verify=false "docker://127.0.0.1:$1/$2"; }

@test "tag: one image, several names; a name goes over from one image to another" {
	expect 0 carrier tag "$(source_of plain)" one localhost/two:x example.com:5000/three/four:y
	silent
	local name id
	id=$(id_of_image plain)
	for name in one:latest localhost/two:x example.com:5000/three/four:y; do
		same "$id" "$(carrier images -q --no-trunc "$name")"
		expect 0 carrier run --rm --network none "$name" echo runs
		prints runs
	done
	expect 0 carrier tag "$(source_of big)" one
	same "$(id_of_image big)" "$(carrier images -q --no-trunc one)"
	same "$id" "$(carrier images -q --no-trunc localhost/two:x)"
	expect 0 carrier tag "${id:7:12}" by-id
	same "$id" "$(carrier images -q --no-trunc by-id)"
	expect 0 skopeo inspect --raw "oci:$CROOT/store:docker.io/library/by-id:latest"
	same "$(digest_of plain)" "sha256:$(sha256sum <"$BATS_TEST_TMPDIR/.stdout" | cut -d' ' -f1)"
}

@test "tag: what is wrong is said, and then no name is given" {
	failing 125 "no image 'nothing:latest' in the store" carrier tag nothing x
	failing 125 "is not an image name" carrier tag "$(source_of plain)" fine 'not/FINE'
	failing 125 "a digest follows from the content" carrier tag "$(source_of plain)" "x@$(digest_of plain)"
	expect 1 carrier image exists fine
	expect 125 carrier tag one
}

@test "untag: names go, the image stays; rmi by id removes what has no name" {
	local id
	id=$(id_of_image plain)
	expect 0 carrier tag "$(source_of plain)" one two
	expect 0 carrier untag one "$(source_of plain)" one
	expect 1 carrier image exists one
	expect 0 carrier image exists two
	failing 125 "is no name of image two" carrier untag two one
	expect 0 carrier untag two
	expect 0 carrier image exists "$id"
	expect 0 carrier images
	matches "<none> +<none> +${id:7:12}"
	same "$output" "$(carrier images -a)"	# there are no others
	carrier images --help | grep -qE -e "-a, --all +taken for docker's sake"
	expect 0 carrier run --rm --network none "${id:7:12}" echo nameless
	prints nameless
	expect 0 carrier tag "${id:7:12}" again
	expect 0 carrier images
	[[ $output != *"<none>"* ]] || fail "$output"
	expect 0 carrier untag again
	expect 0 carrier rmi "${id:7:12}"
	prints "Deleted: $id"
	expect 1 carrier image exists "$id"
}

@test "rmi: by name, id and digest; shared layers stay; what a container uses is refused" {
	local before
	before=$(find "$CROOT/store/layers/sha256" -mindepth 1 -maxdepth 1 | wc -l)
	expect 0 carrier rmi "$(source_of big)"
	same "$((before - 1))" "$(find "$CROOT/store/layers/sha256" -mindepth 1 -maxdepth 1 | wc -l)"
	expect 0 carrier run -d --name user --network none "$(source_of plain)" sleep 1000
	failing 1 "is used by container user" carrier rmi "$(source_of plain)"
	failing 1 "is used by container user" carrier rmi -f "$(source_of plain)"
	expect 0 carrier stop -t 0 user
	failing 1 "is used by container user" carrier rmi "$(id_of_image plain)"
	expect 0 carrier rm user
	expect 0 carrier rmi "$(source_of plain)@$(digest_of plain)"
	expect 1 carrier image exists "$(source_of plain)"
	failing 1 "no image" carrier rmi "$(source_of plain)"
}

@test "rm of a name that no container has is an image's" {
	expect 0 carrier run -d --name both --network none "$(source_of plain)" sleep 1000
	expect 0 carrier tag "$(source_of plain)" both
	expect 0 carrier rm -f both
	prints both
	expect 0 carrier image exists both
	expect 0 carrier rm both
	prints "Untagged: both:latest"
	expect 1 carrier image exists both
	failing 1 "there is no container and no image 'both'" carrier rm both
	expect 0 carrier rm -f both
	expect 0 carrier run -d --name user --network none "$(source_of plain)" sleep 1000
	failing 1 "is used by container user" carrier rm "$(source_of plain)"
	expect 0 carrier rm -f user
}

@test "history: docker's columns, JSON, whole ids, bytes" {
	local id size
	id=$(id_of_image big)
	size=$(jq -r '.layers[1].size' "$IMAGES/blobs/sha256/$(digest_of big | cut -d: -f2)")
	expect 0 carrier history "$(source_of big)"
	matches '^IMAGE +CREATED +CREATED BY +SIZE +COMMENT'
	matches "${id:7:12} +[0-9]+ [a-z]+ ago +mkimage +8.39 MB"
	matches '<missing>'
	same 3 "$(wc -l <<<"$output")"
	expect 0 carrier history --format json --no-trunc -H=false "$(source_of big)"
	same "$id $size 2024-01-01T00:00:00Z" "$(head -1 <<<"$output" | jq -r '"\(.ID) \(.Size) \(.CreatedAt)"')"
	expect 0 carrier image history -q "$(source_of big)"
	prints "${id:7:12}"$'\n<missing>'
	expect 0 carrier history --format 'table {{.ID}}\t{{.Size}}' "$(source_of big)"
	matches '^IMAGE +SIZE'
	matches "${id:7:12} +8.39 MB"
	expect 0 carrier images --format '{{.ID}} {{.Size}}' "$(source_of big)"
	matches "^${id:7:12} [0-9.]+ MB"
	failing 125 "there is no 'Nothing'" carrier images --format '{{.Nothing}}'
	failing 125 "--format 'x' is not known" carrier history --format x "$(source_of big)"
	failing 125 "no image" carrier history nothing
}

@test "image tree: layers, their sizes, and who shares them" {
	expect 0 carrier image tree "$(source_of big)"
	matches '^Image ID: [0-9a-f]{12}'
	matches "├── [0-9a-f]{12}  [0-9.]+ [kM]B  shared with $(source_of plain):latest"
	matches "└── [0-9a-f]{12}  8.39 MB($|[^s])"
	failing 125 "no image" carrier image tree nothing
}

@test "image exists says it by its exit code" {
	expect 0 carrier image exists "$(source_of plain)"
	silent
	expect 1 carrier image exists "$(source_of plain):other"
	silent
	failing 125 "is not an image name" carrier image exists 'not/A/name'
}

@test "image verify reads blobs again: damaged and missing ones are told" {
	local layer blob
	layer=$(jq -r '.layers[1].digest' "$IMAGES/blobs/sha256/$(digest_of big | cut -d: -f2)")
	blob=$CROOT/store/blobs/sha256/${layer#sha256:}
	expect 0 carrier image verify "$(source_of big)" "$(source_of plain)"
	same 7 "$(grep -c ' ok$' <<<"$output")"
	[ -z "$stderr" ] || fail "$stderr"
	chmod u+w "$blob"
	printf x | dd of="$blob" bs=1 seek=4000000 conv=notrunc status=none
	failing 1 "is damaged" carrier image verify "$(source_of big)"
	says "layer    $layer damaged"
	same 3 "$(grep -c ' ok$' <<<"$output")"
	expect 1 carrier image verify --format json "$(source_of big)"
	same damaged "$(jq -r "select(.Digest == \"$layer\").Result" <<<"$output")"
	truncate -s 4000000 "$blob"
	failing 1 "$layer" carrier image verify "$(source_of big)"
	rm "$blob"
	failing 1 "is not in the store" carrier image verify "$(source_of big)"
	says "layer    $layer missing"
	failing 125 "no image" carrier image verify nothing
}

@test "manifest: create, add, annotate, remove, inspect, and who reads it" {
	local plain foreign
	plain=$(digest_of plain) foreign=$(digest_of foreign)
	expect 0 carrier manifest create list "$(source_of plain)"
	expect 0 carrier manifest add --variant v9 --annotation some=thing list "$(source_of foreign)"
	local digest=$output
	expect 0 carrier manifest inspect list
	same "$digest" "sha256:$(printf %s "$output" | sha256sum | cut -d' ' -f1)"
	same "$plain $foreign" "$(jq -r '[.manifests[].digest] | join(" ")' <<<"$output")"
	same 'linux/s390x/v9 thing' "$(jq -r '.manifests[1] | "\(.platform.os)/\(.platform.architecture)/\(.platform.variant) \(.annotations.some)"' <<<"$output")"
	expect 0 skopeo inspect --raw "oci:$CROOT/store:docker.io/library/list:latest"
	same "$digest" "sha256:$(printf %s "$output" | sha256sum | cut -d' ' -f1)"
	expect 0 skopeo inspect --format '{{.Architecture}}' --override-arch s390x --override-variant v9 "oci:$CROOT/store:docker.io/library/list:latest"
	prints s390x
	expect 0 carrier manifest annotate --arch riscv64 --variant '' list "$foreign"
	expect 0 carrier manifest inspect list
	same '{"architecture":"riscv64","os":"linux"}' "$(jq -cS '.manifests[1].platform' <<<"$output")"
	expect 0 carrier manifest annotate --os plan9 --os-version 4 --annotation other=one list "$foreign"
	expect 0 carrier manifest inspect list
	same '[{"architecture":"riscv64","os":"plan9","os.version":"4"},{"other":"one","some":"thing"}]' \
		"$(jq -cS '[.manifests[1].platform, .manifests[1].annotations]' <<<"$output")"
	expect 0 carrier manifest remove list "$foreign"
	expect 0 carrier manifest inspect list
	same 1 "$(jq '.manifests | length' <<<"$output")"
	failing 125 "has no image" carrier manifest remove list "$foreign"
	failing 125 "is there already" carrier manifest create list
	expect 0 carrier manifest create --amend list "$(source_of big)"
	expect 0 carrier manifest create -a list
	expect 0 carrier manifest add --os windows --arch arm64 --os-version 10.0 list "$(source_of foreign)"
	expect 0 carrier manifest inspect list
	same '{"architecture":"arm64","os":"windows","os.version":"10.0"}' "$(jq -cS '.manifests[-1].platform' <<<"$output")"
	failing 125 "is an image, and not a list" carrier manifest add "$(source_of plain)" "$(source_of big)"
	failing 125 "there is no list of images 'no:latest'" carrier manifest add no "$(source_of big)"
	failing 125 "adds it from its registry" carrier manifest add list nothing
	expect 0 carrier manifest rm list
	expect 1 carrier image exists list
	expect 0 carrier image exists "$(source_of plain)"
}

@test "a list's image for this machine is run, inspected and shown; what it lists stays" {
	expect 0 carrier manifest create list "$(source_of foreign)" "$(source_of plain)"
	expect 0 carrier run --rm --network none list echo native
	prints native
	expect 0 carrier images -q --no-trunc list
	prints "$(id_of_image plain)"
	expect 0 carrier rmi "$(source_of plain)" "$(source_of foreign)" "$(source_of big)"
	expect 0 carrier run --rm --network none list echo still
	prints still
	expect 0 carrier run -d --name user --network none list sleep 1000
	expect 0 carrier image prune -a -f
	expect 0 carrier image exists list
	expect 0 carrier rm -f user
	expect 0 carrier image prune -a -f
	says "Untagged: docker.io/library/list:latest"
	expect 1 carrier image exists list
	same 0 "$(blobs)"
	expect 0 carrier manifest create empty
	expect 0 carrier images
	matches 'empty +latest +[0-9a-f]{12} +N/A'
	failing 125 "the image is not there for" carrier run --rm --pull never empty
	expect 0 carrier rmi -a
	expect 0 carrier images -q
	prints ""
}

@test "a list is pushed with all it lists, and is byte for byte the same there" {
	expect 0 carrier manifest create "$(target list)" "$(source_of foreign)" "$(source_of plain)"
	local digest=$output
	failing 125 "registry 127.0.0.1:$TARGET has not got all that it names" carrier manifest push -q --all=false --tls-verify=false "$(target list)" "$(target alone)"
	expect 0 carrier push -q --tls-verify=false "$(target list)"
	prints "$digest"
	same "$digest" "sha256:$(raw "$TARGET" list | sha256sum | cut -d' ' -f1)"
	expect 0 skopeo inspect --tls-verify=false --override-arch s390x --format '{{.Architecture}}' "docker://$(target list)"
	prints s390x
	client mkdir -p "$BASE/home"
	expect 0 carrier manifest push --all=false --digestfile "$BASE/home/digest" --tls-verify=false "$(target list)" "$(target list):second"
	prints "$digest"
	same "$digest" "$(<"$BASE/home/digest")"
	rm "$BASE/home/digest"
	failing 125 "--progress: auto, tty" carrier manifest push --progress x "$(target list)"
	expect 0 carrier manifest push --progress json -p --tls-verify=false "$(target list)" "$(target copied)"
	jq -es 'length > 0' <<<"$stderr" >/dev/null || fail "no progress: $stderr"
	expect 1 carrier image exists "$(target list)"
	expect 0 skopeo copy -q --all --src-tls-verify=false "docker://$(target copied)" "oci:$WORK/copied:x"
	failing 125 "not a list of images" carrier manifest push "$(source_of plain)" "$(target x)"
}

@test "a list of what registries have" {
	expect 0 carrier rmi -a
	expect 0 carrier manifest create --tls-verify=false --all list "docker://$(source_of multi)"
	expect 0 carrier manifest inspect list
	same "$(jq -cS '[.manifests[] | {digest, platform}]' "$IMAGES/blobs/sha256/$(digest_of multi | cut -d: -f2)")" \
		"$(jq -cS '[.manifests[] | {digest, platform}]' <<<"$output")"
	expect 0 carrier manifest create whole
	expect 0 carrier manifest add --tls-verify=false whole "docker://$(source_of multi)"
	expect 0 carrier manifest inspect whole
	same 1 "$(jq '.manifests | length' <<<"$output")"
	expect 0 carrier manifest add --all --tls-verify=false whole "docker://$(source_of multi)"
	expect 0 carrier manifest inspect whole
	same 2 "$(jq '.manifests | length' <<<"$output")"
	expect 0 carrier manifest rm whole
	expect 0 carrier manifest add --tls-verify=false list "docker://$(source_of busybox)"
	expect 0 carrier manifest inspect list
	same 3 "$(jq '.manifests | length' <<<"$output")"
	# nothing of theirs but documents is here, and that is right so
	same "" "$(ls "$CROOT/store/layers/sha256")"
	expect 0 carrier system check
	expect 0 carrier image prune -f
	expect 0 carrier image exists list
	# where they came from they are taken from: into another repository of that registry without any byte of a layer
	expect 0 carrier push -q --tls-verify=false list "$(source_of collected)"
	same "$output" "sha256:$(raw "$REGISTRY" collected | sha256sum | cut -d' ' -f1)"
	expect 0 skopeo copy -q --all --src-tls-verify=false "docker://$(source_of collected)" "oci:$WORK/collected:x"
	expect 125 carrier push -q --tls-verify=false list "$(target list2)"
	[[ $stderr == *"is not in the store any more"* ]] || fail "$stderr"
	failing 125 "has no image 'nothing'" carrier manifest add --tls-verify=false list "docker://$(source_of nothing)"
	expect 0 carrier manifest rm list
	same 0 "$(blobs)"
}

@test "manifest inspect asks the registry for what the store has not, and keeps nothing" {
	expect 0 carrier manifest inspect --tls-verify=false "$(source_of multi)"
	same "$(digest_of multi)" "sha256:$(sha256sum <"$BATS_TEST_TMPDIR/.stdout" | cut -d' ' -f1)"
	same "$(find "$BASE/kept/store/blobs" -type f | wc -l)" "$(blobs)"
	expect 0 carrier manifest inspect "$(source_of plain)"
	same "$(digest_of plain)" "sha256:$(sha256sum <"$BATS_TEST_TMPDIR/.stdout" | cut -d' ' -f1)"
	failing 125 "has no image" carrier manifest inspect --tls-verify=false "$(source_of nothing)"
}
