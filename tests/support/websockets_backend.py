"""A backend that is a well-behaved WebSocket server."""

import asyncio
import os
import threading

import websockets

from support.waiting import patience, wait_until


async def echo(ws):
    async for message in ws:
        await ws.send(message)


class BackendSession:
    """One session that the backend has served or serves."""

    def __init__(self, ws):
        self.ws = ws
        self.path = ws.path
        self.headers = ws.request_headers
        self.subprotocol = ws.subprotocol

    @property
    def closed(self):
        return self.ws.closed

    @property
    def close_code(self):
        """None while the session is open; 1006 if it ended without a Close frame."""
        return self.ws.close_code

    @property
    def close_reason(self):
        return self.ws.close_reason


class WebsocketsBackend:
    """Serves `handler` in a thread of its own. `options` go to websockets.serve. Leaving the
    context fails with the first error that a handler raised."""

    def __init__(self, handler=echo, ssl=None, unix=None, subprotocols=None, port=0, **options):
        self.handler = handler
        self.ssl = ssl
        self.unix = unix
        self.port = port
        self.sessions = []
        self._options = {"ssl": ssl, "subprotocols": subprotocols, "max_size": None,
                         "ping_interval": None, "close_timeout": patience(2), **options}
        self._errors = []
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)

    def __enter__(self):
        self._thread.start()
        assert self._started.wait(patience(10)), "the backend does not start"
        self._raise_error()
        return self

    def __exit__(self, exception_type, *exception):
        self.stop()
        if exception_type is None:
            self._raise_error()

    def stop(self):
        """Ends all sessions with 1001 and no longer listens."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(patience(20))
        assert not self._thread.is_alive(), "the backend does not stop"

    @property
    def url(self):
        """For the second argument of ProxyPass; a path may be appended."""
        scheme = "wss" if self.ssl else "ws"
        return f"unix:{self.unix}|{scheme}://localhost" if self.unix \
            else f"{scheme}://127.0.0.1:{self.port}"

    def wait_for_sessions(self, count):
        wait_until(lambda: len(self.sessions) >= count,
                   lambda: f"{count} sessions at the backend, there were {len(self.sessions)}")
        return self.sessions

    def wait_until_closed(self, count):
        """Waits until `count` sessions have ended and returns their close codes."""
        wait_until(lambda: len(self._closed()) >= count,
                   lambda: f"{count} sessions end at the backend, {len(self._closed())} did")
        return [session.close_code for session in self._closed()]

    def _closed(self):
        return [session for session in self.sessions if session.closed]

    def _raise_error(self):
        if self._errors:
            raise self._errors[0]

    async def _main(self):
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        try:
            async with self._server() as server:
                self._note_address(server)
                self._started.set()
                await self._stopping.wait()
        except Exception as error:
            self._errors.append(error)
        finally:
            self._started.set()

    def _server(self):
        if self.unix:
            return websockets.unix_serve(self._serve, str(self.unix), **self._options)
        return websockets.serve(self._serve, "127.0.0.1", self.port, **self._options)

    def _note_address(self, server):
        if self.unix:
            os.chmod(self.unix, 0o666)  # httpd's children run as another user
        else:
            self.port = server.sockets[0].getsockname()[1]

    async def _serve(self, ws):
        self.sessions.append(BackendSession(ws))
        try:
            await self.handler(ws)
        except websockets.ConnectionClosed:
            pass
        except Exception as error:
            self._errors.append(error)
            raise
