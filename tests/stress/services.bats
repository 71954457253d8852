# nginx, redis and PostgreSQL as Debian packages them, as services: detached, with volumes, health checks, limits, restart policies and
# rotated logs, as root and as an ordinary user (WHO). Their monitors are killed, they are stopped, restarted and removed; what is in their
# volumes stays. The images are pulled from a registry on loopback; they are made once (debootstrap, some minutes) and kept in $FIXTURES.
#	WHO=user FIXTURES=... CARRIER=build/cli/carrier WOODY=... WOODY_TESTBIN=... bats tests/stress/services.bats
source "${BATS_TEST_DIRNAME}/../integration/carrier.bash"
export BATS_TEST_TIMEOUT=300

PACKAGES=nginx-light,redis-server,postgresql-15
PG=/usr/lib/postgresql/15/bin

# make_services - the layout $SERVICES with the tags nginx, redis and postgres, one layer for all and one for each
make_services() {
	local dir=$FIXTURES/services
	SERVICES=$dir/layout
	[ ! -e "$dir/complete" ] || return 0
	rm -rf "$dir"
	mkdir -p "$dir" "$SERVICES"
	debootstrap --variant=minbase --include="$PACKAGES" bookworm "$dir/tree" \
		"$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)" >"$dir/log" 2>&1 ||
		{ tail -n 5 "$dir/log" >&2; return 1; }
	rm -rf "$dir/tree"/usr/share/{doc,man,locale,info} "$dir/tree"/var/cache/apt/* "$dir/tree"/var/lib/apt/lists/*
	install -d -m 0750 -o "$(id_in passwd redis)" -g "$(id_in group redis)" "$dir/tree/data"
	install -d -m 0700 -o "$(id_in passwd postgres)" -g "$(id_in group postgres)" "$dir/tree/pgdata"
	cat >"$dir/tree/usr/local/bin/database" <<-END
		#!/bin/sh
		[ -s "\$PGDATA/PG_VERSION" ] || initdb -A trust -U postgres >/dev/null || exit 1
		exec postgres -k /tmp -c fsync=on
	END
	chmod 0755 "$dir/tree/usr/local/bin/database"
	ln -sf /dev/stdout "$dir/tree/var/log/nginx/access.log"
	ln -sf /dev/stderr "$dir/tree/var/log/nginx/error.log"
	tar -c --numeric-owner -C "$dir/tree" . >"$dir/base.tar"
	mkimage image --config '{"Cmd":["nginx","-g","daemon off;"],"StopSignal":"SIGQUIT",
		"Volumes":{"/var/www/html":{}},
		"Healthcheck":{"Test":["CMD-SHELL","bash -c \"exec 3<>/dev/tcp/127.0.0.1/80\""],"Interval":500000000,"Timeout":5000000000,"Retries":3}}' \
		"$SERVICES" nginx "plain:$dir/base.tar" >/dev/null
	mkimage image --config '{"Cmd":["redis-server","--dir","/data","--appendonly","yes","--appendfsync","always"],"User":"redis",
		"WorkingDir":"/data","Volumes":{"/data":{}}}' "$SERVICES" redis "plain:$dir/base.tar" >/dev/null
	mkimage image --config '{"Cmd":["/usr/local/bin/database"],"User":"postgres","StopSignal":"SIGINT","Volumes":{"/pgdata":{}},
		"Env":["PGDATA=/pgdata","PGHOST=/tmp","PGUSER=postgres","PATH='$PG':/usr/local/bin:/usr/bin:/bin"]}' "$SERVICES" postgres \
		"plain:$dir/base.tar" >/dev/null
	rm -rf "$dir/tree" "$dir/base.tar"
	touch "$dir/complete"
}

id_in() { awk -F: -v name="$2" '$1 == name { print $3 }' "$FIXTURES/services/tree/etc/$1"; }

setup_file() {
	carrier_setup_file
	make_services
	start_registry REGISTRY
	local tag
	for tag in nginx redis postgres; do
		skopeo copy -q --dest-tls-verify=false "oci:$SERVICES:$tag" "docker://127.0.0.1:$REGISTRY/$tag:latest"
		pull "$tag"
	done
	LIMITS="--ulimit nofile=1024:1024"
	[ "$WHO" = user ] || LIMITS+=" --memory 512m --pids-limit 100 --cpus 1.5"	# no cgroups are delegated to the user here
	export LIMITS
}

teardown_file() { carrier_teardown_file; }

cleanup() {
	local name
	for name in $(carrier ps -aq); do carrier rm -f -v "$name" >/dev/null; done
	for name in $(carrier volume ls -q); do carrier volume rm -f "$name" >/dev/null; done
}

# service NAME IMAGE OPTION... - a service as people start one
service() {
	local name=$1 image=$2
	shift 2
	# shellcheck disable=SC2086 # words
	expect 0 carrier run -d --network none --name "$name" --restart on-failure:5 --log-opt max-size=64k --log-opt max-file=3 $LIMITS "$@" \
		"127.0.0.1:$REGISTRY/$image"
}

state() { carrier inspect -f '{{.State.Status}}' "$1"; }
is() { [ "$(state "$1")" = "$2" ]; }
healthy() { [ "$(carrier inspect -f '{{.State.Health.Status}}' "$1")" = healthy ]; }
restarts() { carrier inspect -f '{{.RestartCount}}' "$1"; }
restarted() { [ "$(restarts "$1")" -ge 1 ] && is "$1" running; }

# status_file NAME - the container's
status_file() { echo "$CROOT/containers/$(carrier inspect -f '{{.Id}}' "$1")/status.json"; }
# kill_monitor NAME - with -9
kill_monitor() {
	local pid
	pid=$(jq .monitor "$(status_file "$1")")
	kill -9 "$pid"
	soon eval "[ ! -e /proc/$pid ] || grep -q '^State:.*Z' /proc/$pid/status"
}
# kill_service NAME - its first process, with -9
kill_service() { kill -9 "$(carrier inspect -f '{{.State.Pid}}' "$1")"; }

get() { # NAME PATH
	carrier exec "$1" bash -c "exec 3<>/dev/tcp/127.0.0.1/80; printf 'GET $2 HTTP/1.0\r\n\r\n' >&3; cat <&3"
}

@test "nginx: content in a volume, health, a rotated log, a killed process, a killed monitor" {
	service web nginx -v site:/var/www/html
	soon healthy web
	# what the image has there was copied into the new volume
	get web / >"$WORK/first"
	grep -q "Welcome to nginx" "$WORK/first"
	expect 0 carrier exec web sh -c 'echo mine >/var/www/html/mine'
	get web /mine | grep -qx mine
	expect 0 carrier ps --filter health=healthy --format '{{.Names}} {{.Status}}'
	matches "^web Up .*\(healthy\)$"

	# each request for what is not there is a line in the log; it is cut into files, and no line is cut
	expect 0 carrier exec web bash -c 'for i in $(seq 1500); do exec 3<>/dev/tcp/127.0.0.1/80; printf "GET /no-$i HTTP/1.0\r\n\r\n" >&3; cat <&3 >/dev/null; done'
	carrier logs web >"$WORK/log" 2>&1
	grep -q '"GET /no-1500 HTTP' "$WORK/log"
	same "" "$(grep 'no-' "$WORK/log" | grep -v '/no-[0-9]* HTTP/1.0')"
	local dir
	dir=$(dirname "$(status_file web)")
	[ "$(find "$dir" -name 'log*' | wc -l)" = 3 ] || fail "$(ls -l "$dir")"
	[ "$(find "$dir" -name 'log*' -size +72k | wc -l)" = 0 ] || fail "$(ls -l "$dir")"

	kill_service web
	soon restarted web
	soon healthy web
	get web /mine | grep -qx mine

	kill_monitor web
	is web running || fail "$(state web)"
	get web /mine | grep -qx mine
	expect 0 carrier restart web
	soon healthy web
	get web /mine | grep -qx mine

	kill_monitor web
	expect 0 carrier stop web
	is web exited || is web dead || fail "$(state web)"
	expect 0 carrier start web
	soon healthy web
	expect 0 carrier stop web
	same 0 "$(carrier inspect -f '{{.State.ExitCode}}' web)"	# SIGQUIT is nginx's gentle end
	expect 0 carrier rm web
	expect 0 carrier run --rm --network none -v site:/site "127.0.0.1:$REGISTRY/nginx" cat /site/mine
	prints mine
}

@test "redis: what it has acknowledged is there after every kind of end" {
	service cache redis -v cache:/data --health-cmd 'redis-cli ping' --health-interval 500ms
	soon healthy cache
	expect 0 carrier exec cache redis-cli set a 1
	prints OK
	kill_service cache
	soon restarted cache
	soon healthy cache
	expect 0 carrier exec cache redis-cli set b 2
	if [ "$WHO" = root ]; then	# no cgroups, and so no freezer, are delegated to the user here
		expect 0 carrier pause cache
		is cache paused
		expect 0 carrier unpause cache
	fi
	expect 0 carrier exec cache redis-cli get a
	prints 1
	kill_monitor cache
	expect 0 carrier exec cache redis-cli set c 3
	expect 0 carrier stop cache
	expect 0 carrier start cache
	soon healthy cache
	kill_monitor cache
	expect 0 carrier rm -f cache
	# another one, on the same data
	service cache2 redis -v cache:/data --health-cmd 'redis-cli ping' --health-interval 500ms
	soon healthy cache2
	expect 0 carrier exec cache2 redis-cli mget a b c
	same "1 2 3" "$(tr '\n' ' ' <<<"$output" | sed 's/ $//')"
	expect 0 carrier rm -f cache2
	expect 0 carrier volume inspect cache
	failing 1 "there is no volume 'nothing'" carrier volume inspect nothing
}

ready() { carrier exec "$1" pg_isready -q; }
sql() { # NAME STATEMENT
	carrier exec "$1" psql -Atqc "$2"
}

@test "PostgreSQL: no committed row is lost, whoever is killed" {
	local i n=0
	service db postgres -v rows:/pgdata --shm-size 128m --health-cmd pg_isready --health-interval 1s --stop-timeout 30
	soon ready db
	sql db 'create table t (i int primary key)'
	for i in 1 2 3; do
		n=$((n + 1)); sql db "insert into t values ($n)"
		kill_service db
		soon restarted db
		soon ready db
		same "$n" "$(sql db 'select count(*) from t')"
	done
	n=$((n + 1)); sql db "insert into t values ($n)"
	kill_monitor db
	n=$((n + 1)); sql db "insert into t values ($n)"
	expect 0 carrier restart db
	soon ready db
	same "$n" "$(sql db 'select count(*) from t')"
	expect 0 carrier stop db
	same 0 "$(carrier inspect -f '{{.State.ExitCode}}' db)"
	carrier logs db 2>&1 | grep -q "database system is shut down"
	# the data go with a copy of the volume, too
	carrier volume export rows >"$WORK/rows.tar"
	carrier volume create copy >/dev/null
	carrier volume import copy "$WORK/rows.tar"
	expect 0 carrier rm db
	service db2 postgres -v copy:/pgdata
	soon ready db2
	same "$n" "$(sql db2 'select count(*) from t')"
	expect 0 carrier rm -f db2
}

LOUD='seq -f %0999.0f 1073742'	# lines of 1,000 bytes

@test "a program that writes 1 GB loses no byte and blocks nobody" {
	expect 0 carrier run -d --network none --name loud "127.0.0.1:$REGISTRY/nginx" bash -c \
		"$LOUD"
	expect 0 carrier wait loud
	prints 0
	same "$(eval "$LOUD" | sha256sum)" "$(carrier logs loud | sha256sum)"
	expect 0 carrier rm loud
	# nobody reads: the client is stopped, the container is not
	expect 0 carrier run -d --network none --name busy "127.0.0.1:$REGISTRY/nginx" bash -c 'yes "$(printf %1000s)" | head -c 200000000; echo; echo the end; sleep 1000'
	local client
	carrier attach busy >"$WORK/attached" 2>&1 </dev/null 3>&- &
	client=$!
	pkill -STOP -P "$client" 2>/dev/null || kill -STOP "$client"
	soon eval 'carrier logs --tail 1 busy | grep -q "the end"'
	pkill -CONT -P "$client" 2>/dev/null || kill -CONT "$client"
	expect 0 carrier rm -f busy
	wait "$client" || true
}
