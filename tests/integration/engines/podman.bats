# podman, as root and rootless, with woody as its runtime: what its users do, and the exit codes that it promises.
source "${BATS_TEST_DIRNAME}/engine.bash"

setup_file() {
	engine_setup_file podman conmon
	[ -z "$UNFIT" ] || return 0
	mkdir "$BASE/podman"
	local storage=$BASE/podman run=$BASE/podman/run
	if [ "$WHO" = user ]; then storage=$USER_HOME run=$USER_RUN; fi
	cat >"$BASE/podman/containers.conf" <<-CONF
	[containers]
	# podman's own defaults (1048576 files) are above what root may have on machines without CAP_SYS_RESOURCE
	default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
	[engine]
	cgroup_manager = "$CGROUP_MANAGER"
	events_logger = "file"
	infra_image = "localhost/plain"
	# by default these are the user's own, and another suite's podman beside this one would remove our containers
	static_dir = "$storage/graph/libpod"
	volume_path = "$storage/graph/volumes"
	tmp_dir = "$run/libpod"
	lock_type = "file"
	runtime = "woody"
	runtime_supports_json = ["woody", "crun", "runc"]
	runtime_supports_nocgroups = ["woody", "crun"]
	[engine.runtimes]
	woody = ["$RUNTIME"]
	CONF
	cat >"$BASE/podman/storage.conf" <<-CONF
	[storage]
	driver = "overlay"
	graphroot = "$storage/graph"
	rootless_storage_path = "$storage/graph"
	runroot = "$run/podman"
	CONF
	echo '{ "default": [{ "type": "insecureAcceptAnything" }] }' >"$BASE/podman/policy.json"
	: >"$BASE/podman/registries.conf"
	chmod -R a+rX "$BASE/podman"
	pod tag "$(pod pull -q --signature-policy "$BASE/podman/policy.json" "oci:$BASE/layout:plain")" localhost/plain
}

# pod ARGS... - podman, as $WHO
pod() {
	client env CONTAINERS_CONF="$BASE/podman/containers.conf" CONTAINERS_STORAGE_CONF="$BASE/podman/storage.conf" \
		CONTAINERS_REGISTRIES_CONF="$BASE/podman/registries.conf" podman --log-level error "$@"
}

pod_run() { pod run --rm --network none "$@"; }
plain=localhost/plain

no_cgroups() { [ -z "$(cgroups_of "$1")" ]; }

# unmount - podman keeps its overlay directory mounted on itself, and leaves that behind
unmount() {
	local mount
	while read -r mount; do umount "$mount"; done < <(awk -v base="$BASE/" 'index($5, base) == 1 { print $5 }' /proc/self/mountinfo | tac)
}

cleanup() {
	pod pod rm -af -t 0 >/dev/null
	pod rm -af -t 0 >/dev/null
	unmount
}

teardown_file() {
	[ -n "${BASE:-}" ] || return 0
	[ "$WHO" != self ] || podman unshare rm -rf "$BASE/podman"	# files of ids that are only its own in there
	unmount
	engine_teardown_file
}

cgroups_wanted() {
	if [ "$WHO" = user ]; then skip "an ordinary user without a session of systemd has no cgroup of its own"; fi
}

@test "run: output, stdin, exit codes of the program" {
	expect 0 pod_run "$plain" sh -c 'echo out; echo err >&2'
	prints out
	same "$stderr" err
	expect 42 pod_run "$plain" sh -c 'exit 42'
	echo given >"$WORK/in"
	expect 0 pod_run -i "$plain" cat <"$WORK/in"
	prints given
}

