"""One side of a relayed session fails, in every phase of it: the other side is told, all is given back, and others go on.

With TLS, over HTTP/2, at a handler and in a keeper: faults_of_legs_test. Other faults: what the machine allows in
machine_limits_test, a full disk in full_disk_test, the time of day in clock_jump_test, processes of httpd's in crash_test and
nothing_lost_test, memory in tests/handler and tests/proxy/allocation_failure_test."""

from contextlib import ExitStack

import pytest

from support.fault_stage import FROZEN_OR_SLOW, path_of, play_relayed, table
from support.faults import PHASES, Scene
from support.victim import FAULTS

CELLS = [(side, phase, fault) for side in ("backend", "client") for phase in PHASES[side] for fault in FAULTS
         if (side, phase) != ("backend", "connecting") or fault in FROZEN_OR_SLOW]


@pytest.fixture(scope="module")
def outcomes(tell_at_the_end):
    """{(side, phase): {fault: outcome}}, shown when all tests have run."""
    seen = {cell[:2]: {} for cell in CELLS}
    yield seen
    tell_at_the_end("what the other side of a relayed session gets", table(("fails", "phase"), FAULTS, seen))


@pytest.mark.parametrize("side, phase, fault", CELLS, ids=["-".join(cell) for cell in CELLS])
def test_the_other_side_is_told_and_all_is_given_back(stage, outcomes, side, phase, fault):
    with stage.server.shared(), ExitStack() as stack:
        scene = Scene(stack, stage.server, stage.port, path_of(fault), side)
        outcomes[side, phase][fault] = play_relayed(scene, stage, phase, fault)
