# Which ids a container has: --userns, --uidmap, --gidmap; what its files look like then, and what comes out of it again.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	setup_with debian plain
	if [ "$WHO" = root ]; then	# whose containers get these
		export POOL=$((1500000000 + $$ % 1000 * 65536))
		edit_ranges sh -c "cat; echo containers:$POOL:65536"
	fi
}

teardown_file() {
	[ "$WHO" != root ] || edit_ranges sed "/^containers:$POOL:/d"
	carrier_teardown_file
}

only_user() { [ "$WHO" = user ] || skip "only ordinary users have subordinate ids behind their own"; }
only_root() { [ "$WHO" = root ] || skip "of root's own privileges"; }

# run_it ARGUMENT... - of a container without a network
run_it() { carrier run --rm --network none "$@"; }

# some_map - a mode that both kinds of users have, in which container ids are not those of the layers
some_map() { if [ "$WHO" = root ]; then echo --uidmap=0:300000:65536; else echo --userns=keep-id; fi; }

first_subid() { awk -F: -v name="$NAME" '$1 == name { print $2 }' /etc/subuid; }
map_of() { run_it "$@" "$PLAIN" cat /proc/self/uid_map | awk '{ print $1, $2, $3 }'; }
mapped() { find "$CROOT/store/mapped" -mindepth 1 -maxdepth 1 2>/dev/null | sort; }

# in_image - owners of the image's files as the container sees them
in_image() { run_it "$@" "$DEBIAN" bash -c 'stat -c "%u:%g %a" /srv/owned /tmp; stat -c "%u:%g %a %s %h %Y" /etc/debian_version /srv/link-a /srv/relative'; }

@test "keep-id: the caller has its own number, a name and a home inside" {
	only_user
	local uid gid
	uid=$(id -u "$NAME") gid=$(id -g "$NAME")
	expect 0 run_it --userns=keep-id "$DEBIAN" bash -c 'id -u; id -g; whoami; echo ~; echo "$HOME"; cat /proc/self/uid_map'
	same "$(printf '%s\n' "$uid" "$gid" "$NAME" / /)" "$(head -n 5 <<<"$output")"
	same "0 1 $uid $uid 0 1 $((uid + 1)) $((uid + 1)) $((65537 - uid - 1))" "$(tail -n +6 <<<"$output" | xargs)"
	expect 0 run_it --userns=keep-id "$DEBIAN" grep -h "^$NAME:" /etc/passwd /etc/group
	prints "$NAME:*:$uid:$gid::/:/bin/sh
$NAME:x:$gid:$NAME"
	expect 0 run_it --userns=keep-id -w /srv "$DEBIAN" bash -c 'echo ~'
	prints /srv
	# its home outside is its home where that can be seen
	expect 0 run_it --userns=keep-id -v "$USER_HOME:$USER_HOME" "$DEBIAN" bash -c 'echo ~'
	prints "$USER_HOME"
	expect 0 run_it --userns=keep-id --user 0 "$PLAIN" id -u
	prints 0
	expect 0 run_it --userns=keep-id:uid=200,gid=210 "$PLAIN" sh -c 'id -u; id -g'
	prints $'200\n210'
	expect 0 run_it --userns=keep-id:uid=0,gid=0 "$PLAIN" sh -c 'id -u; cat /proc/self/uid_map | wc -l'
	prints $'0\n2'
}

@test "keep-id:size=N: only so many ids are mapped, the caller's among them" {
	only_user
	local uid
	uid=$(id -u "$NAME")
	same "0 1 499
$uid 0 1" "$(map_of --userns=keep-id:size=500)"
	same "0 1 10 10 0 1 11 11 89" "$(map_of --userns=keep-id:uid=10,gid=10,size=100 | xargs)"
	expect 0 run_it --userns=keep-id:size=500 "$PLAIN" sh -c 'id -u; stat -c %u / /etc/hosts'
	prints "$uid"$'\n0\n0'
	failing 125 "keep-id:size=0': there are uid=NUMBER" run_it --userns=keep-id:size=0 "$PLAIN" true
	failing 125 "keep-id:size=70000: there are 65537 user ids" run_it --userns=keep-id:size=70000 "$PLAIN" true
	failing 125 "keep-id:size=1: nobody would be root" run_it --userns=keep-id:size=1 "$PLAIN" true
}

