"""The backends that httpd relays to."""

from support.scripted_backend import ScriptedBackend
from support.websockets_backend import WebsocketsBackend

__all__ = ["ScriptedBackend", "WebsocketsBackend"]
