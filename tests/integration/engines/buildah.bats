# buildah with woody as its runtime: RUN in a build, and `buildah run`, as root and rootless.
source "${BATS_TEST_DIRNAME}/engine.bash"

setup_file() {
	engine_setup_file buildah
	[ -z "$UNFIT" ] || return 0
	mkdir "$BASE/buildah"
	local storage=$BASE/buildah run=$BASE/buildah/run
	if [ "$WHO" = user ]; then storage=$USER_HOME run=$USER_RUN; fi
	cat >"$BASE/buildah/storage.conf" <<-CONF
	[storage]
	driver = "overlay"
	graphroot = "$storage/graph"
	runroot = "$run/buildah"
	CONF
	cat >"$BASE/buildah/containers.conf" <<-CONF
	[containers]
	default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
	CONF
	echo '{ "default": [{ "type": "insecureAcceptAnything" }] }' >"$BASE/buildah/policy.json"
	: >"$BASE/buildah/registries.conf"
	chmod -R a+rX "$BASE/buildah"
	local id
	id=$(bud pull -q --signature-policy "$BASE/buildah/policy.json" "oci:$BASE/layout:plain")
	bud tag "$id" localhost/plain
}

bud() {
	client env CONTAINERS_CONF="$BASE/buildah/containers.conf" CONTAINERS_STORAGE_CONF="$BASE/buildah/storage.conf" \
		CONTAINERS_REGISTRIES_CONF="$BASE/buildah/registries.conf" BUILDAH_RUNTIME="$RUNTIME" BUILDAH_ISOLATION=oci \
		buildah --log-level error "$@"
}

unmount() {
	local mount
	while read -r mount; do umount "$mount"; done < <(awk -v base="$BASE/" 'index($5, base) == 1 { print $5 }' /proc/self/mountinfo | tac)
}

cleanup() {
	bud rm -a >/dev/null
	unmount
}

teardown_file() {
	[ -n "${BASE:-}" ] || return 0
	[ "$WHO" != self ] || buildah unshare rm -rf "$BASE/buildah"	# files of ids that are only its own in there
	unmount
	engine_teardown_file
}

# build - the Containerfile on stdin
build() {
	mkdir "$WORK/context"
	cat >"$WORK/context/Containerfile"
	echo given >"$WORK/context/file"
	chmod -R a+rX "$WORK/context"
	expect "$1" bud build --network none --signature-policy "$BASE/buildah/policy.json" -t localhost/built "$WORK/context"
}

@test "RUN: as root, as a user, in a directory, with an environment; what it wrote is in the image" {
	build 0 <<-'FILE'
	FROM localhost/plain
	ENV WORD=word
	WORKDIR /srv
	COPY file /srv/file
	RUN echo "$WORD $(id -u) $(pwd)" >first && chmod 4750 file
	USER 1000:100
	RUN id -u >/tmp/second && id -g >>/tmp/second
	FILE
	local c
	c=$(bud from --signature-policy "$BASE/buildah/policy.json" localhost/built)
	expect 0 bud run --network none "$c" -- sh -c 'cat /srv/first /tmp/second; stat -c %a /srv/file; id -u'
	prints $'word 0 /srv\n1000\n100\n4750\n1000'
}

@test "a RUN that fails fails the build, with its code" {
	build 7 <<-'FILE'
	FROM localhost/plain
	RUN echo before; exit 7
	FILE
}

@test "buildah run: exit codes, stdin, a terminal" {
	local c
	c=$(bud from --signature-policy "$BASE/buildah/policy.json" localhost/plain)
	expect 9 bud run --network none "$c" -- sh -c 'exit 9'
	echo given >"$WORK/in"
	expect 0 bud run --network none "$c" -- cat <"$WORK/in"
	prints given
	expect 0 bud run --network none --hostname named "$c" -- hostname
	prints named
	expect 1 bud run --network none "$c" -- no-such-program
	says 'executable file not found in $PATH'
	expect 0 bud run --network none --cap-drop all "$c" -- grep CapEff /proc/self/status
	prints $'CapEff:\t0000000000000000'
}
