"""What a status page says, and who may see and steer it."""

import base64
import hashlib
import json
from pathlib import Path

from support.raw_client import RawClient

STATUS = """
<Location "/echo">
    WebSocketHandler echo
</Location>
<Location "/ws-status">
    SetHandler websocket-status
</Location>
"""
USERS = """
<Location "/ws-status">
    AuthType Basic
    AuthName status
    AuthBasicProvider file
    AuthUserFile "${USERS}"
    Require valid-user
</Location>
"""
MODULES = ("authn_core", "authn_file", "authz_user", "auth_basic")


class Users:
    """A password file of one user."""

    name, password = "admin", "of-a-test"

    def __init__(self, directory):
        self.file = Path(directory) / "users"
        digest = base64.b64encode(hashlib.sha1(self.password.encode()).digest()).decode()
        self.file.write_text(f"{self.name}:{{SHA}}{digest}\n")
        self.file.chmod(0o644)

    @property
    def headers(self):
        return {"Authorization": "Basic " + base64.b64encode(f"{self.name}:{self.password}".encode()).decode()}


def status_of(server):
    """What ?json says."""
    with RawClient("127.0.0.1", server.port) as client:
        return json.loads(client.get("/ws-status?json").body)
