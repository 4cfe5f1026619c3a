"""What the README says is true."""

import re
import subprocess

from support.httpd_config import REPOSITORY

README = (REPOSITORY / "README.md").read_text()


def apxs(query):
    return subprocess.run(["apxs", "-q", query], capture_output=True, text=True, check=True).stdout.strip()


def test_directive_table_is_the_modules():
    table = re.findall(r"^\| `(WebSocket\w+)", README, re.MULTILINE)
    code = re.findall(r'^\s*\{"(\w+)"', (REPOSITORY / "mod_ws/httpd/directives.cc").read_text(), re.MULTILINE)
    assert sorted(table) == sorted(code)
    assert len(table) == len(set(table))


def test_table_of_metrics_is_the_modules():
    table = re.findall(r"`mod_ws_(\w+)`", "\n".join(re.findall(r"^\| `mod_ws_.*?\|", README, re.MULTILINE)))
    code = re.findall(r'text\.begin\("(\w+)"', (REPOSITORY / "mod_ws/metrics/prometheus.cc").read_text())
    assert sorted(table) == sorted(code)


def test_table_of_log_items_is_the_modules():
    rows = re.findall(r"^\| (`%.*?) \|", README, re.MULTILINE)
    table = {item for row in rows for item in re.findall(r"`%(\{[\w-]+\}W|(?:\{NAME\})?[a-zA-Z])`", row)}
    code = re.findall(r"Known\{'(\w)',\s*(?:\"([\w-]*)\"|nullptr)",
                      (REPOSITORY / "mod_ws/httpd/session_log_format.cc").read_text())
    items = {f"{{{argument}}}{letter}" if argument else letter for letter, argument in code}
    assert {item.replace("{NAME}", "") for item in table} == items


def test_handler_compiles(tmp_path):
    source = tmp_path / "mine.cc"
    source.write_text(re.search(r"```cpp\n(.*?)```", README, re.DOTALL).group(1))
    command = ["c++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", REPOSITORY / "include",
               *apxs("CPPFLAGS").split(), "-isystem", apxs("INCLUDEDIR"), "-isystem", apxs("APR_INCLUDEDIR"), source]
    subprocess.run(command, check=True)


def test_every_named_file_exists():
    for name in re.findall(r"\]\(([\w./-]+)\)", README):
        assert (REPOSITORY / name).exists(), name
