import os
import re
import sys
from contextlib import contextmanager, ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
pytest.register_assert_rewrite("support")

from support.fault_stage import Stage  # noqa: E402
from support.http2 import ECHO, H2_LOG  # noqa: E402
from support.httpd import Httpd, server_root  # noqa: E402
from support.recipes import Recipe  # noqa: E402
from support.relay import Relay  # noqa: E402
from support.status import Users  # noqa: E402

TOLD_AT_THE_END = pytest.StashKey()


def pytest_configure(config):
    config.stash[TOLD_AT_THE_END] = []


def pytest_collection_modifyitems(config, items):
    """What needs other modules than those that are tested is no test of theirs."""
    if "WS_SANITIZER_PRELOAD" not in os.environ:
        return
    needless = [item for item in items if item.get_closest_marker("plain_build")]
    config.hook.pytest_deselected(items=needless)
    items[:] = [item for item in items if item not in needless]


def pytest_sessionfinish(session):
    """One of several processes that test at once tells the first one."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["told_at_the_end"] = session.config.stash[TOLD_AT_THE_END]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    node.config.stash[TOLD_AT_THE_END].extend(getattr(node, "workeroutput", {}).get("told_at_the_end", []))


def pytest_terminal_summary(terminalreporter, config):
    for title, lines in config.stash[TOLD_AT_THE_END]:
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def tell_at_the_end(pytestconfig):
    """tell_at_the_end(title, lines) shows them when all tests have run."""
    return lambda title, lines: pytestconfig.stash[TOLD_AT_THE_END].append((title, lines))


@contextmanager
def httpd_factory():
    """start(config, **options) gives a running Httpd, which stops with the context."""
    with ExitStack() as stack:
        def start(config, **options):
            root = stack.enter_context(server_root())
            return stack.enter_context(Httpd(root, config, **options))
        yield start


@pytest.fixture
def httpd():
    with httpd_factory() as start:
        yield start


@pytest.fixture(scope="module")
def module_httpd():
    """The same for a server that the tests of one module share."""
    with httpd_factory() as start:
        yield start


@pytest.fixture(scope="module")
def module_relay(module_httpd):
    return Relay(module_httpd)


@pytest.fixture
def relay(module_relay):
    """A relay that the tests of one module share."""
    with module_relay.server.shared():
        yield module_relay


@pytest.fixture(scope="module")
def stage(module_httpd):
    """Where the tests of one module have one side of a session fail."""
    with ExitStack() as stack:
        yield Stage(module_httpd, stack)


@pytest.fixture
def wait_for_log(relay):
    """wait_for_log(regex) looks at what has been logged since the test began."""
    since = len(relay.server.error_log())
    return lambda regex: relay.server.wait_for_log(regex, since=since)


@pytest.fixture
def assert_one_complaint(relay):
    """assert_one_complaint(regex) finds one line of it since the test began, and no other complaint: a
    repeat of what the module's httpd has said a moment ago is said at level info."""
    since = len(relay.server.error_log())

    def check(regex):
        match = relay.server.wait_for_log(regex, since=since)
        assert all(match[0] in line for line in relay.server.complaints(since))
        assert len(re.findall(regex, relay.server.error_log()[since:])) == 1
    return check


@pytest.fixture
def h2_server(httpd):
    """h2_server(config, **options) gives a running Httpd with mod_http2."""
    return lambda config=ECHO, **options: httpd(config, tls=True, **{"modules": ("http2",), **options})


@pytest.fixture
def h2_relay(httpd):
    """Has an echo of its own too, and a log of how sessions have ended."""
    return Relay(httpd, H2_LOG + ECHO, modules=("http2",))


@pytest.fixture
def check_config():
    """check_config(config, **options) gives (exit status, message) of `httpd -t`."""
    def check(config, **options):
        with server_root() as root:
            return Httpd.check_config(root, config, **options)
    return check


@pytest.fixture
def open_directory():
    """A directory that httpd's children can traverse, for sockets and files."""
    with server_root() as directory:
        yield directory


@pytest.fixture
def status_users(open_directory):
    return Users(open_directory)


@pytest.fixture(params=["event", "worker", "prefork"])
def mpm(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def tls(request):
    return request.param


@pytest.fixture(params=[(False, False), (True, False), (False, True), (True, True)],
                ids=["plain-plain", "tls-plain", "plain-tls", "tls-tls"])
def legs(request):
    """(tls, backend_tls)"""
    return request.param


@pytest.fixture
def recipe(httpd):
    """recipe(name, changes, **options) gives a running Recipe: httpd with one file of conf/."""
    return lambda *args, **options: Recipe(httpd, *args, **options)
