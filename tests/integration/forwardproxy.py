#!/usr/bin/env python3
"""forwardproxy.py - an HTTP proxy as companies have them, for tests: CONNECT, and requests with a whole URL.

	forwardproxy.py [--user NAME:PASSWORD] [--log FILE]

--user: only who shows these in Proxy-Authorization is served. --log: one JSON line a request: method, target, and whether an
Authorization that is not for the proxy could be seen. Prints "listening PORT" once it does.
"""
import argparse, base64, http.client, http.server, json, select, socket, threading, urllib.parse

lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def may(self):
        args = self.server.args
        with lock, open(args.log or "/dev/null", "a") as f:
            f.write(json.dumps({"method": self.command, "target": self.path, "seen": "Authorization" in self.headers}) + "\n")
        if not args.user or self.headers.get("Proxy-Authorization") == "Basic " + base64.b64encode(args.user.encode()).decode():
            return True
        self.send_response(407)
        self.send_header("Proxy-Authenticate", "Basic")
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def do_CONNECT(self):
        if not self.may():
            return
        host, _, port = self.path.rpartition(":")
        other = socket.create_connection((host.strip("[]"), int(port)))
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        while True:
            ready = select.select([self.connection, other], [], [])[0]
            for s in ready:
                data = s.recv(65536)
                if not data:
                    return other.close()
                (other if s is self.connection else self.connection).sendall(data)

    def do_GET(self):
        if not self.may():
            return
        url = urllib.parse.urlsplit(self.path)
        upstream = http.client.HTTPConnection(url.netloc, timeout=60)
        hop = ("host", "proxy-authorization", "proxy-connection", "connection")
        upstream.request("GET", url.path + ("?" + url.query if url.query else ""), headers={k: v for k, v in self.headers.items() if k.lower() not in hop})
        answer = upstream.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "date", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--user")
    p.add_argument("--log")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.args = p.parse_args()
    print("listening", server.server_port, flush=True)
    server.serve_forever()


main()
