# Other tools as judges of what goes round: what carrier pushes is pulled by skopeo, podman, buildah and umoci, what they push is
# pulled by carrier, and nothing has another digest for that. Root only: their own rootless set-up is none of ours.
source "${BATS_TEST_DIRNAME}/carrier.bash"
WHO=root

setup_file() {
	carrier_setup_file
	start_registry REGISTRY
	start_registry TARGET
	push debian-2 "$REGISTRY" debian:latest
	push debian-2 "$REGISTRY" docker:latest --format v2s2
	push busybox "$REGISTRY" busybox:latest
	push plain "$REGISTRY" plain:latest
	push multi "$REGISTRY" multi:latest --all
	push foreign "$REGISTRY" foreign:latest
	mkdir -p "$BASE/podman"
	export CONTAINERS_CONF=$BASE/podman/containers.conf CONTAINERS_STORAGE_CONF=$BASE/podman/storage.conf \
		CONTAINERS_REGISTRIES_CONF=$BASE/podman/registries.conf
	printf '[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n[engine]\ncgroup_manager = "cgroupfs"\n' >"$CONTAINERS_CONF"
	printf 'events_logger = "file"\nruntime = "woody"\nruntime_supports_json = ["woody"]\nruntime_supports_nocgroups = []\n' >>"$CONTAINERS_CONF"
	printf '[engine.runtimes]\nwoody = ["%s"]\n' "$BASE/bin/woody" >>"$CONTAINERS_CONF"
	printf '[storage]\ndriver = "overlay"\ngraphroot = "%s"\nrunroot = "%s"\n' "$BASE/podman/graph" "$BASE/podman/run" >"$CONTAINERS_STORAGE_CONF"
	# podman manifest inspect has no --tls-verify
	printf '[[registry]]\nlocation = "127.0.0.1:%s"\ninsecure = true\n' "$REGISTRY" "$TARGET" >"$CONTAINERS_REGISTRIES_CONF"
	local name
	for name in debian docker busybox plain; do pull "$name"; done
	carrier pull -q --platform linux/s390x --tls-verify=false "$(source_of foreign)"
}

teardown_file() {
	unmount
	carrier_teardown_file
}

# unmount - podman and buildah leave their overlay's home mounted in the host's namespace
unmount() {
	local mount
	while read -r mount; do umount "$mount"; done < <(awk -v base="$BASE/podman" 'index($5, base) == 1 { print $5 }' /proc/self/mountinfo | tac)
}

cleanup() { unmount; }

source_of() { echo "127.0.0.1:$REGISTRY/$1"; }
target() { echo "127.0.0.1:$TARGET/$1"; }
raw() { skopeo inspect --raw --tls-verify=false "docker://$1"; }
pod() { podman --runtime "$BASE/bin/woody" --cgroup-manager cgroupfs "$@"; }
bud() { buildah --log-level error "$@"; }
ours() { carrier run --rm --network none --tls-verify=false "$@"; }

# digest_at REFERENCE - of what the registry has
digest_at() { echo "sha256:$(raw "$1" | sha256sum | cut -d' ' -f1)"; }

@test "pull, push, pull: the same digests and ids, OCI's and docker's" {
	local name first
	for name in debian docker busybox; do
		first=$(carrier inspect "$(source_of $name)" | jq -r '.[0] | .Id + " " + .Digest')
		expect 0 carrier push -q --tls-verify=false "$(source_of $name)" "$(target "round-$name")"
		raw "$(source_of $name)" >one
		raw "$(target "round-$name")" >two
		cmp one two
		expect 0 carrier rmi "$(source_of $name)"
		expect 0 carrier pull -q --tls-verify=false "$(target "round-$name")"
		same "$first" "$(carrier inspect "$(target "round-$name")" | jq -r '.[0] | .Id + " " + .Digest')"
		expect 0 carrier push -q --tls-verify=false "$(target "round-$name")" "$(target "again-$name")"
		raw "$(target "again-$name")" >two
		cmp one two
		expect 0 carrier image verify "$(target "round-$name")"
		expect 0 carrier pull -q --tls-verify=false "$(source_of $name)"
	done
}

