# -v, --mount, --tmpfs, --volumes-from, image mounts, --read-only-tmpfs; hosts, hostname, resolv.conf. WHO=root or user.
source "${BATS_TEST_DIRNAME}/archives.bash"

setup_file() {
	archives_setup_file
	bring plain
	bring busybox
}

teardown_file() { carrier_teardown_file; }

prepare() {
	mkdir -p "$WORK/s/sub"
	echo host >"$WORK/s/file"
	chmod -R a+rwX "$WORK/s"
	[ "$WHO" != user ] || chown -R "$NAME:$NAME" "$WORK"
}

cleanup() {
	local id
	for id in $(carrier ps -aq); do carrier rm -f "$id" >/dev/null; done
	carrier volume rm -a >/dev/null
	umount -R "$WORK/s" 2>/dev/null || true
	umount "$WORK/s/sub" 2>/dev/null || true
}

PLAIN=docker.io/test/plain BUSYBOX=docker.io/test/busybox
run_plain() { carrier run --rm --network none "$@"; }

# mount_of DIR - its line of mountinfo, in a container's shell
mount_of='mount_of() { grep " $1 " /proc/self/mountinfo; }'

@test "-v makes a directory that is not there, --mount says so" {
	expect 0 run_plain -v "$WORK/s/new/deep:/n" "$PLAIN" touch /n/made
	[ -e "$WORK/s/new/deep/made" ]
	failing 125 "there is no '$WORK/s/none'; make it first" run_plain --mount "type=bind,src=$WORK/s/none,dst=/n" "$PLAIN" true
	[ ! -e "$WORK/s/none" ]
	expect 0 run_plain --mount "type=bind,src=$WORK/s/none,dst=/n,bind-create-src" "$PLAIN" ls /n
	[ -d "$WORK/s/none" ]
	expect 0 run_plain -v "$WORK/s/file:/one" "$PLAIN" cat /one
	prints host
	cd "$WORK/s"
	expect 0 run_plain -v ./sub:/n "$PLAIN" touch /n/relative
	[ -e "$WORK/s/sub/relative" ]
	expect 0 run_plain -v "$WORK/s:/n:z,Z,cached" "$PLAIN" cat /n/file
	prints host
}

@test "options: ro and what is below, nosuid, nodev, noexec, propagation" {
	expect 1 run_plain -v "$WORK/s:/n:ro" "$PLAIN" touch /n/x
	says "Read-only file system"
	expect 1 run_plain --mount "type=bind,src=$WORK/s,dst=/n,readonly" "$PLAIN" touch /n/x
	expect 0 run_plain --mount "type=bind,src=$WORK/s,dst=/n,readonly=false" "$PLAIN" touch /n/x
	expect 0 run_plain -v "$WORK/s:/n:nosuid,nodev,noexec" "$PLAIN" sh -c "$mount_of; mount_of /n"
	says nosuid,nodev,noexec
	expect 0 run_plain -v "$WORK/s:/n:rslave" "$PLAIN" sh -c "$mount_of; mount_of /n"
	expect 0 run_plain --mount "type=bind,src=$WORK/s,dst=/n,bind-propagation=rshared" "$PLAIN" sh -c "$mount_of; mount_of /n"
	says "shared:"
	failing 125 "there is no option 'frob'" run_plain -v "$WORK/s:/n:frob" "$PLAIN" true
	if [ "$WHO" = root ]; then
		mount -t tmpfs -o size=1m below "$WORK/s/sub"
		expect 1 run_plain -v "$WORK/s:/n:ro" "$PLAIN" touch /n/sub/x	# also what is mounted below it
		says "Read-only file system"
		expect 0 run_plain --mount "type=bind,src=$WORK/s,dst=/n,readonly,bind-recursive=writable" "$PLAIN" touch /n/sub/x
		expect 0 run_plain --mount "type=bind,src=$WORK/s,dst=/n,bind-recursive=disabled" "$PLAIN" ls -A /n/sub
		prints ""
		expect 0 run_plain --mount "type=bind,src=$WORK/s,dst=/n" "$PLAIN" ls -A /n/sub
		prints x
		umount "$WORK/s/sub"
	fi
}

