# What the container sees as /: mounts in order and their options, propagation, devices, masked and read-only paths.
load helpers

# add_mount JSON - to the end of the list
add_mount() {
	config '.mounts += [$mount]' --argjson mount "$1"
}

# bind SOURCE DESTINATION OPTION...
bind() {
	config '.mounts += [{ type: "bind", source: $source, destination: $destination, options: ($options | split(" ")) }]' \
		--arg source "$1" --arg destination "$2" --arg options "${*:3}"
}

# options_of DESTINATION - as the container's mountinfo, in $output, has them for the last mount there
options_of() {
	awk -v at="$1" '$5 == at { o = $6 } END { print o }' <<<"$output"
}

has_option() {
	[[ ",$(options_of "$1")," == *",$2,"* ]] || fail "$1 should be mounted $2" "$output"
}

lacks_option() {
	[[ ",$(options_of "$1")," != *",$2,"* ]] || fail "$1 should not be mounted $2" "$output"
}

@test "the root is what root.path names, and the host's is out of sight" {
	inside 0 'ls /; cat /etc/passwd'
	says root:x:0:0:root:/root:/bin/sh
	[[ "$output" != *home* ]]
	# the old root is not mounted anywhere
	inside 0 'cat /proc/self/mountinfo'
	[[ "$output" != *"$WORK/root "* ]]
	same "$(awk '{ print $5 }' <<<"$output" | head -n 1)" /
}

@test "a read-only root refuses writes, a writable one takes them" {
	inside 1 'echo x >/new'
	says "Read-only file system"
	[ ! -e "$ROOTFS/new" ]
	inside 0 'echo x >/tmp/new 2>/dev/null || echo refused; echo x >/dev/shm/new && cat /dev/shm/new'
	prints $'refused\nx'
	writable
	inside 0 'echo x >/new'
	same "$(cat "$ROOTFS/new")" x
}

@test "the mounts of spec's default" {
	inside 0 'cat /proc/self/mountinfo'
	has_option /proc rw
	has_option /dev nosuid
	has_option /dev/pts noexec
	has_option /dev/shm nodev
	has_option /sys ro
	has_option /sys/fs/cgroup ro
	matches ' /dev/mqueue [^ ]+ .*- mqueue '
	matches ' /dev/pts [^ ]+ .*- devpts .*gid=5,mode=620,ptmxmode=666'
	matches ' /dev/shm [^ ]+ .*- tmpfs .*size=65536k'
}

@test "mounts are made in the order of the list" {
	mkdir "$WORK/a" "$WORK/a/inner" "$WORK/b"
	echo a >"$WORK/a/file"
	echo b >"$WORK/b/file"
	bind "$WORK/a" /mnt bind
	bind "$WORK/b" /mnt/inner bind
	add_mount '{ "destination": "/mnt/inner/deep", "type": "tmpfs", "source": "tmpfs" }'
	inside 0 'cat /mnt/file /mnt/inner/file; touch /mnt/inner/deep/new; ls /mnt/inner/deep'
	prints $'a\nb\nnew'
	# the other way round the second hides the first
	config '.mounts |= (.[:-3] + [.[-2], .[-3]])'
	inside 0 'cat /mnt/file; ls /mnt/inner'
	prints a
}

@test "tmpfs: mode, size, uid and flags" {
	add_mount '{ "destination": "/t", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "noexec", "nodev", "mode=0710", "size=1m", "uid=3", "gid=4"] }'
	config '.mounts |= [.[-1]] + .[:-1]'
	mkdir "$ROOTFS/t"
	inside 0 'stat -c "%a %u %g" /t; df -k /t | tail -n 1 | tr -s " " | cut -d" " -f2; cat /proc/self/mountinfo'
	same "${lines[0]} ${lines[1]}" "710 3 4 1024"
	has_option /t nosuid
	has_option /t noexec
	has_option /t nodev
	has_option /t rw
}

@test "tmpfs: without mode= the mode of the directory that it covers, else 1777" {
	mkdir -m 2751 "$ROOTFS/t"
	add_mount '{ "destination": "/t", "type": "tmpfs", "source": "tmpfs" }'
	add_mount '{ "destination": "/made/here", "type": "tmpfs", "source": "tmpfs" }'
	writable
	inside 0 'stat -c %a /t /made /made/here'
	same "${lines[1]}" 755
	same "${lines[0]}" 2751
	same "${lines[2]}" 1777
}

