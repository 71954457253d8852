# What carrier's suites stand on. The assertions are helpers.bash's; set-up and teardown are of their own.
#
# Environment, set by meson: WOODY, CARRIER (carrier-fetch, carrier-unpack and carrier-pack beside it), WOODY_TESTBIN (lister, too), and
#	WHO		root (default) or user: who runs carrier in a suite that is meant for both; self: the ordinary user who runs bats,
#			in a cgroup of its own, as in the guest
#	FIXTURES	where images are kept from one file to the next; otherwise each file makes its own
#
# In each test:
#	carrier ARGS...		as $WHO; its images and containers are below $CROOT, which a file's tests share
#	client COMMAND...	any command, as $WHO
#	OUTSIDE			an array: a wrapper of all that client and carrier run, which is still root where they are not
#	as_user COMMAND...	as the throw-away user that the file has when WHO=user or make_user was called
#	failing CODE TEXT COMMAND...	it fails with this code, one sentence on stderr, which contains TEXT
#	$BASE			directory of the file; everything of it is named so in mounts and command lines
#	quiet_down		what teardown asserts: nothing is left
# A file's setup_file calls carrier_setup_file, then starts registries; or setup_with, where images are all that it needs.

# shellcheck source=helpers.bash
source "${BASH_SOURCE[0]%/*}/helpers.bash"
# shellcheck source=user.bash
source "${BASH_SOURCE[0]%/*}/user.bash"
# shellcheck source=registry.bash
source "${BASH_SOURCE[0]%/*}/registry.bash"

: "${CARRIER:?the path of carrier}"
: "${WHO:=root}"
export BATS_TEST_TIMEOUT=$((${WOODY_TEST_TIMEOUT:-60} * 3 / 2))

# make_user - $NAME, with a home and a runtime directory below $BASE
make_user() {
	export NAME=ct$$ USER_HOME=$BASE/home USER_RUN=$BASE/run
	add_user "$NAME" "$USER_HOME" 600000000
	install -d -m 0700 -o "$NAME" -g "$NAME" "$USER_RUN"
	chmod 0666 /dev/net/tun
}

remove_user() {
	[ -z "${NAME:-}" ] || delete_user "$NAME"
}

