# Who the process is and what it may: users, groups, umask, capabilities, limits, no_new_privs, environment, cwd.
load helpers

# status_line NAME... - of the container's program, in $output
show_status() {
	program sh -c "grep -E '^($1):' /proc/self/status"
	expect 0 woody run "$ID"
	output=$(tr '\t' ' ' <<<"$output")
}

# sets JSON - process.capabilities
sets() {
	config '.process.capabilities = $sets' --argjson sets "$1"
}

@test "uid, gid and additional groups" {
	config '.process.user = { uid: 1000, gid: 100, additionalGids: [5, 65534, 7] }'
	inside 0 'id -u; id -g; id -G'
	prints $'1000\n100\n100 5 7 65534'
	config '.process.user = { uid: 1000, gid: 100 }'
	inside 0 'id -G'
	prints 100	# none of the caller's
}

@test "umask, of the program and of exec" {
	inside 0 umask
	prints 0022
	config '.process.user.umask = 63'
	inside 0 umask
	prints 0077
	start_sleeping
	expect 0 woody exec "$ID" sh -c umask
	prints 0077
}

@test "capabilities: none" {
	config 'del(.process.capabilities)'
	show_status 'Cap...'
	prints 'CapInh: 0000000000000000
CapPrm: 0000000000000000
CapEff: 0000000000000000
CapBnd: 0000000000000000
CapAmb: 0000000000000000'
}

@test "capabilities: the default has nothing inheritable and nothing ambient" {
	show_status 'Cap...'
	prints 'CapInh: 0000000000000000
CapPrm: 0000000020000420
CapEff: 0000000020000420
CapBnd: 0000000020000420
CapAmb: 0000000000000000'
}

@test "capabilities: each of the five sets" {
	config '.process.user.uid = 1000'	# root's execve would fill permitted and effective from the bounding set
	sets '{ "bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_SYSLOG", "CAP_MKNOD"], "permitted": ["CAP_CHOWN", "CAP_KILL", "CAP_SYSLOG"],
		"inheritable": ["CAP_CHOWN", "CAP_SYSLOG"], "effective": ["CAP_KILL"], "ambient": ["CAP_CHOWN"] }'
	show_status 'Cap...'
	prints 'CapInh: 0000000400000001
CapPrm: 0000000000000001
CapEff: 0000000000000001
CapBnd: 0000000408000021
CapAmb: 0000000000000001'
}

@test "capabilities: permitted is limited by bounding" {
	sets '{ "bounding": ["CAP_SYS_ADMIN"], "permitted": ["CAP_SYS_ADMIN", "CAP_AUDIT_WRITE", "CAP_KILL"],
		"effective": ["CAP_SYS_ADMIN", "CAP_KILL"] }'
	show_status 'Cap(Prm|Eff|Bnd)'
	prints 'CapPrm: 0000000000200000
CapEff: 0000000000200000
CapBnd: 0000000000200000'
}

@test "capabilities: unknown names are a warning" {
	sets '{ "bounding": ["CAP_KILL", "CAP_UNHEARD_OF"], "permitted": ["CAP_KILL"], "effective": ["CAP_KILL"] }'
	show_status CapBnd
	prints 'CapBnd: 0000000000000020'
	[[ "$stderr" == *CAP_UNHEARD_OF* ]]
}

@test "capabilities: what the caller has not itself cannot be granted, which is a warning" {
	sets '{ "bounding": ["CAP_KILL", "CAP_SYSLOG"], "permitted": ["CAP_KILL", "CAP_SYSLOG"], "effective": ["CAP_KILL", "CAP_SYSLOG"],
		"inheritable": ["CAP_SYSLOG"] }'
	program grep -E '^Cap(Inh|Prm|Eff)' /proc/self/status
	expect 0 setpriv --bounding-set=-syslog --inh-caps=-all "$WOODY" --root "$ROOT" run "$ID"
	prints $'CapInh:\t0000000000000000\nCapPrm:\t0000000000000020\nCapEff:\t0000000000000020'
	[[ "$stderr" == *"CAP_SYSLOG cannot be granted: we do not have it ourselves"* ]]
}

@test "capabilities: an ambient one that is not inheritable is a warning, the rest is raised" {
	config '.process.user.uid = 1000'
	sets '{ "bounding": ["CAP_CHOWN", "CAP_KILL"], "permitted": ["CAP_CHOWN", "CAP_KILL"], "inheritable": ["CAP_KILL"],
		"ambient": ["CAP_CHOWN", "CAP_KILL"] }'
	show_status CapAmb
	prints 'CapAmb: 0000000000000020'
	[[ "$stderr" == *"can't raise ambient capability CAP_CHOWN"* ]]
}

