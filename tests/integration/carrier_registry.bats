# Registries: which of them are asked and how they are reached, and what they may do to us. WHO=root or user.
source "${BATS_TEST_DIRNAME}/carrier.bash"
source "${BATS_TEST_DIRNAME}/doors.bash"

setup_file() {
	doors_setup_file
	serve SIX '[::1]'
}
teardown_file() { carrier_teardown_file; }

@test "registries.conf: blocked, insecure, another location, aliases and short names" {
	cat >"$CONF" <<-TOML
	unqualified-search-registries = ["127.0.0.1:1", "127.0.0.1:$REGISTRY"]
	[[registry]]
	location = "127.0.0.1:$REGISTRY"
	insecure = true
	[[registry]]
	location = "127.0.0.1:1"
	insecure = true
	[[registry]]
	prefix = "bad.example.com/evil"
	location = "bad.example.com/evil"
	blocked = true
	[[registry]]
	prefix = "far.example.com/near"
	location = "127.0.0.1:$REGISTRY/org"
	insecure = true
	[[registry]]
	prefix = "docker.io"
	location = "127.0.0.1:$REGISTRY"
	insecure = true
	[aliases]
	"mine" = "127.0.0.1:$REGISTRY/org/team/plain"
	TOML
	failing 125 "is blocked by $CONF" run_with pull bad.example.com/evil/x
	expect 0 run_with pull -q "127.0.0.1:$REGISTRY/plain"
	expect 0 run_with pull -q far.example.com/near/team/plain
	expect 0 run_with images
	says far.example.com/near/team/plain
	expect 0 run_with pull -q mine
	expect 0 run_with pull -q docker.io/plain
	forget
	# permissive: one after the other
	expect 0 run_with pull -q plain
	expect 0 run_with images
	says "127.0.0.1:$REGISTRY/plain"
	# and what is here is found by its short name, without asking anybody
	expect 0 run_with run --rm --network none --pull never plain echo found
	prints found
	expect 0 run_with inspect plain
	expect 0 run_with rmi plain
	failing 125 "no image" run_with run --rm --pull never plain
	failing 125 "pull 127.0.0.1:$REGISTRY/nothing" run_with pull -q nothing
	failing 125 "--creds are for one registry" run_with pull -q --creds someone:secret plain
	sed -i '1i short-name-mode = "enforcing"' "$CONF"
	failing 125 "may be any of 127.0.0.1:1/plain:latest, 127.0.0.1:$REGISTRY/plain:latest; give the whole name" run_with pull -q plain
	# on the command line it counts more
	failing 125 "speaks plain HTTP" run_with pull -q --tls-verify=true "127.0.0.1:$REGISTRY/plain"
	sed -i 's/insecure = true/insecure = "yes"/' "$CONF"
	failing 125 "$CONF, line 5: insecure is a string; expected is true or false" run_with pull plain
	echo 'x = ' >"$CONF"
	failing 125 "$CONF: line 1: '' is no value" run_with pull plain
	failing 125 "open '/nowhere'" run_with CONTAINERS_REGISTRIES_CONF=/nowhere pull plain
}

@test "mirrors are asked in order, and the registry itself last; a blob goes on where a mirror broke off" {
	start_helper CUTTING python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/cutting.log" cut=3000000 dies
	start_helper BROKEN python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/broken.log" any:status=418
	start_helper LAST python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/last.log"
	cat >"$CONF" <<-TOML
	[[registry]]
	prefix = "far.example.com"
	location = "127.0.0.1:$LAST"
	insecure = true
	[[registry.mirror]]
	location = "127.0.0.1:1"
	insecure = true
	[[registry.mirror]]
	location = "127.0.0.1:$BROKEN"
	insecure = true
	[[registry.mirror]]
	location = "127.0.0.1:$CUTTING"
	insecure = true
	TOML
	expect 0 run_with pull -q far.example.com/big
	[ -n "$(requests broken.log)" ]
	requests cutting.log | grep -q /manifests/
	! requests last.log | grep /manifests/ || fail "it should have failed"
	requests last.log '.range // empty' | grep -q '^bytes=3000000-$'
	expect 0 run_with run --rm --network none far.example.com/big wc -c /random
	prints "8388608 /random"
	# by tag from where tags are allowed
	forget
	: >last.log
	: >cutting.log
	sed -i '/^\[\[registry.mirror/a pull-from-mirror = "digest-only"' "$CONF"
	expect 0 run_with pull -q far.example.com/plain
	requests last.log | grep -q /manifests/
	same "" "$(requests cutting.log)"
	# a mirror as they are most often: a registry that fetches what it has not
	serve CACHE 127.0.0.1 cache
	printf '[[registry]]\nlocation = "far.example.com"\n[[registry.mirror]]\nlocation = "127.0.0.1:%s"\ninsecure = true\n' "$CACHE" >"$WORK/cached.conf"
	forget
	expect 0 run_with CONTAINERS_REGISTRIES_CONF="$WORK/cached.conf" pull -q far.example.com/big
	[ -n "$(find "$BATS_FILE_TMPDIR/serve-CACHE.cache" -path '*/blobs/*' -type f)" ]
	# nobody has it: the registry's own sentence, and the mirror's behind it
	failing 125 "before that, of a mirror: " run_with pull "far.example.com/plain@sha256:$(printf '0%.0s' {1..64})"
	says "has no image 'plain'"
}

