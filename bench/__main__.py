"""All benchmarks at their tiny size, one after the other, and one table: `python -m bench`.

Each runs in a process of its own, so that none warms or burdens the next. All of them take most of
an hour on two cores.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.harness import ROOT, Figure, parser, report

# A row per benchmark: its module, and the question it answers.
BENCHES = {
    "start": "how long until the server, the page, the worker and the first picture are there?",
    "page": "how soon is the page ready, and how does it react?",
    "load": "what do time and memory of a load come to?",
    "canvas": "does a large picture stay fluid under the brush?",
    "switches": "is memory flat over switches of checkpoints, and what do they cost?",
    "soak": "is memory flat over many jobs of all kinds?",
    "api": "what do many clients and a poll cost?",
    "builtin_quality": "does the built-in model draw what it is asked for?",
    "host": "what does Easel cost around networks that compute nothing?",
    "against_diffusers": "how fast is a picture beside diffusers and the bare networks?",
    "determinism": "does the same request give the same bytes?",
    "batches": "what does a batch gain?",
}


def main() -> int:
    options = parser(__doc__)
    options.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    given = options.parse_args()
    if unknown := set(given.names) - set(BENCHES):
        options.error(f"there is no {', '.join(sorted(unknown))}: choose from {', '.join(BENCHES)}")
    figures: list[Figure] = []
    failed: list[str] = []
    for name in given.names or BENCHES:
        print(f"{name}: {BENCHES[name]}", file=sys.stderr, flush=True)
        began = time.monotonic()
        found = _figures_of(name, ["--full-size"] if given.full_size else [], given.pairs)
        print(
            f"{name}: took {(time.monotonic() - began) / 60:.1f} min", file=sys.stderr, flush=True
        )
        figures += found
        if not found:
            failed.append(name)
    report(figures, given.json)
    if failed:
        print(f"no figures came from {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _figures_of(name: str, flags: list[str], pairs: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figures.json"
        command = [sys.executable, "-m", f"bench.{name}", "--json", str(path), *flags]
        command += ["--pairs", str(pairs)]
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
        return read_figures(path, name) if path.is_file() else []


def read_figures(path: Path, bench: str) -> list[Figure]:
    """What a benchmark wrote; each name begins with the benchmark's."""
    rows = json.loads(path.read_text(encoding="utf-8"))["figures"]
    for row in rows:
        del row["ok"]
        row["name"] = f"{bench}: {row['name']}"
    return [Figure(**row) for row in rows]


if __name__ == "__main__":
    sys.exit(main())