@test "tmpfs: ro and tmpcopyup" {
	mkdir "$ROOTFS/t"
	echo kept >"$ROOTFS/t/file"
	chmod 600 "$ROOTFS/t/file"
	add_mount '{ "destination": "/t", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"] }'
	add_mount '{ "destination": "/r", "type": "tmpfs", "source": "tmpfs", "options": ["ro"] }'
	mkdir "$ROOTFS/r"
	inside 0 'cat /t/file; stat -c %a /t/file; echo new >/t/file; cat /t/file; echo x 2>/dev/null >/r/x || echo refused'
	prints $'kept\n600\nnew\nrefused'
	same "$(cat "$ROOTFS/t/file")" kept
}

@test "bind: a directory and a file, targets are made" {
	mkdir "$WORK/dir"
	echo one >"$WORK/dir/one"
	echo two >"$WORK/two"
	bind "$WORK/dir" /new/place bind
	bind "$WORK/two" /other/new/file bind
	inside 0 'cat /new/place/one /other/new/file; echo changed >/new/place/one'
	prints $'one\ntwo'
	same "$(cat "$WORK/dir/one")" changed
	[ -d "$ROOTFS/new/place" ]
	[ -f "$ROOTFS/other/new/file" ]
	same "$(stat -c %a "$ROOTFS/new" "$ROOTFS/new/place" | tr '\n' ' ')" "755 755 "
}

@test "bind: a relative source is beneath the bundle" {
	mkdir "$BUNDLE/data"
	echo here >"$BUNDLE/data/file"
	bind data /mnt bind
	cd "$WORK"
	program cat /mnt/file
	expect 0 woody run -b "$BUNDLE" "$ID"
	prints here
}

@test "bind: read-only and the other flags" {
	mkdir "$WORK/dir"
	bind "$WORK/dir" /mnt bind ro nosuid nodev noexec noatime
	bind "$WORK/dir" /plain bind
	inside 0 'echo x 2>/dev/null >/mnt/x || echo refused >&2; cat /proc/self/mountinfo'
	same "$stderr" refused
	for option in ro nosuid nodev noexec noatime; do has_option /mnt $option; done
	has_option /plain rw
	lacks_option /plain nosuid
	[ -z "$(ls "$WORK/dir")" ]
}

@test "bind: ro is not recursive, rro is" {
	mkdir -p "$WORK/dir/sub"
	cp "$BUNDLE/config.json" "$WORK/kept.json"
	# the tree is made in a mount namespace of its own
	local option
	for option in ro rro; do
		cp "$WORK/kept.json" "$BUNDLE/config.json"
		bind "$WORK/dir" /mnt rbind $option
		program sh -c 'cat /proc/self/mountinfo'
		expect 0 unshare --mount sh -c 'mount -t tmpfs tmpfs "$1/dir/sub" && exec "$2" --root "$3" run "$4"' sh \
			"$WORK" "$WOODY" "$ROOT" "$ID"
		has_option /mnt ro
		if [ $option = ro ]; then has_option /mnt/sub rw; else has_option /mnt/sub ro; fi
	done
}

@test "bind is not recursive, rbind is" {
	mkdir -p "$WORK/dir/sub"
	bind "$WORK/dir" /one bind
	bind "$WORK/dir" /all rbind
	program sh -c 'ls /one/sub /all/sub'
	expect 0 unshare --mount sh -c 'mount -t tmpfs tmpfs "$1/dir/sub" && touch "$1/dir/sub/file" && exec "$2" --root "$3" run "$4"' sh \
		"$WORK" "$WOODY" "$ROOT" "$ID"
	prints $'/all/sub:\nfile\n\n/one/sub:'
}

@test "bind: a source that is not there fails and is named" {
	bind "$WORK/missing" /mnt bind
	program true
	refused "$WORK/missing"
	[ ! -e "$WORK/missing" ]
}

@test "an unknown file system is named" {
	add_mount '{ "destination": "/mnt", "type": "nosuchfs", "source": "none" }'
	program true
	refused nosuchfs
}

@test "a target is resolved inside the rootfs: symlinks that are absolute, relative or dangling" {
	mkdir "$WORK/src" "$ROOTFS/real"
	echo ok >"$WORK/src/file"
	echo text >"$WORK/text"
	ln -s /real "$ROOTFS/absolute"
	ln -s ../../../../../real/made "$ROOTFS/climbing"
	ln -s /not/there/yet "$ROOTFS/dangling"
	ln -s /not/there/file "$ROOTFS/dangling-file"
	bind "$WORK/src" /absolute/dir bind
	bind "$WORK/src" /climbing bind
	bind "$WORK/src" /dangling bind
	bind "$WORK/text" /dangling-file bind
	inside 0 'cat /real/dir/file /real/made/file /not/there/yet/file /not/there/file'
	prints $'ok\nok\nok\ntext'
	[ ! -e /not ]
	[ ! -e /real ]
}

