# Six images made from Debian's packages, each for one thing that goes wrong when layers are unpacked. Kept in $FIXTURES/six.
#
#	make_debian_images	the layout $SIX with the tags in $SIX_TAGS
#		plain		one layer: a small Debian
#		many		twenty layers: one for each package, as dpkg would unpack them one over the other, names below /bin and /lib included
#		whiteouts	files, a directory and a whole tree of the base deleted, made again, and made opaque, in three layers
#		privileged	setuid and setgid programs of passwd, mount and login, ping with file capabilities, sticky directories
#		links		hard links across directories, within a layer and to files of the layers below, perl's among them
#		small		30,000 small files in 300 directories, and a layer that replaces every 50th

SIX=$FIXTURES/six/layout
SIX_TAGS="plain many whiteouts privileged links small"
PRIVILEGED_PACKAGES="passwd mount login iputils-ping"
LINKED_PACKAGES="perl-base"

make_debian_images() {
	mkdir -p "$FIXTURES/six"
	local lock
	exec {lock}>"$FIXTURES/six/lock"
	flock "$lock"
	[ -e "$FIXTURES/six/complete" ] || make_debian_images_now
	exec {lock}>&-
}

# add_image TAG LAYER...
add_image() {
	local tag=$1
	shift
	mkimage image --config '{"Cmd":["bash"],"Env":["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}' "$SIX" "$tag" "$@" >/dev/null
}