@test "propagation: rslave sees what is mounted on the host later, rshared is seen there, and nothing else is" {
	if [ "$WHO" = user ]; then
		expect 0 run_plain -v "$WORK/s:/n:rshared" "$PLAIN" cat /n/file
		says "is not seen outside without root"
		return
	fi
	mount -t tmpfs -o size=1m outer "$WORK/s"
	mount --make-shared "$WORK/s"
	mkdir "$WORK/s/from-host" "$WORK/s/from-inside"
	local how
	for how in rslave rshared rprivate; do
		carrier run -d --network none --name "p-$how" --cap-add SYS_ADMIN --security-opt seccomp=unconfined -v "$WORK/s:/n:$how" "$PLAIN" sleep 1000 >/dev/null
		has_state "p-$how" running
	done
	mount -t tmpfs -o size=1m later "$WORK/s/from-host"
	touch "$WORK/s/from-host/seen"
	same "seen seen " "$(for how in rslave rshared rprivate; do printf '%s ' "$(carrier exec "p-$how" ls /n/from-host)"; done | sed 's/ *$/ /')"
	carrier exec p-rslave mount -t tmpfs no /n/from-inside
	same "" "$(grep " $WORK/s/from-inside " /proc/self/mountinfo)"
	carrier exec p-rshared sh -c 'mount -t tmpfs -o size=1m yes /n/from-inside && touch /n/from-inside/seen'
	[ -e "$WORK/s/from-inside/seen" ] || fail "what the container mounted is not seen"
	carrier rm -f p-rshared p-rslave p-rprivate >/dev/null
	# nothing of the host's went with them
	[ -e "$WORK/s/from-host/seen" ] && [ -e "$WORK/s/from-inside/seen" ]
	umount "$WORK/s/from-inside" "$WORK/s/from-host" "$WORK/s"
}

@test "U: everything is the container's user's, and nothing behind a symlink" {
	mkdir "$WORK/victim"
	touch "$WORK/victim/file"
	ln -s "$WORK/victim" "$WORK/s/sub/out"
	ln -s "$WORK/victim/file" "$WORK/s/link"
	ln -s /etc/passwd "$WORK/s/etc"
	[ "$WHO" != user ] || chown -Rh "$NAME:$NAME" "$WORK"
	local before after
	before=$(stat -c %u:%g "$WORK/victim" "$WORK/victim/file" /etc/passwd)
	expect 0 run_plain -v "$WORK/s:/n:U" --user app "$PLAIN" sh -c 'stat -c "%n %u:%g" /n /n/file /n/sub /n/sub/out /n/link; touch /n/sub/mine'
	prints "$(printf '%s 1000:1001\n' /n /n/file /n/sub /n/sub/out /n/link)"
	after=$(stat -c %u:%g "$WORK/victim" "$WORK/victim/file" /etc/passwd)
	same "$before" "$after"
	expect 0 run_plain -v data:/d:U --user app "$PLAIN" sh -c 'touch /d/x; stat -c %u:%g /d'
	prints 1000:1001
	expect 0 run_plain --mount "type=bind,src=$WORK/s/file,dst=/one,U=true" --user 0 "$PLAIN" stat -c %u:%g /one
	prints 0:0
	# back to who can clear it up
	expect 0 run_plain -v "$WORK/s:/n:U" --user 0 "$PLAIN" true
}

@test "O: what is written over a source is gone when the container ends" {
	expect 0 run_plain -v "$WORK/s:/n:O" "$PLAIN" sh -c 'cat /n/file; echo changed >/n/file; rm -r /n/sub; touch /n/new; cat /n/file; ls /n'
	prints "$(printf '%s\n' host changed file new)"
	same host "$(cat "$WORK/s/file")"
	[ -d "$WORK/s/sub" ] && [ ! -e "$WORK/s/new" ]
	expect 0 run_plain -v "$WORK/s:/n:O,ro" "$PLAIN" cat /n/file
	expect 1 run_plain -v "$WORK/s:/n:O,ro" "$PLAIN" touch /n/x
	expect 0 run_plain -v data:/d "$PLAIN" sh -c 'echo kept >/d/x'
	expect 0 run_plain -v data:/d:O "$PLAIN" sh -c 'cat /d/x; echo lost >/d/x'
	prints kept
	expect 0 run_plain -v data:/d "$PLAIN" cat /d/x
	prints kept
	failing 125 "the option O is for directories" run_plain -v "$WORK/s/file:/n:O" "$PLAIN" true
	client mkdir "$WORK/s/up" "$WORK/s/work"
	expect 0 run_plain -v "$WORK/s/sub:/n:O,upperdir=$WORK/s/up,workdir=$WORK/s/work" "$PLAIN" touch /n/stays
	[ -e "$WORK/s/up/stays" ] && [ ! -e "$WORK/s/sub/stays" ]
	rm -rf "$WORK/s/work"
}