@test "rootfsPropagation holds inside" {
	local word
	for word in private slave shared unbindable; do
		config '.linux.rootfsPropagation = $word' --arg word $word
		inside 0 'cat /proc/self/mountinfo'
		local optional
		optional=$(awk '$5 == "/" { for (i = 7; $i != "-"; i++) printf "%s ", $i }' <<<"$output")
		case $word in
		private) same "$optional" "" ;;
		shared) [[ "$optional" == *shared:* ]] ;;
		unbindable) [[ "$optional" == *unbindable* ]] ;;
		# of a private tree a slave is private
		slave) [[ "$optional" != *shared:* ]] ;;
		esac
	done
	config '.linux.rootfsPropagation = "sideways"'
	program true
	refused sideways
}

@test "mounts of the container do not come to the host" {
	mkdir "$WORK/shared"
	capabilities CAP_SYS_ADMIN
	bind "$WORK" /mnt rbind
	inside 0 'mount -t tmpfs tmpfs /mnt/shared && touch /mnt/shared/inside && ls /mnt/shared'
	prints inside
	same "" "$(ls "$WORK/shared")"
}

@test "an rshared bind of a shared mount lets mounts through, rslave from the host only" {
	mkdir "$WORK/tree"
	config '.linux.rootfsPropagation = "shared"'
	capabilities CAP_SYS_ADMIN
	bind "$WORK/tree" /mnt rbind rshared
	program sh -c 'mkdir /mnt/one && mount -t tmpfs tmpfs /mnt/one'
	expect 0 unshare --mount --propagation private sh -c 'mount --bind "$1" "$1" && mount --make-shared "$1" &&
		"$2" --root "$3" run "$4" && grep -c "$1/one" /proc/self/mountinfo' sh "$WORK/tree" "$WOODY" "$ROOT" "$ID"
	prints 1
}

@test "masked paths: a file is empty, a directory is empty and read-only" {
	mkdir -p "$ROOTFS/secret/dir" "$ROOTFS/other/dir"
	echo hidden | tee "$ROOTFS/secret/file" >"$ROOTFS/secret/dir/file"
	echo hidden >"$ROOTFS/other/dir/file"
	all_capabilities
	writable
	config '.linux.maskedPaths = ["/secret/file", "/secret/dir", "/other/dir", "/not/there", "/secret/dir"]'
	inside 0 'wc -c </secret/file; ls /secret/dir /other/dir; echo x 2>/dev/null >/secret/dir/new || echo refused;
		rm /secret/file 2>/dev/null || echo kept; stat -c %d /secret/dir /other/dir; grep -c " /secret/dir " /proc/self/mountinfo'
	same "${lines[0]}" 0
	[[ "$output" != *hidden* ]]
	says refused
	says kept
	same "${lines[-3]}" "${lines[-2]}"	# one tmpfs for all of them
	same "${lines[-1]}" 1
	same "$(cat "$ROOTFS/secret/file")" hidden
	[ ! -e "$ROOTFS/not" ]
}

@test "the default masks: kcore, keys, timer_list, firmware" {
	inside 0 'for f in /proc/kcore /proc/keys /proc/timer_list; do if [ -e $f ]; then head -c 1 $f | wc -c; else echo 0; fi; done; ls /sys/firmware /proc/scsi 2>/dev/null | grep -v : || true'
	same "$(tr -d '\n :a-z/' <<<"$output")" 000
}

@test "read-only paths are read-only, their mounts below, too, and what is around them is not" {
	mkdir -p "$ROOTFS/area/kept" "$ROOTFS/area/free"
	writable
	config '.linux.readonlyPaths = ["/area/kept", "/proc/sys", "/not/there"]'
	inside 0 'echo x >/area/free/f && echo free; echo x 2>/dev/null >/area/kept/f || echo kept; cat /proc/self/mountinfo'
	same "${lines[0]} ${lines[1]}" "free kept"
	has_option /proc/sys ro
	has_option /area/kept ro
	inside 1 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	says "Read-only file system"
}