@test "IPv6: an address in brackets is a registry" {
	expect 0 run_with pull -q --tls-verify=false "[::1]:$SIX/plain"
	expect 0 run_with images
	says "[::1]:$SIX/plain"
	expect 0 run_with run --rm --network none "[::1]:$SIX/plain" echo six
	prints six
}

@test "certs.d: every *.crt is a CA, *.cert with *.key is shown; a cert without its key is named" {
	local dir=$TEST_HOME/.config/containers/certs.d/127.0.0.1:$SECURE
	serve ASKING 127.0.0.1 tls client
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=another' -keyout "$WORK/k" -out "$WORK/another.crt" 2>/dev/null
	openssl req -newkey rsa:2048 -nodes -subj '/CN=client' -keyout "$WORK/me.key" -out "$WORK/me.csr" 2>/dev/null
	openssl x509 -req -in "$WORK/me.csr" -CA "$CA/ca.crt" -CAkey "$CA/ca.key" -CAcreateserial -days 2 -out "$WORK/me.cert" 2>/dev/null
	chmod a+r "$WORK/me.key"
	failing 125 "certs.d" run_with pull -q --creds someone:secret "127.0.0.1:$SECURE/plain"
	as_client mkdir -p "$dir"
	client cp "$WORK/another.crt" "$dir/a.crt"
	client cp "$CA/certs/ca.crt" "$dir/z.crt"
	expect 0 run_with pull -q --creds someone:secret "127.0.0.1:$SECURE/plain"
	failing 125 "from 127.0.0.1:$ASKING" run_with pull -q --cert-dir "$dir" "127.0.0.1:$ASKING/plain"
	client cp "$WORK/me.cert" "$WORK/me.key" "$dir/"
	expect 0 run_with pull -q --cert-dir "$dir" "127.0.0.1:$ASKING/plain"
	rm "$dir/me.key"
	failing 125 "me.cert': its key" run_with pull -q --cert-dir "$dir" "127.0.0.1:$ASKING/plain"
}

