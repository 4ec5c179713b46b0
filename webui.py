"""The one entrance: flags -> app -> doors -> serve. The worker starts before the page is built."""

from __future__ import annotations

import gc
import logging
import os
import sys

from modules.errors import EaselError
from modules.flags import Flags, check_exposure, help_text, notices, parse

log = logging.getLogger("easel")


def serve(flags: Flags) -> None:
    """Run until Ctrl+C. EaselError where the port, the data folder or a flag is unusable."""
    import uvicorn

    from modules.app import build_app
    from modules.web.address import announce, bind
    from modules.web.server import build_web

    socket = bind(flags)
    app = build_app(flags)
    try:
        app.start(port=socket.getsockname()[1])
        web = build_web(app)
        if not flags.nowebui:
            from modules.page.page import mount  # imports Gradio, which takes seconds

            mount(web, app)
        announce(flags, socket, app.settings.current.system.auto_launch_browser, os.environ)
        config = uvicorn.Config(web, log_level="warning", timeout_graceful_shutdown=2)
        config.timeout_keep_alive = flags.timeout_keep_alive
        config.ssl_keyfile, config.ssl_certfile = flags.tls_keyfile, flags.tls_certfile
        server = uvicorn.Server(config)
        app.is_ending = lambda: server.should_exit  # open requests are answered, not cut off
        gc.freeze()  # what was made so far stays: no later collection need look through it
        gc.enable()
        server.run(sockets=[socket])
    finally:
        app.close()


def main(arguments: list[str]) -> int:
    """The exit status: 0, or 2 where something that the user can mend stands in the way."""
    if {"-h", "--help"} & set(arguments):
        sys.stdout.write(help_text())
        return 0
    gc.disable()  # until the server runs: it takes an eighth of the start and finds nothing
    try:
        flags = parse(arguments, os.environ)
        logging.basicConfig(level=flags.loglevel or "INFO", format="%(message)s")
        for line in notices(flags):
            log.warning(line)
        check_exposure(flags)
        serve(flags)
    except EaselError as error:
        log.error(error.message)
        return 2
    except KeyboardInterrupt:  # Ctrl+C: `serve` has closed everything
        log.info("Easel has ended")
    finally:
        gc.enable()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