@test "read-only paths keep the flags of the mount that they are on" {
	inside 0 'cat /proc/self/mountinfo'
	local word
	for word in nosuid nodev noexec; do
		if [[ ",$(options_of /proc)," == *",$word,"* ]]; then has_option /proc/sys $word; fi
	done
	config '(.mounts[] | select(.destination == "/proc")).options = ["nosuid", "nodev", "noexec"]'
	inside 0 'cat /proc/self/mountinfo'
	for word in nosuid nodev noexec; do has_option /proc/sys $word; done
}

@test "the default devices and links" {
	inside 0 'cd /dev; stat -c "%n %F %a %t:%T" null zero full random urandom tty; for l in fd stdin stdout stderr ptmx; do readlink $l; done;
		readlink core || echo no core'
	prints "null character special file 666 1:3
zero character special file 666 1:5
full character special file 666 1:7
random character special file 666 1:8
urandom character special file 666 1:9
tty character special file 666 5:0
/proc/self/fd
/proc/self/fd/0
/proc/self/fd/1
/proc/self/fd/2
pts/ptmx
$(readlink /proc/kcore 2>/dev/null || if [ -e /proc/kcore ]; then echo /proc/kcore; else echo "no core"; fi)"
}

@test "the default devices work" {
	inside 0 'echo x >/dev/null; head -c 2 /dev/zero | od -An -tx1; head -c 3 /dev/random | wc -c; echo x 2>&1 >/dev/full | head -n 1'
	same "$(tr -d ' ' <<<"${lines[0]}") ${lines[1]}" "0000 3"
	says "No space left"
}

@test "devices of the config: type, mode, owner, numbers; fifos, too; redundant ones are taken" {
	config '.linux.devices = [
		{ path: "/dev/mine", type: "c", major: 1, minor: 5, fileMode: 416, uid: 3, gid: 4 },
		{ path: "/dev/dir/block", type: "b", major: 250, minor: 17, fileMode: 432 },
		{ path: "/dev/pipe", type: "p", fileMode: 438 },
		{ path: "/outside", type: "c", major: 1, minor: 3, fileMode: 438 },
		{ path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 438 },
		{ path: "/dev/tty", type: "c", major: 5, minor: 0, fileMode: 438, uid: 0, gid: 0 },
		{ path: "/dev/ptmx", type: "c", major: 5, minor: 2, fileMode: 438 }]'
	config '.process.user.umask = 63'	# ours must not matter to the nodes
	inside 0 'cd /dev; stat -c "%n %F %a %u:%g %t:%T" mine dir/block /outside tty; stat -c "%F %a" pipe'
	prints "mine character special file 640 3:4 1:5
dir/block block special file 660 0:0 fa:11
/outside character special file 666 0:0 1:3
tty character special file 666 0:0 5:0
fifo 666"
	rm "$ROOTFS/outside"
}

@test "a device of an unknown type is refused" {
	config '.linux.devices = [{ path: "/dev/x", type: "z", major: 1, minor: 3 }]'
	program true
	refused "z"
}

@test "without /proc and /sys a container starts" {
	config '.mounts = [] | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	program echo fine
	expect 0 woody run "$ID"
	prints fine
	same "$stderr" ""
}

@test "a missing rootfs is named" {
	rm -rf "$ROOTFS"
	program true
	refused "$ROOTFS"
}

@test "--no-pivot gives the same view" {
	inside 0 'ls /'
	local with=$output
	expect 0 woody run --no-pivot "$ID"
	same "$with" "$output"
}

@test "/sys/fs/cgroup is read-only, and shows the container's own cgroup as the root of each hierarchy" {
	capabilities CAP_SYS_ADMIN
	inside 0 'cat /proc/self/mountinfo; mkdir /sys/fs/cgroup/x 2>&1; mkdir /sys/fs/cgroup/pids/x 2>&1;
		echo processes: $(cat /sys/fs/cgroup/pids/cgroup.procs)'
	same "$(grep -c 'Read-only file system' <<<"$output")" 2
	same "$(grep ' /sys/fs/cgroup' <<<"$output" | awk '{ print $6 }' | grep -vc '^ro')" 0
	matches 'processes: 1 [0-9]+$'	# the shell and cat
	# with a cgroup namespace, too
	config '.linux.namespaces += [{ type: "cgroup" }] | .linux.namespaces |= unique_by(.type)'
	inside 0 'cat /proc/self/cgroup; cat /proc/self/mountinfo'
	same "$(awk -F: 'NF == 3 && $2 == "pids" { print $3 }' <<<"$output")" /
	same "$(grep ' /sys/fs/cgroup' <<<"$output" | awk '{ print $6 }' | grep -vc '^ro')" 0
}
