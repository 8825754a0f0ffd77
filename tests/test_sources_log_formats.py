"""Lines of proxies by their format strings, and logs as those who keep them have them."""

import csv
import io
import json
import re
import shlex
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.cli import main
from bucketwise.core.decoder.timeline import sweep
from bucketwise.errors import BucketwiseError, InputError, UsageError
from bucketwise.nouns.activity import Activity, Evidence, Requests
from bucketwise.read import read_evidence
from bucketwise.read.evidence.format_strings import SYNTAXES, compile_format
from bucketwise.read.evidence.line_formats import infer_format
from bucketwise.words.reject_reasons import NOT_A_COMPLETION, NOT_SERVED, RAGGED

ORIGIN_MS = 1_772_442_000_000


def read(text: str, **options: Any) -> Evidence:
    options.setdefault("max_bad_rows", 1.0)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        path.write_text(text, newline="")
        return read_evidence([path], **options)


def load_of(evidence: Evidence) -> Activity:
    assert isinstance(evidence.load, Activity)
    return evidence.load


def reasons(evidence: Evidence) -> dict[str, int]:
    return {each.reason: each.count for each in evidence.rejections}


class Request(NamedTuple):
    """A request as a proxy saw it, in milliseconds."""

    start_ms: int
    took_ms: int
    engine: int

    @property
    def end_ms(self) -> int:
        return ORIGIN_MS + self.start_ms + self.took_ms

    def start(self, form: str) -> str:
        return at(ORIGIN_MS + self.start_ms, form)

    def end(self, form: str) -> str:
        return at(self.end_ms, form)


