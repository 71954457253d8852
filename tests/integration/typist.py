#!/usr/bin/env python3
# typist.py SHELL-COMMAND... - types what stdin holds into an interactive shell on a terminal of its own, and prints what the terminal shows.
# Each line of stdin: text, in which \t, \n and \x03 are keys. What is typed while the shell is busy waits for it, as at a real terminal; at the end
# it is waited for.
import os, pty, select, sys, time

def silent(fd, out, quiet):
    end = time.monotonic() + 15
    while time.monotonic() < end and select.select([fd], [], [], quiet)[0]:
        try:
            data = os.read(fd, 65536)
        except OSError:
            return
        if not data:
            return
        out.write(data)

pid, fd = pty.fork()
if pid == 0:
    os.environ.update(TERM='dumb', COLUMNS='200', LINES='50', PS1='> ')
    os.execvp(sys.argv[1], sys.argv[1:])
out = sys.stdout.buffer
silent(fd, out, 1)
for line in sys.stdin:
    os.write(fd, line.rstrip('\n').encode().decode('unicode_escape').encode())
    silent(fd, out, 0.3)
silent(fd, out, 3)
os.close(fd)
os.waitpid(pid, 0)
