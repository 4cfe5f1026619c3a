"""The servers that mod_ws is compared with, and mod_ws, set as alike as they can be."""

import os
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import peer_programs as programs  # noqa: E402
from peer_process import allow_open_files, serving  # noqa: E402
from support.certificate import certificate  # noqa: E402
from support.handler_modules import load_handlers  # noqa: E402
from support.httpd import Httpd  # noqa: E402
from support.ports import free_ports  # noqa: E402

RELAYS = ("mod_ws", "nginx", "haproxy", "mod_proxy_http", "mod_proxy_wstunnel")
HANDLERS = ("mod_ws", "gorilla", "websocketd", "libwebsockets")
PUBLISHERS = ("mod_ws", "nchan", "gorilla hub", "gorilla hub, prepared")
TLS = {"TLS_PROTOCOL": "TLSv1.3", "TLS_CIPHER": "TLS_AES_128_GCM_SHA256"}
BACKLOG = 4096
PROXY_MODULES = {
    "mod_proxy_http": ("proxy", "proxy_http"),
    # It leaves every session to mod_proxy_http where that is loaded as well.
    "mod_proxy_wstunnel": ("proxy", "proxy_wstunnel"),
}
BUFFERS = {
    "mod_ws": "WebSocketReadBufferSize {0}",
    "nginx": "proxy_buffer_size {0}; proxy_buffers 8 {0}; proxy_busy_buffers_size {0};",
    "haproxy": "tune.bufsize {0}",
    "mod_proxy_http": "ReadBufferSize {0}",
    "mod_proxy_wstunnel": "ReadBufferSize {0}",
}


@dataclass(frozen=True)
class Peer:
    """A server that runs. `pid` is its root process; `tls_port` is 0, and `deflate_path` and
    `publish_path` are empty, where it has none."""

    name: str
    version: str
    pid: int
    port: int
    path: str = "/echo"
    tls_port: int = 0
    deflate_path: str = ""
    publish_path: str = ""


# What mod_ws reads at once.
LARGE_BUFFER = 72 << 10
LARGE = ", 72 KiB buffers"


def relay_peer(name, backend_port, work, threads=64, workers=1):
    """A context with a Peer that relays to ws://127.0.0.1:backend_port; its files stay in `work`, a
    folder that other users can read. A name that ends in LARGE has its buffers. `threads` is how
    many worker threads an httpd has, and so how many sessions its own proxies can have; `workers`
    how many engine threads of mod_ws, processes of nginx and threads of haproxy relay."""
    name, is_large, _ = name.partition(LARGE)
    root = make_root(name, work)
    buffers = BUFFERS[name].format(LARGE_BUFFER) if is_large else ""
    names = {"BACKEND_PORT": backend_port, "WORKERS": workers, "BUFFERS": buffers}
    if name in PROXY_MODULES:
        return httpd_proxy(name, root, names, threads)
    if name == "mod_ws":
        return mod_ws_relay(root, names, threads)
    return {"nginx": nginx_relay, "haproxy": haproxy}[name](root, names)


def handler_peer(name, work):
    """A context with a Peer that echoes messages itself; its files stay in `work`, a folder that
    other users can read."""
    starts = {"mod_ws": mod_ws_handler, "gorilla": gorilla, "gorilla" + LARGE: gorilla_large,
              "websocketd": websocketd, "libwebsockets": libwebsockets}
    return starts[name](make_root(name.partition(",")[0], work))


def publishing_peer(name, work):
    """A context with a Peer that sends what is posted at its publish_path to all sessions at its
    path; its files stay in `work`, a folder that other users can read."""
    starts = {"mod_ws": mod_ws_publish, "nchan": nchan, "gorilla hub": gorilla_hub,
              "gorilla hub, prepared": gorilla_prepared}
    return starts[name](make_root(name.partition(" ")[0], work))


def make_root(name, work):
    root = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=work))
    root.chmod(0o755)
    return root


def text_of(template, names):
    return Template((programs.SOURCES / template).read_text()).substitute(names)


def server_names(root, names):
    """What the files of nginx and haproxy name besides."""
    port, tls_port = free_ports(2)
    return {**names, **TLS, "ROOT": root, "PORT": port, "TLS_PORT": tls_port, "BACKLOG": BACKLOG,
            "OPEN_FILES": allow_open_files()}


def large(names):
    return LARGE if names["BUFFERS"] else ""


@contextmanager
def nginx(root, names, locations, modules=""):
    names = {**names, "LOCATIONS": text_of(locations, names), "MODULES": modules,
             "USER": "user www-data;" if os.geteuid() == 0 else "",
             "CERTIFICATE": certificate().cert, "KEY": certificate().key}
    file = root / "nginx.conf"
    file.write_text(text_of("nginx.conf", names))
    command = [programs.program("nginx"), "-p", root, "-c", file, "-e", root / "error.log"]
    with serving(command, root, [names["PORT"], names["TLS_PORT"]]) as process:
        yield process


