"""A sender that is not read from."""

from support.frames import BINARY, frame

MESSAGE = frame(BINARY, bytes(64 << 10))
MOST_BYTES = 64 << 20
STALL_SECONDS = 0.5


def flood(client):
    """Sends messages until no more are taken for a moment; how many bytes that was, at most MOST_BYTES."""
    client.socket.settimeout(STALL_SECONDS)
    taken = 0
    try:
        while taken < MOST_BYTES:
            client.socket.sendall(MESSAGE)
            taken += len(MESSAGE)
    except TimeoutError:
        pass
    return taken
