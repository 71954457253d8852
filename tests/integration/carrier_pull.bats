# carrier pull, of what is well: from registries plain, with TLS and with tokens. WHO=root or user.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	carrier_setup_file
	start_registry REGISTRY
	start_registry SECURE tls
	TOKEN_OPTIONS="--user someone:secret" start_registry TOKENS_ASKED token
	push debian "$REGISTRY" debian:latest
	push debian "$REGISTRY" docker:latest --format v2s2
	push plain "$REGISTRY" plain:latest
	push multi "$REGISTRY" multi:latest --all
	push foreign "$REGISTRY" foreign:latest
	push big "$REGISTRY" big:latest
	push plain "$SECURE" plain:latest --dest-cert-dir "$CA/certs" --dest-tls-verify=true
	push plain "$TOKENS_ASKED" plain:latest --dest-creds someone:secret
	TOKEN_OPTIONS="" start_registry ANONYMOUS token
	push plain "$ANONYMOUS" plain:latest
	TOKEN_ISSUER=another start_registry MISTRUSTED token
}

teardown_file() { carrier_teardown_file; }

# every test starts with nothing in the store
prepare() { soon rm -rf "$CROOT"; }	# the monitor of a container that has ended may still be at it

image_count() { carrier images -q | sort -u | grep -c .; }

@test "an image of four layers is pulled by tag, and is listed" {
	expect 0 carrier pull --tls-verify=false "127.0.0.1:$REGISTRY/debian:latest"
	expect 0 carrier images
	says "127.0.0.1:$REGISTRY/debian"
	same 1 "$(image_count)"
	expect 0 carrier run --rm --network none "127.0.0.1:$REGISTRY/debian" cat /tmp/x /lib/y /srv/opaque/upper
	prints $'implicit\nthrough the link\nupper'
}

@test "latest is the tag when none is given" {
	expect 0 pull plain
	expect 0 carrier run --rm --network none "127.0.0.1:$REGISTRY/plain:latest" echo found
	prints found
}

@test "a manifest of docker's kind is pulled" {
	expect 0 pull docker
	expect 0 carrier run --rm --network none "127.0.0.1:$REGISTRY/docker" bash -c 'echo $BASH_VERSION | head -c 1'
	prints 5
}

@test "an image is pulled by digest, and has that digest" {
	local digest
	digest=$(digest_of debian)
	expect 0 carrier pull --tls-verify=false "127.0.0.1:$REGISTRY/debian@$digest"
	expect 0 carrier inspect "127.0.0.1:$REGISTRY/debian@$digest"
	says "$digest"
}

@test "the second pull says what exists, and fetches no layer" {
	local before after
	start_helper WATCHED python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/requests"
	expect 0 carrier pull --tls-verify=false "127.0.0.1:$WATCHED/big"
	grep -q /blobs/ requests
	: >requests
	before=$(find "$CROOT/store/layers" -maxdepth 2 -printf '%p %i\n' | sort)
	expect 0 carrier pull --tls-verify=false "127.0.0.1:$WATCHED/big"
	says exists
	! grep /blobs/ requests || fail "it should have failed"
	after=$(find "$CROOT/store/layers" -maxdepth 2 -printf '%p %i\n' | sort)
	same "$before" "$after"
}

@test "layers that two images share are stored once" {
	expect 0 pull plain
	local before
	before=$(find "$CROOT/store/layers/sha256" -mindepth 1 -maxdepth 1 | wc -l)
	expect 0 pull big
	same "$((before + 1))" "$(find "$CROOT/store/layers/sha256" -mindepth 1 -maxdepth 1 | wc -l)"
}

@test "of an index, this machine's platform is taken" {
	expect 0 pull multi
	expect 0 carrier run --rm --network none "127.0.0.1:$REGISTRY/multi" echo native
	prints native
}

@test "of an index, another platform is taken when asked for" {
	expect 0 carrier pull -q --platform linux/s390x --tls-verify=false "127.0.0.1:$REGISTRY/multi"
	expect 0 carrier inspect "127.0.0.1:$REGISTRY/multi"
	says s390x
}

@test "a platform that the index has not: those that there are, are named" {
	failing 125 s390x carrier pull --platform linux/mips64le --tls-verify=false "127.0.0.1:$REGISTRY/multi"
	same 0 "$(image_count)"
}

@test "an image of another platform alone is not pulled by mistake" {
	failing 125 s390x carrier pull --tls-verify=false "127.0.0.1:$REGISTRY/foreign"
	same 0 "$(image_count)"
}

@test "over TLS, with the CA's directory" {
	expect 0 carrier pull --cert-dir "$CA/certs" "127.0.0.1:$SECURE/plain"
	same 1 "$(image_count)"
}

@test "over TLS, without the CA: the sentence says that the certificate is not trusted" {
	failing 125 certificate carrier pull "127.0.0.1:$SECURE/plain"
	same 0 "$(image_count)"
}

@test "over TLS, unverified when asked for" {
	expect 0 carrier pull --tls-verify=false "127.0.0.1:$SECURE/plain"
	same 1 "$(image_count)"
}

