"""Self-signed certificates for 127.0.0.1 and localhost; the usual one is made once per test session."""

import atexit
import functools
import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

OPENSSL_REQUEST = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 2 "
    "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1,DNS:localhost"
).split()

# For httpd, with the usual one's file defined as CERTIFICATE. No CheckPeerName: mod_ssl does not compare addresses.
TRUSTED_BACKENDS = """
SSLProxyEngine on
SSLProxyVerify require
SSLProxyCheckPeerName off
SSLProxyCACertificateFile "${CERTIFICATE}"
"""


class Certificate(NamedTuple):
    cert: Path
    key: Path


def make_certificate(directory):
    files = Certificate(directory / "cert.pem", directory / "key.pem")
    subprocess.run([*OPENSSL_REQUEST, "-out", files.cert, "-keyout", files.key],
                   check=True, capture_output=True)
    return files


@functools.cache
def certificate():
    directory = Path(tempfile.mkdtemp(prefix="ws-test-certificate-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return make_certificate(directory)


def server_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate())
    return context


def client_context():
    """Trusts that certificate and nothing else."""
    return ssl.create_default_context(cafile=certificate().cert)
