"""Empty bank to 900 inserted questions with the procedural provider; the database's cold start is not counted."""

from __future__ import annotations

import json

from benchmarks.support import home, qgen, typical

RUNS = 3


def main() -> None:
    seconds, reports, peak = [], [], 0.0
    for _ in range(RUNS):
        with home() as folder:
            qgen("db", "upgrade", home=folder)
            done = qgen("auto-balance", "--fill", "--json", home=folder)
        seconds.append(done.seconds)
        peak = max(peak, done.megabytes)
        reports.append(json.loads(done.stdout))
    inserted = {report["funnel"]["inserted"] for report in reports}
    print(f"`qgen auto-balance --fill` on an empty bank, {RUNS} times, the whole process with its imports:\n")
    print("| inserted | wall clock | of that, the run | peak memory |")
    print("|---|---|---|---|")
    runs = typical([report["duration_seconds"] for report in reports])
    print(f"| {', '.join(map(str, inserted))} | {typical(seconds)} | {runs} | {peak:.0f} MB |")
    print("\nGoal: under 15 s and 400 MB on 2 cores.")


if __name__ == "__main__":
    main()
