"""What the modules' files say of how they were built: a fault in them is to be harder to use."""

import json
import platform
import re
import subprocess

import pytest

from support.httpd_config import REPOSITORY, ws_modules

pytestmark = pytest.mark.plain_build
OURS = ["mod_ws", *(f"ws_{file.stem}" for file in sorted((REPOSITORY / "mod_ws/examples").glob("*.cc")))]
FLAGS = {"-D_GLIBCXX_ASSERTIONS", "-fstack-protector-strong", "-fstack-clash-protection", "-fPIC"}
X86 = platform.machine() in ("x86_64", "i386", "i686")


def readelf(option, module):
    return readelf_of(option, ws_modules() / f"{module}.so")


def readelf_of(option, file):
    return subprocess.run(["readelf", "-W", option, file], stdout=subprocess.PIPE, text=True, check=True).stdout


def control_flow_notes(file):
    return set(re.findall(r"\b(?:IBT|SHSTK)\b", readelf_of("-n", file)))


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


def test_overwritten_stacks_are_noticed(module):
    assert "__stack_chk_fail" in readelf("--dyn-syms", module)


def test_calls_of_the_c_library_know_their_buffers():
    assert re.search(r"__snprintf_chk@", readelf("--dyn-syms", "mod_ws"))


@pytest.mark.skipif(not X86, reason="others have other ways")
def test_jumps_and_returns_are_marked_where_the_c_librarys_own_are(module):
    """The linker leaves the mark out where one of its inputs has none."""
    c_library = subprocess.run(["c++", "-print-file-name=crti.o"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    assert control_flow_notes(c_library) <= control_flow_notes(ws_modules() / f"{module}.so")


def commands():
    """{source: what it is compiled with}, of all that the modules are made of."""
    entries = json.loads((ws_modules().parent / "compile_commands.json").read_text())
    sources = {entry["file"]: entry["command"].split() for entry in entries}
    return {source: command for source, command in sources.items() if source.startswith(f"{REPOSITORY / 'mod_ws'}/")}


def test_every_source_is_compiled_with_all_of_it():
    flags = FLAGS | ({"-fcf-protection"} if X86 else set())
    compiled = commands()
    assert len(compiled) > 100
    assert {source: flags - set(command) for source, command in compiled.items() if not flags <= set(command)} == {}


def test_every_source_is_optimized_and_fortified():
    """What apxs says of it, too, would count."""
    def levels(command):
        return [flag for flag in command if re.match(r"-O|-D_FORTIFY_SOURCE|-U_FORTIFY_SOURCE", flag)]
    expected = ["-O2", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3"]
    assert {source: levels(command) for source, command in commands().items() if levels(command) != expected} == {}
