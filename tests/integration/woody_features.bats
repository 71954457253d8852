# features: the specification's document; with --json this machine beside it.
load helpers

teardown() {
	:
}

@test "features validates against the specification's schema" {
	schema_dir features-schema.json
	python3 -c 'import jsonschema' 2>/dev/null || skip "python3-jsonschema is not installed"
	expect 0 woody features
	printf '%s' "$output" >"$WORK/features.json"
	cat >"$WORK/validate.py" <<'EOF'
import json, pathlib, sys, jsonschema
schema = pathlib.Path(sys.argv[1]) / "features-schema.json"
store = {f.as_uri(): json.loads(f.read_text()) for f in schema.parent.glob("*.json")}
resolver = jsonschema.RefResolver(schema.as_uri(), store[schema.as_uri()], store)
jsonschema.Draft4Validator(store[schema.as_uri()], resolver=resolver).validate(json.load(open(sys.argv[2])))
EOF
	expect 0 python3 "$WORK/validate.py" "$(realpath "$SCHEMA")" "$WORK/features.json"
	# and the judge is awake
	jq '.linux.seccomp.actions += ["SCMP_ACT_MAYBE"]' "$WORK/features.json" >"$WORK/bad.json"
	run python3 "$WORK/validate.py" "$(realpath "$SCHEMA")" "$WORK/bad.json"
	[ "$status" -ne 0 ]
}

@test "seccomp: what is listed is what a profile may say" {
	expect 0 woody features
	local features=$output word
	program true
	# notify needs an agent: woody_seccomp_notify.bats
	config '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", flags: $f.supportedFlags, syscalls: (
		($f.actions - ["SCMP_ACT_NOTIFY"] | to_entries | map({ names: [["acct", "swapon", "swapoff", "reboot", "sethostname",
			"setdomainname", "iopl", "ioperm", "syslog"][.key]], action: .value })) +
		($f.operators | map({ names: ["umask"], action: "SCMP_ACT_ERRNO", args: [{ index: 1, value: 1, op: . }] }))) }' \
		--argjson f "$(jq .linux.seccomp <<<"$features")"
	same "$(jq '.linux.seccomp.syscalls | length > 12 and all(.names[0] != null)' config.json)" true
	expect 0 woody run "$ID"
	# those of another byte order are known, too, but cannot be together with ours
	for word in $(jq -r '.linux.seccomp.archs[]' <<<"$features"); do
		config '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", architectures: [$w, "SCMP_ARCH_NONE"] }' --arg w "$word"
		attempt 1 woody run "$ID"
		says "'SCMP_ARCH_NONE' is not a valid architecture"
	done
	jq -e '.linux.seccomp | .enabled and (.knownFlags - .supportedFlags | length) <= 1 and (.supportedFlags - .knownFlags == [])' <<<"$features"
}

@test "--json tells what this machine can do, as the kernel does" {
	expect 0 woody features
	local plain=$output host
	expect 0 woody features --json
	same "$(jq -cS 'del(.host)' <<<"$output")" "$(jq -cS . <<<"$plain")"
	host=$(jq .host <<<"$output")
	same "$(jq 'has("host")' <<<"$plain")" false
	same "$(jq -r .kernel <<<"$host")" "$(uname -r)"
	same "$(jq -r '.namespaces | index("user") != null and index("mount") != null' <<<"$host")" true
	local mode
	case $(stat -fc %T /sys/fs/cgroup) in
	cgroup2fs) mode=v2 ;;
	*) mode=$(if grep -q ' - cgroup2 ' /proc/self/mountinfo; then echo hybrid; else echo v1; fi) ;;
	esac
	same "$(jq -r .cgroup.mode <<<"$host")" "$mode"
	same "$(jq -r '.cgroup.controllers | index("pids") != null' <<<"$host")" true
	same "$(jq -r '.cgroup.delegatedControllers - .cgroup.controllers | length' <<<"$host")" 0
	same "$(jq -r '.seccomp.actions | length' <<<"$host")" "$(($(wc -w </proc/sys/kernel/seccomp/actions_avail) + 1))"	# KILL and KILL_THREAD are one
	same "$(jq -c .seccomp.flags <<<"$host")" "$(jq -c .linux.seccomp.supportedFlags <<<"$plain")"
	if [ -r /sys/kernel/security/lsm ]; then
		same "$(jq -r '.lsms | join(",")' <<<"$host")" "$(cat /sys/kernel/security/lsm)"
	fi
	same "$(jq -r .userNamespaces <<<"$host")" "$(unshare -U true && echo true || echo false)"
}

@test "--json: an ordinary user has no controllers delegated in cgroups that are root's" {
	chmod 711 "$WORK"
	expect 0 setpriv --reuid 12345 --regid 12345 --clear-groups "$WOODY" --root "$ROOT" features --json
	same "$(jq -c .host.cgroup.delegatedControllers <<<"$output")" "[]"
}
