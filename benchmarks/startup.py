"""How long the quick commands take, as processes, on a running database."""

from __future__ import annotations

from benchmarks.support import home, qgen, typical

RUNS = 10
COMMANDS = (("--help", 0.3), ("inventory", 0.8), ("runs", None), ("plan", None))


def main() -> None:
    with home() as folder:
        qgen("auto-balance", "--count", "18", home=folder)
        print(f"Whole processes, median of {RUNS} (range), database running:\n")
        print("| command | wall clock | goal |")
        print("|---|---|---|")
        for command, goal in COMMANDS:
            arguments = ["runs", "list"] if command == "runs" else [command]
            times = [qgen(*arguments, home=folder).seconds for _ in range(RUNS)]
            print(f"| `qgen {' '.join(arguments)}` | {typical(times)} | {f'{goal} s' if goal else '–'} |")


if __name__ == "__main__":
    main()
