"""Much in little: what permessage-deflate makes of zeros."""

import zlib

MIB = 1 << 20


def zeros(mebibytes):
    """So many MiB of zeros, in about a thousandth of it."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    first, again = (deflater.compress(bytes(MIB)) + deflater.flush(zlib.Z_SYNC_FLUSH) for _ in range(2))
    return first + again * (mebibytes - 1)
