# Bad input to carrier: one sentence, the right exit code, and nothing is left. WHO=root or user.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	carrier_setup_file
	start_registry REGISTRY
	push plain "$REGISTRY" plain:latest
	push big "$REGISTRY" big:latest
	push garbage "$REGISTRY" garbage:latest
	push artifact "$REGISTRY" artifact:latest
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"x"' >"$BATS_FILE_TMPDIR/cut"
}

teardown_file() { carrier_teardown_file; }

prepare() { soon rm -rf "$CROOT"; }	# the monitor of a container that has ended may still be at it

# nothing - of an image is in the store, neither finished nor unfinished
nothing() {
	expect 0 carrier images -q
	prints ""
	same "" "$(find "$CROOT/store/tmp" "$CROOT"/store/{blobs,layers}/sha256 "$CROOT/store/chains" -mindepth 1 2>/dev/null)"
}

# refused_pull TEXT NAME [PORT] - exit code 125, one sentence with TEXT, nothing left
refused_pull() {
	failing 125 "$1" carrier pull --tls-verify=false "127.0.0.1:${3:-$REGISTRY}/$2"
	nothing
}

# broken FAULT... - $PROXY breaks what the registry sends so
broken() {
	start_helper PROXY python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" "$@"
}

# answering TYPE FILE - $PROXY answers every request for a manifest with this file
answering() {
	cat >"$WORK/answer.py" <<-'PY'
	import http.server, sys
	class H(http.server.BaseHTTPRequestHandler):
	    def log_message(self, *a): pass
	    def do_GET(self):
	        body = open(sys.argv[2], "rb").read() if "/manifests/" in self.path else b"{}"
	        self.send_response(200)
	        self.send_header("Content-Type", sys.argv[1])
	        self.send_header("Content-Length", str(len(body)))
	        self.end_headers()
	        self.wfile.write(body)
	s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
	print("listening", s.server_port, flush=True)
	s.serve_forever()
	PY
	start_helper PROXY python3 "$WORK/answer.py" "$1" "$2"
}

@test "an unknown image" {
	refused_pull "127.0.0.1:$REGISTRY/nothing" nothing
}

@test "an unknown tag" {
	refused_pull "plain:absent" plain:absent
}

@test "a reference that is none" {
	failing 125 "Plain" carrier pull "127.0.0.1:$REGISTRY/Plain"
	nothing
}

@test "a refused connection names the address" {
	local port
	port=$(free_port)
	failing 125 refused carrier pull --tls-verify=false "127.0.0.1:$port/plain"
	[[ $stderr == *"connect to 127.0.0.1:$port"* ]] || fail "$stderr"
	nothing
}

@test "a host that does not exist" {
	failing 125 "no-such-host.invalid" carrier pull "no-such-host.invalid/plain"
	nothing
}

@test "a layer with another digest" {
	broken wrong
	refused_pull digest big "$PROXY"
}

@test "a layer corrupted on the registry's disk" {
	local digest path
	push big "$REGISTRY" corrupt:latest
	digest=$(skopeo inspect --raw --tls-verify=false "docker://127.0.0.1:$REGISTRY/corrupt" | jq -r '.layers[1].digest')
	path=$REGISTRY_STORAGE/docker/registry/v2/blobs/sha256/${digest:7:2}/${digest:7}/data
	cp "$path" "$WORK/kept"
	printf X | dd of="$path" bs=1 seek=4000000 conv=notrunc status=none
	local result=0
	refused_pull digest corrupt || result=$?
	cp "$WORK/kept" "$path"
	return "$result"
}

@test "a truncated layer" {
	broken cut=3000000 norange	# with Range, carrier would go on where it was cut (carrier_pull.bats)
	failing 125 layer carrier pull --tls-verify=false "127.0.0.1:$PROXY/big"
	# what has arrived is kept for the next pull (carrier_resume.bats), which leaves nothing else
	same 2700000 "$(find "$CROOT/store/tmp" -name blob -size +2700000c -exec echo 2700000 \;)"
	expect 0 pull big
}

