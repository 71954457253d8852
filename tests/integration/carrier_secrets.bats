# secret create, ls, inspect, exists, rm; --secret as a file and as a variable; where a value must never be. WHO=root or user.
source "${BATS_TEST_DIRNAME}/archives.bash"

setup_file() {
	archives_setup_file
	bring plain
}

teardown_file() { carrier_teardown_file; }

cleanup() {
	local id
	for id in $(carrier ps -aq); do carrier rm -f "$id" >/dev/null; done
	carrier secret rm -a >/dev/null
}

PLAIN=docker.io/test/plain VALUE=s3cr3t-value-of-the-test
run_plain() { carrier run --rm --network none "$@"; }
make() { printf %s "${2:-$VALUE}" | carrier secret create "$1" - >/dev/null; }

@test "create, ls, inspect, exists, rm" {
	printf %s "$VALUE" >"$WORK/file"
	chmod 644 "$WORK/file"
	expect 0 carrier secret create --label a=1 one "$WORK/file"
	matches '^[0-9a-f]{25}$'
	local id=$output
	printf %s "$VALUE" | carrier secret create two - >/dev/null
	expect 0 client env "PASSWORD=$VALUE" "$PROGRAM" --root "$CROOT" secret create --env three PASSWORD
	same "$(printf '%s\n' one three two)" "$(carrier secret ls --format json | jq -r .Name)"
	same "$(carrier secret ls --format json)" "$(carrier secret ls --json)"
	expect 0 carrier secret ls
	says "ID "
	says one
	expect 0 carrier secret ls -n
	[[ $output != *UPDATED* ]] || fail "$output"
	same "$id" "$(carrier secret ls -q -f name=one)"
	same "$id" "$(carrier secret ls -q --filter "id=${id:0:8}")"
	same "$id" "$(carrier secret ls -q --filter label=a)"
	same "" "$(carrier secret ls -q --filter label=b)"
	same '{"a":"1"}' "$(carrier secret inspect one | jq -c '.[0].Labels')"
	same "one $id" "$(carrier secret ls -f name=one --format '{{.Name}} {{.ID}}')"
	same "$id" "$(carrier secret inspect --format '{{.ID}}' one)"
	same null "$(carrier secret inspect one | jq -c '.[0].SecretData')"
	same "$VALUE" "$(carrier secret inspect --showsecret "${id:0:10}" | jq -r '.[0].SecretData')"
	same "$VALUE" "$(carrier secret inspect --showsecret three | jq -r '.[0].SecretData')"
	expect 0 carrier secret exists one
	expect 1 carrier secret exists nothing
	failing 125 "there is a secret 'one' already" carrier secret create one "$WORK/file"
	printf new >"$WORK/file"
	expect 0 carrier secret create --replace one "$WORK/file"
	same new "$(carrier secret inspect --showsecret one | jq -r '.[0].SecretData')"
	failing 125 "1 to 512000 are possible" carrier secret create empty /dev/null
	failing 125 "cannot be a secret's name" carrier secret create ../x "$WORK/file"
	failing 125 "there is only the driver file" carrier secret create -d shell x1 "$WORK/file"
	failing 125 "the variable NOT_SET is not set" carrier secret create --env x1 NOT_SET
	head -c 600000 /dev/zero >"$WORK/large"
	expect 125 carrier secret create large "$WORK/large"
	same "" "$(find "$CROOT/secrets" -type f -perm /077)"
	same 700 "$(stat -c %a "$CROOT/secrets")"
	failing 1 "there is no secret 'nothing'" carrier secret rm nothing
	expect 0 carrier secret rm -i nothing
	expect 0 carrier secret rm one two
	expect 0 carrier secret rm --all
	same "" "$(find "$CROOT/secrets" -mindepth 1 ! -name .lock)"
}

@test "a file below /run/secrets, with owner and mode; elsewhere; read-only, in memory" {
	make key
	expect 0 run_plain --secret key "$PLAIN" sh -c 'cat /run/secrets/key; stat -c " %a %u:%g" /run/secrets/key; stat -f -c %T /run/secrets/key'
	prints "$(printf '%s %s\ntmpfs' "$VALUE" "444 0:0")"
	expect 0 run_plain --secret source=key,target=app/other,uid=1000,gid=1001,mode=0400 --user app "$PLAIN" sh -c 'cat /run/secrets/app/other; stat -c " %a %u:%g" /run/secrets/app/other'
	prints "$VALUE 400 1000:1001"
	expect 1 run_plain --secret key,uid=1000,mode=0400 --user 1001 "$PLAIN" cat /run/secrets/key
	expect 0 run_plain --secret key,target=/etc/key --secret key "$PLAIN" sh -c 'cat /etc/key /run/secrets/key; stat -f -c %T /etc/key'
	prints "$VALUE$VALUE$(printf 'tmpfs')"
	expect 1 run_plain --secret key "$PLAIN" sh -c 'echo x >/run/secrets/key'
	expect 0 run_plain --secret key --read-only --read-only-tmpfs "$PLAIN" cat /run/secrets/key
	prints "$VALUE"
	failing 125 "there is no secret 'nothing'" run_plain --secret nothing "$PLAIN" true
	failing 125 "is at /run/secrets/key already" run_plain --secret key --secret key "$PLAIN" true
}

@test "a variable" {
	make key
	expect 0 run_plain --secret key,type=env "$PLAIN" sh -c 'echo $key'
	prints "$VALUE"
	expect 0 run_plain -e PASSWORD=x --secret key,type=env,target=PASSWORD "$PLAIN" sh -c 'echo $PASSWORD'
	prints "$VALUE"
	printf 'a\0b' | carrier secret create binary - >/dev/null
	failing 125 "secret 'binary' holds a NUL byte" run_plain --secret binary,type=env "$PLAIN" true
	expect 0 run_plain --secret binary "$PLAIN" sh -c 'od -An -c /run/secrets/binary | tr -d " "'
	prints 'a\0b'
}

@test "a value is in no file of the container, no record, no argument, no log and no image" {
	make key
	make word "$VALUE"
	carrier run -d --network none --name shows --secret key --secret word,type=env,target=WORD "$PLAIN" sleep 1000 >/dev/null
	has_state shows running
	expect 0 carrier exec shows sh -c 'cat /run/secrets/key; tr "\0" "\n" </proc/1/environ'
	says "$VALUE"
	says "WORD=$VALUE"
	# from outside: the container's mounts are not in our namespace, so this is what is on the disk
	same "" "$(grep -rlF "$VALUE" "$CROOT/containers")"
	same "" "$(grep -rlF "$VALUE" "$CROOT/names" "$CROOT/store/index.json")"
	[ -e "$CROOT/containers/$(id_of shows)/config.json" ]
	[[ $(carrier inspect shows) != *"$VALUE"* ]]
	[[ $(ps -eo args) != *"$VALUE"* ]]
	[[ $(carrier logs shows 2>&1) != *"$VALUE"* ]]
	expect 0 carrier diff shows
	[[ $output != *run/secrets/key* ]] || fail "$output"
	carrier commit shows taken >/dev/null
	[[ $(carrier inspect --type image taken) != *"$VALUE"* ]]
	same "" "$(carrier export shows | tar -x -O 2>/dev/null | grep -aF "$VALUE" || true)"
	carrier rmi taken >/dev/null
	# forgotten: who runs keeps it, and the next start is told
	carrier secret rm key word >/dev/null
	expect 0 carrier exec shows cat /run/secrets/key
	prints "$VALUE"
	carrier rm -f shows >/dev/null
	same "" "$(grep -rlF "$VALUE" "$CROOT" || true)"
}
