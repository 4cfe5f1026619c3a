"""The table in requirements.md: which tests it names, and whether they exist."""

import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
TABLE = HERE / "requirements.md"
GTEST = re.compile(r"^TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", re.MULTILINE)
PYTEST = re.compile(r"^def (test_\w+)\(", re.MULTILINE)
QUOTED = re.compile(r"`([^`]+)`")
NOT_OURS = "not ours: "
HEADING = ["no.", "clause", "requirement", "shown by"]
RULE = re.compile(r"[-|]+")
COUNT = 105  # what sections 4 to 8 have of them


def rows():
    """The cells of each row: number, clause, requirement, shown by. Every line with a bar in it is
    one, or a heading."""
    lines = [line.strip() for line in TABLE.read_text().splitlines() if "|" in line]
    table = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in table if row != HEADING and not RULE.fullmatch("".join(row))]


def numbers():
    return [row[0] for row in rows()]


def named_tests():
    return {name for row in rows() for name in QUOTED.findall(row[-1])
            if not row[-1].startswith(NOT_OURS)}


def rows_without_answer():
    return [row for row in rows()
            if len(row) != 4 or not (row[-1].startswith(NOT_OURS) or QUOTED.search(row[-1]))]


def gtest_names():
    """Suite.Name of each"""
    sources = TESTS.glob("*/*_test.cc")
    return {f"{suite}.{name}" for source in sources
            for suite, name in GTEST.findall(source.read_text())}


def pytest_names():
    """file.py::function of each of the tests against a real httpd"""
    return {f"{source.name}::{name}" for source in (TESTS / "httpd").glob("*_test.py")
            for name in PYTEST.findall(source.read_text())}
