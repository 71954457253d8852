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

@test "an SELinux label and an AppArmor profile without those are warnings" {
	[ ! -e /sys/fs/selinux/enforce ] || skip "SELinux is on: $(ls /sys/fs/selinux/enforce)"
	[ ! -e /sys/kernel/security/apparmor/profiles ] || skip "AppArmor is on: $(ls /sys/kernel/security/apparmor/profiles)"
	config '.linux.mountLabel = "system_u:object_r:x_t:s0" | .process.apparmorProfile = "some-profile"'
	inside 0 'echo runs'
	prints runs
}