@test "idmap: the owners of a mount are mapped where root of the host asks, and refused by name elsewhere" {
	if [ "$WHO" = user ]; then
		failing 125 "only root of the host can map the ids of a mount" run_plain -v "$WORK/s:/n:idmap" "$PLAIN" true
		return
	fi
	chown 5000:6000 "$WORK/s/file"
	expect 0 run_plain -v "$WORK/s:/n:idmap=uids=5000-7-1#0-0-1;gids=6000-8-1#0-0-1" "$PLAIN" stat -c %u:%g /n/file
	prints 7:8
	expect 0 run_plain --mount "type=bind,src=$WORK/s,dst=/n,idmap=uids=5000-9-1;gids=6000-9-1" "$PLAIN" stat -c %u:%g /n/file
	prints 9:9
	failing 125 "idmap without ids is for a container in a user namespace of its own" run_plain -v "$WORK/s:/n:idmap" "$PLAIN" true
}

@test "tmpfs: size, mode, flags; --mount type=tmpfs; devpts" {
	expect 0 run_plain --tmpfs /t:size=128k,mode=1700 "$PLAIN" sh -c "$mount_of; mount_of /t; stat -c %a /t; df -k /t | tail -1 | tr -s ' ' | cut -d ' ' -f 2"
	says nosuid,nodev,noexec
	[[ $output == *$'\n1700\n128' ]] || fail "$output"
	expect 0 run_plain --tmpfs /t:exec "$PLAIN" sh -c 'cp /bin/busybox /t/true; /t/true'
	expect 126 run_plain --tmpfs /t "$PLAIN" sh -c 'cp /bin/busybox /t/true; /t/true'
	expect 1 run_plain --tmpfs /t:ro "$PLAIN" touch /t/x
	expect 0 run_plain --tmpfs /home:tmpcopyup "$PLAIN" ls /home
	prints app
	expect 0 run_plain --tmpfs /home "$PLAIN" ls /home
	prints ""
	expect 0 run_plain --mount type=tmpfs,dst=/t,tmpfs-size=64k,tmpfs-mode=0711 "$PLAIN" sh -c "stat -c %a /t; df -k /t | tail -1 | tr -s ' ' | cut -d ' ' -f 2"
	prints "$(printf '711\n64')"
	expect 0 run_plain --mount type=devpts,dst=/pts,mode=0600 "$PLAIN" sh -c "$mount_of; mount_of /pts"
	says "devpts"
	says "mode=600"
}

@test "parents are mounted first, whatever the order; two on one place are refused by name" {
	mkdir "$WORK/s/outer" "$WORK/s/inner"
	echo outer >"$WORK/s/outer/o"
	echo inner >"$WORK/s/inner/i"
	chmod -R a+rwX "$WORK/s"
	[ "$WHO" != user ] || chown -R "$NAME:$NAME" "$WORK/s"
	expect 0 run_plain -v "$WORK/s/inner:/m/deep/in" --mount "type=bind,src=$WORK/s/outer,dst=/m" --tmpfs /m/deep "$PLAIN" sh -c 'cat /m/o /m/deep/in/i; ls /m/deep'
	prints "$(printf 'outer\ninner\nin')"
	failing 125 "--mount 'type=tmpfs,dst=/m/': something is mounted on '/m' already" run_plain -v "$WORK/s:/m" --mount type=tmpfs,dst=/m/ "$PLAIN" true
	failing 125 "--tmpfs '/m': something is mounted on '/m' already" run_plain -v data:/m --tmpfs /m "$PLAIN" true
	# a directory in place of /etc still gets carrier's own files
	expect 0 run_plain --hostname named --tmpfs /etc "$PLAIN" cat /etc/hostname
	prints named
	expect 0 run_plain -v "$WORK/s/file:/etc/hosts" "$PLAIN" cat /etc/hosts
	prints host
}