# pack DIR TAR [NAME...] - of all that is in it, or of these names: then nothing is said of the directories above them
pack() {
	local dir=$1 file=$2
	shift 2
	[ $# -gt 0 ] || set -- .
	tar -c --numeric-owner --format=pax --pax-option=delete=atime,delete=ctime --xattrs --xattrs-include='*' -C "$dir" "$@" >"$file"
}

download() { # DIR PACKAGE...
	local dir=$1
	shift
	mkdir -p "$dir"
	[ -n "$(ls "$dir")" ] || (cd "$dir" && { apt-get download -q "$@" || { apt-get update -q && apt-get download -q "$@"; }; }) \
		>"$BATS_FILE_TMPDIR/apt" 2>&1 || { cat "$BATS_FILE_TMPDIR/apt" >&2; return 1; }
}

make_debian_images_now() {
	local dir=$FIXTURES/six/layers package layers=()
	rm -rf "$SIX" "$dir"
	mkdir -p "$SIX" "$dir"
	make_tree "$dir/tree"
	pack "$dir/tree" "$dir/base.tar"
	add_image plain "$dir/base.tar"

	mkdir -p "$dir/merged"/usr/{bin,sbin,lib,lib64} "$dir/last"/{dev,etc,proc,sys}
	for package in bin sbin lib lib64; do ln -s "usr/$package" "$dir/merged/$package"; done
	pack "$dir/merged" "$dir/merged.tar"
	touch "$dir/last/etc"/{hosts,hostname,resolv.conf}	# as in make_tree()
	pack "$dir/last" "$dir/last.tar"
	layers=("$dir/merged.tar")
	for package in "$FIXTURES/debs"/*.deb; do
		dpkg-deb --fsys-tarfile "$package" >"$dir/$(basename "$package").tar"
		layers+=("$dir/$(basename "$package").tar")
	done
	add_image many "${layers[@]}" "$dir/last.tar"

	make_whiteouts "$dir"
	add_image whiteouts "$dir/base.tar" "$dir/whiteouts-1.tar" "$dir/whiteouts-2.tar" "$dir/whiteouts-3.tar"
	make_privileged "$dir"
	add_image privileged "$dir/base.tar" "$dir/privileged.tar"
	make_links "$dir"
	add_image links "$dir/base.tar" "$dir/links-1.tar" "$dir/links-2.tar" "$dir/links-3.tar"
	make_small "$dir"
	add_image small "$dir/small-1.tar" "$dir/small-2.tar"
	rm -rf "$dir"
	touch "$FIXTURES/six/complete"
}

make_whiteouts() {
	local dir=$1
	mkimage tar "$dir/whiteouts-1.tar" <<-'PY'
	D = tarfile.DIRTYPE
	add("usr/bin/.wh.sed")                          # files, their parents not in the layer
	add("usr/bin/.wh.grep")
	add("etc/", type=D, mode=0o755)
	add("etc/.wh.debian_version")
	add("usr/share/.wh.common-licenses")            # a directory
	add("usr/share/base-files/", type=D, mode=0o750, uid=1, gid=2)
	add("usr/share/base-files/.wh..wh..opq")        # one that keeps nothing
	add("usr/share/base-files/new", data=b"new\n", mtime=1234567890)
	add("var/.wh.lib")
	PY
	mkimage tar "$dir/whiteouts-2.tar" <<-'PY'
	D, S = tarfile.DIRTYPE, tarfile.SYMTYPE
	add("usr/bin/sed", data=b"#!/bin/sh\n", mode=0o755)     # made again
	add("usr/share/common-licenses/", type=D, mode=0o711)
	add("usr/share/common-licenses/mine", data=b"mine\n")
	add("var/lib/again/deep/file", data=b"deep\n")          # parents of which nothing is left
	add("usr/share/base-files/.wh.new")
	add("usr/share/.wh..wh..opq")                           # without an entry of its own
	add("usr/share/only", data=b"only\n")
	add("etc/.wh.issue")
	add("etc/issue/", type=D)                               # deleted, and a directory in the same layer
	add("etc/issue/in", data=b"in\n")
	PY
	mkimage tar "$dir/whiteouts-3.tar" <<-'PY'
	add("var/lib/.wh.again")
	add("var/lib/again", data=b"a file where a directory was\n")
	add(".wh.home")
	add("usr/.wh.does-not-exist")
	add("etc/.wh.issue")
	add("usr/share/.wh.only")
	PY
}

make_privileged() {
	local dir=$1 package
	mkdir "$dir/privileged"
	# shellcheck disable=SC2086 # a list of names
	download "$FIXTURES/debs-privileged" $PRIVILEGED_PACKAGES
	for package in "$FIXTURES/debs-privileged"/*.deb; do
		dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink --numeric-owner -p -C "$dir/privileged"
	done
	(cd "$dir/privileged" && for package in bin sbin; do [ ! -d $package ] || { mkdir -p usr/$package; cp -a $package/. usr/$package/; rm -r $package; }; done)
	setcap cap_net_raw+ep "$dir/privileged/usr/bin/ping"
	mkdir -p "$dir/privileged/srv/sticky" "$dir/privileged/srv/setgid" "$dir/privileged/var/mail"
	chown 8:8 "$dir/privileged/var/mail"
	chmod 2775 "$dir/privileged/var/mail"
	chmod 3777 "$dir/privileged/srv/sticky"
	chown 0:42 "$dir/privileged/srv/setgid"
	chmod 6711 "$dir/privileged/srv/setgid"
	touch "$dir/privileged/srv/setgid/inside"
	setcap 'cap_chown,cap_setuid=eip' "$dir/privileged/srv/setgid/inside"
	chmod 4500 "$dir/privileged/srv/setgid/inside"
	pack "$dir/privileged" "$dir/privileged.tar" usr srv var
	[ "$(find "$dir/privileged" -perm /6000 -type f | wc -l)" -gt 8 ] || return 1	# or the packages are others now
}

make_links() {
	local dir=$1
	mkdir -p "$dir/links/srv/a/deep" "$dir/links/srv/b"
	download "$FIXTURES/debs-links" $LINKED_PACKAGES
	dpkg-deb --fsys-tarfile "$FIXTURES/debs-links"/*.deb | tar -x --numeric-owner -p -C "$dir/links"
	rm -rf "$dir/links/usr/share"
	[ "$(find "$dir/links/usr" -type f -links +1 | wc -l)" -gt 1 ] || return 1
	ln "$dir/links/usr/bin/perl" "$dir/links/srv/a/deep/perl"
	ln "$dir/links/usr/bin/perl" "$dir/links/srv/b/perl"
	echo target >"$dir/links/srv/b/target"
	chown 5:6 "$dir/links/srv/b/target"
	chmod 640 "$dir/links/srv/b/target"
	ln "$dir/links/srv/b/target" "$dir/links/srv/a/0-before-its-target"
	ln -s target "$dir/links/srv/b/symlink"
	ln "$dir/links/srv/b/symlink" "$dir/links/srv/a/symlink"	# a link to a symlink
	echo single >"$dir/links/srv/b/single"
	chmod 600 "$dir/links/srv/b/single"
	chown 7:8 "$dir/links/srv/b/single"
	pack "$dir/links" "$dir/links-1.tar" usr srv
	mkimage tar "$dir/links-2.tar" <<-'PY'
	H, D = tarfile.LNKTYPE, tarfile.DIRTYPE
	add("srv/c/", type=D, mode=0o755)
	add("srv/c/d/lower", type=H, link="srv/b/single")       # of the layer below
	add("srv/c/sed", type=H, link="usr/bin/sed")            # of the one below that
	add("srv/c/again", type=H, link="srv/c/sed")            # and once more, by the name that was just made
	add("bin/through", type=H, link="bin/dash")             # both names lead through a symlink
	PY
	mkimage tar "$dir/links-3.tar" <<-'PY'
	add("srv/c/cat", type=tarfile.LNKTYPE, link="bin/cat")
	add("usr/bin/cat", data=b"replaced: the other name keeps what it has\n", mode=0o755)
	PY
}

make_small() {
	python3 - "$1" <<'PY'
import io, sys, tarfile
def archive(name, numbers, text):
    t = tarfile.open(f"{sys.argv[1]}/{name}", "w", format=tarfile.PAX_FORMAT)
    seen = set()
    for d in ("dev", "etc", "proc", "sys") if text == "first" else ():
        i = tarfile.TarInfo(d); i.type = tarfile.DIRTYPE; i.mode = 0o755; t.addfile(i)
    for f in ("hosts", "hostname", "resolv.conf") if text == "first" else ():
        t.addfile(tarfile.TarInfo("etc/" + f))
    for n in numbers:
        d = "srv/%03d" % (n // 100)
        if d not in seen and text == "first":
            seen.add(d)
            i = tarfile.TarInfo(d); i.type = tarfile.DIRTYPE; i.mode = 0o755; i.mtime = 1000000000 + n
            t.addfile(i)
        i = tarfile.TarInfo("%s/file-%05d" % (d, n))
        data = ("%s %d\n" % (text, n) * (n % 40)).encode()
        i.size, i.mode, i.uid, i.gid, i.mtime = len(data), 0o644 if n % 7 else 0o4755, n % 1000, n % 500, 1000000000 + n
        t.addfile(i, io.BytesIO(data))
    t.close()
archive("small-1.tar", range(30000), "first")
archive("small-2.tar", range(0, 30000, 50), "second")
PY
}
