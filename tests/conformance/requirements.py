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


def rows():
    """The cells of each row: number, clause, requirement, shown by."""
    lines = TABLE.read_text().splitlines()
    table = [line.strip().strip("|").split(" | ") for line in lines if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in table if row[0].strip().isdigit()]


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
