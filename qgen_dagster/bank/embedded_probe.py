"""Whether a PostgreSQL answers on a socket, by really logging in.

Here: one connection by the wire protocol. It is cheaper than a driver (joining a running server needs no import of one)
and tells a server that is starting from one that is gone. Not here: what follows from the answer
(`embedded_cluster.py`). Raises nothing: every failure is an answer.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

SUPERUSER = "postgres"

_TIMEOUT = 5.0
_PROTOCOL_3_0 = 196608
_CANNOT_CONNECT_NOW = "57P03"


class Answer(Enum):
    """What came back from a connection."""

    NOTHING = "nothing"
    NOT_YET = "not yet"
    READY = "ready"


@dataclass(frozen=True)
class Probe:
    """The outcome of one real connection."""

    answer: Answer
    version: str | None = None
    detail: str = "no server"


def probe(path: Path) -> Probe:
    """Connect to the socket at `path` and log in."""
    parameters = {"user": SUPERUSER, "database": "postgres", "application_name": "qgen probe"}
    body = b"".join(f"{key}\0{value}\0".encode() for key, value in parameters.items()) + b"\0"
    version = None
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_TIMEOUT)
            connection.connect(str(path))
            connection.sendall(struct.pack("!ii", len(body) + 8, _PROTOCOL_3_0) + body)
            with connection.makefile("rb") as replies:
                while header := replies.read(5):
                    kind, length = struct.unpack("!ci", header)
                    content = replies.read(length - 4)
                    if kind == b"E":
                        return _refusal(content)
                    if kind == b"S" and content.startswith(b"server_version\0"):
                        version = content.split(b"\0")[1].decode().split()[0]
                    if kind == b"Z":
                        connection.sendall(struct.pack("!ci", b"X", 4))
                        return Probe(Answer.READY, version)
    except TimeoutError:
        return Probe(Answer.NOT_YET, detail="it does not answer")
    except (OSError, struct.error) as error:
        # Blocking means that the queue of the socket is full.
        return Probe(Answer.NOT_YET if isinstance(error, BlockingIOError) else Answer.NOTHING, detail=str(error))
    return Probe(Answer.NOTHING, detail="the connection was closed")


def _refusal(content: bytes) -> Probe:
    """A server that refuses is alive; it is of no use only while it starts or stops, not while it is full."""
    fields = {part[:1]: part[1:].decode("utf-8", errors="replace") for part in content.split(b"\0") if part}
    wait = fields.get(b"C") == _CANNOT_CONNECT_NOW
    return Probe(Answer.NOT_YET if wait else Answer.READY, detail=fields.get(b"M", "refused"))