@test "keep-id: what is written outside belongs to the caller" {
	only_user
	install -d -o "$NAME" -g "$NAME" "$WORK/data"
	expect 0 run_it --userns=keep-id -v "$WORK/data:/data" "$PLAIN" sh -c 'touch /data/mine; id -u'
	same "$NAME" "$(stat -c %U "$WORK/data/mine")"
	expect 0 run_it --userns=keep-id --user 0 -v "$WORK/data:/data" "$PLAIN" sh -c 'touch /data/roots; stat -c %u /data/mine'
	prints "$(id -u "$NAME")"
	same "$(first_subid)" "$(stat -c %u "$WORK/data/roots")"
}

@test "nomap: the caller is nobody inside" {
	only_user
	install -d -o "$NAME" -g "$NAME" -m 755 "$WORK/data"
	expect 0 run_it --userns=nomap -v "$WORK/data:/data" "$PLAIN" sh -c 'id -u; stat -c %u /data; touch /data/x 2>&1 || echo no; stat -c %u / /etc/hosts'
	prints $'0\n65534\ntouch: /data/x: Permission denied\nno\n0\n0'
	same "0 1 65536" "$(map_of --userns=nomap)"
}

@test "auto: each container has ids of its own, and the next one may have them again" {
	local a b first=1
	[ "$WHO" = user ] || first=$POOL
	expect 0 carrier run -d --name one --network none --userns=auto "$PLAIN" sleep 1000
	expect 0 carrier run -d --name two --network none --userns=auto:size=2000 "$PLAIN" sleep 1000
	a=$(carrier exec one cat /proc/self/uid_map | xargs) b=$(carrier exec two cat /proc/self/uid_map | xargs)
	same "0 $first 1024" "$a"
	same "0 $((first + 1024)) 2000" "$b"
	carrier rm -f one
	same "0 $first 1024" "$(map_of --userns=auto)"
	same "0 $((first + 3024)) 1025" "$(map_of --userns=auto:size=1025)"
	# a user of the image, or the one it runs as, has a place
	same "0 $((first + 3024)) 3001" "$(map_of --userns=auto --user 3000)"
	failing 125 "no 65000 user ids in a row are free" run_it --userns=auto:size=65000 "$PLAIN" true
}

@test "auto: containers that are started at the same time share no id" {
	local i ranges pids=()
	for i in 1 2 3 4 5 6; do
		carrier run -d --name "many$i" --network none --userns=auto "$PLAIN" sleep 1000 >"$WORK/out$i" 2>&1 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	ranges=$(for i in 1 2 3 4 5 6; do carrier exec "many$i" cat /proc/self/uid_map; done | awk '{ print $2 }' | sort -u)
	same 6 "$(wc -l <<<"$ranges")"
	for i in 1 2 3 4 5 6; do carrier rm -f "many$i" >/dev/null; done
}

@test "auto with given maps" {
	local first=1
	[ "$WHO" = user ] || first=$POOL
	# what is given is not given again
	if [ "$WHO" = user ]; then
		same "$(printf '%s\n' '5 0 1' "0 $first 5" "6 $((first + 5)) 1018" | sort -n)" "$(map_of --userns=auto:uidmapping=5:0:1 | sort -n)"
	else
		same "$(printf '%s\n' '5 1000 1' "0 $first 5" "6 $((first + 5)) 1018" | sort -n)" "$(map_of --userns=auto:uidmapping=5:1000:1 | sort -n)"
	fi
}

