"""A handshake and an echo at a peer, plain, with TLS and with permessage-deflate, as far as it has them."""

import asyncio

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


async def check(peer):
    """What has been tried."""
    address = f"ws://127.0.0.1:{peer.port}"
    await echo(address + peer.path, compression=None)
    tried = ["ws"]
    if peer.tls_port:
        client = await echo(f"wss://127.0.0.1:{peer.tls_port}{peer.path}", compression=None, ssl=client_context())
        protocol = client.transport.get_extra_info("ssl_object")
        tried.append(f"wss ({protocol.version()}, {protocol.cipher()[0]})")
    if peer.deflate_path:
        client = await echo(address + peer.deflate_path)
        tried.append(f"deflate ({client.response_headers['Sec-WebSocket-Extensions']})")
    return tried


def try_peer(peer):
    tried = asyncio.run(check(peer))
    print(f"{peer.name:<20}{peer.version:<40}ok: {', '.join(tried)}", flush=True)