@contextmanager
def nginx_relay(root, names):
    names = server_names(root, names)
    with nginx(root, names, "nginx_relay.conf") as process:
        yield Peer("nginx" + large(names), programs.nginx_version(), process.pid, names["PORT"],
                   tls_port=names["TLS_PORT"])


@contextmanager
def nchan(root):
    names = server_names(root, {"WORKERS": 1})
    modules = f"load_module {programs.nchan_module()};"
    with nginx(root, names, "nginx_nchan.conf", modules) as process:
        yield Peer("nchan", programs.nchan_version(), process.pid, names["PORT"],
                   path="/subscribe", publish_path="/publish")


@contextmanager
def haproxy(root, names):
    both = root / "certificate.pem"
    both.write_text(certificate().cert.read_text() + certificate().key.read_text())
    names = server_names(root, names)
    # A session has two descriptors, and some are haproxy's own.
    names |= {"SESSIONS": names["OPEN_FILES"] // 2 - 100, "CERTIFICATE_WITH_KEY": both,
              "USER": "user www-data" if os.geteuid() == 0 else ""}
    file = root / "haproxy.cfg"
    file.write_text(text_of("haproxy.cfg", names))
    command = [programs.program("haproxy"), "-db", "-f", file]
    with serving(command, root, [names["PORT"], names["TLS_PORT"]]) as process:
        yield Peer("haproxy" + large(names), programs.haproxy_version(), process.pid,
                   names["PORT"], tls_port=names["TLS_PORT"])


@contextmanager
def httpd(name, version, root, config, paths=None, **options):
    allow_open_files()
    common = text_of("httpd.conf", {**TLS, "BACKLOG": BACKLOG})
    server = Httpd(root, common + config, tls=True, log_level="warn", **options)
    server.start()
    server.publish("page", "a page of a kilobyte\n" * 48)
    try:
        yield Peer(name, version, server.process.pid, server.port, tls_port=server.tls_port,
                   **(paths or {}))
    finally:
        server.stop()


def mod_ws(root, config, threads=25, **paths):
    return httpd("mod_ws", programs.mod_ws_version(), root, config, paths, threads=threads)


def mod_ws_relay(root, names, threads):
    return mod_ws(root, text_of("mod_ws_relay.conf", names), threads)


def httpd_proxy(name, root, names, threads):
    # Told to stop, its child waits for sessions that are open, and is killed in the end.
    return httpd(name, programs.httpd_version(), root, text_of(f"{name}.conf", names),
                 threads=threads, ws=False, modules=PROXY_MODULES[name], may_crash=True)


def mod_ws_handler(root):
    return mod_ws(root, text_of("mod_ws_handler.conf", {}), deflate_path="/deflate")


def mod_ws_publish(root):
    config = load_handlers("subscriber") + text_of("mod_ws_publish.conf", {})
    return mod_ws(root, config, path="/subscribe", publish_path="/publish/bench")


def gorilla(root):
    port, = free_ports(1)
    command = [programs.gorilla_program(), f"127.0.0.1:{port}"]
    return plain_server("gorilla", programs.gorilla_version(), command, root, port,
                        deflate_path="/deflate")


@contextmanager
def gorilla_large(root):
    """As much read and written at once as by mod_ws."""
    with gorilla(root) as peer:
        yield replace(peer, name=peer.name + LARGE, path="/large", deflate_path="")


@contextmanager
def gorilla_hub(root):
    with gorilla(root) as peer:
        yield replace(peer, name="gorilla hub", path="/hub/subscribe", publish_path="/hub/publish")


@contextmanager
def gorilla_prepared(root):
    """The hub with gorilla's PreparedMessage, which frames a message once for all."""
    with gorilla(root) as peer:
        yield replace(peer, name="gorilla hub, prepared", path="/prepared/subscribe",
                      publish_path="/prepared/publish")


def websocketd(root):
    """Starts cat for each session. A message is a line of text. With more under way than two pipes
    hold, 64 KiB each, it waits for itself."""
    port, = free_ports(1)
    command = [programs.program("websocketd"), "--address=127.0.0.1", f"--port={port}",
               "--loglevel=error", "--binary=false", "cat"]
    return plain_server("websocketd", programs.websocketd_version(), command, root, port)


def libwebsockets(root):
    port, = free_ports(1)
    command = [programs.libwebsockets_program(), str(port)]
    return plain_server("libwebsockets", programs.libwebsockets_version(), command, root, port)


@contextmanager
def plain_server(name, version, command, root, port, **paths):
    allow_open_files()
    with serving(command, root, [port], {"GOMAXPROCS": "1"}) as process:
        yield Peer(name, version, process.pid, port, **paths)
