"""A server that is under attack, and what goes on there beside the attack."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from support.frames import TEXT
from support.memory import growth_of
from support.raw_client import RawClient

# AddressSanitizer's shadow and its quarantine grow along.
SCALE = 4 if os.environ.get("WS_SANITIZER_PRELOAD") else 1


@contextmanager
def unharmed(server, most_bytes, most_lines=0, path="/echo"):
    """Gives a function to call in the middle of the attack: a session of before echoes, a page is
    served. At the end both hold again, httpd's children have grown by less than `most_bytes` at
    any time, and the log has at most `most_lines` that an operator sees."""
    server.publish("page", "a page")
    since = len(server.error_log())
    with RawClient("127.0.0.1", server.port) as session:
        session.open(path)

        def check():
            assert_echoes(session)
            assert_serves(server)

        check()
        with growth_of(server.children()) as growth:
            yield check
            check()
            assert growth() < SCALE * most_bytes
    lines = server.complaints(since)
    assert len(lines) <= most_lines, lines


def assert_echoes(session):
    session.send_frame(TEXT, "hello")
    session.expect_frame(TEXT, "hello")


def assert_serves(server):
    with RawClient("127.0.0.1", server.port) as visitor:
        assert visitor.get("/page").body == b"a page"


@contextmanager
def crowd(server, count, path=None, **handshake):
    """So many clients; with sessions at `path`, if there is one."""
    with ExitStack() as stack:
        clients = [stack.enter_context(RawClient("127.0.0.1", server.port)) for _ in range(count)]
        for client in clients:
            if path:
                client.open(path, **handshake)
        yield clients


def statuses(server, count, path, headers=None, threads=8):
    """What so many opening handshakes, each on a connection of its own, are answered with."""
    def attempt(_):
        with RawClient("127.0.0.1", server.port) as client:
            return client.handshake(path, headers=headers).status
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(attempt, range(count)))
