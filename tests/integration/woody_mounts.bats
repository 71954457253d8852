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
		if [ $option = rro ] && lacks mount_setattr; then
			bind "$WORK/dir" /mnt rbind rro
			refused "need open_tree(2) and mount_setattr(2)"
			continue
		fi
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
	[ -d /sys/fs/cgroup/pids ] || skip "no cgroup v1 here: ls /sys/fs/cgroup/pids"
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

# ---- flags of bind mounts ----

# with_mounts CODE SCRIPT - expect CODE of `woody run`, in a mount namespace in which SCRIPT was run before
with_mounts() {
	expect "$1" unshare --mount sh -c "set -e; $2; exec \"\$@\"" sh "$WOODY" --root "$ROOT" run "$ID"
}

# user_namespace - the container has its own
user_namespace() {
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }] |
		.linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 "$ROOTFS"
}

# flags_at DESTINATION - those that mounts[].options can say, sorted, from mountinfo in $output
flags_at() {
	options_of "$1" | tr , '\n' | grep -E '^(ro|rw|nosuid|nodev|noexec|noatime|nodiratime|relatime|nosymfollow)$' | LC_ALL=C sort | paste -sd' '
}

# sorted WORD... - as flags_at prints them
sorted() {
	printf '%s\n' "$@" | LC_ALL=C sort | paste -sd' '
}

