# carrier push, to registries that are well and to some that are not. WHO=root or user.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	carrier_setup_file
	start_registry REGISTRY
	start_registry TARGET
	start_registry SECURE tls
	TOKEN_OPTIONS="--user someone:secret" start_registry TOKENS_ASKED token
	TOKEN_OPTIONS="" start_registry ANONYMOUS token
	start_registry BASIC basic
	push debian "$REGISTRY" debian:latest
	push debian "$REGISTRY" docker:latest --format v2s2
	push plain "$REGISTRY" plain:latest
	push multi "$REGISTRY" multi:latest --all
	push big "$REGISTRY" big:latest
	pull debian
	pull docker
	pull plain
	pull big
}

teardown_file() { carrier_teardown_file; }

source_of() { echo "127.0.0.1:$REGISTRY/$1"; }
target() { echo "127.0.0.1:$TARGET/$1"; }

# raw PORT NAME [OPTION...] - the manifest as the registry has it, by skopeo
raw() {
	local port=$1 name=$2
	shift 2
	skopeo inspect --raw --tls-verify=false "$@" "docker://127.0.0.1:$port/$name"
}

# breaking VARIABLE HOST:PORT FAULT... - a proxy before a registry; its log is $WORK/${LOG:-requests}
breaking() {
	local variable=$1 to=$2
	shift 2
	: >"$WORK/${LOG:-requests}"
	start_helper "$variable" python3 "$TESTS/pushproxy.py" --to "$to" --log "$WORK/${LOG:-requests}" "$@"
}

# arrived PORT NAME IMAGE - it is in the target registry as it is in the source; by digest of the whole content
arrived() {
	raw "$1" "$2" >arrived.json
	raw "$REGISTRY" "$3" >expected.json
	cmp arrived.json expected.json
	skopeo copy -q --src-tls-verify=false "docker://127.0.0.1:$1/$2" "dir:$WORK/arrived" || fail "skopeo cannot read it"
	rm -rf "$WORK/arrived"
}

# requests METHOD PART - how many of them there were
requests() { jq -r --arg m "$1" --arg part "$2" 'select(.method == $m and (.path | contains($part))).path' "$WORK/requests" | wc -l; }

@test "what was pulled is pushed byte for byte, and has its digest everywhere" {
	local name
	for name in debian docker; do
		expect 0 carrier push --tls-verify=false "$(source_of $name)" "docker://$(target $name):latest"
		raw "$REGISTRY" "$name" >first
		raw "$TARGET" "$name" >second
		cmp first second
		same "sha256:$(sha256sum <second | cut -d' ' -f1)" "$output"
	done
}

@test "what the registry has is not sent again; what another repository has is mounted" {
	breaking WATCHED "127.0.0.1:$TARGET"
	expect 0 carrier tag "$(source_of plain)" "127.0.0.1:$WATCHED/first" "127.0.0.1:$WATCHED/second"
	expect 0 carrier push --tls-verify=false "127.0.0.1:$WATCHED/first"
	same 2 "$(requests PUT /blobs/)"
	: >requests
	expect 0 carrier push --tls-verify=false "127.0.0.1:$WATCHED/first"
	same 0 "$(requests POST /)"
	same 1 "$(requests PUT /)"
	: >requests
	expect 0 carrier push --tls-verify=false "127.0.0.1:$WATCHED/second"
	says mounted
	same 0 "$(requests PUT /blobs/)"
	jq -es 'any(.method == "POST" and (.path | contains("from=first")))' requests >/dev/null || fail "$(cat requests)"
	raw "$TARGET" second >out
	raw "$REGISTRY" plain >expected
	cmp out expected
	expect 0 carrier rmi "127.0.0.1:$WATCHED/first" "127.0.0.1:$WATCHED/second"
}

@test "over TLS, with the CA's directory; without it the certificate is not trusted" {
	failing 125 certificate carrier push "$(source_of plain)" "127.0.0.1:$SECURE/plain"
	expect 0 carrier push --cert-dir "$CA/certs" "$(source_of plain)" "127.0.0.1:$SECURE/plain"
	raw "$SECURE" plain --cert-dir "$CA/certs" >out
	raw "$REGISTRY" plain >expected
	cmp out expected
}

