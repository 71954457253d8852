# carrier pull that does not come to its end, and the one after it; two pulls at once. WHO=root or user.
#
#	counted NAME [OPTION...]	sets $NAME to the port of a proxy that counts (countproxy.py), into $WORK/NAME
#	sent NAME [DIGEST]		how many bytes of blobs (of that one) it has sent
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	carrier_setup_file
	start_registry REGISTRY
	push big "$REGISTRY" big:latest
	push plain "$REGISTRY" plain:latest
	make_more
	# shellcheck disable=SC2155
	export LARGE=$(layer_of big 1) SMALL=$(layer_of big 0)
}

teardown_file() { carrier_teardown_file; }

prepare() { soon rm -rf "$CROOT"; }	# the monitor of a container that has ended may still be at it

# make_more - an image with big's large layer and one of its own
make_more() {
	local layout=$BATS_FILE_TMPDIR/more dir=$BATS_FILE_TMPDIR/more.d
	mkdir -p "$dir"
	echo more >"$dir/more"
	tar -c --numeric-owner -C "$dir" more >"$dir/own.tar"
	mkimage image "$layout" other "$FIXTURES/layers/busybox.tar" "$FIXTURES/layers/more.tar" "$dir/own.tar" >/dev/null
	IMAGES=$layout push other "$REGISTRY" other:latest
}

# layer_of TAG N - the digest of its Nth layer
layer_of() {
	skopeo inspect --raw --tls-verify=false "docker://127.0.0.1:$REGISTRY/$1:latest" | jq -r ".layers[$2].digest"
}

counted() {
	local name=$1
	shift
	start_helper "$name" python3 "$TESTS/countproxy.py" --to "127.0.0.1:$REGISTRY" --sent "$WORK/$name" "$@"
	: >"$WORK/$name"
}

sent() { jq -s --arg digest "${2:-}" 'map(select(.path | endswith($digest)) | .sent) | add // 0' "$WORK/$1"; }

size_of() { stat -c %s "$FIXTURES/images/blobs/sha256/${1#sha256:}"; }

part() { echo "$CROOT/store/tmp/${LARGE#sha256:}/blob"; }
part_has() { [ "$(stat -c %s "$(part)" 2>/dev/null || echo 0)" -ge "$1" ]; }

# stalled_pull PERCENT - in the background ($shell), until so much of the large layer is on the disk and the small one is finished
stalled_pull() {
	local size
	size=$(size_of "$LARGE")
	counted STALLED --stall "$1"
	in_background carrier pull --tls-verify=false "127.0.0.1:$STALLED/big"
	soon part_has $((size * $1 / 100)) || fail "the part does not come: $(ls -l "$(part)"; cat err)"
	soon test -e "$CROOT/store/blobs/sha256/${SMALL#sha256:}"
}

in_background() {
	client python3 -c 'import os, signal, sys; os.setsid(); signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])' \
		"$PROGRAM" --root "$CROOT" "${@:2}" </dev/null >out 2>err 3>&- &
	shell=$!
}

# kill_all - every process of the pull, at one instant
kill_all() {
	local pids
	pids=$(processes)
	# shellcheck disable=SC2086 # a list
	kill -9 $pids 2>/dev/null || true
	wait "$shell" 2>/dev/null || true
	soon nothing_runs
}

# no_container - a monitor removes its own after it has told how it ended; until then it keeps its image's layers
no_container() { [ -z "$(ls "$CROOT/containers")" ]; }