@test "skopeo: copies what was pushed, by digest and byte for byte" {
	expect 0 carrier push -q --tls-verify=false "$(source_of debian)" "$(target skopeo)"
	local digest=$output layer
	expect 0 skopeo copy -q --preserve-digests --src-tls-verify=false "docker://$(target skopeo)@$digest" "oci:$WORK/layout:x"
	same "$digest" "$(jq -r '.manifests[0].digest' layout/index.json)"
	while read -r layer; do
		cmp "layout/blobs/sha256/$layer" "$CROOT/store/blobs/sha256/$layer"
	done < <(ls layout/blobs/sha256)
	expect 0 umoci unpack --image "$WORK/layout:x" "$WORK/unpacked"
	grep -q Debian unpacked/rootfs/etc/os-release
}

@test "podman and buildah: pull what was pushed, and it runs" {
	expect 0 carrier push -q --tls-verify=false "$(source_of debian)" "$(target podman)"
	local digest=$output
	expect 0 pod pull -q --tls-verify=false "$(target podman)"
	expect 0 pod image inspect --format '{{.Digest}}' "$(target podman)"
	prints "$digest"
	expect 0 pod run --rm --network none "$(target podman)" bash -c 'stat -c "%a %u:%g" /tmp /srv/owned /srv/setuid'
	local theirs=$output
	expect 0 ours "$(source_of debian)" bash -c 'stat -c "%a %u:%g" /tmp /srv/owned /srv/setuid'
	prints "$theirs"
	expect 0 carrier push -q --tls-verify=false "$(source_of busybox)" "$(target buildah)"
	expect 0 bud pull -q --tls-verify=false "$(target buildah)"
	expect 0 bud inspect --type image --format '{{.FromImageDigest}} {{.OCIv1.Config.User}}' "$(target buildah)"
	prints "$(digest_of busybox) app"
	pod rmi -af >/dev/null
}

@test "skopeo: what it pushes, in each format and compression, is read" {
	local name
	skopeo copy -q --insecure-policy --dest-tls-verify=false --format v2s2 --dest-compress "oci:$IMAGES:plain" "docker://$(target s-docker)"
	skopeo copy -q --insecure-policy --dest-tls-verify=false --format oci --dest-compress --dest-compress-format zstd "oci:$IMAGES:debian" "docker://$(target s-zstd)"
	skopeo copy -q --insecure-policy --dest-tls-verify=false --all "oci:$IMAGES:multi" "docker://$(target s-multi)"
	for name in s-docker s-zstd s-multi; do
		expect 0 ours "$(target $name)" sh -c 'echo read'
		prints read
		expect 0 carrier push -q --tls-verify=false "$(target $name)" "$(target "$name-2")"
		same "$output" "$(digest_at "$(target "$name-2")")"
	done
	same "$(digest_at "$(target s-zstd)")" "$(digest_at "$(target s-zstd-2)")"
}

@test "podman and buildah: what they make and push is read" {
	pod pull -q --tls-verify=false "$(source_of plain)" >/dev/null
	pod run --name changed --network none "$(source_of plain)" sh -c 'echo by podman >/added; rm /etc/group; chmod 2750 /home'
	pod commit -q changed "$(target p-commit)" >/dev/null
	pod rm -f changed >/dev/null
	pod push -q --tls-verify=false "$(target p-commit)"
	expect 0 ours "$(target p-commit)" sh -c 'cat /added; ls /etc/group 2>&1; stat -c %a /home'
	prints $'by podman\nls: /etc/group: No such file or directory\n2750'
	pod push -q --tls-verify=false --format v2s2 "$(target p-commit)" "$(target p-docker)"
	expect 0 ours "$(target p-docker)" cat /added
	prints "by podman"

	local container
	container=$(bud from scratch)
	bud copy -q "$container" /bin/busybox /bin/sh >/dev/null
	bud config --cmd '["/bin/sh","-c","echo by buildah"]' --label made=here "$container"
	bud commit -q "$container" "$(target b-commit)" >/dev/null
	bud rm "$container" >/dev/null
	bud push -q --tls-verify=false "$(target b-commit)"
	expect 0 ours "$(target b-commit)"
	prints "by buildah"
	expect 0 carrier history --format json "$(target b-commit)"
	[ "$(wc -l <<<"$output")" -ge 1 ]
	same here "$(carrier inspect "$(target b-commit)" | jq -r '.[0].Config.Labels.made')"
	pod rmi -af >/dev/null
}

