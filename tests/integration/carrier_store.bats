# The store: what a kill and a power cut leave, who removes it, what is counted, checked, repaired, shared (contrib/store.md).
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	carrier_setup_file
	start_registry REGISTRY
	push plain "$REGISTRY" plain:latest
	push big "$REGISTRY" big:latest
	push debian "$REGISTRY" debian:latest
	export PLAIN=127.0.0.1:$REGISTRY/plain BIG=127.0.0.1:$REGISTRY/big DEBIAN=127.0.0.1:$REGISTRY/debian STORE=$CROOT/store
}

teardown_file() { carrier_teardown_file; }

prepare() { carrier rmi -a >/dev/null; }

# manifest_of NAME, blob DIGEST, layers_of NAME (digests of blobs), diffs_of NAME (diff_ids), without their "sha256:"
manifest_of() {
	jq -r --arg name "$1:latest" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $name).digest[7:]' "$STORE/index.json"
}
blob() { cat "$STORE/blobs/sha256/$1"; }
layers_of() { blob "$(manifest_of "$1")" | jq -r '.layers[].digest[7:]'; }
diffs_of() { blob "$(blob "$(manifest_of "$1")" | jq -r '.config.digest[7:]')" | jq -r '.rootfs.diff_ids[][7:]'; }

well() {
	expect 0 carrier system check "$@"
	says "all is well"
}

stored() { find "$STORE"/{blobs,layers}/sha256 "$STORE/chains" -mindepth 1 -maxdepth 1 | sort; }

@test "skopeo reads the store as the OCI layout that it is, by every name that carrier gives" {
	pull plain
	expect 0 carrier pull -q --tls-verify=false "$PLAIN@$(digest_of plain)"
	expect 0 skopeo inspect "oci:$STORE:$PLAIN:latest"
	same "$(digest_of plain)" "$(jq -r .Digest <<<"$output")"
	expect 0 skopeo inspect "oci:$STORE:$PLAIN@$(digest_of plain)"
	same "$(digest_of plain)" "$(jq -r .Digest <<<"$output")"
	expect 0 skopeo copy -q --insecure-policy "oci:$STORE:$PLAIN:latest" "dir:$WORK/copied"
	same "$(digest_of plain)" "sha256:$(sha256sum <"$WORK/copied/manifest.json" | cut -d' ' -f1)"
}

@test "a layer whose root is opaque has nothing below it, for settling either" {
	mkimage tar base.tar <<-'PY'
	add("tmp", type=tarfile.DIRTYPE, mode=0o1777)
	add("usr/lib/x", data=b"x")
	add("lib", type=tarfile.SYMTYPE, link="usr/lib")
	PY
	mkimage tar opaque.tar <<-PY
	add(".wh..wh..opq")
	add("bin/busybox", data=open("$STATIC_BUSYBOX", "rb").read(), mode=0o755)
	PY
	mkimage tar above.tar <<-'PY'
	add("tmp/x", data=b"x")
	add("lib/y", data=b"y")
	PY
	mkimage image layout opaque base.tar opaque.tar above.tar
	skopeo copy -q --insecure-policy --dest-tls-verify=false --preserve-digests "oci:layout:opaque" "docker://127.0.0.1:$REGISTRY/opaque:latest"
	pull opaque
	expect 0 carrier run --rm --network none "127.0.0.1:$REGISTRY/opaque" busybox stat -c '%n %a %F' /tmp /lib /lib/y
	prints $'/tmp 755 directory\n/lib 755 directory\n/lib/y 644 regular file'
	expect 0 carrier --storage-driver copy run --rm --network none "127.0.0.1:$REGISTRY/opaque" busybox ls /
	[[ $output != *usr* ]] || fail "what the opaque layer hides is there: $output"
}

# ---- after a power cut ----