@test "bind: no flags keep those of the source, any flag means exactly these, but access times stay" {
	mkdir "$WORK/src"
	local rows row want options
	rows=(
		"bind=nodev noatime nodiratime noexec nosuid ro"
		"bind private=nodev noatime nodiratime noexec nosuid ro"
		"bind nosuid=noatime nodiratime nosuid rw"
		"bind rw=noatime nodiratime rw"
		"bind dev=noatime nodiratime rw"
		"bind ro nodev=nodev noatime nodiratime ro"
		"bind suid exec ro=noatime nodiratime ro"
		"bind relatime=relatime rw"
		"bind strictatime=rw"
		"bind nodiratime=nodiratime relatime rw"
		"bind noatime=noatime rw"
		"bind diratime=noatime rw"
		"bind atime=nodiratime relatime rw"
		"bind norelatime=noatime nodiratime rw"
	)
	cp config.json "$WORK/kept.json"
	for row in "${rows[@]}"; do
		options=${row%%=*} want=${row#*=}
		cp "$WORK/kept.json" config.json
		# shellcheck disable=SC2086
		bind "$WORK/src" /mnt $options
		program cat /proc/self/mountinfo
		with_mounts 0 "mount -t tmpfs -o ro,nosuid,nodev,noexec,noatime,nodiratime tmpfs $WORK/src"
		# shellcheck disable=SC2086
		same "$options: $(flags_at /mnt)" "$options: $(sorted $want)"
	done
}

@test "bind: flags that a user namespace is locked into stay unless mentioned; clearing them is refused" {
	mkdir "$WORK/src"
	user_namespace
	local rows row want options
	rows=(
		"bind=nodev noatime nodiratime noexec nosuid ro"
		"bind nosuid=nodev noatime nodiratime noexec nosuid ro"
		"bind ro=nodev noatime nodiratime noexec nosuid ro"
		"bind nodev noexec=nodev noatime nodiratime noexec nosuid ro"
		"bind rw=-"
		"bind ro dev=-"
		"bind suid=-"
		"bind exec=-"
		"bind relatime=-"
		"bind strictatime=-"
		"bind atime=-"
		"bind noatime nodiratime=nodev noatime nodiratime noexec nosuid ro"
	)
	cp config.json "$WORK/kept.json"
	for row in "${rows[@]}"; do
		options=${row%%=*} want=${row#*=}
		cp "$WORK/kept.json" config.json
		# shellcheck disable=SC2086
		bind "$WORK/src" /mnt $options
		program cat /proc/self/mountinfo
		if [ "$want" = - ]; then
			with_mounts 1 "mount -t tmpfs -o ro,nosuid,nodev,noexec,noatime,nodiratime tmpfs $WORK/src"
			[[ "$stderr" == *"run failed: unable to start container process: error during container init: error mounting"*"operation not permitted"* ]] ||
				fail "$options" "$stderr"
			gone
		else
			with_mounts 0 "mount -t tmpfs -o ro,nosuid,nodev,noexec,noatime,nodiratime tmpfs $WORK/src"
			# shellcheck disable=SC2086
		same "$options: $(flags_at /mnt)" "$options: $(sorted $want)"
		fi
	done
}

@test "bind: flags that are not locked are set and cleared in a user namespace, too" {
	mkdir "$WORK/src"
	user_namespace
	bind "$WORK/src" /one bind ro nosuid
	bind "$WORK/src" /two bind rw exec
	program cat /proc/self/mountinfo
	with_mounts 0 "mount -t tmpfs tmpfs $WORK/src"
	same "$(flags_at /one)" "nosuid relatime ro"
	same "$(flags_at /two)" "relatime rw"
}

@test "bind: nosymfollow" {
	mkdir "$WORK/src"
	echo found >"$WORK/src/file"
	ln -s file "$WORK/src/link"
	bind "$WORK/src" /mnt bind nosymfollow
	bind "$WORK/src" /plain bind symfollow
	inside 1 'cat /plain/link; cat /mnt/file; cat /mnt/link; exit $?'
	same "$output" $'found\nfound'
	inside 0 'cat /proc/self/mountinfo'
	has_option /mnt nosymfollow
	lacks_option /plain nosymfollow
	config '.mounts |= .[:-2]'
	bind "$WORK/src/.." /mnt rbind nosymfollow
	bind "$WORK/src" /cleared bind ro
	program cat /proc/self/mountinfo
	with_mounts 0 "mount -t tmpfs -o nosymfollow tmpfs $WORK/src"
	lacks_option /cleared nosymfollow	# a flag was given: exactly those
}

@test "recursive options reach every mount of the tree" {
	if lacks mount_setattr; then
		bind "$WORK" /mnt rbind rnoatime
		program true
		refused "need open_tree(2) and mount_setattr(2)"
		return
	fi
	mkdir -p "$WORK/src"
	local rows row want options
	# option = what the top has, what the mount in it has; it was made relatime, and nosuid,noatime
	rows=(
		"rro=relatime ro/noatime nosuid ro"
		"ro=relatime ro/noatime nosuid rw"
		"ro rro=relatime ro/noatime nosuid ro"
		"rrw=relatime rw/noatime nosuid rw"
		"rnosuid=nosuid relatime rw/noatime nosuid rw"
		"rsuid=relatime rw/noatime rw"
		"rnodev rnoexec=nodev noexec relatime rw/nodev noatime noexec nosuid rw"
		"ratime=relatime rw/nosuid relatime rw"
		"rnoatime=noatime rw/noatime nosuid rw"
		"rstrictatime=rw/nosuid rw"
		"rnostrictatime=relatime rw/nosuid relatime rw"
		"rrelatime=relatime rw/nosuid relatime rw"
		"rnorelatime=relatime rw/noatime nosuid rw"
		"rnodiratime=nodiratime relatime rw/noatime nodiratime nosuid rw"
		"rnosymfollow=nosymfollow relatime rw/noatime nosuid nosymfollow rw"
	)
	cp config.json "$WORK/kept.json"
	for row in "${rows[@]}"; do
		options=${row%%=*} want=${row#*=}
		cp "$WORK/kept.json" config.json
		# shellcheck disable=SC2086
		bind "$WORK/src" /mnt rbind $options
		program cat /proc/self/mountinfo
		with_mounts 0 "mount -t tmpfs tmpfs $WORK/src; mkdir $WORK/src/sub; mount -t tmpfs -o nosuid,noatime tmpfs $WORK/src/sub"
		# shellcheck disable=SC2086
		same "$options: $(flags_at /mnt)/$(flags_at /mnt/sub)" "$options: $(sorted ${want%/*})/$(sorted ${want#*/})"
	done
}

# ---- id-mapped mounts ----

# needs_idmap - a kernel without the calls says so
needs_idmap() {
	if lacks mount_setattr; then
		bind "$WORK" /mnt bind idmap
		config '(.mounts[-1]) += { uidMappings: [{ containerID: 0, hostID: 100000, size: 10 }], gidMappings: [{ containerID: 0, hostID: 100000, size: 10 }] }'
		program true
		attempt 1 woody create "$ID"
		says "error mounting"
		gone
		return 1
	fi
}

# owned - $WORK/owned belongs to 100003:100004, as does the file in it
owned() {
	mkdir "$WORK/owned"
	echo text >"$WORK/owned/file"
	chown -R 100003:100004 "$WORK/owned"
}

# mapped - the last mount has these mappings: ids from 100000 on are 0 and up
mapped() {
	config '(.mounts[-1]) += { uidMappings: [{ containerID: 100000, hostID: 0, size: 65536 }], gidMappings: [{ containerID: 100000, hostID: 0, size: 65536 }] }'
}

@test "idmap: mappings of the mount's own, without a user namespace" {
	needs_idmap || return 0
	owned
	chmod 777 "$WORK/owned"
	bind "$WORK/owned" /mnt bind idmap
	mapped
	bind "$WORK/owned" without/slash bind
	mapped
	inside 0 'stat -c %u:%g /mnt /mnt/file /without/slash/file; touch /mnt/new'
	prints $'3:4\n3:4\n3:4'
	same "$(stat -c %u:%g "$WORK/owned/new")" 100000:100000
}

@test "idmap: an id that is not mapped cannot write" {
	needs_idmap || return 0
	mkdir -m 777 "$WORK/open"
	bind "$WORK/open" /mnt bind idmap
	config '(.mounts[-1]) += { uidMappings: [{ containerID: 100000, hostID: 5, size: 1 }], gidMappings: [{ containerID: 100000, hostID: 5, size: 1 }] }'
	inside 1 'touch /mnt/new'
	says "Value too large"
	same "$(ls "$WORK/open")" ""
}

@test "idmap: without mappings those of the container's user namespace" {
	needs_idmap || return 0
	mkdir "$WORK/src"
	touch "$WORK/src/file"
	chown 7:8 "$WORK/src/file"
	user_namespace
	bind "$WORK/src" /mnt bind idmap
	bind "$WORK/src" /plain bind
	inside 0 'stat -c %u:%g /mnt/file /plain/file; touch /mnt/new'
	prints $'7:8\n65534:65534'
	same "$(stat -c %u:%g "$WORK/src/new")" 0:0
	# and none to take them from
	config '.linux.namespaces |= map(select(.type != "user")) | del(.linux.uidMappings, .linux.gidMappings)'
	program true
	refused "needs a user namespace"
}

@test "idmap: mappings of the mount's own, with a user namespace" {
	needs_idmap || return 0
	owned
	user_namespace
	bind "$WORK/owned" /mnt bind idmap
	# on disk 100003; in the mount 200003 in the eyes of the host, which is nobody inside; and 100103: 103
	config '(.mounts[-1]) += { uidMappings: [{ containerID: 100000, hostID: 100100, size: 10 }], gidMappings: [{ containerID: 100000, hostID: 100100, size: 10 }] }'
	inside 0 'stat -c %u:%g /mnt/file'
	prints 103:104
}

@test "idmap: of a user namespace that is joined by path" {
	needs_idmap || return 0
	mkdir "$WORK/src"
	touch "$WORK/src/file"
	chown 7:8 "$WORK/src/file"
	chown -R 100000:100000 "$ROOTFS"
	unshare --user sleep 1000 </dev/null >/dev/null 2>&1 3>&- &
	HOLDER=$!
	soon test "$(readlink /proc/self/ns/user)" != "$(readlink "/proc/$HOLDER/ns/user")"
	soon differ "$(readlink "/proc/$HOLDER/ns/user")" "$(readlink /proc/self/ns/user)"
	echo "0 100000 65536" >"/proc/$HOLDER/uid_map"
	echo "0 100000 65536" >"/proc/$HOLDER/gid_map"
	config '.linux.namespaces += [{ type: "user", path: $path }]' --arg path "/proc/$HOLDER/ns/user"
	bind "$WORK/src" /mnt bind idmap
	inside 0 'stat -c %u:%g /mnt/file; cat /proc/self/uid_map | tr -s " "'
	prints $'7:8\n 0 100000 65536'
	# kept by a bind mount of it, not by a process
	touch "$BATS_RUN_TMPDIR/userns"
	mount --bind "/proc/$HOLDER/ns/user" "$BATS_RUN_TMPDIR/userns"
	USERNS=$BATS_RUN_TMPDIR/userns
	kill -KILL "$HOLDER"
	config '(.linux.namespaces[] | select(.type == "user")).path = $path' --arg path "$USERNS"
	inside 0 'stat -c %u:%g /mnt/file'
	prints 7:8
}

cleanup() {
	if [ -n "${HOLDER:-}" ]; then
		kill -KILL "$HOLDER" 2>/dev/null || true
		wait "$HOLDER" || true
	fi
	if [ -n "${USERNS:-}" ]; then umount "$USERNS"; fi
}

@test "idmap maps the top, ridmap the tree; a propagation word and a symlinked source do not disturb" {
	needs_idmap || return 0
	mkdir "$WORK/src" "$WORK/src/sub" "$WORK/below"
	ln -s src "$WORK/link"
	bind "$WORK/link" /top rbind idmap
	mapped
	bind "$WORK/link" /tree rbind ridmap rslave
	mapped
	program stat -c %u /top/file /top/sub/file /tree/file /tree/sub/file
	# no tmpfs: before Linux 6.3 its ids cannot be mapped
	with_mounts 0 "mount --bind $WORK/src $WORK/src; mount --bind $WORK/below $WORK/src/sub
		touch $WORK/src/file $WORK/src/sub/file; chown 100003 $WORK/src/file $WORK/src/sub/file"
	prints $'3\n100003\n3\n3'
}

@test "idmap: fifty of them with a limit of 20 descriptors, and plain ones in a user namespace" {
	needs_idmap || return 0
	owned
	config '.mounts += [range(50) | { destination: "/m/\(.)", type: "bind", source: $source, options: ["bind", "idmap"],
		uidMappings: [{ containerID: 100000, hostID: 0, size: 100 }], gidMappings: [{ containerID: 100000, hostID: 0, size: 100 }] }]' \
		--arg source "$WORK/owned"
	config '.process.rlimits = []'
	program sh -c 'for i in $(seq 0 49); do stat -c %u /m/$i/file; done | sort | uniq -c'
	cp /bin/busybox "$ROOTFS/bin/uniq"
	expect 0 bash -c 'ulimit -n 20 && exec "$@"' bash "$WOODY" --root "$ROOT" run "$ID"
	matches '^ *50 3$'
	# the same in a user namespace, where the parent maps them; and plain ones that only the parent can reach
	user_namespace
	expect 0 bash -c 'ulimit -n 20 && exec "$@"' bash "$WOODY" --root "$ROOT" run "$ID"
	matches '^ *50 65534$'
	config 'del(.mounts[].uidMappings, .mounts[].gidMappings) | .mounts |= map(if .options then .options -= ["idmap"] else . end)'
	mkdir -m 700 "$WORK/closed"
	mv "$WORK/owned" "$WORK/closed/"
	config '.mounts |= map(if .type == "bind" then .source = $source else . end)' --arg source "$WORK/closed/owned"
	expect 0 bash -c 'ulimit -n 20 && exec "$@"' bash "$WOODY" --root "$ROOT" run "$ID"
	matches '^ *50 3$'
}

# ---- tmpfs, links, sources inside ----

@test "tmpcopyup of / is refused" {
	add_mount '{ "destination": "/", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"] }'
	program true
	refused "tmpcopyup"
}

@test "tmpfs: the mode of what it covers shows as mode=, an explicit one wins, with all bits" {
	mkdir -m 710 "$ROOTFS/t"
	mkdir -m 777 "$ROOTFS/u"
	add_mount '{ "destination": "/t", "type": "tmpfs", "source": "tmpfs" }'
	local mode
	for mode in 0444 0710 0410 6751 1700; do
		add_mount '{ "destination": "/u", "type": "tmpfs", "source": "tmpfs", "options": ["mode='$mode'"] }'
		inside 0 'stat -c %a /u; cat /proc/self/mountinfo'
		same "${lines[0]}" "$(printf %o "$((0$mode))")"
		matches ' /t [^ ]+ .*mode=710'
		config '.mounts |= .[:-1]'
	done
}

@test "directories that are made for a mount keep the setgid bit that they inherit" {
	mkdir "$ROOTFS/shared" "$WORK/src"
	chmod 2755 "$ROOTFS/shared"
	bind "$WORK/src" /shared/new/deep bind
	add_mount '{ "destination": "/shared/other/tmp", "type": "tmpfs", "source": "tmpfs" }'
	program true
	expect 0 woody run "$ID"
	same "$(stat -c %a "$ROOTFS/shared/new" "$ROOTFS/shared/new/deep" "$ROOTFS/shared/other" | tr '\n' ' ')" "2755 2755 2755 "
}

@test "/dev is made read-only at the end, with its nodes in it" {
	config '(.mounts[] | select(.destination == "/dev")).options += ["ro"]'
	inside 0 'echo x >/dev/null && ls -l /dev/zero >/dev/null && { touch /dev/new 2>&1 || true; }; touch /dev/shm/fine; cat /proc/self/mountinfo'
	says "Read-only file system"
	has_option /dev ro
	has_option /dev/shm rw
}

@test "a target through symlinks: a tmpfs below an absolute one, a dangling component, a chain" {
	mkdir "$ROOTFS/real" "$WORK/src"
	echo ok >"$WORK/src/file"
	ln -s /real "$ROOTFS/link"
	ln -s /nowhere/yet "$ROOTFS/dangling"
	ln -s dangling/more "$ROOTFS/chain"
	add_mount '{ "destination": "/link/tmp", "type": "tmpfs", "source": "tmpfs" }'
	bind "$WORK/src" /dangling/sub bind
	bind "$WORK/src/file" /chain/file bind
	inside 0 'grep -c " /real/tmp " /proc/self/mountinfo; cat /nowhere/yet/sub/file /nowhere/yet/more/file'
	prints $'1\nok\nok'
	[ ! -e /nowhere ]
	ln -s loop "$ROOTFS/loop"
	bind "$WORK/src" /loop/sub bind
	program true
	refused "too many symbolic links"
}

@test "sources inside the rootfs, and what was mounted there before is seen" {
	mkdir -p "$ROOTFS/inner" "$WORK/src"
	echo image >"$ROOTFS/inner/file"
	add_mount '{ "destination": "/inner/tmp", "type": "tmpfs", "source": "tmpfs" }'
	bind "$ROOTFS/inner" /again rbind
	bind "$ROOTFS/inner" /flat bind
	cp config.json "$WORK/kept.json"
	inside 0 'cat /again/file; touch /inner/tmp/new; ls /again/tmp /flat/tmp'
	prints $'image\n/again/tmp:\nnew\n\n/flat/tmp:'
	cp "$WORK/kept.json" config.json
	user_namespace
	inside 0 'cat /again/file; touch /inner/tmp/new; ls /again/tmp /flat/tmp'
	prints $'image\n/again/tmp:\nnew\n\n/flat/tmp:'
}

# ---- propagation ----

# optional_of DESTINATION - "shared:7 master:3 "
optional_of() {
	awk -v at="$1" '$5 == at { o = ""; for (i = 7; $i != "-"; i++) { sub(":.*", "", $i); o = o $i " " } } END { printf "%s", o }' <<<"$output"
}

@test "rootfsPropagation in a host whose mounts are shared: slave stays a slave, shared is shared, private neither" {
	local word
	program cat /proc/self/mountinfo
	for word in slave rslave; do
		config '.linux.rootfsPropagation = $word' --arg word $word
		with_mounts 0 "mount --bind $WORK $WORK; mount --make-shared $WORK; cd $BUNDLE"
		same "$word: $(optional_of /)" "$word: master "
	done
	for word in shared rshared; do
		config '.linux.rootfsPropagation = $word' --arg word $word
		with_mounts 0 "mount --bind $WORK $WORK; mount --make-shared $WORK; cd $BUNDLE"
		[[ "$(optional_of /)" == *shared* ]] || fail "$word" "$output"
	done
	config '.linux.rootfsPropagation = "private"'
	with_mounts 0 "mount --bind $WORK $WORK; mount --make-shared $WORK; cd $BUNDLE"
	same "$(optional_of /)" ""
}

@test "a bind without a propagation word does not leak what is mounted in it, with one it is in its source's group" {
	mkdir "$WORK/tree"
	config '.linux.rootfsPropagation = "shared"'
	capabilities CAP_SYS_ADMIN
	local word want
	for word in rprivate rslave rshared; do
		bind "$WORK/tree" /mnt rbind $word
		program sh -c 'mkdir -p /mnt/one && mount -t tmpfs tmpfs /mnt/one && cat /proc/self/mountinfo'
		expect 0 unshare --mount --propagation private sh -c 'mount --bind "$1" "$1" && mount --make-shared "$1" &&
			"$2" --root "$3" run "$4"; echo "host: $(grep -c "$1/one" /proc/self/mountinfo)"' sh "$WORK/tree" "$WOODY" "$ROOT" "$ID"
		case $word in
		rprivate) want="/host: 0" ;;
		rslave) want="master /host: 0" ;;
		rshared) want="shared /host: 1" ;;
		esac
		same "$word: $(optional_of /mnt)/$(grep ^host <<<"$output")" "$word: $want"
		config '.mounts |= .[:-1]'
	done
}

