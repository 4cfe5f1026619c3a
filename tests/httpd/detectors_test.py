"""What the other tests rely on: a mistake below httpd, on a loop of the engine's, fails the test in which it happens."""

import os

import pytest

from support.frames import TEXT
from support.handler_modules import load_handlers
from support.raw_client import RawClient

RUNTIMES = os.environ.get("WS_SANITIZER_PRELOAD", "")
FOUND = {
    "leak": ("libasan", "LeakSanitizer: detected memory leaks"),
    "write behind the end": ("libasan", "AddressSanitizer: heap-buffer-overflow"),
    "overflow": ("libasan", "runtime error: signed integer overflow"),
    "race": ("libtsan", "ThreadSanitizer: data race"),
}


@pytest.mark.parametrize("mistake, runtime, report", [
    pytest.param(mistake, runtime, report, id=mistake, marks=pytest.mark.skipif(runtime not in RUNTIMES, reason=f"no {runtime}"))
    for mistake, (runtime, report) in FOUND.items()])
def test_a_mistake_fails_the_test(httpd, mistake, runtime, report):
    server = httpd(load_handlers("faulty") + "<Location />\nWebSocketHandler faulty\n</Location>\n")
    with RawClient("127.0.0.1", server.port) as client:
        client.open("/")
        client.send_frame(TEXT, mistake)
        if mistake == "leak":
            client.expect_frame(TEXT, "done")
        else:
            server.wait_for_log(report)
    with pytest.raises(AssertionError, match=f"(?s)httpd crashed.*{report}"):
        server.stop()
