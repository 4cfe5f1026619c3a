"""A server on which scenes of faults are played one after the other: what it says of them, and whether it gives all back."""

import re
from collections import Counter

from support.certificate import TRUSTED_BACKENDS, certificate
from support.descriptors import descriptors, descriptors_at_rest, wait_for_descriptors
from support.frames import TEXT
from support.handler_modules import load_handlers
from support.http2 import H2
from support.keepers import keepers_of, wait_for_keepers
from support.ports import free_ports
from support.raw_client import RawClient
from support.status import status_of
from support.waiting import wait_until
from support.websockets_backend import WebsocketsBackend

GOES_ON = "goes on"
FROZEN_OR_SLOW = ("frozen", "slow")
# What the other side gets: a status, a Close frame's code, or the TCP connection's end ("cut"). Of what is only slow, all.
OUTCOMES = {
    ("backend", "connecting"): {"frozen": "503"},
    ("backend", "accepting"): {"killed": "503", "frozen": "504", "reset": "502", "half-closed": "502"},
    ("backend", "handshake"): {"killed": "502", "frozen": "504", "reset": "502", "half-closed": "502"},
    ("backend", "idle"): "1014",
    ("backend", "mid-frame"): "cut",
    ("backend", "mid-message"): "1014",
    ("backend", "closing"): "4001",
    ("backend", "closed"): "4001",
    ("client", "connecting"): {"killed": "400", "frozen": "408", "reset": "400", "half-closed": "400"},
    ("client", "handshake"): {"killed": "1001", "frozen": "1001", "reset": "cut", "half-closed": "1001"},
    ("client", "idle"): "1001",
    ("client", "mid-frame"): "cut",
    ("client", "mid-message"): "1001",
    ("client", "closing"): "4001",
    ("client", "closed"): "4001",
}
# The reset may be there before httpd has looked whether it is connected, and where there is TLS, it does not come about.
ALSO = {("backend", "accepting", "reset"): "503", ("backend", "accepting", "half-closed"): "503"}
CONFIG = H2 + TRUSTED_BACKENDS + """
ProxyPass "/tls/patient" "wss://127.0.0.1:${FAULTY}" retry=0
ProxyPass "/tls/hasty" "wss://localhost:${FAULTY}" retry=0
ProxyPass "/patient" "ws://127.0.0.1:${FAULTY}" retry=0
ProxyPass "/hasty" "ws://localhost:${FAULTY}" retry=0
ProxyPass "/bystander" "ws://127.0.0.1:${BYSTANDER}"
<Location "/bystander">
    WebSocketPingInterval off
</Location>
<Location "/handler/patient">
    WebSocketHandler closing
</Location>
<Location "/handler/hasty">
    WebSocketHandler closing
</Location>
<Location "/ws-status">
    SetHandler websocket-status
</Location>
<Location "/server-status">
    SetHandler server-status
</Location>
WebSocketLog sessions.log "%{code}W %{side}W"
CustomLog "${ROOT}/access.log" "%s %U"
KeepAlive Off
RequestReadTimeout header=2
"""
# For what is frozen: it is noticed by what does not come in time.
TIMES = "".join(f"""
<Location "{path}/hasty">
    WebSocketHandshakeTimeout 1s
    WebSocketPingInterval INTERVAL
    WebSocketPongTimeout 1s
    WebSocketCloseTimeout 1s
</Location>
""" for path in ("", "/tls", "/handler"))


class Stage:
    """Has a session, the bystander's, that has nothing to do with the scenes."""

    ping_interval = "200ms"

    def __init__(self, start_httpd, stack):
        self.port, = free_ports(1)
        backend = stack.enter_context(WebsocketsBackend())
        config = "\n".join((load_handlers("closing"), CONFIG, TIMES.replace("INTERVAL", self.ping_interval)))
        self.server = start_httpd(config, modules=("reqtimeout", "http2", "status"), tls=True, defines={
            "FAULTY": self.port, "BYSTANDER": backend.port, "CERTIFICATE": certificate().cert})
        self._bystander = stack.enter_context(RawClient("127.0.0.1", self.server.port))
        self._bystander.open("/bystander")
        self._descriptors = descriptors_at_rest(self.process)

    def expect_bystander(self):
        self._bystander.send_frame(TEXT, "still here")
        self._bystander.expect_frame(TEXT, "still here")

    def counts(self, path):
        """What the status says of a location, but for the bytes that have passed."""
        series = [each for each in status_of(self.server)["series"] if each["location"] == path]
        return sum(map(counts_of, series), Counter())

    @property
    def process(self):
        """The one that has the sessions."""
        pid, = keepers_of(self.server) or self.server.children()
        return pid

    def busy_workers(self):
        """But for the one that says it."""
        with RawClient("127.0.0.1", self.server.port) as client:
            report = client.get("/server-status?auto").body.decode()
        return int(re.search(r"^BusyWorkers: (\d+)$", report, re.MULTILINE)[1]) - 1

    def descriptors_after(self, _):
        """What there are when a scene is over."""
        return self._descriptors

    def of_scene(self, counts):
        """What of a session's counts changes in the scene."""
        return counts

    def expect_rest(self, expected):
        wait_for_descriptors(self.process, expected)
        wait_until(lambda: self.busy_workers() == 0, "no worker thread is busy")


