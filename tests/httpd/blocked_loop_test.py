"""A handler that blocks its loop is named in the log (WebSocketBlockedLoopWarning)."""

import pytest

from support.frames import TEXT
from support.handler_modules import load_handlers
from support.httpd import server_root
from support.raw_client import RawClient
from support.websockets_backend import WebsocketsBackend

CONFIG = load_handlers("blocker") + """
WebSocketEngineThreads 1
WebSocketBlockedLoopWarning {limit}
<Location "/blocker">
    WebSocketHandler blocker
    WebSocketHandlerOption file {file}
    WebSocketHandlerOption url ws://127.0.0.1:{port}/
</Location>
"""
KEPT = r"\[ws:warn\] .*handler blocker has kept its event loop for \d+\.\d s, and the loop's \d sessions wait"
WENT_ON = r"\[ws:warn\] .*handler blocker has let its event loop go on, after \d+\.\d s"


@pytest.fixture
def file():
    """Until it is there, the handler blocks."""
    with server_root() as root:
        yield root / "go-on"


@pytest.mark.parametrize("how", ["at once", "after a sleep", "after work elsewhere", "after a count",
                                 "after a dialed message"])
def test_a_handler_that_blocks_its_loop_is_named(httpd, file, how):
    with WebsocketsBackend() as backend:
        server = httpd(CONFIG.format(limit="50ms", file=file, port=backend.port))
        with RawClient("127.0.0.1", server.port) as client:
            client.open("/blocker")
            client.send_frame(TEXT, how)
            server.wait_for_log(KEPT)
            file.touch()
            client.expect_frame(TEXT, "done")
            server.wait_for_log(WENT_ON)


def test_somebody_is_named_by_default_and_nobody_where_the_warning_is_off(httpd, file):
    silent = httpd(CONFIG.format(limit="off", file=file, port=1))
    server = httpd(CONFIG.replace("WebSocketBlockedLoopWarning {limit}\n", "").format(file=file, port=1))
    with RawClient("127.0.0.1", silent.port) as unnamed, RawClient("127.0.0.1", server.port) as named:
        for client in (unnamed, named):
            client.open("/blocker")
            client.send_frame(TEXT, "at once")
        server.wait_for_log(KEPT)
        file.touch()
        for client in (unnamed, named):
            client.expect_frame(TEXT, "done")
        server.wait_for_log(WENT_ON)
    assert "event loop" not in silent.error_log()
