"""What qgen costs in time and memory, measured side by side with its floor where there is one.

Each module prints Markdown; `python -m benchmarks` (`make bench`) runs them and writes benchmarks/README.md. No test
depends on these numbers.
"""
