"""The faults of faults_test where a session is more than two plain sockets and a child: with TLS, over HTTP/2, at a handler, in a
keeper."""

from contextlib import ExitStack

import pytest

from support.fault_stage import KeptStage, path_of, play_handled, play_relayed, table
from support.faults import HANDLER_PHASES, PHASES, STREAM_FAULTS, HandlerScene, Http2Scene, Scene
from support.keepers import wait_for_keepers
from support.victim import FAULTS

ESTABLISHED = ("idle", "mid-frame", "mid-message", "closing", "closed")
QUICK = [fault for fault in FAULTS if fault != "frozen"]
# Where it is noticed in time; elsewhere as in faults_test.
FROZEN_IN = ("connecting", "accepting", "idle", "closing")
SIDES_OF = {"TLS": ("backend", "client"), "HTTP/2": ("client",), "handler": ("client",), "keeper": ("backend", "client")}


def phases_of(leg, side):
    if leg == "TLS":
        return [phase for phase in PHASES[side] if (side, phase) != ("backend", "connecting")]
    return [phase for phase in ESTABLISHED if leg != "handler" or phase in HANDLER_PHASES]


def faults_of(leg, phase):
    frozen = phase in FROZEN_IN and (leg, phase) != ("keeper", "idle")
    return [*QUICK, *(["frozen"] if frozen else []), *(STREAM_FAULTS if leg == "HTTP/2" else [])]


CELLS = [(leg, side, phase, fault) for leg, sides in SIDES_OF.items() for side in sides for phase in phases_of(leg, side)
         for fault in faults_of(leg, phase)]


def cells_of(*legs):
    return [pytest.param(*cell, id="-".join(cell)) for cell in CELLS if cell[0] in legs]


@pytest.fixture(scope="module")
def outcomes(tell_at_the_end):
    seen = {cell[:3]: {} for cell in CELLS}
    yield seen
    tell_at_the_end("what the other side, or the handler's log, gets",
                    table(("leg", "fails", "phase"), [*FAULTS, *STREAM_FAULTS], seen))


@pytest.mark.parametrize("leg, side, phase, fault", cells_of("TLS"))
def test_the_other_side_of_a_tls_session_is_told_and_all_is_given_back(stage, outcomes, leg, side, phase, fault):
    with stage.server.shared(), ExitStack() as stack:
        scene = Scene(stack, stage.server, stage.port, path_of(fault, "/tls"), side, tls=True)
        outcomes[leg, side, phase][fault] = play_relayed(scene, stage, phase, fault)


@pytest.mark.parametrize("leg, side, phase, fault", cells_of("HTTP/2"))
def test_the_backend_of_an_http2_session_is_told_and_all_is_given_back(stage, outcomes, leg, side, phase, fault):
    with stage.server.shared(), ExitStack() as stack:
        scene = Http2Scene(stack, stage.server, stage.port, path_of(fault), side)
        outcomes[leg, side, phase][fault] = play_relayed(scene, stage, phase, fault)


@pytest.mark.parametrize("leg, side, phase, fault", cells_of("handler"))
def test_a_handlers_session_ends_and_all_is_given_back(stage, outcomes, leg, side, phase, fault):
    with stage.server.shared(), ExitStack() as stack:
        scene = HandlerScene(stack, stage.server, stage.port, path_of(fault, "/handler"), side)
        outcomes[leg, side, phase][fault] = play_handled(scene, stage, phase, fault)


@pytest.fixture(scope="module")
def kept(module_httpd):
    """All sessions whose ends fail then, in one keeper."""
    with ExitStack() as stack:
        stage = KeptStage(module_httpd, stack)
        scenes = {}
        for leg, side, phase, fault in CELLS:
            if leg == "keeper":
                scene = scenes[side, phase, fault] = Scene(stack, stage.server, stage.port, path_of(fault), side)
                scene.open()
        stage.keep()
        yield stage, scenes
    wait_for_keepers(stage.server, 0)


@pytest.mark.parametrize("leg, side, phase, fault", cells_of("keeper"))
def test_the_other_side_of_a_kept_session_is_told_and_all_is_given_back(kept, outcomes, leg, side, phase, fault):
    stage, scenes = kept
    with stage.server.shared():
        outcomes[leg, side, phase][fault] = play_relayed(scenes[side, phase, fault], stage, phase, fault)
