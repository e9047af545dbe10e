"""Where the embedded server's socket goes: a path that is short and plain enough for everybody who must name it.

Here: its name, and the choice of its folder. Not here: the server (`embedded_cluster.py`), asking it
(`embedded_probe.py`).
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import sys
from pathlib import Path

from qgen_dagster.bank.embedded_root import OTHER_SERVER_HINT, Account, EmbeddedServerError, own_folder

PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"

_PATH_LIMIT = 103 if sys.platform == "darwin" else 107
# libpq splits a host at commas, PostgreSQL its socket directories too; neither has an escape that both know.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+-]+")
_SHORT_TEMP = Path("/tmp")  # noqa: S108 - not TMPDIR: the path must be short, and the same for every process


def socket_directory_for(base: Path, data: Path, account: Account | None) -> Path:
    """The cluster's own folder if a socket there can be named, otherwise a short private one.

    Raises EmbeddedServerError when there is neither.
    """
    path = os.fsencode(base / SOCKET_NAME)
    if len(path) <= _PATH_LIMIT and _PLAIN_PATH.fullmatch(str(base)) and _takes_sockets(base):
        return base
    # The inode tells a new cluster from a deleted one in the same place, whose server may still be dying.
    identity = os.fsencode(data) + str(data.stat().st_ino).encode()
    name = f"qgen-{hashlib.blake2s(identity, digest_size=8).hexdigest()}"
    for attempt in range(10):
        # The name can be guessed, so somebody else may sit on it.
        candidate = _SHORT_TEMP / (f"{name}-{attempt}" if attempt else name)
        if own_folder(candidate, account):
            return candidate
    raise EmbeddedServerError(
        f"There is no place for the socket of the server: {base} cannot hold it,"
        f" and {_SHORT_TEMP / name} belongs to someone else.",
        hint=f"Set QGEN_HOME to a shorter path without special characters. {OTHER_SERVER_HINT}",
    )


def _takes_sockets(folder: Path) -> bool:
    """Whether a socket can be made in `folder`; a folder shared into a container often cannot hold one."""
    probe = folder / f".s.{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as trial:
        try:
            trial.bind(str(probe))
        except OSError:
            return False
        finally:
            probe.unlink(missing_ok=True)
    return True