def at(moment_ms: int, form: str) -> str:
    """Return a moment as strftime does, `%L` being milliseconds."""
    form = form.replace("%L", f"{moment_ms % 1_000:03d}")
    return datetime.fromtimestamp(moment_ms // 1_000, UTC).strftime(form)


ISO, CLF = "%Y-%m-%dT%H:%M:%S.%LZ", "%d/%b/%Y:%H:%M:%S.%L"
COMPLETION = "POST /v1/chat/completions HTTP/1.1"


class Written(NamedTuple):
    """How a program writes a request, and its format where that is not its usual one."""

    line: Callable[[Request], str]
    log_format: str | None = None


def nginx(each: Request) -> str:
    return (
        f'10.0.1.7 - - [{each.end_ms / 1_000:.3f}] "{COMPLETION}" 200 512 "-" '
        f'"OpenAI/Python 1.46 rt=9.000" {each.took_ms / 1_000:.3f} '
        f"10.0.2.{each.engine}:8000 {each.took_ms / 1_000:.3f}"
    )


def envoy(each: Request) -> str:
    return (
        f'[{each.start(ISO)}] "{COMPLETION}" 200 - 183220 2048 {each.took_ms} 1 '
        f'"10.0.1.24" "OpenAI/Python" "a0bc31fc" "vlm.example.com" "10.0.2.{each.engine}:80"'
    )


def istio(each: Request) -> str:
    whole = envoy(each).replace(" 200 - ", ' 200 - via_upstream - "-" ')
    return (
        f"{whole} outbound|80||vlm 10.0.1.24:39024 127.0.0.1:80 127.0.0.1:3 - default"
    )


def haproxy(each: Request, captured: str = "") -> str:
    return (
        f"10.0.1.2:33317 [{each.start(CLF)}] http-in~ vllm/srv{each.engine} "
        f"0/0/0/{each.took_ms}/{each.took_ms} 200 2750 - - ---- 1/1/1/1/0 0/0 "
        f'{captured}"{COMPLETION}"'
    )


def balancer(each: Request) -> str:
    iso = "%Y-%m-%dT%H:%M:%S.%L000Z"
    return (
        f"https {each.end(iso)} app/lb/50dc 192.168.131.39:2817 10.0.0.{each.engine}:80 "
        f'0.086 0.048 0.037 200 200 0 57 "POST https://a.example:443/v1/completions '
        f'HTTP/1.1" "curl/7.46.0" ECDHE TLSv1.2 arn:aws:x "Root=1-58" "a.example" "arn:y" '
        f'1 {each.start(iso)} "forward" "-" "-" "10.0.0.{each.engine}:80" "200" "-" "-"'
    )


WRITTEN = {
    "nginx": Written(nginx, '$a - - [$msec] "$request" $b $c "$d" "$e" $request_time '
                            "$upstream_addr $_"),
    "nginx, by itself": Written(
        lambda each: f'{each.end_ms / 1_000:.3f} {each.took_ms / 1_000:.3f} "{COMPLETION}" '
        f"10.0.2.{each.engine}:80"
    ),
    "Envoy": Written(envoy),
    "Istio": Written(istio),
    "HAProxy": Written(haproxy),
    "HAProxy, with headers": Written(lambda each: haproxy(each, "{a|b} {} ")),
    "ALB": Written(balancer),
    "Apache": Written(
        lambda each: f'{each.took_ms * 1_000} {ORIGIN_MS + each.start_ms} srv{each.engine} '
        f'"{COMPLETION}"',
        '%D %{msec}t %{BALANCER_WORKER_NAME}e \\"%r\\"',
    ),
    "Envoy, of one's own": Written(
        lambda each: f"{ORIGIN_MS + each.start_ms}|{each.took_ms}|10.0.2.{each.engine}",
        "%START_TIME(%s%3f)%|%DURATION%|%UPSTREAM_HOST%",
    ),
    "any program": Written(
        lambda each: f"<<{each.end(ISO)}>> (took {each.took_ms}ms) on {each.engine}!",
        "<<$end>> (took ${duration_ms}ms) on $replica!",
    ),
    "labelled": Written(
        lambda each: f"time:{each.end_ms / 1_000:.3f}\treq:{COMPLETION}\t"
        f"upstream:10.0.2.{each.engine}:80\treqtime:{each.took_ms / 1_000:.3f}"
    ),
}  # fmt: skip

requests_st = st.lists(
    st.builds(
        Request, st.integers(0, 90_000), st.integers(1, 30_000), st.integers(1, 3)
    ),
    min_size=1,
    max_size=20,
)


def swept(requests: Sequence[Request]) -> str:
    start_s = np.array([(ORIGIN_MS + each.start_ms) / 1e3 for each in requests])
    end_s = np.array([each.end_ms / 1e3 for each in requests])
    _, replica = np.unique([each.engine for each in requests], return_inverse=True)
    return sweep(Requests(start_s=start_s, end_s=end_s, replica=replica)).sha256()


@pytest.mark.parametrize("program", WRITTEN)
@settings(max_examples=4, deadline=None)
@given(requests=requests_st)
def test_every_program_tells_the_same_requests(
    program: str, requests: list[Request]
) -> None:
    line, log_format = WRITTEN[program]
    evidence = read(
        "".join(f"{line(each)}\n" for each in requests), log_format=log_format
    )
    assert load_of(evidence).sha256() == swept(requests)
    assert not evidence.rejections


SOME = [Request(nth * 700, 1_000 + nth * 37 % 5_000, nth % 2) for nth in range(60)]

PUT_BEFORE = {
    "docker compose": "nginx-1  | ",
    "CRI": "2026-03-02T09:00:00.123456789Z stdout F ",
    "kubectl logs --timestamps": "2026-03-02T09:00:00.123456789Z ",
    "kubectl logs --prefix": "[pod/web-7d4b/nginx] ",
    "syslog": "Mar  2 09:00:00 lb1 nginx[123]: ",
    "syslog with its priority": "<134>Mar  2 09:00:00 lb1 nginx: ",
    "RFC 5424": "<134>1 2026-03-02T09:00:00Z lb1 nginx 12 - - ",
    "journald, as short-iso": "2026-03-02T09:00:00+0000 lb1 nginx[123]: ",
    "logcli": '2026-03-02T09:00:00Z {app="nginx", pod="web-0"} ',
    "two of them": "web-1  | 2026-03-02T09:00:00.123456789Z ",
}


@pytest.mark.parametrize("before", PUT_BEFORE)
@pytest.mark.parametrize("program", ["nginx", "Envoy", "HAProxy", "ALB"])
def test_what_keepers_put_before_lines_is_left_out(before: str, program: str) -> None:
    line, log_format = WRITTEN[program]
    text = "".join(f"{PUT_BEFORE[before]}{line(each)}\n" for each in SOME)
    evidence = read(text, log_format=log_format)
    assert load_of(evidence).sha256() == swept(SOME)
    assert any("left out" in note for note in evidence.notes)


def as_csv(rows: Sequence[Sequence[object]]) -> str:
    held = io.StringIO()
    csv.writer(held).writerows(rows)
    return held.getvalue()


def as_streams(lines: Sequence[str]) -> str:
    values = [[str((ORIGIN_MS + nth) * 10**6), line] for nth, line in enumerate(lines)]
    result = [{"stream": {"app": "x"}, "values": values[::-1]}]
    data = {"resultType": "streams", "result": result, "stats": {}}
    return json.dumps({"status": "success", "data": data})


HOLDERS: dict[str, Callable[[Sequence[str]], str]] = {
    "Docker": lambda lines: "".join(
        json.dumps({"log": f"{line}\n", "stream": "stdout", "time": "2026-03-02T09:00:00Z"})
        + "\n"
        for line in lines
    ),
    "Loki": as_streams,
    "Grafana": lambda lines: as_csv(
        [("labels", "Time", "Line", "tsNs"), *[('{"a":"b"}', 1, x, 2) for x in lines]]
    ),
    "CloudWatch Insights": lambda lines: as_csv(
        [("@timestamp", "@message"), *[("2026-03-02 09:00:00.000", x) for x in lines]]
    ),
    "CloudWatch": lambda lines: json.dumps(
        {"events": [{"timestamp": ORIGIN_MS + n, "message": x} for n, x in enumerate(lines)]}
    ),
}  # fmt: skip


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("program", ["Envoy", "HAProxy"])
def test_lines_within_what_keeps_them_are_read_as_their_own_kind(
    holder: str, program: str
) -> None:
    text = HOLDERS[holder]([WRITTEN[program].line(each) for each in SOME])
    assert load_of(read(text)).sha256() == swept(SOME)


W3C = {
    "IIS": "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n"
    "#Fields: date time s-ip cs-method cs-uri-stem s-port sc-status sc-win32-status "
    "time-taken\n",
    "CloudFront": "#Version: 1.0\n#Fields: date time x-edge-location cs-method cs(Host) "
    "cs-uri-stem sc-status time-taken\n",
}


def w3c(program: str, each: Request) -> str:
    when = each.end("%Y-%m-%d %H:%M:%S")
    if program == "IIS":
        return f"{when} 10.0.0.4 POST /v1/completions 443 200 0 {each.took_ms}\n"
    told = (
        f"{when} IAD POST d.example.net /v1/completions 200 {each.took_ms / 1e3:.3f}\n"
    )
    return told.replace(" ", "\t")


@pytest.mark.parametrize("program", W3C)
def test_a_log_that_names_its_fields_is_read_by_them(program: str) -> None:
    whole_s = [
        each._replace(
            start_ms=each.start_ms // 1_000 * 1_000,
            took_ms=each.took_ms // 1_000 * 1_000,
        )
        for each in SOME
    ]
    text = W3C[program] + "".join(w3c(program, each) for each in whole_s)
    evidence = read(text)
    one = [each._replace(engine=0) for each in whole_s]
    assert load_of(evidence).sha256() == swept(one)
    assert not evidence.rejections
    [note] = [each for each in evidence.notes if "--log-format" in each]
    # The whole format, so that it can be typed.
    text = note.partition("--log-format ")[2]
    assert text.startswith("'$end_date_time")
    assert "$path" in text
    assert "$duration" in text


def test_a_log_whose_fields_tell_no_duration_says_which_one_is_missing() -> None:
    lines = W3C["IIS"].replace(" time-taken", "") + w3c("IIS", SOME[0])
    with pytest.raises(InputError, match="expected time-taken among its #Fields"):
        read(lines)


def test_a_quote_within_a_value_ends_nothing() -> None:
    forged = '200 0 "-" "x\\" 1 0.001 10.9.9.9:80 \\"" '
    lines = [
        f'[{each.start(ISO)}] "{COMPLETION}" {forged}{each.took_ms}' for each in SOME
    ]
    log_format = (
        '[%START_TIME%] "%REQ(:PATH)%" %RESPONSE_CODE% %BYTES_SENT% "%REQ(A)%" "%REQ(B)%" '
        "%DURATION%"
    )
    evidence = read("\n".join(lines), log_format=log_format)
    assert float((load_of(evidence).running * load_of(evidence).seconds).sum()) == (
        pytest.approx(sum(each.took_ms for each in SOME) / 1e3)
    )


@settings(max_examples=25, deadline=None)
@given(before=st.text(st.sampled_from("ab.*+?()[]{}|^\\'\" -:/"), max_size=12))
def test_what_is_no_variable_stands_for_itself(before: str) -> None:
    before = re.sub(r"\\(?=[\"\\ t]|$)", "", before).strip()
    line = f"{before}<1772442000.500 2.500>\n"
    evidence = read(line, log_format=f"{before}<$msec $request_time>")
    assert load_of(evidence).span_s == 2.5
    other = f"{before}x<1772442000.500 2.500>\n" if before else "x<1.5 2.500>\n"
    with pytest.raises(InputError):
        read(other, log_format=f"{before}<$msec $request_time>")


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda each: each.name)
def test_whose_a_format_is_is_told_by_itself(syntax: Any) -> None:
    assert compile_format(syntax.example).syntax == syntax.name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hello", "no variable of a known program"),
        ("$remote_addr $status", "neither a time nor how long"),
        (
            "[$time_local] $status",
            r"how long a request took is missing beside \$time_local",
        ),
        ("%h %D", "a time is missing beside %D"),
        ("%ci:%cp [%tr] %ST", "how long a request took is missing beside %tr"),
        (
            "$a " * 101 + "$msec $request_time",
            "expected at most 100 variables, got 103",
        ),
        ("$msec $request_time" + "x" * 5_000, "no variable of a known program"),
    ],
)
def test_a_format_without_when_or_how_long_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"--log-format: .*{said}"):
        compile_format(text)


