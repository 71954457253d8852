#!/usr/bin/env python3
"""countproxy.py - stands before a registry (plain HTTP) and counts what it sends of blobs, for tests.

	countproxy.py --to HOST:PORT --sent FILE [--stall PERCENT] [--rate BYTES] [--page N]

--sent	one JSON line for each body of a blob when it ends, however it ends: path, range, sent (bytes), total (of the whole blob),
	at (when it was asked for, in seconds since the epoch)
--stall	of blobs over 2 MB that are asked for from the start, so much is sent, then nothing more
--rate	so many bytes a second, of each body
--page	lists of tags have at most N on a page
Prints "listening PORT" once it does.
"""
import argparse, http.client, http.server, json, re, threading, time

lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        args, at = self.server.args, time.time()
        path = re.sub(r"\bn=\d+", "n=%d" % args.page, self.path) if args.page else self.path
        upstream = http.client.HTTPConnection(args.to, timeout=60)
        upstream.request("GET", path, headers={k: v for k, v in self.headers.items() if k.lower() != "host"})
        answer = upstream.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "date"):
                self.send_header(name, value)
        self.end_headers()
        length = int(answer.getheader("Content-Length") or 0)
        total = int((answer.getheader("Content-Range") or "/%d" % length).rpartition("/")[2])
        stop = total * args.stall // 100 if args.stall and total > 2000000 and not self.headers.get("Range") else None
        sent = 0
        try:
            while data := answer.read(16384 if args.rate else 65536):
                if stop is not None and sent + len(data) > stop:
                    self.wfile.write(data[:stop - sent])
                    sent = stop
                    self.wfile.flush()
                    self.connection.settimeout(3600)
                    self.connection.recv(1)     # the other side goes
                    break
                self.wfile.write(data)
                sent += len(data)
                if args.rate:
                    time.sleep(len(data) / args.rate)
        except OSError:
            self.close_connection = True
        if "/blobs/" in path and answer.status < 300:
            with lock, open(args.sent, "a") as f:
                f.write(json.dumps({"path": path, "range": self.headers.get("Range"), "sent": sent, "total": total, "at": at}) + "\n")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--to", required=True)
    p.add_argument("--sent", required=True)
    p.add_argument("--stall", type=int)
    p.add_argument("--rate", type=int)
    p.add_argument("--page", type=int)
    args = p.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.args = args
    print("listening", server.server_port, flush=True)
    server.serve_forever()


main()
