"""Runs the cases and prints a table: case, target, expected, got, verdict. Exit status 1 if one fails.

Usage: report.py [WORD...]; with words, only cases that have one of them in their id."""

import io
import sys
from contextlib import redirect_stdout
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conformance import suite  # noqa: E402
from conformance.case import summary  # noqa: E402
from conformance.targets import running_targets  # noqa: E402

COLUMNS = "{:<58} {:<6} {:<62} {:<62} {}"
MAX_CELL = 62


def cell(events):
    shown = summary(events).replace("\n", " ")
    return shown if len(shown) <= MAX_CELL else shown[:MAX_CELL - 3] + "..."


def print_result(case, name, result):
    verdict = f"{'pass' if result.passed else 'FAIL'} {result.seconds:6.2f} s"
    print(COLUMNS.format(case.id, name, cell(result.expected), cell(result.got), verdict))
    if not result.passed:
        print(f"    {case.does}\n    expected {summary(result.expected)}\n"
              f"    got      {summary(result.got)}")


def main(words):
    failed = count = 0
    log = io.StringIO()
    print(COLUMNS.format("case", "target", "expected", "got", "verdict"))
    with redirect_stdout(log), running_targets() as targets:
        for case in suite.cases():
            if words and not any(word in case.id for word in words):
                continue
            for name in case.targets:
                result = suite.run(case, targets[name])
                with redirect_stdout(sys.__stdout__):
                    print_result(case, name, result)
                failed += not result.passed
                count += 1
    print(f"{count} runs, {failed} failed")
    if failed:
        print(log.getvalue())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