@test "capabilities: a user with an ambient one uses it" {
	echo 'echo it ran' >"$ROOTFS/bin/no-read"
	chmod 700 "$ROOTFS/bin/no-read"
	config '.process.user = { uid: 1000, gid: 1000 }'
	inside 2 'sh /bin/no-read'
	sets '{ "bounding": ["CAP_DAC_OVERRIDE"], "permitted": ["CAP_DAC_OVERRIDE"], "inheritable": ["CAP_DAC_OVERRIDE"],
		"effective": ["CAP_DAC_OVERRIDE"], "ambient": ["CAP_DAC_OVERRIDE"] }'
	inside 0 'sh /bin/no-read'
	prints "it ran"
}

@test "no_new_privs is as the config says" {
	show_status NoNewPrivs
	prints 'NoNewPrivs: 1'
	config '.process.noNewPrivileges = false'
	show_status NoNewPrivs
	prints 'NoNewPrivs: 0'
}

@test "rlimits are set, for the program and for exec; what is not named stays" {
	config '.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }, { type: "RLIMIT_CORE", soft: 0, hard: 0 },
		{ type: "RLIMIT_STACK", soft: 4194304, hard: 8388608 }]'
	local here
	here=$(awk '/Max processes/ { print $3, $4 }' /proc/self/limits)
	inside 0 'ulimit -Sn; ulimit -Hn; ulimit -c; ulimit -Hs; grep "Max processes" /proc/self/limits | tr -s " " | cut -d" " -f3,4'
	prints $'100\n200\n0\n8192\n'"$here"
	start_sleeping
	expect 0 woody exec "$ID" sh -c 'ulimit -n; ulimit -Hn'
	prints $'100\n200'
}

@test "a tiny RLIMIT_NOFILE does not hit the runtime" {
	config '.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 4, hard: 4 }]'
	inside 0 'ulimit -n'
	prints 4
}

@test "an unknown rlimit, one given twice, and soft above hard are refused" {
	program true
	config '.process.rlimits = [{ type: "RLIMIT_NONSENSE", soft: 1, hard: 1 }]'
	refused RLIMIT_NONSENSE
	config '.process.rlimits = [{ type: "RLIMIT_CORE", soft: 1, hard: 1 }, { type: "RLIMIT_CORE", soft: 2, hard: 2 }]'
	refused RLIMIT_CORE
	config '.process.rlimits = [{ type: "RLIMIT_CORE", soft: 2, hard: 1 }]'
	refused RLIMIT_CORE
}

@test "oom_score_adj is raised, and is the caller's without it" {
	config '.process.oomScoreAdj = 321'
	inside 0 'cat /proc/self/oom_score_adj'
	prints 321
	config 'del(.process.oomScoreAdj)'
	inside 0 'cat /proc/self/oom_score_adj'
	prints "$(cat /proc/self/oom_score_adj)"
}

@test "the environment is exactly the config's, and HOME" {
	config '.process.env = ["PATH=/bin", "A=1", "B=two words", "A=3", "NL=a\nb", "EMPTY="]'
	LEAKED=yes inside 0 'env -0 | tr "\0\n" "\n;" | sort'
	prints $'A=3\nB=two words\nEMPTY=\nHOME=/root\nNL=a;b\nPATH=/bin\nPWD=/' || {
		[[ "$output" != *LEAKED* ]]
		prints $'A=3\nB=two words\nEMPTY=\nHOME=/root\nNL=a;b\nPATH=/bin\nPWD=/\nSHLVL=1'
	}
}

@test "HOME: the config's, else passwd's, else /" {
	echo 'someone:x:1000:1000::/home/someone:/bin/sh' >>"$ROOTFS/etc/passwd"
	config '.process.env += ["HOME=/mine"]'
	inside 0 'echo $HOME'
	prints /mine
	config '.process.env |= map(select(startswith("HOME") | not)) + ["HOME="]'
	inside 0 'echo $HOME'
	prints /root
	config '.process.env |= map(select(startswith("HOME") | not)) | .process.user.uid = 1000'
	inside 0 'echo $HOME'
	prints /home/someone
	config '.process.user.uid = 1001'
	inside 0 'echo $HOME'
	prints /
	config 'del(.process.env)'
	program /bin/sh -c 'echo $HOME'
	expect 0 woody run "$ID"
	prints /
}

@test "cwd, also one that only root, or only the user, can enter" {
	mkdir -m 700 "$ROOTFS/roots" "$ROOTFS/users"
	chown 42 "$ROOTFS/users"
	config '.process.cwd = "/tmp"'
	inside 0 pwd
	prints /tmp
	config '.process.user.uid = 42 | .process.cwd = "/roots"'
	inside 0 pwd
	prints /roots
	config '.process.cwd = "/users"'	# the default capabilities have no CAP_DAC_OVERRIDE
	inside 0 'cd . && pwd'
	prints /users
}