# ---- masks, devices, cgroups, root ----

@test "masked files cannot be unmounted or replaced, also on a read-only root" {
	echo hidden >"$ROOTFS/secret"
	mkdir "$ROOTFS/dir"
	config '.linux.maskedPaths = ["/secret", "/dir"]'
	inside 0 'cat /secret; umount /secret 2>&1; umount /dir 2>&1; rm /secret 2>&1; touch /dir/new 2>&1; true'
	same "$(grep -c 'not permitted' <<<"$output")" 2
	same "$(grep -c 'Read-only' <<<"$output")" 2
	[[ "$output" != *hidden* ]]
}

@test "devices: a trailing slash, a directory of their own, unbuffered and block ones" {
	config '.linux.devices = [
		{ path: "/dev/slash/", type: "c", major: 1, minor: 5 },
		{ path: "/dev//twice/../odd", type: "u", major: 1, minor: 7, fileMode: 384 },
		{ path: "/dev/a/b/block", type: "b", major: 250, minor: 3, fileMode: 432, gid: 6 }]'
	inside 0 'cd /dev; stat -c "%n %F %a %g %t:%T" slash odd a/b/block; head -c 2 /dev/slash | wc -c'
	prints "slash character special file 666 0 1:5
odd character special file 600 0 1:7
a/b/block block special file 660 6 fa:3
2"
	config '.linux.devices = [{ path: "/", type: "c", major: 1, minor: 5 }]'
	program true
	refused "a device cannot be /"
	config '.linux.devices = [{ path: "/dev/x", type: "c", major: -1, minor: 5 }]'
	refused "no valid major and minor"
}

