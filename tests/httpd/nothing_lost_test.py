"""What a relay has taken arrives, once and in order, on each session that lives: through restarts, beside backends that fail."""

import asyncio
import os
import signal
import time

import pytest

from support.certificate import TRUSTED_BACKENDS, certificate
from support.handler_modules import SEVERAL_CHILDREN
from support.keepers import wait_for_keepers
from support.ports import free_ports
from support.status import status_of
from support.traffic import Backend, Traffic
from support.waiting import wait_until

SESSIONS = int(os.environ.get("WS_SOAK_SESSIONS", "100"))
SECONDS = float(os.environ.get("WS_SOAK_SECONDS", "0"))
ROUNDS = 3
MODULES = ("proxy_balancer", "lbmethod_byrequests", "slotmem_shm")
CONFIG = TRUSTED_BACKENDS + """
<Proxy "balancer://both">
    BalancerMember "ws://127.0.0.1:${STEADY}"
    BalancerMember "ws://127.0.0.1:${FLAPPING}" retry=0
</Proxy>
ProxyPass "/traffic" "balancer://both"
ProxyPass "/deflated" "balancer://both"
<Location "/deflated">
    WebSocketCompression on
</Location>
ProxyPass "/secure" "wss://127.0.0.1:${SECURE}"
<Location "/ws-status">
    SetHandler websocket-status
</Location>
KeepAlive Off
"""


@pytest.fixture
def ports():
    return free_ports(3)


def options(ports):
    names = dict(zip(("STEADY", "FLAPPING", "SECURE"), ports))
    return {"modules": MODULES, "tls": True, "log_level": "warn", "defines": {**names, "CERTIFICATE": certificate().cert}}


def backends(traffic, ports):
    """The steady one, the one that flaps, and the one with TLS."""
    return [Backend(traffic, port, tls) for port, tls in zip(ports, (False, False, True))]


@pytest.fixture
def server(httpd, ports):
    return httpd(CONFIG, **options(ports))


def sessions_of(server):
    return sum(series["sessions"] for series in status_of(server)["series"])


def assert_few_refusals(traffic, rounds):
    """Of handshakes that the failing backend had begun with (502), or that the balancer gave up: it tries no other member when
    another request has brought the one that failed back meanwhile, as retry=0 has it (503)."""
    assert {path for path, _ in traffic.refusals} <= {"/traffic", "/deflated"}, traffic.refusals
    assert {status for _, status in traffic.refusals} <= {502, 503}, traffic.refusals
    assert traffic.refusals.total() <= rounds * SESSIONS / 20, traffic.refusals


def lost_sessions_of(server):
    """Those that processes have taken with them."""
    return sum(series["closes"]["server"].get("1006", 0) for series in status_of(server)["series"])


def test_nothing_is_lost_through_restarts_and_beside_a_backend_that_fails(server, ports, tell_at_the_end):
    async def flap_and_restart():
        traffic = Traffic(server, SESSIONS)
        _, flapping, _ = every = backends(traffic, ports)
        for backend in every:
            await backend.up()
        await traffic.begin()
        rounds, end = 0, time.monotonic() + SECONDS
        while rounds < ROUNDS or time.monotonic() < end:
            await asyncio.to_thread(server.graceful)
            await traffic.pass_messages(20)
            await traffic.all_open()
            flapping.down()
            await traffic.pass_messages(20)
            await flapping.up()
            await traffic.pass_messages(20)
            rounds += 1
        received = await traffic.finish()
        return traffic, rounds, received

    traffic, rounds, received = asyncio.run(flap_and_restart())
    assert_few_refusals(traffic, rounds)
    tell_at_the_end("messages through a relay", [
        f"{received} messages on {SESSIONS} sessions through {rounds} graceful restarts, each with a backend's loss: "
        f"all arrived once, in order; refused handshakes meanwhile: {dict(traffic.refusals)}"])
    wait_until(lambda: sessions_of(server) == 0, "no session is counted")
    wait_for_keepers(server, 0)


def test_a_child_killed_under_load_takes_its_own_sessions_only(httpd, ports):
    server = httpd(SEVERAL_CHILDREN + CONFIG, threads=5, may_crash=True, **options(ports))

    async def kill_one():
        traffic = Traffic(server, 30)
        for backend in backends(traffic, ports):
            await backend.up()
        await traffic.begin()
        pid, doomed = await asyncio.to_thread(sessions_of_one_child, server, 30)
        traffic.doomed = {client for client in traffic.living() if client.port in doomed}
        await traffic.pass_messages(5)
        os.kill(pid, signal.SIGKILL)
        await traffic.until(lambda: all(client.is_lost for client in traffic.doomed), "the child's sessions end")
        await traffic.pass_messages(20)
        await traffic.finish()
        return len(traffic.doomed)

    lost = asyncio.run(kill_one())
    wait_until(lambda: (sessions_of(server), lost_sessions_of(server)) == (0, lost),
               lambda: f"(0, {lost}), not {sessions_of(server), lost_sessions_of(server)}", 30)


def sessions_of_one_child(server, count):
    """(its pid, the ports of their clients), when all are listed."""
    listed = wait_until(lambda: found if len(found := status_of(server)["sessions"]) == count else None,
                        f"{count} sessions are listed")
    pid = listed[0]["pid"]
    return pid, {int(each["client"].rpartition(":")[2]) for each in listed if each["pid"] == pid}
