# volume create, ls, inspect, exists, rm, prune, export, import; -v NAME:DIR, anonymous volumes, VOLUME, first use. WHO=root or user.
source "${BATS_TEST_DIRNAME}/archives.bash"

setup_file() {
	archives_setup_file
	bring plain
	bring busybox
	# an image with two VOLUMEs: one that has files of another owner, one that is not there
	carrier run --network none --name maker docker.io/test/plain sh -c '
		mkdir -p /data/deep; echo one >/data/one; echo two >/data/deep/two; ln -s one /data/link; ln /data/one /data/deep/hard
		chown -R 1000:1001 /data; chmod 750 /data; chmod 600 /data/deep/two; touch -d "2001-02-03 04:05:06" /data/one'
	carrier commit -c 'VOLUME ["/data", "/made/../new"]' maker volumed >/dev/null
	carrier rm maker >/dev/null
}

teardown_file() { carrier_teardown_file; }

cleanup() {
	local id
	for id in $(carrier ps -aq); do carrier rm -f "$id" >/dev/null; done
	carrier volume rm -a >/dev/null
}

PLAIN=docker.io/test/plain
run_plain() { carrier run --rm --network none "$@"; }
volumes() { carrier volume ls -q; }

@test "create, ls, inspect, exists, rm" {
	expect 0 carrier volume create --label a=1 -l b data
	prints data
	expect 0 carrier volume create
	matches '^[0-9a-f]{64}$'
	local anonymous=$output
	expect 0 carrier volume ls
	[[ ${lines[0]} = "DRIVER    VOLUME NAME" || $output == "DRIVER   VOLUME NAME"* ]] || fail "$output"
	says "local    data"
	expect 0 carrier volume ls -q
	prints "$(printf '%s\n' "$anonymous" data | sort)"
	same data "$(carrier volume ls -q --filter name=dat)"
	same data "$(carrier volume ls -q -f label=a=1)"
	same "" "$(carrier volume ls -q -f label=a=2)"
	same "" "$(carrier volume ls -q -f driver=nfs)"
	same "local data" "$(carrier volume ls --format json -f label=b | jq -r '"\(.Driver) \(.Name)"')"
	same "$(carrier volume ls --format json)" "$(carrier volume list --json)"
	same '{"a":"1","b":""}' "$(carrier volume inspect data | jq -c '.[0].Labels')"
	same "$CROOT/volumes/data/_data" "$(carrier volume inspect data | jq -r '.[0].Mountpoint')"
	same 2 "$(carrier volume inspect --all | jq length)"
	same "data local" "$(carrier volume ls --filter label=b --format '{{.Name}} {{.Driver}}')"
	same "$CROOT/volumes/data/_data" "$(carrier volume inspect -f '{{.Mountpoint}}' data)"
	failing 125 "is not known" carrier volume inspect --format table data
	expect 0 carrier volume exists data
	expect 1 carrier volume exists nothing
	silent
	expect 0 carrier volume create data		# docker's: it is there, and stays as it is
	prints data
	failing 125 "there is a volume 'data' already, and its options are others" carrier volume create -o type=tmpfs data
	expect 0 carrier volume create --ignore -o type=tmpfs data
	failing 125 "cannot be a volume's name" carrier volume create ../x
	failing 125 "cannot be a volume's name" carrier volume create --name x
	failing 125 "there is only the driver local" carrier volume create --driver nfs x1
	failing 125 "the driver local knows type, device and o" carrier volume create -o size=1 x1
	failing 125 "device= is missing" carrier volume create -o type=none -o o=bind x1
	failing 125 "the name is given twice" carrier volume create --name y1 y2
	failing 1 "there is no volume 'nothing'" carrier volume inspect nothing
	failing 1 "there is no volume 'nothing'" carrier volume rm nothing
	expect 0 carrier volume rm -f nothing
	expect 0 carrier volume rm data "$anonymous"
	same "" "$(volumes)"
	same "" "$(find "$CROOT/volumes" -mindepth 1 ! -name .lock)"
}

@test "a volume keeps what containers write, with owners" {
	expect 0 run_plain -v data:/v "$PLAIN" sh -c 'echo kept >/v/file; chown 1000:1001 /v/file; stat -c "%a %u:%g" /v'
	prints "755 0:0"
	expect 0 run_plain -v data:/v "$PLAIN" sh -c 'cat /v/file; stat -c %u:%g /v/file'
	prints "$(printf 'kept\n1000:1001')"
}

