"""The negotiation of permessage-deflate: RFC 7692 5 and 7.1, RFC 6455 9.1."""

from conformance.deflate import NAME, OFFER
from conformance.openings import header, opening, refusal, session

SERVER, CLIENT = "server_max_window_bits", "client_max_window_bits"
FRESH_SERVER, FRESH_CLIENT = "server_no_context_takeover", "client_no_context_takeover"


def told(*parameters):
    return f"{NAME}: {'; '.join([OFFER, *parameters])}"


DECLINED = f"no {NAME}"


def offer(name, offered, expected, path="/echo"):
    """`offered` may be several lines, given as a list."""
    lines = [offered] if isinstance(offered, str) else offered
    return opening(f"compression_offers/{name}", f"offers {lines}", session(expected),
                   header(NAME, *lines), path=path, shows=(NAME,))


def with_parameters(*parameters):
    return "; ".join([OFFER, *parameters])


def accepted():
    yield offer("plain", OFFER, told())
    yield offer("server-no-context", with_parameters(FRESH_SERVER), told(FRESH_SERVER))
    yield offer("client-no-context", with_parameters(FRESH_CLIENT), told(FRESH_CLIENT))
    yield offer("both-no-context", with_parameters(FRESH_CLIENT, FRESH_SERVER),
                told(FRESH_SERVER, FRESH_CLIENT))
    # RFC 7692 7.1.2.1: accepted by an answer with the parameter, 15 too.
    for bits in range(9, 16):
        yield offer(f"server-bits-{bits}", with_parameters(f"{SERVER}={bits}"), told(f"{SERVER}={bits}"))
    for bits in range(8, 15):
        yield offer(f"client-bits-{bits}", with_parameters(f"{CLIENT}={bits}"), told(f"{CLIENT}={bits}"))
    # 15 is what a client has anyway: no answer is needed.
    yield offer("client-bits-15", with_parameters(f"{CLIENT}=15"), told())
    yield offer("client-bits", with_parameters(CLIENT), told())
    yield offer("all-four", with_parameters(f"{CLIENT}=10", FRESH_CLIENT, f"{SERVER}=12", FRESH_SERVER),
                told(FRESH_SERVER, FRESH_CLIENT, f"{SERVER}=12", f"{CLIENT}=10"))
    yield offer("quoted", with_parameters(f'{SERVER}="10"'), told(f"{SERVER}=10"))
    yield offer("odd-space", f"  {OFFER}\t;{SERVER} = 10 ;  {FRESH_CLIENT}\t",
                told(FRESH_CLIENT, f"{SERVER}=10"))


def settings():
    yield offer("window-9", with_parameters(CLIENT), told(f"{SERVER}=9", f"{CLIENT}=9"), "/window-9")
    yield offer("window-9-unlimited-client", OFFER, told(f"{SERVER}=9"), "/window-9")
    yield offer("window-9-larger-offer", with_parameters(f"{SERVER}=12", f"{CLIENT}=12"),
                told(f"{SERVER}=9", f"{CLIENT}=9"), "/window-9")
    yield offer("no-context", OFFER, told(FRESH_SERVER, FRESH_CLIENT), "/no-context")
    yield offer("off", OFFER, DECLINED, "/uncompressed")
    yield opening("compression_offers/none", "offers nothing", session(DECLINED), shows=(NAME,))


def in_order_of_preference():
    yield offer("first-of-two", f"{with_parameters(FRESH_SERVER)}, {OFFER}", told(FRESH_SERVER))
    yield offer("second-of-two", f"{with_parameters(f'{SERVER}=8')}, {with_parameters(FRESH_CLIENT)}",
                told(FRESH_CLIENT))
    yield offer("two-lines", [with_parameters(f"{SERVER}=8"), with_parameters(f"{SERVER}=11")],
                told(f"{SERVER}=11"))
    yield offer("behind-unknown", f"x-webkit-deflate-frame, permessage-bzip2; a=b, {OFFER}", told())
    yield offer("behind-invalid", f"{with_parameters('unknown')}, {with_parameters(f'{SERVER}=16')}, {OFFER}",
                told())
    yield offer("empty-elements", f", ,{OFFER},,", told())


DECLINED_OFFERS = {
    "unknown-parameter": "unknown", "unknown-parameter-value": "unknown=1",
    "server-bits-8": f"{SERVER}=8", "server-bits-none": SERVER, "server-bits-7": f"{SERVER}=7",
    "server-bits-16": f"{SERVER}=16", "server-bits-0": f"{SERVER}=0", "server-bits-010": f"{SERVER}=010",
    "server-bits-text": f"{SERVER}=ten", "server-bits-sign": f"{SERVER}=+10", "server-bits-100": f"{SERVER}=100",
    "client-bits-7": f"{CLIENT}=7", "client-bits-16": f"{CLIENT}=16", "client-bits-08": f"{CLIENT}=08",
    "client-bits-text": f"{CLIENT}=ten", "server-context-value": f"{FRESH_SERVER}=1",
    "client-context-value": f"{FRESH_CLIENT}=true", "server-bits-twice": f"{SERVER}=10; {SERVER}=10",
    "client-bits-twice": f"{CLIENT}; {CLIENT}=10", "server-context-twice": f"{FRESH_SERVER}; {FRESH_SERVER}",
}
# RFC 6455 9.1: who receives what the grammar does not have fails the connection.
MALFORMED = {
    "no-name": f"; {FRESH_SERVER}", "no-parameter": f"{OFFER};", "no-value": f"{OFFER}; {SERVER}=",
    "empty-quoted": f'{OFFER}; {SERVER}=""', "open-quote": f'{OFFER}; {SERVER}="10',
    "no-comma": f"{OFFER} {OFFER}", "quoted-no-token": f'{OFFER}; {SERVER}="1 0"',
    "bad-character": f"{OFFER}; @=1",
}


def declined():
    for name, parameter in DECLINED_OFFERS.items():
        yield offer(f"declined-{name}", with_parameters(parameter), DECLINED)
    for name in ("x-webkit-deflate-frame", "permessage-deflate2", "deflate-stream", "permessage"):
        yield offer(f"declined-{name}", name, DECLINED)
    for name, value in MALFORMED.items():
        yield opening(f"compression_offers/malformed-{name}", f"offers {value!r}", refusal(400),
                      header(NAME, value))


def cases():
    yield from accepted()
    yield from settings()
    yield from in_order_of_preference()
    yield from declined()
