# `carrier doctor`: each check is really denied what it looks for, in namespaces of the test's own. WHO=root or user.
#
# Not tried: a clock before 2025 (CD0707; no namespace has its own), a kernel before 4.8 (CD0701), a runtime directory of another type than
# tmpfs as something bad (it is none).
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	carrier_setup_file
	start_registry REGISTRY
	push plain "$REGISTRY" plain:latest
	export PLAIN=127.0.0.1:$REGISTRY/plain
}

teardown_file() { carrier_teardown_file; }

prepare() { rm -rf "$CROOT"; }

# doctor ARG... - in $report; $status
doctor() {
	status=0
	carrier "${GLOBAL[@]}" doctor --json "$@" >"$WORK/report" 2>"$WORK/errors" || status=$?
	report=$(<"$WORK/report")
	[ -n "$report" ] || fail "no report" "$(<"$WORK/errors")"
}

# of CODE LEVEL TEXT [REMEDY] - the last report has a line of this kind
of() {
	local line
	line=$(jq -r --arg code "$1" --arg level "$2" '.Checks[] | select(.Code == $code and .Level == $level) | "\(.Text) REMEDY \(.Remedy)"' <<<"$report")
	[[ $line == *"$3"* && $line == *" REMEDY "*"${4:-}"* ]] ||
		fail "$1 is to be $2: $3 ... ${4:-}" "$(jq -r --arg code "$1" '.Checks[] | select(.Code == $code)' <<<"$report")"
	case $level$2 in bad) [ "$status" = 1 ] || fail "the exit code is $status" ;; esac
}

# found CODE LEVEL TEXT [REMEDY] - doctor, and what it finds
found() {
	doctor --quick
	of "$@"
}

# inside SCRIPT - in a mount namespace whose mounts SCRIPT changes before carrier starts
inside() {
	OUTSIDE=(unshare -m bash -ec 'mount --make-rprivate /; '"$1"'; exec "$@"' -)
}

denied() { OUTSIDE=("$WOODY_TESTBIN/deny" "$1"); }
outside() { OUTSIDE=(); }

# lines FILE TEXT - bound over FILE
lines() {
	printf "$2" >"$WORK/lines"
	chmod 644 "$WORK/lines"
	inside "mount --bind $WORK/lines $1"
}

rootless() { [ "$WHO" = user ]; }

@test "a healthy machine: every check is ok or a warning, and the exit code is 0" {
	doctor
	same 0 "$status"
	same 0 "$(jq .Bad <<<"$report")"
	same "" "$(jq -r '.Checks[] | select(.Level == "bad")' <<<"$report")"
	# every code is there, once
	same "" "$(jq -r '.Checks[].Code' <<<"$report" | sort | uniq -d)"
	[ "$(jq '.Checks | length' <<<"$report")" -ge 38 ] || fail "only $(jq '.Checks | length' <<<"$report") checks"
	jq -e '.Store.Problems == [] or .Store.Problems == null' <<<"$report" >/dev/null
	expect 0 carrier doctor
	says "CD0101  ok    user namespaces"
	says " 0 bad, "
	expect 0 carrier doctor --quick --quiet
	[[ $output != *"  ok  "* ]] || fail "$output"
	# nothing of it stays
	same "" "$(find "$CROOT" -name '.tmp-*' 2>/dev/null)"
}

