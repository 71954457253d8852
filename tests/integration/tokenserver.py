#!/usr/bin/env python3
"""tokenserver.py - a token server for tests: what a registry with `auth: token` names as its realm.

	tokenserver.py --make-key DIR           makes DIR/token.key and DIR/token.crt (openssl) for both sides, and ends
	tokenserver.py --key K --cert C --issuer NAME [--port N] [--user NAME:PASSWORD] [--expires S] [--life S]
		[--tls CERT KEY] [--log FILE]

Issues RS256 tokens for whatever scope is asked for; the certificate travels in the token (x5c), so that the registry checks it
against its rootcertbundle. --user: only who shows these credentials gets one. --life: seconds for which a token is really valid,
when it is to be shorter than what `expires_in` says (--expires); docker-registry grants 60 seconds more, so -57 is 3 seconds. --log: one JSON line a request; of credentials only the user's name.
Prints "listening PORT" once it does.
"""
import argparse, base64, http.server, json, os, ssl, subprocess, threading, time, urllib.parse, uuid


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_key(directory):
    os.makedirs(directory, exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=token test",
                    "-keyout", directory + "/token.key", "-out", directory + "/token.crt"], check=True, stderr=subprocess.DEVNULL)


def sign(text, key):
    return subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=text.encode(), stdout=subprocess.PIPE, check=True).stdout


def make_token(args, service, scopes, user):
    pem = open(args.cert).read().split("-----")[2]
    header = {"typ": "JWT", "alg": "RS256", "x5c": ["".join(pem.split())]}
    access = []
    for scope in scopes:
        kind, rest = scope.split(":", 1)
        name, actions = rest.rsplit(":", 1)
        access.append({"type": kind, "name": name, "actions": actions.split(",")})
    now = int(time.time())
    claims = {"iss": args.issuer, "sub": user or "", "aud": service, "exp": now + (args.expires if args.life is None else args.life), "nbf": now - 120,
              "iat": now, "jti": str(uuid.uuid4()), "access": access}
    text = b64(json.dumps(header).encode()) + "." + b64(json.dumps(claims).encode())
    return text + "." + b64(sign(text, args.key))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, what):
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        args = self.server.args
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        shown = self.headers.get("Authorization", "")
        user = None
        if shown.startswith("Basic "):
            user = base64.b64decode(shown[6:]).decode()
        if args.log:
            with open(args.log, "a") as f:
                f.write(json.dumps({"scope": query.get("scope", []), "service": query.get("service", []),
                                    "authorization": shown.split(" ")[0], "user": user and user.split(":")[0]}) + "\n")
        if (args.user or user) and user != args.user:
            return self.answer(401, {"details": "incorrect username or password"})
        token = make_token(args, query.get("service", [""])[0], query.get("scope", []), user and user.split(":")[0])
        self.answer(200, {"token": token, "expires_in": args.expires})


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--make-key")
    p.add_argument("--key")
    p.add_argument("--cert")
    p.add_argument("--issuer", default="test")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--user")
    p.add_argument("--expires", type=int, default=300)
    p.add_argument("--life", type=int)
    p.add_argument("--tls", nargs=2)
    p.add_argument("--log")
    args = p.parse_args()
    if args.make_key:
        return make_key(args.make_key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", args.port), Handler)
    server.args = args
    if args.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*args.tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print("listening", server.server_port, flush=True)
    server.serve_forever()


main()