# whole IMAGE - every blob is what the registry has, and it runs
whole() {
	local digest
	for digest in $(skopeo inspect --raw --tls-verify=false "docker://127.0.0.1:$REGISTRY/$1:latest" | jq -r '.layers[].digest, .config.digest'); do
		same "${digest#sha256:}" "$(sha256sum <"$CROOT/store/blobs/sha256/${digest#sha256:}" | cut -d' ' -f1)"
	done
	expect 0 carrier run --rm --network none "$2" wc -c /random
	prints "8388608 /random"
	soon no_container
}

resumes() {
	local size
	size=$(size_of "$LARGE")
	counted AFTER
	expect 0 carrier pull --tls-verify=false "127.0.0.1:$AFTER/big"
	says "resuming behind"
	same 0 "$(sent AFTER "$SMALL")"
	[ "$(sent AFTER "$LARGE")" -le $((size / 10 + 1)) ] || fail "fetched again: $(sent AFTER "$LARGE") of $size bytes"
	[ "$(sent AFTER "$LARGE")" -gt 0 ]
	whole big "127.0.0.1:$AFTER/big"
	same "" "$(ls "$CROOT/store/unfinished")"
}


@test "killed at 90 % of a layer: the next pull fetches 10 % of it, and no finished layer" {
	stalled_pull 90
	kill_all
	resumes
}

@test "Ctrl-C at 90 %: it says that the part is kept, and it is" {
	local status=0
	stalled_pull 90
	kill -INT -- "-$(ps -o pgid= -p "$(first_process "pull .*:$STALLED/big")" | tr -d ' ')"
	wait "$shell" || status=$?
	same 130 "$status"
	soon nothing_runs
	grep -q 'carrier: interrupted; what has arrived is kept for 7 days' err
	same "$(printf '%s\n' blob lock)" "$(ls "$CROOT/store/tmp/${LARGE#sha256:}")"
	resumes
}

@test "a connection that breaks for good, and --retry" {
	start_helper CUT python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" cut=7700000 norange
	failing 125 layer carrier pull --tls-verify=false "127.0.0.1:$CUT/big"
	part_has 7500000
	resumes
	prepare
	# the first answers break, however often the fetcher tries; the ones after them do not
	start_helper WORN python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" status=503,9
	expect 0 carrier pull --retry 5 --retry-delay 100ms --tls-verify=false "127.0.0.1:$WORN/big"
	says "trying again in 0 s"
	failing 125 "--retry-delay" carrier pull --retry-delay soon "127.0.0.1:$WORN/big"
}

@test "a kept part that was damaged is found out, and the layer fetched once more" {
	stalled_pull 50
	kill_all
	printf X | dd of="$(part)" bs=1 seek=2000000 conv=notrunc status=none
	counted AFTER
	expect 0 carrier --log-level info pull --tls-verify=false "127.0.0.1:$AFTER/big"
	says "is damaged: it is fetched again"
	same 0 "$(sent AFTER "$SMALL")"
	same 2 "$(grep -c "$LARGE" AFTER)"
	whole big "127.0.0.1:$AFTER/big"
}

@test "a part that is whole, longer, or nothing like it" {
	local blob=$FIXTURES/images/blobs/sha256/${LARGE#sha256:} kind dir
	for kind in whole longer short zeros; do
		prepare
		expect 0 pull plain	# makes the store
		dir=$(dirname "$(part)")
		client mkdir "$dir"
		case $kind in
		whole) cat "$blob" ;;
		longer) cat "$blob" "$blob" ;;
		short) head -c 3 "$blob" ;;
		zeros) head -c 5000000 /dev/zero ;;
		esac | client tee "$dir/blob" >/dev/null
		counted "AFTER_$kind"
		local port=AFTER_$kind
		expect 0 carrier pull -q --tls-verify=false "127.0.0.1:${!port}/big"
		[ $kind != whole ] || same 0 "$(sent "AFTER_$kind" "$LARGE")"
		whole big "127.0.0.1:${!port}/big"
	done
}

