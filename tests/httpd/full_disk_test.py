"""No room for logs: sessions go on, and httpd says what is missing once."""

import os
import subprocess
from contextlib import contextmanager

import pytest

from support.frames import TEXT
from support.raw_client import RawClient
from support.waiting import wait_until

ECHO = """
<Location "/echo">
    WebSocketHandler echo
</Location>
"""
LINE = "x" * 99
DISK_BYTES = 1 << 16


def run_session(server):
    with RawClient("127.0.0.1", server.port) as client:
        client.open("/echo")
        client.send_frame(TEXT, "hello")
        client.expect_frame(TEXT, "hello")
        client.send_close(1000)
        client.expect_close()


@contextmanager
def small_disk(folder):
    """A file system of its own."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=755", "none", folder],
                             stderr=subprocess.DEVNULL, check=False)
    if mounted.returncode != 0:
        pytest.skip("only root may mount file systems, and not everywhere")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_sessions_go_on_where_their_log_is_full_and_one_line_says_so(httpd):
    server = httpd(f"WebSocketLog /dev/full\n{ECHO}")
    with RawClient("127.0.0.1", server.port) as bystander:
        bystander.open("/echo")
        for _ in range(5):
            run_session(server)
        bystander.send_frame(TEXT, "still here")
        bystander.expect_frame(TEXT, "still here")
    server.wait_for_log(r"No space left on device.*WebSocketLog /dev/full takes no lines: they are lost until it does")
    assert len(server.complaints()) == 1, server.complaints()


def test_sessions_go_on_where_the_error_log_is_full(httpd):
    server = httpd(f"{ECHO}<VirtualHost *>\nErrorLog /dev/full\n</VirtualHost>\n", log_level="warn ws:trace4")
    for _ in range(5):
        run_session(server)


def test_lines_begin_where_lines_begin_when_the_disk_has_room_again(httpd, open_directory):
    with small_disk(open_directory / "disk") as disk:
        server = httpd(f'WebSocketLog {disk}/sessions.log "%U {LINE}"\n{ECHO}')
        ballast, log = disk / "ballast", disk / "sessions.log"
        run_session(server)
        wait_until(log.read_text, "the first line")
        fill(ballast)  # the log's first page has room for some more
        wait_until(lambda: run_session(server) or "takes no lines" in server.error_log(), "a line is lost")
        ballast.unlink()
        run_session(server)
        wait_until(lambda: "lines were lost" in server.error_log(), server.error_log)
        *lines, last, rest = log.read_text().split("\n")
        assert (last, rest) == (f"/echo {LINE}", "")
        assert all(last.startswith(line) for line in lines), lines


def fill(file):
    """Leaves no room, but in the last pages of files that are there."""
    with open(file, "wb", buffering=0) as ballast:
        try:
            while ballast.write(bytes(os.sysconf("SC_PAGE_SIZE"))):
                pass
        except OSError:
            pass
