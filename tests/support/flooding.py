"""A sender that is not read from."""

from support.frames import BINARY, frame

PAYLOAD = bytes(64 << 10)
MOST_BYTES = 64 << 20
STALL_SECONDS = 0.5


def flood(sender):
    """Sends messages until no more are taken for a moment; how many bytes that was, at most MOST_BYTES."""
    message = frame(BINARY, PAYLOAD, mask=sender.is_client)
    sender.socket.settimeout(STALL_SECONDS)
    taken = 0
    try:
        while taken < MOST_BYTES:
            sender.socket.sendall(message)
            taken += len(message)
    except TimeoutError:
        pass
    return taken
