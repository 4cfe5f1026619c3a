"""One end of a WebSocket connection, which sends exactly the bytes it is told to."""

from support import frames
from support.byte_stream import ByteStream


class FrameStream(ByteStream):
    is_client = False

    def send_frame(self, opcode, payload=b"", **options):
        """Masked if a client sends it, unless `mask` says otherwise."""
        self.send(frames.frame(opcode, payload, **{"mask": self.is_client, **options}))

    def send_close(self, code=None, reason=""):
        self.send(frames.close_frame(code, reason, mask=self.is_client))

    def read_frame(self):
        """(fin, rsv, opcode, payload)"""
        return frames.read_frame(self, from_client=not self.is_client)

    def expect_frame(self, opcode, payload):
        """The next frame must be this, unfragmented and with no reserved bit."""
        payload = payload.encode() if isinstance(payload, str) else payload
        assert self.read_frame() == (True, 0, opcode, payload)

    def expect_close(self):
        """(code, reason) of the next frame, which must be a Close frame."""
        received = self.read_frame()
        assert received[:3] == (True, 0, frames.CLOSE), received
        return frames.parse_close_payload(received.payload)
