"""The websockets library as a client."""

import asyncio

import websockets

from support.certificate import client_context
from support.waiting import patience


def run(coroutine, timeout=30):
    """Runs it to its end, with a deadline."""
    return asyncio.run(asyncio.wait_for(coroutine, patience(timeout)))


def connect(url, **options):
    """A session with `url`, to be used with `async with`."""
    if url.startswith("wss:"):
        options.setdefault("ssl", client_context())
    return websockets.connect(url, **{"max_size": None, "ping_interval": None, **options})


def exchange(url, messages, **options):
    """Sends each message and returns what came back for each; closes with 1000."""
    async def session():
        answers = []
        async with connect(url, **options) as ws:
            for message in messages:
                await ws.send(message)
                answers.append(await ws.recv())
        assert ws.close_code == 1000, ws.close_code
        return answers
    return run(session())