@test "given maps" {
	if [ "$WHO" = root ]; then
		same "0 300000 1000" "$(map_of --uidmap 0:300000:1000)"
		expect 0 run_it --uidmap 0:300000:1000 --gidmap 0:400000:10 --gidmap 10:500000:5 "$PLAIN" cat /proc/self/gid_map
		same "0 400000 10 10 500000 5" "$(xargs <<<"$output")"
	else
		same "0 1 10
10 0 1" "$(map_of --uidmap 0:1:10 --uidmap 10:0)"
		expect 0 run_it --gidmap 0:5:10 "$PLAIN" cat /proc/self/uid_map	# of both kinds
		same "0 5 10" "$(xargs <<<"$output")"
		failing 125 "id 70000 is not yours to map: 0 is you, and 1 to 65536 are your subordinate ids" \
			run_it --uidmap 0:1:70000 "$PLAIN" true
	fi
}

@test "words that mean nothing are refused, each with its reason" {
	failing 125 "there are host, keep-id[:uid=N,gid=N,size=N], auto[:size=N,...], nomap and container:NAME; did you mean 'keep-id'?" run_it --userns=keepid "$PLAIN" true
	failing 125 "auto:size=0': size= takes a number of ids" run_it --userns=auto:size=0 "$PLAIN" true
	failing 125 "auto:big': there are size=N, uidmapping=" run_it --userns=auto:big "$PLAIN" true
	failing 125 "--uidmap '0:1:2:3': give CONTAINER-ID:ID[:COUNT]" run_it --uidmap 0:1:2:3 "$PLAIN" true
	failing 125 "an id is mapped twice, by '0:1:10' and by '5:20:10'" run_it --uidmap 0:1:10 --uidmap 5:20:10 "$PLAIN" true
	failing 125 "--uidmap: the container needs an id 0" run_it --uidmap 1:1:10 "$PLAIN" true
	failing 125 "--userns with --uidmap: one of them decides" run_it --userns=host --uidmap 0:1:10 "$PLAIN" true
	if [ "$WHO" = root ]; then
		failing 125 "--userns=keep-id is for ordinary users" run_it --userns=keep-id "$PLAIN" true
		failing 125 "--userns=nomap is for ordinary users" run_it --userns=nomap "$PLAIN" true
	else
		failing 125 "keep-id:uid=x': there are uid=NUMBER, gid=NUMBER and size=NUMBER" run_it --userns=keep-id:uid=x "$PLAIN" true
	fi
	expect 0 run_it --userns=host "$PLAIN" id -u
	prints 0
}

@test "the image's files have their owners, modes, sizes and names, and nothing is copied" {
	local want
	want=$(in_image)
	same "$want" "$(in_image "$(some_map)")"
	same "$want" "$(in_image --userns=auto:size=2000)"
	expect 0 run_it "$(some_map)" "$DEBIAN" bash -c 'cat /srv/link-a /srv/owned/file 2>&1; readlink /srv/relative; sha256sum /bin/bash; stat -c %i /srv/link-a /srv/owned/link-c | uniq | wc -l; : </bin/bash'
	local seen=$output
	expect 0 run_it --user "$(id -u "${NAME:-root}")" "$DEBIAN" bash -c 'cat /srv/link-a /srv/owned/file 2>&1; readlink /srv/relative; sha256sum /bin/bash; stat -c %i /srv/link-a /srv/owned/link-c | uniq | wc -l; : </bin/bash'
	same "$output" "$seen"
	expect 0 carrier run --name kept --network none "$(some_map)" "$DEBIAN" bash -c 'echo more >>/tmp/x 2>/dev/null; :>/tmp/new'
	# of its own it has what it wrote
	[ "$(find "$CROOT/containers"/*/upper -type f | wc -l)" -le 2 ] || fail "$(find "$CROOT/containers"/*/upper -type f)"
	carrier rm kept
	if [ "$WHO" = root ]; then
		same "" "$(mapped)"	# layers are mounted with a map of ids
	else
		[ "$(find "$CROOT/store/mapped" -type f -size +8k | xargs -r du -k | awk '$1 > 8')" = "" ] || fail "files with content"
	fi
}

