# Registries: who we are to them, which of them are asked, and what they may do to us. WHO=root or user.
#
# One set of images behind several doors: plain, with a password, with TLS, with tokens, on IPv6, behind HTTP/2. Credentials are in
# the test's own home; registries.conf is $CONF.
source "${BATS_TEST_DIRNAME}/carrier.bash"

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

setup_file() {
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
	serve SIX '[::1]'
	TOKEN_OPTIONS="--user someone:secret --refresh r3fresh" start_registry TOKENS token
	cp -a "$REGISTRY_STORAGE/docker" "$TOKENS_STORAGE/"
	start_helper HUB python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" "search:document=application/json:$BATS_FILE_TMPDIR/search"
	cat >"$BATS_FILE_TMPDIR/search" <<-'JSON'
	{"num_results":3,"results":[{"name":"plain","description":"the plain one\u001b[31m","star_count":1700,"is_official":true,"is_automated":false},
	{"name":"someone/plain","description":"","star_count":3,"is_official":false,"is_automated":true},
	{"name":"x/plain","description":"z","star_count":0,"is_official":false,"is_automated":false}]}
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

teardown_file() { carrier_teardown_file; }

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

@test "login shows what it is given to the registry, and keeps it in a file of mode 0600 that docker and podman read" {
	failing 125 "does not accept this user and password" run_with login --tls-verify=false -u someone --password-stdin "127.0.0.1:$BASIC" <<<wrong
	[ ! -e "$TEST_HOME/.docker/config.json" ]
	expect 0 log_in "127.0.0.1:$BASIC"
	prints "Login Succeeded"
	same "600" "$(stat -c %a "$TEST_HOME/.docker/config.json")"
	same "someone:secret" "$(jq -r ".auths[\"127.0.0.1:$BASIC\"].auth" "$TEST_HOME/.docker/config.json" | base64 -d)"
	expect 0 run_with login --get-login "127.0.0.1:$BASIC"
	prints someone
	expect 0 run_with pull -q --tls-verify=false "127.0.0.1:$BASIC/plain"
	expect 0 as_client skopeo inspect --tls-verify=false --authfile "$TEST_HOME/.docker/config.json" "docker://127.0.0.1:$BASIC/plain"
	expect 0 run_with login --tls-verify=false "127.0.0.1:$BASIC"
	says "Already logged in"
	expect 0 run_with logout "127.0.0.1:$BASIC"
	says "Removed the credentials"
	expect 0 run_with logout "127.0.0.1:$BASIC"
	says "Not logged in"
	forget
	failing 125 "wants credentials" run_with pull -q --tls-verify=false "127.0.0.1:$BASIC/plain"
}

@test "what podman and docker have written is read; what else they hold there stays" {
	as_client mkdir -p "$TEST_HOME/.config/containers" "$TEST_HOME/.docker"
	expect 0 as_client skopeo login --tls-verify=false --authfile "$TEST_HOME/.config/containers/auth.json" -u someone -p secret "127.0.0.1:$BASIC"
	expect 0 run_with pull -q --tls-verify=false "127.0.0.1:$BASIC/plain"
	as_client tee "$TEST_HOME/.docker/config.json" <<<'{"HttpHeaders":{"A":"b"},"auths":{"other.io":{"auth":"YTpi","email":"x"}},"psFormat":"{{.ID}}"}' >/dev/null
	# where the registry is known already, it is kept
	expect 0 log_in "127.0.0.1:$BASIC"
	jq -e '.auths | keys == ["other.io"]' "$TEST_HOME/.docker/config.json"
	expect 0 log_in "127.0.0.1:$TOKENS"
	jq -e '.HttpHeaders.A == "b" and .psFormat == "{{.ID}}" and .auths["other.io"].email == "x" and (.auths | length) == 2' "$TEST_HOME/.docker/config.json"
	expect 0 run_with logout --all
	same "{}{}" "$(jq -c .auths "$TEST_HOME/.docker/config.json" "$TEST_HOME/.config/containers/auth.json" | tr -d '\n')"
	failing 125 "no JSON of the expected form" run_with REGISTRY_AUTH_FILE=/etc/hostname pull "127.0.0.1:$BASIC/plain"
	failing 125 "--authfile '$WORK/missing'" run_with pull --authfile "$WORK/missing" "127.0.0.1:$BASIC/plain"
}

@test "credentials for a path are for what is below it, and the longest path counts" {
	auth_of "127.0.0.1:$BASIC/org" someone:secret >"$WORK/auth.json"
	expect 0 run_with pull -q --tls-verify=false --authfile "$WORK/auth.json" "127.0.0.1:$BASIC/org/team/plain"
	failing 125 "wants credentials" run_with pull -q --tls-verify=false --authfile "$WORK/auth.json" "127.0.0.1:$BASIC/plain"
	jq -n --arg a "127.0.0.1:$BASIC/org" --arg b "127.0.0.1:$BASIC/org/team/plain" '{auths: {($a): {auth: "c29tZW9uZTpzZWNyZXQ="}, ($b): {auth: "YTpi"}}}' >"$WORK/auth.json"
	forget
	failing 125 "does not accept these credentials" run_with pull -q --tls-verify=false --authfile "$WORK/auth.json" "127.0.0.1:$BASIC/org/team/plain"
}

@test "--creds, and login of a token server; a wrong answer is one sentence" {
	expect 0 run_with pull -q --tls-verify=false --creds someone:secret "127.0.0.1:$BASIC/plain"
	expect 0 run_with pull -q --tls-verify=false --creds someone:secret "127.0.0.1:$TOKENS/plain"
	failing 125 "does not accept these credentials" run_with pull -q --tls-verify=false --creds someone:wrong "127.0.0.1:$TOKENS/plain"
	failing 125 "give USER:PASSWORD" run_with pull -q --creds :x "127.0.0.1:$BASIC/plain"
	failing 125 "does not accept this user" run_with login --tls-verify=false -u someone --password-stdin "127.0.0.1:$TOKENS" <<<wrong
	expect 0 log_in "127.0.0.1:$TOKENS"
	expect 0 run_with pull -q --tls-verify=false "127.0.0.1:$TOKENS/plain"
	failing 125 "no terminal" run_with login --tls-verify=false "127.0.0.1:$BASIC"
	failing 125 "needs --username" run_with login --password-stdin "127.0.0.1:$BASIC" <<<secret
	failing 125 "is empty" run_with login -u someone --password-stdin "127.0.0.1:$BASIC" </dev/null
	failing 125 "is not a registry" run_with login -u someone --password-stdin nodot <<<x
	failing 125 "not logged in" run_with login --get-login quay.io
	failing 125 "is the registry running" run_with login --tls-verify=false -u someone --password-stdin "127.0.0.1:1" <<<secret
}

@test "the password is asked for on a terminal, without echo" {
	declare -f run_with client as_user >env
	declare -p PROGRAM CROOT WHO BASE TEST_HOME CONF PATH >>env
	[ -z "${NAME:-}" ] || declare -p NAME USER_HOME USER_RUN >>env
	expect 0 python3 - "127.0.0.1:$BASIC" <<-'PY'
	import os, pty, sys
	pid, fd = pty.fork()
	if pid == 0:
	    os.execvp("bash", ["bash", "-c", ". ./env; run_with login --tls-verify=false " + sys.argv[1]])
	seen = b""
	def until(text):
	    global seen
	    while text not in seen:
	        seen += os.read(fd, 1000)
	until(b"Username: "); os.write(fd, b"someone\n")
	until(b"Password: "); os.write(fd, b"secret\n")
	try:
	    until(b"Login Succeeded")
	    while True:
	        more = os.read(fd, 1000)
	        if not more:
	            break
	        seen += more
	except OSError:
	    pass
	assert b"secret" not in seen, seen
	sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	PY
}

@test "credHelpers and credsStore are executed by carrier itself, with nothing in their arguments" {
	as_client mkdir -p "$TEST_HOME/.docker"
	as_client tee "$TEST_HOME/.docker/config.json" <<<'{"credsStore":"test"}' >/dev/null
	expect 0 log_in "127.0.0.1:$BASIC"
	same secret "$(jq -r '.[][1]' "$TEST_HOME/keyring")"
	! grep -q "secret\|c29tZW9uZTpzZWNyZXQ" "$TEST_HOME/.docker/config.json"
	expect 0 run_with pull -q --tls-verify=false "127.0.0.1:$BASIC/plain"
	# in the caller's own namespace, not in the one that unpacks
	same "$(client readlink /proc/self/ns/user)" "$(jq -r .userns "$TEST_HOME/helper.log" | sort -u)"
	same '["get"]["store"]' "$(jq -c .argv "$TEST_HOME/helper.log" | sort -u | tr -d '\n')"
	expect 0 run_with logout "127.0.0.1:$BASIC"
	same "{}" "$(jq -c . "$TEST_HOME/keyring")"
	# an identity token in the keyring
	printf '{"127.0.0.1:%s":["<token>","r3fresh"]}' "$TOKENS" | as_client tee "$TEST_HOME/keyring" >/dev/null
	as_client tee "$TEST_HOME/.docker/config.json" <<<"{\"credHelpers\":{\"127.0.0.1:$TOKENS\":\"test\",\"broken.example.com\":\"test\",\"gone.example.com\":\"none\",\"odd.example.com\":\"../x\"}}" >/dev/null
	forget
	: >"$BATS_FILE_TMPDIR/tokens.log"
	expect 0 run_with pull -q --tls-verify=false "127.0.0.1:$TOKENS/plain"
	jq -es 'any(.method == "POST" and .right and .path == "/token" and .client == ["carrier"] and .scope == ["repository:plain:pull"])' "$BATS_FILE_TMPDIR/tokens.log" ||
		fail "$(cat "$BATS_FILE_TMPDIR/tokens.log")"
	failing 125 "failed with exit code 3: locked: ask your administrator" run_with pull broken.example.com/x
	failing 125 "'docker-credential-none' is not in PATH" run_with pull gone.example.com/x
	failing 125 "a name of letters" run_with pull odd.example.com/x
	# registries.conf may name them, too
	echo 'credential-helpers = ["containers-auth.json", "test"]' >"$CONF"
	rm "$TEST_HOME/.docker/config.json"
	forget
	expect 0 run_with pull -q --tls-verify=false "127.0.0.1:$TOKENS/plain"
}

@test "an identity token in the file is exchanged by POST" {
	jq -n --arg r "127.0.0.1:$TOKENS" '{auths: {($r): {auth: "c29tZW9uZTo=", identitytoken: "r3fresh"}}}' >"$WORK/auth.json"
	expect 0 run_with pull -q --tls-verify=false --authfile "$WORK/auth.json" "127.0.0.1:$TOKENS/plain"
	jq -n --arg r "127.0.0.1:$TOKENS" '{auths: {($r): {identitytoken: "stale"}}}' >"$WORK/auth.json"
	failing 125 "does not accept these credentials (it says: invalid refresh token)" \
		run_with pull -q --tls-verify=false --authfile "$WORK/auth.json" "127.0.0.1:$TOKENS/plain"
}

@test "secrets are in no argument, environment, log, record or core file" {
	local pid shell
	start_helper SLOW_LOGIN python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$BASIC" any:pause=3000
	run_with --log-level debug login --tls-verify=false -u someone -p s3cr3tword "127.0.0.1:$SLOW_LOGIN" </dev/null >out 2>err 3>&- &
	shell=$!
	soon eval '[ -n "$(pgrep -f "carrier-fetch")" ] && pgrep -f "login .*:$SLOW_LOGIN" >/dev/null'
	for pid in $(processes); do
		! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -v '^bash' | grep s3cr3tword
		[ "$(readlink "/proc/$pid/exe")" != "$BASE/bin/carrier-fetch" ] || ! tr '\0' '\n' <"/proc/$pid/environ" | grep s3cr3tword
	done
	wait "$shell" || true
	! grep s3cr3tword out err
	grep -q "can be read by others" err
	expect 0 run_with --log-level debug pull -q --tls-verify=false --creds someone:secret "127.0.0.1:$BASIC/plain"
	[[ $stderr == *"user 'someone'"* && $stderr != *secret* ]] || fail "$stderr"
	expect 0 run_with inspect "127.0.0.1:$BASIC/plain"
	[[ $output != *secret* && $output != *someone* ]]
	! grep -rq "secret\|c29tZW9uZTpzZWNyZXQ" "$CROOT" --include='*.json' --include=index.json
}

@test "registries.conf: blocked, insecure, another location, aliases and short names" {
	cat >"$CONF" <<-TOML
	unqualified-search-registries = ["127.0.0.1:1", "127.0.0.1:$REGISTRY"]
	[[registry]]
	location = "127.0.0.1:$REGISTRY"
	insecure = true
	[[registry]]
	location = "127.0.0.1:1"
	insecure = true
	[[registry]]
	prefix = "bad.example.com/evil"
	location = "bad.example.com/evil"
	blocked = true
	[[registry]]
	prefix = "far.example.com/near"
	location = "127.0.0.1:$REGISTRY/org"
	insecure = true
	[[registry]]
	prefix = "docker.io"
	location = "127.0.0.1:$REGISTRY"
	insecure = true
	[aliases]
	"mine" = "127.0.0.1:$REGISTRY/org/team/plain"
	TOML
	failing 125 "is blocked by $CONF" run_with pull bad.example.com/evil/x
	expect 0 run_with pull -q "127.0.0.1:$REGISTRY/plain"
	expect 0 run_with pull -q far.example.com/near/team/plain
	expect 0 run_with images
	says far.example.com/near/team/plain
	expect 0 run_with pull -q mine
	expect 0 run_with pull -q docker.io/plain
	forget
	# permissive: one after the other
	expect 0 run_with pull -q plain
	expect 0 run_with images
	says "127.0.0.1:$REGISTRY/plain"
	failing 125 "pull 127.0.0.1:$REGISTRY/nothing" run_with pull -q nothing
	failing 125 "--creds are for one registry" run_with pull -q --creds someone:secret plain
	sed -i '1i short-name-mode = "enforcing"' "$CONF"
	failing 125 "may be any of 127.0.0.1:1/plain:latest, 127.0.0.1:$REGISTRY/plain:latest; give the whole name" run_with pull -q plain
	# on the command line it counts more
	failing 125 "speaks plain HTTP" run_with pull -q --tls-verify=true "127.0.0.1:$REGISTRY/plain"
	sed -i 's/insecure = true/insecure = "yes"/' "$CONF"
	failing 125 "$CONF, line 5: insecure is a string; expected is true or false" run_with pull plain
	echo 'x = ' >"$CONF"
	failing 125 "$CONF: line 1: '' is no value" run_with pull plain
	failing 125 "open '/nowhere'" run_with CONTAINERS_REGISTRIES_CONF=/nowhere pull plain
}

@test "mirrors are asked in order, and the registry itself last; a blob goes on where a mirror broke off" {
	start_helper CUTTING python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/cutting.log" cut=3000000 dies
	start_helper BROKEN python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/broken.log" any:status=418
	start_helper LAST python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/last.log"
	cat >"$CONF" <<-TOML
	[[registry]]
	prefix = "far.example.com"
	location = "127.0.0.1:$LAST"
	insecure = true
	[[registry.mirror]]
	location = "127.0.0.1:1"
	insecure = true
	[[registry.mirror]]
	location = "127.0.0.1:$BROKEN"
	insecure = true
	[[registry.mirror]]
	location = "127.0.0.1:$CUTTING"
	insecure = true
	TOML
	expect 0 run_with pull -q far.example.com/big
	[ -n "$(requests broken.log)" ]
	requests cutting.log | grep -q /manifests/
	! requests last.log | grep /manifests/
	requests last.log '.range // empty' | grep -q '^bytes=3000000-$'
	expect 0 run_with run --rm --network none far.example.com/big wc -c /random
	prints "8388608 /random"
	# by tag from where tags are allowed
	forget
	: >last.log
	: >cutting.log
	sed -i '/^\[\[registry.mirror/a pull-from-mirror = "digest-only"' "$CONF"
	expect 0 run_with pull -q far.example.com/plain
	requests last.log | grep -q /manifests/
	same "" "$(requests cutting.log)"
	# a mirror as they are most often: a registry that fetches what it has not
	serve CACHE 127.0.0.1 cache
	printf '[[registry]]\nlocation = "far.example.com"\n[[registry.mirror]]\nlocation = "127.0.0.1:%s"\ninsecure = true\n' "$CACHE" >"$WORK/cached.conf"
	forget
	expect 0 run_with CONTAINERS_REGISTRIES_CONF="$WORK/cached.conf" pull -q far.example.com/big
	[ -n "$(find "$BATS_FILE_TMPDIR/serve-CACHE.cache" -path '*/blobs/*' -type f)" ]
	# nobody has it: the registry's own sentence, and the mirror's behind it
	failing 125 "before that, of a mirror: " run_with pull "far.example.com/plain@sha256:$(printf '0%.0s' {1..64})"
	says "has no image 'plain'"
}

@test "IPv6: an address in brackets is a registry" {
	expect 0 run_with pull -q --tls-verify=false "[::1]:$SIX/plain"
	expect 0 run_with images
	says "[::1]:$SIX/plain"
	expect 0 run_with run --rm --network none "[::1]:$SIX/plain" echo six
	prints six
}

@test "certs.d: every *.crt is a CA, *.cert with *.key is shown; a cert without its key is named" {
	local dir=$TEST_HOME/.config/containers/certs.d/127.0.0.1:$SECURE
	serve ASKING 127.0.0.1 tls client
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=another' -keyout "$WORK/k" -out "$WORK/another.crt" 2>/dev/null
	openssl req -newkey rsa:2048 -nodes -subj '/CN=client' -keyout "$WORK/me.key" -out "$WORK/me.csr" 2>/dev/null
	openssl x509 -req -in "$WORK/me.csr" -CA "$CA/ca.crt" -CAkey "$CA/ca.key" -CAcreateserial -days 2 -out "$WORK/me.cert" 2>/dev/null
	chmod a+r "$WORK/me.key"
	failing 125 "certs.d" run_with pull -q --creds someone:secret "127.0.0.1:$SECURE/plain"
	as_client mkdir -p "$dir"
	client cp "$WORK/another.crt" "$dir/a.crt"
	client cp "$CA/certs/ca.crt" "$dir/z.crt"
	expect 0 run_with pull -q --creds someone:secret "127.0.0.1:$SECURE/plain"
	failing 125 "from 127.0.0.1:$ASKING" run_with pull -q --cert-dir "$dir" "127.0.0.1:$ASKING/plain"
	client cp "$WORK/me.cert" "$WORK/me.key" "$dir/"
	expect 0 run_with pull -q --cert-dir "$dir" "127.0.0.1:$ASKING/plain"
	rm "$dir/me.key"
	failing 125 "me.cert': its key" run_with pull -q --cert-dir "$dir" "127.0.0.1:$ASKING/plain"
}

@test "HTTP/2 is spoken with a registry that offers it" {
	local port
	port=$(free_port)
	cat >"$BATS_FILE_TMPDIR/nginx.conf" <<-NGINX
	daemon off; master_process off; pid $BATS_FILE_TMPDIR/nginx.pid; error_log stderr;
	events {}
	http {
		log_format mine '\$server_protocol \$request_uri'; access_log $BATS_FILE_TMPDIR/nginx.log mine;
		client_body_temp_path $BATS_FILE_TMPDIR; proxy_temp_path $BATS_FILE_TMPDIR; fastcgi_temp_path $BATS_FILE_TMPDIR;
		uwsgi_temp_path $BATS_FILE_TMPDIR; scgi_temp_path $BATS_FILE_TMPDIR;
		server {
			listen 127.0.0.1:$port ssl http2; ssl_certificate $CA/server.crt; ssl_certificate_key $CA/server.key;
			location / { proxy_pass http://127.0.0.1:$REGISTRY; proxy_set_header Host \$http_host; proxy_buffering off; }
		}
	}
	NGINX
	background nginx nginx -c "$BATS_FILE_TMPDIR/nginx.conf"
	soon listens "$port" || fail "$(cat "$BATS_FILE_TMPDIR/nginx.err")"
	expect 0 run_with pull -q --cert-dir "$CA/certs" "127.0.0.1:$port/big"
	soon grep -q '^HTTP/2.0 .*/manifests/' "$BATS_FILE_TMPDIR/nginx.log" || fail "$(cat "$BATS_FILE_TMPDIR/nginx.log")"
	expect 0 run_with run --rm --network none "127.0.0.1:$port/big" wc -c /random
	prints "8388608 /random"
}

@test "proxies: http_proxy, HTTPS_PROXY with a password, no_proxy" {
	start_helper FORWARD python3 "$TESTS/forwardproxy.py" --log "$WORK/forward.log"
	start_helper GUARDED python3 "$TESTS/forwardproxy.py" --user u:pw --log "$WORK/guarded.log"
	expect 0 run_with http_proxy="http://127.0.0.1:$FORWARD" pull -q --tls-verify=false "127.0.0.1:$REGISTRY/plain"
	requests forward.log .target | grep -q "^http://127.0.0.1:$REGISTRY/v2/plain/blobs/" || fail "$(cat forward.log)"
	forget
	: >forward.log
	expect 0 run_with HTTP_PROXY="http://127.0.0.1:$FORWARD" no_proxy=127.0.0.1,example.com pull -q --tls-verify=false "127.0.0.1:$REGISTRY/plain"
	same "" "$(requests forward.log .target)"
	forget
	expect 0 run_with HTTPS_PROXY="http://u:pw@127.0.0.1:$GUARDED" pull -q --cert-dir "$CA/certs" --creds someone:secret "127.0.0.1:$SECURE/plain"
	same "CONNECT false 127.0.0.1:$SECURE" "$(requests guarded.log '"\(.method) \(.seen) \(.target)"' | sort -u)"
	failing 125 "proxy wants credentials" run_with http_proxy="http://127.0.0.1:$GUARDED" pull -q --tls-verify=false "127.0.0.1:$REGISTRY/big"
	failing 125 "connect to" run_with https_proxy="http://127.0.0.1:1" pull -q --cert-dir "$CA/certs" "127.0.0.1:$SECURE/big"
}

# The challenges of registries that we cannot reach from here, as their documentation and their answers have them.
@test "challenges as the large registries send them" {
	local challenge
	while read -r challenge; do
		forget
		start_helper QUIRK python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$TOKENS" "any:challenge=$challenge"
		expect 0 run_with pull -q --tls-verify=false --creds someone:secret "127.0.0.1:$QUIRK/plain"
		pulled || fail "$challenge"
	done <<-'END'
	Bearer realm="{realm}",service="{service}",scope="{scope}"
	bearer Realm="{realm}", Service="{service}", Scope="{scope}", error="invalid_token"
	Bearer service={service},realm="{realm}"
	Basic realm="Registry Realm", charset="UTF-8", Bearer realm="{realm}",service="{service}"
	Basic realm="Registry" || Bearer realm="{realm}",service="{service}",scope=""
	Negotiate || Bearer realm="{realm}?account=x",service="{service}",error="insufficient_scope",error_description="a, \"b\""
	Bearer error="invalid_token",scope="{scope}",service="{service}",realm="{realm}",empty=""
	END
}

@test "tokens: only access_token, without or with a quoted expires_in, from a server that has moved, and one that expires within a pull" {
	local form port
	for form in access bare quoted; do
		TOKEN_OPTIONS="--form $form --moved" start_registry "FORM_$form" token
		port=FORM_$form
		cp -a "$REGISTRY_STORAGE/docker" "$BATS_FILE_TMPDIR/registry-FORM_$form/"
		forget
		expect 0 run_with pull -q --tls-verify=false "127.0.0.1:${!port}/plain"
	done
	# valid for 3 s, and said to be for 5 minutes: 401 in the middle, and a fresh one
	TOKEN_OPTIONS="--life -57" start_registry EXPIRING token
	cp -a "$REGISTRY_STORAGE/docker" "$EXPIRING_STORAGE/"
	start_helper SLOWLY python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$EXPIRING" --log "$WORK/slowly.log" pause=4000,1
	forget
	: >"$BATS_FILE_TMPDIR/tokens.log"
	expect 0 run_with pull -q --tls-verify=false "127.0.0.1:$SLOWLY/big"
	[ "$(wc -l <"$BATS_FILE_TMPDIR/tokens.log")" -ge 2 ] || fail "$(cat "$BATS_FILE_TMPDIR/tokens.log")"
	# and one for all requests of a scope while it lasts
	: >"$BATS_FILE_TMPDIR/tokens.log"
	forget
	expect 0 run_with pull -q --tls-verify=false --creds someone:secret "127.0.0.1:$TOKENS/big"
	same 1 "$(wc -l <"$BATS_FILE_TMPDIR/tokens.log")"
}

@test "faults: cut, 429 with Retry-After, 503, chunked, slow, and what a retry cannot help" {
	start_helper FAULTY python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/faulty.log" \
		status=429,2 manifests:status=503,1 cut=2000000,2 chunked rate=8000000
	expect 0 run_with pull -q --tls-verify=false "127.0.0.1:$FAULTY/big"
	expect 0 run_with run --rm --network none "127.0.0.1:$FAULTY/big" wc -c /random
	prints "8388608 /random"
	# it waited as long as it was told
	jq -es '[.[] | select(.path | contains("/blobs/"))] | (.[-1].at - .[0].at) > 1' faulty.log >/dev/null || fail "$(cat faulty.log)"
	start_helper WRONG python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" wrong
	forget
	failing 125 "sha256:" run_with pull -q --tls-verify=false "127.0.0.1:$WRONG/big"
	start_helper BUSY python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" manifests:status=429
	failing 125 "too many requests" run_with pull -q --tls-verify=false "127.0.0.1:$BUSY/big"
	start_helper LOOP python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" redirect=self
	failing 125 "redirects more than" run_with pull -q --tls-verify=false "127.0.0.1:$LOOP/big"
	start_helper HIDDEN python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" any:status=403
	failing 125 "wants credentials for it, or has no such image" run_with pull -q --tls-verify=false "127.0.0.1:$HIDDEN/big"
	same "" "$(carrier images -q)"
}

# CVE-2020-15157, CVE-2019-10214 and their kin: what is shown to the registry is shown to nobody else.
@test "attack: a redirect to another host gets no credentials, also when it asks for them" {
	start_helper OTHER python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/other.log"
	start_helper ASKS python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/asks.log" 'unauthorized=Basic realm="give it to me"'
	start_helper TRAP python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/trap.log"
	start_helper TOKEN_THIEF python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/asks2.log" \
		"unauthorized=Bearer realm=\"http://127.0.0.1:$TRAP/token\",service=\"registry\""
	start_helper LEADS python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$BASIC" --log "$WORK/leads.log" "redirect=http://localhost:$OTHER"
	expect 0 run_with pull -q --tls-verify=false --creds someone:secret "127.0.0.1:$LEADS/plain"
	requests leads.log .authorization | grep -qx Basic
	requests other.log | grep -q /blobs/
	same "" "$(requests other.log .authorization | sort -u)"
	forget
	start_helper LEADS2 python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$BASIC" "redirect=http://localhost:$ASKS"
	failing 125 denied run_with pull -q --tls-verify=false --creds someone:secret "127.0.0.1:$LEADS2/plain"
	same "" "$(requests asks.log .authorization | sort -u)"
	start_helper LEADS3 python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$TOKENS" "redirect=http://localhost:$TOKEN_THIEF"
	failing 125 denied run_with pull -q --tls-verify=false --creds someone:secret "127.0.0.1:$LEADS3/plain"
	same "" "$(requests asks2.log .authorization | sort -u)"
	same "" "$(requests trap.log)"
}

@test "attack: a registry with TLS cannot lead to plain HTTP, neither for blobs nor for tokens" {
	start_helper PLAINLY python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/plainly.log"
	start_helper DOWN python3 "$TESTS/faultproxy.py" --tls "$CA/server.crt" "$CA/server.key" --to "127.0.0.1:$BASIC" "redirect=http://127.0.0.1:$PLAINLY"
	failing 125 "by plain HTTP, where others can read along" run_with pull -q --cert-dir "$CA/certs" --creds someone:secret "127.0.0.1:$DOWN/plain"
	start_helper DOWN2 python3 "$TESTS/faultproxy.py" --tls "$CA/server.crt" "$CA/server.key" --to "127.0.0.1:$BASIC" \
		"any:challenge=Bearer realm=\"http://127.0.0.1:$PLAINLY/token\",service=\"x\""
	failing 125 "as its token server: plain HTTP" run_with pull -q --cert-dir "$CA/certs" --creds someone:secret "127.0.0.1:$DOWN2/plain"
	same "" "$(requests plainly.log)"
	# a registry whose TLS does not start is not asked without it
	failing 125 "speaks plain HTTP" run_with pull -q --creds someone:secret "127.0.0.1:$REGISTRY/plain"
	# unverified is not plain: credentials go there as --tls-verify=false says, tokens of a foreign host do not get the password
	start_helper FOREIGN python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$BASIC" "any:challenge=Bearer realm=\"http://localhost:$PLAINLY/token\",service=\"x\""
	failing 125 "registry 127.0.0.1:$FOREIGN" run_with pull -q --tls-verify=false --creds someone:secret "127.0.0.1:$FOREIGN/plain"
	requests plainly.log | grep -q /token
	same "" "$(requests plainly.log .authorization | sort -u)"
}

@test "attack: a layer's foreign URLs are not fetched" {
	start_helper EVIL python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/evil.log" 'any:unauthorized=Basic realm="x"'
	curl -fsS -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://127.0.0.1:$REGISTRY/v2/plain/manifests/latest" |
		jq --arg url "http://127.0.0.1:$EVIL/layer" '.layers[0] |= (.mediaType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" | .urls = [$url]) |
			.mediaType = "application/vnd.oci.image.manifest.v1+json"' >foreign.json
	start_helper FOREIGN_LAYER python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" \
		"manifests:document=application/vnd.oci.image.manifest.v1+json:$WORK/foreign.json"
	failing 125 foreign run_with pull -q --tls-verify=false --creds someone:secret "127.0.0.1:$FOREIGN_LAYER/plain"
	same "" "$(requests evil.log)"
}

@test "search: docker's API, and the catalog where there is none" {
	echo "unqualified-search-registries = ['127.0.0.1:$HUB']" >"$CONF"
	expect 0 run_with search --tls-verify=false plain
	matches "127.0.0.1:$HUB/plain +the plain one.* 1700 +\[OK\]"
	[[ $output != *$'\e'* ]]
	same 4 "$(wc -l <<<"$output")"
	expect 0 run_with search --tls-verify=false --filter stars=3 --filter is-official=false --format json "127.0.0.1:$HUB/plain"
	same "127.0.0.1:$HUB/someone/plain 3 true" "$(jq -r '"\(.Name) \(.StarCount) \(.IsAutomated)"' <<<"$output")"
	expect 0 run_with search --tls-verify=false --limit 1 --format json plain
	same 1 "$(wc -l <<<"$output")"
	expect 0 run_with search --tls-verify=false --format json "127.0.0.1:$REGISTRY/plai"
	same "127.0.0.1:$REGISTRY/library/plain 127.0.0.1:$REGISTRY/org/team/plain 127.0.0.1:$REGISTRY/plain" "$(jq -r .Name <<<"$output" | sort | xargs)"
	expect 0 run_with search --tls-verify=false "127.0.0.1:$REGISTRY/nothing-like-it"
	failing 125 "neither docker's search nor a catalog" run_with search --tls-verify=false "127.0.0.1:$BASIC/x"
	expect 0 run_with search --tls-verify=false --creds someone:secret "127.0.0.1:$BASIC/big"
	says "127.0.0.1:$BASIC/big"
	failing 125 "there are stars=N" run_with search --filter nonsense=1 x
	failing 125 "from 1 to" run_with search --limit 0 x
	failing 125 "table or json" run_with search --format yaml x
}
