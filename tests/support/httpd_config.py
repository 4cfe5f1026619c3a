"""The configuration file and the server root of one httpd."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from support.certificate import certificate
from support.ports import free_ports

HTTPD_MODULES = Path(os.environ.get("WS_HTTPD_MODULES", "/usr/lib/apache2/modules"))
REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_WS_MODULES = REPOSITORY / "build" / "modules"

MPM_DIRECTIVES = {
    "prefork": """
MinSpareServers 1
MaxSpareServers {threads}
ServerLimit {threads}
""",
    "threaded": """
ThreadLimit {threads}
ThreadsPerChild {threads}
MinSpareThreads 1
MaxSpareThreads {spare_threads}
""",
}

TLS_DIRECTIVES = """
Listen 127.0.0.1:{port}
SSLSessionCache none
<VirtualHost 127.0.0.1:{port}>
    SSLEngine on
    SSLCertificateFile "{cert}"
    SSLCertificateKeyFile "{key}"
</VirtualHost>
"""


def ws_modules():
    return Path(os.environ.get("WS_MODULES") or DEFAULT_WS_MODULES).resolve()


@dataclass
class HttpdConfig:
    """`config` applies to the plain and the TLS port. It may use ${PORT}, ${TLS_PORT}, ${ROOT} and
    each NAME of `defines`. With ws=False neither mod_ws nor ws_echo is loaded."""

    root: Path
    config: str
    mpm: str = "event"
    modules: tuple = ()
    threads: int = 25
    tls: bool = False
    ws: bool = True
    log_level: str = ""
    defines: dict = field(default_factory=dict)

    def __post_init__(self):
        self.root = Path(self.root).resolve()
        self.log_level = self.log_level or ("warn ws:debug" if self.ws else "warn")
        self.port, self.tls_port = free_ports(2)

    @property
    def file(self):
        return self.root / "httpd.conf"

    @property
    def htdocs(self):
        return self.root / "htdocs"

    @property
    def error_log(self):
        return self.root / "error.log"

    def write(self):
        for directory in (self.root, self.htdocs):
            directory.mkdir(exist_ok=True)
            directory.chmod(0o755)
        self.file.write_text(self.text())

    def text(self):
        parts = (self._defines(), self._load_modules(), self._basics(), self._mpm(), self._tls(),
                 self.config)
        return "\n".join(part.strip() for part in parts if part) + "\n"

    def _defines(self):
        names = {"ROOT": self.root, "PORT": self.port, "TLS_PORT": self.tls_port, **self.defines}
        return "\n".join(f'Define {name} "{value}"' for name, value in names.items())

    def _load_modules(self):
        names = [f"mpm_{self.mpm}", "authz_core"]
        names += ["ssl"] if self.tls else []
        names += ["proxy"] if self.ws else []
        names += [name for name in self.modules if name not in names]
        lines = [load_module(f"{name}_module", HTTPD_MODULES / f"mod_{name}.so") for name in names]
        if self.ws:
            lines.append(load_module("ws_module", ws_modules() / "mod_ws.so"))
            lines.append(load_module("ws_echo_module", ws_modules() / "ws_echo.so"))
        return "\n".join(lines)

    def _basics(self):
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        return f"""
ServerRoot "{self.root}"
DefaultRuntimeDir "{self.root}"
PidFile "{self.root}/httpd.pid"
ServerName localhost
Listen 127.0.0.1:{self.port}
{user}
ErrorLog "{self.error_log}"
LogLevel {self.log_level}
DocumentRoot "{self.htdocs}"
"""

    def _mpm(self):
        kind = "prefork" if self.mpm == "prefork" else "threaded"
        directives = MPM_DIRECTIVES[kind].format(
            threads=self.threads, spare_threads=2 * self.threads)
        return f"StartServers 1\n{directives.strip()}\nMaxRequestWorkers {self.threads}"

    def _tls(self):
        if not self.tls:
            return ""
        return TLS_DIRECTIVES.format(port=self.tls_port, **certificate()._asdict())


def load_module(name, file):
    return f'LoadModule {name} "{file}"'
