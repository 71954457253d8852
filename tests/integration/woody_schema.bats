# The documents that come with runtime-spec's schema: the good ones are taken, the bad ones refused by the name of the member.
load helpers

# attempt_document FILE - create with it; what it says is in $stderr
attempt_document() {
	cp "$1" config.json
	status=0
	woody create "$ID" </dev/null >"$WORK/stdout" 2>"$WORK/stderr" 3>&- || status=$?
	stderr=$(<"$WORK/stderr")
	woody delete -f "$ID"
}

@test "bad documents are refused, by the member's path" {
	schema_dir test/config/bad
	local name
	for name in linux-hugepage:linux.resources.hugepageLimits linux-netdevice:linux.netDevices.eth0.name \
			linux-rdma:linux.resources.rdma.mlx5_1.hcaHandles invalid-json:'not JSON'; do
		attempt_document "$SCHEMA/test/config/bad/${name%%:*}.json"
		[ "$status" -eq 1 ] || fail "$name: exit code $status"
		[[ $stderr == *"${name#*:}"* ]] || fail "$name: $stderr"
		gone
	done
}

@test "good documents of this platform are taken" {
	schema_dir test/config/good
	local name
	for name in minimal minimal-for-start; do
		attempt_document "$SCHEMA/test/config/good/$name.json"
		[ "$status" -eq 0 ] || fail "$name: $stderr"
	done
	# these are understood, and fail for what they want and this container or this machine has not
	attempt_document "$SCHEMA/test/config/good/linux-netdevice.json"
	[[ $stderr == *"needs a network namespace"* ]] || fail "linux-netdevice: $stderr"
	attempt_document "$SCHEMA/test/config/good/linux-rdma.json"
	[ "$status" -eq 0 ] || [[ $stderr == *"rdma"* ]] || fail "linux-rdma: $stderr"
	# of a draft of the specification, which is refused for its version alone; as 1.0.0 it fails for what this machine lacks
	attempt_document "$SCHEMA/test/config/good/spec-example.json"
	[[ $stderr == *"ociVersion: '0.5.0-dev'"* ]] || fail "spec-example: $stderr"
	jq '.ociVersion = "1.0.0"' "$SCHEMA/test/config/good/spec-example.json" >"$WORK/example.json"
	attempt_document "$WORK/example.json"
	[[ $stderr != *"config.json:"* ]] || fail "spec-example: $stderr"
	gone
}
