# Which image carrier pull takes, when it asks the registry for it, and what it shows meanwhile. WHO=root or user.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	carrier_setup_file
	start_registry REGISTRY
	push plain "$REGISTRY" plain:latest
	push multi "$REGISTRY" multi:latest --all
	push foreign "$REGISTRY" foreign:latest
	push big "$REGISTRY" big:latest
	local tag
	for tag in 1 2 3 4 5; do push plain "$REGISTRY" "tagged:v$tag"; done
	make_arms
}

teardown_file() { carrier_teardown_file; }

prepare() { soon rm -rf "$CROOT"; }	# the monitor of a container that has ended may still be at it

# make_arms - an index for linux/arm v6 and v7, whose configs do not say which they are, and for arm64
make_arms() {
	local layout=$BATS_FILE_TMPDIR/arms variant digest text
	for variant in v6 v7; do
		mkimage image --platform linux/arm --config "{\"Cmd\":[\"$variant\"]}" "$layout" $variant "plain:$FIXTURES/layers/implicit.tar"
	done >/dev/null
	mkimage image --platform linux/arm64 --config '{"Cmd":["v8"]}' "$layout" v8 "plain:$FIXTURES/layers/implicit.tar" >/dev/null
	mkimage index "$layout" arms v6 v7 v8 >/dev/null
	IMAGES=$layout
	digest=$(digest_of arms)
	text=$(jq -c '.manifests[0].platform.variant = "v6" | .manifests[1].platform.variant = "v7"' "$layout/blobs/sha256/${digest#sha256:}")
	push arms "$REGISTRY" arms:latest --all
	put_manifest "$REGISTRY" arms latest application/vnd.oci.image.index.v1+json <<<"$text"
	IMAGES=$FIXTURES/images
}

