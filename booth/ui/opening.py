"""Opens the front desk: this computer only, nothing shared, nothing sent anywhere."""

from __future__ import annotations

import logging
import os
import signal
import socket
from logging.handlers import RotatingFileHandler
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from booth import catalogue, disk
from booth.errors import Busy
from booth.library import Library
from booth.ui.door import Door
from booth.ui.front import build
from booth.ui.theme import SCRIPT, STYLE, theme
from booth.worker import Runner

FIRST_PORT = 7860
log = logging.getLogger(__name__)


def launch(library: Library | None = None, in_browser: bool = True, wait: bool = True) -> str:
    """Open the booth and serve it until Ctrl-C; returns its address at once without `wait`.

    A second booth on the same library opens too, but may only look.
    """
    library = library or Library()
    space = "SPACE_ID" in os.environ
    host, port = ("0.0.0.0" if space else "127.0.0.1"), free_port()
    address = f"http://127.0.0.1:{port}"
    runner = _claim(library, address)
    _prepare(library)
    page = build(library, runner)
    gr.set_static_paths([library.root / "subjects", catalogue.assets()])
    options = options_of(library, host, port)
    page.queue(max_size=64, default_concurrency_limit=4)
    try:
        page.launch(**options, inbrowser=in_browser and not space, prevent_thread_lock=True)
        if wait:
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # closes as Ctrl-C does
            print(f"Birdie is open at {address} (Ctrl-C closes it and saves).")
            page.block_thread()
    finally:
        if wait:
            runner.close()
            library.release()
    return address


def options_of(library: Library, host: str, port: int) -> dict[str, Any]:
    """How the page is served: see SECURITY for what each keeps out."""
    guards = [] if host == "0.0.0.0" else [Middleware(Door)]
    return {
        "server_name": host,
        "server_port": port,
        "share": False,
        "run_history": False,
        "enable_monitoring": False,
        "mcp_server": False,
        "pwa": False,
        "ssr_mode": False,
        "strict_cors": True,
        "max_file_size": "30mb",
        "allowed_paths": [],
        "blocked_paths": [str(library.root / name) for name in ("jobs", "priors")],
        "footer_links": [],
        "quiet": True,
        "show_error": False,
        "theme": theme(),
        "css_paths": [STYLE],
        "js": SCRIPT,
        "app_kwargs": {"middleware": guards, "docs_url": None, "redoc_url": None},
    }


def free_port() -> int:
    """BOOTH_PORT, or the first free port from 7860."""
    chosen = os.environ.get("BOOTH_PORT")
    ports = [int(chosen)] if chosen else range(FIRST_PORT, FIRST_PORT + 100)
    for port in ports:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise Busy(
        f"Port {chosen} is in use." if chosen else "No port from 7860 to 7959 is free.",
        "Close the other app, or set BOOTH_PORT to another number.",
    )


def _claim(library: Library, address: str) -> Runner:
    runner = Runner(library)
    try:
        library.claim(f"the booth at {address}")
    except Busy as error:
        print(f"{error} This booth may only look.")
        return runner
    runner.warm_up()
    return runner


def _prepare(library: Library) -> None:
    """A log, and a private folder for what the browser sends, emptied of the last visit's."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    inbox = library.root / "inbox"
    if library.writable:
        disk.remove_folder(inbox)
    inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["GRADIO_TEMP_DIR"] = str(inbox)
    handler = RotatingFileHandler(library.root / "booth.log", maxBytes=2_000_000, backupCount=2)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.getLogger("booth").addHandler(handler)
    logging.getLogger("booth").setLevel(logging.INFO)
