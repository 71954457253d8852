#!/usr/bin/env python3
"""hostile.py - makes hostile images, and is the registry that serves them.

	hostile.py DIR [--listen [--log FILE]]

Writes blobs below DIR, prints "image NAME" for each image (see images() for what is wrong with which), and with --listen serves them
as 127.0.0.1:PORT/NAME:latest over plain HTTP ("listening PORT"). --log: a line for each request.
"""
import gzip, hashlib, http.server, io, json, os, sys, tarfile

F, D, S, H, C = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE
OCI = "application/vnd.oci.image."
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
DIR = sys.argv[1]
manifests = {}      # name: (media type, bytes)
UP = "../" * 12


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def blob(data, kind):
    with open(f"{DIR}/{sha(data)[7:]}", "wb") as f:
        f.write(data)
    return {"mediaType": kind, "digest": sha(data), "size": len(data)}


def blob_as(digest, data):
    with open(f"{DIR}/{digest[7:]}", "wb") as f:
        f.write(data)


def tar(*entries, form=tarfile.PAX_FORMAT, encoding="utf-8"):
    out = io.BytesIO()
    t = tarfile.open(fileobj=out, mode="w", format=form, encoding=encoding)
    for name, *more in entries:
        i = tarfile.TarInfo(name)
        options = more[0] if more else {}
        data = options.get("data", b"evil\n") if options.get("type", F) == F else b""
        i.type, i.size, i.linkname, i.pax_headers = options.get("type", F), len(data), options.get("link", ""), options.get("pax", {})
        i.mode, i.uid, i.devmajor, i.devminor = options.get("mode", 0o755), options.get("uid", 0), *options.get("dev", (0, 0))
        t.addfile(i, io.BytesIO(data))
    t.close()
    return out.getvalue()


def header(name, type, size, field=None):
    i = tarfile.TarInfo(name)
    i.type, i.size = type, size
    b = bytearray(i.tobuf(tarfile.GNU_FORMAT))
    if field:
        b[124:136] = field
    b[148:156] = b" " * 8
    b[148:156] = b"%06o\0 " % sum(b)
    return bytes(b)


def add(name, *layers, config={}, change=None, diff_ids=None, packed=False):
    """an image of these archives; `change` may damage its manifest, and is told the document"""
    descriptors = [blob(data, OCI + ("layer.v1.tar+gzip" if packed else "layer.v1.tar")) for data in layers]
    document = {"architecture": MACHINE, "os": "linux", "config": {"Cmd": ["sh"], **config},
                "rootfs": {"type": "layers", "diff_ids": diff_ids or [sha(data) for data in layers]}}
    manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                "config": blob(json.dumps(document).encode(), OCI + "config.v1+json"), "layers": descriptors}
    if change:
        change(manifest)
    manifests[name] = (OCI + "manifest.v1+json", json.dumps(manifest).encode())


