# dockerd as a judge of registries' contents: what carrier pushes it pulls and runs, what it pushes carrier pulls and runs.
source "${BATS_TEST_DIRNAME}/docker.bash"
WHO=root

setup_file() {
	docker_setup_file
	[ -z "$UNFIT" ] || return 0
	start_registry REGISTRY
	skopeo copy -q --insecure-policy --preserve-digests --dest-tls-verify=false "oci:$BASE/layout:plain" "docker://127.0.0.1:$REGISTRY/plain:latest"
	cp "$CARRIER" "${CARRIER%/*}/carrier-fetch" "${CARRIER%/*}/carrier-unpack" "$BASE/bin/"
}

teardown_file() {
	stop_registries
	docker_teardown_file
}

ours() { "$BASE/bin/carrier" --root "$BASE/root" "$@"; }
image() { echo "127.0.0.1:$REGISTRY/$1"; }

@test "docker pulls what carrier pushed, by tag and digest, and runs it" {
	ours pull -q --tls-verify=false "$(image plain)" >/dev/null
	expect 0 ours push -q --tls-verify=false "$(image plain)" "$(image pushed)"
	local digest=$output
	expect 0 dock pull -q "$(image pushed)"
	expect 0 dock pull -q "$(image pushed)@$digest"
	expect 0 dock_run "$(image pushed)" sh -c 'echo by docker'
	prints "by docker"
	expect 0 dock inspect --format '{{index .RepoDigests 0}}' "$(image pushed)"
	prints "$(image pushed)@$digest"
	# a list of it
	expect 0 ours manifest create "$(image list)" "$(image plain)"
	expect 0 ours push -q --tls-verify=false "$(image list)"
	expect 0 dock pull -q "$(image list)"
	expect 0 dock_run "$(image list)" echo listed
	prints listed
}

@test "carrier pulls what docker pushed, and the digest stays when it is pushed on" {
	dock run --network none --name made plain sh -c 'echo made >/made' >/dev/null
	dock commit made "$(image made)" >/dev/null
	dock rm made >/dev/null
	dock push -q "$(image made)" >/dev/null
	expect 0 ours run --rm --network none --tls-verify=false "$(image made)" cat /made
	prints made
	expect 0 ours push -q --tls-verify=false "$(image made)" "$(image on)"
	same "$output" "sha256:$(skopeo inspect --raw --tls-verify=false "docker://$(image made)" | sha256sum | cut -d' ' -f1)"
	expect 0 dock pull -q "$(image on)"
	same "$(dock inspect --format '{{.Id}}' "$(image made)")" "$(dock inspect --format '{{.Id}}' "$(image on)")"
}
