"""Read the decoder's load from large access logs of proxies, as whole processes.

    python benchmarks/read_access_logs.py [--requests 1000000] [--before CHECKOUT/src]

Writes a log of a million requests as nginx and as an AWS load balancer would, and
measures reading each of them. With `--before` another version of the sources reads them
in turns, and the ratio is told.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

PROGRAM = """
import sys
import bucketwise
evidence = bucketwise.read_evidence([sys.argv[1]])
assert evidence.samples - evidence.rejected == int(sys.argv[2]), evidence.rejections
"""

START = "make_timestamp(1790812800000000 + range * 250000)"
TOOK = "CAST(200000 + 3000000 * random() * random() AS BIGINT)"
LINES = {
    "nginx": """'10.0.1.' || range % 200 || ' - - ['
        || strftime(start + to_microseconds(took), '%d/%b/%Y:%H:%M:%S')
        || ' +0000] "POST /v1/chat/completions HTTP/1.1" 200 2326 "-" '
        || '"OpenAI/Python 1.46.1" ' || printf('%.3f', took / 1e6) || ' 10.0.2.'
        || range % 4 || ':8000 ' || printf('%.3f', took / 1e6)""",
    "ALB": """'https ' || strftime(start + to_microseconds(took), '%Y-%m-%dT%H:%M:%S.%fZ')
        || ' app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.'
        || range % 4 || ':80 0.086 0.048 0.037 200 200 0 57 "POST '
        || 'https://www.example.com:443/v1/chat/completions HTTP/1.1" "curl/7.46.0" '
        || 'ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:'
        || '123456789012:targetgroup/my-targets/73e2d6bc24d8a067 '
        || '"Root=1-58337281-1d84f3d73c47ec4e58577259" "www.example.com" '
        || '"arn:aws:acm:us-east-2:123456789012:certificate/12345678" 1 '
        || strftime(start, '%Y-%m-%dT%H:%M:%S.%fZ') || ' "forward" "-" "-" "10.0.0.'
        || range % 4 || ':80" "200" "-" "-"'""",
}


def write_logs(folder: Path, requests: int) -> dict[str, Path]:
    duckdb.execute("SET enable_progress_bar = false")
    paths = {}
    for name, line in LINES.items():
        paths[name] = folder / f"{name}.log"
        rows = f"SELECT range, {START} AS start, {TOOK} AS took FROM range({requests})"
        duckdb.execute(
            f"COPY (SELECT {line} FROM ({rows})) TO '{paths[name]}' "
            "(FORMAT csv, HEADER false, DELIMITER '\x01', QUOTE '', ESCAPE '')"
        )
    return paths


def measure(
    path: Path, requests: int, source: str | None
) -> tuple[float, float, float]:
    """Return the seconds, the processor seconds and the MB that one process takes."""
    environment = dict(os.environ)
    if source:
        environment["PYTHONPATH"] = source
    start = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, path, str(requests)], env=environment
    )
    _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"the run failed with status {status}")
    took_s = time.perf_counter() - start
    return took_s, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--before", help="the sources to compare with")
    options = parser.parse_args()
    sources = (
        {"before": options.before, "now": None} if options.before else {"now": None}
    )
    with TemporaryDirectory() as folder:
        for name, path in write_logs(Path(folder), options.requests).items():
            print(f"{name}: {path.stat().st_size / 1e6:.0f} MB", flush=True)
            runs = {
                version: [measure(path, options.requests, source)]
                for version, source in sources.items()
            }
            for _ in range(options.repeats - 1):
                for version, source in sources.items():
                    runs[version].append(measure(path, options.requests, source))
            best = {version: min(each) for version, each in runs.items()}
            for version, (took_s, processor_s, peak) in best.items():
                print(
                    f"  {version}: {took_s:.2f} s, {processor_s:.2f} s of processors, "
                    f"peak {peak:.0f} MB"
                )
            if options.before:
                print(
                    f"  ratio {best['before'][0] / best['now'][0]:.1f}, of processors "
                    f"{best['before'][1] / best['now'][1]:.1f}"
                )


if __name__ == "__main__":
    main()
