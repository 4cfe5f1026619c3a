"""Handler modules that tests load, and several children to run them in."""

from support.httpd_config import load_module, ws_modules

# Several children, each with room for several sessions.
SEVERAL_CHILDREN = "StartServers 3\nMaxRequestWorkers 15\nMinSpareThreads 15\nMaxSpareThreads 15\nKeepAlive Off\n"


def load_handlers(*names):
    """LoadModule lines for build/modules/ws_NAME.so."""
    return "".join(load_module(f"ws_{name}_module", ws_modules() / f"ws_{name}.so") + "\n" for name in names)
