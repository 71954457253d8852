# One set of images behind several doors: plain, with a password, with TLS, with tokens; and a home for credentials. For suites that
# have sourced carrier.bash; their setup_file calls doors_setup_file. registries.conf is $CONF in each test.

# serve NAME ADDRESS [basic] [tls] [client] [cache] - docker-registry over the images of all (cache: over those that it has fetched from the
# first one), at a free port that is put in NAME
serve() {
	local name=$1 address=$2 port dir=$BATS_FILE_TMPDIR/serve-$1 i storage=$REGISTRY_STORAGE
	[[ $* != *cache* ]] || storage=$dir.cache
	port=$(free_port)
	{
		printf 'version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: %s\n' "$storage"
		printf 'http:\n  addr: "%s:%s"\n' "$address" "$port"
		[[ $* != *tls* ]] || printf '  tls:\n    certificate: %s\n    key: %s\n' "$CA/server.crt" "$CA/server.key"
		[[ $* != *client* ]] || printf '    clientcas: [%s]\n' "$CA/ca.crt"
		[[ $* != *cache* ]] || printf 'proxy:\n  remoteurl: http://127.0.0.1:%s\n' "$REGISTRY"
		[[ $* != *basic* ]] || printf 'auth:\n  htpasswd:\n    realm: test\n    path: %s\n' "$BATS_FILE_TMPDIR/users"
	} >"$dir.yml"
	background "serve-$name" env -i PATH="$PATH" docker-registry serve "$dir.yml"
	for ((i = 0; i < 500; i++)); do
		! (exec 3<>"/dev/tcp/${address//[\[\]]/}/$port") 2>/dev/null || break
		sleep 0.02
	done
	printf -v "$name" %s "$port"
	export "${name?}"
}

doors_setup_file() {
	carrier_setup_file
	start_registry REGISTRY
	export REGISTRY_STORAGE
	push plain "$REGISTRY" plain:latest
	push plain "$REGISTRY" library/plain:latest
	push plain "$REGISTRY" org/team/plain:latest
	push big "$REGISTRY" big:latest
	make_ca
	python3 -W ignore -c 'import crypt; print("someone:" + crypt.crypt("secret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))' \
		>"$BATS_FILE_TMPDIR/users"
	serve BASIC 127.0.0.1 basic
	serve SECURE 127.0.0.1 basic tls
	TOKEN_OPTIONS="--user someone:secret --refresh r3fresh" start_registry TOKENS token
	cp -a "$REGISTRY_STORAGE/docker" "$TOKENS_STORAGE/"
	start_helper HUB python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" "search:document=application/json:$BATS_FILE_TMPDIR/search"
	cat >"$BATS_FILE_TMPDIR/search" <<-'JSON'
	{"num_results":3,"results":[{"name":"plain","description":"the plain one\u001b[31m","star_count":1700,"is_official":true,"is_automated":false},
	{"name":"someone/plain","description":"","star_count":3,"is_official":false,"is_automated":true},
	{"name":"x/plain","description":"a description that is longer than what has room in a line of a table","star_count":0,"is_official":false,"is_automated":false}]}
	JSON
	helper_program >"$BASE/bin/docker-credential-test"
	chmod 755 "$BASE/bin/docker-credential-test"
	if [ "$WHO" = user ]; then TEST_HOME=$USER_HOME; else TEST_HOME=$BASE/home; mkdir "$TEST_HOME"; fi
	export TEST_HOME
}

# a keyring that is a file; what it is called with is in ~/helper.log
helper_program() {
	cat <<-'PY'
	#!/usr/bin/env python3
	import json, os, sys
	home, given = os.environ["HOME"], sys.stdin.read()
	store = home + "/keyring"
	known = json.load(open(store)) if os.path.exists(store) else {}
	with open(home + "/helper.log", "a") as f:
	    f.write(json.dumps({"argv": sys.argv[1:], "uid": os.getuid(), "userns": os.readlink("/proc/self/ns/user")}) + "\n")
	verb = sys.argv[1]
	if verb == "get" and given in known:
	    print(json.dumps({"ServerURL": given, "Username": known[given][0], "Secret": known[given][1]}))
	elif verb == "get" and given == "broken.example.com":
	    sys.exit("the keyring is on fire") if print("locked: ask your administrator") else sys.exit(3)
	elif verb == "store":
	    d = json.loads(given)
	    known[d["ServerURL"]] = [d["Username"], d["Secret"]]
	elif verb == "erase" and given in known:
	    del known[given]
	elif verb == "list":
	    print(json.dumps({k: v[0] for k, v in known.items()}))
	else:
	    print("credentials not found in native keychain")
	    sys.exit(1)
	os.umask(0o077)
	json.dump(known, open(store, "w"))
	PY
}

prepare() {
	rm -rf "$CROOT" "$TEST_HOME"/.docker "$TEST_HOME"/.config "$TEST_HOME"/.cache "$TEST_HOME"/keyring "$TEST_HOME"/helper.log "$TEST_HOME"/auth.json
	CONF=$WORK/registries.conf
	: >"$CONF"
}

# run_with [NAME=VALUE...] ARGS... - carrier with a home of the test's own and these variables
run_with() {
	local env=() root=()
	while [[ $1 =~ ^[A-Za-z_]+= ]]; do
		env+=("$1")
		shift
	done
	[ "$WHO" = user ] || root=(--root "$CROOT")
	client env -u XDG_CONFIG_HOME -u DOCKER_CONFIG -u REGISTRY_AUTH_FILE -u XDG_DATA_HOME HOME="$TEST_HOME" PATH="$BASE/bin:$PATH" \
		CONTAINERS_REGISTRIES_CONF="$CONF" ${USER_RUN:+XDG_RUNTIME_DIR="$USER_RUN"} "${env[@]}" "$PROGRAM" "${root[@]}" "$@"
}

# as_client COMMAND... - in the home
as_client() { client env HOME="$TEST_HOME" "$@"; }

pulled() { carrier images -q | grep -q .; }
forget() { rm -rf "$CROOT"; }
log_in() { run_with login --tls-verify=false -u someone --password-stdin "$@" <<<secret; }
auth_of() { printf '{"auths":{"%s":{"auth":"%s"}}}' "$1" "$(printf %s "$2" | base64 -w0)"; }
requests() { [ ! -e "$1" ] || jq -r "${2:-.path}" "$1"; }