@test "parts and finished layers of a broken pull survive rmi, for seven days" {
	stalled_pull 90
	kill_all
	expect 0 pull plain
	expect 0 carrier rmi "127.0.0.1:$REGISTRY/plain"
	part_has 7000000
	test -e "$CROOT/store/blobs/sha256/${SMALL#sha256:}"
	same 1 "$(find "$CROOT/store/unfinished" -type f | wc -l)"
	same 0 "$(carrier images -q | grep -c .)"
	touch -d '8 days ago' "$(part)" "$CROOT"/store/unfinished/*
	expect 0 pull other
	expect 0 carrier rmi "127.0.0.1:$REGISTRY/other"
	same "" "$(find "$CROOT"/store/{tmp,unfinished,blobs/sha256,layers/sha256} -mindepth 1)"
}

@test "system prune drops them at once, and not those of a pull that is under way" {
	stalled_pull 90
	expect 0 carrier system prune --force
	part_has 7000000
	test -e "$CROOT/store/blobs/sha256/${SMALL#sha256:}"
	kill_all
	expect 0 carrier system check
	expect 0 carrier image prune --force
	part_has 7000000
	expect 0 carrier system prune --force
	same "" "$(find "$CROOT"/store/{tmp,unfinished,blobs/sha256,layers/sha256} -mindepth 1)"
}

@test "a layer that fails for what it is leaves nothing, also of the others" {
	start_helper WRONG python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" cut=3000000 norange
	failing 125 layer carrier pull --tls-verify=false "127.0.0.1:$WRONG/big"
	local path=$REGISTRY_STORAGE/docker/registry/v2/blobs/sha256/${LARGE:7:2}/${LARGE:7}/data result=0
	cp "$path" "$WORK/kept"
	printf X | dd of="$path" bs=1 seek=4000000 conv=notrunc status=none
	failing 125 digest carrier pull --tls-verify=false "127.0.0.1:$REGISTRY/big" || result=$?
	cp "$WORK/kept" "$path"
	same 0 "$result"
	same "" "$(find "$CROOT"/store/{tmp,unfinished,blobs/sha256,layers/sha256} -mindepth 1)"
}

@test "two pulls of one image at once fetch each blob once, and the one that waits says so" {
	counted SHARED --rate 6000000
	local one
	in_background carrier pull --tls-verify=false "127.0.0.1:$SHARED/big"
	one=$shell
	soon part_has 500000
	expect 0 carrier pull --progress plain --tls-verify=false "127.0.0.1:$SHARED/big"
	says "waiting for another pull"
	wait "$one" || fail "the first: $(cat err)"
	same "$(size_of "$LARGE")" "$(sent SHARED "$LARGE")"
	same "$(size_of "$SMALL")" "$(sent SHARED "$SMALL")"
	whole big "127.0.0.1:$SHARED/big"
}

@test "two images that share a layer, pulled at once: it is fetched once" {
	counted SHARED2 --rate 6000000
	local one
	in_background carrier pull --tls-verify=false "127.0.0.1:$SHARED2/big"
	one=$shell
	soon part_has 500000
	expect 0 carrier pull --tls-verify=false "127.0.0.1:$SHARED2/other"
	wait "$one" || fail "the first: $(cat err)"
	same "$(size_of "$LARGE")" "$(sent SHARED2 "$LARGE")"
	same 2 "$(carrier images -q | sort -u | grep -c .)"
	whole other "127.0.0.1:$SHARED2/other"
}

@test "the one that waits takes over when the other is killed, and can be interrupted" {
	stalled_pull 90
	local first status=0
	first=$(processes)
	counted AFTER
	in_background carrier pull --progress plain --tls-verify=false "127.0.0.1:$AFTER/big"
	soon grep -q "waiting for another pull" err
	kill -INT -- "-$(ps -o pgid= -p "$(first_process "pull .*:$AFTER/big")" | tr -d ' ')"
	wait "$shell" || status=$?
	same 130 "$status"
	part_has 7000000	# the first one's, whom that does not concern
	in_background carrier pull --progress plain --tls-verify=false "127.0.0.1:$AFTER/big"
	soon grep -q "waiting for another pull" err
	# shellcheck disable=SC2086 # a list
	kill -9 $first
	wait "$shell" || fail "$(cat err)"
	grep -q "resuming behind" err
	whole big "127.0.0.1:$AFTER/big"
}

@test "twenty kills at random instants: the next pull works each time, finished layers are not fetched again" {
	local i before seed=${SEED:-$RANDOM}
	RANDOM=$seed
	counted RANDOMLY --rate 8000000
	for ((i = 0; i < 20; i++)); do
		in_background carrier pull --tls-verify=false "127.0.0.1:$RANDOMLY/big"
		sleep "0.$(printf '%03d' $((RANDOM % 700)))"
		before=$(ls "$CROOT/store/blobs/sha256" 2>/dev/null || true)
		kill_all
		: >RANDOMLY
		if ((i % 4 == 3)); then
			expect 0 carrier pull -q --tls-verify=false "127.0.0.1:$RANDOMLY/big" || fail "seed $seed, kill $i"
			for digest in $before; do
				same 0 "$(sent RANDOMLY "$digest")" || fail "seed $seed, kill $i: $digest was fetched again"
			done
			whole big "127.0.0.1:$RANDOMLY/big"
			expect 0 carrier rmi "127.0.0.1:$RANDOMLY/big"
			same "" "$(find "$CROOT"/store/{tmp,blobs/sha256,layers/sha256} -mindepth 1)"
		fi
	done
}