class KeptStage(Stage):
    """Its sessions, and the bystander's, are opened first, and then all are in a keeper."""

    ping_interval = "off"  # they wait for their turn, and answer none

    def keep(self):
        old = self.server.children()
        self.server.graceful()
        wait_until(lambda: not set(old) & set(self.server.children()), self.server.error_log)
        wait_for_keepers(self.server, 1)

    def descriptors_after(self, scene):
        """Without those of its two ends."""
        return descriptors(self.process) - Counter(socket=len(scene.ends))

    def of_scene(self, counts):
        return {name: count for name, count in counts.items() if name not in ("answered 101", "begun")}


def path_of(fault, prefix=""):
    """Of a location that notices it in time, or leaves it time."""
    return f"{prefix}/hasty" if fault == "frozen" else f"{prefix}/patient"


def counts_of(series):
    return Counter({
        "sessions": series["sessions"], "begun": series["begun"], "ended": series["ended"],
        "queued": series["client"]["queued_bytes"] + series["backend_side"]["queued_bytes"],
        **{f"answered {status}": count for status, count in series["upgrades"].items()},
        **{f"{side} {code}": count for side, codes in series["closes"].items() for code, count in codes.items()}})


# Scenes


def expected_outcome(side, phase, fault):
    expected = GOES_ON if fault == "slow" else OUTCOMES[side, phase]
    return expected if isinstance(expected, str) else expected[fault]


def expected_counts(side, phase, fault, outcome):
    """One session, if there was one, ended by the first Close frame or the loss; the answer that the client got."""
    other = "client" if side == "backend" else "backend"
    if fault != "slow" and phase == "connecting" and side == "client":
        return {}
    if fault != "slow" and phase in ("connecting", "accepting", "handshake") and side == "backend":
        return {f"answered {outcome}": 1}
    if (side, phase, fault) == ("client", "handshake", "reset"):
        return {"answered 101": 1}
    close = {"closing": f"{other} 4xxx", "closed": f"{side} 4xxx"}.get(
        phase, "client 1000" if fault == "slow" else f"{side} 1006")
    return {"answered 101": 1, "begun": 1, "ended": 1, close: 1}


def play(scene, stage, phase, fault):
    """What the other end gets."""
    steps = scene.phase(phase)
    next(steps)
    scene.suffer(fault)
    next(steps)
    stage.expect_bystander()
    if fault != "slow":
        return scene.outcome(phase)
    scene.victim.go_on()
    assert next(steps, "over") == "over"
    if phase not in ("closing", "closed"):
        scene.close()
    return GOES_ON


def play_relayed(scene, stage, phase, fault):
    """The outcome, if it is the right one, and all is given back."""
    cell = scene.faulty, phase, fault
    outcome = check(scene, stage, phase, fault, lambda outcome: expected_counts(*cell, outcome))
    assert outcome in (expected_outcome(*cell), ALSO.get(cell))
    return outcome


def play_handled(scene, stage, phase, fault):
    """How the handler's session has ended, if it is right, and all is given back."""
    code, side = ("4001", "server") if phase == "closing" else ("1000" if fault == "slow" else "1006", "client")
    counts = {"answered 101": 1, "begun": 1, "ended": 1, f"{side} {code.replace('4001', '4xxx')}": 1}
    outcome = check(scene, stage, phase, fault, lambda _: counts)
    assert scene.ended() == f"{code} {side}"
    return outcome


def check(scene, stage, phase, fault, counts_for):
    """Plays it; nothing is left of it then. Gives the outcome."""
    before, left = stage.counts(scene.path), stage.descriptors_after(scene)
    outcome = play(scene, stage, phase, fault)
    stage.expect_bystander()
    scene.let_go()
    # httpd lingers where a frozen client does not take the end of its connection, and mod_http2 ends a request when it has
    # something else to do for its connection.
    if scene.is_lingering(phase):
        scene.stack.close()
    counts = stage.of_scene(counts_for(outcome))
    wait_until(lambda: stage.counts(scene.path) - before == counts, lambda: f"{counts}, not {stage.counts(scene.path) - before}")
    stage.expect_rest(left)
    return outcome


def table(places, faults, outcomes):
    """Lines that show {(leg, side, phase): {fault: outcome}}."""
    line = len(places) * "{:12}" + len(faults) * " {:12}"
    return [line.format(*places, *faults),
            *(line.format(*place, *(found.get(fault, "-") for fault in faults)) for place, found in outcomes.items())]