@test "plain HTTP is not spoken unless asked for" {
	failing 125 --tls-verify=false carrier push "$(source_of plain)" "$(target unspoken)"
}

@test "a token is fetched for pull and push, and for pulling from where a blob is mounted" {
	: >"$BATS_FILE_TMPDIR/tokens.log"
	expect 0 carrier tag "$(source_of plain)" "127.0.0.1:$ANONYMOUS/one"
	expect 0 carrier push --tls-verify=false "127.0.0.1:$ANONYMOUS/one"
	same '["repository:one:pull,push"]' "$(jq -c .scope "$BATS_FILE_TMPDIR/tokens.log" | sort -u)"
	: >"$BATS_FILE_TMPDIR/tokens.log"
	expect 0 carrier push --tls-verify=false "$(source_of plain)" "127.0.0.1:$ANONYMOUS/two"
	jq -es 'any(.scope == ["repository:two:pull,push", "repository:one:pull"])' "$BATS_FILE_TMPDIR/tokens.log" >/dev/null ||
		fail "$(cat "$BATS_FILE_TMPDIR/tokens.log")"
	raw "$ANONYMOUS" two >out
	raw "$REGISTRY" plain >expected
	cmp out expected
	expect 0 carrier rmi "127.0.0.1:$ANONYMOUS/one"
}

@test "credentials: with the right ones it is pushed, with none or wrong ones denied" {
	local port
	for port in "$TOKENS_ASKED" "$BASIC"; do
		failing 125 denied carrier push --tls-verify=false "$(source_of plain)" "127.0.0.1:$port/plain"
		failing 125 denied carrier push --tls-verify=false --creds someone:wrong "$(source_of plain)" "127.0.0.1:$port/plain"
		expect 0 carrier push --tls-verify=false --creds someone:secret "$(source_of plain)" "127.0.0.1:$port/plain"
		raw "$port" plain --creds someone:secret >out
		raw "$REGISTRY" plain >expected
		cmp out expected
	done
	client mkdir -p "$CROOT/auth"
	echo secret >secret
	for port in "$TOKENS_ASKED" "$BASIC"; do
		expect 0 carrier login --authfile "$CROOT/auth/file" --tls-verify=false -u someone --password-stdin "127.0.0.1:$port" <secret
		expect 0 carrier push --authfile "$CROOT/auth/file" --tls-verify=false "$(source_of plain)" "127.0.0.1:$port/logged-in"
	done
	failing 125 "carrier login 127.0.0.1:$BASIC" carrier push --tls-verify=false "$(source_of plain)" "127.0.0.1:$BASIC/plain"
}

@test "a connection that breaks: the upload goes on from what the registry has" {
	breaking CUT "127.0.0.1:$TARGET" sessions cut=3000000,2
	expect 0 carrier push -q --tls-verify=false "$(source_of big)" "127.0.0.1:$CUT/resumed"
	jq -es 'any(.method == "PATCH" and (.range | startswith("3000000-")))' requests >/dev/null || fail "$(cat requests)"
	jq -es 'any(.method == "PATCH" and (.range | startswith("6000000-")))' requests >/dev/null || fail "$(cat requests)"
	# 8 MiB and a small layer and the config; nothing of it twice
	[ "$(jq -s 'map(.bytes) | add' requests)" -lt 11000000 ]
	arrived "$TARGET" resumed big
}

@test "a connection that breaks before a registry that forgets: the upload begins anew" {
	breaking CUT2 "127.0.0.1:$TARGET" cut=2000000,2
	expect 0 carrier push -q --tls-verify=false "$(source_of big)" "127.0.0.1:$CUT2/anew"
	arrived "$TARGET" anew big
}

