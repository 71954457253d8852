#!/usr/bin/env python3
"""layoutserver.py LAYOUT - a registry (plain HTTP, reading only) that serves an OCI layout as it is and finds nothing wrong with it:
for images that no registry would take. Any repository name is that layout; tags are its names. Prints "listening PORT" once it does."""
import http.server, json, sys

LAYOUT = sys.argv[1]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        kind, _, what = self.path.rpartition("/")
        try:
            if kind.endswith("/manifests") and not what.startswith("sha256:"):
                index = json.load(open(LAYOUT + "/index.json"))
                what = next(m["digest"] for m in index["manifests"] if m["annotations"]["org.opencontainers.image.ref.name"] == what)
            body = open(LAYOUT + "/blobs/sha256/" + what.removeprefix("sha256:"), "rb").read()
            media = "application/octet-stream"
            if kind.endswith("/manifests"):
                media = json.loads(body).get("mediaType", media)
            self.answer(200, media, body)
        except (OSError, StopIteration):
            self.answer(404, "application/json", b"{}")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print("listening", server.server_port, flush=True)
server.serve_forever()
