#!/usr/bin/env python3
"""summary.py BUILD=TESTLOG.json... - count what meson's tests did, TAP subtests one by one.

Prints the skipped tests, the failed ones with the last lines that they left, then, as the last line, "N passed, N failed, N skipped".
Counted as one failed test each: a TESTLOG that is missing or empty (the build or the runner failed), and a test
program that ended badly without having reported a failed subtest (crash, time-out, fewer tests than planned).
Exit code: 0 if nothing failed and something passed, else 1.
"""
import itertools
import json
import re
import sys

RESULT = re.compile(r"^(not )?ok\b *\d* *-? *(.*)$")
DIRECTIVE = re.compile(r"(?<!\\)#\s*(skip|todo)\S*\s*(.*)$", re.IGNORECASE)
PLAN_SKIP = re.compile(r"^1\.\.0\s*#\s*skip\S*\s*(.*)$", re.IGNORECASE)


# what is shown of a failed test
SAID = 20


def tail(lines):
    """The last lines, as they follow a name."""
    return "".join(f"\n      {line}" for line in lines[-SAID:])


def comments(lines):
    """What TAP says below a result: the lines of comment up to the next one."""
    return list(itertools.takewhile(lambda line: line.startswith("#"), lines))


def subtests(stdout):
    """Yield (outcome, name, reason) of each line of TAP that is a result."""
    lines = stdout.splitlines()
    for at, line in enumerate(lines):
        plan = PLAN_SKIP.match(line)
        if plan:
            yield "skipped", "all of it", plan[1]
        result = RESULT.match(line)
        if not result:
            continue
        name, reason, kind = result[2], "", ""
        directive = DIRECTIVE.search(name)
        if directive:
            name, kind, reason = name[:directive.start()].strip(), directive[1].lower(), directive[2]
        if kind == "skip":
            yield "skipped", name, reason
        elif result[1]:
            if kind == "todo":
                yield "skipped", name, reason
            else:
                yield "failed", name + tail(comments(lines[at + 1:])), reason
        else:
            yield "passed", name, ""


def outcomes(test):
    """The (outcome, name, reason) list of one test program in meson's log."""
    if test["result"] == "EXPECTEDFAIL":
        return [("passed", test["name"], "")]
    found = [(outcome, f"{test['name']}: {name}", reason)
             for outcome, name, reason in subtests(test.get("stdout") or "")]
    failed = any(outcome == "failed" for outcome, _, _ in found)
    if test["result"] == "OK":
        return found or [("passed", test["name"], "")]
    if test["result"] == "SKIP":
        reason = (test.get("stdout") or "").strip().splitlines()
        return found or [("skipped", test["name"], reason[-1] if reason else "no reason given")]
    if not failed:
        said = (test.get("stdout") or "").splitlines() + (test.get("stderr") or "").splitlines()
        found.append(("failed", f"{test['name']}: {test['result']}, exit code {test['returncode']}" + tail(said), ""))
    return found


def read_log(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            tests = [json.loads(line) for line in f if line.strip()]
    except (OSError, ValueError) as error:
        return [("failed", "the whole run", f"no test was run, see above; {error}")]
    if not tests:
        return [("failed", "the whole run", "no test was run, see above")]
    return [outcome for test in tests for outcome in outcomes(test)]


def main(arguments):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    lines = {"failed": [], "skipped": []}
    for argument in arguments:
        build, _, path = argument.partition("=")
        for outcome, name, reason in read_log(path):
            counts[outcome] += 1
            if outcome in lines:
                lines[outcome].append(f"  {build}: {name}" + (f" ({reason})" if reason else ""))

    for outcome in ("skipped", "failed"):
        if lines[outcome]:
            print(f"{outcome}:", *lines[outcome], sep="\n")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
