# podman as a judge: it runs the same images through woody, and through it carrier runs them; both print the same. Root only:
# podman's own rootless set-up is none of ours.
source "${BATS_TEST_DIRNAME}/carrier.bash"
WHO=root

setup_file() {
	carrier_setup_file
	start_registry REGISTRY
	push debian-2 "$REGISTRY" debian:latest
	push busybox "$REGISTRY" busybox:latest
	push plain "$REGISTRY" plain:latest
	mkdir -p "$BASE/podman"
	export CONTAINERS_CONF=$BASE/podman/containers.conf CONTAINERS_STORAGE_CONF=$BASE/podman/storage.conf \
		CONTAINERS_REGISTRIES_CONF=$BASE/podman/registries.conf
	cat >"$CONTAINERS_CONF" <<-CONF
	[containers]
	# podman's own defaults (1048576 files) are above what root may have on machines without CAP_SYS_RESOURCE
	default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
	[engine]
	cgroup_manager = "cgroupfs"
	events_logger = "file"
	runtime = "woody"
	runtime_supports_json = ["woody", "crun", "runc"]
	runtime_supports_nocgroups = []
	[engine.runtimes]
	woody = ["$BASE/bin/woody"]
	CONF
	cat >"$CONTAINERS_STORAGE_CONF" <<-CONF
	[storage]
	driver = "overlay"
	graphroot = "$BASE/podman/graph"
	runroot = "$BASE/podman/run"
	CONF
	: >"$CONTAINERS_REGISTRIES_CONF"
	local name
	for name in debian busybox plain; do
		pod pull -q --tls-verify=false "127.0.0.1:$REGISTRY/$name" >/dev/null
		pull "$name" >/dev/null
	done
}

teardown_file() {
	pod rm -af >/dev/null 2>&1 || true
	# podman mounts its overlay's home in the host's namespace
	local mount
	while read -r mount; do umount "$mount"; done < <(awk -v base="$BASE/podman" 'index($5, base) == 1 { print $5 }' /proc/self/mountinfo | tac)
	carrier_teardown_file
}

cleanup() {
	pod rm -af -t 0 >/dev/null
	# as in teardown_file; podman leaves it mounted
	local mount
	while read -r mount; do umount "$mount"; done < <(awk -v base="$BASE/podman" 'index($5, base) == 1 { print $5 }' /proc/self/mountinfo | tac)
}

pod() { podman --runtime "$BASE/bin/woody" --cgroup-manager cgroupfs "$@"; }
pod_run() { pod run --rm --network none "$@"; }
ours() { carrier run --rm --network none "$@"; }
image() { echo "127.0.0.1:$REGISTRY/$1"; }

# both CODE ARG... - podman and carrier end with this code and print the same
both() {
	local code=$1 theirs
	shift
	expect "$code" pod_run "$@"
	theirs=$output
	expect "$code" ours "$@"
	same "$theirs" "$output"
}

@test "the same image prints the same" {
	both 0 "$(image debian)" bash -c 'id; pwd; cat /srv/attributed; umask; ls /srv /srv/opaque /srv/plain; stat -c "%a %u:%g" /tmp /srv/owned'
	says "uid=0(root)"
}

@test "entrypoint, command, user, directory and environment of an image" {
	both 0 "$(image busybox)"
	prints "from cmd"
	both 0 "$(image busybox)" other words
	prints "other words"
	both 0 --entrypoint /bin/sh "$(image busybox)" -c 'id; pwd; echo $FROM_IMAGE'
	says "uid=1000(app) gid=1001(app)"
}

@test "capabilities, no_new_privs, seccomp" {
	expect 0 ours "$(image plain)" grep -E '^(CapInh|CapAmb|Seccomp):' /proc/self/status
	local mine=$output
	expect 0 pod_run "$(image plain)" grep -E '^(CapInh|CapAmb|Seccomp):' /proc/self/status
	same "$mine" "$output"
}

@test "exit codes" {
	both 0 "$(image plain)" true
	both 42 "$(image plain)" sh -c 'exit 42'
	expect 126 pod_run "$(image plain)" /tmp
	expect 126 ours "$(image plain)" /tmp
	expect 127 pod_run "$(image plain)" /no/such/program
	expect 127 ours "$(image plain)" /no/such/program
}

@test "podman: detached, exec, logs, stop" {
	expect 0 pod run -d --name judged --network none "$(image plain)" sh -c 'echo begun; trap "exit 7" TERM; while :; do sleep 0.1; done'
	soon eval '[ "$(pod logs judged)" = begun ]'
	expect 0 pod exec judged sh -c 'echo in $(hostname | wc -c)'
	says "in "
	expect 3 pod exec judged sh -c 'exit 3'
	expect 0 pod exec -u 1000 judged id -u
	prints 1000
	expect 0 pod stop judged
	expect 0 pod inspect --format '{{.State.ExitCode}}' judged
	prints 7
}

@test "podman: limits arrive" {
	expect 0 pod_run --memory 64m --pids-limit 33 "$(image plain)" sh -c \
		'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max'
	prints $'67108864\n33'
}

@test "podman: stdin, volumes, read-only, tmpfs" {
	mkdir "$WORK/volume"
	expect 0 bash -c 'echo given | podman --runtime "$BASE/bin/woody" run --rm -i --network none -v "'"$WORK"'/volume:/v" --read-only \
		"127.0.0.1:$REGISTRY/plain" sh -c "cat >/v/file; touch /no 2>/dev/null || echo refused"'
	prints refused
	same given "$(cat "$WORK/volume/file")"
}

@test "podman: a terminal" {
	expect 0 script -qec "podman --runtime $BASE/bin/woody run --rm -t --network none 127.0.0.1:$REGISTRY/plain tty" /dev/null
	says /dev/pts/0
}

@test "the other way round: carrier through runc" {
	expect 0 carrier --runtime runc run --rm --network none "$(image plain)" sh -c 'echo through; id -u'
	prints $'through\n0'
	expect 5 carrier --runtime runc run --rm --network none "$(image plain)" sh -c 'exit 5'
}
