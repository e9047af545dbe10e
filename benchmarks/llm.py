"""Language models on the local server: how near the chain comes to calls × latency / concurrency.

The server is a process of its own; the chain runs in this one without Dagster, whose share `overhead` measures. The
bare SDK makes as many calls of the same size beside it: what remains when nothing is judged, kept or counted.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from benchmarks.support import home
from qgen_dagster.config.llm import PACKAGED
from qgen_dagster.config.settings import Settings
from qgen_dagster.services import inventory
from qgen_dagster.services.database import open_bank
from qgen_dagster.services.deduplicate import deduplicate
from qgen_dagster.services.generate import generate
from qgen_dagster.services.insert import insert
from qgen_dagster.services.judge import judge
from qgen_dagster.services.options import RunOptions
from qgen_dagster.services.runs import run_session
from qgen_dagster.services.work import make_work
from qgen_dagster_tests.fake_llm import FakeLlmProcess

QUESTIONS = 500
CONCURRENT = 50
ONE_PROVIDER = ("OPENAI_API_KEY", "OPENAI_BASE_URL")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run: seconds of wall clock and CPU of this process, calls that the server counted, how many it rejected."""

    seconds: float
    cpu: float
    calls: int
    rejected: int
    inserted: int


def chain(server: FakeLlmProcess, questions: int, *, limits: dict[str, Any], only: tuple[str, ...] = ()) -> Outcome:
    """Makes, judges, solves, deduplicates and inserts questions on an empty bank."""
    server.reset()
    with home() as folder, tempfile.TemporaryDirectory() as files:
        environment = {n: v for n, v in server.env.items() if n in only or not (only or n.startswith("QGEN_"))}
        settings = replace(
            Settings(home=folder, models_file=_models(Path(files), limits)), provider_environment=environment
        )
        options = RunOptions(count=questions, evenly=True, max_concurrent=CONCURRENT)
        with open_bank(settings) as bank:
            work = make_work(bank, settings, options, uuid4())
            begun, cpu = time.perf_counter(), _cpu()
            with run_session(work, judges_along=True) as session:
                generate(session, inventory.plan_run(work))
                for stage in (judge, deduplicate, insert):
                    stage(session, work.strata, session.enter(work.strata))
                seconds, used = time.perf_counter() - begun, _cpu() - cpu
            with bank.begin() as tx:
                inserted = tx.exec_driver_sql("SELECT count(*) FROM questions").scalar_one()
    providers = server.stats.providers.values()
    return Outcome(
        seconds, used, sum(p.calls for p in providers), sum(p.statuses.get("429", 0) for p in providers), inserted
    )


def bare_sdk(server: FakeLlmProcess, calls: int) -> float:
    """Seconds that OpenAI's SDK alone takes for so many small calls."""
    import openai

    prompt = "Task: solve\n\n<question>\nQuestion: What is 1 + 1?\nA) 1\nB) 2\nC) 3\nD) 4\n</question>\n"

    async def everything() -> float:
        client = openai.AsyncOpenAI(api_key="any", base_url=server.env["OPENAI_BASE_URL"], max_retries=0, timeout=60)
        places = asyncio.Semaphore(CONCURRENT)

        async def one() -> None:
            async with places:
                await client.chat.completions.create(
                    model="gpt-5.4-mini", messages=[{"role": "user", "content": prompt}]
                )

        begun = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(calls)))
        seconds = time.perf_counter() - begun
        await client.close()
        return seconds

    return asyncio.run(everything())


def main() -> None:
    gc.set_threshold(200_000)  # as the command line does
    unlimited = {"max_concurrent": 200}
    print(
        f"{QUESTIONS} questions made, solved blind by two, judged, compared and inserted, {CONCURRENT} calls at once;"
    )
    print("the ideal is calls × latency / concurrency:\n")
    print("| latency | calls | ideal | the chain | ratio | goal | bare SDK, as many calls | CPU per call | inserted |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for latency, goal in ((1.0, 1.15), (0.2, 1.5)):
        with _server("--latency", str(latency)) as server:
            chain(server, 18, limits=unlimited)  # imports the SDKs: a run's start is measured on its own
            done = chain(server, QUESTIONS, limits=unlimited)
            bare = bare_sdk(server, done.calls)
        ideal = done.calls * latency / CONCURRENT
        print(
            f"| {latency} s | {done.calls:,} | {ideal:.1f} s | {done.seconds:.1f} s | {done.seconds / ideal:.2f} | "
            f"{goal} | {bare:.1f} s ({bare / ideal:.2f}) | {1000 * done.cpu / done.calls:.1f} ms | {done.inserted} |"
        )
    print("\nOne provider (OpenAI), 200 ms:\n")
    print("| | calls | rejected | ideal | the chain | ratio | goal |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    with _server("--latency", "0.2", "--rate", "100") as server:
        done = chain(server, QUESTIONS, limits={"max_concurrent": 200, "requests_per_minute": 6_000}, only=ONE_PROVIDER)
    _print_row("a bucket of 100 requests a second", done, done.calls / 100, 1.10)
    with _server("--latency", "0.2", "--fault", "429:0.1:retry_after=1") as server:
        done = chain(server, QUESTIONS, limits=unlimited, only=ONE_PROVIDER)
    _print_row("one reply in ten a 429, Retry-After 1", done, (done.calls - done.rejected) * 0.2 / CONCURRENT, 2.6)
    print("\nThe goal for the bucket is also under 1 % rejected.")
    _print_memory(unlimited)


def _print_row(name: str, done: Outcome, ideal: float, goal: float) -> None:
    print(
        f"| {name} | {done.calls:,} | {done.rejected} ({done.rejected / done.calls:.1%}) | {ideal:.1f} s | "
        f"{done.seconds:.1f} s | {done.seconds / ideal:.2f} | {goal} |"
    )


def _print_memory(limits: dict[str, Any]) -> None:
    print("\nMemory of the process as runs grow, no latency (goal: flat):\n")
    print("| questions | calls | seconds | CPU per call | peak memory |")
    print("|--:|--:|--:|--:|--:|")
    with _server() as server:
        for questions in (QUESTIONS, 20_000):
            done = chain(server, questions, limits=limits)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            each = 1000 * done.cpu / done.calls
            print(f"| {questions:,} | {done.calls:,} | {done.seconds:.0f} | {each:.1f} ms | {peak:.0f} MB |")


def _models(folder: Path, limits: dict[str, Any]) -> Path:
    """models.yaml with these limits for every provider."""
    data: dict[str, Any] = yaml.safe_load((PACKAGED / "models.yaml").read_text())
    data["providers"] = dict.fromkeys(data["providers"], limits)
    path = folder / "models.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


@contextmanager
def _server(*arguments: str) -> Iterator[FakeLlmProcess]:
    with FakeLlmProcess("--port", "0", "--warm", "60", "--seed", "1", *arguments) as server:
        yield server


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
