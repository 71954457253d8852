# carrier-unpack, driven over archives that python's tarfile makes: hostile ones, and those that only order or history make
# strange. Environment: UNPACK, the program. Needs root (owners, devices), python3, getfattr, getcap.
#
#	archive <<'PY'	python that calls add(name, type=..., data=..., mode=..., uid=..., link=..., pax={...}): makes $WORK/in.tar
#	unpack CODE [ARG...]	of $WORK/in (default in.tar), with ARGs before `layer`; $report is the last line
#	at NAME			its path in the unpacked tree

bats_require_minimum_version 1.5.0
: "${UNPACK:?the path of carrier-unpack}"
export BATS_TEST_TIMEOUT=120

setup() {
	[ "$(id -u)" = 0 ] || skip "unpacking sets owners: run as root (id -u says $(id -u))"
	WORK=$BATS_TEST_TMPDIR
	cd "$WORK"
	mkdir blob layer
	IN=in.tar
	# LeakSanitizer wants to ptrace, which the filter denies
	export ASAN_OPTIONS=detect_leaks=0
}

fail() { printf '%s\n' "$@" >&2; return 1; }

archive() {
	{
		cat <<-'PY'
		import io, tarfile, sys
		t = tarfile.open('in.tar', 'w', format=tarfile.PAX_FORMAT)
		F, D, S, H, C, B, P = [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
		def add(name, type=F, data=b'', mode=None, uid=0, gid=0, link='', pax={}, mtime=1000000000, dev=(0, 0)):
		    i = tarfile.TarInfo(name)
		    i.type, i.size, i.uid, i.gid, i.linkname, i.mtime, i.pax_headers = type, len(data), uid, gid, link, mtime, pax
		    i.mode = mode if mode is not None else (0o755 if type == D else 0o644)
		    i.devmajor, i.devminor = dev
		    t.addfile(i, io.BytesIO(data))
		PY
		cat
		echo 't.close()'
	} | python3 -
}

unpack() {
	local want=$1 status=0
	shift
	"$UNPACK" --blob B "$@" layer <"$IN" 3>report 4<blob 5<layer 2>stderr || status=$?
	report=$(tail -n 1 report)
	[ "$status" = "$want" ] || fail "exit code $status, not $want" "$report" "$(cat stderr)"
	if [ "$want" = 0 ]; then
		[[ $report == '{"kind":"done",'* ]] || fail "no done: $report"
		cmp blob/B "$IN"
		[ "$(cat layer/boot)" = "$(cat /proc/sys/kernel/random/boot_id)" ]
	else
		[[ $report == '{"kind":"error",'* ]] || fail "no error: $report"
		[ -z "$(find blob layer -mindepth 1)" ] || fail "left: $(find blob layer -mindepth 1)" "$report"
	fi
}

says() { [[ $report == *"$1"* ]] || fail "the report should say: $1" "$report"; }
refused() { unpack 1; says "$1"; }
at() { echo "layer/diff/$1"; }
is() { [ "$(stat -c "$2" "$(at "$1")")" = "$3" ] || fail "$1: $2 is $(stat -c "$2" "$(at "$1")"), not $3"; }
whiteout() { is "$1" '%F %t:%T' 'character special file 0:0'; }
opaque() { [ "$(getfattr --only-values -n user.overlay.opaque "$(at "$1")" 2>/dev/null)" = y ]; }
pending() { [ "$(jq -c "$1" layer/pending.json)" = "$2" ] || fail "pending: $(cat layer/pending.json)"; }
digest() { echo "sha256:$(sha256sum <"$1" | cut -d' ' -f1)"; }

@test "types, owners, modes, times, links" {
	archive <<'PY'
add('./', D, mode=0o751, uid=3, gid=4)
add('d', D, mode=0o2555, uid=5, gid=6)
add('d/f', data=b'hello', mode=0o4755, uid=1000, gid=1001, pax={'mtime': '1500000000.123456789'})
add('d/hard', H, link='d/f')
add('d/plain', data=b'x' * 100000)
add('s', S, link='/etc/passwd', uid=7, gid=8)
add('p', P, mode=0o600)
add('null', C, dev=(1, 3), mode=0o666)
add('white', C, dev=(0, 0))
PY
	unpack 0
	is . '%a %u %g %Y' '751 3 4 1000000000'
	is d '%a %u %g %Y' '2555 5 6 1000000000'
	is d/f '%a %u %g %h' '4755 1000 1001 2'
	is d/f '%.Y' 1500000000.123456789
	is d/plain '%g %s' '0 100000'
	is s '%F %u %g %Y' 'symbolic link 7 8 1000000000'
	[ "$(readlink "$(at s)")" = /etc/passwd ]
	is p '%F %a' 'fifo 600'
	is null '%t:%T %a' '1:3 666'
	[ ! -e "$(at white)" ]
	says '1 device nodes'
	[ ! -e layer/pending.json ]
}

@test "names that climb out are refused, and nothing outside changes" {
	for name in ../x d/../../x /../x d/.. ..; do
		archive <<<"add('ok'); add('$name', data=b'evil')"
		refused "'..'"
		[ ! -e x ] && [ ! -e layer/x ]
	done
	archive <<<"add('h', H, link='../../../etc/passwd')"
	refused "'..'"
	archive <<<"add('/abs/x', data=b'1'); add('//abs/./y')"
	unpack 0
	is abs/x %s 1
	is abs/y %s 0
}

@test "a parent that is a symlink of this layer is followed within the root" {
	mkdir "$WORK/outside"
	archive <<PY
add('in', S, link='usr/in'); add('in/f')
add('abs', S, link='$WORK/outside'); add('abs/f')
add('up', S, link='../../../../up2'); add('up/f')
add('fin', S, link='/etc/passwd'); add('fin', data=b'mine')
add('hl', H, link='abs/f')
PY
	unpack 0
	is usr/in/f %s 0
	is in %F 'symbolic link'
	[ -z "$(ls "$WORK/outside")" ]
	is "${WORK#/}/outside/f" %h 2
	is up2/f %s 0
	is fin '%F %s' 'regular file 4'
	pending '.directories[0:1]' '["'"$(echo "${WORK#/}" | cut -d/ -f1)"'"]'
	pending '[.directories[] | select(. == "in" or . == "abs")]' '[]'
}

@test "a loop of symlinks, and a parent that is a file" {
	archive <<<"add('a', S, link='b'); add('b', S, link='a'); add('a/x')"
	refused 'loop of symlinks'
	archive <<<"add('f', data=b'1'); add('f/x')"
	refused "its parent 'f' is not a directory"
}

@test "whiteouts and opaque directories" {
	archive <<'PY'
add('.wh.gone')
add('d/.wh.gone')
add('o', D); add('o/.wh..wh..opq'); add('o/new')
add('.wh..wh.plnk', D); add('.wh..wh.plnk/1.2'); add('.wh..wh.aufs')
PY
	unpack 0
	whiteout gone
	whiteout d/gone
	opaque o
	[ "$(ls -A layer/diff)" = "$(printf 'd\ngone\no')" ]
	pending .directories '["d"]'
}

@test "whiteouts that can hide nothing are not kept, the others' directories are left to settle" {
	archive <<'PY'
add('d/.wh.lower'); add('d/file')
add('o', D); add('o/.wh..wh..opq'); add('o/.wh.x'); add('o/sub/deep/.wh.y'); add('o/kept/.wh.z'); add('o/kept/file')
add('after/.wh.x'); add('after/in', D); add('after/in/.wh.y'); add('after/.wh..wh..opq')
PY
	unpack 0
	whiteout d/lower
	pending .whiteouts '["d"]'
	pending .directories '["after","d"]'
	[ "$(cd layer/diff && find . -mindepth 1 | sort | tr '\n' ' ')" = './after ./after/in ./d ./d/file ./d/lower ./o ./o/kept ./o/kept/file ' ] ||
		fail "$(find layer/diff)"
}

@test "whiteouts that name nothing, or lead somewhere" {
	for name in .wh. .wh... .wh.. d/.wh...; do
		archive <<<"add('$name')"
		refused 'whiteout of no file'
	done
	archive <<<"add('.wh.d/x')"
	refused 'a whiteout is no directory'
}

@test "a whiteout hides the lower layers only, in either order" {
	archive <<'PY'
add('f', data=b'1'); add('.wh.f')
add('d', D); add('d/x'); add('.wh.d')
add('.wh.g'); add('g', data=b'22')
add('.wh.e'); add('e', D); add('e/y')
add('.wh.i'); add('i/z')
PY
	unpack 0
	is f %s 1
	is g %s 2
	is d/x %s 0
	is e/y %s 0
	is i/z %s 0
	opaque d
	opaque e
	opaque i
	[ ! -e layer/pending.json ]
	[ -e layer/implicit-root ]
}

@test "later entries replace earlier ones" {
	archive <<'PY'
add('a', data=b'old'); add('b', H, link='a'); add('a', data=b'newer')
add('d', D); add('d/x/y'); add('d', data=b'file')
add('f', data=b'file'); add('f', D); add('f/in')
add('s', S, link='/etc'); add('s', D); add('s/in')
add('t', D); add('t', S, link='nowhere')
add('m', D, mode=0o700); add('m/x'); add('m', D, mode=0o711, uid=9)
add('self', data=b'self'); add('self', H, link='self')
PY
	unpack 0
	is a '%s %h' '5 1'
	is b '%s %h' '3 1'
	is d '%F %s' 'regular file 4'
	is f/in %s 0
	opaque f
	is s %F directory
	opaque s
	is t %F 'symbolic link'
	is m '%a %u' '711 9'
	is m/x %s 0
	is self %s 4
	[ ! -e layer/pending.json ]
	[ -e layer/implicit-root ]
}

@test "implicit parents and links to lower layers are left to settle" {
	archive <<'PY'
add('b/c/f'); add('a/x'); add('b', D, mode=0o700)
add('l', H, link='/usr/bin/lower'); add('l2', H, link='l')
add('gone', H, link='lower2'); add('gone', data=b'x')
add('o/sub/f'); add('o/.wh..wh..opq')
PY
	unpack 0
	says '"pending":true'
	pending .directories '["a","b/c","o"]'
	pending .links '[{"path":"l","target":"usr/bin/lower"},{"path":"l2","target":"l"}]'
	is a '%a %u %g' '755 0 0'
}

@test "hard links to directories and to deleted files" {
	archive <<<"add('d', D); add('h', H, link='d')"
	refused 'hard link to a directory'
	archive <<<"add('.wh.x'); add('h', H, link='x')"
	refused 'deletes'
}

@test "xattrs: capabilities and user survive, overlayfs' own never" {
	archive <<'PY'
cap = b'\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'.decode('latin1')
X = 'SCHILY.xattr.'
add('ping', data=b'x', mode=0o755, uid=1, pax={X + 'security.capability': cap, X + 'user.note': 'yes', X + 'user.empty': ''})
add('d', D, pax={X + 'user.overlay.opaque': 'y', X + 'trusted.overlay.opaque': 'y', X + 'user.overlay.redirect': '/etc',
	X + 'security.selinux': 'u:r:t', X + 'user.dir': '1'})
PY
	unpack 0
	[ "$(getcap -n "$(at ping)")" = "$(at ping) cap_net_raw=ep" ]
	[ "$(getfattr --only-values -n user.note "$(at ping)")" = yes ]
	[ "$(getfattr -d -m - --absolute-names "$(at d)" | grep -c =)" = 1 ]
	says '4 extended attributes'
}

@test "wrong digest, diff_id, size; truncated and trailing bytes" {
	archive <<<"add('f', data=b'x' * 300000)"
	gzip -n <in.tar >in.gz
	IN=in.gz
	local wrong=sha256:$(printf '0%.0s' {1..64})
	unpack 1 --digest "$wrong"
	says "its digest is $(digest in.gz), not the $wrong"
	says "layer $wrong"
	unpack 1 --diff-id "$wrong"
	says "its diff_id is $(digest in.tar)"
	unpack 1 --size $(($(stat -c %s in.gz) + 1))
	says 'it ends after'
	unpack 1 --size $(($(stat -c %s in.gz) - 1))
	says 'it is longer than'
	unpack 0 --digest "$(digest in.gz)" --diff-id "$(digest in.tar)" --size "$(stat -c %s in.gz)"
	rm -r blob/* layer/*
	head -c 200 in.gz >cut.gz
	IN=cut.gz
	unpack 1 --digest "$(digest in.gz)" --size "$(stat -c %s in.gz)"
	says "layer $(digest in.gz): it ends after 200 of $(stat -c %s in.gz) bytes"
	unpack 1
	says 'compressed data ends too early'
	(cat in.gz; echo garbage) >more.gz
	IN=more.gz
	unpack 1
	says 'behind its gzip data'
	(cat in.gz; head -c 1000 /dev/zero) >pad.gz
	IN=pad.gz
	unpack 0
	rm -r blob/* layer/*
	head -c 100000 in.tar >cut.tar
	IN=cut.tar
	unpack 1
	says "the archive is cut off: 200512 bytes of 'f' are missing"
}

@test "gzip members, zstd frames, plain; a wrong media type" {
	archive <<<"add('f', data=bytes(range(256)) * 4000)"
	for part in 1 7777 600000; do
		(head -c "$part" in.tar | gzip -n; tail -c "+$((part + 1))" in.tar | gzip -n) >in.gz
		IN=in.gz
		unpack 0 --media-compression gzip --diff-id "$(digest in.tar)"
		rm -r blob/* layer/*
	done
	zstd -q in.tar -o in.zst
	IN=in.zst
	unpack 0 --media-compression zstd --diff-id "$(digest in.tar)"
	rm -r blob/* layer/*
	IN=in.tar
	unpack 1 --media-compression gzip
	says 'it is not gzip data'
	unpack 0 --media-compression plain
}

@test "bombs" {
	head -c 300000000 /dev/zero | (python3 -c "
import tarfile,sys
i=tarfile.TarInfo('zeros'); i.size=300000000
sys.stdout.buffer.write(i.tobuf())" && cat) | gzip -1n >bomb.gz
	IN=bomb.gz
	unpack 1 --max-unpacked 1000000
	says 'more than the 1000000 bytes allowed'
	archive <<<"[add('f%d' % i) for i in range(10000)]"
	IN=in.tar
	unpack 1 --max-entries 9999
	says 'more than 9999 entries'
	unpack 0 --max-entries 10000
	says '"entries":10000'
	[ "$(find layer/diff -type f | wc -l)" = 10000 ]
}

@test "a pax header of 1 GB, one of 2 MiB, negative and overflowing sizes, unknown types" {
	python3 - <<'PY'
import tarfile
def head(name, type, size, field=None):
    i = tarfile.TarInfo(name); i.type = type; i.size = size
    b = bytearray(i.tobuf(tarfile.GNU_FORMAT))
    if field: b[124:136] = field
    b[148:156] = b' ' * 8
    b[148:156] = b'%06o\0 ' % sum(b)
    return bytes(b)
for name, b in {
    'gb': head('x', b'x', 1 << 30), 'mb': head('x', b'x', 2 << 20), 'longname': head('x', b'L', 5000) + b'a' * 5120,
    'negative': head('neg', b'0', 0, b'\xff' * 12), 'overflow': head('over', b'0', 0, b'\x80' + b'\xff' * 11),
    'type': head('ty', b'Q', 0), 'checksum': b'x' * 512,
}.items():
    open(name, 'wb').write(b + b'\0' * 1024)
PY
	IN=gb refused 'more than 1 MiB of pax records'
	IN=mb refused 'more than 1 MiB of pax records'
	IN=longname refused 'a name of more than 4095 bytes'
	IN=negative refused "entry 'neg' has a size that is no number, negative"
	IN=overflow refused "entry 'over' has a size"
	IN=type refused "'ty' is of the unknown type 0x51"
	IN=checksum refused 'no tar archive'
}

# sparse FILE - most of it is holes, on disk
sparse() { [ "$(stat -c %b "$(at "$1")")" -lt 1000 ] || fail "$1 takes $(stat -c '%b blocks for %s bytes' "$(at "$1")")"; }

@test "sparse files of all four forms keep their content and their holes" {
	python3 - <<'PY'
def put(name, size, parts):
    with open(name, 'wb') as f:
        for at, data in parts:
            f.seek(at); f.write(data)
        f.truncate(size)
put('many', 9000000, [(i * 70000, b'part %d' % i) for i in range(100)])		# more than a header and a block behind it hold
put('start', 2000000, [(1999000, b'x' * 1000)])
put('hole', 5000000, [])
put('n' * 120, 1 << 20, [(0, b'first'), (500000, b'later')])
open('plain', 'wb').write(b'plain' * 1000)
PY
	mkdir -p links
	ln many links/second
	chown 5:6 many
	touch -d '2001-02-03 04:05:06.789' many
	local form names name
	names=$(printf '%s ' many start hole "$(printf 'n%.0s' {1..120})" plain)
	for form in '--format=gnu' '--format=pax --sparse-version=0.0' '--format=pax --sparse-version=0.1' '--format=pax --sparse-version=1.0'; do
		rm -rf blob/* layer/*
		# shellcheck disable=SC2086 # words
		tar -c --sparse $form -f in.tar $names links
		[ "$(stat -c %s in.tar)" -lt 2000000 ] || fail "$form: nothing is sparse here"
		unpack 0
		for name in $names links/second; do
			cmp "$name" "$(at "$name")" || fail "$form: $name"
		done
		for name in many start hole; do sparse "$name"; done
		is many '%u:%g %h %Y' '5:6 2 981173106'
	done
	is many %.Y 981173106.789000000
}

@test "sparse files count with their holes, however small the archive" {
	truncate -s 10G huge
	tar -c --sparse -f in.tar huge
	unpack 1 --max-unpacked 10000000000
	says "entry 'huge': its sparse files are larger than the 10000000000 bytes allowed"
	python3 - <<'PY'
import tarfile
for name, size in ('max', 2**63 - 1), ('big', 2**62):
    t = tarfile.open(name + '.tar', 'w', format=tarfile.PAX_FORMAT)
    i = tarfile.TarInfo('f')
    i.pax_headers = {'GNU.sparse.major': '0', 'GNU.sparse.minor': '1', 'GNU.sparse.size': str(size), 'GNU.sparse.map': ''}
    t.addfile(i)
    t.close()
PY
	IN=max.tar refused 'larger than the'
	IN=big.tar refused 'larger than the'
}

@test "names: too long, not UTF-8, with escape sequences" {
	archive <<<"add('n' * 256)"
	refused 'too long'
	archive <<<"add('n' * 255); add('/'.join(['d' * 200] * 20), data=b'x')"
	unpack 0
	rm -rf blob/* layer/*
	python3 -c "
import tarfile
t = tarfile.open('in.tar', 'w', format=tarfile.GNU_FORMAT, encoding='latin1')
t.addfile(tarfile.TarInfo('f\xff')); t.close()"
	unpack 0
	[ -e "$(at $'f\xff')" ]
	rm -rf blob/* layer/*
	python3 -c "
import tarfile
t = tarfile.open('in.tar', 'w', format=tarfile.GNU_FORMAT, encoding='latin1')
t.addfile(tarfile.TarInfo('d\xff/f')); t.close()"
	unpack 0
	pending .directories '["d%ff"]'
	[ -e "$(at $'d\xff/f')" ]
	rm -rf blob/* layer/*
	archive <<<"add('100%/x'); add('hard%41', H, link='\u00fc%')"
	unpack 0
	pending .directories '["100%25"]'
	pending .links '[{"path":"hard%2541","target":"ü%25"}]'
	rm -rf blob/* layer/*
	archive <<<"add('\x1b]0;evil\x07/../x')"
	refused '\\033]0;evil\\007'
}

@test "many directories keep their times" {
	archive <<'PY'
for i in range(3000):
    add('directory-with-a-rather-long-name-%04d' % i, D, mtime=1000000000 + i)
    add('directory-with-a-rather-long-name-%04d/f' % i)
PY
	unpack 0
	is directory-with-a-rather-long-name-0000 %Y 1000000000
	is directory-with-a-rather-long-name-2999 %Y 1000002999
	[ "$(ls -A layer | tr '\n' ' ')" = 'boot diff implicit-root ' ]
}

@test "a full disk" {
	mkdir small
	mount -t tmpfs -o size=1m none small
	mkdir small/{blob,layer}
	archive <<<"add('f', data=bytes(3000000))"
	gzip -n <in.tar >in.gz
	local status=0
	"$UNPACK" --blob B layer <in.gz 3>report 4<small/blob 5<small/layer || status=$?
	report=$(tail -n 1 report)
	local left=$(find small/blob small/layer -mindepth 1)
	umount small
	[ "$status" = 1 ]
	[ -z "$left" ]
	says 'No space left on device; the file system of the store is full'
}

@test "what exists is not touched, documents are only kept" {
	archive <<<"add('f')"
	echo mine >blob/B
	run "$UNPACK" --blob B layer <in.tar 3>report 4<blob 5<layer
	[ "$status" = 1 ]
	[ "$(cat blob/B)" = mine ]
	[ -z "$(ls -A layer)" ]
	rm blob/B
	mkdir layer/diff
	run "$UNPACK" --blob B layer <in.tar 3>report 4<blob 5<layer
	[ "$status" = 1 ]
	[ -d layer/diff ]
	[ -z "$(ls -A blob)" ]
	echo '{}' >doc
	"$UNPACK" --blob D --digest "$(digest doc)" --size 3 document <doc 3>report 4<blob
	cmp doc blob/D
	run "$UNPACK" --blob ../E document <doc 3>report 4<blob
	[ "$status" = 1 ]
	[ ! -e E ]
}

@test "in a user namespace: owners, capabilities, whiteouts; devices are left out" {
	unshare -Ur true || skip "no user namespaces: unshare -Ur true fails"
	archive <<'PY'
add('f', data=b'x', mode=0o4755, pax={'SCHILY.xattr.security.capability':
	b'\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'.decode('latin1')})
add('.wh.gone'); add('null', C, dev=(1, 3)); add('d/x'); add('l', H, link='d/x')
PY
	unshare -Ur "$UNPACK" --blob B layer <in.tar 3>report 4<blob 5<layer
	report=$(tail -n 1 report)
	says '1 device nodes'
	is f %a 4755
	whiteout gone
	is l %h 2
	[ ! -e "$(at null)" ]
}
