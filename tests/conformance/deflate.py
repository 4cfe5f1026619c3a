"""The client's side of permessage-deflate (RFC 7692), with zlib."""

import zlib

from conformance.case import event, frame_event
from support.frames import BINARY, CONTINUATION, TEXT, frame

RSV1 = 4
TAIL = b"\x00\x00\xff\xff"
OFFER = "permessage-deflate"
NAME = "Sec-WebSocket-Extensions"
COMPRESSED = ", compressed"


class Peer:
    """One session's two contexts. `window` and `takeover` are the client's, the others what the
    server has agreed to, which is checked by holding it to it."""

    def __init__(self, level=6, window=15, memory=8, takeover=True, strategy=zlib.Z_DEFAULT_STRATEGY,
                 server_window=15, server_takeover=True):
        self.takeover = takeover
        self.server_takeover = server_takeover
        self._new_deflater = lambda: zlib.compressobj(level, zlib.DEFLATED, -window, memory, strategy)
        self._new_inflater = lambda: zlib.decompressobj(-server_window)
        self._deflater = self._new_deflater()
        self._inflater = self._new_inflater()

    def deflate(self, data):
        data = data.encode() if isinstance(data, str) else data
        if not self.takeover:
            self._deflater = self._new_deflater()
        deflated = self._deflater.compress(data) + self._deflater.flush(zlib.Z_SYNC_FLUSH)
        assert deflated.endswith(TAIL)
        return deflated[:-4]

    def inflate(self, payload):
        if not self.server_takeover:
            self._inflater = self._new_inflater()
        return self._inflater.decompress(payload) + self._inflater.decompress(TAIL)

    def message(self, opcode, data):
        return frame(opcode, self.deflate(data), rsv=RSV1)

    def describe(self, received):
        if received.rsv != RSV1 or received.opcode not in (TEXT, BINARY) or not received.fin:
            return frame_event(received)
        try:
            return event(received.opcode, self.inflate(received.payload), COMPRESSED)
        except zlib.error as error:
            return f"a message that does not inflate: {error}"


def compressed(opcode, payload):
    return event(opcode, payload, COMPRESSED)


def fragments(opcode, payload, size, between=b""):
    """A compressed message in frames of so many bytes: RSV1 is on the first one only."""
    parts = [payload[i:i + size] for i in range(0, len(payload), size)]
    return b"".join(
        frame(CONTINUATION if i else opcode, part, fin=i == len(parts) - 1, rsv=0 if i else RSV1)
        + (between if i < len(parts) - 1 else b"") for i, part in enumerate(parts))



def offering(offer=OFFER):
    return {NAME: offer}