@test "a file of the image is changed, renamed, linked and removed" {
	expect 0 carrier run --name change --network none "$(some_map)" --user 0 "$DEBIAN" bash -c '
		echo added >>/etc/ld.so.conf && mv /etc/ld.so.conf /etc/moved && cat /etc/moved | tail -n 1 && ln /srv/link-a /srv/again && rm /etc/issue &&
		chown 7:8 /etc/issue.net && chmod 600 /etc/debian_version && mkdir /srv/new && cat /etc/debian_version >/dev/null && stat -c "%u:%g %a" /etc/issue.net'
	prints $'added\n7:8 644'
	expect 0 carrier diff change
	same "A /etc/moved
A /srv/again
A /srv/new
C /etc
C /etc/debian_version
C /etc/issue.net
C /srv
D /etc/issue
D /etc/ld.so.conf" "$(grep -v 'link-\|/srv/owned' <<<"$output" | sort)"
	expect 0 carrier commit -q change changed
	expect 0 run_it changed bash -c 'stat -c "%u:%g" /etc/issue.net /srv/new /srv/owned; tail -n 1 /etc/moved; test ! -e /etc/issue'
	same "7:8 0:0 1000:1000 added" "$(xargs <<<"$output")"
	carrier export change >"$WORK/all.tar"
	tar --numeric-owner -tvf "$WORK/all.tar" etc/issue.net srv/new srv/owned/file | awk '{ print $2 }' | xargs >"$WORK/owners"
	same "7/8 0/0 1000/1000" "$(cat "$WORK/owners")"
	expect 0 carrier commit -q --squash change squashed
	expect 0 run_it squashed stat -c "%u:%g" /etc/issue.net /srv/owned
	prints $'7:8\n1000:1000'
	carrier rm change
	carrier rmi changed squashed >/dev/null
}

@test "while it runs: diff, commit and export have the container's ids" {
	expect 0 carrier run -d --name live --network none "$(some_map)" --user 0 "$DEBIAN" bash -c ':>/tmp/five; chown 5:6 /tmp/five; exec sleep 1000'
	soon eval 'carrier diff live | grep -q five'
	same "A /tmp/five
C /tmp" "$(carrier diff live | sort)"
	same 5/6 "$(carrier export live | tar --numeric-owner -tvf - tmp/five | awk '{ print $2 }')"
	expect 0 carrier commit -q live lively
	expect 0 run_it lively stat -c %u:%g /tmp/five
	prints 5:6
	carrier rm -f live
	carrier rmi lively >/dev/null
}

# own_maps - modes in which the container's 0 is not the monitor's
own_maps() { if [ "$WHO" = root ]; then printf '%s\n' --uidmap=0:300000:65536 --userns=auto; else printf '%s\n' --userns=keep-id --userns=nomap --userns=auto --uidmap=0:5:2000; fi; }

# owners_of CONTAINER PATH... - as they are inside
owners_of() { local c=$1; shift; carrier exec --user 0 "$c" stat -c %u:%g "$@" | xargs; }

