"""Whether a peer does what it is measured for: an echo, plain, with TLS and with
permessage-deflate, as far as it has them; or publishing."""

import asyncio
import urllib.request

import websockets

from support.certificate import client_context

MESSAGE = "a message that is echoed, " * 8
TIMEOUT = 10


async def echo(url, **options):
    async with websockets.connect(url, open_timeout=TIMEOUT, **options) as client:
        await client.send(MESSAGE)
        answer = await asyncio.wait_for(client.recv(), TIMEOUT)
        if answer != MESSAGE:
            raise AssertionError(f"bad echo from {url}: {answer!r}")
        return client


async def check_echo(peer):
    address = f"ws://127.0.0.1:{peer.port}"
    await echo(address + peer.path, compression=None)
    if peer.tls_port:
        await echo(f"wss://127.0.0.1:{peer.tls_port}{peer.path}", compression=None,
                   ssl=client_context())
    if peer.deflate_path:
        client = await echo(address + peer.deflate_path)
        if "Sec-WebSocket-Extensions" not in client.response_headers:
            raise AssertionError(f"{peer.name} does not compress")


async def check_publishing(peer):
    async with websockets.connect(f"ws://127.0.0.1:{peer.port}{peer.path}", open_timeout=TIMEOUT,
                                  compression=None) as client:
        await asyncio.sleep(0.5)  # a server may answer before the session has subscribed
        await asyncio.to_thread(post, peer)
        message = await asyncio.wait_for(client.recv(), TIMEOUT)
    if message != MESSAGE:
        raise AssertionError(f"{peer.name} has published {message!r}")


def post(peer):
    url = f"http://127.0.0.1:{peer.port}{peer.publish_path}"
    request = urllib.request.Request(url, MESSAGE.encode(), {"Content-Type": "text/plain"})
    urllib.request.urlopen(request, timeout=TIMEOUT).close()


def check(peer):
    """Throws what went wrong."""
    asyncio.run(check_publishing(peer) if peer.publish_path else check_echo(peer))