@test "exit codes 125, 126 and 127" {
	expect 125 pod_run --no-such-option "$plain" true
	expect 126 pod_run "$plain" /tmp
	expect 126 pod_run "$plain" /etc/passwd
	expect 127 pod_run "$plain" no-such-program
	expect 127 pod_run "$plain" /no/such/program
	pod run -d --name codes --network none "$plain" sleep 1000 >/dev/null
	expect 126 pod exec codes /tmp
	expect 127 pod exec codes no-such-program
	expect 9 pod exec codes sh -c 'exit 9'
	expect 125 pod exec --no-such-option codes true
}

@test "a program that cannot be executed leaves nothing running" {
	expect 126 pod run --name odd --network none "$plain" /tmp
	expect 0 pod ps -a --format '{{.State}}'
	[[ $output == Created* || $output == created* || $output == Exited* ]] || fail "state: $output"
	expect 0 pod rm odd
}

@test "detached: exec, logs, top, kill, stop, the exit code" {
	pod run -d --name one --network none "$plain" \
		sh -c 'echo begun; trap "exit 7" TERM; trap "echo usr1" USR1; while :; do sleep 0.1; done' >/dev/null
	within 10 eval 'pod logs one | grep -q begun'
	expect 0 pod exec one sh -c 'echo in; id -u'
	prints $'in\n0'
	expect 0 pod exec -u 1000:100 -w /tmp -e K=V one sh -c 'id -u; id -g; pwd; echo $K'
	prints $'1000\n100\n/tmp\nV'
	expect 0 pod top one pid comm
	says "sh"
	expect 0 pod kill -s USR1 one
	within 10 eval 'pod logs one | grep -q usr1'
	expect 0 pod stop -t 10 one
	expect 0 pod inspect --format '{{.State.ExitCode}} {{.State.Status}} {{.OCIRuntime}}' one
	prints "7 exited woody"
	expect 0 pod start one
	expect 0 pod inspect --format '{{.State.Status}}' one
	prints running
	expect 0 pod restart -t 0 one
	expect 0 pod kill -s KILL one
	expect 0 pod wait one
	prints 137
	expect 0 pod rm one
}

@test "a terminal, of run and of exec" {
	pod run -dt --name terminal --network none "$plain" sh -c 'tty; sleep 1000' >/dev/null
	within 10 eval 'pod logs terminal | grep -q /dev/pts/0'
	# exec wants a terminal of its own: script(1) gives it one
	export BASE TAG RUNTIME NAME USER_HOME USER_RUN WHO
	declare -f pod client as_user >"$WORK/functions"
	expect 0 script -qec "bash -c '. $WORK/functions; pod exec -t terminal tty'" /dev/null
	says /dev/pts/
}

@test "pause and unpause" {
	cgroups_wanted
	pod run -d --name paused --network none "$plain" sleep 1000 >/dev/null
	expect 0 pod pause paused
	expect 0 pod inspect --format '{{.State.Status}}' paused
	prints paused
	expect 255 pod exec paused true
	expect 0 pod unpause paused
	expect 0 pod exec paused true
}

@test "limits, stats and update" {
	cgroups_wanted
	# without systemd, an ordinary user has to say where there are controllers
	local parent=()
	if [ "$WHO$CGROUP_MANAGER" = selfcgroupfs ]; then parent=(--cgroup-parent "$DELEGATED/$TAG"); fi
	pod run -d "${parent[@]}" --name limited --network none --memory 64m --pids-limit 33 "$plain" sleep 1000 >/dev/null
	local files='memory/memory.limit_in_bytes pids/pids.max'
	[ -z "$V2" ] || files='memory.max pids.max'
	expect 0 pod exec limited sh -c "cd /sys/fs/cgroup; cat $files"
	prints $'67108864\n33'
	expect 0 pod stats --no-stream --format '{{.Name}} {{.PIDs}} {{.MemUsage}}' limited
	matches '^limited 1 .*67.11MB'
	expect 0 pod update --memory 96m limited
	expect 0 pod exec limited sh -c "cd /sys/fs/cgroup; cat ${files% *}"
	prints 100663296
}

