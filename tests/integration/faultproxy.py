#!/usr/bin/env python3
"""faultproxy.py - stands before a registry (plain HTTP) and breaks things, for tests.

	faultproxy.py --to HOST:PORT [--port N] [--tls CERT KEY] [--log FILE] FAULT...

Faults, for paths with /blobs/ (with `manifests:` before it: /manifests/; with `any:`: all):
	cut=N[,TIMES]          end the connection after N bytes of a body (TIMES: so many times; else always)
	status=N[,TIMES]       answer with this status; 429 and 503 with Retry-After: 1
	wrong                  change a byte in the middle of the body
	norange                hide Range requests from the registry: it answers 200 with everything
	redirect=URL           answer 307 to URL + path; with "self" as URL: to itself, for ever
	chunked                without Content-Length
	endless                after the body comes more, without end (chunked)
	slow                   send the headers, then nothing
	stall=N                send N bytes of a body, then nothing
	rate=N                 send at most N bytes a second
	pause=MS[,TIMES]       wait before the request is passed on
	dies                   once a cut has struck, every request is answered 404
	unauthorized=TEXT      answer 401 with TEXT as WWW-Authenticate
	challenge=TEXT         put TEXT in place of the registry's own WWW-Authenticate; in it {realm}, {service} and {scope} are what
	                       the registry named; " || " separates several headers. (any:)
	document=TYPE:FILE     answer with this file, of this type; with `search:` before it, for /v1/search
--log: one JSON line a request: method, path, host, range, protocol, and of Authorization only its scheme.
Prints "listening PORT" once it does.
"""
import argparse, http.client, http.server, json, re, ssl, threading, time

lock = threading.Lock()


class Fault:
    def __init__(self, text):
        places = {"manifests:": "/manifests/", "any:": "/", "search:": "/v1/search"}
        named = next((p for p in places if text.startswith(p)), "")
        self.where = places.get(named, "/blobs/")
        text = text.removeprefix(named)
        self.name, _, value = text.partition("=")
        self.value, _, times = value.partition(",") if self.name in ("cut", "status", "pause") else (value, "", "")
        self.times = int(times) if times else -1

    def strikes(self, path):
        with lock:
            if self.where not in path or self.times == 0:
                return False
            self.times -= 1
            return True


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def finish_here(self):
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(2)

    def note(self):
        if self.server.args.log:
            with lock, open(self.server.args.log, "a") as f:
                f.write(json.dumps({"method": self.command, "path": self.path, "host": self.headers.get("Host"),
                                    "range": self.headers.get("Range"), "at": time.time(),
                                    "authorization": self.headers.get("Authorization", "").split(" ")[0]}) + "\n")

    def do_GET(self):
        self.note()
        faults = {f.name: f.value for f in self.server.faults if f.strikes(self.path)}
        if "pause" in faults:
            time.sleep(int(faults["pause"]) / 1000)
        if "unauthorized" in faults:
            self.send_response(401)
            self.send_header("WWW-Authenticate", faults["unauthorized"])
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if "document" in faults:
            kind, _, path = faults["document"].partition(":")
            data = open(path, "rb").read()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            return self.wfile.write(data)
        if getattr(self.server, "dead", False):
            faults["status"] = "404"
        if "status" in faults:
            self.send_response(int(faults["status"]))
            if faults["status"] in ("429", "503"):
                self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if "redirect" in faults:
            url = faults["redirect"]
            self.send_response(307)
            self.send_header("Location", self.path if url == "self" else url + self.path)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        self.forward(faults)

    def forward(self, faults):
        upstream = http.client.HTTPConnection(self.server.args.to, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() != "host" and not (k.lower() == "range" and "norange" in faults)}
        headers["Host"] = self.server.args.to
        upstream.request("GET", self.path, headers=headers)
        answer = upstream.getresponse()
        self.send_response(answer.status)
        chunked = "chunked" in faults or "endless" in faults
        for name, value in answer.getheaders():
            if name.lower() == "www-authenticate" and "challenge" in faults:
                named = {"realm": "", "service": "", "scope": ""} | dict(re.findall(r'(\w+)="([^"]*)"', value))
                for text in faults["challenge"].split(" || "):
                    for key in ("realm", "service", "scope"):
                        text = text.replace("{" + key + "}", named[key])
                    self.send_header("WWW-Authenticate", text)
                continue
            if name.lower() not in ("connection", "transfer-encoding", "date") and not (chunked and name.lower() == "content-length"):
                self.send_header(name, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if "slow" in faults:
            self.wfile.flush()
            time.sleep(3600)
        self.body(answer, faults, chunked)

    def send(self, data, chunked):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data) if chunked else data)

    def body(self, answer, faults, chunked):
        sent, cut = 0, int(faults["cut"]) if "cut" in faults else None
        try:
            size = max(1, min(65536, int(faults["rate"]) // 10)) if "rate" in faults else 65536
            while data := answer.read(size):
                if "rate" in faults:
                    time.sleep(len(data) / int(faults["rate"]))
                if "stall" in faults and sent + len(data) > int(faults["stall"]):
                    self.send(data[:int(faults["stall"]) - sent], chunked)
                    self.wfile.flush()
                    time.sleep(3600)
                if cut is not None and sent + len(data) > cut:
                    self.send(data[:cut - sent], chunked)
                    self.server.dead = "dies" in faults
                    return self.finish_here()
                if "wrong" in faults and sent == 0:
                    half = len(data) // 2
                    data = data[:half] + bytes([data[half] ^ 1]) + data[half + 1:]
                self.send(data, chunked)
                sent += len(data)
            while "endless" in faults:
                self.send(bytes(65536), True)
            if chunked:
                self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--to", required=True)
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--tls", nargs=2)
    p.add_argument("--log")
    p.add_argument("faults", nargs="*")
    args = p.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", args.port), Handler)
    server.daemon_threads = True
    if args.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*args.tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.args = args
    server.faults = [Fault(text) for text in args.faults]
    print("listening", server.server_port, flush=True)
    server.serve_forever()


main()