@test "a volume in use names its container" {
	carrier run --network none --name user -v data:/v:ro "$PLAIN" true
	failing 1 "volume 'data' is used by container user: remove it first" carrier volume rm data
	same data "$(carrier volume ls -q -f dangling=false)"
	same "" "$(carrier volume ls -q -f dangling=true)"
	expect 0 carrier volume rm -a			# only those that nobody uses
	same data "$(volumes)"
	expect 0 carrier volume prune -a -f
	same data "$(volumes)"
	carrier rm -v user >/dev/null			# its name is its own: rm -v leaves it
	same data "$(carrier volume ls -q -f dangling=true)"
	expect 0 carrier volume prune --all --force --filter label=none
	same data "$(volumes)"
	expect 0 carrier volume prune -a -f --filter label!=none
	same "" "$(volumes)"
}

@test "read-only is read-only" {
	expect 0 run_plain -v data:/v "$PLAIN" sh -c 'echo kept >/v/file'
	expect 1 run_plain -v data:/v:ro "$PLAIN" touch /v/x
	says "Read-only file system"
	expect 0 run_plain --mount type=volume,source=data,target=/v,readonly "$PLAIN" cat /v/file
	prints kept
	expect 1 run_plain --mount type=volume,source=data,target=/v,readonly "$PLAIN" touch /v/x
}

@test "the image's VOLUMEs: filled with owner and mode, anonymous, gone with --rm and rm -v" {
	local look='stat -c "%a %u:%g" /data; cat /data/one /data/deep/two; readlink /data/link; stat -c "%h %u %Y" /data/one; stat -c "%a %u" /data/deep/two; ls -d /new'
	expect 0 run_plain volumed sh -c "$look"
	prints "$(printf '%s\n' "750 1000:1001" one two one "2 1000 $(date -u -d '2001-02-03 04:05:06' +%s)" "600 1000" /new)"
	soon no_volumes || fail "left: $(volumes)"
	expect 0 carrier run --network none --name keeper volumed sh -c 'echo more >/data/more; rm /data/one'
	same 2 "$(volumes | wc -l)"
	same 2 "$(carrier volume inspect --all | jq '[.[] | select(.Anonymous)] | length')"
	expect 0 carrier volume prune -f
	says "Total reclaimed space: 0 B"
	same 2 "$(volumes | wc -l)"			# somebody has them
	expect 0 carrier rm keeper
	same 2 "$(volumes | wc -l)"			# docker's: without -v they stay
	expect 0 carrier volume prune -f
	says "Deleted Volumes:"
	same "" "$(volumes)"
	carrier run --network none --name keeper volumed true
	carrier rm keeper >/dev/null
	expect 0 carrier system prune -f
	same 2 "$(volumes | wc -l)"
	expect 0 carrier system prune -f --volumes
	says "Deleted Volumes:"
	same "" "$(volumes)"
	carrier run --network none --name keeper volumed true
	expect 0 carrier rm -v keeper
	same "" "$(volumes)"
	same "create destroy" "$(carrier events --since 10s --until 0s --filter type=volume --format json | jq -r .Action | sort -u | tr '\n' ' ' | sed 's/ $//')"
	expect 0 run_plain --image-volume ignore volumed sh -c 'cat /data/one; grep -q " /data " /proc/self/mountinfo || echo none'
	prints "$(printf 'one\nnone')"
	expect 0 run_plain --image-volume tmpfs volumed sh -c 'cat /data/one; stat -f -c %T /data'
	prints "$(printf 'one\ntmpfs')"
	same "" "$(volumes)"
	failing 125 "there are anonymous, tmpfs and ignore" carrier run --image-volume x volumed true
}

no_volumes() { [ -z "$(volumes)" ]; }

@test "first use: only an empty volume is filled, once for a container, and not with nocopy" {
	expect 0 run_plain -v data:/data volumed cat /data/one
	expect 0 run_plain -v data:/data volumed rm /data/one
	expect 0 run_plain -v data:/data volumed ls /data
	prints "$(printf 'deep\nlink')"
	expect 0 run_plain -v fresh:/data:nocopy volumed sh -c 'ls -A /data; stat -c "%a %u" /data'
	prints "755 0"
	expect 0 run_plain --mount type=volume,src=fresh,dst=/data,volume-nocopy volumed ls -A /data
	prints ""
	expect 0 run_plain --mount type=volume,src=fresh,dst=/data,volume-subpath=. volumed ls -A /data
	prints ""
	expect 0 run_plain -v fresh:/data volumed ls -A /data
	says one
	# an interrupted filling is gone on with, and what a container wrote meanwhile stays
	carrier volume create broken >/dev/null
	local dir=$CROOT/volumes/broken
	client mkdir "$dir/fill" "$dir/fill.new"
	client sh -c "echo filled >$dir/fill/one; echo filled >$dir/fill/mine; echo mine >$dir/_data/mine"
	expect 0 run_plain -v broken:/data "$PLAIN" sh -c 'cat /data/one /data/mine'
	prints "$(printf 'filled\nmine')"
	[ ! -e "$dir/fill" ] || fail "fill is left"
}