@test "user namespaces: none, and none of use" {
	local level=warn
	! rootless || level=bad
	denied unshare=EPERM
	found CD0101 $level "make a user namespace: Operation not permitted" "seccomp filter"
	outside
	# as another kernel says it: what is looked at first is what is done
	mkdir "$WORK/kernel"
	inside "cp -a /proc/sys/kernel/ostype /proc/sys/kernel/osrelease $WORK/kernel/ 2>/dev/null; echo 1 >$WORK/kernel/apparmor_restrict_unprivileged_userns
		mount --bind $WORK/kernel /proc/sys/kernel; set -- $WOODY_TESTBIN/deny mount=EPERM \"\$@\""
	found CD0101 $level "AppArmor takes the rights in them away" "kernel.apparmor_restrict_unprivileged_userns=0"
	outside
	mkdir "$WORK/kernel2"
	inside "echo 0 >$WORK/kernel2/unprivileged_userns_clone; mount --bind $WORK/kernel2 /proc/sys/kernel; set -- $WOODY_TESTBIN/deny unshare=EPERM \"\$@\""
	found CD0101 $level "ordinary users may not make any" "kernel.unprivileged_userns_clone=1"
	outside
	# the limit is one of the user namespace
	status=0
	report=$(client unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' - "$PROGRAM" --root "$BASE/nested" doctor --quick --json) || status=$?
	of CD0101 bad "their number is limited to 0" "user.max_user_namespaces=15000"
	rm -rf "$BASE/nested"
}

@test "subordinate ids: none, few, other people's, lines that are none" {
	rootless || skip "root needs none: CD0102 to CD0106 say so in the first test"
	local file code first
	for file in subuid subgid; do
		code=CD0102
		[ $file = subuid ] || code=CD0103
		first=$(awk -F: -v name="$NAME" '$1 == name { print $2 }' /etc/$file)
		lines /etc/$file ''
		found $code warn "$NAME has none in /etc/$file" "usermod --add-sub"
		lines /etc/$file "$NAME:$first:1000\n"
		found $code warn "has only 1000 in /etc/$file" "edit /etc/$file"
		lines /etc/$file "$NAME:$first:65536\nneighbour:$((first + 65535)):65536\n"
		found $code bad "are also the subordinate ids of neighbour" "ids that nobody has"
		lines /etc/$file "$NAME:0:65536\n"
		found $code bad "are also root (0)"
		lines /etc/$file "$NAME:$first:65536\noops\n"
		found $code warn "1 line of /etc/$file is not NAME:FIRST:COUNT"
	done
}

@test "newuidmap and newgidmap: missing, without the bit, without effect; with file capabilities" {
	rootless || skip "not needed by root"
	local program code
	for program in newuidmap newgidmap; do
		code=CD0104
		[ $program = newuidmap ] || code=CD0105
		cp "$(command -v $program)" "$WORK/$program"
		chmod 755 "$WORK/$program"
		inside "mount --bind $WORK/$program /usr/bin/$program"
		found $code bad "has neither root's setuid bit nor the file capability" "chmod u+s"
		of CD0106 bad "$program"
		setcap "cap_set${program:3:1}id+ep" "$WORK/$program"
		found $code ok "has the file capability"
		setcap "cap_chown+ep" "$WORK/$program"
		found $code bad "has neither"
		: >"$WORK/empty"
		chmod 644 "$WORK/empty"
		inside "mount --bind $WORK/empty /usr/bin/$program"
		found $code warn "$program is not installed" "uidmap"
		inside "mount --bind /usr/bin /usr/bin; mount -o remount,bind,nosuid /usr/bin"
		found $code bad "nosuid" "remount"
		OUTSIDE=(setpriv --no-new-privs)
		found $code bad "no_new_privs" "NoNewPrivileges=no"
	done
}

@test "devices: not there, not to be opened, no driver, another one" {
	inside 'mount -t tmpfs tmpfs /dev/net'
	found CD0201 bad "it is not there" "mknod -m 0666 /dev/net/tun c 10 200"
	inside 'mount -t tmpfs -o mode=755 tmpfs /dev/net; mknod -m 666 /dev/net/tun c 10 199'
	found CD0201 bad "cannot be opened (No such device)" "modprobe tun"
	inside 'mount --bind /dev/null /dev/net/tun'
	found CD0201 bad "it is another device"
	inside "mknod -m 666 $WORK/none c 10 199; mount --bind $WORK/none /dev/fuse"
	found CD0202 warn "cannot be opened (No such device)" "modprobe fuse"
	inside 'mount --bind /dev/null /dev/fuse'
	found CD0202 warn "it is another device"
	if rootless; then
		inside "mknod -m 600 $WORK/tun c 10 200; mount --bind $WORK/tun /dev/net/tun; mknod -m 600 $WORK/fuse c 10 229; mount --bind $WORK/fuse /dev/fuse"
		found CD0201 bad "$NAME may not open it" "chmod 0666 /dev/net/tun"
		of CD0202 warn "cannot be opened (Permission denied)" "chmod 0666 /dev/fuse"
	fi
}

# unified CONTROLLERS OWNER - a tree as version 2 has it, with a cgroup of this owner
unified() {
	local dir=$WORK/unified
	rm -rf "$dir"
	mkdir -p "$dir/user"
	echo "$1" | tee "$dir/cgroup.controllers" >"$dir/user/cgroup.controllers"
	: >"$dir/user/cgroup.procs"
	: >"$dir/cgroup.procs"
	[ "$2" = root ] || chown -R "$2" "$dir/user"
	echo "0::/user" >"$WORK/self"
	chmod -R a+rX "$WORK"
	inside "mount --bind $dir /sys/fs/cgroup"
}

@test "cgroups: none, version 2 without controllers, a delegation by controller" {
	local level=ok
	! rootless || level=warn
	found CD0301 $level "version 1"
	inside 'mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup'
	found CD0301 bad "none are mounted" "mount -t cgroup2"
	# the kernel's own tree of version 2; its controllers are with version 1 here
	inside 'mount -t cgroup2 cgroup2 /sys/fs/cgroup'
	found CD0301 ok "version 2"
	if ! rootless; then
		of CD0302 warn "no controllers for: cpu cpuset io memory pids" "cgroup_no_v1="
		return 0
	fi
	of CD0302 warn "no cgroup is $NAME's own" "Delegate=cpu cpuset io memory pids"
	# /proc/self is of each process: what carrier reads is what it is given here
	unified "cpu cpuset io memory pids" "$NAME"
	delegated() { OUTSIDE=("${OUTSIDE[@]}" bash -ec "mount --bind $WORK/self /proc/\$\$/cgroup; exec \"\$@\"" -); }
	delegated
	found CD0302 ok "has cpu, cpuset, io, memory and pids"
	unified "memory pids" "$NAME"
	delegated
	found CD0302 warn "was given to $NAME without: cpu cpuset io" "Delegate=cpu cpuset io memory pids"
	unified "cpu cpuset io memory pids" root
	delegated
	found CD0302 warn "no cgroup is $NAME's own"
}

@test "lingering: on, off, and where nobody logs out" {
	rootless || skip "root's containers end at no logout"
	inside 'mkdir -p /run/systemd/users /var/lib/systemd; mount -t tmpfs -o mode=755 tmpfs /var/lib/systemd; mkdir /var/lib/systemd/linger'
	found CD0303 warn "is off for $NAME" "loginctl enable-linger $NAME"
	inside "mkdir -p /var/lib/systemd; mount -t tmpfs -o mode=755 tmpfs /var/lib/systemd; mkdir /var/lib/systemd/linger; : >/var/lib/systemd/linger/$NAME"
	found CD0303 ok "is on for $NAME"
	inside 'mkdir -p /var/lib/systemd /run/systemd; mount -t tmpfs -o mode=755 tmpfs /var/lib/systemd; mount -t tmpfs -o mode=755 tmpfs /run/systemd'
	found CD0303 ok "no logind here"
}

# path_without PROGRAM... - a PATH with all but these
path_without() {
	local file
	rm -rf "$WORK/path"
	cp -as /usr/bin "$WORK/path"
	for file in "$@"; do rm -f "$WORK/path/$file"; done
}

@test "networks: programs that are missing or do not run, ports" {
	local program code
	local other
	for program in slirp4netns pasta; do
		code=CD0401 other=pasta
		[ $program = slirp4netns ] || code=CD0402 other=slirp4netns
		path_without $program
		PATH=$WORK/path USER_PATH=$WORK/path found $code ok "is not installed: $other is used" "install the package that has $program"
		printf '#!/bin/sh\nexit 1\n' >"$WORK/path/$program"
		chmod 755 "$WORK/path/$program"
		PATH=$WORK/path USER_PATH=$WORK/path found $code warn "does not run"
		path_without slirp4netns pasta
		PATH=$WORK/path USER_PATH=$WORK/path found $code bad "neither pasta nor slirp4netns is there" "install the package that has $program"
	done
	if rootless; then
		found CD0403 ok "may use those from 1024 on" "net.ipv4.ip_unprivileged_port_start=80"
		OUTSIDE=(unshare -n bash -ec 'echo 53 >/proc/sys/net/ipv4/ip_unprivileged_port_start; exec "$@"' -)
		found CD0403 ok "may use those from 53 on"
	else
		found CD0403 ok "root may use all"
	fi
}

@test "the runtime directory: not set, not there, another user's, open to others, not writable" {
	rootless || skip "root needs none"
	local USER_RUN=
	found CD0501 warn "is not set: '/tmp/carrier-$(id -u "$NAME")' is used" "XDG_RUNTIME_DIR=/run/user/"
	USER_RUN=$WORK/none
	found CD0501 warn "'$WORK/none' is not there" "mkdir -p /run/user"
	USER_RUN=$WORK/run
	mkdir -m 755 "$USER_RUN"
	chown "$NAME" "$USER_RUN"
	found CD0501 bad "is open to others (mode 0755)" "chmod 0700 '$USER_RUN'"
	chmod 500 "$USER_RUN"
	found CD0501 bad "cannot be written to" "chmod 0700"
	chmod 700 "$USER_RUN"
	inside "mount -t tmpfs -o mode=700,uid=$(id -u "$NAME") tmpfs $USER_RUN"
	found CD0501 ok "is a tmpfs of your own"
	outside
	chown root "$USER_RUN"
	found CD0501 bad "belongs to user 0, not to" "unset XDG_RUNTIME_DIR"
}

@test "--root and --runroot: another's, open to others, and full" {
	local dir=$WORK/place
	mkdir "$dir"
	GLOBAL=(--root "$dir/root" --runroot "$dir/run")
	mkdir -m 777 "$dir/root" "$dir/run"
	if rootless; then
		found CD0502 bad "belongs to user 0: was carrier run with sudo?" "chown -R"
		of CD0503 bad "belongs to user 0"
		chown "$NAME" "$dir/root" "$dir/run"
	fi
	chmod 777 "$dir/root" "$dir/run"
	found CD0502 bad "others may write to '$dir/root' (mode 0777)" "chmod go-w"
	of CD0503 bad "others may write to '$dir/run'"
	chmod 700 "$dir/root" "$dir/run"
	found CD0502 ok "'$dir/root'"
	local owner=0
	! rootless || owner=$(id -u "$NAME")
	inside "mount -t tmpfs -o size=16m,mode=700,uid=$owner tmpfs $dir/root"
	found CD0504 bad "has only 16.8 MB left" "carrier system prune"
	inside "mount -t tmpfs -o size=512m,mode=700,uid=$owner tmpfs $dir/root"
	found CD0504 warn "has only 537 MB left" "carrier system prune"
	inside "mount -t tmpfs -o size=2g,nr_inodes=300,mode=700,uid=$owner tmpfs $dir/root"
	found CD0504 bad "has room for only 29" "carrier system prune"
	inside "mount -t tmpfs -o size=2g,nr_inodes=5000,mode=700,uid=$owner tmpfs $dir/root"
	found CD0504 warn "has room for only 49" "carrier system prune"
}

@test "file systems: without overlay, data-only layers, idmapped mounts, fuse-overlayfs" {
	found CD0601 ok "mounted natively"
	of CD0602 ok "can be mounted"
	denied fsconfig_string=EPERM
	found CD0601 warn "slower ways are used" "fuse-overlayfs"
	path_without fuse-overlayfs
	PATH=$WORK/path USER_PATH=$WORK/path found CD0604 warn "every container's files are copied" "install the package fuse-overlayfs"
	outside
	PATH=$WORK/path USER_PATH=$WORK/path found CD0604 ok "not needed where overlayfs is mounted natively" "install the package"
	denied setxattr=EPERM
	found CD0602 ok "cannot be mounted (Operation not permitted)" "Linux 6.16"
	of CD0601 ok "mounted natively"
	denied mount_setattr
	if rootless; then
		found CD0603 ok "cannot be made (Function not implemented)" "Linux 5.12"
		outside
		found CD0603 ok "are for root"
	else
		found CD0603 ok "cannot be made (Function not implemented)" "Linux 5.12"
		outside
		found CD0603 ok "can be made"
	fi
}

@test "kernel, runtime, own programs, clock" {
	denied openat2,clone3
	found CD0701 warn "has not: openat2 (5.6), clone3 (5.3); slower ways are used"
	denied seccomp=EPERM
	found CD0704 bad "no seccomp filters" "CONFIG_SECCOMP_FILTER"
	denied landlock_create_ruleset
	found CD0705 warn "no Landlock" "lsm=landlock"
	outside
	found CD0705 ok "shut in"
	GLOBAL=(--runtime /nonexistent)
	found CD0702 bad "'/nonexistent' is no program" "install woody"
	printf '#!/bin/sh\n[ "$3" = --version ] && echo mine 1.0\n' >"$WORK/mine"
	chmod 755 "$WORK/mine"
	GLOBAL=(--runtime "$WORK/mine")
	found CD0702 ok "mine 1.0"
	of CD0703 warn "does not say what it can do"
	printf '#!/bin/sh\necho "{\\"linux\\":{\\"seccomp\\":{\\"enabled\\":false}}}"\n' >"$WORK/mine"
	found CD0703 warn "the runtime has no seccomp"
	GLOBAL=()
	mkdir "$WORK/bin"
	cp "$BASE"/bin/* "$WORK/bin/"
	rm "$WORK/bin/carrier-pack"
	chmod -R a+rX "$WORK/bin"
	PROGRAM=$WORK/bin/carrier found CD0706 bad "carrier-pack" "install carrier whole"
	pull plain
	touch -d '+2 hours' "$CROOT/store/index.json"
	found CD0707 warn "it was set back"
}

@test "containers whose monitor was killed, damaged records, stale names, half-written files" {
	local id
	pull plain
	expect 0 carrier run -d --name lost --network none "$PLAIN" sleep 600
	id=$(id_of lost)
	found CD0801 ok "has its monitor"
	kill -9 "$(jq .monitor "$CROOT/containers/$id/status.json")"
	found CD0801 warn "lost runs without its monitor, which was killed" "carrier stop lost"
	expect 0 carrier rm -f lost
	expect 0 carrier run -d --name hurt --network none "$PLAIN" true
	has_state hurt exited
	id=$(id_of hurt)
	cp -a "$CROOT/containers/$id/record.json" record
	echo '{' >"$CROOT/containers/$id/record.json"
	found CD0802 bad "the record of container ${id:0:12} is damaged" "carrier rm ${id:0:12}"
	cat record >"$CROOT/containers/$id/record.json"
	client ln -s "${id/?/f}e" "$CROOT/names/odd"
	client rm "$CROOT/names/odd"
	client ln -s "$(tr 0-9a-f a-f0-9 <<<"$id")" "$CROOT/names/stale"
	client mkdir "$CROOT/containers/.tmp-999999-tree" "$CROOT/.tmp-999999-doctor"
	client touch "$CROOT/containers/$id/.tmp-999999-1" "$CROOT/containers/$id/.tmp-$$-1"
	found CD0803 warn "the name stale is of a container that is gone" "doctor --fix"
	same 3 "$(jq '[.Checks[] | select(.Code == "CD0804" and .Level == "warn")] | length' <<<"$report")"
	doctor --quick --fix
	same 0 "$status"
	of CD0803 ok "the name stale was of a container that is gone"
	same 3 "$(jq '[.Checks[] | select(.Code == "CD0804" and .Fixed)] | length' <<<"$report")"
	[ -e "$CROOT/containers/$id/.tmp-$$-1" ] || fail "what a living process writes was removed"
	rm "$CROOT/containers/$id/.tmp-$$-1"
	found CD0803 ok "each is of a container"
	of CD0804 ok "no half-written files"
	expect 0 carrier rm hurt
}

@test "volumes and secrets that were half made or half removed" {
	expect 0 carrier volume create kept
	client mkdir -p "$CROOT/secrets"
	found CD0809 ok "none is half made"
	client mkdir -p "$CROOT/volumes/.new-0123456789abcdef/_data" "$CROOT/volumes/.gone-0123456789abcdef/_data/sub" "$CROOT/secrets/.gone-fedcba9876543210"
	client touch "$CROOT/volumes/.gone-0123456789abcdef/_data/file"
	# what is being made now is none: whoever makes one holds the lock
	client python3 -c 'import fcntl, sys, time; f = open(sys.argv[1]); fcntl.lockf(f, fcntl.LOCK_SH); print("locked", flush=True); time.sleep(600)' \
		"$CROOT/volumes/.lock" >locked 2>&1 3>&- &
	soon grep -q locked locked
	found CD0809 warn "'$CROOT/volumes/.gone-0123456789abcdef' is of a volume that a killed command was making or removing" "doctor --fix"
	same 2 "$(jq '[.Checks[] | select(.Code == "CD0809")] | length' <<<"$report")"
	kill "$(holder "$CROOT/volumes/.lock")"
	wait $! || true
	found CD0809 warn "'$CROOT/volumes/.new-0123456789abcdef' is of a volume" "doctor --fix"
	same 3 "$(jq '[.Checks[] | select(.Code == "CD0809")] | length' <<<"$report")"
	doctor --quick --fix
	same 0 "$status"
	same 3 "$(jq '[.Checks[] | select(.Code == "CD0809" and .Fixed)] | length' <<<"$report")"
	of CD0809 ok "'$CROOT/secrets/.gone-fedcba9876543210' was of a secret that a killed command was making or removing, and is removed"
	same kept "$(find "$CROOT/volumes" "$CROOT/secrets" -mindepth 1 -maxdepth 1 ! -name .lock -printf '%f\n')"
	found CD0809 ok "none is half made"
	expect 0 carrier volume rm kept
}

# hold FILE - a process of $WHO that has it open; its pid is in $WORK/held
hold() {
	client bash -c 'exec 9<>"$1"; exec sleep 600' - "$1" >/dev/null 2>&1 3>&- &
	HELD=$!
	soon held "$1"
}
held() { find /proc/[0-9]*/fd -lname "$1" 2>/dev/null | grep -q .; }
gone() { ! kill -0 "$1" 2>/dev/null; }
holder() { find /proc/[0-9]*/fd -lname "$1*" 2>/dev/null | cut -d/ -f3 | head -1; }

@test "processes, runtime states, cgroups and mounts of containers that do not run" {
	local id pid run=$CROOT/run
	! rootless || run=$USER_RUN/carrier
	pull plain
	expect 0 carrier run --name ended --network none "$PLAIN" true
	id=$(id_of ended)
	hold "$CROOT/containers/$id/lock"
	pid=$(holder "$CROOT/containers/$id/lock")
	found CD0806 bad "process $pid (sleep) is of container ${id:0:12}, which does not run" "kill -9 $pid"
	doctor --quick --fix
	of CD0806 ok "process $pid (sleep) was of container ${id:0:12}"
	soon gone "$pid" || fail "it lives"
	wait "$HELD" || true
	client mkdir -p "$run/woody/$id"
	found CD0805 bad "the runtime still knows container ${id:0:12}" "doctor --fix"
	doctor --quick --fix
	of CD0805 ok "it has forgotten it"
	[ ! -e "$run/woody/$id" ] || fail "it is there"
	found CD0805 ok "only what runs"
	of CD0806 ok "none without its container"
	inside "mount -t tmpfs tmpfs $CROOT/containers/$id/rootfs"
	found CD0808 bad "something is mounted on '$CROOT/containers/$id/rootfs'" "umount -l"
	outside
	if ! rootless; then
		local dir=/sys/fs/cgroup/pids/carrier/$id strange=/sys/fs/cgroup/pids/carrier/f${id:1}
		inside "mount -t tmpfs tmpfs $CROOT/containers/$id/rootfs"
		doctor --quick --fix
		of CD0808 ok "it is unmounted"
		outside
		mkdir -p "$dir"
		sleep 600 3>&- &
		pid=$!
		echo $pid >"$dir/cgroup.procs"
		found CD0807 warn "'$dir' is the cgroup of a container that does not run"
		doctor --quick --fix
		of CD0807 ok "'$dir' was the cgroup of a container that does not run, and is removed"
		[ ! -d "$dir" ] || fail "it is there"
		wait $pid || true
		# an id that nobody knows: only when it is empty and old
		mkdir "$strange"
		doctor --quick --fix
		[ -d "$strange" ] || fail "somebody may just have made it"
		touch -d '-2 minutes' "$strange"
		found CD0807 warn "empty cgroups are of containers that --root does not have"
		doctor --quick --fix
		[ ! -d "$strange" ] || fail "it is there"
	fi
	expect 0 carrier rm ended
}

@test "images: damaged ones are bad, and repaired" {
	local blob
	pull plain
	doctor
	of CD0901 ok "1 of them"
	blob=$(find "$CROOT/store/blobs" -type f -size +100k | head -1)
	printf x | dd of="$blob" bs=1 seek=1000 conv=notrunc status=none
	doctor --quick
	same 0 "$status"
	doctor
	of CD0901 bad "blob sha256:${blob##*/}" "doctor --fix"
	same 1 "$(jq '.Store.Problems | length' <<<"$report")"
	doctor --fix --tls-verify=false
	same 0 "$status"
	of CD0901 ok "it was repaired"
	doctor --deep
	of CD0901 ok "are whole"
}

@test "a denied file: which component of the path, whose, what to do" {
	rootless || skip "nothing is denied to root"
	pull plain
	mkdir -p "$WORK/theirs/way/rootfs/bin"
	echo A=b >"$WORK/theirs/way/env"
	ln -s "$WORK/theirs/way" "$WORK/link"
	chmod 700 "$WORK/theirs"
	local why="'$WORK/theirs' belongs to user 0 and group 0 and has mode 0700, so you may not enter it; \`chmod o+x '$WORK/theirs'\` by its owner"
	failing 125 "$why" carrier run --rm --network none --rootfs "$WORK/theirs/way/rootfs" true
	failing 125 "$why" carrier run --rm --network none -v "$WORK/theirs/way:/x" "$PLAIN" true
	failing 125 "$why" carrier run --rm --network none -v "$WORK/link:/x" "$PLAIN" true
	failing 125 "$why" carrier load -i "$WORK/theirs/way/env"
	failing 125 "'$WORK' belongs to user 0 and group 0 and has mode 0755, so you may not write it" carrier run --rm --network none --cidfile "$WORK/cid" "$PLAIN" true
	failing 125 "$why" carrier --root "$WORK/theirs/root" pull --tls-verify=false "$PLAIN"
}
