"""Record what a real nginx writes of requests that follow a schedule.

python3 record.py, with `nginx` on the path; it takes half a minute.
"""

import json
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).parent
NGINX = "http://127.0.0.1:18100"
ENGINES = (18101, 18102)

SCHEDULE = [
    *((0.5 * nth, 0.5 + 0.25 * (nth % 7), "/v1/chat/completions") for nth in range(30)),
    *((1.0 * nth, 0.0, "/metrics") for nth in range(12)),
    (3.1, 0.2, "/v1/models"),
    (4.1, 0.0, "/refused/v1/chat/completions"),
]
"""Seconds after the start, seconds until the answer, path; GET where it is not POST."""

FORMATS = {
    "msec": '$msec $request_time "$request" $status',
    "keys": "msec=$msec method=$request_method uri=$request_uri status=$status "
    'agent="$http_user_agent" upstream_addr=$upstream_addr '
    "request_time=$request_time upstream_response_time=$upstream_response_time",
    "timed": '$remote_addr - $remote_user [$time_local] "$request" $status '
    '$body_bytes_sent "$http_referer" "$http_user_agent" rt=$request_time '
    'uct="$upstream_connect_time" urt="$upstream_response_time"',
    "trailing": '$remote_addr - $remote_user [$time_local] "$request" $status '
    '$body_bytes_sent "$http_referer" "$http_user_agent" '
    "$upstream_response_time $request_time",
    # kubernetes/ingress-nginx, docs/user-guide/nginx-configuration/log-format.md
    "ingress": '$remote_addr - $remote_user [$time_local] "$request_method $uri '
    '$server_protocol" $status $body_bytes_sent "$http_referer" "$http_user_agent" '
    "$request_length $request_time [default-vllm-8000] [] $upstream_addr "
    "$upstream_response_length $upstream_response_time $upstream_status $request_id",
}

CONFIGURATION = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {formats}
  upstream engines {{ {engines} }}
  server {{
    listen 127.0.0.1:18100;
    {logs}
    location / {{ proxy_pass http://engines; }}
    location /refused/ {{ return 429; }}
  }}
}}
"""


class Engine(BaseHTTPRequestHandler):
    """An engine that answers after as many seconds as it is asked to."""

    def answer(self) -> None:
        """Wait, then answer."""
        time.sleep(float(self.headers.get("X-Seconds", "0")))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = answer  # noqa: N815 - their names

    def log_message(self, *_: object) -> None:
        """Be quiet."""


def ask(origin_s: float, after_s: float, seconds: float, path: str) -> None:
    """Send one request when it is due."""
    time.sleep(origin_s + after_s - time.time())
    method = "POST" if path.endswith("completions") else "GET"
    request = urllib.request.Request(  # noqa: S310 - ours
        NGINX + path,
        method=method,
        data=b"" if method == "POST" else None,
        # What a client says of itself must not be taken for a time.
        headers={
            "X-Seconds": str(seconds),
            "User-Agent": "a rt=99.000 request_time=99",
        },
    )
    try:
        urllib.request.urlopen(request).close()  # noqa: S310 - ours
    except urllib.error.HTTPError as error:
        error.close()


def configured(folder: str) -> str:
    """Return a configuration that writes every format at once."""
    return CONFIGURATION.format(
        folder=folder,
        formats="\n".join(
            f"log_format {name} '{text}';" for name, text in FORMATS.items()
        ),
        engines=" ".join(f"server 127.0.0.1:{port};" for port in ENGINES),
        logs="\n".join(f"access_log {HERE}/{name}.log {name};" for name in FORMATS),
    )


def main() -> None:
    """Play the schedule through an nginx."""
    for name in FORMATS:
        (HERE / f"{name}.log").write_text("")
    for port in ENGINES:
        server = ThreadingHTTPServer(("127.0.0.1", port), Engine)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nginx.conf"
        path.write_text(configured(folder))
        with subprocess.Popen(["nginx", "-c", str(path), "-p", folder]) as nginx:
            origin_s = time.time() + 2
            threads = [
                threading.Thread(target=ask, args=(origin_s, *each))
                for each in SCHEDULE
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            time.sleep(0.5)
            nginx.terminate()
    told = {"origin_s": origin_s, "schedule": SCHEDULE}
    (HERE / "schedule.json").write_text(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