@test "a manifest that is not JSON" {
	answering application/vnd.oci.image.manifest.v1+json "$BATS_FILE_TMPDIR/cut"
	refused_pull JSON plain "$PROXY"
}

@test "a manifest that is HTML" {
	echo '<html>login first</html>' >"$WORK/html"
	answering text/html "$WORK/html"
	refused_pull "" plain "$PROXY"
}

@test "a manifest of schema 1" {
	echo '{"schemaVersion":1,"name":"plain","tag":"latest","architecture":"amd64","fsLayers":[],"history":[]}' >"$WORK/one"
	answering application/vnd.docker.distribution.manifest.v1+prettyjws "$WORK/one"
	refused_pull "schema 1" plain "$PROXY"
}

@test "a manifest with another digest than the one that was asked for" {
	echo '{}' >"$WORK/other"
	answering application/vnd.oci.image.manifest.v1+json "$WORK/other"
	refused_pull digest "plain@$(digest_of plain)" "$PROXY"
}

@test "a layer that is called gzip and is not" {
	refused_pull gzip garbage
}

@test "an artifact that is no image" {
	refused_pull artifact artifact
}

@test "a registry that fails" {
	broken manifests:status=500
	refused_pull 500 plain "$PROXY"
}

@test "redirects without end" {
	broken redirect=self
	refused_pull redirect big "$PROXY"
}

@test "a full disk is named so, and nothing is left on it" {
	# a store of 3 MB, mounted where only this test sees it
	cat >"$WORK/full" <<-'SH'
	set -e
	mount -t tmpfs -o size=3m,mode=0755 none "$1"
	status=0
	"$2" --root "$1" pull -q --tls-verify=false "$3" || status=$?
	left=$(find "$1/store/tmp" "$1"/store/{blobs,layers}/sha256 -mindepth 1)
	echo "left: ${left:-nothing}" >&2
	exit "$status"
	SH
	mkdir -p "$BASE/full"
	[ "$WHO" = root ] || chown "$NAME" "$BASE/full"
	expect 125 client unshare $([ "$WHO" = root ] || echo --user --map-root-user --map-auto) -m bash "$WORK/full" "$BASE/full" "$PROGRAM" \
		"127.0.0.1:$REGISTRY/big"
	[[ $stderr == *"No space left on device"* ]] || fail "$stderr"
	[[ $stderr == *"left: nothing"* ]] || fail "something is left: $stderr"
	one_sentence
}

@test "run of an image that cannot be had is 125, and no container is left" {
	failing 125 "127.0.0.1:$REGISTRY/nothing" carrier run --tls-verify=false "127.0.0.1:$REGISTRY/nothing" true
	expect 0 carrier ps -aq
	prints ""
}

@test "an unknown command names the nearest" {
	expect 125 carrier pul
	says "'pull'"
}

@test "an unknown option names the nearest" {
	expect 125 carrier pull --platfrom linux/amd64 x
	says --platform
}

@test "a store of another version is left alone" {
	expect 0 pull plain
	echo 99 >"$CROOT/version"
	failing 125 version carrier images
	echo 1 >"$CROOT/version"
	expect 0 carrier images -q
	matches '^[0-9a-f]{12}'
}

@test "containers and images that do not exist" {
	local command
	for command in logs stop kill rm exec inspect rmi; do
		failing 1 "'absent" carrier "$command" absent $([ "$command" != exec ] || echo true)
	done
	expect 1 carrier --log-format json inspect absent
	same "error there is no container and no image 'absent'" "$(jq -r '"\(.level) \(.msg)"' <<<"$stderr")"
	failing 1 "there is no container and no image 'absent'" carrier --log-format text inspect absent
	failing 125 "--log-format: text or json, not 'xml'" carrier --log-format xml images
	failing 125 "--log-level: error, warn, info or debug, not 'loud'" carrier --log-level loud images
}
