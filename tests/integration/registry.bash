# Registries and images for carrier's suites. Everything is made once for each bats file, below $BATS_FILE_TMPDIR; what is
# slow to make and the same each time (the Debian tree, the layouts) is kept in $FIXTURES when that is set.
#
#	make_images			layouts of the images in $IMAGES (see the list above it)
#	start_registry NAME [KIND]	docker-registry on a free port of loopback; KIND: plain, tls, token or basic
#					(someone:secret). Sets ${NAME}_PORT,
#					and REGISTRY_DIR_NAME is its directory
#	push LAYOUT:TAG PORT NAME:TAG [SKOPEO OPTION...]
#	start_helper VARIABLE COMMAND...	a program that says "listening PORT"; the port is put in VARIABLE
#	start_word VARIABLE ADDRESS WORD	one that says a word to whoever connects
#	stop_registries			ends all of them by their pids

: "${FIXTURES:=$BATS_FILE_TMPDIR/fixtures}"
IMAGES=$FIXTURES/images
TESTS=${BASH_SOURCE[0]%/*}
STATIC_BUSYBOX=/bin/busybox

# what bash, coreutils and the C library need, to stand alone
DEBIAN_PACKAGES="base-files base-passwd bash coreutils dash debianutils findutils grep hostname libacl1 libattr1 libc-bin libc6
	libgmp10 libpcre2-8-0 libselinux1 libtinfo6 sed"

mkimage() { python3 "$TESTS/mkimage.py" "$@"; }

# make_tree DIR - a small real Debian, unpacked from its packages (debootstrap takes half a minute for the same)
make_tree() {
	local tree=$1 debs=$FIXTURES/debs name package
	mkdir -p "$debs" "$tree"/usr/{bin,sbin,lib,lib64}
	for name in bin sbin lib lib64; do ln -s "usr/$name" "$tree/$name"; done
	if [ -z "$(ls "$debs")" ]; then
		# shellcheck disable=SC2086 # a list of names
		(cd "$debs" && { apt-get download -q $DEBIAN_PACKAGES || { apt-get update -q && apt-get download -q $DEBIAN_PACKAGES; }; }) \
			>"$BATS_FILE_TMPDIR/apt" 2>&1 || { cat "$BATS_FILE_TMPDIR/apt" >&2; return 1; }
	fi
	for package in "$debs"/*.deb; do
		dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink --numeric-owner -p -C "$tree"
	done
	cp "$tree/usr/share/base-passwd/passwd.master" "$tree/etc/passwd"
	cp "$tree/usr/share/base-passwd/group.master" "$tree/etc/group"
	ln -sf dash "$tree/bin/sh"
	# as in every container image: what is mounted there must not change the directory
	touch "$tree/etc/hostname" "$tree/etc/hosts" "$tree/etc/resolv.conf"
	rm -rf "$tree"/usr/share/{doc,man,locale,info} "$tree"/usr/lib/x86_64-linux-gnu/gconv
	chmod 1777 "$tree/tmp"
}

# make_layers DIR - base.tar, files.tar, implicit.tar, link.tar, more.tar
make_layers() {
	local dir=$1 files
	if [ -n "${DEBIAN_TREE:-}" ]; then
		tar -c --numeric-owner --xattrs --xattrs-include='*' -C "$DEBIAN_TREE" . >"$dir/base.tar"
	else
		make_tree "$dir/tree"
		mkdir -p "$dir/tree/srv/opaque" "$dir/tree/srv/plain"
		echo lower >"$dir/tree/srv/opaque/lower"
		echo lower >"$dir/tree/srv/plain/removed"
		echo lower >"$dir/tree/srv/plain/stays"
		tar -c --numeric-owner -C "$dir/tree" . >"$dir/base.tar"
	fi
	files=$dir/files
	mkdir -p "$files"/{srv/opaque,srv/plain,srv/sticky,srv/owned}
	echo upper >"$files/srv/opaque/upper"
	touch "$files/srv/opaque/.wh..wh..opq" "$files/srv/plain/.wh.removed"
	cp "$STATIC_BUSYBOX" "$files/srv/setuid"
	chmod 4755 "$files/srv/setuid"
	cp "$STATIC_BUSYBOX" "$files/srv/capable"
	setcap cap_net_raw,cap_chown+ep "$files/srv/capable"
	echo attributes >"$files/srv/attributed"
	setfattr -n user.x -v value "$files/srv/attributed"
	setfattr -n user.binary -v 0x000100ff "$files/srv/attributed"
	echo linked >"$files/srv/link-a"
	ln "$files/srv/link-a" "$files/srv/link-b"
	ln "$files/srv/link-a" "$files/srv/owned/link-c"
	ln -s ../etc/passwd "$files/srv/relative"
	ln -s /nowhere "$files/srv/dangling"
	mkfifo -m 0640 "$files/srv/fifo"
	echo mine >"$files/srv/owned/file"
	chown -R 1000:1000 "$files/srv/owned"
	chmod 1777 "$files/srv/sticky"
	chmod 2750 "$files/srv/owned"
	touch -h -d 2001-02-03 "$files"/srv/* "$files/srv"
	tar -c --numeric-owner --xattrs --xattrs-include='*' --exclude=./files -C "$files" srv >"$dir/files.tar"
	# only a file: its directory is a lower layer's, 1777, and has to stay so
	mkimage tar "$dir/implicit.tar" <<-'PY'
	add("tmp/x", data=b"implicit\n", mode=0o600)
	PY
	# lib is a symlink of the base, and has to stay one; so does what a hard link leads to in the layer below
	mkimage tar "$dir/link.tar" <<-'PY'
	add("lib/y", data=b"through the link\n")
	add("srv/opaque/link-d", type=tarfile.LNKTYPE, link="srv/plain/stays")
	PY
	# incompressible: for what is to be interrupted, and for what is to find no room
	dd if=/dev/urandom of="$dir/random" bs=1M count=8 status=none
	tar -c --numeric-owner --owner=0 --group=0 --mtime=2001-02-03 -C "$dir" random >"$dir/more.tar"
	# gzip's first bytes, and then nothing of gzip's
	printf '\037\213\010\000\000\000\000\000\000\003this is no deflate stream, but somebody calls it so\n' >"$dir/garbage"
}

# make_busybox DIR - a small tree with a user of its own
make_busybox() {
	local tree=$1 applet
	mkdir -p "$tree"/{bin,dev,etc,home/app,proc,root,sys,tmp,var}
	chmod 1777 "$tree/tmp"
	cp "$STATIC_BUSYBOX" "$tree/bin/busybox"
	for applet in $("$STATIC_BUSYBOX" --list); do
		[ "$applet" = busybox ] || ln -s busybox "$tree/bin/$applet"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:app:/home/app:/bin/sh\n' >"$tree/etc/passwd"
	printf 'root:x:0:\napp:x:1001:\nextra:x:1002:app\n' >"$tree/etc/group"
	printf 'not a program\n' >"$tree/bin/no-program"
	chown 1000:1001 "$tree/home/app"
	touch "$tree/etc/hostname" "$tree/etc/hosts" "$tree/etc/resolv.conf"
}

# make_images - these tags in the layout $IMAGES:
#	debian		base, files, implicit parent, through a symlink (plain tar); Cmd bash
#	debian-2	its first two layers: for podman, which cannot unpack a layer that depends on the ones below
#	busybox		Entrypoint, Cmd, User, WorkingDir, Env, StopSignal set: see its config below
#	plain		busybox's tree without any of them
#	multi		an index: the native platform and linux/s390x
#	big		8 MiB that cannot be compressed
#	garbage, artifact	what cannot be pulled
make_images() {
	mkdir -p "$FIXTURES"
	local lock
	exec {lock}>"$FIXTURES/lock"	# several files may be run at once
	flock "$lock"
	[ -e "$FIXTURES/complete" ] || make_images_now
	exec {lock}>&-
}

make_images_now() {
	local dir=$FIXTURES/layers layout=$IMAGES foreign=s390x
	rm -rf "$IMAGES" "$dir"
	mkdir -p "$dir" "$IMAGES"
	make_layers "$dir"
	make_busybox "$dir/busybox"
	tar -c --numeric-owner --mtime=2001-02-03 -C "$dir/busybox" . >"$dir/busybox.tar"
	{
		mkimage image --config '{"Cmd":["bash"],"Env":["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}' "$layout" debian \
			"$dir/base.tar" "$dir/files.tar" "$dir/implicit.tar" "plain:$dir/link.tar"
		mkimage image --config '{"Cmd":["bash"],"Env":["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}' "$layout" debian-2 \
			"$dir/base.tar" "$dir/files.tar"
		mkimage image --config '{"Entrypoint":["/bin/busybox","echo"],"Cmd":["from","cmd"],"User":"app","WorkingDir":"/home/app",
			"Env":["PATH=/bin","FROM_IMAGE=yes"],"StopSignal":"SIGUSR1"}' "$layout" busybox "$dir/busybox.tar"
		mkimage image --config '{"Cmd":["sh"]}' "$layout" plain "$dir/busybox.tar"
		mkimage image --platform "linux/$foreign" --config '{"Cmd":["foreign"]}' "$layout" foreign "plain:$dir/implicit.tar"
		mkimage index "$layout" multi plain foreign
		mkimage image "$layout" big "$dir/busybox.tar" "$dir/more.tar"
		mkimage image "$layout" garbage "garbage:$dir/garbage"
		mkimage image --config-type application/vnd.example.config+json --layer-type application/vnd.example.data \
			"$layout" artifact "plain:$dir/garbage"
	} >"$FIXTURES/digests"
	rm -rf "$dir/tree" "$dir/files"
	touch "$FIXTURES/complete"
}

# digest_of TAG - of the manifest in the layout
digest_of() {
	jq -r --arg tag "$1" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $tag).digest' "$IMAGES/index.json"
}

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

listens() { # PORT
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# background NAME COMMAND... - remembered by its pid; its output is in $BATS_FILE_TMPDIR/NAME.out and .err
background() {
	local name=$1
	shift
	"$@" </dev/null >"$BATS_FILE_TMPDIR/$name.out" 2>"$BATS_FILE_TMPDIR/$name.err" 3>&- &
	echo $! >>"$BATS_FILE_TMPDIR/helpers"
	disown
}

start_helper() {
	local variable=$1 i port=''
	shift
	rm -f "$BATS_FILE_TMPDIR/$variable.out"	# of an earlier one of this name, whose port it tells
	background "$variable" "$@"
	for ((i = 0; i < 500; i++)); do
		port=$(sed -n 's/^listening //p' "$BATS_FILE_TMPDIR/$variable.out" 2>/dev/null) || port=''	# not there yet
		[ -z "$port" ] || break
		sleep 0.02
	done
	[ -n "$port" ] || fail "$* did not start: $(cat "$BATS_FILE_TMPDIR/$variable.err")" || return
	printf -v "$variable" %s "$port"
	export "${variable?}"
}

# start_word VARIABLE ADDRESS WORD - a server there, at any free port, that says WORD to whoever connects
start_word() {
	start_helper "$1" python3 -c 'import socket, sys
s = socket.socket()
s.bind((sys.argv[1], 0))
s.listen()
print("listening", s.getsockname()[1], flush=True)
while True:
    c, _ = s.accept()
    c.sendall(sys.argv[2].encode() + b"\n")
    c.close()' "$2" "$3"
}

# make_ca - a test CA and a certificate for 127.0.0.1 and localhost
make_ca() {
	CA=$BATS_FILE_TMPDIR/ca
	export CA
	[ ! -d "$CA" ] || return 0
	mkdir -p "$CA/certs"
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=test CA' -keyout "$CA/ca.key" -out "$CA/ca.crt" 2>/dev/null
	openssl req -newkey rsa:2048 -nodes -subj '/CN=127.0.0.1' -keyout "$CA/server.key" -out "$CA/server.csr" 2>/dev/null
	openssl x509 -req -in "$CA/server.csr" -CA "$CA/ca.crt" -CAkey "$CA/ca.key" -CAcreateserial -days 2 -out "$CA/server.crt" \
		-extfile <(echo 'subjectAltName=IP:127.0.0.1,DNS:localhost') 2>/dev/null
	cp "$CA/ca.crt" "$CA/certs/"
	chmod -R a+rX "$CA/certs"
	chmod a+x "$CA"
}

# start_registry NAME [KIND] - exports NAME as its port, NAME_STORAGE as the directory it keeps things in
start_registry() {
	local name=$1 kind=${2:-plain} port='' dir=$BATS_FILE_TMPDIR/registry-$1 i
	if [ "$kind" = token ]; then	# first, or it could take the port that was found free
		[ -e "$BATS_FILE_TMPDIR/token/token.key" ] || python3 "$TESTS/tokenserver.py" --make-key "$BATS_FILE_TMPDIR/token"
		start_helper "${name}_TOKENS" python3 "$TESTS/tokenserver.py" --key "$BATS_FILE_TMPDIR/token/token.key" \
			--cert "$BATS_FILE_TMPDIR/token/token.crt" --issuer test --log "$BATS_FILE_TMPDIR/tokens.log" ${TOKEN_OPTIONS:-}
	fi
	port=$(free_port)
	mkdir -p "$dir"
	{
		printf 'version: 0.1\nlog:\n  level: error\nstorage:\n  delete:\n    enabled: true\n  filesystem:\n    rootdirectory: %s\n' "$dir"
		printf 'http:\n  addr: 127.0.0.1:%s\n' "$port"
		if [ "$kind" = tls ]; then
			make_ca
			printf '  tls:\n    certificate: %s\n    key: %s\n' "$CA/server.crt" "$CA/server.key"
		elif [ "$kind" = token ]; then
			local realm=${name}_TOKENS
			printf 'auth:\n  token:\n    realm: http://127.0.0.1:%s/token\n    service: registry\n    issuer: %s\n    rootcertbundle: %s\n' \
				"${!realm}" "${TOKEN_ISSUER:-test}" "$BATS_FILE_TMPDIR/token/token.crt"
		elif [ "$kind" = basic ]; then
			python3 -W ignore -c 'import crypt; print("someone:" + crypt.crypt("secret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))' \
				>"$dir.users"
			printf 'auth:\n  htpasswd:\n    realm: test\n    path: %s\n' "$dir.users"
		fi
	} >"$dir.yml"
	# its variables REGISTRY_... would change its configuration
	background "registry-$name" env -i PATH="$PATH" docker-registry serve "$dir.yml"
	for ((i = 0; i < 500; i++)); do
		! listens "$port" || break
		sleep 0.02
	done
	listens "$port" || fail "docker-registry did not start: $(cat "$BATS_FILE_TMPDIR/registry-$name.err")" || return
	printf -v "$name" %s "$port"
	printf -v "${name}_STORAGE" %s "$dir"
	export "${name?}" "${name}_STORAGE"
}

stop_registries() {
	local pid
	[ -e "$BATS_FILE_TMPDIR/helpers" ] || return 0
	while read -r pid; do
		kill "$pid" 2>/dev/null || true
	done <"$BATS_FILE_TMPDIR/helpers"
}

# push TAG PORT NAME:TAG [OPTION...]
push() {
	local tag=$1 port=$2 name=$3
	shift 3
	# the manifest as it is, unless another format is asked for; else skopeo compresses what is plain
	[[ " $* " == *" --format "* ]] || set -- --preserve-digests "$@"
	skopeo copy -q --insecure-policy --dest-tls-verify=false "$@" "oci:$IMAGES:$tag" "docker://127.0.0.1:$port/$name" >&2
}

# put_manifest PORT NAME TAG TYPE <TEXT - what skopeo would refuse to push, straight into the registry
put_manifest() {
	curl -fsS -X PUT -H "Content-Type: $4" --data-binary @- "http://127.0.0.1:$1/v2/$2/manifests/$3"
}