@test "cp: what goes in is the container's root's, archives have its numbers, running or not" {
	local mode own=5:6
	mkdir -p "$WORK/d/sub" && echo x >"$WORK/d/f" && ln -s f "$WORK/d/link" && echo x >"$WORK/plain"
	tar -C "$WORK" --owner=7 --group=8 --numeric-owner -cf "$WORK/in.tar" d
	if [ "$WHO" = root ]; then chown -hR 5:6 "$WORK/d"; else own=0:0; chown -hR "$NAME:$NAME" "$WORK"; fi
	for mode in $(own_maps); do
		expect 0 carrier run -d --name in --network none "$mode" -v copied:/vol --tmpfs /mem "$PLAIN" sleep 1000
		expect 0 carrier cp "$WORK/d" in:/in
		expect 0 carrier cp "$WORK/d/." in:/mem
		expect 0 carrier cp "$WORK/plain" in:/vol/plain
		expect 0 carrier cp -a "$WORK/d" in:/kept
		expect 0 carrier cp - in:/kept <"$WORK/in.tar"
		same "0:0 0:0 0:0 0:0 0:0 0:0 0:0" "$(owners_of in /in /in/sub /in/f /in/link /mem/f /mem/sub /vol/plain)"
		same "$own $own $own 7:8 7:8" "$(owners_of in /kept /kept/f /kept/link /kept/d /kept/d/f)"
		same "7/8 7/8" "$(carrier cp in:/kept/d/f - | tar --numeric-owner -tvf - | awk '{ print $2 }') $(carrier cp in:/kept/d/sub - | tar --numeric-owner -tvf - | awk '{ print $2 }')"
		expect 0 carrier cp in:/kept/d/f "$WORK/out"
		same "$(if [ "$WHO" = root ]; then echo root; else echo "$NAME"; fi)" "$(stat -c %U "$WORK/out")"
		expect 0 carrier stop -t 0 in
		expect 0 carrier cp "$WORK/d" in:/late
		expect 0 carrier cp -a "$WORK/d" in:/late-kept
		expect 0 carrier cp "$WORK/plain" in:/vol/late
		same 7/8 "$(carrier cp in:/kept/d/f - | tar --numeric-owner -tvf - | awk '{ print $2 }')"
		expect 0 carrier start in
		same "0:0 0:0 0:0 0:0 $own" "$(owners_of in /late /late/sub /late/f /vol/late /late-kept/f)"
		if [ "$mode" = --userns=auto ]; then
			tar -C "$WORK" --owner=60000 --group=8 --numeric-owner -c d >"$WORK/far.tar"
			failing 1 "it belongs to 60000:8, and the container has no such id" carrier cp - in:/kept <"$WORK/far.tar"
		fi
		if [ "$WHO" = root ]; then
			expect 0 carrier cp -a in:/kept/d "$WORK/numbers"
			same 7:8 "$(stat -c %u:%g "$WORK/numbers/f")"
			rm -rf "$WORK/numbers"
		fi
		rm -f "$WORK/out"
		carrier rm -f in
		carrier volume rm copied
	done
}

@test "an image that is mounted has the container's owners, too, and keeps them when it is forgotten" {
	local mode want="1000:1000 0:0 0:0"
	same "$want" "$(run_it --mount "type=image,source=$DEBIAN,target=/i" "$PLAIN" stat -c %u:%g /i/srv/owned /i /i/etc/passwd | xargs)"
	for mode in $(own_maps); do
		expect 0 run_it "$mode" --user 0 --mount "type=image,source=$DEBIAN,target=/i" "$PLAIN" sh -c 'stat -c %u:%g /i/srv/owned /i /i/etc/passwd; cat /i/srv/owned/file /i/etc/debian_version >/dev/null || true; touch /i/x 2>&1 || true'
		same "$want touch: /i/x: Read-only file system" "$(xargs <<<"$output")"
		expect 0 run_it "$mode" --user 0 --mount "type=image,source=$DEBIAN,target=/i,rw=true" "$PLAIN" sh -c 'echo x >>/i/etc/debian_version; echo x >/i/new; stat -c %u:%g /i/srv/owned /i /i/etc/passwd /i/etc/debian_version /i/new; tail -n 1 /i/etc/debian_version'
		same "$want 0:0 0:0 x" "$(xargs <<<"$output")"
		expect 0 run_it "$mode" --user 0 --mount "type=image,source=$DEBIAN,target=/i,subpath=srv/owned" "$PLAIN" stat -c %u:%g /i
		prints 1000:1000
	done
	# the image is forgotten: what a container has mounted of it stays
	expect 0 carrier run -d --name looks --network none "$mode" --mount "type=image,source=$DEBIAN,target=/i" "$PLAIN" sleep 1000
	carrier rmi -f "$DEBIAN" >/dev/null
	carrier system prune -f >/dev/null
	expect 0 carrier exec --user 0 looks sh -c 'stat -c %u:%g /i/srv/owned; grep -c root: /i/etc/passwd'
	prints $'1000:1000\n1'
	expect 0 carrier restart -t 0 looks
	expect 0 carrier exec --user 0 looks sh -c 'stat -c %u:%g /i/srv/owned; grep -c root: /i/etc/passwd'
	prints $'1000:1000\n1'
	carrier rm -f looks >/dev/null
	pull debian
}

