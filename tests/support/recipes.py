"""The files in conf/, started as they are but for the addresses that a test must choose itself."""

import re

from support.httpd_config import HTTPD_MODULES, REPOSITORY
from support.ports import free_ports
from support.raw_client import RawClient
from support.ws_client import connect, run

CONF = REPOSITORY / "conf"


def names():
    return sorted(file.name for file in CONF.glob("*.conf"))


def modules_of(text):
    """Those that the comment says the file needs."""
    comments = " ".join(re.findall(r"^# (.*)$", text, re.MULTILINE))
    needed = re.search(r"Needs (mod_.*?)\.(?: |$)", comments)
    modules = re.findall(r"mod_(\w+)", needed[1]) if needed else ()
    # What is not there as a file is compiled in.
    return tuple(name for name in modules if (HTTPD_MODULES / f"mod_{name}.so").exists())


class Recipe:
    """A running httpd with one file of conf/. The backends' usual ports 9000 and 9001 (9443 with
    TLS) are replaced with free ones; `changes` maps other text of the file to what the test needs
    in its place, and all of it must occur."""

    def __init__(self, start_httpd, name, changes=None, extra="", **options):
        self.ports = free_ports(2)
        text = (CONF / name).read_text()
        modules = modules_of(text)
        for old, new in (changes or {}).items():
            assert old in text, f"{name} does not have {old!r}"
            text = text.replace(old, str(new))
        for usual, port in ((9000, 0), (9001, 1), (9443, 0)):
            text = text.replace(f":{usual}", f":{self.ports[port]}")
        needs_tls = "ssl" in modules
        self.server = start_httpd(f"{text}\n{extra}", **{"tls": needs_tls, **options,
                                  "modules": (*modules, *options.get("modules", ()))})

    def url(self, path):
        return self.server.url(path)

    def client(self):
        return RawClient("127.0.0.1", self.server.port)

    def open(self, path, headers=None):
        """Opens a session and leaves it at once; returns the 101."""
        with self.client() as client:
            return client.open(path, headers=headers)

    def is_served(self, path):
        """Whether a session can be opened."""
        with self.client() as client:
            return client.handshake(path).status == 101


async def _ask(url, options):
    async with connect(url, **options) as ws:
        await ws.send("who?")
        return await ws.recv()


def ask(url, **options):
    """What the backend answers in a session of one message."""
    return run(_ask(url, options))


def answering(name):
    """A backend's handler that answers each message with `name`."""
    async def handler(ws):
        async for _ in ws:
            await ws.send(name)
    return handler
