# carrier push, tag, untag, rmi, history, image ..., manifest ...: what goes out of the store, and what is said of what is in it.
# WHO=root or user.
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
	start_helper WATCHED python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$TARGET" --log "$WORK/requests"
	expect 0 carrier tag "$(source_of plain)" "127.0.0.1:$WATCHED/first" "127.0.0.1:$WATCHED/second"
	expect 0 carrier push --tls-verify=false "127.0.0.1:$WATCHED/first"
	same 2 "$(jq -r 'select(.method == "PUT" and (.path | contains("/blobs/"))).path' requests | wc -l)"
	: >requests
	expect 0 carrier push --tls-verify=false "127.0.0.1:$WATCHED/first"
	same 0 "$(jq -r 'select(.method == "POST").path' requests | wc -l)"
	same 1 "$(jq -r 'select(.method == "PUT").path' requests | wc -l)"
	: >requests
	expect 0 carrier push --tls-verify=false "127.0.0.1:$WATCHED/second"
	says mounted
	same 0 "$(jq -r 'select(.method == "PUT" and (.path | contains("/blobs/"))).path' requests | wc -l)"
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
	failing 125 "carrier login 127.0.0.1:$BASIC" carrier push --tls-verify=false "$(source_of plain)" "127.0.0.1:$BASIC/plain"
}
