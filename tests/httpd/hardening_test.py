"""What the modules' files say of how they were built: a fault in them is to be harder to use."""

import re
import subprocess

import pytest

from support.httpd_config import REPOSITORY, ws_modules

pytestmark = pytest.mark.plain_build
OURS = ["mod_ws", *(f"ws_{file.stem}" for file in sorted((REPOSITORY / "mod_ws/examples").glob("*.cc")))]


def readelf(option, module):
    return subprocess.run(["readelf", "-W", option, ws_modules() / f"{module}.so"], stdout=subprocess.PIPE,
                          text=True, check=True).stdout


@pytest.fixture(params=OURS)
def module(request):
    return request.param


def test_addresses_are_resolved_at_the_start_and_then_read_only(module):
    assert re.search(r"\(FLAGS\).*BIND_NOW", readelf("-d", module))
    assert "GNU_RELRO" in readelf("-l", module)


def test_no_memory_is_both_written_and_run(module):
    segments = re.findall(r"^ +(LOAD|GNU_STACK)(?: +0x\w+){5} ([RWE ]{3})", readelf("-l", module), re.MULTILINE)
    assert {kind for kind, _ in segments} == {"LOAD", "GNU_STACK"}
    assert not [segment for segment in segments if {"W", "E"} <= set(segment[1])]
    assert "TEXTREL" not in readelf("-d", module)


def test_libraries_come_from_the_systems_folders_only(module):
    assert not re.search(r"R(UN)?PATH", readelf("-d", module))


def test_overwritten_stacks_are_noticed():
    assert "__stack_chk_fail" in readelf("--dyn-syms", "mod_ws")


def test_calls_of_the_c_library_know_their_buffers():
    assert re.search(r"__\w+_chk@", readelf("--dyn-syms", "mod_ws"))