@pytest.mark.parametrize(
    ("text", "units_s"),
    [
        ("%t %D", {"duration": 1e-6}),
        ("%t %T", {"duration": 1.0}),
        ("%t %{ms}T", {"duration": 1e-3}),
        ("%{%Y-%m-%dT%H:%M:%S}t %{us}T", {"duration": 1e-6}),
        ("%{end:msec}t %D", {"end": 1e-3, "duration": 1e-6}),
        ("%(t)s %(L)s", {"duration": 1.0}),
        ("'$msec ' '$request_time';", {"end": 1.0, "duration": 1.0}),
        ('"$time_local $upstream_response_time"', {"duration": 1.0}),
        ("[%t] %Tt %{+Q}r", {"duration": 1e-3}),
        ("%START_TIME% %DURATION%\\n", {"duration": 1e-3}),
    ],
)
def test_units_are_those_of_the_variable(text: str, units_s: dict[str, float]) -> None:
    assert compile_format(text).units_s == units_s


COMBINED = '192.0.2.1 - - [10/Oct/2023:13:55:36 +0200] "{}" 200 2326 "-" "curl"'


@pytest.mark.parametrize(
    ("numbers", "took_s"), [(["2", "3", "1"], 6), (["2213", "731", "1056"], 4.0)]
)
def test_the_line_that_a_refusal_proposes_works(
    numbers: list[str], took_s: float
) -> None:
    text = "".join(f"{COMBINED.format(COMPLETION)} {each}\n" for each in numbers)
    with pytest.raises(InputError, match="how long a request took") as caught:
        read(text)
    words = shlex.split(re.search(r"--log-format ('[^']+')", str(caught.value))[1])  # type: ignore[index]
    load = load_of(read(text, log_format=words[0]))
    assert float((load.running * load.seconds).sum()) == pytest.approx(took_s)