# carrier_setup_bare - without any image
carrier_setup_bare() {
	chmod 711 "$BATS_RUN_TMPDIR"
	chmod 755 "$BATS_FILE_TMPDIR"
	BASE=$(mktemp -d "${BASE_IN:-/tmp}/ct.XXXXXX")	# short: sockets are made below it
	chmod 755 "$BASE"
	# copies, where an ordinary user reaches them; and so that nothing but "beside it" says where helpers are
	mkdir "$BASE/bin"
	cp "$CARRIER" "${CARRIER%/*}/carrier-fetch" "${CARRIER%/*}/carrier-unpack" "${CARRIER%/*}/carrier-pack" "${CARRIER%/*}/carrier-init" "$WOODY" "$BASE/bin/"
	[ ! -x "${WOODY%/*}/woody-systemd" ] || cp "${WOODY%/*}/woody-systemd" "$BASE/bin/"
	chmod 755 "$BASE"/bin/*
	export BASE WHO FIXTURES PROGRAM=$BASE/bin/carrier CROOT=$BASE/root
	if [ "$WHO" = user ]; then
		make_user
		CROOT=$USER_HOME/.local/share/carrier
	fi
}

carrier_setup_file() {
	carrier_setup_bare
	make_images
}

# setup_with IMAGE... - carrier_setup_file, and these images pulled from a registry; the reference of `plain` is $PLAIN
setup_with() {
	local image
	carrier_setup_file
	start_registry REGISTRY
	for image; do
		push "$image" "$REGISTRY" "$image:latest"
		pull "$image"
		export "${image^^}=127.0.0.1:$REGISTRY/$image"
	done
}

carrier_teardown_file() {
	stop_registries
	[ "$WHO" != user ] || pkill_user
	remove_user
	[ -z "${BASE:-}" ] || rm -rf --one-file-system "$BASE"
}

# pkill_user - the throw-away user's processes, who can be nobody else's
pkill_user() {
	local pid
	for pid in $(user_processes); do kill -9 "$pid" 2>/dev/null || true; done
}

as_user() {
	"${OUTSIDE[@]}" setpriv --reuid "$NAME" --regid "$NAME" --init-groups --inh-caps=-all --reset-env \
		env HOME="$USER_HOME" XDG_RUNTIME_DIR="$USER_RUN" PATH="${USER_PATH:-/usr/sbin:/usr/bin:/sbin:/bin}" "$@"
}

client() {
	if [ "$WHO" = user ]; then as_user "$@"; else "${OUTSIDE[@]}" "$@"; fi
}

carrier() {
	if [ "$WHO" = user ]; then
		as_user "$PROGRAM" "$@"
	else
		"${OUTSIDE[@]}" "$PROGRAM" --root "$CROOT" "$@"
	fi
}

# pull NAME - from the plain registry
pull() {
	carrier pull -q --tls-verify=false "127.0.0.1:$REGISTRY/$1"
}

setup() {
	WORK=$BATS_TEST_TMPDIR
	chmod 755 "$WORK"
	empty_cgroups >"$WORK/.cgroups"
	cd "$WORK" || return 1
	if declare -F prepare >/dev/null; then prepare; fi
}

teardown() {
	cd /
	local id
	if declare -F cleanup >/dev/null; then cleanup; fi
	if [ -d "$CROOT" ]; then
		for id in $(carrier ps -aq); do carrier rm -f "$id" >/dev/null; done
	fi
	if [ -z "${BATS_TEST_COMPLETED:-}" ]; then	# it failed: what it left is not the next one's fault
		processes | xargs -r kill -9 2>/dev/null || true
		return 0
	fi
	quiet_down
}

# expect CODE COMMAND... - as helpers.bash's, with files in place of pipes: what a command leaves behind holds none of bats'
expect() {
	local want=$1
	shift
	status=0
	"$@" >"$BATS_TEST_TMPDIR/.stdout" 2>"$BATS_TEST_TMPDIR/.stderr" 3>&- || status=$?
	output=$(tr -d '\0' <"$BATS_TEST_TMPDIR/.stdout") stderr=$(tr -d '\0' <"$BATS_TEST_TMPDIR/.stderr")
	[ "$status" -eq "$want" ] ||
		fail "exit code $status, not $want, of: $*" "stdout: $output" "stderr: $stderr"
}

quiet_down() {
	soon nothing_runs || fail "processes are left: $(processes | xargs -r ps -o pid,user,args -p)"
	soon no_new_cgroup || fail "cgroups are left: $(new_cgroups)"
	same "" "$(grep -F "$BASE/" /proc/self/mountinfo)"
	same "" "$(find "$CROOT/store/tmp" -mindepth 1 2>/dev/null)"
	soon no_containers || fail "left: $(find "$CROOT/containers" "$CROOT/names" -mindepth 1)"
}

no_containers() { [ -z "$(find "$CROOT/containers" "$CROOT/names" -mindepth 1 -maxdepth 1 2>/dev/null)" ]; }

# user_processes - with one of the user's own ids or one of its range; zombies are waiting for others
user_processes() {
	local id first
	id=$(id -u "$NAME") first=$(awk -F: -v name="$NAME" '$1 == name { print $2 }' /etc/subuid)
	ps -eo pid=,uid=,stat= | awk -v id="$id" -v first="${first:--1}" \
		'$3 !~ /^Z/ && ($2 == id || (first > 0 && $2 >= first && $2 < first + 65536)) { print $1 }'
}

# processes - of this file: those that were started from $BASE/bin or name $CROOT, and those in whose mount namespace
# something below $BASE is mounted, or an overlay over it: that is, every process in a container of ours. What is mounted in the
# namespace of the machine (podman does that) is seen by all of its processes, which are none of ours.
processes() {
	{
		pgrep -f "$BASE/bin/|--root $CROOT" || true
		# carrier's helpers are not started by a path
		find /proc -maxdepth 2 -name exe -lname "$BASE/bin/*" 2>/dev/null | cut -d/ -f3
		grep -slF "$BASE/" /proc/[0-9]*/mountinfo | sed -n 's,/proc/\([0-9]*\)/.*,\1,p' | elsewhere_mounted
		[ -z "${NAME:-}" ] || user_processes
	} | sort -un
}

# elsewhere_mounted - of these pids, those that do not share our own mount namespace: what is mounted there by a test (an engine's store, an
# image) is in the mountinfo of every process of the host, and these are killed when a test fails
elsewhere_mounted() {
	local pid ours theirs
	ours=$(readlink /proc/self/ns/mnt) || return 0
	while read -r pid; do
		theirs=$(readlink "/proc/$pid/ns/mnt" 2>/dev/null) || continue
		[ "$theirs" = "$ours" ] || echo "$pid"
	done
}

# first_process PATTERN - pid of the oldest process of the carrier under test (no wrapper of it) whose command line matches
first_process() {
	local pid
	for pid in $(pgrep -f -- "$1" | sort -n); do
		if [ "$(readlink "/proc/$pid/exe")" = "$PROGRAM" ]; then
			echo "$pid"
			return
		fi
	done
	fail "no process of carrier's: $1"
}

