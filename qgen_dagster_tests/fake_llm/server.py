"""Running the server: within a test, or as a process of its own.

Here: `serve`, `FakeLlm`, `FakeLlmProcess`. Not here: the command line (`__main__.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
import traceback
import urllib.request
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Protocol, Self

from .anthropic_wire import AnthropicWire
from .batches import JobBook
from .control import Control
from .desk import Desk
from .faults import Fault
from .google_wire import GoogleWire
from .openai_wire import OpenAiWire
from .settings import Settings, environment
from .stats import Stats
from .transport import Connection, Reply, Request

FaultLike = Fault | str | Mapping[str, Any]
READY = "fake LLM server on "


class _Route(Protocol):
    async def handle(self, request: Request, path: str) -> Reply: ...


class App:
    """Hands each request to whom it is meant for, by the first part of its path."""

    def __init__(self, settings: Settings, faults: Iterable[Fault]) -> None:
        desk = Desk(settings, faults)
        book = JobBook(desk)
        self._control = Control(desk, book)
        self._wires: dict[str, _Route] = {
            "openai": OpenAiWire("openai", desk, book),
            "xai": OpenAiWire("xai", desk, book),
            "compatible": OpenAiWire("compatible", desk, book),
            "anthropic": AnthropicWire(desk, book),
            "google": GoogleWire(desk, book),
        }

    async def handle(self, request: Request) -> Reply:
        """Answers a request, whatever it is."""
        mount, _, rest = request.path.lstrip("/").partition("/")
        try:
            wire = self._wires.get(mount)
            return await wire.handle(request, f"/{rest}") if wire else self._control.handle(request)
        except Exception as error:
            # A fault of this server's own, not one of those that it plays.
            traceback.print_exc()
            return Reply.of(599, {"error": f"the fake server failed: {error!r}"})


@asynccontextmanager
async def serve(settings: Settings, faults: Iterable[Fault], host: str, port: int) -> AsyncIterator[str]:
    """Serves while the context is open; yields the URL. Port 0 takes a free one."""
    app = App(settings, faults)
    connections: set[Connection] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(app.handle, connections), host, port, backlog=1024)
    try:
        yield f"http://{host}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for connection in list(connections):
            connection.cut()


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Runs to the end, on the faster loop where there is one."""
    new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    with contextlib.suppress(ImportError):
        import uvloop

        new_loop = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(coroutine)


class _Handle:
    """How a test speaks to a running server."""

    url: str

    @property
    def env(self) -> dict[str, str]:
        """The variables that make the SDKs speak to it."""
        return environment(self.url)

    @property
    def stats(self) -> Stats:
        """What was asked and answered so far."""
        return Stats.of(self._ask("GET", "/_stats"))

    def script(self, *faults: FaultLike, **changes: Any) -> None:
        """Sets the faults (none: nothing goes wrong any more) and, where named, settings and `hold`, `advance`."""
        self.control(faults=[_as_json(fault) for fault in faults], **changes)

    def control(self, **changes: Any) -> None:
        """Changes what is named: settings, `faults`, `add_faults`, `hold`, `advance`. Raises ValueError."""
        self._ask("POST", "/_control", changes)

    def hold(self) -> None:
        """Lets no reply out until `release`."""
        self.control(hold=True)

    def release(self) -> None:
        """Lets out what was held."""
        self.control(hold=False)

    def advance(self, seconds: float) -> None:
        """Moves the clock of batch jobs on."""
        self.control(advance=seconds)

    def reset(self) -> None:
        """Counts from zero again."""
        self._ask("POST", "/_reset", {})

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, method=method)  # noqa: S310 - our own URL
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
                return json.load(reply)
        except urllib.error.HTTPError as error:
            raise ValueError(json.load(error)["error"]) from None


class FakeLlm(_Handle):
    """The server in a thread, for as long as the context is open. Settings are those of `Settings`."""

    def __init__(self, faults: Iterable[FaultLike] = (), *, port: int = 0, **settings: Any) -> None:
        self._faults = [Fault.of(fault) for fault in faults]
        self._settings = Settings()
        self._settings.update(settings)
        self._port = port
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._problem: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="fake-llm", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._problem:
            raise self._problem
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop and self._stop:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        try:
            run(self._serve())
        except BaseException as error:
            self._problem = error
            self._started.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serve(self._settings, self._faults, "127.0.0.1", self._port) as self.url:
            self._started.set()
            await self._stop.wait()


class FakeLlmProcess(_Handle):
    """The server as a process of its own, for as long as the context is open; `arguments` are its command line's."""

    def __init__(self, *arguments: str) -> None:
        self._command = [sys.executable, "-m", "qgen_dagster_tests.fake_llm", *arguments]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line.startswith(READY):
            self._process.kill()
            raise RuntimeError(f"the server did not start: {line!r}")
        self.url = line.removeprefix(READY).split()[0]
        return self

    @property
    def pid(self) -> int:
        """Its process id, for measuring it."""
        return self._process.pid

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)
        if self._process.stdout:
            self._process.stdout.close()


def _as_json(fault: FaultLike) -> Any:
    if not isinstance(fault, Fault):
        return fault
    return {name: getattr(fault, name) for name in Fault.__dataclass_fields__ if name not in ("seen", "fired")}
