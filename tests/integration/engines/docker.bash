# A dockerd of the tests' own: data, sockets, state and cgroups below $BASE, no bridge, no packet filter rules; woody is its default
# runtime. For dockerd.bats and swarm.bats.
source "${BATS_TEST_DIRNAME}/engine.bash"

docker_setup_file() {
	engine_setup_file dockerd docker containerd
	[ -z "$UNFIT" ] || return 0
	export PARENT=/$TAG
	[ "$CGROUP_MANAGER" != systemd ] || PARENT=$TAG.slice
	mkdir "$BASE/docker"
	cat >"$BASE/docker/daemon.json" <<-CONF
	{ "runtimes": { "woody": { "path": "$RUNTIME" } }, "default-runtime": "woody", "exec-opts": ["native.cgroupdriver=$CGROUP_MANAGER"] }
	CONF
	daemon dockerd dockerd --config-file "$BASE/docker/daemon.json" --data-root "$BASE/docker/data" --exec-root "$BASE/docker/exec" \
		--pidfile "$BASE/docker/pid" --host "unix://$BASE/docker/sock" --cgroup-parent "$PARENT" --bridge none \
		--iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --oom-score-adjust 0 "$@"
	if ! within 60 dock version; then
		tail -n 5 "$BASE/daemons/dockerd.log" >&2
		unfit "dockerd does not start here: $(grep -o 'level=fatal.*\|failed to start daemon.*' "$BASE/daemons/dockerd.log" | tail -n 1)"
		return 0
	fi
	dock import -c 'ENV PATH=/usr/bin:/bin' "$BASE/rootfs.tar" plain >/dev/null
}

docker_teardown_file() {
	[ -n "${BASE:-}" ] || return 0
	dock ps -aq 2>/dev/null | xargs -r docker -H "unix://$BASE/docker/sock" rm -f >/dev/null 2>&1 || true
	engine_teardown_file
}

# dock ARGS... - the client. What is not about containers (no forwarding on this host) goes to stderr, and is taken out.
dock() { docker -H "unix://$BASE/docker/sock" "$@"; }
dock_run() { dock run --rm --network none "$@"; }

# of NAME TEMPLATE - one member of a container
of() { dock inspect --format "$2" "$1"; }