@test "health checks" {
	pod run -d --name healthy --network none --health-cmd 'test -e /tmp/well' --health-interval disable --health-retries 1 \
		"$plain" sleep 1000 >/dev/null
	expect 1 pod healthcheck run healthy
	expect 0 pod exec healthy touch /tmp/well
	expect 0 pod healthcheck run healthy
	expect 0 pod inspect --format '{{.State.Health.Status}}' healthy
	prints healthy
}

@test "a pod: its containers share network, ipc and hostname, and end together" {
	pod pod create --name many --network none --hostname together --infra-command 'sleep 1000' >/dev/null
	pod run -d --pod many --name a "$plain" sleep 1000 >/dev/null
	pod run -d --pod many --name b "$plain" sleep 1000 >/dev/null
	expect 0 pod exec a hostname
	prints together
	local shared='for n in net ipc uts; do readlink /proc/self/ns/$n; done'
	expect 0 pod exec a sh -c "$shared"
	local a=$output
	expect 0 pod exec b sh -c "$shared"
	prints "$a"
	expect 0 pod pod stop -t 0 many
	expect 0 pod pod inspect --format '{{.State}}' many
	prints Exited
	expect 0 pod pod rm many
}

@test "user namespaces" {
	if [ "$WHO" != root ]; then
		expect 0 pod_run --userns keep-id "$plain" id -u
		prints "$(client id -u)"
		expect 0 pod_run "$plain" sh -c 'id -u; cat /proc/self/uid_map'
		same "${output%%$'\n'*}" 0
	else
		expect 0 pod_run --uidmap 0:300000:1000 --gidmap 0:300000:1000 "$plain" sh -c 'id -u; cat /proc/self/uid_map'
		matches $'^0\n +0 +300000 +1000'
	fi
}

@test "volumes, tmpfs, a read-only root, an init, no capabilities, privileged" {
	mkdir "$WORK/volume"
	chmod 777 "$WORK/volume"
	expect 0 pod_run --read-only --tmpfs /scratch -v "$WORK/volume:/v" "$plain" \
		sh -c 'echo kept >/v/file; echo x >/scratch/x; touch /no 2>/dev/null || echo refused'
	prints refused
	same kept "$(cat "$WORK/volume/file")"
	expect 0 pod_run --cap-drop all "$plain" grep CapEff /proc/self/status
	prints $'CapEff:\t0000000000000000'
	expect 0 pod_run --privileged "$plain" sh -c 'grep Seccomp: /proc/self/status; mkdir /m; mount -t tmpfs t /m && echo mounted'
	prints $'Seccomp:\t0\nmounted'
	[ ! -x /usr/libexec/podman/catatonit ] || {
		expect 0 pod_run --init --init-path /usr/libexec/podman/catatonit "$plain" sh -c 'tr "\0" " " </proc/1/cmdline'
		says init
	}
}

@test "the root file system of a directory, without image" {
	mkdir "$WORK/dir"
	tar -C "$WORK/dir" -xf "$BASE/rootfs.tar"
	[ "$WHO" != user ] || chown -R "$NAME:$NAME" "$WORK/dir"
	expect 0 pod_run --rootfs "$WORK/dir" sh -c 'echo from the directory'
	prints "from the directory"
}

@test "nothing is left: no state, no cgroup, no process" {
	pod run -d --name gone --network none "$plain" sleep 1000 >/dev/null
	local id pid
	id=$(pod inspect --format '{{.Id}}' gone) pid=$(pod inspect --format '{{.State.Pid}}' gone)
	expect 0 pod rm -f -t 0 gone
	soon ended "$pid"
	within 5 no_cgroups "$id" || fail "left: $(cgroups_of "$id")"	# systemd ends conmon's scope when conmon has ended
	[ ! -e "/run/woody/$id" ] && [ ! -e "${USER_RUN:-${XDG_RUNTIME_DIR:-/none}}/woody/$id" ]
}