# has_limits - containers of $WHO can have them: root's; an ordinary user's where it was given a cgroup
has_limits() { [ "$WHO" = root ] || { [ "$WHO" = self ] && [ -e /sys/fs/cgroup/cgroup.controllers ]; }; }

nothing_runs() { [ -z "$(processes)" ]; }

# empty_cgroups - carriers' cgroups (/carrier/ID, carrier-ID.scope) in which nothing runs. Other carriers may have theirs beside us, but
# not empty ones that stay; other engines may.
empty_cgroups() {
	local dir
	find /sys/fs/cgroup -depth -type d -regextype posix-extended -regex '.*/carrier[/-][0-9a-f]{64}[^/]*' 2>/dev/null |
		while read -r dir; do
			[ -n "$(cat "$dir/cgroup.procs" 2>/dev/null)" ] || echo "$dir"
		done | sort
}

new_cgroups() { comm -13 "$WORK/.cgroups" <(empty_cgroups); }
no_new_cgroup() { [ -z "$(new_cgroups)" ]; }

# one_sentence - what stderr holds is one line of "carrier: ..." and no trace of a program's insides
one_sentence() {
	local line
	line=$(grep -v -e '^$' <<<"$stderr" | grep -c '^carrier: ' || true)
	[ "$line" = 1 ] || fail "one sentence is expected" "stderr: $stderr"
}

failing() {
	local code=$1 text=$2
	shift 2
	expect "$code" "$@"
	[[ $stderr == *"$text"* ]] || fail "stderr should say: $text" "stderr: $stderr"
	one_sentence
}

# id_of NAME - the whole id of a container
id_of() { carrier inspect "$1" | jq -r '.[0].Id // .[0].id'; }

# pid_of NAME - of its process, on the host; nothing where there is none: `kill 0` would be our own process group
pid_of() { carrier inspect "$1" | jq -r '.[0].State.Pid | select(. != 0)'; }

# state_of NAME
state_of() { carrier inspect "$1" | jq -r '.[0].State.Status'; }
state_is() { [ "$(state_of "$1")" = "$2" ]; }
has_state() { soon state_is "$1" "$2" || fail "$1 is $(state_of "$1"), not $2"; }

# run_nginx NAME OPTION... - the machine's nginx in a container, which says "nginx", and logs who asked: "seen ADDRESS"
run_nginx() {
	local name=$1
	shift
	cat >nginx.conf <<-END
	daemon off; user root; pid /tmp/nginx.pid; error_log stderr; worker_processes 1;
	events { worker_connections 64; }
	http {
		client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
		log_format seen 'seen \$remote_addr'; access_log /dev/stdout seen;
		server { listen 80; listen [::]:80; location / { return 200 "nginx\n"; } }
	}
	END
	mkdir root root/dev root/proc root/sys root/tmp root/usr root/etc
	ln -s usr/bin usr/sbin usr/lib usr/lib64 root
	cp /etc/passwd /etc/group /etc/ld.so.cache /etc/nsswitch.conf root/etc
	chmod -R a+rwX root nginx.conf
	expect 0 carrier run -d --name "$name" "$@" -v /usr:/usr:ro -v "$WORK/nginx.conf:/nginx.conf:ro" -f "$WORK/root" nginx -c /nginx.conf
}

# logged_line NAME LINE
logged_line() { carrier logs "$1" 2>&1 | grep -qxF "$2"; }

# given_back OPTION... - whoever is told of a container's end can have what it had at once: its ports, its address. Nothing here is read through
# a pipe, whose end would come later
given_back() {
	local i what
	for i in 1 2 3; do
		for what in "run --rm $* $PLAIN true" "run --rm $* $PLAIN true" "run -d --name back $* $PLAIN sleep 1000" "rm -f -t 0 back" \
			"run -d --name back $* $PLAIN sleep 1000" "kill back" "wait back" "run --rm $* $PLAIN true" "start back" "stop -t 0 back" \
			"run --rm $* $PLAIN true" "rm back"; do
			# shellcheck disable=SC2086 # words
			carrier $what >/dev/null 2>"$WORK/said" || fail "carrier $what: $(cat "$WORK/said")"
		done
	done
}

# make_hook STAGE SCRIPT - hooks/, for --hooks-dir: a shell does SCRIPT at that stage of every container. SCRIPT may write here, and read here
make_hook() {
	mkdir hooks
	cat >hooks/hook.json <<-END
		{ "version": "1.0.0", "hook": { "path": "/bin/sh", "args": ["sh", "-c", "$2"] }, "when": { "always": true }, "stages": ["$1"] }
	END
	chmod -R a+rX .
	chmod 777 .
}
