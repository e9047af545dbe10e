"""GNU Backgammon as a process: positions in, evaluated plays out.

Here: finding the program, starting it, talking to the script inside it (`gnubg_driver.py`), and what can go wrong. Not
here: which positions are worth asking about (`mining.py`) and what answers mean for a drill (`verify.py`).

One process answers any number of requests, each under its own time limit. A process that crashed or hung is ended, the
request fails with a typed error, and the next request starts a new one.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import shutil
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from qgen_dagster.config.paths import typed_path
from qgen_dagster.core.drills import Candidate, Evaluation
from qgen_dagster.core.errors import ConfigurationError, QgenError
from qgen_dagster.drills.board import BadPosition, Board, from_position_id, position_id_of
from qgen_dagster.drills.notation import format_play, parse_play
from qgen_dagster.drills.plays import legal_plays

DRIVER = Path(__file__).with_name("gnubg_driver.py")
MARK = b"@qgen "
USUAL_PLACES = ("/usr/games", "/usr/local/games", "/usr/local/bin", "/opt/homebrew/bin", "/opt/local/bin")
OLDEST, TOO_NEW = (1, 6), (2, 0)
INSTALL = "Install it (Debian and Ubuntu: apt install gnubg) or set QGEN_GNUBG to the program."
OPTIONS = ("--tty", "--quiet", "--no-rc")
REQUEST_SECONDS = 60.0
START_SECONDS = 30.0
CHANCES = ("win", "win_gammon", "win_backgammon", "lose_gammon", "lose_backgammon")


class EngineError(QgenError):
    """GNU Backgammon gave no usable answer."""


class EngineMissing(EngineError, ConfigurationError):
    """The program is not installed, or not where QGEN_GNUBG says."""

    exit_code = ConfigurationError.exit_code


class EngineVersion(EngineError):
    """The program is there, but is another one or a version that is not known to work."""


class EngineHung(EngineError):
    """No answer within the time limit; the process was ended."""


class EngineCrashed(EngineError):
    """The process ended in the middle of a request, or did not start properly."""


class EngineRefused(EngineError):
    """The program answered that it cannot do this, or with something that is not legal backgammon."""


@dataclass(frozen=True, slots=True)
class Program:
    """A usable GNU Backgammon: where it is and which version."""

    path: Path
    version: str

    @property
    def name(self) -> str:
        return f"gnubg {self.version}"


@dataclass(frozen=True, slots=True)
class Prospects:
    """A position before the roll, for the player on roll: chances 0–1 as in `Candidate`, equity with the cube."""

    win: float
    win_gammon: float
    win_backgammon: float
    lose_gammon: float
    lose_backgammon: float
    equity: float


@dataclass(frozen=True, slots=True)
class Decision:
    """A roll that somebody had to play in a game, and the player's own count of turns, 1 for the first."""

    board: Board
    dice: tuple[int, int]
    move_number: int


def find_program(chosen: str | None = None, environ: Mapping[str, str] | None = None) -> Program:
    """GNU Backgammon at `chosen` (QGEN_GNUBG), else on the PATH, else in the usual places, which a PATH often lacks.

    Raises EngineMissing, EngineVersion, EngineHung.
    """
    if chosen:
        path = typed_path(chosen)
        if not (path.is_file() and os.access(path, os.X_OK)):
            raise EngineMissing(f"QGEN_GNUBG: {chosen} is not a program that can be run", hint=INSTALL)
        return Program(path, _version(path))
    search = (os.environ if environ is None else environ).get("PATH", os.defpath)
    found = shutil.which("gnubg", path=os.pathsep.join([search, *USUAL_PLACES]))
    if found is None:
        raise EngineMissing("GNU Backgammon (gnubg) is not installed", hint=INSTALL)
    return Program(Path(found), _version(Path(found)))