def images(busybox, outside):
    base = open(busybox, "rb").read()
    # names
    add("up", tar((UP + "canary/up",)))
    add("up-later", tar(("a/b/../../" + UP + "canary/up",)))
    add("up-link", tar(("h", {"type": H, "link": UP + "etc/passwd"})))
    add("whiteout-up", tar(("d/.wh...",)))
    add("whiteout-slash", tar((".wh.d/x",)))
    add("whiteout-nothing", tar((".wh.",)))
    add("long", tar(("n" * 256,)))
    add("long-path", tar(("/".join(["d" * 200] * 25),)))
    add("parent-file", tar(("f",), ("f/x",)))
    add("loop", tar(("a", {"type": S, "link": "b"}), ("b", {"type": S, "link": "a"}), ("a/x",)))
    add("link-directory", tar(("d", {"type": D}), ("h", {"type": H, "link": "d"})))
    add("escape-sequence", tar(("\x1b]0;evil\x07" + UP + "x",)))
    # these are images, whose names lead nowhere but into the layer
    add("absolute", base, tar(("/canary/absolute",), (outside + "/absolute",)))
    add("symlink", base, tar(("way", {"type": S, "link": outside}), ("way/symlink",), ("way/canary", {"data": b"overwritten\n"})))
    add("symlink-up", base, tar(("way", {"type": S, "link": UP + outside[1:]}), ("way/up",)))
    add("symlink-earlier", base, tar(("way", {"type": S, "link": outside})), tar(("way/earlier",), ("way/canary",), ("way/.wh.canary",)))
    add("link-earlier", base, tar(("way", {"type": S, "link": outside})), tar(("h", {"type": H, "link": "way/canary"})))
    add("link-absolute", base, tar(("h", {"type": H, "link": outside + "/canary"})))
    add("opaque", base, tar(("way", {"type": S, "link": outside})), tar(("way/.wh..wh..opq",), ("way/new",)))
    add("opaque-xattr", base, tar(("bin", {"type": D, "pax": {"SCHILY.xattr.user.overlay.opaque": "y", "SCHILY.xattr.trusted.overlay.opaque": "y",
                                                                "SCHILY.xattr.user.overlay.redirect": outside}})))
    add("whiteout-node", base, tar(("bin", {"type": C})))
    add("not-utf8", base, tar(("d\xff/f\xfe", {"data": b"bytes\n"}), form=tarfile.GNU_FORMAT, encoding="latin1"))
    # what carrier itself reads and writes in a rootfs
    passwd = ("root:x:0:0::/:/bin/sh\n" * 3).encode()
    for path in "passwd", "group", "hosts", "hostname", "resolv.conf":
        add("etc-" + path, base, tar(("etc/" + path, {"type": S, "link": outside + "/" + path})))
        add("up-" + path, base, tar(("etc/" + path, {"type": S, "link": UP + outside[1:] + "/" + path})))
    add("etc-link", base, tar(("etc", {"type": S, "link": outside})))
    add("device-passwd", base, tar(("etc/passwd", {"type": C, "dev": (1, 5)})), config={"User": "app"})
    add("fifo-passwd", base, tar(("etc/passwd", {"type": tarfile.FIFOTYPE})), config={"User": "app"})
    add("huge-passwd", base, tar(("etc/passwd", {"data": passwd * 40000})), config={"User": "app"})
    add("workdir", base, config={"WorkingDir": UP + outside[1:] + "/workdir"})
    add("workdir-link", base, tar(("way", {"type": S, "link": outside})), config={"WorkingDir": "/way/workdir"})
    add("volumes", base, config={"Volumes": {UP + outside[1:]: {}, outside + "/volume": {}, "/way/../../../../../.." + outside: {}}})
    add("user", base, config={"User": "0 0"})
    add("groups", base, tar(("etc/group", {"data": b"root:x:0:\napp:x:1001:\nextra:x:1002:app\nother:x:1003:root,application\nlast:x:1004:root,app"})),
        config={"User": "app"})
    add("group-gone", base, tar(("etc/.wh.group",)), config={"User": "app"})
    # digests
    one = tar(("f",))

    def layer(**change):
        return lambda m: m["layers"][0].update(change)

    def setting(**change):
        return lambda m: m["config"].update(change)

    add("upper-case", one, change=layer(digest=sha(one).upper().replace("SHA", "sha")))
    add("upper-case-algorithm", one, change=layer(digest=sha(one).replace("sha", "SHA")))
    add("md5", one, change=layer(digest="md5:" + hashlib.md5(one).hexdigest()))
    add("no-algorithm", one, change=layer(digest=sha(one)[7:]))
    add("short", one, change=layer(digest=sha(one)[:-2]))
    add("long-digest", one, change=layer(digest=sha(one) + "00"))
    add("path-digest", one, change=layer(digest="sha256:" + ("../" * 22)[:64]))
    add("other-digest", one, change=layer(digest=sha(one + b"x")))
    blob_as(sha(one + b"x"), one)
    add("too-small", one, change=layer(size=len(one) - 1))
    add("too-large", one, change=layer(size=len(one) + 1))
    add("negative", one, change=layer(size=-1))
    add("config-digest", one, change=setting(digest=sha(one)))
    add("config-size", one, change=setting(size=1))
    add("config-path", one, change=setting(digest="sha256:../../../../../../etc/passwd"))
    add("diff-id", one, diff_ids=[sha(b"another")])
    add("diff-id-form", one, diff_ids=["sha256:../../../etc"])
    add("diff-ids-count", one, diff_ids=[sha(one), sha(one)])
    # two documents in one (CVE-2021-41190), and layers from elsewhere
    add("both", one, change=lambda m: m.update(manifests=[]))
    both = json.loads(manifests["both"][1])
    manifests["both-index"] = (OCI + "index.v1+json", json.dumps({**both, "mediaType": OCI + "index.v1+json", "manifests": []}).encode())
    manifests["other-type"] = (OCI + "index.v1+json", manifests["up"][1])
    add("foreign", one, change=layer(mediaType="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", urls=["http://127.0.0.1:1/x"]))
    # bombs
    add("records", header("x", b"x", 1 << 30) + bytes(1024))
    add("long-name", header("x", b"L", 1 << 30) + bytes(1024))
    add("overflow", header("over", b"0", 0, b"\x80" + b"\xff" * 11) + bytes(1024))
    add("holes", tar(("f", {"data": b"", "pax": {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.size": str(1 << 62), "GNU.sparse.map": ""}})))
    add("endless", one)
    # 10 million entries, 10 GB of zeros: members of gzip, the same one again and again; of names that are skipped, to be quick
    member = gzip.compress(header(".wh..wh.x", b"0", 0) * 10000, mtime=0)
    add("entries", member * 1000, diff_ids=[sha(b"never known")], packed=True)
    member = gzip.compress(bytes(8 << 20), mtime=0)
    add("zeros", gzip.compress(header("zeros", b"0", 0, b"\x80" + (10 << 30).to_bytes(11, "big")), mtime=0) + member * 1280,
        diff_ids=[sha(b"never known")], packed=True)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        with open(sys.argv[4], "a") as log:
            log.write(self.path + "\n")

    def answer(self, kind, data, *more):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        for name, value in more or [("Content-Length", str(len(data)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        part = self.path.split("/")
        if part[-2:-1] == ["manifests"] and part[2] in manifests:
            return self.answer(*manifests[part[2]])
        try:
            data = open(f"{DIR}/{os.path.basename(part[-1])[7:]}", "rb").read()
        except OSError:
            return self.send_error(404)
        if part[2] == "endless" and data[:1] == b"f":
            self.answer("x", b"", ("Transfer-Encoding", "chunked"))
            try:
                while True:
                    self.wfile.write(b"10000\r\n" + bytes(65536) + b"\r\n")
            except OSError:
                return
        self.answer("application/octet-stream", data)


os.makedirs(DIR, exist_ok=True)
images(os.environ["BUSYBOX_TAR"], os.environ["HOST_DIR"])
for name in manifests:
    print("image", name)
if "--listen" in sys.argv:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print("listening", server.server_port, flush=True)
    server.serve_forever()
