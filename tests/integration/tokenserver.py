#!/usr/bin/env python3
"""tokenserver.py - a token server for tests: what a registry with `auth: token` names as its realm.

	tokenserver.py --make-key DIR           makes DIR/token.key and DIR/token.crt (openssl) for both sides, and ends
	tokenserver.py --key K --cert C --issuer NAME [--port N] [--user NAME:PASSWORD] [--expires S] [--life S]
		[--tls CERT KEY] [--refresh TOKEN] [--form FORM] [--moved] [--log FILE]

Issues RS256 tokens for whatever scope is asked for; the certificate travels in the token (x5c), so that the registry checks it
against its rootcertbundle. --user: only who shows these credentials gets one. --life: seconds for which a token is really valid,
when it is to be shorter than what `expires_in` says (--expires); docker-registry grants 60 seconds more, so -57 is 3 seconds. --refresh: a POST with this refresh token gets one (OAuth2). --form: how the answer looks, as servers differ: token (the default), access
(only access_token), bare (without expires_in), quoted (expires_in is a string). --moved: /token answers 301 to /token/.
--log: one JSON line a request; of credentials only the user's name.
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
        if args.moved and self.path.startswith("/token?"):
            self.send_response(301)
            self.send_header("Location", self.path.replace("/token?", "/token/?"))
            self.send_header("Content-Length", "0")
            return self.end_headers()
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
        self.give(query.get("service", [""])[0], query.get("scope", []), user and user.split(":")[0])

    def give(self, service, scopes, user):
        args = self.server.args
        token = make_token(args, service, scopes, user)
        self.answer(200, {"token": {"token": token, "expires_in": args.expires}, "access": {"access_token": token, "expires_in": args.expires},
                          "bare": {"token": token}, "quoted": {"token": token, "expires_in": str(args.expires)}}[args.form])

    def do_POST(self):
        args = self.server.args
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        right = form.get("grant_type") == ["refresh_token"] and args.refresh and form.get("refresh_token") == [args.refresh]
        if args.log:
            with open(args.log, "a") as f:
                f.write(json.dumps({"method": "POST", "path": self.path, "scope": form.get("scope", []), "service": form.get("service", []),
                                    "client": form.get("client_id"), "right": bool(right)}) + "\n")
        if not right:
            return self.answer(401, {"details": "invalid refresh token"})
        self.give(form["service"][0], form.get("scope", [""])[0].split(), "refreshed")


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
    p.add_argument("--refresh")
    p.add_argument("--form", default="token")
    p.add_argument("--moved", action="store_true")
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
