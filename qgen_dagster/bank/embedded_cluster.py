"""One PostgreSQL cluster on disk: make it, start it, ask whether it lives, stop it.

Here: initdb, the server process, and recovery from whatever a crash left behind. Not here: where its socket goes
(`embedded_socket.py`), its log (`embedded_log.py`), which folder, account and binaries (`embedded_root.py`), and when
the server is wanted (`embedded.py`).

How we know what lives. A pid in `postmaster.pid` proves nothing: it survives `kill -9`, and the number may
belong to another program by then. Two things cannot lie: a connection that is answered, and `server.lock`, an
exclusive flock on a descriptor that every process of the server inherits. The kernel releases it when the last
of them has ended, backends that outlive their killed parent included. Only then is the data directory touched.

The server is started without pg_ctl, because pg_ctl pastes the paths of data, log and socket into a shell command
between double quotes: a `$` or a backtick in a folder's name would be expanded.

Raises `EmbeddedServerError`, with the end of the server's log where there is one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from qgen_dagster.bank.embedded_log import ServerLog
from qgen_dagster.bank.embedded_probe import SUPERUSER, Answer, Probe, probe
from qgen_dagster.bank.embedded_root import (
    OTHER_SERVER_HINT,
    Account,
    EmbeddedServerError,
    installation_for,
    major_version,
    open_private,
    own_folder,
)
from qgen_dagster.bank.embedded_socket import PORT, SOCKET_NAME, socket_directory_for

if TYPE_CHECKING:
    import psutil  # imported where it is used: joining a running server does not need it

_PAUSE = 0.01
_ORPHAN_GRACE = 1.0

_SETTINGS = {
    "max_connections": "200",
    # Taken from the system only as they fill, so a small bank stays small. With the default of 128 MB the duplicate
    # check of a million questions took half as long again.
    "shared_buffers": "512MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_checkpoints": "off",
    # Parallel workers need /dev/shm, of which a container has 64 MB; a bank is small enough without.
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
}


class _ServerEnded(EmbeddedServerError):
    """The server was started and ended again before it answered."""


@dataclass(frozen=True)
class PidFile:
    """What the postmaster wrote about itself; a claim, not a fact."""

    pid: int
    data: Path
    socket_directory: Path | None


class Cluster:
    """The cluster in the folder `base`. Methods that change anything expect the caller to hold the start lock."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.data = base / "data"
        self.log = ServerLog(base / "server.log")
        self.start_lock = base / "start.lock"
        self.users_lock = base / "users.lock"
        self.keep_marker = base / "keep"
        self._server_lock = base / "server.lock"

    # -- questions --------------------------------------------------------------------------------------------

    def exists(self) -> bool:
        """Whether there is a complete cluster on disk."""
        return (self.data / "PG_VERSION").is_file() and (self.data / "global" / "pg_control").is_file()

    def major_version(self) -> str | None:
        """The major version that wrote the data directory."""
        try:
            return (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        except OSError:
            return None

    def pid_file(self) -> PidFile | None:
        """The parsed postmaster.pid, if it is there, whole, and written for this very data directory."""
        try:
            lines = os.fsdecode((self.data / "postmaster.pid").read_bytes()).splitlines()
            pid, data, directory = int(lines[0]), Path(lines[1]), lines[4] if len(lines) > 4 else ""
        except (OSError, ValueError, IndexError):
            return None
        if data != self.data:
            # A copy of a running cluster: the file speaks of the original.
            return None
        return PidFile(abs(pid), data, Path(directory) if directory else None)

    def probe(self) -> Probe:
        """Ask the server itself."""
        claim = self.pid_file()
        if claim is None or claim.socket_directory is None:
            return Probe(Answer.NOTHING)
        return probe(claim.socket_directory / SOCKET_NAME)

    def socket_directory(self) -> Path | None:
        """Where the running server listens."""
        claim = self.pid_file()
        return claim.socket_directory if claim else None

    def size(self) -> int:
        """Bytes on disk."""
        total = 0
        for path in self.data.rglob("*"):
            # Files come and go under a running server.
            with contextlib.suppress(OSError):
                state = path.lstat()
                total += state.st_blocks * 512
        return total

    def postmaster(self) -> int | None:
        """The pid of the living postmaster; None where the pid file names nobody, or some other program."""
        import psutil

        claim = self.pid_file()
        if claim is not None:
            with contextlib.suppress(psutil.Error, OSError):
                return claim.pid if self._is_ours(psutil.Process(claim.pid)) else None
        return None

    # -- changes ----------------------------------------------------------------------------------------------

    def bring_up(
        self, account: Account | None, home: Path, deadline: float, *, alone: bool, install_root: Path | None = None
    ) -> None:
        """Return when the server answers, whatever state it was found in.

        Args:
            account: who runs the server.
            home: where a copy of the binaries may go.
            deadline: `time.monotonic()` at which to give up.
            alone: no other process uses the server, so that one that cannot be reached may be restarted.
            install_root: an installation to use instead of the wheel's.

        Raises:
            EmbeddedServerError: it does not start, or not in time.
        """
        for is_last in (False, True):
            claim = self._await_claim(deadline, alone=alone)
            if claim is None:
                return
            try:
                self._start(claim, account, home, install_root, deadline)
                return
            except _ServerEnded:
                # Whatever killed the one before may just have killed this one too, in the middle of its start.
                if is_last:
                    raise

    def _start(
        self, claim: int, account: Account | None, home: Path, install_root: Path | None, deadline: float
    ) -> None:
        """Make the cluster if need be, and start its server. Uses up the claim."""
        try:
            install = installation_for(account, home, install_root)
            if not self.exists():
                self._initialise(install, account, claim, deadline)
            self._require_version(install)
            directory = socket_directory_for(self.base, self.data, account)
            self._clear_leftovers(directory)
            log_start = self._launch(install, directory, account, claim)
        finally:
            os.close(claim)
        self._await_ready(log_start, deadline)

    def stop(self, deadline: float) -> bool:
        """Stop the server (fast mode: open connections are cut) and wait for its end; False if there was none.

        Raises:
            EmbeddedServerError: it does not end in time.
        """
        pid = self.postmaster()
        directory = self.socket_directory()
        if pid is None and self._is_free():
            return False
        started = time.monotonic()
        if pid is not None:
            self._signal(pid, signal.SIGINT)
        hurried = False
        while not self._is_free():
            waited = time.monotonic() - started
            if pid is None and waited > _ORPHAN_GRACE:
                self._end_orphans(waited)
            elif pid is not None and not hurried and time.monotonic() > (started + deadline) / 2:
                # Immediate mode is safe (the next start replays the log) and does not wait for a checkpoint.
                self._signal(pid, signal.SIGQUIT)
                hurried = True
            if time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"The embedded PostgreSQL in {self.base} does not stop (pid {pid}).\nServer log: {self.log.path}",
                    hint="Look at the log; `kill -QUIT` on that pid ends it at once without loss of data.",
                )
            time.sleep(_PAUSE)
        if directory is not None and directory != self.base:
            with contextlib.suppress(OSError):
                directory.rmdir()
        return True

    # -- what lives -------------------------------------------------------------------------------------------

    def _claim(self) -> int | None:
        """An exclusive descriptor of server.lock, or None while any process of the server lives."""
        descriptor = open_private(self._server_lock, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def _is_free(self) -> bool:
        descriptor = self._claim()
        if descriptor is None:
            return False
        os.close(descriptor)
        # A server that somebody started by hand holds no lock of ours.
        return self.pid_file() is None or self.postmaster() is None

    def _processes(self) -> list[int]:
        """Living processes of this cluster: PostgreSQL programs that work in its data directory."""
        import psutil

        found = []
        for process in psutil.process_iter():
            # Processes end while we look, and those of other users do not tell.
            with contextlib.suppress(psutil.Error, OSError):
                if self._is_ours(process):
                    found.append(process.pid)
        return found

    def _is_ours(self, process: psutil.Process) -> bool:
        return process.name().startswith("postgres") and Path(process.cwd()) == self.data

    def _await_claim(self, deadline: float, *, alone: bool) -> int | None:
        """The claim on a cluster in which nothing lives, or None when a server answers."""
        started = time.monotonic()
        while True:
            probe = self.probe()
            if probe.answer is Answer.READY:
                return None
            claim = self._claim()
            if claim is not None:
                if self.postmaster() is None:
                    return claim
                os.close(claim)
            waited = time.monotonic() - started
            if probe.answer is Answer.NOTHING and waited > _ORPHAN_GRACE:
                pid = self.postmaster()
                if pid is None:
                    self._end_orphans(waited)
                elif alone and not self._has_socket():
                    # Its socket was cleaned away: nobody can reach it any more, and nobody else uses it.
                    self.stop(deadline)
            if time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"A PostgreSQL runs on {self.data} (pid {self.postmaster()}) but cannot be reached"
                    f" ({probe.detail}).\nServer log: {self.log.path}",
                    hint="If it is recovering, wait and try again; otherwise `qgen db stop` ends it.",
                )
            time.sleep(_PAUSE)

    def _has_socket(self) -> bool:
        directory = self.socket_directory()
        return directory is not None and (directory / SOCKET_NAME).exists()

    def _end_orphans(self, waited: float) -> None:
        """End backends that outlived their postmaster: as safe as a power cut, from which the log recovers."""
        for pid in self._processes():
            self._signal(pid, signal.SIGQUIT if waited < 2 * _ORPHAN_GRACE else signal.SIGKILL)

    def _signal(self, pid: int, number: signal.Signals) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
        except PermissionError:
            raise EmbeddedServerError(
                f"The embedded PostgreSQL in {self.base} (pid {pid}) belongs to another account.",
                hint="Stop it as that account, or as root.",
            ) from None

    # -- starting ---------------------------------------------------------------------------------------------

    def _initialise(self, install: Path, account: Account | None, claim: int, deadline: float) -> None:
        """Make the cluster beside its place and move it there in one step, so that half a cluster is never found."""
        for leftover in self.base.glob("data.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        self._set_incomplete_aside()
        draft = Path(tempfile.mkdtemp(prefix="data.new-", dir=self.base))
        try:
            own_folder(draft, account)
            command = [str(install / "bin" / "initdb"), "--pgdata", str(draft), "--username", SUPERUSER]
            command += ["--auth-local", "trust", "--auth-host", "reject", "--encoding", "UTF8", "--no-instructions"]
            # The built-in provider needs no locale of the operating system: the same order on every machine.
            command += ["--no-locale", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"]
            for name, value in _SETTINGS.items():
                command += ["--set", f"{name}={value}"]
            with self.log.open() as log:
                log_start = log.tell()
                failure = self._run(command, account, claim, log, timeout=max(1.0, deadline - time.monotonic()))
            if failure:
                raise self.log.failure(f"A new database cannot be made in {self.base} (initdb {failure}).", log_start)
            draft.rename(self.data)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _set_incomplete_aside(self) -> None:
        """Move a data directory that no server ever ran on out of the way; refuse one that may hold data."""
        if not self.data.exists():
            return
        user_databases = [each for each in self.data.glob("base/*") if each.name.isdigit() and int(each.name) >= 16384]
        if user_databases or (self.data / "global" / "pg_control").exists():
            raise EmbeddedServerError(
                f"The data directory {self.data} is damaged: PG_VERSION or global/pg_control is missing.",
                hint="Restore it from a backup, or move it away to start with an empty database.",
            )
        if any(self.data.iterdir()):
            self.data.rename(self.base / f"data.incomplete-{time.time_ns()}")
        else:
            self.data.rmdir()

    def _require_version(self, install: Path) -> None:
        found, ours = self.major_version(), major_version(install)
        if found != ours:
            raise EmbeddedServerError(
                f"The data directory {self.data} was written by PostgreSQL {found};"
                f" this qgen brings PostgreSQL {ours}.",
                hint=(
                    "Nothing was changed. Dump it with the qgen version that made it and load the dump here, or move"
                    f" the folder away to start with an empty database. {OTHER_SERVER_HINT}"
                ),
            )

    def _clear_leftovers(self, directory: Path) -> None:
        """Remove what a killed server leaves. Safe only because the claim proves that none of its processes lives.

        PostgreSQL would not start over these files when their pid number belongs to another program by now.
        """
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
            (directory / name).unlink(missing_ok=True)

    def _launch(self, install: Path, directory: Path, account: Account | None, claim: int) -> int:
        """Start the postmaster as a child of init, out of reach of our terminal; the offset of its log."""
        server = [str(install / "bin" / "postgres"), "-D", str(self.data), "-k", str(directory), "-p", str(PORT)]
        server += ["-c", "listen_addresses=", "-c", "unix_socket_permissions=0700"]
        # The shell goes away at once, so that the server is never a zombie of ours; it sees no path but as "$@".
        command = ["/bin/sh", "-c", '"$@" &', "sh", *server]
        self.log.rotate()
        with self.log.open() as log:
            log_start = log.tell()
            failure = self._run(command, account, claim, log, timeout=10.0)
        if failure:
            raise self.log.failure(f"PostgreSQL cannot be started in {self.base} (the shell {failure}).", log_start)
        return log_start

    def _await_ready(self, log_start: int, deadline: float) -> None:
        while True:
            probe = self.probe()
            if probe.answer is Answer.READY:
                return
            if self._is_free():
                failure = self.log.failure(f"PostgreSQL did not start in {self.base}.", log_start)
                raise _ServerEnded(failure.message, hint=failure.hint)
            if time.monotonic() > deadline:
                error = self.log.failure(
                    f"PostgreSQL has not finished starting in {self.base} ({probe.detail}).", log_start
                )
                error.hint = "It goes on in the background: wait and try again, or end it with `qgen db stop`."
                raise error
            time.sleep(_PAUSE)

    def _run(self, command: list[str], account: Account | None, claim: int, log: IO[bytes], timeout: float) -> str:
        """Run a program as the server's account; what went wrong, or an empty string."""
        # A short list, not our environment: that holds API keys, and variables like PGDATA that would interfere.
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.base), "LC_ALL": "C"}
        try:
            done = subprocess.run(
                command,
                cwd=self.base,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(claim,),
                # Ctrl-C in our terminal must not reach the server.
                start_new_session=True,
                umask=0o077,
                timeout=timeout,
                check=False,
                **(account.popen_options() if account else {}),
            )
        except subprocess.TimeoutExpired:
            return f"took longer than {timeout:.0f} s"
        except OSError as error:
            return f"cannot be run: {error.strerror or error}"
        return f"ended with {done.returncode}" if done.returncode else ""
