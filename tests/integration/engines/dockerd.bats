# dockerd with woody as its default runtime: the daemon, its containerd and its shims are real.
source "${BATS_TEST_DIRNAME}/docker.bash"
WHO=root

setup_file() { docker_setup_file; }
teardown_file() { docker_teardown_file; }

cleanup() {
	dock ps -aq | xargs -r docker -H "unix://$BASE/docker/sock" rm -f >/dev/null
	within 10 no_cgroups || fail "cgroups are left: $(cgroups_of "$TAG")"
}

# no_cgroups - of containers: below the daemon's own parent is nothing
no_cgroups() { [ -z "$(find /sys/fs/cgroup -mindepth 2 -type d -path "*/${PARENT#/}/*" 2>/dev/null)" ]; }

sleeper() { dock run -d --network none --name "$@" plain sleep 1000 >/dev/null; }

@test "woody is the default runtime" {
	expect 0 dock info --format '{{.DefaultRuntime}}'
	prints woody
}

@test "run: output, stdin, exit codes" {
	expect 0 dock_run plain sh -c 'echo out; echo err >&2; id -u'
	prints $'out\n0'
	expect 42 dock_run plain sh -c 'exit 42'
	echo given >"$WORK/in"
	expect 0 dock_run -i plain cat <"$WORK/in"
	prints given
	expect 125 dock_run --no-such-option plain true
	expect 126 dock_run plain /tmp
	expect 126 dock_run plain /etc/passwd
	expect 127 dock_run plain no-such-program
	expect 127 dock_run plain /no/such/program
}

@test "a program that fails to start leaves no container in containerd" {
	expect 125 dock run --network none --name odd plain odd
	says "exec format error"
	expect 0 dock rm odd
	! grep -q 'failed to delete failed start container' "$BASE/daemons/dockerd.log" ||
		fail "$(grep 'failed to delete' "$BASE/daemons/dockerd.log")"
}

@test "exec, top, logs, stop, restart" {
	dock run -d --network none --name one plain sh -c 'echo begun; trap "exit 7" TERM; while :; do sleep 0.1; done' >/dev/null
	within 10 eval 'dock logs one | grep -q begun'
	expect 0 dock exec -u 1000:100 -w /tmp -e K=V one sh -c 'id -u; id -g; pwd; echo $K'
	prints $'1000\n100\n/tmp\nV'
	expect 3 dock exec one sh -c 'exit 3'
	expect 126 dock exec one no-such-program	# 20.10 has no 127 for exec
	expect 126 dock exec one /tmp
	expect 0 dock exec -d one sh -c 'echo detached >/tmp/it; sleep 1000'
	within 10 dock exec one test -s /tmp/it
	expect 0 dock top one
	says "sleep 1000"
	expect 0 dock restart -t 5 one
	same "$(of one '{{.State.Status}}')" running
	expect 0 dock stop -t 10 one
	same "$(of one '{{.State.ExitCode}} {{.HostConfig.Runtime}}')" "7 woody"
	expect 0 dock start one
	expect 0 dock kill one
	within 10 eval '[ "$(of one "{{.State.Status}} {{.State.ExitCode}}")" = "exited 137" ]'
}

@test "a terminal" {
	dock run -dt --network none --name terminal plain sh -c 'tty; stty size; sleep 1000' >/dev/null
	within 10 eval 'dock logs terminal | grep -q /dev/pts/0'
	expect 0 script -qec "docker -H unix://$BASE/docker/sock exec -it terminal tty" /dev/null
	says /dev/pts/1
}

@test "pause: exec is refused, unpause goes on" {
	sleeper paused
	expect 0 dock pause paused
	same "$(of paused '{{.State.Status}}')" paused
	expect 1 dock exec paused true
	says "paused"
	expect 0 dock unpause paused
	expect 0 dock exec paused true
}

@test "limits, stats, update" {
	sleeper limited -m 64m --memory-swap 64m --pids-limit 33 --cpus 0.5
	expect 0 dock stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' limited
	matches '/ 64MiB 1$'
	expect 0 dock update --memory 96m --memory-swap 96m --pids-limit 44 --cpus 1 limited
	expect 0 dock stats --no-stream --format '{{.MemUsage}}' limited
	matches '/ 96MiB$'
	local dir
	dir=$(cgroups_of "$(of limited '{{.Id}}')" | grep -m 1 pids || cgroups_of "$(of limited '{{.Id}}')" | head -n 1)
	same "$(cat "$dir/pids.max")" 44
	expect 0 dock exec limited true
}

@test "a restart policy starts it again" {
	dock run -d --network none --name again --restart on-failure:3 plain sh -c 'exit 5' >/dev/null
	within 30 eval '[ "$(of again "{{.RestartCount}} {{.State.Status}}")" = "3 exited" ]'
	same "$(of again '{{.State.ExitCode}}')" 5
}

@test "a health check: unhealthy, healthy" {
	sleeper healthy --health-cmd 'test -e /tmp/well' --health-interval 500ms --health-retries 2
	within 20 eval '[ "$(of healthy "{{.State.Health.Status}}")" = unhealthy ]'
	expect 0 dock exec healthy touch /tmp/well
	within 20 eval '[ "$(of healthy "{{.State.Health.Status}}")" = healthy ]'
}

@test "out of memory: the container is ended, and docker knows why" {
	dock run -d --network none --name hungry -m 16m --memory-swap 16m plain sh -c 'head -c 64m /dev/zero | tail -c 64m' >/dev/null
	within 20 eval '[ "$(of hungry "{{.State.Status}}")" = exited ]'
	same "$(of hungry '{{.State.OOMKilled}}')" true
}

@test "volumes, read-only root, capabilities, seccomp, privileged, a shared namespace" {
	mkdir "$WORK/volume"
	expect 0 dock_run --read-only --tmpfs /scratch -v "$WORK/volume:/v" plain \
		sh -c 'echo kept >/v/file; echo x >/scratch/x; touch /no 2>/dev/null || echo refused'
	prints refused
	same kept "$(cat "$WORK/volume/file")"
	expect 0 dock_run --cap-drop ALL plain grep -E 'CapEff|Seccomp:' /proc/self/status
	prints $'CapEff:\t0000000000000000\nSeccomp:\t2'
	# every capability is asked for; those that this machine's root lacks are left out
	expect 0 dock_run --privileged plain sh -c 'grep Seccomp: /proc/self/status; mount -t tmpfs t /tmp && echo mounted'
	prints $'Seccomp:\t0\nmounted'
	sleeper shared
	expect 0 dock_run --pid container:shared plain ps -o args
	says "sleep 1000"
}


@test "archives: what docker saves is loaded by carrier, and the other way round, with the same ids" {
	local ours=("$CARRIER" --root "$BASE/carrier") id
	id=$(of plain '{{.Id}}')
	dock tag plain plain:second
	dock save -o "$WORK/docker.tar" plain:latest plain:second
	expect 0 "${ours[@]}" load -i "$WORK/docker.tar"
	says "Loaded image: plain:latest"
	says "Loaded image: plain:second"
	same "$id" "$("${ours[@]}" inspect --type image plain | jq -r '.[0].Id')"
	expect 0 "${ours[@]}" --runtime "$RUNTIME" run --rm --network none plain sh -c 'echo from docker'
	prints "from docker"
	# a commit of ours, loaded by docker
	"${ours[@]}" --runtime "$RUNTIME" run --network none --name changed plain sh -c 'echo ours >/tmp/file; rm /bin/odd; chmod 1777 /var'
	"${ours[@]}" commit -c 'CMD ["cat", "/tmp/file"]' changed ours:1 >/dev/null
	"${ours[@]}" rm changed >/dev/null
	id=$("${ours[@]}" inspect --type image ours:1 | jq -r '.[0].Id')
	for format in docker-archive oci-archive; do
		"${ours[@]}" save --format "$format" ours:1 >"$WORK/ours.tar"
		if [ "$format" = oci-archive ]; then
			# docker with its older store reads manifest.json only
			dock load -i "$WORK/ours.tar" >said 2>&1 || continue
		else
			expect 0 dock load -i "$WORK/ours.tar"
			says "Loaded image: ours:1"
		fi
		same "$id" "$(of ours:1 '{{.Id}}')"
		expect 0 dock_run ours:1
		prints ours
		expect 0 dock_run ours:1 sh -c 'ls /bin/odd 2>/dev/null; stat -c %a /var'
		prints 1777
		dock rmi ours:1 >/dev/null
	done
	dock rmi plain:second >/dev/null
	rm -rf "$BASE/carrier"
}