@test "a connection that breaks always: one sentence, and no name in the registry" {
	breaking CUT3 "127.0.0.1:$TARGET" cut=1000000
	failing 125 "broke off" carrier push -q --tls-verify=false "$(source_of big)" "127.0.0.1:$CUT3/never"
	! raw "$TARGET" never 2>/dev/null || fail "it should have failed"
}

@test "too many requests and errors of the server are tried again, for a while" {
	breaking BUSY "127.0.0.1:$TARGET" status=POST,429,1 status=PUT,503,1 status=HEAD,500,1
	expect 0 carrier push -q --tls-verify=false "$(source_of plain)" "127.0.0.1:$BUSY/busy"
	arrived "$TARGET" busy plain
	breaking BUSY2 "127.0.0.1:$TARGET" status=PUT,500
	failing 125 "status 500" carrier push -q --tls-verify=false "$(source_of plain)" "127.0.0.1:$BUSY2/busy2"
}

@test "places of uploads and redirects on another host get the bytes, and no credentials" {
	LOG=other breaking OTHER "127.0.0.1:$BASIC"
	# the other host has no credentials to show to the registry, so it is asked for them: that is enough to see what came there
	breaking FIRST "127.0.0.1:$BASIC" "absolute=localhost:$OTHER"
	failing 125 denied carrier push -q --tls-verify=false --creds someone:secret "$(source_of plain)" "127.0.0.1:$FIRST/elsewhere"
	jq -es 'length > 0 and all(.authorization == "")' other >/dev/null || fail "$(cat other)"
	jq -es 'any(.method == "POST" and .authorization == "Basic")' requests >/dev/null || fail "$(cat requests)"
	: >other
	LOG=requests breaking SECOND "127.0.0.1:$BASIC" "redirect=localhost:$OTHER"
	failing 125 denied carrier push -q --tls-verify=false --creds someone:secret "$(source_of plain)" "127.0.0.1:$SECOND/elsewhere"
	jq -es 'length > 0 and all(.authorization == "")' other >/dev/null || fail "$(cat other)"
	# and where no credentials are needed, the bytes arrive there
	LOG=other breaking THIRD "127.0.0.1:$TARGET"
	breaking FOURTH "127.0.0.1:$TARGET" "redirect=localhost:$THIRD"
	expect 0 carrier push -q --tls-verify=false "$(source_of plain)" "127.0.0.1:$FOURTH/redirected"
	arrived "$TARGET" redirected plain
	breaking FIFTH "127.0.0.1:$TARGET" "absolute=localhost:$THIRD"
	expect 0 carrier push -q --tls-verify=false "$(source_of plain)" "127.0.0.1:$FIFTH/placed"
	arrived "$TARGET" placed plain
}

@test "a registry with TLS that wants the bytes by plain HTTP does not get them" {
	cat >server.py <<-'PY'
	import http.server, ssl, sys
	class H(http.server.BaseHTTPRequestHandler):
	    def log_message(self, *a): pass
	    def do_HEAD(self):
	        self.send_response(404)
	        self.end_headers()
	    def do_POST(self):
	        self.send_response(202)
	        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
	        self.send_header("Content-Length", "0")
	        self.end_headers()
	s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
	c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
	c.load_cert_chain(sys.argv[1], sys.argv[2])
	s.socket = c.wrap_socket(s.socket, server_side=True)
	print("listening", s.server_port, flush=True)
	s.serve_forever()
	PY
	start_helper PLAINLY python3 "$WORK/server.py" "$CA/server.crt" "$CA/server.key"
	failing 125 "by plain HTTP, where others can read along" carrier push --cert-dir "$CA/certs" "$(source_of plain)" "127.0.0.1:$PLAINLY/x"
}

