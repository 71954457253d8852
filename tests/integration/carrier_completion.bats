# Completion as people have it: carrier's own scripts in real shells, with real containers and images. WHO=user: completion asks for what is in
# the store where no --root is given.
source "${BATS_TEST_DIRNAME}/carrier.bash"

setup_file() {
	setup_with plain
	mkdir "$BASE/files"
	touch "$BASE/files/zebra.tar"
	chmod 755 "$BASE/files"
	local shell
	for shell in bash zsh fish; do carrier completion $shell >"$BASE/complete.$shell"; done
	carrier run -d --name goes-on --network none "$PLAIN" sleep 600
	carrier run --name has-ended --network none "$PLAIN" true
}

teardown_file() {
	carrier rm -f goes-on has-ended
	carrier_teardown_file
}

teardown() { :; }	# the containers are all tests'

# needs SHELL
needs() { command -v "$1" >/dev/null || skip "$1 is not installed (command -v $1)"; }

in_shell() { USER_PATH=$BASE/bin:/usr/bin:/bin as_user env -C "$BASE/files" "$@"; }

# bash_types FILE - types its lines into bash, each with a tab behind it, and shows the lines that readline makes of them
bash_types() {
	{
		printf '%s\n' ". $BASE/complete.bash\\n"
		sed 's/$/\\t\\x01echo "[\\x05]"\\n/' "$1"
	} | in_shell python3 "$BATS_TEST_DIRNAME/typist.py" bash --norc --noprofile -i | tr -d '\r\a' | sed -n 's/^\[\(.*\)\]$/\1/p' | sed 's/ *$//'
}

@test "the words that scripts ask for" {
	expect 0 carrier completion running
	prints goes-on
	expect 0 carrier completion stopped
	prints has-ended
	expect 0 carrier completion containers
	prints $'has-ended\ngoes-on'
	expect 0 carrier completion images
	prints "$PLAIN:latest"
	expect 0 carrier completion images running
	prints "$PLAIN:latest"$'\ngoes-on'
	expect 0 carrier completion networks
	prints $'none\nhost\nprivate'
	failing 125 "no completion for the shell 'csh'" carrier completion csh
}

@test "bash: commands, options, values, containers, images, files" {
	needs bash
	cat >"$WORK/lines" <<-EOF
	carrier vers|carrier version
	carrier image unt|carrier image untag
	carrier run --hostn|carrier run --hostname
	carrier ps --format js|carrier ps --format json
	carrier ps --format=js|carrier ps --format=json
	carrier --log-format |carrier --log-format
	carrier exec go|carrier exec goes-on
	carrier exec has|carrier exec has
	carrier rm -f goes-on has|carrier rm -f goes-on has-ended
	carrier run --rm -e A=b 127|carrier run --rm -e A=b $PLAIN:latest
	carrier run 127.0.0.1:$REGISTRY/plain:la|carrier run $PLAIN:latest
	carrier load -i ze|carrier load -i zebra.tar
	carrier import ze|carrier import zebra.tar
	carrier system check --fi|carrier system check --fix
	EOF
	cut -d'|' -f1 "$WORK/lines" >"$WORK/typed"
	bash_types "$WORK/typed" >"$WORK/shown"
	same "$(cut -d'|' -f2 "$WORK/lines")" "$(<"$WORK/shown")"
}

@test "zsh: the same" {
	needs zsh
	cat >"$WORK/driver" <<-'EOF'
	zmodload zsh/zpty
	zpty shell zsh -f -i
	send() { zpty -w shell "$1"; }
	# what the shell has printed until there is MARK
	zpty -w shell 'PS1=; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -d '"$2/dump"'; . '"$1"'; LISTMAX=10000; print READ""Y'
	zpty -m -r shell seen '*READY*'
	# a widget of its own prints what the line has become
	zpty -w shell 'show() { print -r -- "<LINE>$BUFFER</LINE>"; BUFFER=; zle reset-prompt }; zle -N show; bindkey "^G" show; bindkey "^I" complete-word; print SE""T'
	zpty -m -r shell seen '*SET*'
	while IFS= read -r line; do
		zpty -n -w shell "$line"$'\t\a'
		zpty -m -r shell seen '*</LINE>*'
		seen=${seen##*<LINE>}
		print -r -- "${seen%%</LINE>*}"
	done
	zpty -d shell
	EOF
	chmod 644 "$WORK/driver"
	mkdir -m 777 "$WORK/zsh"
	cut -d'|' -f1 >"$WORK/typed" <<-EOF
	carrier vers|
	carrier image unt|
	carrier run --hostn|
	carrier ps --format js|
	carrier ps --format=js|
	carrier exec go|
	carrier exec has|
	carrier rm -f goes-on has|
	carrier run --rm -e A=b 127|
	carrier load -i ze|
	EOF
	in_shell timeout 60 zsh -f "$WORK/driver" "$BASE/complete.zsh" "$WORK/zsh" <"$WORK/typed" | sed 's/ *$//' >"$WORK/shown"
	same "carrier version
carrier image untag
carrier run --hostname
carrier ps --format json
carrier ps --format=json
carrier exec goes-on
carrier exec has
carrier rm -f goes-on has-ended
carrier run --rm -e A=b $PLAIN:latest
carrier load -i zebra.tar" "$(<"$WORK/shown")"
}

@test "fish: the same" {
	needs fish
	while IFS='|' read -r typed want; do
		same "$want" "$(in_shell fish --no-config -c "source $BASE/complete.fish; complete -C'$typed'" | cut -f1 | tr '\n' ' ' | sed 's/ $//')"
	done <<-EOF
	carrier vers|version
	carrier image unt|untag
	carrier run --hostn|--hostname
	carrier ps --format js|json
	carrier ps --format=js|--format=json
	carrier exec |goes-on
	carrier rm -f goes-on has|has-ended
	carrier run --rm -e A=b 127|$PLAIN:latest
	carrier run $PLAIN --hostn|
	carrier load -i ze|zebra.tar
	EOF
}
