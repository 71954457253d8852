# How a container's files are put together (rootfs.h): each driver by the option, and by really denying the ones before it.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	setup_with debian plain
	# a PATH without fuse-overlayfs, but with all the rest
	mkdir "$BASE/path"
	local file
	for file in /usr/local/sbin/* /usr/local/bin/* /usr/sbin/* /usr/bin/*; do
		[ "${file##*/}" = fuse-overlayfs ] || ln -sf "$file" "$BASE/path/"
	done
}

teardown_file() { carrier_teardown_file; }

# without_overlay CARRIER-ARGUMENT... - the kernel refuses the call that overlay is mounted with. The filter is loaded by root, so that
# newuidmap keeps its privilege.
without_overlay() {
	local deny=$WOODY_TESTBIN/deny
	if [ "$WHO" = user ]; then
		"$deny" fsconfig_string=EPERM /usr/bin/setpriv --reuid "$NAME" --regid "$NAME" --init-groups --inh-caps=-all --reset-env \
			/usr/bin/env HOME="$USER_HOME" XDG_RUNTIME_DIR="$USER_RUN" PATH="${USER_PATH:-/usr/sbin:/usr/bin:/sbin:/bin}" "$PROGRAM" "$@"
	else
		"$deny" fsconfig_string=EPERM "$PROGRAM" --root "$CROOT" "$@"
	fi
}

# without_fuse_program COMMAND...
without_fuse_program() {
	local PATH=$BASE/path USER_PATH=$BASE/path
	"$@"
}

# without_fuse_device COMMAND... - a /dev with everything but fuse
without_fuse_device() {
	export WORK
	export -f without_overlay carrier client as_user
	unshare -m bash -c 'mount --make-rprivate / && mkdir -p "$WORK/dev" && mount --rbind /dev "$WORK/dev" && mount -t tmpfs tmpfs /dev &&
		for f in null zero full random urandom tty ptmx pts shm net; do
			if [ -d "$WORK/dev/$f" ]; then mkdir "/dev/$f"; else touch "/dev/$f"; fi; mount --rbind "$WORK/dev/$f" "/dev/$f"
		done && chmod 755 /dev && ln -s /proc/self/fd /dev/fd && "$@"' - "$@"
}

# warnings - of a fallback
warnings() { grep -c "storage driver .* cannot be used here" <<<"$stderr" || true; }

# fuse_processes - of this file: by their environment, which is that of the carrier that started them
fuse_processes() {
	local pid
	for pid in $(pgrep -x fuse-overlayfs); do
		! grep -qF "$BASE/" "/proc/$pid/environ" 2>/dev/null || echo "$pid"
	done
}
no_fuse_process() { [ -z "$(fuse_processes)" ]; }

kind_of_root() { carrier exec "$1" stat -f -c %T /; }

# every entry with what belongs to it; directories' link counts and sizes are the file system's matter
list='find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /etc/hosts -o -path /etc/hostname -o -path /etc/resolv.conf \) -prune -o \
	\( -type d -printf "%p d %m %U %G %T@\n" , -not -type d -printf "%p %y %m %U %G %s %n %T@ %l\n" \) | sort'

@test "all drivers show the same files" {
	local driver
	for driver in overlay fuse-overlayfs copy; do
		expect 0 carrier --storage-driver "$driver" run --rm --network none "$DEBIAN" bash -c "$list"
		same "" "$stderr"
		printf '%s\n' "$output" >"$driver"
	done
	[ "$(wc -l <overlay)" -gt 300 ] || fail "only $(wc -l <overlay) entries"
	diff -u overlay copy >difference || fail "$(head -20 difference)"
	diff -u overlay fuse-overlayfs >difference || fail "$(head -20 difference)"
}

@test "all drivers show the same content, and take changes of every kind" {
	# changing one name of a file with several breaks overlayfs' link between them: not tried here
	local driver change='set -e; cd /srv; rm plain/stays; echo new >plain/new; rm -r opaque; mkdir opaque; echo mine >opaque/mine
		mv sticky moved; chmod 700 owned; rm link-a; chown 1:1 plain/new; ln plain/new plain/again; rm /tmp/x; echo more >>attributed
		sha256sum $(find / -xdev -type f -not -path "/proc/*" -not -path "/sys/*" -not -path "/dev/*" -not -path /etc/hosts -not -path /etc/hostname -not -path /etc/resolv.conf | sort); ls -lnR --time-style=+ /srv | grep -v -e ^total -e /srv/owned/link-c -e link-b -e link-c'
	for driver in overlay fuse-overlayfs copy; do
		expect 0 carrier --storage-driver "$driver" run --rm --network none "$DEBIAN" bash -c "$change"
		printf '%s\n' "$output" | sed 's/^d\([^ ]* *\)[0-9]* /d\1- /' >"$driver"
	done
	diff -u overlay copy >difference || fail "$(head -20 difference)"
	diff -u overlay fuse-overlayfs >difference || fail "$(head -20 difference)"
	# and the layers are as they were
	expect 0 carrier run --rm --network none "$DEBIAN" cat /srv/plain/stays /tmp/x
	prints $'lower\nimplicit'
}