@test "an unknown image, a wrong destination, an id without one: a sentence each" {
	failing 125 "no image 'nothing:latest' in the store" carrier push --tls-verify=false nothing "$(target x)"
	failing 125 "is not an image name" carrier push --tls-verify=false "$(source_of plain)" "$(target X)"
	failing 125 "is no registry" carrier push --tls-verify=false "$(source_of plain)" oci-archive:/tmp/x.tar
	failing 125 "a digest follows from the content" carrier push --tls-verify=false "$(source_of plain)" "$(target x)@$(digest_of plain)"
	local id
	id=$(carrier images -q --no-trunc "$(source_of plain)")
	failing 125 "give a DESTINATION" carrier push --tls-verify=false "${id:7:12}"
	expect 0 carrier push -q --tls-verify=false "${id:7:12}" "$(target by-id):x"
	same "$(digest_of plain)" "$output"
	# a short name is that of the image which registries.conf makes of it
	printf 'unqualified-search-registries = ["127.0.0.1:%s"]\n' "$REGISTRY" >"$BASE/registries.conf"
	chmod a+r "$BASE/registries.conf"
	expect 0 client env CONTAINERS_REGISTRIES_CONF="$BASE/registries.conf" "$PROGRAM" --root "$CROOT" push -q --tls-verify=false plain
	same "$(digest_of plain)" "$output"
	# pulled by the digest of an index, that is its name: what is pushed is the image that was taken from it
	expect 0 carrier pull -q --tls-verify=false "$(source_of multi)@$(digest_of multi)"
	failing 125 "give a DESTINATION with one" carrier push -q --tls-verify=false "$(source_of multi)@$(digest_of multi)"
	expect 0 carrier push -q --tls-verify=false "$(source_of multi)@$(digest_of multi)" "$(target of-index)"
	same "$(digest_of plain)" "$output"
	failing 125 "is the registry running?" carrier push --tls-verify=false "$(source_of plain)" "127.0.0.1:$(free_port)/x"
}

@test "what the registry does not take, or stores as something else" {
	breaking REFUSES "127.0.0.1:$TARGET" put-manifest=400
	failing 125 "does not take a document of type application/vnd.oci.image.manifest.v1+json (it says: manifest invalid by test)" \
		carrier push -q --tls-verify=false "$(source_of plain)" "127.0.0.1:$REFUSES/x"
	breaking LIES "127.0.0.1:$TARGET" lie
	failing 125 "stored it as sha256:0000" carrier push -q --tls-verify=false "$(source_of plain)" "127.0.0.1:$LIES/x"
	breaking READONLY "127.0.0.1:$TARGET" status=POST,405
	failing 125 read-only carrier push -q --tls-verify=false "$(source_of plain)" "127.0.0.1:$READONLY/y"
	breaking FULL "127.0.0.1:$TARGET" status=PUT,413
	failing 125 "larger than what" carrier push -q --tls-verify=false "$(source_of plain)" "127.0.0.1:$FULL/y"
}

@test "a blob that system prune --blobs has dropped: the registry has to have it" {
	local layer
	layer=$(jq -r '.layers[0].digest' "$IMAGES/blobs/sha256/$(digest_of plain | cut -d: -f2)")
	expect 0 carrier push -q --tls-verify=false "$(source_of plain)" "$(target kept)"
	cp -a "$CROOT/store/blobs" "$BASE/blobs"
	expect 0 carrier system prune --blobs -f
	[ ! -e "$CROOT/store/blobs/sha256/${layer#sha256:}" ]
	expect 0 carrier push -q --tls-verify=false "$(source_of plain)" "$(target kept):again"
	expect 125 carrier push -q --tls-verify=false "$(source_of plain)" "127.0.0.1:$ANONYMOUS/without"
	[[ $stderr == *"$layer is not in the store any more"* ]] || fail "$stderr"
	# the registry has it elsewhere: mounted, as names of the store tell, or where it came from
	expect 0 carrier tag "$(source_of plain)" "$(target kept)"
	expect 0 carrier push -q --tls-verify=false "$(source_of plain)" "$(target other)"
	expect 0 carrier push -q --tls-verify=false "$(source_of plain)" "$(source_of back)"
	rm -rf "$CROOT/store/blobs"
	mv "$BASE/blobs" "$CROOT/store/blobs"
	arrived "$TARGET" other plain
	arrived "$REGISTRY" back plain
	expect 0 carrier rmi "$(target kept)"
}