@test "cwd: relative, or not there" {
	program true
	config '.process.cwd = "tmp"'
	refused "process.cwd"
	config '.process.cwd = "/no/such/dir"'
	expect 1 woody run "$ID"
	says /no/such/dir
	gone
}

@test "the program is found through the container's PATH" {
	mkdir "$ROOTFS/odd"
	printf '#!/bin/sh\necho odd "$0" "$@"\n' >"$ROOTFS/odd/tool"
	chmod 755 "$ROOTFS/odd/tool"
	config '.process.env = ["PATH=/bin:/odd"]'
	program tool "a b" ""
	expect 0 woody run "$ID"
	prints "odd /odd/tool a b "
}

@test "the process leads a session of its own" {
	inside 0 'cut -d" " -f1,5,6 /proc/self/stat; cut -d" " -f1,5,6 /proc/1/stat'
	same "${lines[1]}" "1 1 1"
}

@test "signals have their defaults, also when the caller ignores or blocks them" {
	program sh -c 'grep -E "^Sig(Blk|Ign)" /proc/self/status | tr "\t" " "'
	expect 0 sh -c 'trap "" PIPE HUP INT USR1; exec "$@"' sh "$WOODY" --root "$ROOT" run "$ID"
	prints $'SigBlk: 0000000000000000\nSigIgn: 0000000000000000'
}

@test "SELinux labels are a warning where SELinux is not" {
	[ ! -e /sys/fs/selinux/enforce ] || skip "SELinux is on: $(ls /sys/fs/selinux/enforce)"
	config '.linux.mountLabel = "system_u:object_r:x_t:s0" | .process.selinuxLabel = "system_u:system_r:x_t:s0:c1,c2"'
	inside 0 'echo runs'
	prints runs
	says "linux.mountLabel: 'system_u:object_r:x_t:s0' is ignored, SELinux is not enabled here"
	says "process.selinuxLabel: 'system_u:system_r:x_t:s0:c1,c2' is ignored, SELinux is not enabled here"
	config 'del(.linux.mountLabel, .process.selinuxLabel)'
	start_sleeping
	expect 0 woody exec --process-label system_u:system_r:y_t:s0 "$ID" true
	says "'system_u:system_r:y_t:s0' is ignored"
}

@test "an AppArmor profile is a warning where AppArmor is not" {
	[ ! -e /sys/module/apparmor/parameters/enabled ] || skip "AppArmor is there: $(cat /sys/module/apparmor/parameters/enabled)"
	config '.process.apparmorProfile = "some-profile"'
	inside 0 'echo runs'
	prints runs
	says "process.apparmorProfile: 'some-profile' is ignored, AppArmor is not enabled here"
	config '.process.apparmorProfile = "unconfined"'
	inside 0 true
	silent	# which it is
	start_sleeping
	expect 0 woody exec --apparmor other-profile "$ID" true
	says "'other-profile' is ignored"
}

# apparmor - AppArmor is on, and the profile $1 is loaded: it denies reading /etc/secret, and gives its name to what it starts
apparmor() {
	[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] ||
		skip "cat /sys/module/apparmor/parameters/enabled: $(cat /sys/module/apparmor/parameters/enabled 2>&1)"
	PROFILE=woody-test-$BATS_TEST_NUMBER-$$
	printf 'profile %s flags=(attach_disconnected,mediate_deleted) {\n file,\n capability,\n network,\n signal,\n mount,\n deny /etc/secret r,\n}\n' \
		"$PROFILE" >"$WORK/profile"
	apparmor_parser --skip-cache --replace "$WORK/profile"
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	echo secret >"$ROOTFS/etc/secret"
}

cleanup() {
	[ ! -e "$WORK/profile" ] || apparmor_parser --remove "$WORK/profile"
}

@test "AppArmor: the profile confines run and exec, with and without no_new_privs" {
	apparmor
	inside 0 'cat /etc/secret; probe attr current'
	same "${lines[0]}" secret
	[[ "$output" != *"$PROFILE"* ]]
	config '.process.apparmorProfile = $name' --arg name "$PROFILE"
	inside 1 'probe attr current; cat /etc/secret'
	same "${lines[0]}" "$PROFILE (enforce)"
	says "Permission denied"
	config '.process.noNewPrivileges = false | .process.user.uid = 1000'
	inside 1 'probe attr current; cat /etc/secret'
	same "${lines[0]}" "$PROFILE (enforce)"
	says "Permission denied"
	start_sleeping
	same "$(cat "/proc/$PID/attr/current")" "$PROFILE (enforce)"
	expect 1 woody exec "$ID" cat /etc/secret
	says "Permission denied"
	expect 0 woody exec --apparmor unconfined "$ID" cat /etc/secret
	prints secret
}