@test "plain HTTP is not spoken unless asked for" {
	failing 125 --tls-verify=false carrier pull "127.0.0.1:$REGISTRY/plain"
	same 0 "$(image_count)"
}

@test "an anonymous token is fetched where WWW-Authenticate says" {
	: >"$BATS_FILE_TMPDIR/tokens.log"
	expect 0 carrier pull -q --tls-verify=false "127.0.0.1:$ANONYMOUS/plain"
	same '["repository:plain:pull"]' "$(jq -c .scope "$BATS_FILE_TMPDIR/tokens.log" | sort -u)"
}

@test "without credentials where they are needed: denied, and nothing is left" {
	failing 125 denied carrier pull --tls-verify=false "127.0.0.1:$TOKENS_ASKED/plain"
	same 0 "$(image_count)"
}

@test "a token that the registry does not accept: denied, and nothing is left" {
	failing 125 denied carrier pull --tls-verify=false "127.0.0.1:$MISTRUSTED/plain"
	same 0 "$(image_count)"
}

@test "a pull of what was interrupted by kill -9 works, and leaves nothing unfinished" {
	local shell
	start_helper SLOW python3 "$TESTS/stallproxy.py" "127.0.0.1:$REGISTRY"
	carrier pull -q --tls-verify=false "127.0.0.1:$SLOW/big" </dev/null >out 2>err 3>&- &
	shell=$!
	soon eval '[ -n "$(find "$CROOT/store/tmp" -mindepth 1 -maxdepth 1)" ]'
	kill -9 "$(first_process "pull .*:$SLOW/big")"
	wait "$shell" || true
	soon nothing_runs
	expect 0 carrier pull -q --tls-verify=false "127.0.0.1:$REGISTRY/big"
	expect 0 carrier run --rm --network none "127.0.0.1:$REGISTRY/big" wc -c /random
	prints "8388608 /random"
}

@test "a transfer that breaks off goes on where it was cut" {
	start_helper CUT python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/requests" cut=3000000
	expect 0 carrier pull -q --tls-verify=false "127.0.0.1:$CUT/big"
	jq -es 'any(.range == "bytes=3000000-")' requests >/dev/null || fail "$(cat requests)"
}

@test "Ctrl-C ends a pull with 130, and the store has nothing but what is kept for the next one" {
	local shell status=0
	start_helper SLOW2 python3 "$TESTS/stallproxy.py" "127.0.0.1:$REGISTRY"
	# a process group of its own, as a terminal's foreground has; and a shell starts background jobs with SIGINT ignored
	client python3 -c 'import os, signal, sys; os.setsid(); signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' \
		"$PROGRAM" --root "$CROOT" pull --tls-verify=false "127.0.0.1:$SLOW2/big" </dev/null >out 2>err 3>&- &
	shell=$!
	soon eval '[ -n "$(find "$CROOT/store/tmp" -mindepth 1 -maxdepth 1)" ]'
	kill -INT -- "-$(ps -o pgid= -p "$(first_process "pull .*:$SLOW2/big")" | tr -d ' ')"
	wait "$shell" || status=$?
	same 130 "$status"
	soon nothing_runs
	same "" "$(find "$CROOT/store/blobs/sha256" "$CROOT/store/layers/sha256" -mindepth 1)"
	same "" "$(find "$CROOT/store/tmp" -mindepth 2 ! -name blob ! -name lock)"
	same 0 "$(image_count)"
	expect 0 pull big
}

@test "two pulls of the same image at once both succeed" {
	local one two
	carrier pull -q --tls-verify=false "127.0.0.1:$REGISTRY/big" </dev/null >one 2>&1 3>&- &
	one=$!
	carrier pull -q --tls-verify=false "127.0.0.1:$REGISTRY/big" </dev/null >two 2>&1 3>&- &
	two=$!
	wait "$one" || fail "the first: $(cat one)"
	wait "$two" || fail "the second: $(cat two)"
	same 1 "$(image_count)"
}

@test "on a terminal there are bars, elsewhere lines without escape sequences" {
	expect 0 carrier pull --tls-verify=false "127.0.0.1:$REGISTRY/big"
	[[ $stderr != *$'\e'* && $stderr != *$'\r'* ]] || fail "escape sequences: $stderr"
	expect 0 carrier rmi "127.0.0.1:$REGISTRY/big"
	expect 0 script -qec "$(declare -p PROGRAM CROOT WHO BASE REGISTRY >env; declare -f carrier as_user >>env; [ -z "${NAME:-}" ] ||
		declare -p NAME USER_HOME USER_RUN >>env; echo "bash -c '. ./env; carrier pull --tls-verify=false 127.0.0.1:$REGISTRY/big'")" /dev/null
	[[ $output == *$'\e'* || $output == *$'\r'* ]] || fail "no bars: $output"
}

@test "rmi of the only name removes blobs, layers and chains" {
	expect 0 pull debian
	expect 0 carrier rmi "127.0.0.1:$REGISTRY/debian"
	same "" "$(find "$CROOT"/store/{blobs,layers}/sha256 "$CROOT/store/chains" -mindepth 1)"
	same 0 "$(image_count)"
}
