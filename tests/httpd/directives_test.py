"""What the directives take, and what they say of anything else."""

import pytest

EVERYWHERE = "{}"
LOCATION = '<Location "/x">\n{}\n</Location>'
LEG = "and then client or backend where it is for one side only"
SIZE = f"takes a size in bytes, with K, M or G behind it, or off for no limit, {LEG}"
NUMBER = f"takes a number, or off for no limit, {LEG}"
TIME = "takes a time from 1ms to 8760h, like 500ms, 10s or 5min"
TIME_OR_OFF = f"{TIME}, or off"
RATE = "takes messages=N/s, bytes=SIZE/s, burst=TIME and delay or close, or off alone"
QUEUE = ("takes a size above 0, with K, M or G behind it, and then close or drop, or off alone")
DRAIN = "WebSocketDrain takes a time from 1ms to 8760h, then code=1001 or code=1012 and jitter=TIME"
THREADS = "takes a number from 1 to 256"
SESSIONS = "takes a number from 1 to 1000000, or off"
COMPRESSION = ("takes on, off or pass, then level=1..9, window=9..15, mem=1..9, min-size=SIZE, "
               "context-takeover=on|off and leg=client|backend|both")
PREFIX = "takes a prefix of letters, digits and "
TOKEN = "takes names of letters, digits and "
ORIGIN = "is not same, any, or [scheme://]host[:port]"