@test "AppArmor: exec takes a profile of its own, from the option or a process document" {
	apparmor
	start_sleeping
	expect 0 woody exec "$ID" cat /etc/secret
	prints secret
	expect 1 woody exec --apparmor "$PROFILE" "$ID" cat /etc/secret
	says "Permission denied"
	jq '.process | .args = ["probe", "attr", "current"] | .apparmorProfile = $name' --arg name "$PROFILE" config.json >"$WORK/process.json"
	expect 0 woody exec -p "$WORK/process.json" "$ID"
	prints "$PROFILE (enforce)"
}

@test "AppArmor: a startContainer hook is confined, too" {
	apparmor
	config '.process.apparmorProfile = $name | .hooks.startContainer = [{ path: "/bin/cat", args: ["cat", "/etc/secret"] }]' --arg name "$PROFILE"
	inside 1 true
	says "error running startContainer hook #0: exit status 1"
	says "Permission denied"
}

@test "AppArmor: a profile that is not loaded, and a /proc that is none of the host's" {
	apparmor
	config '.process.apparmorProfile = "woody-unheard-of"'
	program true
	refused "process.apparmorProfile: 'woody-unheard-of' is not loaded; load it with apparmor_parser(8)"
	# the container's /proc says nothing: the profile is set through the host's
	config '.process.apparmorProfile = $name | .mounts |= map(if .destination == "/proc" then { destination: "/proc", type: "tmpfs", source: "x" }
		else . end) | .linux.maskedPaths = [] | .linux.readonlyPaths = []' --arg name "$PROFILE"
	program cat /etc/secret
	expect 1 woody run "$ID"
	says "Permission denied"
}

# groups_of ANNOTATION-VALUE - which the program of a caller with groups 4 and 24 has
groups_of() {
	config '.annotations["run.oci.keep_original_groups"] = $value' --arg value "$1"
	program id -G
	expect 0 setpriv --groups 4,24 "$WOODY" --root "$ROOT" run "$ID"
}

@test "run.oci.keep_original_groups leaves the caller's groups" {
	groups_of 0
	prints 0
	groups_of 1
	prints "0 4 24"
	program sleep 1000
	detached woody run -d "$ID"
	expect 0 setpriv --groups 4 "$WOODY" --root "$ROOT" exec "$ID" id -G
	prints "0 4"
}

@test "WebAssembly is refused" {
	program true
	config '.annotations["module.wasm.image/variant"] = "compat"'
	refused "annotation module.wasm.image/variant=compat: the image is WebAssembly, which woody does not execute"
}

@test "the session keyring is the container's own, exec joins it; --no-new-keyring leaves the caller's" {
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	local callers
	callers=$("$WOODY_TESTBIN/probe" keyring)
	program sh -c 'probe keyring; sleep 1000'
	detached woody run -d "$ID"
	soon test -s "$WORK/stdout"
	same "$(cut -d' ' -f2 "$WORK/stdout")" "keyring;0;0;3f1b0000;_ses.$ID"
	expect 0 woody exec "$ID" probe keyring
	prints "$(cat "$WORK/stdout")"
	differ "$output" "$callers"
	expect 0 woody exec --user 1000:1000 "$ID" sh -c 'probe keyring'
	prints "$(cat "$WORK/stdout")"
	woody delete -f "$ID"
	detached woody create --no-new-keyring "$ID"
	expect 0 woody start "$ID"
	soon test -s "$WORK/stdout"
	same "$(cat "$WORK/stdout")" "$callers"
	expect 0 woody exec "$ID" probe keyring
	prints "$callers"
}

@test "the session keyring in a user namespace" {
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 "$ROOTFS"
	program sh -c 'probe keyring; sleep 1000'
	detached woody run -d "$ID"
	soon test -s "$WORK/stdout"
	same "$(cut -d' ' -f2 "$WORK/stdout")" "keyring;0;0;3f1b0000;_ses.$ID"
	expect 0 woody exec "$ID" probe keyring
	prints "$(cat "$WORK/stdout")"
}

@test "capabilities: names with and without CAP_, in any case; an unknown one warns once" {
	sets '{ "bounding": ["kill", "Cap_Chown", "CAP_NONE"], "permitted": ["KILL", "CAP_NONE"], "effective": ["cap_kill", "CAP_NONE"] }'
	show_status 'Cap(Bnd|Eff)'
	prints 'CapEff: 0000000000000020
CapBnd: 0000000000000021'
	same "$(grep -c "unknown capability 'CAP_NONE' ignored" <<<"$stderr")" 1
}

@test "capabilities: the warning about an ambient one has the reason" {
	sets '{ "bounding": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN"], "ambient": ["CAP_CHOWN"] }'
	show_status CapAmb
	prints 'CapAmb: 0000000000000000'
	says "can't raise ambient capability CAP_CHOWN: Operation not permitted"
}
