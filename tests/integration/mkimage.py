#!/usr/bin/env python3
"""mkimage.py - makes images as OCI layouts, byte by byte as the tests want them.

	mkimage.py image [--config JSON] [--platform OS/ARCH] [--config-type TYPE] [--layer-type TYPE] LAYOUT TAG LAYER...
	mkimage.py index LAYOUT TAG TAG...        an index over images that are there
	mkimage.py tar FILE                       python on stdin that calls add(NAME, type=..., data=..., ...) makes an archive

A LAYER is a tar file, stored compressed; with `plain:` before it, stored as it is; with `garbage:`, the file is stored as it is but
called compressed; `packed:FILE=TAR` stores FILE as it is, which somebody has made of TAR.
"""
import argparse, gzip, hashlib, io, json, os, sys, tarfile

OCI = "application/vnd.oci.image."


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def blob(layout, data, kind, **more):
    os.makedirs(layout + "/blobs/sha256", exist_ok=True)
    with open(layout + "/blobs/sha256/" + sha(data)[7:], "wb") as f:
        f.write(data)
    return {"mediaType": kind, "digest": sha(data), "size": len(data), **more}


def read_index(layout):
    try:
        return json.load(open(layout + "/index.json"))
    except FileNotFoundError:
        return {"schemaVersion": 2, "manifests": []}


def name(layout, descriptor, tag):
    index = read_index(layout)
    index["manifests"] = [m for m in index["manifests"] if m["annotations"]["org.opencontainers.image.ref.name"] != tag]
    index["manifests"].append({**descriptor, "annotations": {"org.opencontainers.image.ref.name": tag}})
    json.dump(index, open(layout + "/index.json", "w"))
    json.dump({"imageLayoutVersion": "1.0.0"}, open(layout + "/oci-layout", "w"))
    print(descriptor["digest"])


def layer(layout, text, kind):
    how, _, path = text.rpartition(":")
    if how == "packed":
        path, _, tar = path.partition("=")
        return blob(layout, open(path, "rb").read(), kind or OCI + "layer.v1.tar+gzip"), sha(open(tar, "rb").read())
    data = open(path, "rb").read()
    if how == "plain":
        return blob(layout, data, kind or OCI + "layer.v1.tar"), sha(data)
    packed = data if how == "garbage" else gzip.compress(data, 1, mtime=0)
    return blob(layout, packed, kind or OCI + "layer.v1.tar+gzip"), sha(data)


def image(args):
    layers = [layer(args.layout, text, args.layer_type) for text in args.layers]
    system, architecture = args.platform.split("/")
    config = {"created": "2024-01-01T00:00:00Z", "architecture": architecture, "os": system, "config": json.loads(args.config),
              "rootfs": {"type": "layers", "diff_ids": [diff for _, diff in layers]},
              "history": [{"created": "2024-01-01T00:00:00Z", "created_by": "mkimage"} for _ in layers]}
    manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                "config": blob(args.layout, json.dumps(config).encode(), args.config_type), "layers": [d for d, _ in layers]}
    name(args.layout, blob(args.layout, json.dumps(manifest).encode(), manifest["mediaType"],
                           platform={"os": system, "architecture": architecture}), args.tag)


def index(args):
    known = {m["annotations"]["org.opencontainers.image.ref.name"]: m for m in read_index(args.layout)["manifests"]}
    manifests = [{k: v for k, v in known[tag].items() if k != "annotations"} for tag in args.tags]
    text = json.dumps({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": manifests}).encode()
    name(args.layout, blob(args.layout, text, OCI + "index.v1+json"), args.tag)


def archive(args):
    t = tarfile.open(args.file, "w", format=tarfile.PAX_FORMAT)

    def add(path, type=tarfile.REGTYPE, data=b"", mode=0o644, uid=0, gid=0, link="", pax={}, mtime=1000000000):
        i = tarfile.TarInfo(path)
        i.type, i.size, i.mode, i.uid, i.gid, i.linkname, i.pax_headers, i.mtime = type, len(data), mode, uid, gid, link, pax, mtime
        t.addfile(i, io.BytesIO(data))

    exec(sys.stdin.read(), {"add": add, "tarfile": tarfile})
    t.close()


def main():
    p = argparse.ArgumentParser()
    commands = p.add_subparsers(required=True)
    c = commands.add_parser("image")
    c.set_defaults(do=image)
    c.add_argument("layout")
    c.add_argument("tag")
    c.add_argument("--config", default="{}")
    c.add_argument("--platform", default="linux/" + {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine))
    c.add_argument("--config-type", default=OCI + "config.v1+json")
    c.add_argument("--layer-type")
    c.add_argument("layers", nargs="*")
    c = commands.add_parser("index")
    c.set_defaults(do=index)
    c.add_argument("layout")
    c.add_argument("tag")
    c.add_argument("tags", nargs="+")
    c = commands.add_parser("tar")
    c.set_defaults(do=archive)
    c.add_argument("file")
    args = p.parse_args()
    args.do(args)


main()