@test "devices in a user namespace: the host's are bound, fifos are made, others are refused by name" {
	user_namespace
	config '.linux.devices = [{ path: "/dev/fifo", type: "p", fileMode: 420 }, { path: "/dev/full", type: "c", major: 1, minor: 7 }]'
	inside 0 'stat -c "%F %a" /dev/fifo; cat /proc/self/mountinfo'
	same "${lines[0]}" "fifo 644"
	local node
	for node in null zero full random urandom tty; do
		has_option /dev/$node nosuid
		has_option /dev/$node noexec
	done
	config '.linux.devices = [{ path: "/dev/full", type: "c", major: 1, minor: 3 }]'
	program true
	refused "is not the device c 1:3"
	config '.linux.devices = [{ path: "/dev/nosuch", type: "c", major: 1, minor: 3 }]'
	refused "/dev/nosuch"
}

@test "cgroup v1: with a user namespace, a bind mount before it, and no cgroup namespace" {
	[ -d /sys/fs/cgroup/pids ] || skip "no cgroup v1 here: ls /sys/fs/cgroup/pids"
	mkdir "$WORK/src"
	user_namespace
	config '.linux.namespaces |= map(select(.type != "cgroup"))'
	config '.mounts |= [{ type: "bind", source: $source, destination: "/mnt", options: ["bind"] }] + .' --arg source "$WORK/src"
	local with
	for with in without with; do
		if [ $with = with ]; then config '.linux.namespaces += [{ type: "cgroup" }]'; fi
		inside 0 'cat /proc/self/mountinfo; cat /sys/fs/cgroup/pids/cgroup.procs >/dev/null && echo readable; mkdir /sys/fs/cgroup/x 2>&1 || true'
		says readable
		says "Read-only file system"
		same "$(grep ' /sys/fs/cgroup' <<<"$output" | awk '{ print $6 }' | grep -vc '^ro')" 0
	done
}

