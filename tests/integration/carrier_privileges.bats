# What a container's processes may do: --privileged, --security-opt, --device, CDI, and what surrounds them: groups, umask, sysctls, hooks, time
# zone, files of variables, the runtime. Looked at from inside. WHO=root or user.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() { setup_with plain; }

teardown_file() { carrier_teardown_file; }

cleanup() {
	if [ -n "${CDI:-}" ]; then rm -f "$CDI"; rmdir /etc/cdi 2>/dev/null || true; fi
}

run_plain() { carrier run --rm --network none "$@"; }
inside() {
	local script=$1
	shift
	expect 0 run_plain "$@" "$PLAIN" sh -c "$script"
}

# --- privileged

@test "--privileged: capabilities, no filter, nothing masked, writable cgroups" {
	inside 'grep -E "CapEff|Seccomp:" /proc/self/status'
	local before=$output
	inside 'grep CapEff /proc/self/status | cut -f2; grep Seccomp: /proc/self/status | cut -f2' --privileged
	local own
	own=$(client sh -c 'grep CapBnd /proc/self/status | cut -f2')
	[ "$WHO" = root ] || own=000001ffffffffff	# a user namespace begins with all
	prints "$(printf '%s\n0' "$own")"
	same "" "$stderr"
	[[ $before == *$'Seccomp:\t2'* ]]
	[[ $before != *"$own"* ]]
	inside 'grep -c -E " /proc/(kcore|sys|keys)( |/)" /proc/self/mountinfo || true' --privileged
	prints 0
	inside 'grep -c -E " /proc/(kcore|sys|keys)( |/)" /proc/self/mountinfo'
	[ "$output" -ge 2 ]
	inside "awk '\$5 == \"/sys\" { print substr(\$6, 1, 2) }' /proc/self/mountinfo" --privileged
	prints rw
	inside "awk '\$5 == \"/sys\" { print substr(\$6, 1, 2) }' /proc/self/mountinfo"
	prints ro
}

@test "--privileged: the host's devices" {
	[ -c /dev/net/tun ] || skip "no /dev/net/tun to look for: $(ls /dev)"
	inside 'test -c /dev/net/tun && stat -c %t:%T /dev/net/tun' --privileged
	prints "$(stat -c %t:%T /dev/net/tun)"
	expect 1 run_plain "$PLAIN" test -e /dev/net/tun
	if [ "$WHO" = root ]; then
		inside 'mknod /tmp/kmsg c 1 11 && : </tmp/kmsg && echo opened' --privileged
		prints opened
	fi
}

@test "--privileged with --cap-drop" {
	inside 'grep CapEff /proc/self/status | cut -f2' --privileged --cap-drop NET_RAW --cap-drop CHOWN
	[ $((0x$output & (1 << 13 | 1))) -eq 0 ]
	[ $((0x$output & (1 << 12))) -ne 0 ]
}

# --- security-opt

