"""One side of a relayed session fails, in every phase of it: the other side is told, all is given back, and others go on.

Other faults: what the machine allows in machine_limits_test, a full disk in full_disk_test, the time of day in clock_jump_test,
processes of httpd's in crash_test and nothing_lost_test, memory in tests/handler and tests/proxy/allocation_failure_test."""

from collections import Counter
from contextlib import ExitStack

import pytest

from support.faults import FAULTS, PHASES, Scene, outcome_of
from support.frames import TEXT
from support.ports import free_ports
from support.raw_client import RawClient
from support.status import status_of
from support.waiting import wait_until
from support.websockets_backend import WebsocketsBackend

CONFIG = """
ProxyPass "/patient" "ws://127.0.0.1:${FAULTY}" retry=0
ProxyPass "/hasty" "ws://localhost:${FAULTY}" retry=0
ProxyPass "/bystander" "ws://127.0.0.1:${BYSTANDER}"
<Location "/hasty">
    WebSocketHandshakeTimeout 1s
    WebSocketPingInterval 200ms
    WebSocketPongTimeout 1s
    WebSocketCloseTimeout 1s
</Location>
<Location "/ws-status">
    SetHandler websocket-status
</Location>
KeepAlive Off
RequestReadTimeout header=2
"""

# What the other side gets: a status, a Close frame's code, or the TCP connection's end ("cut").
OUTCOMES = {
    ("backend", "connecting"): {"killed": "503", "frozen": "504", "reset": "502", "half-closed": "502"},
    ("backend", "handshake"): {"killed": "502", "frozen": "504", "reset": "502", "half-closed": "502"},
    ("backend", "idle"): {fault: "1014" for fault in FAULTS},
    ("backend", "mid-frame"): {fault: "cut" for fault in FAULTS},
    ("backend", "mid-message"): {fault: "1014" for fault in FAULTS},
    ("backend", "closing"): {fault: "4001" for fault in FAULTS},
    ("backend", "closed"): {fault: "4001" for fault in FAULTS},
    ("client", "connecting"): {fault: "nothing" for fault in FAULTS},
    ("client", "handshake"): {"killed": "1001", "frozen": "1001", "reset": "cut", "half-closed": "1001"},
    ("client", "idle"): {fault: "1001" for fault in FAULTS},
    ("client", "mid-frame"): {fault: "cut" for fault in FAULTS},
    ("client", "mid-message"): {fault: "1001" for fault in FAULTS},
    ("client", "closing"): {fault: "4001" for fault in FAULTS},
    ("client", "closed"): {fault: "4001" for fault in FAULTS},
}
# The reset may be there before httpd has looked whether it is connected.
ALSO = {("backend", "connecting", "reset"): "503"}
CELLS = [(side, phase, fault) for side, phases in PHASES.items() for phase in phases for fault in FAULTS]
GOES_ON = "goes on"


class Stage:
    """The server that all scenes are played on, and a session on it that has nothing to do with them."""

    def __init__(self, start_httpd, stack):
        self.port, = free_ports(1)
        backend = stack.enter_context(WebsocketsBackend())
        self.server = start_httpd(CONFIG, modules=("reqtimeout",),
                                  defines={"FAULTY": self.port, "BYSTANDER": backend.port})
        self._bystander = stack.enter_context(RawClient("127.0.0.1", self.server.port))
        self._bystander.open("/bystander")

    def expect_bystander(self):
        self._bystander.send_frame(TEXT, "still here")
        self._bystander.expect_frame(TEXT, "still here")

    def counts(self, path):
        """What the status says of a location, but for the bytes that have passed."""
        series = [each for each in status_of(self.server)["series"] if each["location"] == path]
        return sum(map(counts_of, series), Counter())

    def descriptors(self):
        child, = self.server.children()
        return len(self.server.open_fds(child))


def counts_of(series):
    return Counter({
        "sessions": series["sessions"], "begun": series["begun"], "ended": series["ended"],
        "queued": series["client"]["queued_bytes"] + series["backend_side"]["queued_bytes"],
        **{f"answered {status}": count for status, count in series["upgrades"].items()},
        **{f"{side} {code}": count for side, codes in series["closes"].items() for code, count in codes.items()}})


@pytest.fixture(scope="module")
def stage(module_httpd):
    with ExitStack() as stack:
        yield Stage(module_httpd, stack)


@pytest.fixture(scope="module")
def outcomes(tell_at_the_end):
    """{(side, phase): {fault: outcome}}, shown when all tests have run."""
    seen = {cell[:2]: {} for cell in CELLS}
    yield seen
    line = "{:8} {:12}" + len(FAULTS) * " {:12}"
    tell_at_the_end("what the other side of a relayed session gets", [
        line.format("fails", "phase", *FAULTS),
        *(line.format(*place, *(found.get(fault, "-") for fault in FAULTS)) for place, found in seen.items())])


def path_of(fault):
    return "/hasty" if fault == "frozen" else "/patient"


def expected_counts(side, phase, fault, outcome):
    """One session, if there was one, ended by the first Close frame or the loss; the answer that the client got."""
    other = "client" if side == "backend" else "backend"
    if fault != "slow" and phase == "connecting" and side == "client":
        return {}
    if fault != "slow" and phase in ("connecting", "handshake") and side == "backend":
        return {f"answered {outcome}": 1}
    if (side, phase, fault) == ("client", "handshake", "reset"):
        return {"answered 101": 1}
    close = {"closing": f"{other} 4xxx", "closed": f"{side} 4xxx"}.get(
        phase, "client 1000" if fault == "slow" else f"{side} 1006")
    return {"answered 101": 1, "begun": 1, "ended": 1, close: 1}


def play(scene, stage, phase, fault):
    """What the other end gets."""
    steps = PHASES[scene.faulty][phase](scene)
    next(steps)
    scene.victim.suffer(fault)
    next(steps)
    stage.expect_bystander()
    if fault != "slow":
        return outcome_of(scene, phase)
    scene.victim.go_on()
    assert next(steps, "over") == "over"
    if phase not in ("closing", "closed"):
        scene.close()
    return GOES_ON


@pytest.mark.parametrize("side, phase, fault", CELLS, ids=["-".join(cell) for cell in CELLS])
def test_the_other_side_is_told_and_all_is_given_back(stage, outcomes, side, phase, fault):
    path = path_of(fault)
    with stage.server.shared(), ExitStack() as stack:
        before, descriptors = stage.counts(path), stage.descriptors()
        scene = Scene(stack, stage.server, stage.port, path, side)
        outcome = outcomes[side, phase][fault] = play(scene, stage, phase, fault)
        expected = GOES_ON if fault == "slow" else OUTCOMES[side, phase][fault]
        assert outcome in (expected, ALSO.get((side, phase, fault)))
        stage.expect_bystander()
        scene.let_go()
        if (side, phase) == ("client", "connecting"):
            stack.close()  # httpd lingers where a frozen client does not take its end of the connection
        counts = expected_counts(side, phase, fault, outcome)
        wait_until(lambda: stage.counts(path) - before == counts, lambda: f"{counts}, not {stage.counts(path) - before}")
        wait_until(lambda: stage.descriptors() <= descriptors,
                   lambda: f"{descriptors} descriptors, not {stage.descriptors()}")
