#!/usr/bin/env python3
"""pushproxy.py - stands before a registry (plain HTTP) while something is pushed to it, and breaks things, for tests.

	pushproxy.py --to HOST:PORT [--log FILE] FAULT...

Faults (TIMES: so many times; else always):
	status=METHOD,N[,TIMES]  answer requests of this method for blobs with this status; 429 and 503 with Retry-After: 1
	put-manifest=N           answer PUT of a manifest with this status and an error of distribution-spec
	cut=N[,TIMES]            end the connection after N bytes of a blob's body
	sessions                 keep upload sessions itself, so that a broken one can be gone on with: GET tells how much is there
	absolute=HOST:PORT       name absolute places for sessions, on that host
	redirect=HOST:PORT       answer PUT of a blob with 307 to the same path there
	stall                    take a blob's body, and never answer
	lie                      say that another digest was stored
--log: one JSON line a request: method, path, host, range, bytes, and of Authorization only its scheme.
Prints "listening PORT" once it does.
"""
import argparse, http.client, http.server, json, threading, time, urllib.parse

lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def fault(self, name, counted=False):
        """the value of a fault that strikes now, or None"""
        with lock:
            for f in self.server.faults:
                if f[0] == name and (not counted or f[2] != 0):
                    if counted:
                        f[2] -= 1
                    return f[1]
        return None

    def note(self, received):
        if self.server.args.log:
            with lock, open(self.server.args.log, "a") as f:
                f.write(json.dumps({"method": self.command, "path": self.path, "host": self.headers.get("Host"), "bytes": received,
                                    "range": self.headers.get("Content-Range"),
                                    "authorization": self.headers.get("Authorization", "").split(" ")[0]}) + "\n")

    def reply(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def hang_up(self):
        self.close_connection = True
        self.connection.shutdown(2)

    def is_blob_body(self):
        return self.command in ("PUT", "PATCH") and "/blobs/" in self.path

    def receive(self):
        """the request's body; None when it was cut, after keeping what a session is to have of it"""
        length, data, cut = int(self.headers.get("Content-Length") or 0), b"", None
        if self.is_blob_body() and length:
            value = self.fault("cut")
            if value is not None and length > int(value):
                value = self.fault("cut", True)
                cut = None if value is None else int(value)
        while len(data) < length and (cut is None or len(data) < cut):
            more = self.rfile.read(min(65536, length - len(data)))
            if not more:
                break
            data += more
        if cut is not None:
            data = data[:cut]
            if self.fault("sessions") is not None:
                self.keep(data)
            else:
                self.forward(data, cut=length)
            self.note(len(data))
            self.hang_up()
            return None
        self.note(len(data))
        return data

    def do_any(self):
        data = self.receive()
        if data is None:
            return
        for f in list(self.server.faults):
            if f[0] == "status" and "/blobs/" in self.path and f[1].startswith(self.command + ",") and f[2] != 0:
                f[2] -= 1
                status = int(f[1].split(",")[1])
                return self.reply(status, [("Retry-After", "1")] if status in (429, 503) else [])
        status = self.fault("put-manifest")
        if status and self.command == "PUT" and "/manifests/" in self.path:
            text = {"errors": [{"code": "MANIFEST_INVALID", "message": "manifest invalid by test"}]}
            return self.reply(int(status), [("Content-Type", "application/json")], json.dumps(text).encode())
        if self.is_blob_body() and self.fault("stall") is not None:
            time.sleep(3600)
        target = self.fault("redirect")
        if target and self.is_blob_body():
            return self.reply(307, [("Location", "http://" + target + self.path)])
        if self.fault("sessions") is not None and "/blobs/uploads/" in self.path:
            return self.session(data)
        self.forward(data)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_any

    # sessions of its own

    def id(self):
        return urllib.parse.urlsplit(self.path).path.rsplit("/", 1)[1]

    def keep(self, data):
        with lock:
            self.server.sessions[self.id()] = self.server.sessions.get(self.id(), b"") + data

    def session(self, data):
        place = urllib.parse.urlsplit(self.path)
        if self.command == "POST":
            with lock:
                self.server.count += 1
                number = str(self.server.count)
                self.server.sessions[number] = b""
            return self.reply(202, [("Location", place.path + number + "?state=a%2Fb")])
        if self.id() not in self.server.sessions or "state=a%2Fb" not in place.query:
            return self.reply(404)
        have = len(self.server.sessions[self.id()])
        if self.command == "GET":
            return self.reply(204, [("Range", "0-%d" % max(have - 1, 0)), ("Location", self.path)])
        start = int((self.headers.get("Content-Range") or "0-0").split("-")[0])
        if data and start != have:
            return self.reply(416)
        self.keep(data)
        if self.command == "PATCH":
            return self.reply(202, [("Location", self.path)])
        return self.commit(place)

    def commit(self, place):
        whole = self.server.sessions.pop(self.id())
        digest = urllib.parse.parse_qs(place.query)["digest"][0]
        upstream = http.client.HTTPConnection(self.server.args.to, timeout=60)
        upstream.request("POST", place.path.rsplit("/", 1)[0] + "/")
        answer = upstream.getresponse()
        answer.read()
        where = urllib.parse.urlsplit(answer.getheader("Location"))
        upstream.request("PUT", where.path + "?" + where.query + "&digest=" + digest, body=whole)
        answer = upstream.getresponse()
        self.reply(answer.status, [], answer.read())

    # the registry behind

    def forward(self, data, cut=None):
        upstream = http.client.HTTPConnection(self.server.args.to, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "expect", "content-length")}
        # "host" stays ours, so that the places which the registry names lead through us
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        upstream.putheader("Host", self.headers["Host"])
        for name, value in headers.items():
            upstream.putheader(name, value)
        if self.command in ("POST", "PUT", "PATCH"):
            upstream.putheader("Content-Length", str(len(data) if cut is None else cut))
        upstream.endheaders()
        if data:
            upstream.send(data)
        if cut is not None:
            time.sleep(0.2)
            return upstream.close()
        answer = upstream.getresponse()
        body = answer.read()
        out, host = [], self.fault("absolute")
        for name, value in answer.getheaders():
            if name.lower() in ("connection", "transfer-encoding", "date") or (name.lower() == "content-length" and self.command != "HEAD"):
                continue
            if name.lower() == "docker-content-digest" and self.fault("lie") is not None:
                value = "sha256:" + "0" * 64
            if name.lower() == "location" and host:
                place = urllib.parse.urlsplit(value)
                value = "http://" + host + place.path + ("?" + place.query if place.query else "")
            out.append((name, value))
        self.send_response(answer.status)
        for name, value in out:
            self.send_header(name, value)
        if self.command != "HEAD" and answer.status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--to", required=True)
    p.add_argument("--log")
    p.add_argument("faults", nargs="*")
    args = p.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.args, server.sessions, server.count, server.faults = args, {}, 0, []
    for text in args.faults:
        name, _, value = text.partition("=")
        times, parts = -1, value.split(",")
        if (name == "cut" and len(parts) == 2) or (name == "status" and len(parts) == 3):
            times, value = int(parts[-1]), ",".join(parts[:-1])
        server.faults.append([name, value, times])
    print("listening", server.server_port, flush=True)
    server.serve_forever()


main()
