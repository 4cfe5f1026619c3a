"""Every case of the suite against both targets, and the table of requirements that names them."""


import pytest

from conformance import requirements, suite
from conformance.case import summary
from conformance.targets import running_targets

CASES = suite.cases()
RUNS = [pytest.param(case, name, id=f"{case.id}-{name}") for case in CASES for name in case.targets]


@pytest.fixture(scope="module")
def targets():
    with running_targets() as targets:
        yield targets


@pytest.mark.parametrize("case, name", RUNS)
def test_case(targets, case, name):
    with targets[name].watched() as target:
        result = suite.run(case, target)
    assert result.passed, (f"{case.does}\nexpected: {summary(result.expected)}\n"
                           f"got:      {summary(result.got)}")


def test_the_table_of_requirements_names_tests_that_exist():
    known = {case.id for case in CASES} | requirements.gtest_names() | requirements.pytest_names()
    assert sorted(requirements.named_tests() - known) == []


def test_the_table_of_requirements_names_a_test_or_a_reason_for_each():
    assert not requirements.rows_without_answer()


def test_the_table_of_requirements_has_every_row():
    assert requirements.numbers() == [str(number) for number in range(1, requirements.COUNT + 1)]
