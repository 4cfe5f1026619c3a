"""Header lines as RFC 9110 5.6 allows them: lists, several lines, odd spacing, case."""

from conformance.openings import header, opening, refusal, replacing, session
from support.raw_client import KEY

UPGRADES = {
    "upper-case": ["WEBSOCKET"], "mixed-case": ["WebSocket"], "list": ["foo, websocket"],
    "list-first": ["websocket, foo"], "empty-elements": [", ,websocket,,"], "two-lines": ["foo", "websocket"],
    "tabs": ["\twebsocket\t "], "other-version-first": ["h2c,websocket"],
}
CONNECTIONS = {
    "lower-case": ["upgrade"], "upper-case": ["UPGRADE"], "list": ["keep-alive, Upgrade"],
    "list-first": ["Upgrade, keep-alive"], "no-space": ["keep-alive,Upgrade"],
    "odd-space": ["keep-alive \t,\t  Upgrade  "], "empty-elements": [",, Upgrade ,"],
    "two-lines": ["keep-alive", "Upgrade"], "two-lines-first": ["Upgrade", "keep-alive"],
    "twice": ["Upgrade, Upgrade"],
}


def lists():
    for name, values in UPGRADES.items():
        yield opening(f"header_grammar/upgrade-{name}", f"Upgrade: {values}", session(),
                      **replacing("Upgrade", *values))
    for name, values in CONNECTIONS.items():
        yield opening(f"header_grammar/connection-{name}", f"Connection: {values}", session(),
                      **replacing("Connection", *values))


def spacing_and_case():
    for name, line in (("none", f"Sec-WebSocket-Key:{KEY}"), ("tabs", f"Sec-WebSocket-Key:\t\t{KEY}\t"),
                       ("many", f"Sec-WebSocket-Key:     {KEY}     "),
                       ("lower-case", f"sec-websocket-key: {KEY}"),
                       ("upper-case", f"SEC-WEBSOCKET-KEY: {KEY}")):
        yield opening(f"header_grammar/key-{name}", f"the line {line!r}", session(), [line],
                      ["Sec-WebSocket-Key"])
    yield opening("header_grammar/version-spaces", "spaces around the version", session(),
                  **replacing("Sec-WebSocket-Version", " \t13\t "))
    yield opening("header_grammar/all-lower-case", "every name in lower case, as HTTP/2 proxies write it",
                  session(), ["upgrade: websocket", "connection: upgrade", f"sec-websocket-key: {KEY}",
                              "sec-websocket-version: 13"],
                  ["Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"])


def malformed():
    for name, line in (("space-before-colon", "X-Odd : 1"), ("no-colon", "X-Odd"), ("no-name", ": 1"),
                       ("bad-name", "X(Odd): 1"), ("nul", "X-Odd: a\0b"), ("bare-cr", "X-Odd: a\rb")):
        yield opening(f"header_grammar/{name}", f"the line {line!r}", refusal(400), [line])


def subprotocols():
    shown = "Sec-WebSocket-Protocol"
    for name, values, chosen in (
            ("first", ["v2.echo"], "v2.echo"), ("second", ["v1.echo"], "v1.echo"),
            ("server-prefers", ["v1.echo, v2.echo"], "v2.echo"), ("two-lines", ["chat", "v1.echo"], "v1.echo"),
            ("odd-space", ["\t chat ,v1.echo\t,"], "v1.echo"), ("empty-elements", [",,v2.echo,,"], "v2.echo"),
            ("unknown", ["chat, superchat"], None), ("other-case", ["V2.ECHO"], None),
            ("prefix", ["v2.echo.more, v2"], None), ("empty", [""], None)):
        told = f"{shown}: {chosen}" if chosen else f"no {shown}"
        yield opening(f"header_grammar/subprotocol-{name}", f"{shown}: {values}", session(told),
                      header(shown, *values), path="/subprotocol", shows=(shown,))
    yield opening("header_grammar/subprotocol-unasked", "none is chosen where none is offered",
                  session(f"no {shown}"), path="/subprotocol", shows=(shown,))
    yield opening("header_grammar/subprotocol-unsupported", "none is chosen where the handler has none",
                  session(f"no {shown}"), header(shown, "chat"), shows=(shown,))


def cases():
    yield from lists()
    yield from spacing_and_case()
    yield from malformed()
    yield from subprotocols()