def test_lines_of_another_form_are_refused_with_their_own() -> None:
    text = f"{COMBINED.format(COMPLETION)} 2.500\n" * 3
    with pytest.raises(
        InputError, match=r"none of the first 3 lines.*\[\$time_local\]"
    ):
        read(text, log_format="$msec|$request_time")


def test_what_a_proxy_says_beside_requests_is_no_damage() -> None:
    requests = [
        f"{COMBINED.format(COMPLETION)} 2.5{nth % 90 + 10}\n" for nth in range(20)
    ]
    said = ["/docker-entrypoint.sh: Configuration complete\n"] * 30
    cut = f"{COMBINED.format(COMPLETION)}\n"
    evidence = read("".join([*said, *requests, cut]))
    assert reasons(evidence) == {NOT_A_COMPLETION: 30, RAGGED: 1}


def test_a_completion_may_come_late() -> None:
    health = f"{COMBINED.format('GET /health HTTP/1.1')} 0.001\n"
    text = health * 1_500 + f"{COMBINED.format(COMPLETION)} 2.500\n"
    assert reasons(read(text)) == {NOT_A_COMPLETION: 1_500}


def test_a_server_that_did_not_answer_served_nothing() -> None:
    whole = [haproxy(each) for each in SOME]
    lost = haproxy(SOME[0]).replace("0/0/0/1000/", "0/0/0/-1/")
    none = haproxy(SOME[0]).replace("vllm/srv0 0/0/0/1000", "vllm/<NOSRV> 0/-1/-1/-1")
    assert reasons(read("\n".join([*whole, lost, none]))) == {NOT_SERVED: 2}


