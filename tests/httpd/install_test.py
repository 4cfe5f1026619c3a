"""./build.sh install."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.httpd_config import REPOSITORY, load_module, ws_modules
from support.ws_client import exchange

# Debian's package apache2: installed, or as `./build.sh test` unpacks it.
UNPACKED = REPOSITORY / "build/peers/debian"
DEBIAN = Path("/") if Path("/usr/sbin/a2enmod").exists() else UNPACKED
ECHO = """
<Location "/echo">
    WebSocketHandler echo
</Location>
"""


PROGRAMS_OF_INSTALL = ("bash", "sh", "dirname", "basename", "install", "sed", "apxs", "perl")


def install(destination, apxs="apxs", modules=None, path=None):
    """(exit status, what it said)"""
    command = [REPOSITORY / "build.sh", "install", "--destdir", destination, "--modules", modules or ws_modules()]
    environment = {**os.environ, "APXS": str(apxs), "PATH": path or os.environ["PATH"]}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def apxs_says(query):
    return subprocess.run(["apxs", "-q", query], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def below(destination, query):
    return Path(f"{destination}{apxs_says(query)}")


def names_in(folder, pattern="*"):
    return sorted(file.name for file in folder.glob(pattern))


@pytest.fixture
def apxs_with_settings_in(open_directory):
    """An apxs that names that folder for the settings."""
    def make(folder):
        script = open_directory / "apxs"
        script.write_text(f'#!/bin/sh\n[ "$2" != SYSCONFDIR ] || {{ echo "{folder}"; exit; }}\nexec apxs "$@"\n')
        script.chmod(0o755)
        return script
    return make


def test_everything_is_where_apxs_says_and_nothing_else(open_directory):
    status, said = install(open_directory)
    assert status == 0, said
    examples = [f"ws_{file.stem}.so" for file in (REPOSITORY / "mod_ws/examples").glob("*.cc")]
    modules = below(open_directory, "LIBEXECDIR")
    assert names_in(modules) == sorted(["mod_ws.so", *examples])
    assert names_in(below(open_directory, "INCLUDEDIR") / "ws") == names_in(REPOSITORY / "include/ws")
    (settings,) = {file.parent for file in open_directory.rglob("ws.load")}
    assert names_in(settings) == ["ws.conf", "ws.load"]
    text = (settings / "ws.load").read_text()
    assert text.startswith("# Depends: proxy\n")
    assert f"LoadModule ws_module {apxs_says('LIBEXECDIR')}/mod_ws.so\n" in text


def test_a2enmod_enables_what_was_installed_and_mod_proxy_before_it(open_directory, httpd):
    settings = open_directory / "etc/apache2"
    assert install(open_directory)[0] == 0
    available, enabled = settings / "mods-available", settings / "mods-enabled"
    for name in ("proxy.load", "proxy.conf"):
        shutil.copy(DEBIAN / "etc/apache2/mods-available" / name, available)
    enabled.mkdir()
    (settings / "envvars").touch()
    subprocess.run([DEBIAN / "usr/sbin/a2enmod", "ws"], check=True, env={
        **os.environ, "APACHE_CONFDIR": str(settings), "APACHE_ENVVARS": str(settings / "envvars"),
        "APACHE_STATE_DIRECTORY": str(open_directory / "state")})
    assert names_in(enabled, "*.load") == ["proxy.load", "ws.load"]

    # --destdir is for packagers: the file names the module's place without it.
    text = (available / "ws.load").read_text()
    (available / "ws.load").write_text(text.replace(" /", f" {open_directory}/"))
    modules = below(open_directory, "LIBEXECDIR")
    server = httpd(f"""
        IncludeOptional "{enabled}/*.load"
        IncludeOptional "{enabled}/*.conf"
        {load_module("ws_echo_module", modules / "ws_echo.so")}
        {ECHO}""", ws=False)
    assert exchange(server.url("/echo"), ["hello"]) == ["hello"]


def test_without_debians_folders_the_settings_are_beside_httpds(open_directory, apxs_with_settings_in):
    apxs = apxs_with_settings_in("/opt/httpd/conf")
    status, said = install(open_directory, apxs)
    assert status == 0, said
    assert "behind LoadModule proxy_module in httpd.conf: Include /opt/httpd/conf/ws.load" in said
    assert names_in(open_directory / "opt/httpd/conf") == ["ws.conf", "ws.load"]


def test_without_debians_package_it_says_what_to_install(open_directory, apxs_with_settings_in):
    """Its folder is there, and a2enmod is not."""
    folder, programs = open_directory / "etc/apache2", open_directory / "bin"
    (folder / "mods-available").mkdir(parents=True)
    programs.mkdir()
    for name in PROGRAMS_OF_INSTALL:
        (programs / name).symlink_to(shutil.which(name))
    status, said = install(open_directory, apxs_with_settings_in(folder), path=str(programs))
    assert status == 0, said
    assert "apt-get install apache2" in said


@pytest.mark.parametrize("options, complaint", [
    ({"apxs": "/nowhere/apxs"}, "There is no /nowhere/apxs"),
    ({"modules": "/nowhere"}, "There is no mod_ws.so in /nowhere")])
def test_what_is_missing_is_named(open_directory, options, complaint):
    status, said = install(open_directory, **options)
    assert status != 0
    assert complaint in said
