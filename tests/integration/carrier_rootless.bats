# What only an ordinary user meets. The rest is carrier_run.bats with WHO=user.
export WHO=user
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() { setup_with plain debian; }

teardown_file() {
	chmod 0666 /dev/net/tun
	carrier_teardown_file
}

cleanup() { chmod 0666 /dev/net/tun; }

@test "by hand: pull, run on a terminal, run -d, exec, logs, stop, rm" {
	expect 0 carrier pull --tls-verify=false "$DEBIAN"
	expect 0 carrier run -d --name nap "$DEBIAN" bash -c 'echo napping; exec sleep 600'
	expect 0 carrier exec nap bash -c 'echo $$ $EUID'
	matches ' 0$'
	soon eval '[ "$(carrier logs nap)" = napping ]'
	expect 0 carrier stop -t 1 nap
	expect 0 carrier rm nap
	expect 0 carrier ps -aq
	prints ""
}

@test "root inside is the user outside, and others are of its range" {
	mkdir data
	chmod 777 data
	expect 0 carrier run --rm --network none -v "$WORK/data:/data" "$PLAIN" sh -c 'touch /data/zero; chown 1000 /data; touch /data/own; chown 1000 /data/own'
	same "$(id -u "$NAME")" "$(stat -c %u data/zero)"
	same "$(($(awk -F: -v name="$NAME" '$1 == name { print $2 }' /etc/subuid) + 999))" "$(stat -c %u data/own)"
}

@test "the store belongs to the user alone" {
	same 700 "$(stat -c %a "$CROOT/store")"
	same "$NAME" "$(stat -c %U "$CROOT/store")"
}

@test "files of the image keep their owners inside" {
	expect 0 carrier run --rm --network none "$DEBIAN" stat -c '%u:%g %a' /srv/owned /tmp
	prints $'1000:1000 2750\n0:0 1777'
}

@test "the runtime directory need not be there" {
	expect 0 setpriv --reuid "$NAME" --regid "$NAME" --init-groups --inh-caps=-all --reset-env \
		env HOME="$USER_HOME" "$PROGRAM" run --rm --network none "$PLAIN" echo without
	prints without
	rm -rf "/tmp/carrier-$(id -u "$NAME")"
}

@test "without permission for /dev/net/tun: what to run is said" {
	chmod 0600 /dev/net/tun
	failing 125 /dev/net/tun carrier run --rm --network private "$PLAIN" true
	[[ $stderr == *chmod* ]] || fail "$stderr"
	expect 0 carrier run --rm --network none "$PLAIN" echo none-works
	prints none-works
}

@test "two users' containers and images are apart" {
	expect 0 carrier run -d --name mine --network none "$PLAIN" sleep 1000
	expect 0 "$PROGRAM" --root "$BASE/root" ps -aq
	prints ""
	expect 0 carrier rm -f mine
}

@test "rm removes what belongs to other ids of the range" {
	expect 0 carrier run --name owner --network none "$PLAIN" sh -c 'mkdir -m 700 /x; touch /x/y; chown -R 1234 /x'
	expect 0 carrier rm owner
	same "" "$(find "$CROOT/containers" -mindepth 1)"
}
