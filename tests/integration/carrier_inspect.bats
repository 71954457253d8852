# carrier inspect, top, info, version: what is known of a container, and of the machine. WHO=root or user.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() { setup_with plain; }

teardown_file() { carrier_teardown_file; }

# asleep NAME OPTION...
asleep() {
	local name=$1
	shift
	expect 0 carrier run -d --name "$name" --network none "$@" "$PLAIN" sleep 1000
	has_state "$name" running
}

@test "inspect: docker's shape, and what was asked for in its places" {
	mkdir "$WORK/data"
	asleep web --label a.b=c --label plain=x -e FOO=bar -w /tmp -u 0:0 -v "$WORK/data:/data:ro" --hostname there --stop-timeout 7 \
		--stop-signal USR1 --add-host "x:1.2.3.4" --dns 9.9.9.9
	expect 0 carrier inspect web
	same "[]" "$(jq -c '["Id","Created","Path","Args","State","Image","ResolvConfPath","HostnamePath","HostsPath","LogPath","Name","RestartCount","Driver",
		"Platform","ExecIDs","HostConfig","GraphDriver","Mounts","Config","NetworkSettings"] - (.[0] | keys)' <<<"$output")"
	same "[]" "$(jq -c '["Status","Running","Paused","Restarting","OOMKilled","Dead","Pid","ExitCode","Error","StartedAt","FinishedAt"]
		- (.[0].State | keys)' <<<"$output")"
	same "[]" "$(jq -c '["Binds","NetworkMode","RestartPolicy","AutoRemove","LogConfig","Privileged","ReadonlyRootfs","SecurityOpt","Memory","NanoCpus",
		"CpuShares","PidsLimit","Devices","Ulimits","ShmSize","ExtraHosts","Dns","PortBindings"] - (.[0].HostConfig | keys)' <<<"$output")"
	same '{"Name":"no","MaximumRetryCount":0}' "$(jq -c '.[0].HostConfig.RestartPolicy' <<<"$output")"
	same '{"Type":"json-file","Config":{}}' "$(jq -c '.[0].HostConfig.LogConfig' <<<"$output")"
	same '["sleep",["1000"],"there","0:0","/tmp","USR1",7,{"a.b":"c","plain":"x"}]' "$(jq -c '.[0] | [.Path, .Args, .Config.Hostname, .Config.User,
		.Config.WorkingDir, .Config.StopSignal, .Config.StopTimeout, .Config.Labels]' <<<"$output")"
	same true "$(jq '.[0].Config.Env | index("FOO=bar") != null' <<<"$output")"
	same "[\"$WORK/data\",\"/data\",false,\"bind\"]" "$(jq -c '.[0].Mounts[0] | [.Source, .Destination, .RW, .Type]' <<<"$output")"
	same '["x 1.2.3.4"] ["9.9.9.9"]' "$(jq -r '.[0].HostConfig | "\(.ExtraHosts) \(.Dns)"' <<<"$output")"
	same "$CROOT/containers/$(id_of web)/log" "$(jq -r '.[0].LogPath' <<<"$output")"
	same "$CROOT/containers/$(id_of web)/upper" "$(jq -r '.[0].GraphDriver.Data.UpperDir // empty' <<<"$output")"
	same null "$(jq '.[0].SizeRw' <<<"$output")"
	[ -d "/proc/$(jq '.[0].State.Pid' <<<"$output")" ] || fail "no such pid"
}

@test "inspect: templates, json a line, --latest, --size, --type; what is wrong is said" {
	asleep web --label a.b=c
	expect 0 carrier inspect -f '{{.State.Status}} {{.Name}} {{index .Config.Labels "a.b"}} {{.HostConfig.RestartPolicy.Name}}' web
	prints "running web c no"
	expect 0 carrier inspect -f '{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}' web
	prints none
	expect 0 carrier inspect -f '{{range .Config.Env}}{{println .}}{{end}}' web
	matches PATH=
	expect 0 carrier inspect -f '{{json .State}}' web
	same true "$(jq .Running <<<"$output")"
	expect 0 carrier inspect --format json web "$PLAIN"
	same "2" "$(wc -l <<<"$output")"
	expect 0 carrier inspect -l -f '{{.Name}}'
	prints web
	expect 0 carrier exec web sh -c 'head -c 2000000 /dev/zero >/fat'
	expect 0 carrier inspect -s -f '{{.SizeRw}} {{.SizeRootFs}}' web
	[ "${output% *}" -ge 2000000 ] || fail "$output"
	[ "${output#* }" -gt "${output% *}" ] || fail "$output"
	expect 0 carrier image inspect -f '{{.Os}} {{json .RepoTags}}' "$PLAIN"
	prints "linux [\"$PLAIN:latest\"]"
	failing 125 "did you mean 'Status'" carrier inspect -f '{{.State.Statos}}' web
	failing 1 "no container '$PLAIN'" carrier inspect --type container "$PLAIN"
	failing 1 "no image" carrier inspect --type image web
	failing 125 "--type 'volumes'" carrier inspect --type volumes web
	failing 125 "exclude each other" carrier inspect -l web
	failing 125 "name at least one" carrier inspect
	expect 1 carrier inspect nobody
	prints "[]"
}