@test "HTTP/2 is spoken with a registry that offers it" {
	local port
	port=$(free_port)
	cat >"$BATS_FILE_TMPDIR/nginx.conf" <<-NGINX
	daemon off; master_process off; pid $BATS_FILE_TMPDIR/nginx.pid; error_log stderr;
	events {}
	http {
		log_format mine '\$server_protocol \$request_uri'; access_log $BATS_FILE_TMPDIR/nginx.log mine;
		client_body_temp_path $BATS_FILE_TMPDIR; proxy_temp_path $BATS_FILE_TMPDIR; fastcgi_temp_path $BATS_FILE_TMPDIR;
		uwsgi_temp_path $BATS_FILE_TMPDIR; scgi_temp_path $BATS_FILE_TMPDIR;
		server {
			listen 127.0.0.1:$port ssl http2; ssl_certificate $CA/server.crt; ssl_certificate_key $CA/server.key;
			location / { proxy_pass http://127.0.0.1:$REGISTRY; proxy_set_header Host \$http_host; proxy_buffering off; }
		}
	}
	NGINX
	background nginx nginx -c "$BATS_FILE_TMPDIR/nginx.conf"
	soon listens "$port" || fail "$(cat "$BATS_FILE_TMPDIR/nginx.err")"
	expect 0 run_with pull -q --cert-dir "$CA/certs" "127.0.0.1:$port/big"
	soon grep -q '^HTTP/2.0 .*/manifests/' "$BATS_FILE_TMPDIR/nginx.log" || fail "$(cat "$BATS_FILE_TMPDIR/nginx.log")"
	expect 0 run_with run --rm --network none "127.0.0.1:$port/big" wc -c /random
	prints "8388608 /random"
}

@test "proxies: http_proxy, HTTPS_PROXY with a password, no_proxy" {
	start_helper FORWARD python3 "$TESTS/forwardproxy.py" --log "$WORK/forward.log"
	start_helper GUARDED python3 "$TESTS/forwardproxy.py" --user u:pw --log "$WORK/guarded.log"
	expect 0 run_with http_proxy="http://127.0.0.1:$FORWARD" pull -q --tls-verify=false "127.0.0.1:$REGISTRY/plain"
	requests forward.log .target | grep -q "^http://127.0.0.1:$REGISTRY/v2/plain/blobs/" || fail "$(cat forward.log)"
	forget
	: >forward.log
	expect 0 run_with HTTP_PROXY="http://127.0.0.1:$FORWARD" no_proxy=127.0.0.1,example.com pull -q --tls-verify=false "127.0.0.1:$REGISTRY/plain"
	same "" "$(requests forward.log .target)"
	forget
	expect 0 run_with HTTPS_PROXY="http://u:pw@127.0.0.1:$GUARDED" pull -q --cert-dir "$CA/certs" --creds someone:secret "127.0.0.1:$SECURE/plain"
	same "CONNECT false 127.0.0.1:$SECURE" "$(requests guarded.log '"\(.method) \(.seen) \(.target)"' | sort -u)"
	failing 125 "proxy wants credentials" run_with http_proxy="http://127.0.0.1:$GUARDED" pull -q --tls-verify=false "127.0.0.1:$REGISTRY/big"
	failing 125 "connect to" run_with https_proxy="http://127.0.0.1:1" pull -q --cert-dir "$CA/certs" "127.0.0.1:$SECURE/big"
}

# The challenges of registries that we cannot reach from here, as their documentation and their answers have them.
@test "challenges as the large registries send them" {
	local challenge
	while read -r challenge; do
		forget
		start_helper QUIRK python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$TOKENS" "any:challenge=$challenge"
		expect 0 run_with pull -q --tls-verify=false --creds someone:secret "127.0.0.1:$QUIRK/plain"
		pulled || fail "$challenge"
	done <<-'END'
	Bearer realm="{realm}",service="{service}",scope="{scope}"
	bearer Realm="{realm}", Service="{service}", Scope="{scope}", error="invalid_token"
	Bearer service={service},realm="{realm}"
	Basic realm="Registry Realm", charset="UTF-8", Bearer realm="{realm}",service="{service}"
	Basic realm="Registry" || Bearer realm="{realm}",service="{service}",scope=""
	Negotiate || Bearer realm="{realm}?account=x",service="{service}",error="insufficient_scope",error_description="a, \"b\""
	Bearer error="invalid_token",scope="{scope}",service="{service}",realm="{realm}",empty=""
	END
}

@test "tokens: only access_token, without or with a quoted expires_in, from a server that has moved" {
	local form port
	for form in access bare quoted; do
		TOKEN_OPTIONS="--form $form --moved" start_registry "FORM_$form" token
		port=FORM_$form
		cp -a "$REGISTRY_STORAGE/docker" "$BATS_FILE_TMPDIR/registry-FORM_$form/"
		forget
		expect 0 run_with pull -q --tls-verify=false "127.0.0.1:${!port}/plain"
	done
}

@test "tokens: one that expires within a pull is fetched anew, and one is enough for all requests of a scope" {
	# valid for 3 s, and said to be for 5 minutes: 401 in the middle, and a fresh one
	TOKEN_OPTIONS="--life -57" start_registry EXPIRING token
	cp -a "$REGISTRY_STORAGE/docker" "$EXPIRING_STORAGE/"
	start_helper SLOWLY python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$EXPIRING" --log "$WORK/slowly.log" pause=4000,1
	forget
	: >"$BATS_FILE_TMPDIR/tokens.log"
	expect 0 run_with pull -q --tls-verify=false "127.0.0.1:$SLOWLY/big"
	[ "$(wc -l <"$BATS_FILE_TMPDIR/tokens.log")" -ge 2 ] || fail "$(cat "$BATS_FILE_TMPDIR/tokens.log")"
	# and one for all requests of a scope while it lasts
	: >"$BATS_FILE_TMPDIR/tokens.log"
	forget
	expect 0 run_with pull -q --tls-verify=false --creds someone:secret "127.0.0.1:$TOKENS/big"
	same 1 "$(wc -l <"$BATS_FILE_TMPDIR/tokens.log")"
}

@test "faults: cut, 429 with Retry-After, 503, chunked, slow, and what a retry cannot help" {
	start_helper FAULTY python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/faulty.log" \
		status=429,2 manifests:status=503,1 cut=2000000,2 chunked rate=8000000
	expect 0 run_with pull -q --tls-verify=false "127.0.0.1:$FAULTY/big"
	expect 0 run_with run --rm --network none "127.0.0.1:$FAULTY/big" wc -c /random
	prints "8388608 /random"
	# it waited as long as it was told
	jq -es '[.[] | select(.path | contains("/blobs/"))] | (.[-1].at - .[0].at) > 1' faulty.log >/dev/null || fail "$(cat faulty.log)"
	start_helper WRONG python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" wrong
	forget
	failing 125 "sha256:" run_with pull -q --tls-verify=false "127.0.0.1:$WRONG/big"
	start_helper BUSY python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" manifests:status=429
	failing 125 "too many requests" run_with pull -q --tls-verify=false "127.0.0.1:$BUSY/big"
	start_helper LOOP python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" redirect=self
	failing 125 "redirects more than" run_with pull -q --tls-verify=false "127.0.0.1:$LOOP/big"
	start_helper HIDDEN python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" any:status=403
	failing 125 "wants credentials for it, or has no such image" run_with pull -q --tls-verify=false "127.0.0.1:$HIDDEN/big"
	same "" "$(carrier images -q)"
}

# CVE-2020-15157, CVE-2019-10214 and their kin: what is shown to the registry is shown to nobody else.
@test "attack: a redirect to another host gets no credentials, also when it asks for them" {
	start_helper OTHER python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/other.log"
	start_helper ASKS python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/asks.log" 'unauthorized=Basic realm="give it to me"'
	start_helper TRAP python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/trap.log"
	start_helper TOKEN_THIEF python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/asks2.log" \
		"unauthorized=Bearer realm=\"http://127.0.0.1:$TRAP/token\",service=\"registry\""
	start_helper LEADS python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$BASIC" --log "$WORK/leads.log" "redirect=http://localhost:$OTHER"
	expect 0 run_with pull -q --tls-verify=false --creds someone:secret "127.0.0.1:$LEADS/plain"
	requests leads.log .authorization | grep -qx Basic
	requests other.log | grep -q /blobs/
	same "" "$(requests other.log .authorization | sort -u)"
	forget
	start_helper LEADS2 python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$BASIC" "redirect=http://localhost:$ASKS"
	failing 125 denied run_with pull -q --tls-verify=false --creds someone:secret "127.0.0.1:$LEADS2/plain"
	same "" "$(requests asks.log .authorization | sort -u)"
	start_helper LEADS3 python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$TOKENS" "redirect=http://localhost:$TOKEN_THIEF"
	failing 125 denied run_with pull -q --tls-verify=false --creds someone:secret "127.0.0.1:$LEADS3/plain"
	same "" "$(requests asks2.log .authorization | sort -u)"
	same "" "$(requests trap.log)"
}

@test "attack: a registry with TLS cannot lead to plain HTTP, neither for blobs nor for tokens" {
	start_helper PLAINLY python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/plainly.log"
	start_helper DOWN python3 "$TESTS/faultproxy.py" --tls "$CA/server.crt" "$CA/server.key" --to "127.0.0.1:$BASIC" "redirect=http://127.0.0.1:$PLAINLY"
	failing 125 "by plain HTTP, where others can read along" run_with pull -q --cert-dir "$CA/certs" --creds someone:secret "127.0.0.1:$DOWN/plain"
	start_helper DOWN2 python3 "$TESTS/faultproxy.py" --tls "$CA/server.crt" "$CA/server.key" --to "127.0.0.1:$BASIC" \
		"any:challenge=Bearer realm=\"http://127.0.0.1:$PLAINLY/token\",service=\"x\""
	failing 125 "as its token server: plain HTTP" run_with pull -q --cert-dir "$CA/certs" --creds someone:secret "127.0.0.1:$DOWN2/plain"
	same "" "$(requests plainly.log)"
	# a registry whose TLS does not start is not asked without it
	failing 125 "speaks plain HTTP" run_with pull -q --creds someone:secret "127.0.0.1:$REGISTRY/plain"
	# unverified is not plain: credentials go there as --tls-verify=false says, tokens of a foreign host do not get the password
	start_helper FOREIGN python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$BASIC" "any:challenge=Bearer realm=\"http://localhost:$PLAINLY/token\",service=\"x\""
	failing 125 "registry 127.0.0.1:$FOREIGN" run_with pull -q --tls-verify=false --creds someone:secret "127.0.0.1:$FOREIGN/plain"
	requests plainly.log | grep -q /token
	same "" "$(requests plainly.log .authorization | sort -u)"
}

@test "attack: a layer's foreign URLs are not fetched" {
	start_helper EVIL python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" --log "$WORK/evil.log" 'any:unauthorized=Basic realm="x"'
	curl -fsS -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://127.0.0.1:$REGISTRY/v2/plain/manifests/latest" |
		jq --arg url "http://127.0.0.1:$EVIL/layer" '.layers[0] |= (.mediaType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" | .urls = [$url]) |
			.mediaType = "application/vnd.oci.image.manifest.v1+json"' >foreign.json
	start_helper FOREIGN_LAYER python3 "$TESTS/faultproxy.py" --to "127.0.0.1:$REGISTRY" \
		"manifests:document=application/vnd.oci.image.manifest.v1+json:$WORK/foreign.json"
	failing 125 foreign run_with pull -q --tls-verify=false --creds someone:secret "127.0.0.1:$FOREIGN_LAYER/plain"
	same "" "$(requests evil.log)"
}