BAD = [
    ("WebSocketHandler nosuch", "no loaded module has a handler of that name"),
    ("WebSocketHandler", "takes one argument"),
    ("WebSocketHandler echo echo", "takes one argument"),
    ('WebSocketOrigin "*bad"', ORIGIN),
    ('WebSocketOrigin "*"', ORIGIN),
    ("WebSocketOrigin", "requires at least one argument"),
    ('WebSocketOrigin "https://"', ORIGIN),
    ('WebSocketOrigin "https://a.example/path"', ORIGIN),
    ('WebSocketOrigin "https://a.*.example"', ORIGIN),
    ('WebSocketOrigin "https://a.example:port"', ORIGIN),
    ("WebSocketOrigin same *bad", ORIGIN),
    ('WebSocketSubprotocol "a b"', TOKEN),
    ("WebSocketSubprotocol a,b", TOKEN),
    ("WebSocketSubprotocol good b@d", TOKEN),
    ("WebSocketAuthSubprotocol", "takes one argument"),
    ("WebSocketAuthSubprotocol a b", "takes one argument"),
    ('WebSocketAuthSubprotocol "bearer "', PREFIX),
    ("WebSocketAuthSubprotocol bearer,", PREFIX),
    ("WebSocketMaxMessageSize -1", SIZE),
    ("WebSocketMaxMessageSize 1T", SIZE),
    ("WebSocketMaxMessageSize ten", SIZE),
    ("WebSocketMaxMessageSize 1.5M", SIZE),
    ("WebSocketMaxMessageSize 99999999999999999999", SIZE),
    ("WebSocketMaxMessageSize 99999999999G", SIZE),
    ("WebSocketMaxFrameSize x", SIZE),
    ("WebSocketMaxFrameSize -1", SIZE),
    ("WebSocketMaxMessageSize 1M server", SIZE),
    ("WebSocketMaxMessageSize 1M client backend", "takes 1-2 arguments"),
    ("WebSocketMaxFragments x", NUMBER),
    ("WebSocketMaxFragments -1", NUMBER),
    ("WebSocketMaxFragments 1K", NUMBER),
    ("WebSocketMaxFragments 10 both", NUMBER),
    ("WebSocketMaxBridged -1", "takes a number from 0 to 20000"),
    ("WebSocketMaxBridged many", "takes a number from 0 to 20000"),
    ("WebSocketMaxConnections x", SESSIONS),
    ("WebSocketMaxConnections -1", SESSIONS),
    ("WebSocketMaxConnections 1K", SESSIONS),
    ("WebSocketMaxConnections 1000001", SESSIONS),
    ("WebSocketMaxConnections", "takes one argument"),
    ("WebSocketSendQueue 0", QUEUE),
    ("WebSocketMaxLifetime 100000h", TIME),
    ("WebSocketReadBufferSize 1K", "takes a size from 4K to 64M"),
    ("WebSocketWriteBufferSize 1G", "takes a size from 4K to 64M"),
    ("WebSocketHandlerOption name", "takes two arguments"),
    ("WebSocketMaxConnectionsPerClient 10 20", "takes one argument"),
    ("WebSocketValidate all", "takes frames or messages"),
    ("WebSocketRateLimit", "takes messages=N/s or bytes=SIZE/s or both"),
    ("WebSocketRateLimit delay", "takes messages=N/s or bytes=SIZE/s or both"),
    ("WebSocketRateLimit burst=1s", "takes messages=N/s or bytes=SIZE/s or both"),
    ("WebSocketRateLimit 10", RATE),
    ("WebSocketRateLimit messages=10", RATE),
    ("WebSocketRateLimit messages=0/s", RATE),
    ("WebSocketRateLimit messages=-1/s", RATE),
    ("WebSocketRateLimit messages=10/min", RATE),
    ("WebSocketRateLimit bytes=1X/s", RATE),
    ("WebSocketRateLimit messages=10/s burst=0", RATE),
    ("WebSocketRateLimit messages=10/s off", RATE),
    ("WebSocketSendQueue x", QUEUE),
    ("WebSocketSendQueue 1M wait", QUEUE),
    ("WebSocketSendQueue off drop", QUEUE),
    ("WebSocketPingInterval 0", TIME_OR_OFF),
    ("WebSocketPingInterval never", TIME_OR_OFF),
    ("WebSocketPongTimeout off", TIME),
    ("WebSocketPongTimeout 0", TIME),
    ("WebSocketIdleTimeout 0", TIME_OR_OFF),
    ("WebSocketMaxLifetime abc", TIME_OR_OFF),
    ("WebSocketMaxLifetime 999999999999", TIME_OR_OFF),
    ("WebSocketHandshakeTimeout off", TIME),
    ("WebSocketHandshakeTimeout 0", TIME),
    ("WebSocketCloseTimeout 0", TIME),
    ("WebSocketCloseTimeout abc", TIME),
    ("WebSocketCloseTimeout -1", TIME),
    ("WebSocketCloseTimeout 999999999999", TIME),
    ("WebSocketWriteTimeout 0", TIME),
    ("WebSocketWriteTimeout abc", TIME),
    ("WebSocketWriteTimeout 5parsecs", TIME),
    ("WebSocketCompression", "WebSocketCompression takes on, off or pass"),
    ("WebSocketCompression yes", COMPRESSION),
    ("WebSocketCompression level=1", COMPRESSION),
    ("WebSocketCompression on level=0", COMPRESSION),
    ("WebSocketCompression on level=10", COMPRESSION),
    ("WebSocketCompression on mem=0", COMPRESSION),
    ("WebSocketCompression on mem=10", COMPRESSION),
    ("WebSocketCompression on window=8", COMPRESSION),
    ("WebSocketCompression on window=16", COMPRESSION),
    ("WebSocketCompression on window", COMPRESSION),
    ("WebSocketCompression on min-size=-1", COMPRESSION),
    ("WebSocketCompression on context-takeover=maybe", COMPRESSION),
    ("WebSocketCompression on strategy=1", COMPRESSION),
    ("WebSocketCompression on leg=server", COMPRESSION),
    ("WebSocketCompression on off", COMPRESSION),
    ("WebSocketCompressionMemory -1", "takes a size in bytes, with K, M or G behind it"),
    ("WebSocketCompressionMemory all", "takes a size in bytes, with K, M or G behind it"),
    ("WebSocketEngineThreads 0", THREADS),
    ("WebSocketEngineThreads 1000", THREADS),
    ("WebSocketEngineThreads x", THREADS),
    ("WebSocketEngineThreads 2x", THREADS),
    ("WebSocketEngineThreads -1", THREADS),
    ("WebSocketBlockedLoopWarning 0", TIME_OR_OFF),
    ("WebSocketBlockedLoopWarning soon", TIME_OR_OFF),
    *((f"WebSocketDrain {value}", DRAIN) for value in ("", "0", "soon", "off code=1012", "10s code=1000",
                                                       "10s code", "10s jitter=11s", "10s jitter=x", "10s slowly")),
]
GOOD_IN_LOCATION = [
    "WebSocketHandler echo", "WebSocketHandler none", "WebSocketOrigin same", "WebSocketOrigin any",
    "WebSocketOrigin a.example *.b.example https://c.example:8443 http://[::1]:80",
    "WebSocketSubprotocol chat v1.stomp", "WebSocketMaxMessageSize 0",
    "WebSocketMaxMessageSize 64k", "WebSocketMaxMessageSize 1G", "WebSocketMaxFrameSize 16M",
    "WebSocketCloseTimeout 1", "WebSocketCloseTimeout 500ms", "WebSocketWriteTimeout 5min",
    "WebSocketMaxFrameSize 1M client", "WebSocketMaxMessageSize 2M Backend",
    "WebSocketMaxFragments 0", "WebSocketMaxFragments 100 backend",
    "WebSocketAuthSubprotocol base64url.bearer.authorization.", "WebSocketAuthSubprotocol none",
    "WebSocketMaxConnections 1000000", "WebSocketMaxConnections Off",
    "WebSocketMaxConnectionsPerClient 1", "WebSocketMaxConnectionsPerClient 0",
    "WebSocketHandler OFF", "WebSocketAuthSubprotocol off", "WebSocketSubprotocol none", "WebSocketMaxMessageSize off",
    "WebSocketHandlerOption file /etc/motd", "WebSocketWriteBufferSize 256K",
    "WebSocketValidate frames", "WebSocketValidate Messages",
    "WebSocketRateLimit messages=10/s", "WebSocketRateLimit bytes=64K/s burst=5s close",
    "WebSocketRateLimit messages=10/s bytes=1M/s delay", "WebSocketRateLimit off",
    "WebSocketSendQueue 1M", "WebSocketSendQueue 64K drop", "WebSocketSendQueue off",
    "WebSocketPingInterval off", "WebSocketPingInterval 10s", "WebSocketPongTimeout 1s",
    "WebSocketIdleTimeout Off", "WebSocketIdleTimeout 1h", "WebSocketMaxLifetime 24h",
    "WebSocketHandshakeTimeout 500ms",
    "WebSocketCompression on leg=backend", "WebSocketCompression off", "WebSocketCompression pass",
    "WebSocketCompression ON level=9 window=9 mem=9 min-size=1K context-takeover=off",
]


