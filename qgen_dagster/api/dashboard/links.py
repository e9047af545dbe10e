"""Where the Dagster UI is, as seen from the browser; pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from qgen_dagster.api.server import is_loopback


@dataclass(frozen=True)
class DagsterLink:
    """The Dagster UI."""

    address: str

    def run(self, run_id: object) -> str:
        """A run's page."""
        return f"{self.address}/runs/{quote(str(run_id))}"

    def stratum(self, key: str) -> str:
        """A stratum's partition of the bank."""
        return f"{self.address}/assets/question_bank?view=partitions&partition={quote(key)}"


def dagster_link(address: str | None, asked_host: str) -> DagsterLink | None:
    """The link, or None where no address is known.

    An address of this machine alone means nothing to a browser on another: there, the name that it asked us by stands
    in for it.
    """
    if address is None:
        return None
    parts = urlsplit(address)
    if asked_host and is_loopback(parts.hostname or "") and not is_loopback(asked_host):
        host = f"[{asked_host}]" if ":" in asked_host else asked_host
        address = parts._replace(netloc=host if parts.port is None else f"{host}:{parts.port}").geturl()
    return DagsterLink(address)
