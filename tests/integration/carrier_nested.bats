# carrier in a container: carrier's own and podman's, without privileges. What lacks is done without, with one line each.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	setup_with debian
	skopeo copy -q "oci:$IMAGES:plain" "oci-archive:$BASE/plain.tar:plain"
	chmod 644 "$BASE/plain.tar"
}

teardown_file() { carrier_teardown_file; }

# what is done inside: an image is loaded; one container is run, another lives for a while
SCRIPT='export PATH=/carrier:$PATH HOME=/tmp; carrier load -qi /plain.tar && carrier run --rm --network none plain sh -c "id -u; cat /proc/self/uid_map" &&
	carrier run -d --name inner --network none plain sleep 1000 >/dev/null && carrier exec inner sh -c "echo in; cat /proc/self/comm" &&
	carrier stop -t 1 inner && carrier rm inner && carrier ps -aq'
DONE=$'in\ncat\ninner\ninner'

# outer OPTION... - a container with carrier in it, which does all that
outer() {
	carrier run --rm --network none -v /usr:/usr:ro -v "$BASE/bin:/carrier:ro" -v "$BASE/plain.tar:/plain.tar:ro" "$@" "$DEBIAN" bash -c "$SCRIPT"
}

# lines_once - nothing is said twice for a container, and nothing that is not a sentence of carrier's
lines_once() {
	[ -z "$(grep -v '^carrier: warning: ' <<<"$stderr")" ] || fail "$stderr"
	same 2 "$(grep -c 'a new /proc is refused here' <<<"$stderr")"	# of two containers
}

@test "in a container as it is: one sentence says which option makes it possible" {
	failing 125 "a seccomp filter is around us that forbids it, as containers have one: start the outer container with \`--security-opt seccomp=unconfined\`" \
		carrier run --rm --network none -v /usr:/usr:ro -v "$BASE/bin:/carrier:ro" -v "$BASE/plain.tar:/plain.tar:ro" "$DEBIAN" \
		bash -c 'export PATH=/carrier:$PATH HOME=/tmp; carrier load -qi /plain.tar && carrier run --rm --network none plain true'
	[[ $output == *"Loaded image"* ]] || fail "$output"
}

@test "with seccomp=unconfined: everything, by degrees" {
	expect 0 outer --security-opt seccomp=unconfined
	[[ $output == *"$DONE" ]] || fail "$output"
	lines_once
	same 2 "$(grep -c 'the storage driver overlay cannot be used here, fuse-overlayfs is tried' <<<"$stderr")"
	same 2 "$(grep -c 'the storage driver fuse-overlayfs cannot be used here, copy is tried' <<<"$stderr")"
	[[ $stderr == *"it is shown to the container instead, read-only, with the processes outside"* ]] || fail "$stderr"
}

@test "with --privileged: fuse-overlayfs and a /proc of its own" {
	expect 0 outer --privileged
	[[ $output == *"$DONE" ]] || fail "$output"
	[[ $stderr != *"/proc is refused"* ]] || fail "$stderr"
	[[ $stderr != *"copy is tried"* ]] || fail "$stderr"
}

@test "named networks, in a container with /dev/net/tun" {
	local how
	SCRIPT='export PATH=/carrier:$PATH HOME=/tmp; carrier load -qi /plain.tar && carrier network create n1 &&
		carrier run -d --name inner --network n1 plain sleep 1000 >/dev/null && carrier run --rm --network n1 plain busybox ping -c 1 -W 2 inner &&
		carrier rm -f -t 0 inner && carrier network rm n1'
	for how in --security-opt=seccomp=unconfined --privileged; do
		expect 0 outer "$how" --device /dev/net/tun
		says "1 packets transmitted, 1 packets received"
		[[ $output == *$'\ninner\nn1' ]] || fail "$output"
	done
}

@test "where the store is on a disk, overlay is used" {
	mkdir "$WORK/store"
	[ "$WHO" = root ] || chown "$NAME:$NAME" "$WORK/store"
	expect 0 outer --security-opt seccomp=unconfined -v "$WORK/store:/tmp/.local"
	[[ $output == *"$DONE" ]] || fail "$output"
	lines_once
	same 0 "$(grep -c 'storage driver' <<<"$stderr")"
	if [ "$WHO" = user ]; then client "$PROGRAM" --root "$WORK/store/share/carrier" system reset -f; fi
	rm -rf "$WORK/store"
}

@test "an ordinary user in the container has one id, and works with that" {
	[ "$WHO" = user ] || skip "root has no keep-id"
	expect 0 outer --security-opt seccomp=unconfined --userns=keep-id
	[[ $output == *"$DONE" ]] || fail "$output"
	[[ $output == *"0 "*"$(id -u "$NAME") "*" 1"* ]] || fail "$output"
	[[ $stderr == *"only one id can be had here"* ]] || fail "$stderr"
	lines_once
}

@test "in containers with ids of their own" {
	local map=--userns=nomap
	[ "$WHO" = user ] || map=--uidmap=0:300000:65536
	expect 0 outer --security-opt seccomp=unconfined "$map"
	[[ $output == *"$DONE" ]] || fail "$output"
	lines_once
}

@test "inside podman, as it is and with --privileged" {
	[ "$WHO" = root ] || skip "podman is tried as root here"
	command -v podman >/dev/null || skip "there is no podman"
	local pod=(podman --log-level error --root "$WORK/pod" --runroot "$WORK/run" --cgroup-manager cgroupfs --storage-driver vfs
		--events-backend file run --rm --network none --ulimit nofile=1024:1024 --ulimit nproc=1000:1000
		-v /usr:/usr:ro -v "$BASE/bin:/carrier:ro" -v "$BASE/plain.tar:/plain.tar:ro")
	carrier run --name tree --network none "$DEBIAN" true
	mkdir "$WORK/tree"
	carrier export tree | tar -xf - -C "$WORK/tree"
	carrier rm tree
	expect 0 "${pod[@]}" --rootfs "$WORK/tree" bash -c "$SCRIPT"
	[[ $output == *"$DONE" ]] || fail "$output"
	lines_once
	[[ $stderr == *"the host name cannot be set here, since a seccomp filter forbids it"* ]] || fail "$stderr"
	expect 0 "${pod[@]}" --privileged --rootfs "$WORK/tree" bash -c "rm -rf /tmp/.local; $SCRIPT"
	[[ $output == *"$DONE" ]] || fail "$output"
	[[ $stderr != *"/proc is refused"* ]] || fail "$stderr"
}
