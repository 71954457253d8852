"""measure.py - commands, and their times beside each other."""
import shlex, statistics, subprocess, sys, time

rows = []    # of the table at the end: (title, {name: value}, ours, theirs, ratio at most)


def sh(command, **more):
    return subprocess.run(command, shell=isinstance(command, str), stdin=subprocess.DEVNULL, capture_output=True, text=True, **more)


def must(command, **more):
    r = sh(command, **more)
    if r.returncode:
        sys.exit("bench: %s: %s%s" % (command, r.stdout[-300:], r.stderr[-300:]))
    return r.stdout


def series(title, commands, rounds, gap_ms, env=None, who={}):
    """commands: [(name, words or shell text or a function of the round that returns them, prepare)]; the first is what the
    ratios are of; who: subprocess's user, group ..."""
    times = {name: [] for name, _, _ in commands}
    for i in range(rounds + 1):
        for name, command, prepare in commands:
            if prepare:
                must(prepare, env=env)
            if callable(command):
                command = command(i)
            time.sleep(gap_ms / 1e3)
            begin = time.perf_counter()
            r = subprocess.run(command if isinstance(command, list) else shlex.split(command), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env, **who)
            took = (time.perf_counter() - begin) * 1e3
            if r.returncode:
                print("  %-34s failed: %s" % (name, r.stderr.decode(errors="replace").strip()[-200:]))
                commands = [c for c in commands if c[0] != name]
                times.pop(name)
                break
            if i:
                times[name].append(took)
    print("%s (%s, %d rounds)" % (title, "%d ms apart" % gap_ms if gap_ms else "loop", rounds))
    medians = {n: statistics.median(v) for n, v in times.items() if v}
    if not medians:
        return medians
    ours = next(iter(medians))
    for name, value in medians.items():
        print("  %-34s %9.2f ms   %s is %.2f x this" % (name, value, ours, medians[ours] / value))
    return medians
