"""What a server must ask of an opening handshake, and must answer: RFC 6455 4.2."""

from conformance.case import Case, text
from conformance.openings import (exchange, header, opening, refusal, replacing,
                                  request_lines, session)
from conformance.scripts import script
from support.frames import PING, TEXT, frame

VERSION = "Sec-WebSocket-Version"
OURS = f"{VERSION}: 13"
KEYS = {
    "empty": "", "short": "short", "15-bytes": "AAAAAAAAAAAAAAAAAAAA", "17-bytes": "AAAAAAAAAAAAAAAAAAAAAAA=",
    "20-bytes": "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "no-padding": "dGhlIHNhbXBsZSBub25jZQ",
    "bad-digit": "dGhlIHNhbXBsZSBub25j!Q==", "url-alphabet": "____________________-Q==",
    "space-inside": "dGhlIHNhbXBs ZSBub25jZQ==", "twice": "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
}


def requests():
    yield opening("handshake/usual", "the usual request", session())
    yield opening("handshake/query", "a path with a query", session(), path="/echo?room=1&x=%20")
    yield opening("handshake/unrelated-headers", "headers the server does not know are ignored", session(),
                  header("X-Unknown", "1") + header("Sec-WebSocket-Unknown", "2") + header("Cookie", "a=b"))
    yield opening("handshake/content-length-0", "Content-Length: 0 is no body", session(),
                  header("Content-Length", "0"))
    yield Case("handshake/absolute-uri", "the request names an absolute URI", session(), absolute)
    yield Case("handshake/after-refusal", "a second request after a refused one", ["426", *session()], again)
    yield script("handshake/early-frames", "frames in the same write as the request", [],
                 [text("early"), "pong 'early'"], early=frame(TEXT, "early") + frame(PING, "early"))


def absolute(target):
    with target.client() as client:
        request = request_lines(client, "/echo").replace(b"GET /", f"GET http://{client.host}/".encode())
        return exchange(client, request, ())


def again(target):
    with target.client() as client:
        bad = request_lines(client, "/echo").replace(b"Version: 13", b"Version: 12")
        return exchange(client, bad, ()) + exchange(client, request_lines(client, "/echo"), ())


def answers():
    yield opening("handshake/answer", "the headers of the 101, each once",
                  session("Upgrade: websocket", "Connection: Upgrade", "no Content-Length",
                          "no Transfer-Encoding", "no Sec-WebSocket-Protocol",
                          "no Sec-WebSocket-Extensions"),
                  shows=("Upgrade", "Connection", "Content-Length", "Transfer-Encoding",
                         "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"))
    yield opening("handshake/mod-headers", "mod_headers adds to the 101, and cannot forge it",
                  session("X-Set: by mod_headers", "no Content-Length"), path="/headers",
                  shows=("X-Set", "Content-Length"))


def refusals():
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        yield opening(f"handshake/method-{method}", f"{method} instead of GET", refusal(405), method=method)
    yield opening("handshake/http-1.0", "HTTP/1.0", refusal(400), version="HTTP/1.0")
    yield opening("handshake/not-found", "a path where no handler is", refusal(404), path="/nowhere")
    yield opening("handshake/no-host", "no Host", refusal(400), replaces=["Host"])
    yield opening("handshake/no-upgrade", "no Upgrade beside a key", refusal(426, OURS),
                  replaces=["Upgrade"], shows=(VERSION,))
    yield opening("handshake/other-upgrade", "an Upgrade to something else", refusal(426, OURS),
                  **replacing("Upgrade", "h2c"), shows=(VERSION,))
    yield opening("handshake/upgrade-substring", "an Upgrade to websockets", refusal(426),
                  **replacing("Upgrade", "websockets"))
    yield opening("handshake/no-connection", "no Connection", refusal(400), replaces=["Connection"])
    for value in ("keep-alive", "close", "upgraded", "up grade"):
        yield opening(f"handshake/connection-{value.replace(' ', '-')}", f"Connection: {value}",
                      refusal(400), **replacing("Connection", value))
    yield opening("handshake/body", "a body", refusal(400), header("Content-Length", "5"), body=b"hello")
    yield opening("handshake/chunked-body", "a chunked body", refusal(400),
                  header("Transfer-Encoding", "chunked"), body=b"0\r\n\r\n")
    yield from refused_keys()
    yield from refused_versions()


def refused_keys():
    yield opening("handshake/no-key", "no key", refusal(400), replaces=["Sec-WebSocket-Key"])
    for name, key in KEYS.items():
        yield opening(f"handshake/key-{name}", f"the key is {key!r}", refusal(400),
                      **replacing("Sec-WebSocket-Key", key))
    yield opening("handshake/key-two-lines", "two keys", refusal(400),
                  **replacing("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "AAAAAAAAAAAAAAAAAAAAAA=="))


def refused_versions():
    yield opening("handshake/no-version", "no version", refusal(400, OURS), replaces=[VERSION],
                  shows=(VERSION,))
    for version in ("0", "7", "8", "12", "14", "130", "1", "13.0", "+13", "x"):
        yield opening(f"handshake/version-{version}", f"version {version}", refusal(426, OURS),
                      **replacing(VERSION, version), shows=(VERSION,))
    yield opening("handshake/version-twice", "two versions", refusal(426, OURS),
                  **replacing(VERSION, "13", "8"), shows=(VERSION,))


def own_origin(client):
    return header("Origin", f"http://{client.host}")


def origins():
    for path in ("/echo", "/origins"):
        name = path[1:]
        yield opening(f"handshake/origin-none-{name}", "no Origin", session(), path=path)
        yield opening(f"handshake/origin-same-{name}", "the server's own Origin", session(), own_origin,
                      path=path)
        for which, origin in (("foreign", "http://elsewhere.example"), ("null", "null"),
                              ("port", "http://127.0.0.1:1"), ("suffix", "https://notexample.org"),
                              ("parent", "https://example.org")):
            yield opening(f"handshake/origin-{which}-{name}", f"Origin: {origin}", refusal(403),
                          header("Origin", origin), path=path)
    yield opening("handshake/origin-pattern", "an Origin that a pattern allows", session(),
                  header("Origin", "https://app.example.org"), path="/origins")
    yield opening("handshake/origin-pattern-scheme", "the pattern's host with another scheme", refusal(403),
                  header("Origin", "http://app.example.org"), path="/origins")


def cases():
    yield from requests()
    yield from answers()
    yield from refusals()
    yield from origins()