@test "--security-opt seccomp=: docker's format, with includes and excludes" {
	cat >profile.json <<-'END'
		{ "defaultAction": "SCMP_ACT_ALLOW", "archMap": [
		    { "architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] },
		    { "architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"] } ],
		  "syscalls": [
		    { "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28 },
		    { "names": ["symlink", "symlinkat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28, "includes": { "caps": ["CAP_NET_ADMIN"] } },
		    { "names": ["link", "linkat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28, "excludes": { "caps": ["CAP_CHOWN"] } },
		    { "name": "umask", "action": "SCMP_ACT_ERRNO", "errnoRet": 28, "includes": { "minKernel": "99.0" } } ] }
	END
	chmod 644 profile.json
	inside 'mkdir /tmp/a 2>&1; ln -s a /tmp/s && : >/tmp/f && ln /tmp/f /tmp/g && umask' --security-opt "seccomp=$PWD/profile.json"
	says "No space left"
	says 0022
	inside 'ln -s a /tmp/s 2>&1; : >/tmp/f; ln /tmp/f /tmp/g 2>&1; true' --security-opt seccomp=./profile.json --cap-add NET_ADMIN --cap-drop CHOWN
	same 2 "$(grep -c 'No space left' <<<"$output")"
	inside 'grep Seccomp: /proc/self/status | cut -f2' --security-opt seccomp=unconfined
	prints 0
	echo '{ "syscalls": [ { "names": ["a"] } ] }' >bad.json
	chmod 644 bad.json
	failing 125 "'$PWD/bad.json' is no seccomp profile" run_plain --security-opt seccomp=bad.json "$PLAIN" true
	failing 125 "--security-opt 'seccomp=none.json': open" run_plain --security-opt seccomp=none.json "$PLAIN" true
}

@test "--security-opt seccomp=: the profile that podman brings" {
	local profile=/usr/share/containers/seccomp.json
	[ -e $profile ] || skip "no $profile (package golang-github-containers-common)"
	inside 'grep Seccomp: /proc/self/status | cut -f2; chroot / echo may; unshare -m true 2>&1 || true' --security-opt seccomp=$profile
	says 2
	says may
	[[ $output == *"unshare"* ]]
	inside 'unshare -u true && echo allowed' --security-opt seccomp=$profile --cap-add SYS_ADMIN
	prints allowed
}

@test "--security-opt mask, unmask, systempaths" {
	inside 'cat /etc/group; test -d /bin' --security-opt mask=/etc/group
	prints ""
	inside 'head -c1 /proc/keys >/dev/null && echo seen; wc -c </proc/timer_list' --security-opt unmask=/proc/keys
	says seen
	inside 'grep -c " /proc/" /proc/self/mountinfo || true' --security-opt systempaths=unconfined
	prints 0
	inside 'grep -c " /proc/" /proc/self/mountinfo || true' --security-opt unmask=ALL
	prints 0
	inside 'grep -c " /proc/sys" /proc/self/mountinfo || true' --security-opt 'unmask=/proc/s*'
	prints 0
	failing 125 "absolute paths" run_plain --security-opt mask=proc "$PLAIN" true
	failing 125 "systempaths=unconfined" run_plain --security-opt systempaths=x "$PLAIN" true
	failing 125 "did you mean 'seccomp'?" run_plain --security-opt secomp=x "$PLAIN" true
}

@test "--security-opt proc-opts" {
	inside "awk '\$5 == \"/proc\" { print \$NF }' /proc/self/mountinfo" --security-opt proc-opts=hidepid=2
	[[ $output == *hidepid=* ]]
}

@test "--security-opt no-new-privileges" {
	inside 'grep NoNewPrivs /proc/self/status | cut -f2' --security-opt no-new-privileges
	prints 1
	inside 'grep NoNewPrivs /proc/self/status | cut -f2' --security-opt no-new-privileges=false
	prints 0
}

@test "--security-opt apparmor, label" {
	expect 0 run_plain --security-opt apparmor=unconfined --security-opt label=disable --security-opt label=type:container_t "$PLAIN" true
	if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ]; then
		failing 125 "--security-opt apparmor=mine: AppArmor is not enabled" run_plain --security-opt apparmor=mine "$PLAIN" true
	fi
	failing 125 "labels are disable" run_plain --security-opt label=odd "$PLAIN" true
}

# --- devices

@test "--device: a node, another path, permissions" {
	[ -c /dev/net/tun ] || skip "no /dev/net/tun: $(ls /dev)"
	chmod 0666 /dev/net/tun
	local number
	number=$(stat -c %t:%T /dev/net/tun)
	inside 'stat -c %t:%T /dev/net/tun; : <>/dev/net/tun && echo opened' --device /dev/net/tun
	prints "$(printf '%s\nopened' "$number")"
	inside 'stat -c %t:%T /dev/mine/tunnel; : <>/dev/mine/tunnel && echo opened' --device /dev/net/tun:/dev/mine/tunnel:rw
	prints "$(printf '%s\nopened' "$number")"
	if [ "$WHO" = root ]; then
		inside ': </dev/net/tun && echo read; (: >/dev/net/tun) 2>&1; true' --device /dev/net/tun:r
		says read
		says "not permitted"
	else
		expect 0 run_plain --device /dev/net/tun:r "$PLAIN" true
		says "a device's own permissions decide"
	fi
	failing 125 "--device: look at '/dev/nothing'" run_plain --device /dev/nothing "$PLAIN" true
	failing 125 "neither a device nor a directory" run_plain --device /etc/passwd "$PLAIN" true
	failing 125 "absolute paths" run_plain --device tun "$PLAIN" true
}

@test "--device: a directory of devices" {
	[ -c /dev/net/tun ] || skip "no /dev/net/tun: $(ls /dev)"
	inside 'ls /dev/all' --device /dev/net:/dev/all
	prints "$(ls /dev/net)"
}

@test "--device-cgroup-rule" {
	if [ "$WHO" = user ]; then
		failing 125 "--device-cgroup-rule: an ordinary user" run_plain --device-cgroup-rule 'c 1:11 rwm' "$PLAIN" true
		return
	fi
	[ -c /dev/net/tun ] || skip "no /dev/net/tun: $(ls /dev)"
	inside 'mknod /tmp/t c 10 200 && : <>/tmp/t && echo opened' --device-cgroup-rule 'c 10:* rwm'
	prints opened
	expect 1 run_plain "$PLAIN" sh -c 'mknod /tmp/t c 10 200 && : <>/tmp/t'
	failing 125 "--device-cgroup-rule 'x'" run_plain --device-cgroup-rule x "$PLAIN" true
}

@test "CDI: environment, nodes, mounts, hooks of a device; --gpus" {
	[ -c /dev/net/tun ] || skip "no /dev/net/tun: $(ls /dev)"
	mkdir -p /etc/cdi
	CDI=/etc/cdi/carrier-test-$$.json
	echo from-cdi >file
	chmod 644 file
	cat >"$CDI" <<-END
		{ "cdiVersion": "0.6.0", "kind": "example.com/thing", "containerEdits": { "env": ["ALL=1"] }, "devices": [
		  { "name": "one", "containerEdits": { "env": ["ONE=1"], "deviceNodes": [ { "path": "/dev/thing", "hostPath": "/dev/net/tun" } ],
		    "mounts": [ { "hostPath": "$PWD/file", "containerPath": "/etc/thing", "options": ["ro", "nosuid", "nodev", "bind"] } ] } } ] }
	END
	chmod 644 "$CDI"
	inside 'echo $ALL $ONE; stat -c %t:%T /dev/thing; cat /etc/thing' --device example.com/thing=one
	prints "$(printf '1 1\n%s\nfrom-cdi' "$(stat -c %t:%T /dev/net/tun)")"
	failing 125 "there are example.com/thing=one" run_plain --device example.com/thing=two "$PLAIN" true
	failing 125 "nvidia.com/gpu=all" run_plain --gpus all "$PLAIN" true
	failing 125 "--gpus 'some'" run_plain --gpus some "$PLAIN" true
	sed -i 's/example.com.thing/nvidia.com\/gpu/; s/"one"/"all"/' "$CDI"
	inside 'echo $ONE' --gpus all
	prints 1
}

# --- the process and what surrounds it

@test "--group-add: names, numbers, the caller's" {
	inside 'id -G' --group-add 4242 --group-add root
	[[ " $output " == *" 4242 "* ]]
	failing 125 "--group-add 'nosuch'" run_plain --group-add nosuch "$PLAIN" true
	[ "$WHO" = user ] || OUTSIDE=(setpriv --groups 4243,4244)
	inside 'grep Groups /proc/self/status' --group-add keep-groups
	[ "$WHO" = user ] || [[ $output == *"4243 4244"* ]]
	failing 125 "cannot be combined" run_plain --group-add keep-groups --group-add 5 "$PLAIN" true
}

@test "--group-add keep-groups: what only a group of the caller may read" {
	[ "$WHO" = user ] || skip "root reads everything"
	groupadd -f carriertest$$
	usermod -aG carriertest$$ "$NAME"
	mkdir shared
	echo secret >shared/file
	chgrp -R carriertest$$ shared
	chmod 750 shared
	chmod 640 shared/file
	expect 0 run_plain --group-add keep-groups --rootfs / cat "$PWD/shared/file" || true
	local with=$output
	usermod -rG carriertest$$ "$NAME" 2>/dev/null || gpasswd -d "$NAME" carriertest$$ >/dev/null
	groupdel carriertest$$
	same secret "$with"
}

@test "--umask" {
	inside 'umask' --umask 0027
	prints 0027
	failing 125 "--umask '9'" run_plain --umask 9 "$PLAIN" true
}

@test "--passwd: a number that the image does not know" {
	inside 'id -un; id -u' --user 4321
	prints "$(printf '4321\n4321')"
	expect 0 run_plain --user 4321 --passwd=false "$PLAIN" sh -c 'grep -c 4321 /etc/passwd || true'
	prints 0
}

@test "--sysctl: only what a container has for itself" {
	inside 'cat /proc/sys/kernel/shmmni /proc/sys/net/ipv4/ip_forward' --sysctl kernel.shmmni=123 --sysctl net.ipv4.ip_forward=1
	prints "$(printf '123\n1')"
	failing 125 "--sysctl 'kernel.panic'" run_plain --sysctl kernel.panic=1 "$PLAIN" true
	failing 125 "because of --network" carrier run --rm --network host --sysctl net.ipv4.ip_forward=1 "$PLAIN" true
	failing 125 "because of --ipc" run_plain --ipc host --sysctl kernel.shmmni=123 "$PLAIN" true
	failing 125 "--sysctl 'x'" run_plain --sysctl x "$PLAIN" true
}

@test "--hooks-dir and --annotation" {
	mkdir hooks
	cat >hooks/when.json <<-END
		{ "version": "1.0.0", "hook": { "path": "/bin/sh", "args": ["sh", "-c", "echo hooked >>$PWD/out"] },
		  "when": { "annotations": { "^mine\$": "^y" } }, "stages": ["createRuntime"] }
	END
	: >out
	chmod 777 . out
	expect 0 run_plain --hooks-dir "$PWD/hooks" --annotation mine=no "$PLAIN" true
	same "" "$(<out)"
	expect 0 run_plain --hooks-dir hooks --annotation mine=yes "$PLAIN" true
	same hooked "$(<out)"
	sed -i 's/createRuntime/never/' hooks/when.json
	failing 125 "there is no stage 'never'" run_plain --hooks-dir hooks "$PLAIN" true
	failing 125 "--hooks-dir: list" run_plain --hooks-dir nowhere "$PLAIN" true
	failing 125 "--annotation 'x'" run_plain --annotation x "$PLAIN" true
}

@test "--tz" {
	[ -e /usr/share/zoneinfo/Asia/Tokyo ] || skip "no tzdata: /usr/share/zoneinfo/Asia/Tokyo is missing"
	inside 'cmp /etc/localtime /etc/localtime; wc -c </etc/localtime' --tz Asia/Tokyo
	prints "$(stat -L -c %s /usr/share/zoneinfo/Asia/Tokyo)"
	failing 125 "--tz 'No/Where'" run_plain --tz No/Where "$PLAIN" true
	failing 125 "--tz '../passwd'" run_plain --tz ../passwd "$PLAIN" true
}

@test "--env-file and --label-file" {
	printf '# a remark\n\n  A=1 2 \nHOME_OF_CALLER\nB=x=y\n' >vars
	printf 'one=1\ntwo\n' >labels
	chmod 644 vars labels
	expect 0 carrier run --rm --network none --env-file vars -e B=mine "$PLAIN" sh -c 'echo "[$A][$B][${HOME_OF_CALLER-none}]"'
	prints "[1 2 ][mine][none]"
	expect 0 carrier run --name labelled --network none --label-file labels --label two=2 "$PLAIN" true
	expect 0 carrier inspect labelled
	same '{"one":"1","two":"2"}' "$(jq -Sc '.[0].Config.Labels | {one, two}' <<<"$output")"
	printf 'A B=1\n' >bad
	chmod 644 bad
	failing 125 "--env-file: 'bad', line 1: a name with blanks" run_plain --env-file bad "$PLAIN" true
	failing 125 "--label-file: " run_plain --label-file none "$PLAIN" true
}

@test "--runtime: of one container, now and later" {
	cat >"$BASE/bin/mine" <<-END
		#!/bin/sh
		echo "\$@" >>"$WORK/calls"
		exec "$BASE/bin/${WOODY##*/}" "\$@"
	END
	chmod 755 "$BASE/bin/mine"
	: >calls
	chmod 666 calls
	carrier run -d --name other --network none --runtime "$BASE/bin/mine" "$PLAIN" sleep 1000 >/dev/null
	has_state other running
	expect 0 carrier exec other true
	grep -q ' exec ' calls
	expect 0 carrier stop -t 0 other
	grep -q ' run ' calls
	grep -q ' kill ' calls
	grep -q ' delete ' calls
	failing 125 "--runtime '/no/such' is no program" run_plain --runtime /no/such "$PLAIN" true
}

@test "--elevated, --fsroot, --domainname, --personality" {
	expect 0 carrier run --rm --elevated "$PLAIN" readlink /proc/self/ns/net
	prints "$(client readlink /proc/self/ns/net)"
	failing 125 "--elevated is --network host" carrier run --rm --elevated --network none "$PLAIN" true
	inside 'cat /proc/sys/kernel/domainname' --domainname inner.example
	prints inner.example
	inside 'uname -m' --personality LINUX32
	[ "$(uname -m)" != x86_64 ] || prints i686
	failing 125 "--personality 'X'" run_plain --personality X "$PLAIN" true
}

# --- permissions, explained

@test "a permission that is missing is explained: which part of the path, whose, what to do" {
	mkdir -p shut/inner tree/bin tree/etc
	: >shut/inner/file
	cp /bin/busybox tree/bin/sh
	chmod 700 tree/bin/sh
	if [ "$WHO" = user ]; then
		chown -R "$NAME" tree
		chmod 700 shut
		failing 125 "'$PWD/shut' belongs to user 0 and group 0 and has mode 0700, so you may not enter it" \
			run_plain -v "$PWD/shut/inner:/x" "$PLAIN" true
		says "setfacl -m u:$(id -u "$NAME"):x '$PWD/shut'"
		failing 125 "'$PWD/shut' belongs to user 0" carrier run --rm --network none --rootfs "$PWD/shut/inner" sh
		failing 125 "'$PWD/shut' belongs to user 0" run_plain --device "$PWD/shut/inner/file" "$PLAIN" true
		failing 125 "'$PWD/shut' belongs to user 0" run_plain --env-file "$PWD/shut/inner/file" "$PLAIN" true
	fi
	failing 126 "the container's '/bin/sh' belongs to user 0" carrier run --rm --network none --user 1234 --rootfs "$PWD/tree" sh
	says "so its user 1234:0 may not execute it; give it permission in the image (\`chmod "
	says "+x\`), or run as another --user"
	chmod 755 tree/bin/sh
	chmod 700 tree/bin
	failing 126 "the container's '/bin' belongs to user 0" carrier run --rm --network none --user 1234 --rootfs "$PWD/tree" /bin/sh
	chmod 755 tree/bin
	chmod 644 tree/bin/sh
	failing 126 "\`chmod a+x\`" carrier run --rm --network none --rootfs "$PWD/tree" /bin/sh
}