@test "driver options: tmpfs, bind; what only root can mount is said" {
	mkdir "$WORK/there"
	echo there >"$WORK/there/file"
	chmod -R a+rwX "$WORK/there"
	expect 0 carrier volume create -o type=tmpfs -o o=size=64k,mode=1777 -o device=tmpfs ram
	expect 0 run_plain -v ram:/r "$PLAIN" sh -c 'stat -f -c %T /r; df -k /r | tail -1 | tr -s " " | cut -d " " -f 2; stat -c %a /r; touch /r/x'
	prints "$(printf '%s\n' tmpfs 64 1777)"
	expect 1 run_plain -v ram:/r:ro "$PLAIN" touch /r/x
	expect 0 carrier volume create -o type=none -o o=bind -o "device=$WORK/there" bound
	expect 0 run_plain -v bound:/b "$PLAIN" cat /b/file
	prints there
	expect 0 run_plain --mount "type=volume,source=other,target=/b,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=$WORK/there,volume-label=x=y" \
		"$PLAIN" cat /b/file
	prints there
	same '{"x":"y"}' "$(carrier volume inspect other | jq -c '.[0].Labels')"
	if [ "$WHO" = user ]; then
		failing 125 "only root of the host can mount that" carrier volume create -o type=nfs -o device=:/x -o o=addr=127.0.0.1 nfs
	else
		failing 125 "the server's address is missing" carrier volume create -o type=nfs -o device=:/x nfs
	fi
	expect 0 carrier volume rm -a
}

@test "subpath: a part of a volume, and never what a symlink in it leads to" {
	expect 0 run_plain -v data:/v "$PLAIN" sh -c 'mkdir -p /v/a/b; echo part >/v/a/b/file; ln -s /etc /v/out; ln -s a/b /v/in; ln -s ../../../../../../../../etc /v/up'
	expect 0 run_plain --mount type=volume,source=data,target=/p,volume-subpath=a/b "$PLAIN" cat /p/file
	prints part
	expect 0 run_plain --mount type=volume,source=data,target=/p,volume-subpath=in "$PLAIN" cat /p/file
	prints part
	expect 0 run_plain --mount type=volume,source=data,target=/p,volume-subpath=a/b/file "$PLAIN" cat /p
	prints part
	failing 125 "find 'out' in what is mounted on '/p'" carrier run --rm --network none --mount type=volume,source=data,target=/p,volume-subpath=out "$PLAIN" ls /p
	failing 125 "find 'up' in what is mounted on '/p'" carrier run --rm --network none --mount type=volume,source=data,target=/p,volume-subpath=up "$PLAIN" ls /p
}

@test "anonymous: -v DIR; and none is left when a container cannot be made" {
	expect 0 run_plain -v /cache "$PLAIN" grep -c ' /cache ' /proc/self/mountinfo
	prints 1
	soon no_volumes || fail "left: $(volumes)"
	failing 125 "there is no '/nowhere'" carrier run --network none -v /cache --mount type=bind,src=/nowhere,dst=/x "$PLAIN" true
	same "" "$(volumes)"
	failing 125 "cannot be a volume's name" carrier run -v a/b:/x "$PLAIN" true
	same "" "$(volumes)"
}

@test "six at once make one volume of the same name, and fill it once" {
	local i pids=()
	for i in 1 2 3 4 5 6; do
		carrier run --rm --network none -v shared:/data volumed sh -c "cat /data/one; echo $i >/data/$i" >"out.$i" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	same 6 "$(cat out.? | grep -c one)"
	expect 0 run_plain -v shared:/data volumed sh -c 'ls /data | tr "\n" " "'
	prints "1 2 3 4 5 6 deep link one "
	soon only_shared || fail "left: $(volumes)"	# the anonymous ones of /new go when their monitors have ended
}

only_shared() { [ "$(volumes)" = shared ]; }

@test "diff, export and commit leave volumes out" {
	carrier run --network none --name holder -v data:/srv/v -v /anonymous "$PLAIN" sh -c 'echo secret >/srv/v/inside; echo x >/anonymous/y; echo own >/srv/own'
	expect 0 carrier diff holder
	says "A /srv/own"
	[[ $output != *inside* && $output != */anonymous* ]] || fail "$output"
	carrier export holder | tar -t >list
	grep -q '^srv/own$' list
	! grep -q -e inside -e anonymous/y list || fail "it should have failed"
	carrier commit holder without >/dev/null
	expect 0 run_plain without sh -c 'ls /srv; ls /srv/v'
	prints "$(printf 'own\nv')"
	carrier rm -v holder >/dev/null
	carrier rmi without >/dev/null
	same data "$(volumes)"
}
