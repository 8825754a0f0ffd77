"""Record what a real Prometheus says of two replicas that follow a schedule.

python3 record.py, with `prometheus` on the path; it takes two and a half minutes.
"""

import json
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).parent
PROMETHEUS = "http://127.0.0.1:19090"

Level = tuple[int, int | None, int | None]

SCHEDULE: dict[str, list[Level]] = {
    "127.0.0.1:18001": [
        (10, 0, 0),
        (15, 1, 0),
        (20, 3, 0),
        (10, 4, 2),
        (25, 2, 0),
        (10, 0, 0),
        (15, 8, 5),
        (15, 1, 0),
    ],
    "127.0.0.1:18002": [
        (20, 1, 0),
        (20, 2, 0),
        (25, None, None),
        (15, 0, 0),
        (25, 4, 1),
        (15, 2, 0),
    ],
}
"""Seconds, running, waiting of each replica; None while it does not answer."""

LENGTH_S = 120

RUNNING = "vllm:num_requests_running"
WAITING = "vllm:num_requests_waiting"

CONFIGURATION = """
global: {scrape_interval: 1s, scrape_timeout: 900ms}
scrape_configs:
  - job_name: vllm
    static_configs: [{targets: ["127.0.0.1:18001", "127.0.0.1:18002"]}]
"""

PAGE = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} %.1f
# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="m"} %.1f
"""


def level(target: str, since_s: float) -> tuple[int | None, int | None]:
    """Return what a replica holds so many seconds after the start."""
    for seconds, running, waiting in SCHEDULE[target]:
        since_s -= seconds
        if since_s < 0:
            return running, waiting
    return None, None


def exporter(target: str, origin_s: float) -> ThreadingHTTPServer:
    """Return a server that shows the metrics of one replica, as vLLM 0.11 does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            running, waiting = level(target, time.time() - origin_s)
            if running is None:
                self.send_error(503)
                return
            body = (PAGE % (running, waiting)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    host, _, port = target.partition(":")
    return ThreadingHTTPServer((host, int(port)), Handler)


def asked(path: str, **parameters: object) -> str:
    """Return the body of an answer, whatever its status."""
    url = f"{PROMETHEUS}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(url) as answer:  # noqa: S310 - ours
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return error.read().decode()


def record(origin_s: int) -> None:
    """Ask everything the tests need and write the answers as they came."""
    whole = {"start": origin_s, "end": origin_s + LENGTH_S - 1, "step": 1}
    short = {"start": origin_s + 5, "end": origin_s + 40, "step": 1}
    both = f'{{__name__=~"{RUNNING}|{WAITING}"}}'
    answers = {
        "running": asked("query_range", query=RUNNING, **whole),
        "waiting": asked("query_range", query=WAITING, **whole),
        "both": asked("query_range", query=both, **whole),
        "sum": asked("query_range", query=f"sum({RUNNING})", **whole),
        "average": asked("query_range", query=f"avg_over_time({RUNNING}[5s])", **short),
        "nothing": asked("query_range", query="no_such_metric", **short),
        "instant": asked("query", query=RUNNING, time=origin_s + 30),
        "error": asked("query_range", query="sum(", **short),
    }
    for name, text in answers.items():
        (HERE / f"{name}.json").write_text(text + "\n")
    told = {"origin_s": origin_s, "schedule": SCHEDULE}
    (HERE / "schedule.json").write_text(json.dumps(told) + "\n")


def main() -> None:
    """Play the schedule to a Prometheus, then record."""
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder) / "prometheus.yml"
        configuration.write_text(CONFIGURATION)
        command = [
            "prometheus",
            f"--config.file={configuration}",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={PROMETHEUS.removeprefix('http://')}",
            "--log.level=error",
        ]
        origin_s = int(time.time()) + 8
        servers = [exporter(target, origin_s) for target in SCHEDULE]
        for server in servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        with subprocess.Popen(command) as prometheus:
            time.sleep(origin_s + LENGTH_S + 2 - time.time())
            record(origin_s)
            prometheus.terminate()
        for server in servers:
            server.shutdown()


if __name__ == "__main__":
    main()
