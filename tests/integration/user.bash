# An ordinary user for a file of tests, with subordinate ids of its own. Made by root.
#
#	add_user NAME HOME RANGE	with a home, and 65536 ids for each of uid and gid from one of the slots above RANGE
#	delete_user NAME

# retry COMMAND... - useradd and userdel lock /etc/passwd, and others use them, too
retry() {
	local tries
	for ((tries = 0; tries < 50; tries++)); do
		if "$@" 2>"$BATS_FILE_TMPDIR/retried"; then return 0; fi
		sleep 0.1
	done
	cat "$BATS_FILE_TMPDIR/retried" >&2
	return 1
}

forget_ranges() { ! grep -q "^$1:" /etc/subuid /etc/subgid || sed -i "/^$1:/d" /etc/subuid /etc/subgid; }

add_user() {
	local first=$(($3 + $$ % 10000 * 65536))
	retry useradd --create-home --home-dir "$2" --shell /bin/sh "$1"
	forget_ranges "$1"	# some useradd give ranges themselves, others do not
	retry usermod --add-subuids "$first-$((first + 65535))" --add-subgids "$first-$((first + 65535))" "$1"
}

delete_user() {
	retry userdel "$1"
	forget_ranges "$1"
}
