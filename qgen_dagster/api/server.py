"""Listening: the app on an address until it is told to stop.

Not here: the app (`app.py`), which bank and keys (`cli/commands/serve.py`).
"""

from __future__ import annotations

import ipaddress
import signal
from collections.abc import Callable, Sequence

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.service_keys import ServiceKey
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import ConfigurationError

GRACE_SECONDS = 10


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def keys_for(settings: Settings, host: str, *, insecure_local: bool) -> Sequence[ServiceKey]:
    """The keys that are asked for on this address; none with `insecure_local`.

    Raises ConfigurationError when there is no key and the address is not this machine's own, or not said to be open.
    """
    if insecure_local and not is_loopback(host):
        raise ConfigurationError(
            f"--insecure-local: {host} can be reached from other machines", hint="Use it with --host 127.0.0.1 only."
        )
    if not settings.service_keys and not insecure_local:
        raise ConfigurationError(
            "no service key is set, so nobody could use the API",
            hint="Set QGEN_SERVICE_KEYS=name:scope:key, or, on this machine alone, add --insecure-local.",
        )
    return () if insecure_local else settings.service_keys


def serve(
    bank: Bank, settings: Settings, keys: Sequence[ServiceKey], host: str, port: int, on_ready: Callable[[], None]
) -> None:
    """Answers on the address until Ctrl-C or SIGTERM."""
    import uvicorn

    from qgen_dagster.api.app import create_app

    config = uvicorn.Config(
        create_app(bank, settings, keys),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        # Who asks is who is connected: a header could say anything.
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )

    class Server(uvicorn.Server):
        async def startup(self, sockets: object = None) -> None:
            await super().startup(sockets)  # type: ignore[arg-type]
            if self.started:
                on_ready()

    # uvicorn raises the signal again when it has ended; so SIGTERM ends like Ctrl-C, and the bank is closed.
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        Server(config).run()
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