@test "inspect: a state for each, and the end" {
	asleep web
	if [ "$WHO" = root ]; then
		expect 0 carrier pause web
		expect 0 carrier inspect -f '{{.State.Status}} {{.State.Paused}} {{.State.Running}}' web
		prints "paused true true"
		expect 0 carrier unpause web
	fi
	expect 0 carrier kill web
	expect 0 carrier inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.Running}} {{.State.Pid}}' web
	prints "exited 137 false 0"
	expect 0 carrier inspect -f '{{gt .State.FinishedAt .State.StartedAt}}' web
	prints true
	expect 0 carrier run --rm --name gone --network none "$PLAIN" true
	failing 1 "no container and no image 'gone'" carrier inspect gone
}

@test "top: docker's columns, podman's, the host's ps; the processes of exec, too, and nobody else's" {
	local pid
	asleep web
	expect 0 carrier exec -d web sleep 555
	pid=$(pid_of web)
	expect 0 carrier top web
	same "UID PID PPID C STIME TTY TIME CMD" "$(head -1 <<<"$output" | xargs)"
	grep -qE "^(root|0) +$pid .* sleep 1000$" <<<"$output" || fail "$output"
	same 3 "$(wc -l <<<"$output")"
	expect 0 carrier top web pid,hpid ppid user args
	same "PID HPID PPID USER COMMAND" "$(head -1 <<<"$output" | xargs)"
	grep -qE "^1 +$pid +0 +(root|0) +sleep 1000$" <<<"$output" || fail "$output"
	grep -qE ' sleep 555$' <<<"$output" || fail "$output"
	expect 0 carrier top -l comm seccomp state nice pgid tty vsz rss pcpu etime time stime capeff capbnd capinh capprm capamb group huser hgroup label
	matches 'sleep +filter +S'
	expect 0 carrier top web -eo pid,args
	same 3 "$(wc -l <<<"$output")"
	grep -qE "^ *$pid sleep 1000$" <<<"$output" || fail "$output"
	expect 0 carrier top web aux
	matches 'USER +PID .*COMMAND'
	failing 125 "no column PID" carrier top web -eo args
	failing 125 "did you mean 'user'" carrier top web usr
	failing 125 "does not take these options" carrier top web --nonsense-option
	expect 0 carrier kill web
	failing 1 "is not running (it is exited)" carrier top web
	failing 1 "no container 'nobody'" carrier top nobody
	failing 125 "name a container" carrier top
}

@test "info and version: text, JSON, templates" {
	expect 0 carrier info
	matches "root: +$CROOT"
	matches 'storage driver: +auto'
	expect 0 carrier info -f '{{.NCPU}} {{.OSType}} {{.CgroupVersion}} {{.ContainersPaused}} {{.Root}}'
	matches "^$(nproc) linux [12] 0 $CROOT"
	expect 0 carrier info --format json
	same true "$(jq '.MemTotal > 1e8 and (.SecurityOptions | index("name=seccomp,profile=builtin") != null) and .OperatingSystem != ""' <<<"$output")"
	failing 125 "did you mean 'NCPU'" carrier info -f '{{.NCPUs}}'
	expect 0 carrier version
	matches '^carrier version [0-9]'
	expect 0 carrier version -f '{{.Client.Os}} {{range .Components}}{{.Name}} {{end}}'
	prints "linux carrier woody "
	expect 0 carrier version --format json
	same "woody version" "$(jq -r '.Components[1].Version' <<<"$output" | cut -d' ' -f1,2)"
	expect 0 carrier --storage-driver copy info -f '{{.Driver}}'
	prints copy
}