# power_cut - every layer and chain is of another boot, and its files are torn: what a disk shows that got the names, but not the content
power_cut() {
	local boot
	for boot in "$STORE"/layers/sha256/*/boot "$STORE"/chains/*/boot; do
		printf '00000000-0000-0000-0000-000000000000' >"$boot"
	done
	find "$STORE"/layers/sha256/*/diff -type f -exec truncate -s 0 {} +
}

@test "layers from before an unclean end are unpacked again, without the network" {
	pull debian
	power_cut
	well
	says "4 layers were not unpacked, or before an unclean end: they are unpacked again when they are needed"
	expect 0 carrier run --rm --network none --pull never "$DEBIAN" cat /srv/plain/stays /tmp/x /lib/y
	prints $'lower\nimplicit\nthrough the link'
	well --deep
	[[ $output != *unclean* ]] || fail "$output"
}

@test "a layer without its boot file, with an empty one, or without its tree is unpacked again" {
	local layer
	pull plain
	layer=$STORE/layers/sha256/$(diffs_of "$PLAIN")
	for damage in 'rm $layer/boot' ': >$layer/boot' 'rm $layer/boot; mv $layer/diff $layer/gone'; do
		eval "$damage"
		expect 0 carrier run --rm --network none "$PLAIN" echo fine
		prints fine
		[ ! -e "$layer/gone" ] || fail "the old one is there: $damage"
		well
	done
}

@test "what a syncfs has covered is trusted after a reboot; it comes when a container has ended and the layer is old enough" {
	local layer
	pull plain
	layer=$STORE/layers/sha256/$(diffs_of "$PLAIN")
	expect 0 carrier run --rm --network none "$PLAIN" true
	soon nothing_runs
	same "$(cat /proc/sys/kernel/random/boot_id)" "$(cat "$layer/boot")"
	touch -d '1 minute ago' "$layer/boot" "$STORE"/chains/*/boot
	expect 0 carrier run --rm --network none "$PLAIN" true
	soon grep -q synced "$layer/boot"
	soon grep -q synced "$STORE"/chains/*/boot
	grep -Eq '^1 [0-9]+ [0-9a-f]{32}$' "$layer/fingerprint" || fail "no fingerprint: $(cat "$layer/fingerprint")"
	well
	# and by it damage is seen
	echo more >>"$layer/diff/etc/passwd"
	expect 1 carrier system check
	says "its files are not what they were when it was unpacked"
	expect 0 carrier system check --fix
	says "(repaired)"
	well --deep
}

# ---- after a kill ----

# killed_at_random TIMES COMMAND... - carrier with these arguments is killed after a random time, with all its children, each time
killed_at_random() {
	local n=$1 i pid
	shift
	for ((i = 0; i < n; i++)); do
		if [ "$WHO" = user ]; then
			as_user setsid "$PROGRAM" "$@" </dev/null >/dev/null 2>&1 3>&- &
		else
			setsid "$PROGRAM" --root "$CROOT" "$@" </dev/null >/dev/null 2>&1 3>&- &
		fi
		sleep "0.$(printf %03d $((RANDOM % ${MOMENT:-250})))"
		processes | xargs -r kill -9 2>/dev/null || true
		wait $! 2>/dev/null || true
		soon nothing_runs
		eval "${BETWEEN:-}"
	done
}

@test "pull, rmi and prune killed at random: the next command works, and check finds nothing" {
	BETWEEN='carrier pull -q --tls-verify=false "$BIG" >/dev/null || fail "pull failed"' killed_at_random 3 rmi "$BIG"
	BETWEEN='well' killed_at_random 3 pull -q --tls-verify=false "$DEBIAN"
	BETWEEN='well; pull plain >/dev/null' MOMENT=100 killed_at_random 2 system prune -af
	well
	expect 0 pull debian
	expect 0 carrier run --rm --network none "$DEBIAN" cat /lib/y
	prints "through the link"
	well --deep
	expect 0 carrier rmi -a
	same "" "$(stored)"
}

@test "what killed commands leave is removed by the next one that removes" {
	pull plain
	mkdir -p "$STORE/tmp/$(printf 'f%.0s' {1..64})/layer/diff/bin" "$STORE/tmp/trash-99999/0" "$STORE/layers/sha256/$(printf 'e%.0s' {1..64})/diff"
	touch "$STORE/tmp/$(printf 'f%.0s' {1..64})/lock" "$STORE/blobs/sha256/$(printf 'd%.0s' {1..64})"
	touch -d '2 minutes ago' "$STORE/.tmp-99999-index.json"
	ln -s "$(printf 'c%.0s' {1..64})" "$CROOT/names/gone" 2>/dev/null || { mkdir -p "$CROOT/names"; ln -s "$(printf 'c%.0s' {1..64})" "$CROOT/names/gone"; }
	[ "$WHO" = root ] || chown -Rh "$NAME:" "$STORE/tmp" "$STORE/layers/sha256/$(printf 'e%.0s' {1..64})" "$CROOT/names" "$STORE/blobs/sha256/$(printf 'd%.0s' {1..64})" "$STORE/.tmp-99999-index.json"
	expect 1 carrier system check
	says "blob sha256:dddd"	# an empty file is not what its name says
	says "leftovers of commands that were killed take room"
	expect 0 carrier system check --fix
	well
	[[ $output != *leftovers* ]] || fail "$output"
	same "" "$(find "$STORE/tmp" "$STORE" -maxdepth 1 -name '[.f]*' -o -maxdepth 1 -name 'trash*')"
	expect 0 carrier run --rm --name gone --network none "$PLAIN" true
}

# ---- two at once ----

@test "pulls, runs, removals and prunes at the same time do not disturb each other" {
	local i pids=() pid
	pull plain
	for i in 1 2 3; do
		{ for _ in 1 2 3 4; do carrier run --rm --network none "$PLAIN" true || exit 1; done; } </dev/null >"run$i" 2>&1 3>&- &
		pids+=($!)
		# another may take away what this one has just pulled, before it looks at it
		{ for _ in 1 2; do carrier pull -q --tls-verify=false "$BIG" 2>"why$i" || grep -q "no image '$BIG" "why$i" || exit 1
			carrier rmi "$BIG" || [ $? = 1 ]; done; } </dev/null >"pull$i" 2>&1 3>&- &
		pids+=($!)
	done
	{ for _ in 1 2 3 4 5 6; do carrier image prune -f || exit 1; carrier system df >/dev/null || exit 1; done; } </dev/null >prune 2>&1 3>&- &
	pids+=($!)
	for pid in "${pids[@]}"; do wait "$pid" || fail "$(tail run? pull? why? prune)"; done
	soon nothing_runs
	well --deep
	expect 0 carrier rmi -a
	same "" "$(stored)"
}

@test "layers that a container needs stay, also when its image is removed by force" {
	pull plain
	expect 0 carrier run -d --name user --network none "$PLAIN" sleep 600
	expect 0 carrier stop -t 0 user
	expect 1 carrier rmi "$PLAIN"
	expect 0 carrier rmi -f "$PLAIN"
	same 1 "$(find "$STORE/layers/sha256" -mindepth 1 -maxdepth 1 | wc -l)"
	well
	expect 0 carrier rm user
	expect 0 carrier image prune -f
	same "" "$(stored)"
}

# ---- df, prune ----

@test "rmi at once behind run --rm waits for what is being removed, and leaves nothing" {
	pull plain
	make_hook poststop "sleep 1"
	expect 0 carrier run --rm --network none --hooks-dir "$PWD/hooks" "$PLAIN" true
	[ -n "$(ls "$CROOT/containers")" ] || fail "it was removed before it was looked at"
	expect 0 carrier rmi "$PLAIN"
	same "" "$(stored)"
	# one whose monitor was killed over its removal is nobody's to wait for, and keeps its layers
	pull plain
	expect 0 carrier run --rm --network none --hooks-dir "$PWD/hooks" "$PLAIN" true
	kill -9 "$(jq -r .monitor "$CROOT"/containers/*/status.json)"
	expect 0 carrier rmi -f "$PLAIN"
	[ -n "$(stored)" ] || fail "a container that can be found has lost its layers"
	carrier rm -f $(carrier ps -aq) >/dev/null
}

