"""What is shown while a run goes on."""

from __future__ import annotations

import io
import threading

from rich.console import Console

from qgen_dagster.cli.progress import MOST_PLAIN_LINES, LiveProgress, PlainProgress
from qgen_dagster.core.progress import ProgressEvent


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def generated(group: str, done: int, total: int = 50) -> ProgressEvent:
    return ProgressEvent("Generated", group, done, total, batch=-(-done // 5), batches=-(-total // 5))


def drawn(progress: LiveProgress, *, width: int = 80, height: int = 24) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(progress)
    return captured.get().rstrip("\n").split("\n")


def test_a_stratum_is_told_by_the_sentence_of_the_specification() -> None:
    progress = LiveProgress(print)
    progress(generated("math__hard", 15))
    assert any("Generated 15/50 questions (batch 3/10)" in line for line in drawn(progress))


def test_18_strata_fit_on_a_small_terminal_with_a_line_for_the_whole() -> None:
    progress = LiveProgress(print)
    for number in range(18):
        progress(generated(f"type_{number}__medium", 15))
    lines = drawn(progress)
    assert len(lines) <= 24
    assert max(len(line) for line in lines) <= 80
    assert sum("Generated 15/50" in line for line in lines) == 18
    assert "Generated 270/900 questions in 18 strata" in lines[-1]


def test_a_thousand_strata_collapse_to_those_at_work() -> None:
    progress = LiveProgress(print)
    for number in range(1_000):
        progress(generated(f"a_type_with_quite_a_long_name_{number:04d}__a_level", 50 if number < 960 else 5))
    lines = drawn(progress)
    assert len(lines) <= 24
    assert max(len(line) for line in lines) <= 80
    assert not any("50/50" in line for line in lines)
    assert any("more" in line for line in lines)


def test_a_narrow_terminal_loses_bars_but_wraps_nothing() -> None:
    progress = LiveProgress(print)
    progress(generated("pattern_recognition__medium", 15, 5_000))
    assert max(len(line) for line in drawn(progress, width=40)) <= 40


def test_plain_progress_is_a_line_when_a_stratum_ends_a_stage() -> None:
    lines: list[str] = []
    progress = PlainProgress(lines.append, Clock())
    for done in range(5, 55, 5):
        progress(generated("math__hard", done))
    assert lines == ["math__hard: Generated 50/50 questions (batch 10/10)"]


def test_plain_progress_tells_the_whole_every_few_seconds() -> None:
    lines: list[str] = []
    clock = Clock()
    progress = PlainProgress(lines.append, clock)
    for second in range(12):
        clock.now = float(second)
        progress(generated("math__hard", second + 1))
        progress(generated("math__easy", second + 1))
    assert lines == [
        "Generated 11/100 questions in 2 strata",
        "Generated 21/100 questions in 2 strata",
    ]


def test_a_thousand_strata_never_make_a_thousand_lines() -> None:
    lines: list[str] = []
    progress = PlainProgress(lines.append, Clock())
    for stage in ("Generated", "Judged", "Deduplicated", "Inserted"):
        for number in range(1_000):
            progress(ProgressEvent(stage, f"s{number}", 5, 5))
    progress.close()
    assert len(lines) <= MOST_PLAIN_LINES + 10
    assert lines[-1] == "Inserted 5,000/5,000 questions in 1,000 strata"
    assert "Judged 5,000/5,000 questions in 1,000 strata" in lines


def test_events_of_many_threads_are_all_counted() -> None:
    progress = LiveProgress(print)

    def work(number: int) -> None:
        for done in range(1, 51):
            progress(generated(f"s{number}", done))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert progress.summary() == ["Generated 400/400 questions in 8 strata"]
