"""Time `bucketwise analyze` on the sample of 1,951 screenshots, as whole processes.

    python benchmarks/analyze_sample.py [--runs 5]

Tells processor seconds (user and system) until the decision stands on the terminal, until
all files are written, and of what goes with them.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

SAMPLES = Path(__file__).parent.parent / "sample_traffic"
TRAFFIC = str(SAMPLES / "docs_screenshots.csv")
MODEL = ("--model", "qwen3-vl-2b", "--current", "1024,3136,16384")
ACTIVITY = (
    *("--activity", str(SAMPLES / "azure_conversations.csv.gz")),
    *("--batch-size", "8"),
)
COMMANDS = {
    "--help": ("--help",),
    "the plan alone": ("analyze", TRAFFIC, *MODEL, "--format", "none"),
    "all files": ("analyze", TRAFFIC, *MODEL),
    "all files, with the decoder": ("analyze", TRAFFIC, *MODEL, *ACTIVITY),
    "all files and a page of A4": ("analyze", TRAFFIC, *MODEL, "--format", "html,pdf"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    for name, words in COMMANDS.items():
        took = sorted(processor_s(words) for _ in range(runs))
        print(f"{name}: {median(took):.2f} s of processors, {took[0]:.2f} at the least")


def processor_s(words: tuple[str, ...]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with TemporaryDirectory() as folder:
        out = ("--out", f"{folder}/out") if words[0] == "analyze" else ()
        command = [sys.executable, "-m", "bucketwise", *words, *out]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