@test "container: the user namespace of another, with its ids" {
	local mode ns want="1000:1000 0:0"
	for mode in "" $(own_maps); do
		expect 0 carrier run -d --name first --network none ${mode:+"$mode"} "$PLAIN" sleep 1000
		ns=$(readlink "/proc/$(pid_of first)/ns/user")
		expect 0 run_it --userns container:first --user 0 "$DEBIAN" bash -c 'readlink /proc/self/ns/user; stat -c %u:%g /srv/owned /; touch /x && chown 5:6 /x && stat -c %u:%g /x; cat /etc/hostname >/dev/null'
		same "$ns $want 5:6" "$(xargs <<<"$output")"
		same "$(carrier exec first cat /proc/self/uid_map | awk '{ print $1, $2, $3 }')" "$(map_of --userns container:first)"
		expect 0 run_it --userns "container:$(id_of first)" --pid container:first --user 0 "$PLAIN" sh -c 'tr "\0" " " </proc/1/cmdline; readlink /proc/self/ns/user'
		same "sleep 1000 $ns" "$output"
		expect 0 carrier run -d --name joins --network none --userns container:first "$PLAIN" sleep 1000
		expect 0 carrier exec --user 0 joins sh -c 'readlink /proc/self/ns/user; touch /y'
		prints "$ns"
		same $'A /y' "$(carrier diff joins | sort)"
		carrier stop -t 0 joins >/dev/null
		carrier stop -t 0 first >/dev/null
		expect 1 carrier start joins
		says "--userns: container first does not run: start it first"
		carrier rm joins first >/dev/null
	done
	failing 125 "--userns: no container 'nobody'" run_it --userns container:nobody "$PLAIN" true
	failing 125 "--userns 'container:'" run_it --userns container: "$PLAIN" true
}

@test "every driver shows the same, and gives back the same" {
	local driver want
	want=$(in_image)
	for driver in overlay fuse-overlayfs copy; do
		same "$want" "$(carrier --storage-driver "$driver" run --rm --network none "$(some_map)" "$DEBIAN" \
			bash -c 'stat -c "%u:%g %a" /srv/owned /tmp; stat -c "%u:%g %a %s %h %Y" /etc/debian_version /srv/link-a /srv/relative')"
		expect 0 carrier --storage-driver "$driver" run --name driven --network none "$(some_map)" --user 0 "$DEBIAN" \
			bash -c ':>/tmp/own; chown 5:6 /tmp/own; stat -c %u:%g /tmp/own'
		prints 5:6
		same $'A /tmp/own\nC /tmp' "$(carrier diff driven | sort)"
		expect 0 carrier commit -q driven made
		expect 0 run_it made stat -c %u:%g /tmp/own /etc/passwd
		prints $'5:6\n0:0'
		same 5/6 "$(carrier export driven | tar --numeric-owner -tvf - tmp/own | awk '{ print $2 }')"
		carrier rm driven
		carrier rmi made >/dev/null
	done
}

