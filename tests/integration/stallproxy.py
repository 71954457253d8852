#!/usr/bin/env python3
"""stallproxy.py HOST:PORT - stands before a registry (plain HTTP) and sends half of every body over 1 MB, then nothing more: a
transfer that can be interrupted in its middle. Prints "listening PORT" once it does."""
import http.client, http.server, sys, time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        upstream = http.client.HTTPConnection(sys.argv[1], timeout=60)
        upstream.request("GET", self.path, headers={k: v for k, v in self.headers.items() if k.lower() != "host"})
        answer = upstream.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "date"):
                self.send_header(name, value)
        self.end_headers()
        if len(body) <= 1000000:
            return self.wfile.write(body)
        self.wfile.write(body[:len(body) // 2])
        self.wfile.flush()
        time.sleep(3600)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print("listening", server.server_port, flush=True)
server.serve_forever()