@test "df counts what images share once" {
	local sum
	pull plain
	pull big	# has plain's layer
	expect 0 carrier system df --format json
	sum=$(du -s --block-size=1 -c "$STORE/layers/sha256"/* "$STORE/chains"/* | tail -1 | cut -f1)
	same "$sum" "$(jq -s '.[] | select(.Type == "Images").RawSize' <<<"$output")"
	same 2 "$(jq -s '.[] | select(.Type == "Images").TotalCount' <<<"$output")"
	expect 0 carrier system df -v --format json
	same true "$(jq '([.Images[].RawSize] | add) > .Totals[0].RawSize and all(.Images[]; .RawSharedSize > 1000000) and
		([.Images[].RawUniqueSize] | add) + .Images[0].RawSharedSize == .Totals[0].RawSize' <<<"$output")"
	expect 0 carrier run -d --name active --network none "$PLAIN" sleep 600
	expect 0 carrier system df -v
	matches "Images +2 +1 "
	matches "Containers +1 +1 "
	matches "active"
	failing 125 "--format 'xml' is not known: table or json" carrier system df --format xml
}

@test "df counts volumes: those that a container has mounted are active, the others can be had back" {
	pull plain
	expect 0 carrier run --network none --name has -v used:/a -v used:/b "$PLAIN" dd if=/dev/urandom of=/a/x bs=1M count=2
	expect 0 carrier run --rm --network none -v free:/a "$PLAIN" dd if=/dev/urandom of=/a/x bs=1M count=1
	expect 0 carrier system df
	matches "Local Volumes +2 +1 +3[.0-9]* MB +1[.0-9]* MB \(33%\)"
	expect 0 carrier system df --format 'table {{.Type}}\t{{.TotalCount}}'
	matches '^TYPE +TOTAL'
	matches 'Local Volumes +2'
	expect 0 carrier system df --format json
	same '[2,1]' "$(jq -sc '.[] | select(.Type == "Local Volumes") | [.TotalCount, .Active]' <<<"$output")"
	expect 0 carrier system df -v
	matches "used +1 +2"
	matches "free +0 +1"
	expect 0 carrier system df -v --format json
	same '["free",0,true,"used",1,true]' "$(jq -c '[.Volumes[] | .Name, .Links, .RawSize > 1000000]' <<<"$output")"
	carrier rm has >/dev/null
	expect 0 carrier volume prune -a -f
	expect 0 carrier system df --format json
	same '[0,0,0]' "$(jq -sc '.[] | select(.Type == "Local Volumes") | [.TotalCount, .Active, .RawSize]' <<<"$output")"
}

@test "prune asks, filters, and takes what nothing needs" {
	pull plain
	pull big
	failing 125 "give --force" carrier system prune </dev/null
	same 2 "$(carrier images -q | wc -l)"
	expect 0 carrier run -d --name keeps --network none "$PLAIN" sleep 600
	expect 0 carrier run --name ended --label purpose=test --network none "$PLAIN" true
	expect 0 carrier system prune -f --filter label!=purpose=test
	carrier inspect ended >/dev/null || fail "the filter was not heeded"
	expect 0 carrier system prune -f --filter until=1h
	carrier inspect ended >/dev/null || fail "the filter was not heeded"
	expect 0 carrier system prune -f --filter label=purpose=test
	says "Deleted Containers:"
	expect 1 carrier inspect ended
	same 2 "$(carrier images -q | wc -l)"
	expect 0 carrier image prune -a -f --filter until=2020-01-01
	same 2 "$(carrier images -q | wc -l)"
	expect 0 carrier image prune -a -f
	says "Untagged: $BIG:latest"
	matches "Total reclaimed space: [1-9]"
	same 1 "$(carrier images -q | wc -l)"
	failing 125 "a time (2006-01-02T15:04:05Z, 2006-01-02) or a duration" carrier image prune -f --filter until=soon
	failing 125 "until=TIME, label=KEY" carrier image prune -f --filter colour=red
	well
}

@test "prune leaves an image that is mounted, and forgets what a broken pull has kept" {
	pull plain
	pull big
	mkdir -p "$STORE/unfinished" "$STORE/tmp/$(printf 'a%.0s' {1..64})"
	touch "$STORE/unfinished/$(manifest_of "$BIG")"
	head -c 10000 /dev/urandom >"$STORE/tmp/$(printf 'a%.0s' {1..64})/blob"
	[ "$WHO" = root ] || chown -R "$NAME:" "$STORE/unfinished" "$STORE/tmp"
	expect 0 carrier rmi "$BIG"
	[ -e "$STORE/tmp/$(printf 'a%.0s' {1..64})/blob" ] || fail "rmi has removed what the next pull can use"
	[ "$WHO" = user ] || expect 0 carrier image mount "$PLAIN"	# an ordinary user's mount is in a namespace of its own
	expect 0 carrier system prune -a -f
	same "" "$(find "$STORE/tmp" "$STORE/unfinished" -mindepth 1)"
	if [ "$WHO" = root ]; then
		same 1 "$(carrier images -q | wc -l)"
		expect 0 carrier image unmount "$PLAIN"
		expect 0 carrier image prune -a -f
	fi
	same "" "$(stored)"
}

@test "prune --blobs drops what can be fetched again; the image stays usable, check is content, pull brings it back" {
	local layer
	pull plain
	expect 0 carrier run --rm hello	# was never fetched: stays
	layer=$(layers_of "$PLAIN")
	expect 0 carrier system prune -f --blobs
	says "Dropped blobs that can be fetched again: 1"
	[ ! -e "$STORE/blobs/sha256/$layer" ] || fail "the blob is there"
	expect 0 carrier run --rm --network none "$PLAIN" echo usable
	prints usable
	well
	expect 0 skopeo inspect --config "oci:$STORE:$PLAIN:latest"	# documents are kept
	pull plain
	[ -e "$STORE/blobs/sha256/$layer" ] || fail "the blob is not there"
}

# ---- check ----

@test "check finds what is damaged, and repairs it from the registry" {
	local layer config
	pull big
	layer=$(layers_of "$BIG" | tail -1)
	config=$(blob "$(manifest_of "$BIG")" | jq -r '.config.digest[7:]')
	printf x | dd of="$STORE/blobs/sha256/$layer" bs=1 seek=1000 conv=notrunc status=none
	expect 1 carrier system check
	says "blob sha256:$layer"
	expect 1 carrier doctor --json
	same "blob sha256:$layer false" "$(jq -r '.Store.Problems[] | "\(.Kind) \(.Object) \(.Repaired)"' <<<"$output")"
	expect 0 carrier system check --repair --tls-verify=false
	says "(repaired)"
	well --deep
	rm "$STORE/blobs/sha256/$config"
	expect 1 carrier system check
	says "image $BIG:latest"
	expect 0 carrier system check --fix --tls-verify=false
	well --deep
	same 1 "$(jq '.manifests | length' "$STORE/index.json")"
	# a file that changed without a change of its size and time: only --deep sees it
	config=$(find "$STORE/layers" -name random)
	touch -r "$config" "$WORK/times"
	printf x | dd of="$config" bs=1 seek=1000 conv=notrunc status=none
	touch -r "$WORK/times" "$config"
	well
	expect 1 carrier system check --deep
	says "its file 'random' is not what its blob holds"
	expect 0 carrier system check --deep --fix
	well --deep
}

@test "check without a registry says what is not repaired, and ends with 1" {
	pull plain
	rm "$STORE/blobs/sha256/$(layers_of "$PLAIN")" "$STORE"/origins/*
	jq --arg gone "127.0.0.1:1/plain:latest" '.manifests[].annotations["org.opencontainers.image.ref.name"] = $gone' "$STORE/index.json" >index
	cat index >"$STORE/index.json"
	expect 1 carrier system check --fix
	says "it is gone, and from where it came is not known"
	expect 0 carrier run --rm --network none 127.0.0.1:1/plain echo usable
	prints usable
}

@test "a name whose documents are gone can be pulled again and removed" {
	pull plain
	rm "$STORE/blobs/sha256/$(manifest_of "$PLAIN")"
	expect 0 pull plain
	well
	rm "$STORE/blobs/sha256/$(manifest_of "$PLAIN")"
	expect 0 carrier rmi "$PLAIN"
	same 0 "$(jq '.manifests | length' "$STORE/index.json")"
	same "" "$(stored)"
}

# ---- versions, reset ----

@test "a newer carrier's store is refused, an older one is upgraded" {
	pull debian
	same 2 "$(cat "$CROOT/version")"
	echo 3 >"$CROOT/version"
	failing 125 "is a store of version 3, made by a newer carrier: use that, or another --root" carrier images
	echo many >"$CROOT/version"
	failing 125 "which is no version" carrier images
	echo 1 >"$CROOT/version"
	rm "$STORE"/chains/*/boot
	touch "$(echo "$STORE"/chains/*)/done"
	expect 0 carrier run --rm --network none "$DEBIAN" cat /lib/y
	prints "through the link"
	same 2 "$(cat "$CROOT/version")"
	expect 0 carrier image prune -f
}

@test "reset removes everything of carrier's, and nothing else" {
	pull plain
	expect 0 carrier run -d --name running --network none "$PLAIN" sleep 600
	echo mine >"$CROOT/mine"
	failing 125 "give --force" carrier system reset </dev/null
	expect 0 carrier system reset -f
	same "" "$(find "$CROOT" -mindepth 1 -maxdepth 1 ! -name mine ! -name run)"
	expect 0 carrier images -q
	prints ""
	rm "$CROOT/mine"
}

# ---- additional stores ----

# state_of_store DIR - everything that writing would change
state_of_store() { find "$1" -printf '%p %y %m %U %G %s %n %T@ %C@\n' | sort | sha256sum; }

make_shared() {
	SHARED=$BASE/shared
	[ -d "$SHARED" ] || {
		"$PROGRAM" --root "$SHARED" pull -q --tls-verify=false "$DEBIAN"
		"$PROGRAM" --root "$SHARED" system share
	} >/dev/null
	BEFORE=$(state_of_store "$SHARED")
}

@test "an additional store: images and layers are used in place, and nothing of it is written" {
	make_shared
	expect 0 carrier --additional-store "$SHARED" images --format json
	same "$DEBIAN" "$(jq -r .Repository <<<"$output")"
	expect 0 carrier --additional-store "$SHARED" run --rm --network none --pull never "$DEBIAN" bash -c 'cat /srv/plain/stays /lib/y; stat -c %u:%g /bin/bash; echo new >/tmp/new; rm /srv/plain/stays; ls -d /srv/opaque/lower /srv/plain/stays 2>/dev/null; true'
	prints $'lower\nthrough the link\n0:0'
	same "" "$(stored)"
	failing 1 "is in an additional store, which is never written to" carrier --additional-store "$SHARED" rmi "$DEBIAN"
	expect 0 carrier --additional-store "$SHARED" system prune -af
	expect 0 carrier --additional-store "$SHARED" system check --fix
	expect 0 carrier --additional-store "$SHARED" --storage-driver copy run --rm --network none "$DEBIAN" bash -c 'cat /lib/y; echo more >>/lib/y; stat -c %u /lib/y'
	prints $'through the link\n0'
	same "$BEFORE" "$(state_of_store "$SHARED")"
	# without it there is no such image
	failing 125 "no image" carrier run --rm --pull never "$DEBIAN" true
}

@test "an additional store stays readable when its owner's layers are covered" {
	local boot
	make_shared
	touch -d '1 minute ago' "$SHARED"/store/layers/sha256/*/boot "$SHARED"/store/chains/*/boot
	"$PROGRAM" --root "$SHARED" run --rm --network none "$DEBIAN" true
	for boot in "$SHARED"/store/layers/sha256/*/boot "$SHARED"/store/chains/*/boot; do soon grep -q synced "$boot"; done
	expect 0 carrier --additional-store "$SHARED" run --rm --network none --pull never "$DEBIAN" cat /lib/y
	prints "through the link"
}

@test "what an additional store has is not unpacked again by a pull" {
	make_shared
	expect 0 carrier --additional-store "$SHARED" pull -q --tls-verify=false "$DEBIAN"
	same "" "$(find "$STORE/layers/sha256" -mindepth 1)"
	expect 0 carrier --additional-store "$SHARED" run --rm --network none "$DEBIAN" cat /lib/y
	same "$BEFORE" "$(state_of_store "$SHARED")"
	# and when it is gone, a pull brings what it had
	expect 0 carrier pull -q --tls-verify=false "$DEBIAN"
	expect 0 carrier run --rm --network none "$DEBIAN" cat /lib/y
	prints "through the link"
}

@test "an additional store that cannot be used is left out, with a warning" {
	pull plain
	mkdir -m 755 "$BASE/empty.$BATS_TEST_NUMBER"
	expect 0 carrier --additional-store "$BASE/empty.$BATS_TEST_NUMBER" --additional-store /nonexistent run --rm --network none "$PLAIN" echo works
	prints works
	same 2 "$(grep -c "an additional store is left out" <<<"$stderr")"
	failing 125 "a directory without a colon" carrier --additional-store /a:b images
}

@test "two users share a store that root made" {
	[ "$WHO" = user ] || skip "the first user is the one that WHO=user makes"
	make_shared
	local other=co$$ status=0
	add_user "$other" "$BASE/other" 1300000000
	install -d -m 0700 -o "$other" -g "$other" "$BASE/other-run"
	carrier --additional-store "$SHARED" run -d --name first --network none "$DEBIAN" sleep 600 >/dev/null 2>&1
	setpriv --reuid "$other" --regid "$other" --init-groups --inh-caps=-all --reset-env env HOME="$BASE/other" XDG_RUNTIME_DIR="$BASE/other-run" \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin "$PROGRAM" --additional-store "$SHARED" run --rm --network none "$DEBIAN" \
		bash -c 'echo changed >/etc/issue; cat /lib/y /etc/issue; stat -c %u:%g /etc/issue' >out 2>err </dev/null 3>&- || status=$?
	delete_user "$other"
	same "0 $(cat err)" "$status $(cat err)"
	same $'through the link\nchanged\n0:0' "$(cat out)"
	same $'0\nthrough the link' "$(carrier exec first bash -c 'grep -c changed /etc/issue; cat /lib/y')"
	same "$BEFORE" "$(state_of_store "$SHARED")"
}