def test_gin_tells_durations_with_their_units() -> None:
    took = ["2.5s", "512.5ms", "1m2.5s", "987.5\u00b5s"]
    lines = [
        f"[GIN] 2026/03/02 - 09:00:10 | 200 | {each:>13} |       127.0.0.1 | POST     "
        '"/v1/chat/completions"\n'
        for each in took
    ]
    load = load_of(read("".join(lines)))
    assert float((load.running * load.seconds).sum()) == pytest.approx(
        65.513488, abs=1e-5
    )


def test_what_is_inferred_keeps_nothing_that_a_user_wrote() -> None:
    line = (
        '[10/Oct/2023:13:55:36 +0200] "GET /secret?token=abc HTTP/1.1" user=mallory 0.5'
    )
    assert infer_format([line]) == '[$time_local] "$request" user=$_ $_'


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(sorted(WRITTEN)),
    st.integers(0, 300),
    st.text(st.sampled_from('"\\[]{} =-\x1b\x00\r9.:|'), max_size=20),
)
def test_damaged_lines_end_in_requests_or_in_words(
    program: str, place: int, put: str
) -> None:
    line, log_format = WRITTEN[program]
    text = "".join(f"{line(each)}\n" for each in SOME[:5])
    try:
        evidence = read(text[:place] + put + text[place:], log_format=log_format)
    except BucketwiseError:
        return
    assert evidence.samples > evidence.rejected


# Lines that a terminal broke.


def broken(lines: Sequence[str], width: int, *, trimmed: bool) -> str:
    pieces = [
        line[at : at + width] for line in lines for at in range(0, len(line), width)
    ]
    return "".join(f"{each.rstrip() if trimmed else each}\n" for each in pieces)


def metrics(nth: int, lead: str = "(APIServer pid=1) ") -> str:
    return (
        f"{lead}INFO 03-02 09:{nth // 6:02d}:{nth % 6}0 [loggers.py:257] Engine 000: Avg "
        "prompt throughput: 121.5 tokens/s, Avg generation throughput: 38.2 tokens/s, "
        f"Running: {nth % 7} reqs, Waiting: {nth % 3} reqs, GPU KV cache usage: 2.1%, "
        "Prefix cache hit rate: 12.3%"
    )


ACCESS = '(APIServer pid=1) INFO:     10.20.0.5:59146 - "POST /v1/completions HTTP/1.1" 200 OK'


@pytest.mark.parametrize("width", [72, 80, 100, 120, 132])
@pytest.mark.parametrize("trimmed", [False, True])
def test_lines_that_a_terminal_broke_are_joined(width: int, trimmed: bool) -> None:
    lines = [text for nth in range(60) for text in (ACCESS, metrics(nth))]
    whole = read("\n".join(lines) + "\n")
    joined = read(broken(lines, width, trimmed=trimmed))
    assert load_of(joined).sha256() == load_of(whole).sha256()
    assert any(f"broken at {width} columns" in note for note in joined.notes)


def test_access_logs_that_a_terminal_broke_are_joined() -> None:
    lines = [envoy(each) for each in SOME]
    assert load_of(read(broken(lines, 80, trimmed=False))).sha256() == swept(SOME)