@test "umoci: what it makes is read" {
	cp -a "$IMAGES" layout
	umoci unpack --image layout:plain bundle >log 2>&1
	echo 'by umoci' >bundle/rootfs/added
	rm bundle/rootfs/etc/group
	umoci repack --image layout:umoci bundle >>log 2>&1 || fail "$(cat log)"
	umoci config --image layout:umoci --config.env FROM=umoci >>log 2>&1
	skopeo copy -q --insecure-policy --preserve-digests --dest-tls-verify=false oci:layout:umoci "docker://$(target umoci)"
	expect 0 ours "$(target umoci)" sh -c 'cat /added; ls /etc/group 2>&1; echo $FROM'
	prints $'by umoci\nls: /etc/group: No such file or directory\numoci'
	expect 0 carrier push -q --tls-verify=false "$(target umoci)" "$(target umoci-2)"
	same "$(digest_at "$(target umoci)")" "$output"
	expect 0 skopeo copy -q --preserve-digests --src-tls-verify=false "docker://$(target umoci-2)" "oci:$WORK/back:x"
	expect 0 umoci unpack --image "$WORK/back:x" "$WORK/back-bundle"
	same "by umoci" "$(cat back-bundle/rootfs/added)"
}

@test "lists: skopeo and podman read the one that was pushed, carrier the one of podman" {
	expect 0 carrier manifest create "$(target list)" "$(source_of plain)" "$(source_of foreign)"
	expect 0 carrier push -q --tls-verify=false "$(target list)"
	local digest=$output
	same "$digest" "$(digest_at "$(target list)")"
	expect 0 pod manifest inspect "$(target list)"
	same "$(digest_of plain) $(digest_of foreign)" "$(jq -r '[.manifests[].digest] | join(" ")' <<<"$output")"
	same s390x "$(jq -r '.manifests[1].platform.architecture' <<<"$output")"
	expect 0 skopeo copy -q --all --preserve-digests --src-tls-verify=false "docker://$(target list)" "oci:$WORK/layout:x"
	same "$digest" "$(jq -r '.manifests[0].digest' layout/index.json)"
	expect 0 pod pull -q --tls-verify=false "$(target list)"
	expect 0 pod run --rm --network none "$(target list)" echo native
	prints native

	pod manifest create theirs >/dev/null
	pod manifest add --tls-verify=false theirs "docker://$(source_of plain)" >/dev/null
	pod manifest add --tls-verify=false theirs "docker://$(source_of foreign)" >/dev/null
	pod manifest push -q --all --tls-verify=false theirs "docker://$(target theirs)" >/dev/null
	expect 0 carrier manifest inspect --tls-verify=false "$(target theirs)"
	same "$(digest_at "$(target theirs)")" "sha256:$(sha256sum <"$BATS_TEST_TMPDIR/.stdout" | cut -d' ' -f1)"
	expect 0 carrier manifest create --all --tls-verify=false copied "docker://$(target theirs)"
	expect 0 carrier manifest inspect copied
	same 2 "$(jq '.manifests | length' <<<"$output")"
	expect 0 ours "$(target theirs)" echo native
	prints native
	pod rmi -af >/dev/null
}