@test "cgroup v2: read-only, of the container's own, with and without a cgroup namespace" {
	[ -e /sys/fs/cgroup/cgroup.controllers ] || skip "no unified cgroup v2 here: ls /sys/fs/cgroup/cgroup.controllers"
	config '.linux.namespaces |= map(select(.type != "cgroup"))'
	inside 0 'cat /proc/self/mountinfo; mkdir /sys/fs/cgroup/x 2>&1 || true'
	has_option /sys/fs/cgroup ro
	says "Read-only file system"
	config '.linux.namespaces += [{ type: "cgroup" }]'
	inside 0 'cat /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.procs | wc -l; cat /proc/self/mountinfo; mkdir /sys/fs/cgroup/x 2>&1 || true'
	same "${lines[0]}" 0::/
	[ "${lines[1]}" -le 3 ]
	has_option /sys/fs/cgroup ro
	says "Read-only file system"
	# writable where the mount says so: its own
	config '(.mounts[] | select(.type == "cgroup")).options -= ["ro"]'
	inside 0 'mkdir /sys/fs/cgroup/made && rmdir /sys/fs/cgroup/made && echo made'
	prints made
}

@test "without /proc, and without /proc, /sys and cgroups, the container starts" {
	config '.mounts |= map(select(.destination != "/proc")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	inside 0 'ls /proc; echo fine'
	prints fine
	config '.mounts |= map(select(.type != "sysfs" and .type != "cgroup"))'
	inside 0 'echo fine'
	prints fine
}

# tries_proc - what a container does that wants a procfs without our masks
tries_proc() {
	all_capabilities
	cp "$WOODY_TESTBIN/probe" "$ROOTFS/bin/"
	mkdir "$ROOTFS/fresh"
	cp /bin/busybox "$ROOTFS/bin/unshare"
	program sh -c 'unshare -U -r -m -p -f sh -c "mount -t proc proc /fresh && echo MOUNTED" 2>&1; exit 1'
}

@test "--no-pivot does not allow a fresh, unmasked procfs in a user namespace of the container" {
	tries_proc
	expect 1 woody run --no-pivot "$ID"
	says "ermission denied"
	[[ "$output" != *MOUNTED* ]]
	# nor does pivot_root
	expect 1 woody run "$ID"
	[[ "$output" != *MOUNTED* ]]
}
