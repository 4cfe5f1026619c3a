"""An httpd of its own for a test."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from support import processes
from support.httpd_config import HttpdConfig, ws_modules
from support.waiting import patience, wait_until

HTTPD = os.environ.get("WS_HTTPD", "/usr/sbin/apache2")
CRASH = re.compile(
    r"exit signal|AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|still did not exit, sending a SIGKILL")
KNOWN_LEAKS = Path(__file__).with_name("leaks.supp")
# Whose servers are asked what they have lost: what sessions do, in all ways. It takes a second for each process.
LEAK_TESTS = re.compile(
    r"\b(churn|handlers|relay|relay_messages|takeover|channels|compression|detectors|faults_of_legs|http2|tcp_backend)_test\.py")
KNOWN_RACES = Path(__file__).with_name("races.supp")
READY = "resuming normal operations"


@contextmanager
def server_root():
    """A directory that httpd's unprivileged children can read, unlike pytest's tmp_path."""
    root = Path(tempfile.mkdtemp(prefix="ws-httpd-"))
    root.chmod(0o755)
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def sanitizer_environment(preload):
    """`preload`: the sanitizer's runtime."""
    if "libtsan" in preload:
        # Of what httpd and its libraries do with each other it sees but half. A keeper is a fork with threads of its own.
        options = f"suppressions={KNOWN_RACES}:ignore_noninstrumented_modules=1:die_after_fork=0:report_signal_unsafe=0:exitcode=0"
        return {"LD_PRELOAD": preload, "TSAN_OPTIONS": options}
    leak_check = ws_modules() / "leak_check.so" if LEAK_TESTS.search(os.environ.get("PYTEST_CURRENT_TEST", "")) else ""
    return {"LD_PRELOAD": f"{preload} {leak_check}".strip(),
            "ASAN_OPTIONS": "leak_check_at_exit=0:abort_on_error=1:strict_string_checks=1:quarantine_size_mb=1",
            "LSAN_OPTIONS": f"suppressions={KNOWN_LEAKS}:print_suppressions=0",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}


def httpd_environment(preload="", variables=None):
    """`preload`: a library that httpd runs with."""
    environment = {**os.environ, **(variables or {})}
    if sanitizer := environment.get("WS_SANITIZER_PRELOAD"):
        environment.update(sanitizer_environment(sanitizer))
    if preload:
        environment["LD_PRELOAD"] = f"{environment.get('LD_PRELOAD', '')} {preload}".strip()
    return environment


class Httpd:
    """Runs from entering the context to leaving it. `options` are those of HttpdConfig.
    Leaving fails the test when a child crashed, unless `may_crash`. `environment`: as
    httpd_environment() takes it."""

    def __init__(self, root, config, may_crash=False, environment=None, **options):
        self.config = HttpdConfig(root, config, **options)
        self.environment = environment or {}
        self.may_crash = may_crash
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        try:
            self.stop()
        finally:
            print(f"--- error log of httpd on port {self.port}\n{self.error_log()}")

    @staticmethod
    def check_config(root, config, **options):
        """What `httpd -t` says of a configuration: (exit status, message)."""
        written = HttpdConfig(root, config, **options)
        written.write()
        check = subprocess.run([HTTPD, "-t", "-f", written.file], env=httpd_environment(),
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               timeout=patience(20))
        return check.returncode, check.stdout

    def start(self):
        self.config.write()
        with open(self._console, "wb") as console:
            self.process = subprocess.Popen(
                [HTTPD, "-f", self.config.file, "-DFOREGROUND"], env=httpd_environment(**self.environment),
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True)
        try:
            wait_until(self._is_serving, lambda: f"httpd serves\n{self.error_log()}", timeout=20)
        except BaseException:
            self._kill()
            raise

    def stop(self):
        if self.process is None:
            return
        try:
            if self.process.poll() is None:
                self._terminate()
        finally:
            self.process = None
        if not self.may_crash:
            self.check_no_crash()

    def graceful(self):
        """Returns when the new generation serves."""
        generations = self.error_log().count(READY)
        self.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: self.error_log().count(READY) > generations,
                   lambda: f"httpd restarts gracefully\n{self.error_log()}", timeout=20)

    @contextmanager
    def shared(self):
        """For one of several tests that use this server: shows what is logged meanwhile."""
        before = len(self.error_log())
        try:
            yield self
        finally:
            print(f"--- error log meanwhile\n{self.error_log()[before:]}")
        self.check_no_crash(before)

    def check_no_crash(self, since=0):
        log = self.error_log()[since:]
        if CRASH.search(log):
            raise AssertionError(f"httpd crashed\n{log}")

    @property
    def port(self):
        return self.config.port

    @property
    def tls_port(self):
        return self.config.tls_port

    def port_of(self, tls):
        return self.tls_port if tls else self.port

    def url(self, path, tls=False, scheme="ws"):
        """ws://... or wss://...; with scheme="http", http://... or https://..."""
        return f"{scheme}{'s' if tls else ''}://127.0.0.1:{self.port_of(tls)}{path}"

    def publish(self, name, text):
        """Serves `text` as the page /name."""
        page = self.config.htdocs / name
        page.write_text(text)
        page.chmod(0o644)

    def error_log(self):
        """The error log, after what httpd wrote to its console."""
        files = (self._console, self.config.error_log)
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def wait_for_log(self, regex, timeout=10, since=0):
        """The first match in the error log, from character `since` on."""
        pattern = re.compile(regex, re.MULTILINE)
        return wait_until(lambda: pattern.search(self.error_log(), since),
                          lambda: f"the log has {regex!r}\n{self.error_log()[since:]}", timeout)

    def complaints(self, since=0):
        """The lines of the error log that an operator sees without asking for more."""
        return re.findall(r"^\[.*:(?:warn|error|crit|alert|emerg)\].*$", self.error_log()[since:],
                          re.MULTILINE)

    def children(self):
        return processes.children_of(self.process.pid)

    def child_rss_bytes(self):
        return sum(processes.rss_bytes(pid) for pid in self.children())

    def open_fds(self, pid):
        """{fd: what it refers to}"""
        return processes.open_fds(pid)

    @property
    def _console(self):
        return self.config.root / "console.log"

    def _is_serving(self):
        if self.process.poll() is not None:
            raise AssertionError(
                f"httpd did not start: exit status {self.process.returncode}\n{self.error_log()}")
        ports = [self.port] + ([self.tls_port] if self.config.tls else [])
        return READY in self.error_log() and all(accepts(port) for port in ports)

    def _terminate(self):
        self._let_rest()
        self.process.terminate()
        try:
            self.process.wait(patience(20))
        except subprocess.TimeoutExpired:
            self._kill()
            raise AssertionError(f"httpd had to be killed\n{self.error_log()}") from None

    def _let_rest(self):
        """httpd's event MPM, told to stop, closes the sockets that its workers have; one that a worker
        lets go of at that moment lies in memory that is gone, and the child crashes."""
        end = time.monotonic() + 2
        while time.monotonic() < end:
            if all(processes.is_at_rest(child) for child in processes.children_of(self.process.pid)):
                return
            time.sleep(0.002)

    def _kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=patience(1)).close()
    except OSError:
        return False
    return True