@test "terminals, exec, private networks, /proc and /sys" {
	expect 0 carrier run -d --name inner --network private "$(some_map)" "$PLAIN" sleep 1000
	expect 0 carrier exec inner sh -c 'ls /sys/class/net | wc -l; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; ls -d /dev/pts/ptmx; awk "\$2 == \"/sys\"" /proc/mounts | wc -l'
	prints $'2\n0\n/dev/pts/ptmx\n1'
	expect 0 carrier exec --user 0 inner id -u
	prints 0
	carrier rm -f inner
	expect 0 carrier run --rm -t --network none "$(some_map)" "$PLAIN" tty </dev/null
	same /dev/pts/0 "$(tr -d '\r' <<<"$output")"
	expect 0 carrier run --rm --network host "$(some_map)" "$PLAIN" test -d /sys/class/net/lo
}

@test "started again it has the same ids and its own files, with every driver" {
	local driver
	for driver in overlay fuse-overlayfs copy; do
		expect 0 carrier --storage-driver "$driver" create --name again --network none --userns=auto "$PLAIN" sh -c 'cat /x 2>/dev/null; echo one >>/x
			chown 5:6 /x; stat -c %u:%g /x; cat /proc/self/uid_map >>/map; sort -u /map | wc -l'
		expect 0 carrier start -a again
		prints $'5:6\n1'
		expect 0 carrier start -a again
		prints $'one\n5:6\n1'
		carrier rm again
	done
}

@test "a container whose monitor was killed is stopped and removed" {
	local mode monitor
	for mode in "$(some_map)" --userns=auto; do
		expect 0 carrier run -d --name lost --network none "$mode" "$PLAIN" sleep 1000
		monitor=$(jq -r .monitor "$CROOT/containers/$(id_of lost)/status.json")
		kill -9 "$monitor"
		expect 0 carrier stop -t 1 lost
		expect 0 carrier rm lost
	done
}

# tree_run - in a container that a tree of metadata is made for: an ordinary user's; root's where mount_setattr(2) is denied, which leaves
# the runtime without a way to reach the root file system, so that only the tree can be looked at
tree_run() {
	if [ "$WHO" = user ]; then
		expect 0 run_it "$(some_map)" "$DEBIAN" stat -c %u:%g /srv/owned
		prints 1000:1000
		return
	fi
	OUTSIDE=("$WOODY_TESTBIN/deny" mount_setattr=EPERM)
	expect 125 run_it "$(some_map)" "$DEBIAN" true
	OUTSIDE=()
	[[ $stderr == *"layers cannot be mounted with the container's ids here, a tree of metadata takes their place"* ]] || fail "$stderr"
	same 301000:301000 "$(stat -c %u:%g "$CROOT/store/mapped"/*/tree/srv/owned)"
}

@test "a tree of metadata is made once, counted, and goes with its image" {
	carrier tag "$DEBIAN" trees
	rm -rf "$CROOT/store/mapped"
	tree_run
	local tree inode
	tree=$(mapped) inode=$(stat -c %i "$(mapped)/tree")
	tree_run
	same "$inode" "$(stat -c %i "$tree/tree")"
	local with
	with=$(carrier system df --format json | jq -s '.[0].RawSize')
	mv "$CROOT/store/mapped" "$WORK/away"
	[ "$(carrier system df --format json | jq -s '.[0].RawSize')" -lt "$with" ]
	mv "$WORK/away" "$CROOT/store/mapped"
	# after another boot that came before it was on the disk
	echo 00000000-0000-0000-0000-000000000000 >"$tree/boot"
	tree_run
	[ "$(stat -c %i "$tree/tree")" != "$inode" ] || fail "it was not made anew"
	# of a process that was killed
	mkdir -p "$CROOT/store/tmp/mapped-999999/tree"
	[ "$WHO" = root ] || chown -R "$NAME:" "$CROOT/store/tmp/mapped-999999"
	expect 0 carrier rmi trees "$DEBIAN"
	same "" "$(mapped | grep -F "$(basename "$tree")")"
	same "" "$(ls "$CROOT/store/tmp")"
	pull debian
}

