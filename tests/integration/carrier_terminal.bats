# A person at a terminal, played by tmux: editors, top, keys that mean something to the kernel, other sizes, leaving and coming back; and the
# terminal is as it was, whatever ended the container.
source "${BATS_TEST_DIRNAME}/carrier.bash"

# what else the small Debian needs for an editor and top
TERMINAL_PACKAGES="vim-tiny vim-common procps libproc2-0 libncursesw6 libsystemd0 libgcrypt20 libgpg-error0 liblz4-1 liblzma5 libzstd1 libcap2
	ncurses-base ncurses-bin"

setup_file() {
	carrier_setup_file
	local tree=$BASE/tree debs=$FIXTURES/terminal package
	mkdir -p "$debs" "$tree"
	make_tree "$tree"
	# shellcheck disable=SC2086 # a list of names
	[ -n "$(ls "$debs")" ] || (cd "$debs" && { apt-get download -q $TERMINAL_PACKAGES || { apt-get update -q && apt-get download -q $TERMINAL_PACKAGES; }; }) \
		>"$BATS_FILE_TMPDIR/apt" 2>&1 || { cat "$BATS_FILE_TMPDIR/apt" >&2; return 1; }
	for package in "$debs"/*.deb; do
		dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink --numeric-owner -p -C "$tree"
	done
	chmod -R a+rX "$tree"
	carrier snapshot -c 'CMD ["/bin/bash", "--norc"]' -c 'ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin' "$tree" term >/dev/null
	mkdir -m 0777 "$BASE/tmux"
}

teardown_file() { carrier_teardown_file; }

terminal() { client tmux -S "$BASE/tmux/s" -f /dev/null "$@"; }
keys() { terminal send-keys -t t "$@"; }
screen() { terminal capture-pane -p -t t; }
on_screen() { screen | grep -qF -- "$1"; }
# shows TEXT - before long
shows() { soon on_screen "$1" || fail "the screen is:" "$(screen)"; }

prepare() {
	COMMAND=$PROGRAM
	[ "$WHO" = user ] || COMMAND+=" --root $CROOT"
	terminal new-session -d -s t -x 100 -y 30 "env PS1='OUTER> ' bash --norc"
	shows 'OUTER>'
	keys "stty -g >$BASE/tmux/before" Enter
	soon test -s "$BASE/tmux/before"
}

cleanup() {
	terminal kill-server 2>/dev/null || true
	rm -f "$BASE/tmux"/*
}

last_line() { screen | grep -v '^$' | tail -n 1 | grep -q "^$1 *$"; }
# prompts TEXT - the last line is a prompt, with nothing behind it: what is typed earlier may be thrown away by who leaves a raw mode
prompts() {
	soon last_line "$1" || fail "the screen is:" "$(screen)"
}

# answers TEXT - to an Enter, with this prompt alone; one that comes too early goes to who has the terminal then, or is thrown away
answers() {
	keys '' Enter
	sleep 0.1
	last_line "$1"
}

# sane - we are back at the outer shell, whose terminal is as it was
sane() {
	soon answers 'OUTER>' || fail "the screen is:" "$(screen)"
	rm -f "$BASE/tmux/after"
	keys "stty -g >$BASE/tmux/after" Enter
	soon test -s "$BASE/tmux/after"
	same "$(cat "$BASE/tmux/before")" "$(cat "$BASE/tmux/after")"
	keys "clear" Enter
}

# inside OPTION... - a shell in a container
enter() {
	keys "$COMMAND run -it --network none $* term" Enter
	shows 'bash-5'
}

@test "an editor, top, Ctrl-C, Ctrl-Z, other sizes; the end of the shell is the end of the container" {
	enter --rm
	keys 'stty size' Enter
	shows '30 100'
	keys 'vim.tiny /tmp/f' Enter
	shows '~'
	keys i 'written in the editor' Escape ':wq' Enter
	prompts 'bash-5.2#'
	keys 'clear; cat /tmp/f' Enter
	shows 'written in the editor'
	keys 'top' Enter
	shows 'load average'
	keys q
	prompts 'bash-5.2#'
	keys 'clear; echo it sl""eeps; sleep 1000' Enter
	shows 'it sleeps'
	keys C-c
	prompts 'bash-5.2#'
	keys 'echo code $?' Enter
	shows 'code 130'
	keys 'clear; echo again it sl""eeps; sleep 1001' Enter
	shows 'again it sleeps'
	keys C-z
	shows 'Stopped'
	keys 'kill -9 %1; clear' Enter
	terminal resize-window -t t -x 90 -y 25
	keys 'stty size' Enter
	shows '25 90'
	keys 'exit 7' Enter
	shows 'OUTER>'
	sane
	keys "$COMMAND run -it --rm --network none term sh -c 'exit 7'; echo code \$?" Enter
	shows 'code 7'
	sane
}

@test "leaving by ctrl-p ctrl-q and coming back: the shell has gone on; another size is told; its own keys" {
	enter --name stay
	keys 'x=42; clear' Enter
	keys C-p C-q
	shows 'OUTER>'
	sane
	same running "$(carrier inspect -f '{{.State.Status}}' stay)"
	terminal resize-window -t t -x 80 -y 20
	keys "$COMMAND attach --detach-keys ctrl-x,q stay" Enter
	keys 'echo x is $x; stty size' Enter
	shows 'x is 42'
	shows '20 80'
	keys C-x q
	shows 'OUTER>'
	sane
	keys "$COMMAND exec -it stay bash --norc" Enter
	shows 'bash-5'
	keys 'tty; exit 3' Enter
	shows '/dev/pts/'
	shows 'OUTER>'
	sane
	carrier rm -f stay
}

@test "whatever ends it, the terminal is as it was" {
	local pid
	enter --name killed
	carrier rm -f killed
	shows 'OUTER>'
	sane

	enter --name stopped
	carrier stop -t 0 stopped
	shows 'OUTER>'
	sane
	carrier rm stopped

	# its monitor is killed
	enter --name lost
	kill -9 "$(jq .monitor "$CROOT"/containers/*/status.json)"
	shows 'OUTER>'
	sane
	carrier rm -f lost

	# the client is ended: the container goes on
	enter --name left
	pid=$(pgrep -f -- "^$COMMAND run -it --network none --name left" | head -n 1)
	kill -HUP "$pid"
	soon eval '! kill -0 $pid 2>/dev/null' || kill -9 "$pid"
	carrier rm -f left
	shows 'OUTER>'
	sane

	# what cannot be started
	keys "$COMMAND run -it --rm --network none term /no/such/program" Enter
	shows '/no/such/program'
	shows 'OUTER>'
	sane
}