@test "the record remembers the driver, exec and rm do right with each" {
	local driver kind
	for driver in overlay fuse-overlayfs copy; do
		expect 0 carrier --storage-driver "$driver" run -d --name "with-$driver" --network none "$DEBIAN" sleep 600
		kind=$(kind_of_root "with-$driver")
		case $driver in
		overlay) same overlayfs "$kind" ;;
		fuse-overlayfs) same fuseblk "$kind" ;;
		copy) same "$(stat -f -c %T "$CROOT")" "$kind" ;;
		esac
		same "\"$driver\"" "$(jq .storageDriver "$CROOT/containers/$(id_of "with-$driver")/record.json")"
		expect 0 carrier exec "with-$driver" bash -c 'echo written >/written; cat /written'
		prints written
		expect 0 carrier rm -f "with-$driver"
	done
	soon no_fuse_process
}

@test "auto: overlay where there is overlay, without a word" {
	expect 0 carrier run -d --name usual --network none "$DEBIAN" sleep 600
	same "" "$stderr"
	same overlayfs "$(kind_of_root usual)"
	[ ! -e "$CROOT/containers/$(id_of usual)/driver" ] || fail "there is nothing to note"
}

@test "auto: without overlay it is fuse-overlayfs, and one line says why" {
	expect 0 without_overlay run -d --name fused --network none "$DEBIAN" sleep 600
	same 1 "$(warnings)"
	says "the storage driver overlay cannot be used here, fuse-overlayfs is tried: mount the layers on"
	same fuseblk "$(kind_of_root fused)"
	same fuse-overlayfs "$(cat "$CROOT/containers/$(id_of fused)/driver")"
}

@test "auto: without overlay and without the program it is a copy" {
	expect 0 without_fuse_program without_overlay run -d --name copied --network none "$PLAIN" sleep 600
	same 2 "$(warnings)"
	says "there is no fuse-overlayfs in PATH: install the package of that name"
	same copy "$(cat "$CROOT/containers/$(id_of copied)/driver")"
}

@test "auto: without overlay and without /dev/fuse it is a copy" {
	expect 0 without_fuse_device without_overlay run --rm --network none "$PLAIN" stat -f -c %T /
	prints "$(stat -f -c %T "$CROOT" | sed 's,ext2/ext3,ext2/ext3,')"
	same 2 "$(warnings)"
	says "open '/dev/fuse': No such file or directory"
}

@test "a driver that was asked for and is not to be had is an error, and leaves nothing" {
	failing 125 "mount the layers on" without_overlay --storage-driver overlay run --rm --network none "$PLAIN" true
	failing 125 "there is no fuse-overlayfs in PATH" without_fuse_program carrier --storage-driver fuse-overlayfs run --rm --network none "$PLAIN" true
	failing 125 "--storage-driver: auto, overlay, fuse-overlayfs or copy, not 'vfs'" carrier --storage-driver vfs images
	soon no_containers
}

@test "fuse-overlayfs ends with its container" {
	expect 0 carrier --storage-driver fuse-overlayfs run --rm --network none "$DEBIAN" true
	soon no_fuse_process
	expect 0 carrier --storage-driver fuse-overlayfs run -d --name nap --network none "$DEBIAN" sleep 600
	[ -n "$(fuse_processes)" ] || fail "no process"
	expect 0 carrier stop -t 1 nap
	soon no_fuse_process
	expect 0 carrier rm nap
}

@test "fuse-overlayfs outlives a killed monitor as long as the container does" {
	expect 0 carrier --storage-driver fuse-overlayfs run -d --name orphan --network none "$DEBIAN" sleep 600
	kill -9 "$(jq .monitor "$CROOT/containers/$(id_of orphan)/status.json")"
	local pid
	pid=$(pid_of orphan)
	expect 0 carrier exec orphan cat /srv/plain/stays
	prints lower
	kill -9 "$pid"
	soon no_fuse_process
	expect 0 carrier rm -f orphan
}

@test "a killed fuse-overlayfs is noticed: the container is killed, and its record says why" {
	expect 0 carrier --storage-driver fuse-overlayfs run -d --name robbed --network none "$DEBIAN" sleep 600
	fuse_processes | xargs kill -9
	has_state robbed exited
	same 137 "$(carrier inspect robbed | jq '.[0].State.ExitCode')"
	carrier inspect robbed | jq -r '.[0].State.Error' | grep -q "fuse-overlayfs ended" || fail "$(carrier inspect robbed | jq '.[0].State')"
}