@pytest.mark.parametrize("line, allowed", BAD)
def test_a_wrong_value_stops_the_start(check_config, line, allowed):
    place = LOCATION if line.startswith("WebSocketHandler") else EVERYWHERE
    status, message = check_config(place.format(line))
    assert status != 0
    assert line.split()[0] in message
    assert allowed in message


def test_right_values_pass(check_config):
    status, message = check_config(LOCATION.format("\n".join(GOOD_IN_LOCATION)))
    assert status == 0, message


def test_all_but_the_handler_may_stand_outside_of_locations(check_config):
    lines = [line for line in GOOD_IN_LOCATION if "Handler" not in line]
    status, message = check_config("\n".join([*lines, "WebSocketEngineThreads 256", "WebSocketMaxBridged 0", "WebSocketBlockedLoopWarning 2s",
                                              "WebSocketDrain 10min code=1012 jitter=5min"]))
    assert status == 0, message


@pytest.mark.parametrize("line, place", [("WebSocketHandler echo", EVERYWHERE),
                                         ("WebSocketEngineThreads 2", LOCATION),
                                         ("WebSocketCompressionMemory 1M", LOCATION)])
def test_a_directive_out_of_place_stops_the_start(check_config, line, place):
    status, message = check_config(place.format(line))
    assert status != 0
    assert f"{line.split()[0]} not allowed" in message


@pytest.mark.parametrize("line", ["WebSocketEngineThreads 2", "WebSocketCompressionMemory 1M",
                                  "WebSocketBlockedLoopWarning off", "WebSocketDrain off"])
def test_what_is_the_whole_servers_stands_in_no_virtual_host(check_config, line):
    status, message = check_config(f"<VirtualHost *:80>\n{line}\n</VirtualHost>")
    assert status != 0
    assert line.split()[0] in message