@test "--volumes-from: volumes and directories, ro, the nearer counts" {
	mkdir "$WORK/s/other"
	echo other >"$WORK/s/other/which"
	chmod -R a+rwX "$WORK/s"
	expect 0 carrier run --network none --name first -v data:/d -v "$WORK/s:/s:ro" -v /anonymous --tmpfs /t "$PLAIN" sh -c 'echo first >/d/which; echo x >/anonymous/x'
	expect 0 run_plain --volumes-from first "$PLAIN" sh -c 'cat /d/which /s/file /anonymous/x; touch /d/more; touch /s/no 2>/dev/null; grep -c " /t " /proc/self/mountinfo; true'
	[ "${output%$'\n'*}" = "$(printf '%s\n' first host x)" ] || fail "$output"
	expect 1 run_plain --volumes-from first:ro "$PLAIN" touch /d/no
	says "Read-only file system"
	expect 0 run_plain --volumes-from first -v "$WORK/s/other:/d" "$PLAIN" cat /d/which
	prints other
	expect 0 carrier run --network none --name second -v "$WORK/s/other:/d" "$PLAIN" true
	expect 0 run_plain --volumes-from first --volumes-from second "$PLAIN" cat /d/which
	prints other
	failing 125 "--volumes-from 'nobody': no container 'nobody'" run_plain --volumes-from nobody "$PLAIN" true
	failing 125 "there is no option 'x'" run_plain --volumes-from first:x "$PLAIN" true
	same "bind false, volume true, volume true" "$(carrier inspect first | jq -r '[.[0].Mounts[] | select(.Type != "tmpfs") | "\(.Type) \(.RW)"] | sort | join(", ")')"
	same data "$(carrier inspect first | jq -r '.[0].Mounts[] | select(.Destination == "/d").Name')"
	# who uses what another has keeps it from being removed with that one
	expect 0 carrier run --network none --name third --volumes-from first "$PLAIN" true
	carrier rm -v first >/dev/null
	same 2 "$(carrier volume ls -q | wc -l)"
	expect 0 run_plain --volumes-from third "$PLAIN" cat /anonymous/x
	prints x
	carrier rm -v third >/dev/null
	same 2 "$(carrier volume ls -q | wc -l)"	# it was not made for third; `volume prune` takes it
}

@test "images are mounted read-only, or with changes that are thrown away; rmi does not take their layers" {
	expect 0 run_plain --mount type=image,source="$BUSYBOX",target=/i "$PLAIN" sh -c 'cat /i/etc/passwd; stat -c "%a %u" /i /i/home/app'
	says "app:x:1000:1001"
	says "755 1000"
	expect 1 run_plain --mount type=image,source="$BUSYBOX",target=/i "$PLAIN" touch /i/x
	says "Read-only file system"
	expect 0 run_plain --mount type=image,source="$BUSYBOX",target=/i,rw=true "$PLAIN" sh -c 'rm /i/etc/passwd; touch /i/x; ls /i/x'
	expect 0 run_plain --mount type=image,source="$BUSYBOX",target=/i,subpath=etc "$PLAIN" ls /i/passwd
	expect 0 run_plain --mount type=image,source="$BUSYBOX",target=/i,subpath=home/app "$PLAIN" stat -c %u:%g /i
	prints 1000:1001
	failing 125 "mount an image on '/i'" run_plain --mount type=image,source=nothing,target=/i "$PLAIN" true
	# the image is forgotten: what a container has mounted of it stays
	carrier run -d --network none --name looks --mount type=image,source="$BUSYBOX",target=/i "$PLAIN" sleep 1000 >/dev/null
	has_state looks running
	carrier rmi -f "$BUSYBOX" >/dev/null
	carrier system prune -f >/dev/null
	expect 0 carrier exec looks cat /i/home/app/../../etc/group
	says extra
	carrier rm -f looks >/dev/null
	bring busybox
}

@test "--read-only alone mounts nothing over /run and /tmp, --read-only-tmpfs does" {
	expect 1 run_plain --read-only "$PLAIN" touch /tmp/x
	expect 0 run_plain --read-only --read-only-tmpfs "$PLAIN" sh -c 'touch /tmp/x /run/x /var/tmp/x; stat -c %a /tmp; touch /root/x 2>/dev/null || echo closed'
	prints "$(printf '1777\nclosed')"
	expect 0 run_plain --read-only --read-only-tmpfs -v "$WORK/s:/tmp" "$PLAIN" cat /tmp/file
	prints host
	expect 0 run_plain --read-only-tmpfs "$PLAIN" sh -c "$mount_of; mount_of /tmp || echo none"
	prints none
	expect 0 run_plain --read-only -v data:/d --tmpfs /t "$PLAIN" touch /d/x /t/x
}