def _version(path: Path) -> str:
    try:
        shown = subprocess.run([path, "--version"], capture_output=True, timeout=START_SECONDS, check=False, text=True)
    except subprocess.TimeoutExpired as error:
        raise EngineHung(f"{path} --version did not end within {START_SECONDS:.0f} s") from error
    except (OSError, UnicodeDecodeError) as error:
        raise EngineCrashed(f"{path} cannot be run: {error}") from error
    match = re.search(r"GNU Backgammon (\d+)\.(\d+)(\S*)", shown.stdout)
    if match is None:
        raise EngineVersion(f"{path} does not say that it is GNU Backgammon", hint=INSTALL)
    version = "".join([match[1], ".", match[2], match[3]])
    if not OLDEST <= (int(match[1]), int(match[2])) < TOO_NEW:
        raise EngineVersion(
            f"{path} is GNU Backgammon {version}",
            hint=f"Versions from {OLDEST[0]}.{OLDEST[1]:02} to below {TOO_NEW[0]}.0 are known to work.",
        )
    return version


class Gnubg:
    """A running GNU Backgammon. Use it as a context manager, from one thread.

    `plies` of look-ahead (2 is the level of a strong player); the `breadth` plays that look best at first glance are
    evaluated so deeply, and up to 8 more that come close. The settings are fixed (no noise, one thread), so the same
    version gives the same numbers again.
    """

    def __init__(
        self,
        program: Program,
        *,
        plies: int = 2,
        breadth: int = 12,
        request_seconds: float = REQUEST_SECONDS,
        start_seconds: float = START_SECONDS,
    ) -> None:
        if not 0 <= plies <= 4:
            raise ConfigurationError(f"plies must be 0 to 4, got {plies}")
        self.program = program
        self.plies = plies
        self.breadth = breadth
        self._request_seconds = request_seconds
        self._start_seconds = start_seconds
        self._process: _Process | None = None

    def __enter__(self) -> Gnubg:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process, if there is one. A later request starts a new one."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def analyse(self, board: Board, dice: tuple[int, int], *, plies: int | None = None) -> Evaluation:
        """The plays of a roll that were evaluated at full depth, best first; no candidates when none is legal.

        Raises EngineError; EngineRefused also when a play in the answer is not legal.
        """
        depth = self.plies if plies is None else plies
        request = {"do": "analyse", "position": position_id_of(board), "dice": dice, "plies": depth}
        answer = self._ask(request | {"breadth": self.breadth})
        plays = legal_plays(board, dice)
        try:
            candidates = [
                _candidate(format_play(parse_play(text, board, dice, plays)), equity, chances)
                for text, equity, chances, reached in answer
                if reached == depth
            ]
        except (BadPosition, ValueError, TypeError) as error:
            raise EngineRefused(f"GNU Backgammon's answer cannot be used: {error}") from error
        if len(plays) != len(answer):
            raise EngineRefused(f"GNU Backgammon finds {len(answer)} legal plays where there are {len(plays)}")
        candidates.sort(key=lambda candidate: -candidate.equity)
        return Evaluation(
            engine=self.program.name, plies=depth, cubeful=True, legal_plays=len(plays), candidates=tuple(candidates)
        )

    def prospects(self, board: Board, *, plies: int | None = None) -> Prospects:
        """The chances and the equity of the player on roll, before the roll. Raises EngineError."""
        depth = self.plies if plies is None else plies
        answer = self._ask({"do": "evaluate", "position": position_id_of(board), "plies": depth})
        try:
            chances = dict(zip(CHANCES, map(float, answer["chances"]), strict=True))
            return Prospects(**chances, equity=float(answer["equity"]))
        except (KeyError, TypeError, ValueError) as error:
            raise EngineRefused(f"GNU Backgammon's answer cannot be used: {error!r}") from error

    def decisions(self, match_file: Path) -> list[Decision]:
        """The rolls played in a match file of any kind that the program imports. Raises EngineError."""
        suffix = match_file.suffix.lower()
        if not re.fullmatch(r"\.[a-z0-9]{2,4}", suffix):
            raise EngineRefused(f"{match_file}: not the name of a match file (.mat, .sgf, .txt, …)")
        process = self._started()
        try:
            shutil.copyfile(match_file, process.folder / f"match{suffix}")
        except OSError as error:
            raise EngineRefused(f"{match_file}: cannot be read: {error}") from error
        answer = self._ask({"do": "match", "file": f"match{suffix}"})
        try:
            decisions = [
                Decision(from_position_id(identity), (max(one, two), min(one, two)), (turn + 1) // 2)
                for identity, one, two, turn in answer
            ]
        except (BadPosition, TypeError, ValueError) as error:
            raise EngineRefused(f"{match_file}: GNU Backgammon's answer cannot be used: {error}") from error
        if not decisions:
            raise EngineRefused(f"{match_file}: GNU Backgammon finds no game in it")
        return decisions

    def _started(self) -> _Process:
        if self._process is None:
            self._process = _Process(self.program, self._start_seconds)
        return self._process

    def _ask(self, request: Mapping[str, Any]) -> Any:
        process = self._started()
        try:
            answer = process.ask(request, self._request_seconds)
        except EngineError:
            self.close()
            raise
        if "error" in answer:
            raise EngineRefused(f"GNU Backgammon refused: {answer['error']}")
        if "result" not in answer:
            raise EngineRefused("GNU Backgammon's answer is not of the form that was asked for")
        return answer["result"]


def _candidate(play: str, equity: float, chances: list[float]) -> Candidate:
    rounded = {name: round(min(1.0, max(0.0, value)), 4) for name, value in zip(CHANCES, chances, strict=True)}
    return Candidate(play=play, equity=round(equity, 4), **rounded)


class _Process:
    """One process with the driver inside, in a folder of its own that goes with it."""

    def __init__(self, program: Program, start_seconds: float) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="qgen-gnubg-", ignore_cleanup_errors=True)
        self.folder = Path(self._home.name)
        self._said: deque[str] = deque(maxlen=8)
        self._rest = b""
        # Numbers are written with a point, and nobody's own settings are read.
        environment = {"HOME": str(self.folder), "LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath)}
        arguments = [str(program.path), *OPTIONS, "--prefsdir", str(self.folder), "--python", str(DRIVER)]
        try:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            self._home.cleanup()
            raise EngineCrashed(f"{program.path} cannot be started: {error}") from error
        assert self._process.stdin is not None  # noqa: S101 - both are pipes
        assert self._process.stdout is not None  # noqa: S101
        self._in, self._out = self._process.stdin, self._process.stdout
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)
        try:
            self._answer(start_seconds, "to start")
        except EngineError:
            self.end()
            raise

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        try:
            self._in.write(json.dumps(request).encode() + b"\n")
            self._in.flush()
        except OSError as error:
            raise EngineCrashed(f"GNU Backgammon has ended{self._last_words()}") from error
        return self._answer(seconds, "to answer")

    def end(self) -> None:
        """Ends the process in any case and removes its folder."""
        with suppress(OSError):
            self._in.close()
        try:
            self._process.wait(0.5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._selector.close()
        self._out.close()
        self._home.cleanup()

    def _answer(self, seconds: float, purpose: str) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while True:
            line, found, rest = self._rest.partition(b"\n")
            if found:
                self._rest = rest
                if line.startswith(MARK):
                    return self._parsed(line)
                self._said.append(line.decode("utf-8", "replace").strip())
                continue
            left = deadline - time.monotonic()
            if left <= 0 or not self._selector.select(left):
                raise EngineHung(f"GNU Backgammon took more than {seconds:g} s {purpose} and was ended")
            piece = os.read(self._out.fileno(), 65_536)
            if not piece:
                raise EngineCrashed(f"GNU Backgammon ended without an answer{self._last_words()}")
            self._rest += piece

    @staticmethod
    def _parsed(line: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(line.removeprefix(MARK))
        except ValueError as error:
            raise EngineCrashed("GNU Backgammon's answer is cut off") from error
        if not isinstance(answer, dict):
            raise EngineCrashed("GNU Backgammon's answer is not of the form that was asked for")
        return answer

    def _last_words(self) -> str:
        said = " | ".join(text for text in self._said if text)
        return f"; it last said: {said[-300:]}" if said else ""
