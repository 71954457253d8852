# carrier login, logout and search, and where credentials come from. WHO=root or user.
source "${BATS_TEST_DIRNAME}/carrier.bash"
source "${BATS_TEST_DIRNAME}/doors.bash"

setup_file() { doors_setup_file; }
teardown_file() { carrier_teardown_file; }

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
	expect 0 run_with login --tls-verify=false -u someone --password secret "127.0.0.1:$TOKENS"
	expect 0 run_with pull -q --tls-verify=false "127.0.0.1:$TOKENS/plain"
	failing 125 "no terminal" run_with login --tls-verify=false "127.0.0.1:$BASIC"
	failing 125 "needs --username" run_with login --password-stdin "127.0.0.1:$BASIC" <<<secret
	failing 125 "is empty" run_with login -u someone --password-stdin "127.0.0.1:$BASIC" </dev/null
	failing 125 "is not a registry" run_with login -u someone --password-stdin nodot <<<x
	failing 125 "not logged in" run_with login --get-login quay.io
	failing 125 "is the registry running" run_with login --tls-verify=false -u someone --password-stdin "127.0.0.1:1" <<<secret
}

# damaged COMMAND... - with a layer's blob damaged, COMMAND repairs it
damaged() {
	local blob
	blob=$(find "$CROOT/store/blobs" -type f -size +100k | head -n 1)
	printf x | dd of="$blob" bs=1 seek=1000 conv=notrunc status=none
	run_with system check --json >"$WORK/report" && fail "the damage is not seen"
	same 1 "$(jq '.Problems | length' "$WORK/report")"
	run_with "$@" >"$WORK/report" || true	# of doctor it is what the machine lacks
	expect 0 run_with system check --json
	same 0 "$(jq '.Problems | length' <<<"$output")"
}

@test "--cert-dir with --creds or --authfile: every command that asks a registry" {
	local of=127.0.0.1:$SECURE certs=$CA/certs how
	failing 125 certificate run_with login -u someone --password-stdin "$of" <<<secret
	expect 0 run_with login --cert-dir "$certs" --authfile "$TEST_HOME/auth.json" --username someone --password-stdin "$of" <<<secret
	[ ! -e "$TEST_HOME/.docker" ]
	for how in "--creds someone:secret" "--authfile $TEST_HOME/auth.json"; do
		forget
		how="--tls-verify --cert-dir $certs $how"
		# shellcheck disable=SC2086
		{
			expect 0 run_with run --rm --network none --quiet $how "$of/plain" echo fetched
			prints fetched
			same "" "$stderr"
			damaged system check --fix $how
			damaged doctor --repair $how
			expect 0 run_with search $how "$of/bi"
			says "$of/big"
			expect 0 run_with manifest create $how list "docker://$of/plain"
			expect 0 run_with manifest add $how list "docker://$of/big"
			expect 0 run_with manifest inspect $how "$of/big"
			jq -e '.layers | length == 2' <<<"$output"
			expect 0 run_with manifest push -q $how list "$of/list"
			expect 0 run_with pull -q $how "$of/list"
			expect 0 run_with push -q $how "$of/plain" "$of/again"
		}
	done
	failing 125 "wants credentials" run_with run --rm --pull always --cert-dir "$certs" "$of/plain" true
	expect 0 run_with logout --authfile "$TEST_HOME/auth.json" "$of"
	says "Removed the credentials"
	same "{}" "$(jq -c .auths "$TEST_HOME/auth.json")"
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
	! grep -q "secret\|c29tZW9uZTpzZWNyZXQ" "$TEST_HOME/.docker/config.json" || fail "it should have failed"
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
		! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -v '^bash' | grep s3cr3tword || fail "it should have failed"
		[ "$(readlink "/proc/$pid/exe")" != "$BASE/bin/carrier-fetch" ] || ! tr '\0' '\n' <"/proc/$pid/environ" | grep s3cr3tword
	done
	wait "$shell" || true
	! grep s3cr3tword out err || fail "it should have failed"
	grep -q "can be read by others" err
	expect 0 run_with --log-level debug pull -q --tls-verify=false --creds someone:secret "127.0.0.1:$BASIC/plain"
	[[ $stderr == *"user 'someone'"* && $stderr != *secret* ]] || fail "$stderr"
	expect 0 run_with inspect "127.0.0.1:$BASIC/plain"
	[[ $output != *secret* && $output != *someone* ]]
	! grep -rq "secret\|c29tZW9uZTpzZWNyZXQ" "$CROOT" --include='*.json' --include=index.json || fail "it should have failed"
}

@test "search: docker's API, and the catalog where there is none" {
	echo "unqualified-search-registries = ['127.0.0.1:$HUB']" >"$CONF"
	expect 0 run_with search --tls-verify=false plain
	matches "127.0.0.1:$HUB/plain +the plain one.* 1700 +\[OK\]"
	[[ $output != *$'\e'* ]]
	same 4 "$(wc -l <<<"$output")"
	expect 0 run_with search --tls-verify=false --filter stars=3 --filter is-official=false --format json "127.0.0.1:$HUB/plain"
	same "127.0.0.1:$HUB/someone/plain 3 true" "$(jq -r '"\(.Name) \(.StarCount) \(.IsAutomated)"' <<<"$output")"
	expect 0 run_with search --tls-verify=false --limit 1 --format '{{.StarCount}} {{.IsOfficial}}' plain
	prints "1700 true"
	expect 0 run_with search --tls-verify=false --limit 1 --format json plain
	same 1 "$(wc -l <<<"$output")"
	expect 0 run_with search --tls-verify=false --format json "127.0.0.1:$REGISTRY/plai"
	same "127.0.0.1:$REGISTRY/library/plain 127.0.0.1:$REGISTRY/org/team/plain 127.0.0.1:$REGISTRY/plain" "$(jq -r .Name <<<"$output" | sort | xargs)"
	expect 0 run_with search --tls-verify=false "127.0.0.1:$REGISTRY/nothing-like-it"
	failing 125 "neither docker's search nor a catalog" run_with search --tls-verify=false "127.0.0.1:$BASIC/x"
	expect 0 run_with search --tls-verify=false --creds someone:secret "127.0.0.1:$BASIC/big"
	says "127.0.0.1:$BASIC/big"
	expect 0 run_with search --tls-verify=false -f is-official=false "127.0.0.1:$HUB/x"
	matches "a description that is longer"
	[[ $output != *"room in a line of a table"* ]] || fail "$output"
	expect 0 run_with search --tls-verify=false --no-trunc "127.0.0.1:$HUB/x"
	says "a description that is longer than what has room in a line of a table"
	failing 125 "there are stars=N" run_with search --filter nonsense=1 x
	failing 125 "from 1 to" run_with search --limit 0 x
	failing 125 "table or json" run_with search --format yaml x
}
