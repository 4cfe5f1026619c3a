"""The rules between layers, and others that a compiler does not know. Prints each breach; exit status 1 if there is one.

Includes point down only; httpd's and APR's headers stay in httpd/, epoll in engine/, OpenSSL in transport/ and the takeover;
protocol/ has no system call, clock, lock or thread. Every source below httpd/ has a test of its own. Files stay below 400 lines.
"""

import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
MAX_LINES = 400

BELOW = {
    "base": set(),
    "metrics": {"base"},
    "protocol": {"base"},
    "engine": {"base"},
    "transport": {"base", "protocol", "engine"},
    "connection": {"base", "metrics", "protocol", "engine", "transport"},
    "proxy": {"base", "metrics", "protocol", "engine", "transport", "connection"},
    "channels": {"base", "metrics", "protocol", "engine", "transport", "connection"},
    "handler": {"base", "metrics", "protocol", "engine", "transport", "connection", "channels"},
    "httpd": {"base", "metrics", "protocol", "engine", "transport", "connection", "channels", "proxy", "handler"},
    "examples": set(),
}
# Headers by pattern, and the files that may include them.
RESERVED = [
    (r"(httpd|http_\w+|ap_\w+|apr_\w+|util_filter|mod_\w+)\.h", r"mod_ws/httpd/|include/ws/module\.h"),
    (r"sys/epoll\.h", r"mod_ws/engine/"),
    (r"openssl/.*", r"mod_ws/transport/|mod_ws/httpd/takeover"),
    (r"zlib\.h", r"mod_ws/protocol/permessage_deflate"),
]
IMPURE = r"(sys/.*|unistd\.h|time\.h|ctime|chrono|mutex|thread|atomic|condition_variable|fstream|iostream)"
TOP_LEVEL = {"mod_ws", "include", "conf", "tests", "build.sh", "CMakeLists.txt", "README.md", "LICENSE"}


def tracked_files():
    # What is new counts too, so that the check can be run before a commit.
    listing = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=REPOSITORY,
                             capture_output=True, text=True, check=True)
    return [name for name in listing.stdout.splitlines() if (REPOSITORY / name).exists()]


def breaches_of_include(name, system, header):
    layer = name.split("/")[1] if name.startswith("mod_ws/") else None
    if not system and header.startswith("mod_ws/"):
        other = header.split("/")[1]
        if layer is None or other != layer and other not in BELOW[layer]:
            yield f"{name}: includes {header}, which is not below it"
    if system:
        for pattern, allowed in RESERVED:
            if re.fullmatch(pattern, header) and not re.match(allowed, name):
                yield f"{name}: includes <{header}>, which belongs to {allowed}"
        if layer == "protocol" and re.fullmatch(IMPURE, header):
            yield f"{name}: includes <{header}>, but protocol/ makes no system call and knows no clock, lock or thread"


def breaches_of_source(name, text):
    for bracket, header in re.findall(r'^#include ([<"])([^>"]+)[>"]', text, re.MULTILINE):
        yield from breaches_of_include(name, bracket == "<", header)
    test = re.sub(r"^mod_ws/(.*)\.cc$", r"tests/\1_test.cc", name)
    if name.startswith("mod_ws/") and name.split("/")[1] not in ("httpd", "examples") and name.endswith(".cc"):
        if not (REPOSITORY / test).exists():
            yield f"{name}: has no {test}"


def breaches():
    for name in tracked_files():
        top = name.split("/")[0]
        if top not in TOP_LEVEL and not top.startswith("."):
            yield f"{name}: {top} does not belong to the top level"
        if not name.endswith((".cc", ".h", ".py", ".js", ".sh")):
            continue
        text = (REPOSITORY / name).read_text()
        if not text.isascii():
            yield f"{name}: is not ASCII"
        if text.count("\n") > MAX_LINES:
            yield f"{name}: has more than {MAX_LINES} lines"
        if name.startswith(("mod_ws/", "include/")) and name.endswith((".cc", ".h")):
            yield from breaches_of_source(name, text)


found = list(breaches())
print("\n".join(found) or "layers: clean")
sys.exit(1 if found else 0)
