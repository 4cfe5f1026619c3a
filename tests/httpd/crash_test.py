"""A process that crashes takes only its own sessions with it, and what they held is given back."""

import os
import re
import signal
from contextlib import ExitStack

import pytest

from support.frames import TEXT
from support.handler_modules import load_handlers
from support.http_head import head_bytes
from support.raw_client import RawClient
from support.waiting import wait_until
from support.websockets_backend import WebsocketsBackend

LIMIT = 12
# Several children, each with room for several sessions.
CHILDREN = {
    "event": (5, "StartServers 3\nMaxRequestWorkers 15\nMinSpareThreads 15\nMaxSpareThreads 15\n"),
    "prefork": (25, "StartServers 4\nMinSpareServers 4\n"),
}
MEMBERS = "KeepAlive Off\n" + load_handlers("members") + f"""
<Location "/member">
    WebSocketHandler member
    WebSocketMaxConnections {LIMIT}
</Location>
<Location "/publish">
    SetHandler websocket-publish
</Location>
"""
BALANCER_MODULES = ("proxy_balancer", "lbmethod_byrequests", "slotmem_shm")
BALANCER = """
KeepAlive Off
<Proxy "balancer://backends">
    BalancerMember "ws://127.0.0.1:${BACKEND}"
</Proxy>
ProxyPass "/chat" "balancer://backends"
<Location "/manager">
    SetHandler balancer-manager
</Location>
"""
CRASHES = {"killed": signal.SIGKILL, "segfault": signal.SIGSEGV}


class Members:
    """Sessions that subscribe to one channel; each knows its process. Those of ended children are in keepers."""

    def __init__(self, server, stack):
        self.server = server
        self.clients = []
        self._stack = stack

    def try_join(self):
        """Whether there was a place."""
        client = self._stack.enter_context(RawClient("127.0.0.1", self.server.port))
        status = client.handshake("/member?room").status
        if status == 101:
            client.pid = int(client.read_frame().payload.split()[1])
            self.clients.append(client)
        else:
            assert status == 503
            client.close()
        return status == 101

    def wait_and_join(self):
        wait_until(self.try_join, "there is a place", 30)

    def join_two_processes(self):
        """One member in each of two processes that had none."""
        wanted = len(self.processes()) + 2

        def joins_another():
            known = self.processes()
            if self.try_join() and self.clients[-1].pid in known:
                superfluous = self.clients.pop()
                superfluous.send_close(1000)
                superfluous.expect_close()
                superfluous.close()
            return len(self.processes()) == wanted
        wait_until(joins_another, "members in two processes", 30)

    def fill(self):
        while len(self.clients) < LIMIT:
            self.wait_and_join()
        assert not self.try_join()

    def processes(self):
        return {client.pid for client in self.clients}

    def restart(self):
        """Gracefully: all members are in keepers then, one for each child that had some."""
        children = self.processes()
        old = self.server.children()
        self.server.graceful()
        wait_until(lambda: not set(old) & set(self.server.children()), "the old children end")
        kept = re.findall(r"\[pid (\d+)\D.*keeps \d+ WebSocket sessions of child (\d+)", self.server.error_log())
        keeper_of = {int(child): int(keeper) for keeper, child in kept}
        assert children == keeper_of.keys()
        for client in self.clients:
            client.pid = keeper_of[client.pid]

    def crash(self, pid, crash):
        """How many sessions were lost with it."""
        os.kill(pid, crash)
        lost = [client for client in self.clients if client.pid == pid]
        self.clients = [client for client in self.clients if client.pid != pid]
        for client in lost:
            client.read_eof()
        return len(lost)

    def expect(self, text):
        for client in self.clients:
            client.expect_frame(TEXT, text)

    def all_speak(self):
        for number, speaker in enumerate(self.clients):
            speaker.send_frame(TEXT, f"member {number}")
            self.expect(f"member {number}")

    def publish(self, text):
        assert self._ask("POST", text.encode()).status == 204
        self.expect(text)

    def wait_for_count(self):
        expected = b'{"subscribers": %d}\n' % len(self.clients)
        wait_until(lambda: self._ask("GET").body == expected, f"the server counts {expected}")

    def _ask(self, method, body=b""):
        with RawClient("127.0.0.1", self.server.port) as client:
            fields = {"Host": "localhost", "Content-Type": "text/plain", "Content-Length": len(body)}
            client.send(head_bytes(f"{method} /publish/room HTTP/1.1", fields) + body)
            return client.read_response()


@pytest.fixture(params=CHILDREN)
def start(httpd, request):
    """start(config, **options) gives a server with several children, whose processes may crash."""
    threads, children = CHILDREN[request.param]
    return lambda config, **options: httpd(children + config, mpm=request.param, threads=threads, may_crash=True,
                                           **options)


@pytest.mark.parametrize("crash", CRASHES.values(), ids=CRASHES)
@pytest.mark.parametrize("victim", ["child", "keeper"])
def test_members_of_other_processes_go_on_and_the_places_come_back(start, victim, crash):
    with ExitStack() as stack:
        members = Members(start(MEMBERS), stack)
        members.join_two_processes()
        members.restart()
        kept = members.processes()
        members.join_two_processes()
        members.fill()
        members.all_speak()

        among = kept if victim == "keeper" else members.processes() - kept
        pid = min(among)
        lost = members.crash(pid, crash)
        members.all_speak()
        members.wait_for_count()
        members.publish("to those that are left")

        for _ in range(lost):
            members.wait_and_join()
        assert not members.try_join()
        members.wait_for_count()
        members.all_speak()
        check_log(members.server, pid)


def check_log(server, pid):
    """It names the process, and has no other complaint besides the refusals that the test has asked for."""
    server.wait_for_log(rf"ws:warn.*(child|keeper) {pid} was killed or crashed, and \d+ WebSocket sessions with it")
    server.wait_for_log(r"gave back what lost sessions held: \d+ entries")
    complaints = [line for line in server.complaints() if "ws:" in line and "refused with 503" not in line]
    assert len(complaints) == 1, complaints


def test_a_balancers_count_falls_by_the_lost_sessions_only(start):
    with ExitStack() as stack:
        backend = stack.enter_context(WebsocketsBackend())
        server = start(BALANCER, modules=BALANCER_MODULES, defines={"BACKEND": backend.port})
        clients = {}

        def opens_in_another_process():
            client = stack.enter_context(RawClient("127.0.0.1", server.port))
            client.open("/chat")
            _, port = client.socket.getsockname()
            known = server.wait_for_log(rf"\[pid (\d+)\D.*client 127\.0\.0\.1:{port} /chat: relayed to")
            clients[client] = int(known[1])
            return len(set(clients.values())) >= 2
        wait_until(opens_in_another_process, "sessions in two processes", 30)

        wait_until(lambda: busy(server) == len(clients), "each is counted")
        pid = next(iter(clients.values()))
        os.kill(pid, signal.SIGKILL)
        for client in [client for client, known in clients.items() if known == pid]:
            client.read_eof()
            del clients[client]
        wait_until(lambda: busy(server) == len(clients), "the others are counted")
        for client in clients:
            client.send_frame(TEXT, "still here")
            client.expect_frame(TEXT, "still here")


def busy(server):
    """As balancer-manager shows it, to those who come from its own pages."""
    with RawClient("127.0.0.1", server.port) as client:
        url = f"http://{client.host}/manager?xml=1"
        client.send(head_bytes("GET /manager?xml=1 HTTP/1.1", {"Host": client.host, "Referer": url}))
        return int(re.search(rb"<httpd:busy>(\d+)</httpd:busy>", client.read_response().body)[1])
