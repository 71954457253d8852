#!/bin/sh
# made.sh DIRECTORY COMMAND... - an empty DIRECTORY anew, and COMMAND DIRECTORY, which fills it
set -e
dir=$1
shift
rm -rf "$dir"
mkdir "$dir"
"$@" "$dir"