@test "all tags of a repository; the digest's file" {
	expect 0 carrier tag "$(source_of plain)" "$(target tags):one" "$(target tags):two"
	expect 0 carrier push -q --all-tags --tls-verify=false "$(target tags)"
	same 2 "$(wc -l <<<"$output")"
	same '["one","two"]' "$(skopeo list-tags --tls-verify=false "docker://$(target tags)" | jq -c '.Tags | sort')"
	failing 125 "has to be a repository" carrier push -a --tls-verify=false "$(target tags):one"
	failing 125 "no tag of" carrier push -a --tls-verify=false "$(target nothing)"
	expect 0 carrier rmi "$(target tags):one" "$(target tags):two"
	client mkdir -p "$BASE/home/d" 2>/dev/null || mkdir -p "$BASE/home/d"
	expect 0 carrier push -q --digestfile "$BASE/home/d/digest" --tls-verify=false "$(source_of plain)" "$(target filed)"
	same "$(digest_of plain)" "$(cat "$BASE/home/d/digest")"
}

# pushing_to_stall - a push hangs in the middle; its shell is $SHELL_PID
pushing_to_stall() {
	breaking STALL "127.0.0.1:$TARGET" stall
	client python3 -c 'import os, signal, sys; os.setsid(); signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' \
		"$PROGRAM" --root "$CROOT" push --tls-verify=false "$(source_of big)" "127.0.0.1:$STALL/big" </dev/null >out 2>err 3>&- &
	SHELL_PID=$!
	soon eval '[ "$(requests PUT /blobs/)" -ge 1 ]'
}

@test "Ctrl-C ends a push with 130" {
	local status=0
	pushing_to_stall
	kill -INT -- "-$(ps -o pgid= -p "$(first_process "push .*:$STALL/big")" | tr -d ' ')"
	wait "$SHELL_PID" || status=$?
	same 130 "$status"
	grep -q '^carrier: .*interrupted' err
	soon nothing_runs
	same "" "$(find "$CROOT/store/tmp" -mindepth 1)"
}

@test "kill -9 of a push leaves the store as it was, and the next push works" {
	local before
	before=$(cd "$CROOT/store" && find . -type f -path './blobs/*' -printf '%p %s\n' | sort; cat index.json)
	pushing_to_stall
	kill -9 "$(first_process "push .*:$STALL/big")"
	wait "$SHELL_PID" || true
	soon nothing_runs
	same "$before" "$(cd "$CROOT/store" && find . -type f -path './blobs/*' -printf '%p %s\n' | sort; cat index.json)"
	expect 0 carrier push -q --tls-verify=false "$(source_of big)" "$(target after)"
	arrived "$TARGET" after big
}

@test "on a terminal there are bars, elsewhere lines without escape sequences, or JSON" {
	expect 0 carrier push --progress json --tls-verify=false "$(source_of big)" "$(target json)"
	jq -es 'any(.state == "pushing" and .total > 8000000) and (map(select(.state == "done")) | length == 3)' <<<"$stderr" >/dev/null ||
		fail "$stderr"
	expect 0 carrier push -q --tls-verify=false "$(source_of big)" "$(target none)"
	[ -z "$stderr" ] || fail "$stderr"
	failing 125 "--progress: auto, tty" carrier push --progress x --tls-verify=false "$(source_of big)" "$(target none)"
	expect 0 carrier push --tls-verify=false "$(source_of big)" "$(target lines)"
	[[ $stderr != *$'\e'* && $stderr != *$'\r'* ]] || fail "escape sequences: $stderr"
	expect 0 script -qec "$(declare -p PROGRAM CROOT WHO BASE REGISTRY TARGET >env; declare -f carrier as_user >>env; [ -z "${NAME:-}" ] ||
		declare -p NAME USER_HOME USER_RUN >>env
		echo "bash -c '. ./env; carrier push --tls-verify=false 127.0.0.1:$REGISTRY/big 127.0.0.1:$TARGET/bars'")" /dev/null
	[[ $output == *$'\e'* || $output == *$'\r'* ]] || fail "no bars: $output"
}
