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