def test_lines_of_one_length_are_not_joined() -> None:
    lines = [metrics(nth) for nth in range(60)]
    assert len({len(line) for line in lines}) == 1
    evidence = read("\n".join(lines) + "\n")
    assert evidence.samples == 60
    assert not any("broken" in note for note in evidence.notes)


# SGLang, and engines' logs as loggers and containers have them.


def decode(nth: int, ranks: str = " TP0", mark: str = ",", graph: str = "") -> str:
    return (
        f"[2026-03-02 09:{nth // 6:02d}:{nth % 6}0{ranks}] Decode batch{mark} "
        f"#running-req: {nth % 7}, #token: 8123, token usage: 0.02, {graph}gen throughput "
        f"(token/s): 120.31, #queue-req: {nth % 3}, "
    )


def levels(evidence: Evidence) -> set[tuple[int, int]]:
    load = load_of(evidence)
    return set(zip(load.running.tolist(), load.waiting.tolist(), strict=True))


SGLANG = {
    "0.4": {"mark": "."},
    "0.5": {"graph": "cuda graph: True, "},
    "without ranks": {"ranks": ""},
    "pipelines": {"ranks": " PP0 TP0"},
}


@pytest.mark.parametrize("form", SGLANG)
def test_every_form_of_sglang_tells_what_runs_and_waits(form: str) -> None:
    evidence = read("".join(f"{decode(nth, **SGLANG[form])}\n" for nth in range(42)))
    assert (evidence.kind, evidence.samples) == ("engine_log", 42)
    assert levels(evidence) == {(nth % 7, nth % 3) for nth in range(42)}
    assert load_of(evidence).span_s == 420
    assert evidence.engine == ("gpu" if "graph" in SGLANG[form] else "unknown")


def test_sglang_that_says_nothing_for_long_is_idle() -> None:
    lines = [decode(nth) for nth in (1, 2, 3, 30, 31, 32)]
    evidence = read("\n".join(lines))
    assert evidence.samples == 6
    assert evidence.faults == ()
    load = load_of(evidence)
    assert load.span_s == 320
    assert float(load.seconds[load.running == 0].sum()) == 260


@pytest.mark.parametrize(
    ("ranks", "replicas"),
    [((" TP0", " TP1"), 1), ((" DP0 TP0", " DP1 TP1"), 2), ((" PP0", " PP1"), 1)],
)
def test_ranks_of_data_parallelism_alone_are_engines(
    ranks: tuple[str, ...], replicas: int
) -> None:
    lines = [decode(nth, each) for nth in range(30) for each in ranks]
    assert load_of(read("\n".join(lines))).replicas == replicas


def logged(nth: int, **others: Any) -> str:
    message = metrics(nth).partition("] ")[2]
    return json.dumps({"level": "INFO", "message": message, **others}) + "\n"


@pytest.mark.parametrize(
    "stamp",
    [
        lambda nth: {"timestamp": 1_772_442_000.123 + 10 * nth},
        lambda nth: {"time": 1_772_442_000_123 + 10_000 * nth},
        lambda nth: {"ts": f"2026-03-02T09:{nth // 6:02d}:{nth % 6}0.123Z"},
        lambda nth: {"asctime": f"2026-03-02 09:{nth // 6:02d}:{nth % 6}0,123"},
    ],
)
def test_loggers_tell_when_before_or_after_the_message(
    stamp: Callable[[int], dict[str, Any]],
) -> None:
    after = read("".join(logged(nth, **stamp(nth)) for nth in range(30)))
    before = read(
        "".join(
            json.dumps({**stamp(nth), **json.loads(logged(nth))}) + "\n"
            for nth in range(30)
        )
    )
    assert load_of(after).sha256() == load_of(before).sha256()
    assert load_of(after).span_s == 300
    assert load_of(after).replicas == 1


@pytest.mark.parametrize("holder", HOLDERS)
def test_engines_logs_are_read_within_what_keeps_them(holder: str) -> None:
    lines = [metrics(nth) for nth in range(30)]
    evidence = read(HOLDERS[holder](lines))
    assert (evidence.kind, evidence.samples) == ("engine_log", 30)
    assert load_of(evidence).sha256() == load_of(read("\n".join(lines) + "\n")).sha256()


