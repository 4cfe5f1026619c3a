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
UNPACKED = BUILT / "debian"
# Servers that are unpacked there come first: installed ones may be there for another purpose.
FOLDERS = (UNPACKED / "usr/sbin", UNPACKED / "usr/bin", *os.get_exec_path(), "/usr/sbin")
NCHAN = "usr/lib/nginx/modules/ngx_nchan_module.so"


def program(name):
    found = shutil.which(name, path=os.pathsep.join(map(str, FOLDERS)))
    if not found:
        raise AssertionError(f"there is no {name}; ./build.sh bench installs it")
    return found


def said_by(*command):
    """What it prints; some programs tell their version on stderr."""
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         check=True)
    return run.stdout.strip()


def first_line_of(*command):
    """The same of what may not be there, or may fail."""
    try:
        run = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return "unknown"
    return run.stdout.splitlines()[0] if run.stdout else "unknown"


def version_in(text):
    return re.search(r"\d+\.\d+(\.\d+)*", text)[0]


def httpd_version():
    return "httpd " + version_in(said_by(HTTPD, "-v"))


def mod_ws_version():
    commit = first_line_of("git", "-C", REPOSITORY, "describe", "--always", "--dirty")
    return f"{commit}, {httpd_version()}"


def nginx_version():
    return version_in(said_by(program("nginx"), "-v"))


def nchan_module():
    """A part of nginx that Debian has in a package of its own."""
    for root in (UNPACKED, Path("/")):
        if (root / NCHAN).exists():
            return root / NCHAN
    raise AssertionError("there is no nchan; ./build.sh bench installs it")


def nchan_version():
    """The unpacked one is not known to dpkg."""
    package = "libnginx-mod-nchan"
    files = list(BUILT.glob(f"{package}_*.deb"))
    nchan = said_by("dpkg-deb", "-f", files[0], "Version") if files else package_version(package)
    return f"{version_in(nchan)}, nginx {nginx_version()}"


def haproxy_version():
    return version_in(said_by(program("haproxy"), "-v"))


def package_version(package):
    """For programs that do not know their own version; without Debian's revision."""
    said = said_by("dpkg-query", "-W", "-f", "${Version}", package)
    return version_in(said)


def websocketd_version():
    return package_version("websocketd")


def gorilla_version():
    package = package_version("golang-github-gorilla-websocket-dev")
    return f"{package}, go {version_in(said_by('go', 'version'))}"


def libwebsockets_version():
    return version_in(said_by(str(libwebsockets_program()), "--version"))


def gorilla_program():
    # Debian's packages are below that GOPATH; nothing is downloaded.
    environment = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode",
                   "GOCACHE": str(BUILT / "go-cache"), "GOFLAGS": ""}
    sources = sorted((SOURCES / "gorilla").glob("*.go"))
    return built("gorilla", sources, ["go", "build", "-o", BUILT / "gorilla", *sources],
                 environment)


def libwebsockets_program():
    source = SOURCES / "libwebsockets/echo.c"
    program_file = BUILT / "libwebsockets"
    return built("libwebsockets", [source],
                 ["cc", "-O2", "-o", program_file, source, "-lwebsockets"])


def built(name, sources, command, environment=None):
    """The program, built anew where one of its sources is younger."""
    made = BUILT / name
    youngest = max(source.stat().st_mtime for source in sources)
    if not made.exists() or made.stat().st_mtime < youngest:
        BUILT.mkdir(parents=True, exist_ok=True)
        subprocess.run(command, check=True, env={**os.environ, **(environment or {})})
    return made
