# What the engine suites stand on: real engines, as the distribution packages them, told to use woody.
#
# Environment, set by meson: WOODY, CARRIER (only its directory is used), WOODY_TESTBIN, and
#	WHO		root (default); user: a throw-away one that root makes; self: the ordinary user who runs bats, in a session
#			of its own; $DELEGATED is a cgroup that is its own, with nothing running in it (only below), as in the guest
#	CGROUP_MANAGER	cgroupfs (default) or systemd: the engine's
#	WOODY_TEST_TIMEOUT	for one test of woody's (60); engines get twice that, and what they are waited for grows with it
#
# A file's setup_file calls
#	engine_setup_file PROGRAM...	where one of them is missing every test is skipped, with that reason
#	unfit REASON			the same for anything else that is missing
# and has then, unless $UNFIT says why not:
#	$BASE		directory of the file; $BASE/bin/woody is the runtime, where ordinary users reach it
#	$TAG		a name for cgroups that is nobody else's
#	$BASE/rootfs.tar, $BASE/layout	a busybox image, as an archive of its files and as an OCI layout, tagged "plain"
#	daemon NAME COMMAND...		starts it with all of cgroup v1 mounted, in a mount namespace of its own
# and its teardown_file calls engine_teardown_file, which ends the daemons. The assertions are helpers.bash's, the ordinary
# user is carrier.bash's.

# shellcheck source=../carrier.bash
source "${BASH_SOURCE[0]%/*}/../carrier.bash"
export BATS_TEST_TIMEOUT=$((2 * ${WOODY_TEST_TIMEOUT:-60}))
: "${CGROUP_MANAGER:=cgroupfs}"
V2=''
[ ! -e /sys/fs/cgroup/cgroup.controllers ] || V2=yes

unfit() { export UNFIT="$*"; }

engine_setup_file() {
	local program
	export UNFIT='' WHO
	for program; do
		command -v "$program" >/dev/null || unfit "$program is not installed"
	done
	[ "$(id -u)" -eq 0 ] || [ "$WHO" = self ] || unfit "engines are started as root, and this is user $(id -u)"
	[ -z "$UNFIT" ] || return 0
	chmod 711 "$BATS_RUN_TMPDIR"
	chmod 755 "$BATS_FILE_TMPDIR"
	BASE=/tmp/we$$	# short: sockets are made below it; without capitals: podman takes them in no name
	mkdir "$BASE"
	TAG=${BASE##*/}
	chmod 755 "$BASE"
	mkdir "$BASE/bin" "$BASE/daemons"
	cp "$WOODY" "$BASE/bin/woody"
	chmod 755 "$BASE/bin/woody"
	[ ! -x "${WOODY%/*}/woody-systemd" ] || cp "${WOODY%/*}/woody-systemd" "$BASE/bin/"
	export BASE TAG RUNTIME=$BASE/bin/woody CGROUP_MANAGER
	[ "$WHO" != user ] || make_user
	make_plain_image
}

make_plain_image() {
	local root=$BASE/rootfs applet
	mkdir -p "$root"/{bin,dev,etc,proc,root,sys,tmp,var}
	chmod 1777 "$root/tmp"
	cp /bin/busybox "$root/bin/"
	for applet in $APPLETS; do
		ln -s busybox "$root/bin/$applet"
	done
	echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
	echo 'root:x:0:' >"$root/etc/group"
	printf 'neither ELF nor script' >"$root/bin/odd"
	chmod 755 "$root/bin/odd"
	tar -C "$root" --owner=0 --group=0 -cf "$BASE/rootfs.tar" .
	python3 "${BASH_SOURCE[0]%/*}/../mkimage.py" image --config \
		'{ "Env": ["PATH=/usr/bin:/bin"], "Cmd": ["sh"] }' "$BASE/layout" plain "$BASE/rootfs.tar" >/dev/null
	chmod -R a+rX "$BASE/layout" "$BASE/rootfs.tar"
}

# all_hierarchies COMMAND... - becomes the command; what the kernel has of cgroup v1, mounted in a namespace of our own: containerd reads
# statistics only where every controller of /proc/PID/cgroup has a mount, which not every machine gives
all_hierarchies() {
	# shellcheck disable=SC2016 # a script of its own
	exec unshare --mount --propagation private bash -c '
		if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
			mkdir "$0/cgroups" && mount --rbind /sys/fs/cgroup "$0/cgroups" && mount -t tmpfs tmpfs /sys/fs/cgroup || exit 1
			for old in "$0"/cgroups/*/; do
				old=${old%/} new=/sys/fs/cgroup/${old##*/}
				! mountpoint -q "$old" || { mkdir "$new" && mount --bind "$old" "$new"; } || exit 1
			done
			while IFS=: read -r _ names _; do
				case $names in
				"" | *=*) continue ;;	# v2, and systemd: there or not needed
				esac
				[ ! -d "/sys/fs/cgroup/$names" ] || continue
				mkdir "/sys/fs/cgroup/$names" && mount -t cgroup -o "$names" cgroup "/sys/fs/cgroup/$names" || exit 1
			done </proc/self/cgroup
			umount -l "$0/cgroups" && rmdir "$0/cgroups" || exit 1
		fi
		exec "$@"' "$BASE" "$@"
}

# daemon NAME COMMAND... - its log is $BASE/daemons/NAME.log; it holds none of bats' pipes
daemon() {
	local name=$1
	shift
	all_hierarchies "$@" </dev/null >"$BASE/daemons/$name.log" 2>&1 3>&- 4>&- &
	echo $! >"$BASE/daemons/$name.pid"
	disown
}

# end_daemon NAME - by its pid, and waits for it
end_daemon() {
	local pid
	pid=$(cat "$BASE/daemons/$1.pid")
	kill "$pid" 2>/dev/null || true
	soon ended "$pid" || kill -KILL "$pid"
	rm "$BASE/daemons/$1.pid"
}

# within SECONDS COMMAND... - of a machine that needs no longer than others (WOODY_TEST_TIMEOUT)
within() {
	local end=$((SECONDS + $1 * BATS_TEST_TIMEOUT / 120))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# cgroups_of NAME - directories of that name in any hierarchy
cgroups_of() { find /sys/fs/cgroup -type d -name "*$1*" 2>/dev/null; }

engine_teardown_file() {
	local file
	[ -n "${BASE:-}" ] || return 0
	for file in "$BASE"/daemons/*.pid; do
		[ ! -e "$file" ] || end_daemon "$(basename "$file" .pid)"
	done
	if [ "$WHO" = user ]; then
		pkill_user
		remove_user
	fi
	find /sys/fs/cgroup -depth -type d -path "*/$TAG*" -exec rmdir {} + 2>/dev/null || true
	rm -rf --one-file-system "$BASE"
}

setup() {
	[ -z "$UNFIT" ] || skip "$UNFIT"
	WORK=$BATS_TEST_TMPDIR
	chmod 755 "$WORK"
	cd "$WORK" || return 1
	if declare -F prepare >/dev/null; then prepare; fi
}

teardown() {
	cd /
	[ -z "$UNFIT" ] || return 0
	if declare -F cleanup >/dev/null; then cleanup; fi
}