watch() { start_helper WATCHED python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/requests" "$@"; }
asked() { [ -s "$WORK/requests" ]; }
cmd_of() { carrier image inspect "$1" | jq -r '.[0].Config.Cmd[0] // .[0].config.Cmd[0]'; }

@test "--policy missing asks for what is not there, never asks for nothing, always asks" {
	watch
	local image=127.0.0.1:$WATCHED/plain id
	failing 125 "no image '$image:latest' in the store" carrier pull --policy never --tls-verify=false "$image"
	! asked || fail "it should have failed"
	expect 0 carrier pull --policy missing -q --tls-verify=false "$image"
	id=$output
	asked
	: >requests
	expect 0 carrier pull --policy missing -q --tls-verify=false "$image"
	prints "$id"
	expect 0 carrier pull --policy never -q --tls-verify=false "$image"
	prints "$id"
	! asked || fail "it should have failed"
	expect 0 carrier pull -q --tls-verify=false "$image"
	asked
	same 0 "$(grep -c /blobs/ requests || true)"
	failing 125 "always, missing, newer or never, not 'often'" carrier pull --policy often "$image"
}

@test "--policy newer takes the registry's when it differs, and the store's when nobody answers" {
	local image old port
	port=$(free_port)
	image=127.0.0.1:$port/moving
	failing 125 refused carrier pull --policy newer --tls-verify=false "$image"
	start_helper MOVING python3 "$TESTS/faultproxy.py" --port "$port" --to "127.0.0.1:$REGISTRY"
	push plain "$REGISTRY" moving:latest
	expect 0 carrier pull --policy newer --tls-verify=false "$image"
	says "Status: Downloaded newer image for $image:latest"
	says "Digest: sha256:"
	old=$output
	expect 0 carrier pull --policy newer --tls-verify=false "$image"
	says "Status: Image is up to date for $image:latest"
	push big "$REGISTRY" moving:latest
	expect 0 carrier pull --policy newer --tls-verify=false "$image"
	differ "$old" "$output"
	old=$output
	kill "$(tail -n 1 "$BATS_FILE_TMPDIR/helpers")"
	soon eval '! listens "$port"'
	expect 0 carrier pull --policy newer --tls-verify=false "$image"
	prints "$old"
	says "the image in the store is used"
	expect 0 carrier run --rm --network none --pull newer --tls-verify=false "$image" true
	failing 125 refused carrier run --rm --network none --pull always --tls-verify=false "$image" true
}

@test "run --pull has the same words" {
	watch
	local image=127.0.0.1:$WATCHED/plain
	failing 125 "no image" carrier run --rm --network none --pull never --tls-verify=false "$image" true
	! asked || fail "it should have failed"
	expect 0 carrier run --rm --network none -q --pull newer --tls-verify=false "$image" true
	: >requests
	expect 0 carrier run --rm --network none --tls-verify=false "$image" true
	! asked || fail "it should have failed"
	expect 0 carrier run --rm --network none -q --pull always --tls-verify=false "$image" true
	asked
	failing 125 "always, missing, newer or never" carrier run --pull now --tls-verify=false "$image" true
}

@test "an image whose layers are gone is unpacked again from its blobs, or fetched when those are gone, too" {
	watch
	local image=127.0.0.1:$WATCHED/plain blob
	expect 0 carrier pull -q --tls-verify=false "$image"
	blob=$(skopeo inspect --raw --tls-verify=false "docker://127.0.0.1:$REGISTRY/plain" | jq -r '.layers[0].digest')
	blob=$CROOT/store/blobs/sha256/${blob#sha256:}
	: >requests
	rm -rf "$CROOT"/store/layers/sha256/*
	expect 0 carrier run --rm --network none --tls-verify=false "$image" echo again
	prints again
	! asked || fail "it should have failed"
	rm -rf "$CROOT"/store/layers/sha256/* "$blob"
	failing 125 "neither unpacked nor kept as a blob" carrier run --rm --network none --pull never --tls-verify=false "$image" true
	expect 0 carrier run --rm --network none --tls-verify=false "$image" echo fetched
	prints fetched
	asked
}

@test "a local image of another platform is not what was asked for" {
	local image=127.0.0.1:$REGISTRY/multi foreign=127.0.0.1:$REGISTRY/foreign native
	expect 0 carrier pull -q --tls-verify=false "$image"
	native=$output
	expect 0 carrier pull -q --policy missing --platform linux/s390x --tls-verify=false "$image"
	differ "$native" "$output"
	same foreign "$(cmd_of "$image")"
	expect 0 carrier pull -q --policy missing --tls-verify=false "$image"	# none asked for: what is there
	same foreign "$(cmd_of "$image")"
	failing 125 "not there for linux/riscv64; it is there for: linux/s390x" \
		carrier pull --policy never --platform linux/riscv64 --tls-verify=false "$image"
	expect 0 carrier pull -q --platform linux/s390x --tls-verify=false "$foreign"
	failing 125 "s390x" carrier run --rm --network none --platform linux/arm64 --tls-verify=false "$foreign" true
}

@test "variants: the best one that the platform can run, by the index where the config is silent" {
	local image=127.0.0.1:$REGISTRY/arms want
	for want in v6 v7; do
		expect 0 carrier pull -q --platform linux/arm/$want --tls-verify=false "$image"
		same $want "$(cmd_of "$image")"
	done
	expect 0 carrier pull -q --platform linux/arm --tls-verify=false "$image"
	same v7 "$(cmd_of "$image")"
	expect 0 carrier pull -q --platform linux/arm64/v9 --tls-verify=false "$image"
	same v8 "$(cmd_of "$image")"
	failing 125 "it is there for: linux/arm/v6, linux/arm/v7, linux/arm64" carrier pull --platform linux/arm/v5 --tls-verify=false "$image"
	failing 125 "expected OS/ARCHITECTURE" carrier pull --platform a/b/c/d --tls-verify=false "$image"
}

@test "by digest, by tag and digest, and by the digest of an index" {
	local plain index
	plain=$(digest_of plain) index=$(digest_of multi)
	expect 0 carrier pull -q --tls-verify=false "127.0.0.1:$REGISTRY/plain:latest@$plain"
	expect 0 carrier run --rm --network none "127.0.0.1:$REGISTRY/plain@$plain" echo found
	prints found
	expect 0 carrier pull --tls-verify=false "127.0.0.1:$REGISTRY/multi@$index"
	says "Digest: $index"
	expect 0 carrier run --rm --network none --pull never "127.0.0.1:$REGISTRY/multi@$index" echo found
	prints found
	failing 125 "has no image" carrier pull --tls-verify=false "127.0.0.1:$REGISTRY/plain@sha256:$(printf '1%.0s' {1..64})"
	failing 125 "digest" carrier pull --tls-verify=false "127.0.0.1:$REGISTRY/plain@sha256:123"
}

@test "--all-tags, page by page" {
	start_helper PAGES python3 "$TESTS/countproxy.py" --to "127.0.0.1:$REGISTRY" --sent "$WORK/sent" --page 2
	expect 0 carrier pull --all-tags -q --tls-verify=false "127.0.0.1:$PAGES/tagged"
	same 5 "$(wc -l <<<"$output")"
	same "$(printf 'v%s\n' 1 2 3 4 5)" "$(carrier images | awk '/tagged/ { print $2 }' | sort)"
	failing 125 "a repository without a tag" carrier pull -a --tls-verify=false "127.0.0.1:$PAGES/tagged:v1"
	failing 125 "tags of 127.0.0.1:$PAGES/nothing" carrier pull -a --tls-verify=false "127.0.0.1:$PAGES/nothing"
}

@test "several images: one that fails does not keep the others" {
	failing 125 "nothing" carrier pull --progress none --tls-verify=false "127.0.0.1:$REGISTRY/plain" "127.0.0.1:$REGISTRY/nothing" \
		"127.0.0.1:$REGISTRY/big"
	same 2 "$(wc -l <<<"$output")"
	same 2 "$(carrier images -q | sort -u | wc -l)"
}

@test "-q prints the id, --progress json objects, plain one line for a change, none nothing" {
	local image=127.0.0.1:$REGISTRY/big
	expect 0 carrier pull -q --tls-verify=false "$image"
	matches '^[0-9a-f]{64}$'
	same "" "$stderr"
	prepare
	expect 0 carrier pull --progress none --tls-verify=false "$image"
	same "" "$stderr"
	prepare
	expect 0 carrier pull --progress json --tls-verify=false "$image"
	matches '^[0-9a-f]{64}$'
	jq -es 'all(has("id") and has("state") and has("current") and has("total")) and
		([.[] | select(.state == "done")] | length == 2 and all(.current == .total))' <<<"$stderr" >/dev/null || fail "$stderr"
	prepare
	expect 0 carrier pull --progress plain --tls-verify=false "$image"
	same 2 "$(grep -c '^layer [0-9a-f]*: pulling$' <<<"$stderr")"
	same 2 "$(grep -c '^layer [0-9a-f]*: done$' <<<"$stderr")"
	[[ $stderr != *$'\e'* ]]
	failing 125 "auto, tty, plain, json or none" carrier pull --progress loud "$image"
}

@test "bars are as wide as the terminal is, also when it changes" {
	start_helper SLOW python3 "$TESTS/countproxy.py" --to "127.0.0.1:$REGISTRY" --sent "$WORK/sent" --rate 2000000
	cat >terminal.py <<-'PY'
	import fcntl, os, pty, re, struct, sys, termios
	def size(fd, columns):
	    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
	pid, fd = pty.fork()
	if pid == 0:
	    size(0, 100)
	    os.execvp(sys.argv[1], sys.argv[1:])
	text, wide = b"", None
	while True:
	    try:
	        data = os.read(fd, 65536)
	    except OSError:
	        break
	    text += data
	    if wide is None and b"]" in text and len(text) > 1500:
	        size(fd, 50)
	        wide = text.count(b"\x1b[J")    # pictures; a few more may be on their way
	code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
	def longest(b):     # the id at the end is no bar
	    lines = [re.sub(r"\x1b\[[0-9]*[A-Z]", "", l).strip("\r") for l in b.decode().split("\n")]
	    return max([len(l) for l in lines if " / " in l] or [0])
	pictures = text.split(b"\x1b[J")
	print(code, *(max(map(longest, p)) for p in (pictures[:wide], pictures[wide + 4:])), len(pictures))
	PY
	expect 0 client python3 "$WORK/terminal.py" "$PROGRAM" --root "$CROOT" pull --tls-verify=false "127.0.0.1:$SLOW/big"
	local code wide narrow drawn
	read -r code wide narrow drawn <<<"$output"
	same 0 "$code"
	[ "$wide" -gt 60 ] && [ "$wide" -lt 100 ] || fail "lines of $wide characters on 100 columns"
	[ "$narrow" -gt 0 ] && [ "$narrow" -lt 50 ] || fail "lines of $narrow characters on 50 columns"
	[ "$drawn" -gt 3 ]
}

@test "--log-level info says where the time went" {
	expect 0 carrier --log-level info pull -q --tls-verify=false "127.0.0.1:$REGISTRY/big"
	[[ $stderr =~ big:latest:\ 2\ layers,\ 9\.[0-9]+\ MB\ in\ [0-9.]+\ s\;\ receiving\ [0-9.]+\ s,\ hashing\ [0-9.]+\ s,\ inflating\ [0-9.]+\ s,\ writing ]] ||
		fail "$stderr"
}

@test "all processes of a pull together stay below 64 MiB, also with the largest windows of zstd" {
	local layout=$BATS_FILE_TMPDIR/wide i layers=() peak shell
	for ((i = 0; i < 7; i++)); do
		head -c 10000000 /dev/urandom >"r$i"
		tar -c "r$i" >"r$i.tar"
		zstd -q -1 --zstd=wlog=23 "r$i.tar"
		layers+=("packed:$WORK/r$i.tar.zst=$WORK/r$i.tar")
	done
	mkimage image --layer-type application/vnd.oci.image.layer.v1.tar+zstd "$layout" wide "${layers[@]}" >/dev/null
	start_helper SERVED python3 "$TESTS/layoutserver.py" "$layout"
	start_helper SLOWLY python3 "$TESTS/countproxy.py" --to "127.0.0.1:$SERVED" --sent "$WORK/sent" --rate 8000000
	carrier pull -q --tls-verify=false "127.0.0.1:$SLOWLY/x:wide" </dev/null >out 2>err 3>&- &
	shell=$!
	cat >peak.py <<-'PY'
	import os, sys
	def pss(pid):
	    try:
	        if os.readlink("/proc/%s/exe" % pid).startswith(sys.argv[1]):
	            return sum(int(l.split()[1]) for l in open("/proc/%s/smaps_rollup" % pid) if l.startswith("Pss:"))
	    except OSError:
	        pass
	    return 0
	peak = count = 0
	while os.path.exists("/proc/" + sys.argv[2]):
	    now = [n for n in map(pss, filter(str.isdigit, os.listdir("/proc"))) if n]
	    peak, count = max(peak, sum(now)), max(count, len(now))
	print(peak, count)
	PY
	read -r peak count < <(python3 peak.py "$BASE/bin/" "$shell")
	wait "$shell" || fail "$(cat err)"
	[ "$count" -gt 5 ] || fail "only $count processes were seen"
	echo "# at most $peak KiB" >&3
	[ "$peak" -gt 20000 ] && [ "$peak" -lt 65536 ] || fail "$peak KiB"
}