@test "hosts, hostname, resolv.conf: one's own, or the image's" {
	expect 0 run_plain --hostname one.example "$PLAIN" sh -c 'hostname; cat /etc/hostname; tail -1 /etc/hosts'
	prints "$(printf 'one.example\none.example\n127.0.1.1\tone.example')"
	expect 0 run_plain --no-hosts --no-hostname --hostname one "$PLAIN" sh -c 'hostname; wc -c </etc/hosts; wc -c </etc/hostname'
	prints "$(printf 'one\n0\n0')"
	expect 0 run_plain --add-host other:10.1.2.3 "$PLAIN" grep other /etc/hosts
	prints "$(printf '10.1.2.3\tother')"
	expect 0 carrier run --rm --network host --dns 10.9.8.7 --dns-search one.example --dns-search two.example --dns-option ndots:3 --dns-opt rotate "$PLAIN" cat /etc/resolv.conf
	prints "$(printf '%s\n' "nameserver 10.9.8.7" "search one.example two.example" "options ndots:3 rotate")"
	expect 0 carrier run --rm --network host --dns-search . "$PLAIN" cat /etc/resolv.conf
	[[ $output != *search* ]] || fail "$output"
	failing 125 "--dns-search 'a b': give one word" run_plain --dns-search "a b" "$PLAIN" true
	failing 125 "--dns-option ''" run_plain --dns-option "" "$PLAIN" true
	# the image's own files are as they were
	carrier run --network none --name writes "$PLAIN" sh -c 'echo 10.0.0.1 me >>/etc/hosts'
	expect 0 carrier diff writes
	[[ $output != *hosts* ]] || fail "$output"
}

@test "started again: what was written over O is gone, secrets are shown anew, a volume is not filled twice" {
	printf first | carrier secret create key - >/dev/null
	expect 0 carrier create --network none --name again -v "$WORK/s:/n:O" -v data:/home --tmpfs /t --secret key --secret key,type=env,target=KEY \
		--mount type=image,source="$BUSYBOX",target=/i "$PLAIN" \
		sh -c 'ls /n /home /t; cat /run/secrets/key; echo " $KEY"; cat /i/etc/group | head -1; touch /n/written /t/x; rm -rf /home/app'
	expect 0 carrier start -a again
	prints "$(printf '%s\n' /home: app "" /n: file sub "" /t: "first first" root:x:0:)"
	printf second | carrier secret create --replace key - >/dev/null
	expect 0 carrier start -a again
	prints "$(printf '%s\n' /home: "" /n: file sub "" /t: "second second" root:x:0:)"
	carrier secret rm key >/dev/null
	failing 125 "there is no secret 'key' any more" carrier start -a again
	carrier rm again >/dev/null
}

@test "an image's VOLUME that climbs stays within (CVE-2022-23648)" {
	carrier run --network none --name climbs "$PLAIN" true
	carrier commit -c 'VOLUME ["/../../../../tmp/climbed", "relative/one"]' climbs climbs >/dev/null
	expect 0 run_plain climbs sh -c 'grep -c -e " /tmp/climbed " -e " /relative/one " /proc/self/mountinfo; touch /tmp/climbed/x'
	prints 2
	[ ! -e /tmp/climbed ] || fail "made on the host"
	carrier rm climbs >/dev/null
	carrier rmi climbs >/dev/null
}

@test "a symlink in the image leads no mount out of the container" {
	carrier run --network none --name evil "$PLAIN" sh -c 'ln -s /../../../../../../../../../../../tmp/outside-'"$$"' /data; ln -s / /root/all'
	carrier commit evil evil >/dev/null
	expect 0 run_plain -v data:/data -v "$WORK/s:/root/all/inside" evil sh -c 'touch /data/x; cat /inside/file'
	prints host
	[ ! -e "/tmp/outside-$$" ] || fail "made on the host"
	expect 0 run_plain -v data:/d "$PLAIN" ls /d
	prints x
	carrier rm evil >/dev/null
	carrier rmi evil >/dev/null
}
