"""Where the peers' programs are, how those with a source here are built, and their versions."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from support.httpd import HTTPD
from support.httpd_config import REPOSITORY

SOURCES = Path(__file__).resolve().parent / "peers"
BUILT = Path(os.environ.get("WS_PEERS") or REPOSITORY / "build" / "peers").resolve()
# Servers that are unpacked there come first: installed ones may be there for another purpose.
FOLDERS = (BUILT / "debian/usr/sbin", BUILT / "debian/usr/bin", *os.get_exec_path(), "/usr/sbin")


def program(name):
    found = shutil.which(name, path=os.pathsep.join(map(str, FOLDERS)))
    if not found:
        raise AssertionError(f"there is no {name}; ./build.sh bench installs it")
    return found


def said_by(*command):
    """What it prints; some programs tell their version on stderr."""
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    return run.stdout.strip()


def version_in(text):
    return re.search(r"\d+\.\d+(\.\d+)*", text)[0]


def httpd_version():
    return "httpd " + version_in(said_by(HTTPD, "-v"))


def mod_ws_version():
    git = subprocess.run(["git", "-C", REPOSITORY, "describe", "--always"], capture_output=True, text=True)
    return f"{git.stdout.strip() or 'no commit'}, {httpd_version()}"


def nginx_version():
    return version_in(said_by(program("nginx"), "-v"))


def haproxy_version():
    return version_in(said_by(program("haproxy"), "-v"))


def package_version(package):
    """For programs that do not know their own version; without Debian's revision."""
    said = said_by("dpkg-query", "-W", "-f", "${Version}", package)
    return version_in(said)


def websocketd_version():
    return package_version("websocketd")


def gorilla_version():
    return f"{package_version('golang-github-gorilla-websocket-dev')}, go {version_in(said_by('go', 'version'))}"


def libwebsockets_version():
    return version_in(said_by(str(libwebsockets_program()), "--version"))


def gorilla_program():
    # Debian's packages are below that GOPATH; nothing is downloaded.
    environment = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": str(BUILT / "go-cache"), "GOFLAGS": ""}
    return built("gorilla", SOURCES / "gorilla/main.go", ["go", "build", "-o", "{program}", "{source}"], environment)


def libwebsockets_program():
    return built("libwebsockets", SOURCES / "libwebsockets/echo.c",
                 ["cc", "-O2", "-o", "{program}", "{source}", "-lwebsockets"])


def built(name, source, command, environment=None):
    """The program, built anew where its source is younger."""
    made = BUILT / name
    if not made.exists() or made.stat().st_mtime < source.stat().st_mtime:
        BUILT.mkdir(parents=True, exist_ok=True)
        words = [word.format(program=made, source=source) for word in command]
        subprocess.run(words, check=True, env={**os.environ, **(environment or {})})
    return made
