"""What the cases are run against: an echo handler, and a second httpd that relays to it."""

from contextlib import ExitStack, contextmanager

from conformance.client import Client
from support.httpd import Httpd, server_root
from support.httpd_config import load_module, ws_modules

MAX_MESSAGE_SIZE = 1 << 20
MAX_FRAME_SIZE = 1000
# A location for each set of parameters that the compression cases use.
COMPRESSION = {
    "level-9": "level=9 mem=9",
    "window-9": "window=9",
    "mem-1": "level=6 mem=1 window=12",
    "no-context": "context-takeover=off",
    "everything": "min-size=0",
}
# Longer than any case waits: what ends only because it took too long is seen.
CLOSE_TIMEOUT = """
WebSocketCloseTimeout 5min
"""
CLOSING_MODULE = load_module("ws_closing_module", ws_modules() / "ws_closing.so")
HANDLER = CLOSING_MODULE + CLOSE_TIMEOUT + """
<Location "/echo">
    WebSocketHandler echo
    WebSocketMaxMessageSize 0
</Location>
<Location "/closing">
    WebSocketHandler closing
</Location>
<Location "/limited">
    WebSocketHandler echo
</Location>
<Location "/small-frames">
    WebSocketHandler echo
    WebSocketMaxFrameSize 1000
</Location>
<Location "/subprotocol">
    WebSocketHandler echo
    WebSocketSubprotocol v2.echo v1.echo
</Location>
<Location "/uncompressed">
    WebSocketHandler echo
    WebSocketCompression off
</Location>
<Location "/origins">
    WebSocketHandler echo
    WebSocketOrigin same https://*.example.org
</Location>
<Location "/headers">
    WebSocketHandler echo
    Header always set X-Set "by mod_headers"
    Header always set Sec-WebSocket-Accept "forged"
    Header always set Content-Length "7"
</Location>
""" + "".join(f"""
<Location "/{name}">
    WebSocketHandler echo
    WebSocketMaxMessageSize 0
    WebSocketCompression on {parameters}
</Location>
""" for name, parameters in COMPRESSION.items())
RELAY = CLOSE_TIMEOUT + """
ProxyPreserveHost on
ProxyPass "/relay" "ws://127.0.0.1:${ECHO_PORT}" retry=0
"""
OPTIONS = {"log_level": "warn", "modules": ("headers",)}


class Target:
    """`server` is the httpd that the client talks to, `handler_server` the one with the handlers."""

    def __init__(self, name, server, prefix, handler_server):
        self.name = name
        self.server = server
        self.prefix = prefix
        self.handler_server = handler_server

    def client(self, timeout=10):
        return TargetClient(self, timeout)

    @contextmanager
    def watched(self):
        """Shows what both servers log meanwhile, and fails if a child crashes."""
        servers = {self.server, self.handler_server}
        with ExitStack() as stack:
            for server in servers:
                stack.enter_context(server.shared())
            yield self


class TargetClient(Client):
    """Takes the paths of the handler's server, whichever the target."""

    def __init__(self, target, timeout):
        self.prefix = target.prefix
        super().__init__("127.0.0.1", target.server.port, timeout=timeout)

    def handshake_bytes(self, path, *arguments, **options):
        return super().handshake_bytes(self.prefix + path, *arguments, **options)


@contextmanager
def running_targets():
    """{name: target}"""
    with ExitStack() as stack:
        def start(config, **options):
            root = stack.enter_context(server_root())
            return stack.enter_context(Httpd(root, config, **OPTIONS, **options))
        handlers = start(HANDLER)
        relay = start(RELAY, defines={"ECHO_PORT": handlers.port})
        yield {"echo": Target("echo", handlers, "", handlers),
               "relay": Target("relay", relay, "/relay", handlers)}
