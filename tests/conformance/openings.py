"""Cases about the opening handshake: a request, and what is told of its answer."""

from conformance.case import END, Case, close, text
from conformance.client import Script
from support.frames import TEXT, accept_key, close_frame, frame
from support.http_head import HEAD_END
from support.raw_client import KEY

HELLO = frame(TEXT, "hello") + close_frame(1000)
ECHOED = [text("hello"), close(1000), END]


def session(*told):
    """A session that works, after what else is told of the 101."""
    return ["101", *told, *ECHOED]


def refusal(status, *told):
    return [str(status), *told]


def told_of(response, shows):
    """Its status, whether its accept key is right, and the headers to show."""
    told = [str(response.status)]
    if response.status == 101 and response.head.values("Sec-WebSocket-Accept") != [accept_key(KEY)]:
        told.append(f"Sec-WebSocket-Accept {response.head.values('Sec-WebSocket-Accept')}")
    for name in shows:
        values = response.head.values(name)
        told.append(f"{name}: {' | '.join(values)}" if values else f"no {name}")
    return told


def exchange(client, request, shows):
    client.send(request)
    response = client.read_response()
    told = told_of(response, shows)
    if response.status == 101:
        told += Script(client, [HELLO], sends_close=True, ends_inside_frame=False).play()
    return told


def request_lines(client, path, lines=(), replaces=(), method="GET", version="HTTP/1.1"):
    """The usual request; `lines` are added, and take the place of the headers named in `replaces`."""
    usual = {"Host": client.host, "Upgrade": "websocket", "Connection": "Upgrade",
             "Sec-WebSocket-Key": KEY, "Sec-WebSocket-Version": "13"}
    replaced = {name.lower() for name in replaces}
    kept = [f"{name}: {value}" for name, value in usual.items() if name.lower() not in replaced]
    first = f"{method} {client.prefix}{path} {version}"
    return "\r\n".join([first, *kept, *lines]).encode("latin-1") + HEAD_END


def opening(name, does, expected, lines=(), replaces=(), path="/echo", shows=(), body=b"",
            targets=("echo", "relay"), **request):
    """`lines` may be a function of the client, for those that name its host."""
    def run(target):
        with target.client() as client:
            added = lines(client) if callable(lines) else lines
            return exchange(client, request_lines(client, path, added, replaces, **request) + body, shows)
    return Case(name, does, expected, run, targets)


def header(name, *values):
    return [f"{name}: {value}" for value in values]


def replacing(name, *values, **options):
    """For opening(): these values, a line each, instead of the usual one."""
    return {"lines": header(name, *values), "replaces": [name], **options}


