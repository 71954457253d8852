# An ordinary user for a file of tests, with subordinate ids of its own. Made by root.
#
#	add_user NAME HOME RANGE	with a home, and 65536 ids for each of uid and gid from one of the slots above RANGE
#	delete_user NAME
#	edit_ranges COMMAND...		for ranges of names that are no users

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

# add_user - useradd gives no ranges here: which ones it would is decided by what others have
add_user() {
	local first=$(($3 + $$ % 10000 * 65536))
	retry useradd -K SUB_UID_COUNT=0 -K SUB_GID_COUNT=0 --create-home --home-dir "$2" --shell /bin/sh "$1"
	retry usermod --add-subuids "$first-$((first + 65535))" --add-subgids "$first-$((first + 65535))" "$1"
}

# delete_user - and its ranges
delete_user() { retry userdel "$1"; }

# edit_ranges COMMAND... - /etc/subuid and /etc/subgid become what the command, a filter, makes of them, under the locks that useradd and
# its kind take: what others write meanwhile would be lost otherwise. FILE.lock is a link to a file that has the owner's pid.
edit_ranges() {
	local file
	for file in /etc/subuid /etc/subgid; do
		printf %s $$ >"$file.$$"
		retry ln "$file.$$" "$file.lock" || return
		"$@" <"$file" >"$file.new" && mv "$file.new" "$file"
		rm -f "$file.lock" "$file.$$"
	done
}