@test "xattrs, capabilities and ACLs of files come along, with the container's ids" {
	expect 0 carrier run --name made --network none --user 0 "$DEBIAN" bash -c ':>/tmp/f'
	local upper
	upper=$(echo "$CROOT/containers"/*/upper)
	setfattr -n user.colour -v blue "$upper/tmp/f"
	setfacl -m "u:$(if [ "$WHO" = root ]; then echo 7; else echo $(($(first_subid) + 6)); fi):rw" "$upper/tmp/f"
	setcap cap_net_raw+ep "$upper/tmp/f"
	[ "$WHO" = root ] || setcap -n "$(id -u "$NAME")" cap_net_raw+ep "$upper/tmp/f"
	expect 0 carrier commit -q made withxattrs
	carrier rm made
	expect 0 carrier run -d --name xattrs --network none --user 0 "$(some_map)" withxattrs sleep 1000
	local root
	root=/proc/$(pid_of xattrs)/root
	same 'user.colour="blue"' "$(getfattr --absolute-names -n user.colour "$root/tmp/f" 2>/dev/null | grep colour)"
	[[ $(getcap "$root/tmp/f") == *cap_net_raw* ]] || fail "$(getcap "$root/tmp/f")"
	carrier rm -f xattrs
	carrier rmi withxattrs >/dev/null
}

# without_subuids - what is run from here on finds /etc/subuid empty; the file itself is everybody's
without_subuids() {
	: >"$WORK/subuid"
	# shellcheck disable=SC2016
	OUTSIDE=(unshare -m sh -c 'mount --bind "$0" /etc/subuid && exec "$@"' "$WORK/subuid")
}

@test "without subordinate ids: what cannot be is said, and the rest works" {
	only_user
	without_subuids
	failing 125 "--userns=keep-id needs subordinate ids: user '$NAME' has no subordinate user ids" run_it --userns=keep-id "$PLAIN" true
	failing 125 "--userns=nomap needs subordinate ids" run_it --userns=nomap "$PLAIN" true
	failing 125 "--userns=auto needs subordinate ids" run_it --userns=auto "$PLAIN" true
	expect 0 carrier --root "$USER_HOME/single" pull -q --tls-verify=false "$PLAIN"
	expect 0 carrier --root "$USER_HOME/single" run --rm --network none "$PLAIN" id -u
	prints 0
	expect 0 carrier --root "$USER_HOME/single" run --rm --network none --userns=keep-id:uid=0,gid=0 "$PLAIN" cat /proc/self/uid_map
	same "0 0 1" "$(xargs <<<"$output")"
	OUTSIDE=()
}

@test "root without a pool of ids is told how to make one" {
	only_root
	without_subuids
	failing 125 "neither 'containers' nor 'root' has ids in /etc/subuid; run \`echo containers:2147483647:2147483648 >>/etc/subuid\`" \
		run_it --userns=auto "$PLAIN" true
	OUTSIDE=()
}

@test "volumes, the option U and secrets are the container's, whatever its ids are outside" {
	local how
	echo secret | carrier secret create hidden - >/dev/null
	for how in auto $([ "$WHO" = root ] || echo keep-id nomap); do
		mkdir "$WORK/given.$how"
		[ "$WHO" = root ] || chown "$NAME:" "$WORK/given.$how"
		expect 0 run_it "--userns=$how" -v "new.$how:/new" -v "$WORK/given.$how:/given:U" --secret hidden "$PLAIN" \
			sh -c 'touch /new/x /given/x && cat /run/secrets/hidden && stat -c %u /given/x'
		prints "secret"$'\n'"$([ "$how" = keep-id ] && id -u "$NAME" || echo 0)"
	done
	for how in $(carrier volume ls -q); do carrier volume rm "$how" >/dev/null; done
	carrier secret rm hidden >/dev/null
}