def test_access_lines_of_an_engine_are_said_to_tell_no_duration() -> None:
    with pytest.raises(InputError, match="tell no duration"):
        read(f"{ACCESS.removeprefix('(APIServer pid=1) ')}\n" * 5)


# Samples of Prometheus in other forms than its own.

RUNNING = [3, 5, 0, 2, 7, 4]
LABELS = 'engine="0", instance="vllm-0:8000"'


def times() -> list[int]:
    return [ORIGIN_MS + 15_000 * nth for nth in range(len(RUNNING))]


def exported() -> str:
    return "".join(
        json.dumps(
            {
                "metric": {"__name__": f"vllm:num_requests_{role}", "instance": "v:1"},
                "values": values,
                "timestamps": times(),
            }
        )
        + "\n"
        for role, values in (("running", RUNNING), ("waiting", [1] * 6))
    )


def exposed(form: str, scale: float) -> str:
    lines = [
        form.format(role=role, labels=LABELS, value=value, time=f"{time / scale:.0f}")
        for role, values in (("running", RUNNING), ("waiting", [1] * 6))
        for time, value in zip(times(), values, strict=True)
    ]
    return "# TYPE vllm:num_requests_running gauge\n" + "\n".join(lines) + "\n# EOF\n"


SAMPLES: dict[str, Callable[[], str]] = {
    "VictoriaMetrics": exported,
    "exposition": lambda: exposed("vllm:num_requests_{role}{{{labels}}} {value} {time}", 1),
    "OpenMetrics": lambda: exposed("vllm:num_requests_{role}{{{labels}}} {value} {time}", 1e3),
    "promtool": lambda: exposed(
        '{{__name__="vllm:num_requests_{role}", {labels}}} {value} {time}', 1
    ),
    "a column a series": lambda: as_csv(
        [
            ("Time", *(f"vllm:num_requests_{x}{{{LABELS}}}" for x in ("running", "waiting"))),
            *((at(time, "%Y-%m-%d %H:%M:%S"), n, 1) for time, n in zip(times(), RUNNING,
                                                                        strict=True)),
        ]
    ),
    "a row a sample": lambda: as_csv(
        [
            ("timestamp", "__name__", "instance", "value"),
            *(
                (time // 1_000, f"vllm:num_requests_{role}", "v:1", value)
                for role, values in (("running", RUNNING), ("waiting", [1] * 6))
                for time, value in zip(times(), values, strict=True)
            ),
        ]
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", SAMPLES)
def test_samples_tell_the_same_in_every_form(form: str) -> None:
    evidence = read(SAMPLES[form]())
    assert (evidence.kind, evidence.samples) == ("prometheus", 6)
    assert levels(evidence) == {(each, 1) for each in RUNNING}
    assert load_of(evidence).span_s == 90


def test_one_scrape_is_one_moment() -> None:
    text = re.sub(r" \d+$", "", SAMPLES["exposition"](), flags=re.MULTILINE)
    with pytest.raises(InputError, match="one moment"):
        read(text.replace("} \n", "} 1\n"))


# The command.


def test_the_command_reads_a_log_by_its_format(tmp_path: Path) -> None:
    sizes, log = tmp_path / "sizes.csv", tmp_path / "log"
    sizes.write_text("width,height\n640,480\n")
    log.write_text("".join(f"{each.end(ISO)} {each.took_ms}\n" for each in SOME))
    words = ["analyze", str(sizes), "--out", str(tmp_path / "out"), "--format", "none",
             "--batch-size", "8"]  # fmt: skip
    log_format = ["--log-format", "$end $duration_ms"]
    done = CliRunner().invoke(main, [*words, "--activity", str(log), *log_format])
    assert done.exit_code == 0, done.output
    plan = json.loads((tmp_path / "out" / "plan.json").read_text())
    assert plan["decoder"]["evidence"]["samples"] == len(SOME)
    assert plan["provenance"]["options"]["log_format"] == log_format[1]
    for wrong in ([*words, *log_format], [*words, "--log-format", "$status"]):
        assert CliRunner().invoke(main, wrong).exit_code == 2
