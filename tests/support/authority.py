"""A certificate authority of a test's own."""

import ssl
import subprocess

from support.certificate import Certificate

NEW_KEY = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc".split()


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


class Authority:
    """Keeps its files, and those of what it issues, in `directory`."""

    def __init__(self, directory, name="authority"):
        self._directory = directory
        self._own = self._files(name)
        run(*NEW_KEY, "-x509", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", self._own.key, "-out", self._own.cert)

    @property
    def cert(self):
        return self._own.cert

    def issue(self, name, days=2):
        """A certificate for the host `name`; with -1 day it expired yesterday."""
        files, request = self._files(name), self._directory / f"{name}.csr"
        run(*NEW_KEY, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
            "-keyout", files.key, "-out", request)
        run("openssl", "x509", "-req", "-in", request, "-copy_extensions", "copyall",
            "-CA", self._own.cert, "-CAkey", self._own.key, "-days", str(days), "-out", files.cert)
        return files

    def _files(self, name):
        return Certificate(self._directory / f"{name}.crt", self._directory / f"{name}.key")


class TlsServer:
    """The TLS settings of a server with a certificate, and the names that clients sent as SNI."""

    def __init__(self, certificate, client_authority=None):
        self.names = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        self.context.sni_callback = lambda _, name, __: self.names.append(name)
        if client_authority is not None:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(client_authority.cert)
