"""Tables that show by their columns which program wrote them, and so what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is known of the tables that a program writes."""

    name: str
    """For notes."""
    shown_by: frozenset[str]
    """Columns, as words between underscores, that only its tables have together."""
    roles: Mapping[str, str] = field(default_factory=dict)
    """Columns whose names would not tell their role, or tell another; "" for a role
    that no column has, whatever one is called."""
    units_s: Mapping[str, float] = field(default_factory=dict)
    """Seconds in one unit of the numbers of a role."""
    refusal: str = ""
    """Why its rows are no records; "" where they are."""


_OF_NGINX = (
    "upstream_response_time", "upstream_addr", "body_bytes_sent", "bytes_sent",
    "remote_addr", "http_user_agent", "time_local", "time_iso8601", "msec",
)  # fmt: skip
"""Variables of nginx that stand beside its request_time."""

PROGRAMS = (
    # ngx_http_log_module, $request_time: seconds.
    *(
        Program(
            name="nginx",
            shown_by=frozenset({"request_time", each}),
            units_s={"duration": 1.0},
        )
        for each in _OF_NGINX
    ),
    # kvcache-ai/Mooncake, FAST25-release/traces, and what others write in its form.
    Program(name="Mooncake", shown_by=frozenset({"hash_ids"}), units_s={"time": 1e-3}),
    # Envoy's documentation, access log: %DURATION% is in milliseconds.
    Program(name="Envoy", shown_by=frozenset({"response_flags", "duration"}),
            units_s={"duration": 1e-3}),
    # doc.traefik.io, access logs; pkg/middlewares/accesslog/logdata.go: time.Duration.
    Program(name="Traefik", shown_by=frozenset({"origin_duration", "duration"}),
            roles={"replica": "service_addr"}, units_s={"duration": 1e-9}),
    # Kong, log serializer (kong/pdk/log.lua): both in milliseconds.
    Program(name="Kong", shown_by=frozenset({"latencies.request", "started_at"}),
            roles={"start": "started_at", "duration": "latencies.request"},
            units_s={"duration": 1e-3}),
    # apache/apisix, apisix/utils/log-util.lua: latency in milliseconds.
    Program(name="APISIX",
            shown_by=frozenset({"apisix_latency", "latency", "start_time"}),
            roles={"replica": "upstream"}, units_s={"duration": 1e-3}),
    # Caddy, modules/caddyhttp/server.go: seconds as a float, logged when done.
    Program(name="Caddy", shown_by=frozenset({"bytes_read", "duration", "ts"}),
            roles={"end": "ts"}),
    # AWS, API Gateway access log variables: $context.responseLatency in milliseconds.
    Program(name="API Gateway",
            shown_by=frozenset({"request_time_epoch", "response_latency"}),
            roles={"start": "request_time_epoch", "duration": "response_latency"},
            units_s={"duration": 1e-3}),
    # Google Cloud, HttpRequest in a LogEntry; a load balancer's entry has the time at
    # which a request arrived.
    Program(name="Google Cloud",
            shown_by=frozenset({"http_request.latency", "timestamp"}),
            roles={"start": "timestamp"}),
    # Elastic Common Schema, event.duration: nanoseconds.
    Program(name="Elastic Common Schema", shown_by=frozenset({"event.duration"}),
            units_s={"duration": 1e-9}),
    # openzipkin/zipkin-api, zipkin2-api.yaml: microseconds, the time is the start.
    Program(name="Zipkin",
            shown_by=frozenset({"trace_id", "timestamp", "duration", "local_endpoint"}),
            roles={"start": "timestamp"}, units_s={"duration": 1e-6}),
    # locust, the request event: response_time in milliseconds, fired when done.
    Program(name="Locust",
            shown_by=frozenset({"request_type", "response_time", "timestamp"}),
            roles={"end": "timestamp"}, units_s={"duration": 1e-3}),
    # QuantumNous/new-api, model/log.go: a row is made when a request is done.
    Program(name="new-api", shown_by=frozenset({"use_time", "created_at"}),
            roles={"end": "created_at"}, units_s={"duration": 1.0}),
    # songquanpeng/one-api, model/log.go: ElapsedTime in milliseconds, likewise.
    Program(name="one-api", shown_by=frozenset({"elapsed_time", "created_at", "quota"}),
            roles={"end": "created_at"}, units_s={"duration": 1e-3}),
    # huggingface/text-generation-inference, router/src/server.rs: tracing::info!("Success")
    # when a request is done; `target` is a module.
    Program(name="Text Generation Inference",
            shown_by=frozenset({"span.total_time", "span.time_per_token"}),
            roles={"end": "timestamp", "duration": "span.total_time", "replica": ""}),
    # k6, results output: a row for every value of every metric.
    Program(name="k6", shown_by=frozenset({"metric_name", "metric_value"}),
            refusal="k6 writes a row for each value of each metric; keep only those of "
            "http_req_duration (grep ^http_req_duration) and name their columns with "
            "--columns end=2,duration_ms=3"),
    Program(name="k6", shown_by=frozenset({"metric", "data.time", "data.value"}),
            roles={"end": "data.time", "duration": "data.value"},
            refusal="k6 writes a line for each value of each metric; keep only the points of "
            "http_req_duration (grep Point.*http_req_duration) and name their columns "
            "with --columns end=data.time,duration_ms=data.value"),
    # HAProxy's configuration manual, log formats: the timers are in milliseconds; Tt is
    # of the session, Ta of the request.
    *(
        Program(
            name="HAProxy",
            shown_by=frozenset({"tw", "tc", total}),
            roles={"duration": total},
            units_s={"duration": 1e-3},
        )
        for total in ("ta", "tt")
    ),
    # Azure Monitor, Application Gateway access log: an entry is written when a request
    # is done; instanceId is a gateway's.
    Program(name="Azure Application Gateway",
            shown_by=frozenset({"time_stamp", "properties.time_taken"}),
            roles={"end": "time_stamp", "duration": "properties.time_taken",
                   "replica": "properties.server_routed"}),
    # JMeter's user manual, listeners, CSV log format; Latency is that of the first byte.
    Program(name="JMeter", shown_by=frozenset({"time_stamp", "elapsed"}),
            roles={"start": "time_stamp", "duration": "elapsed"},
            units_s={"duration": 1e-3}),
    # vllm/benchmarks/serve.py, --save-result.
    Program(name="vllm bench serve",
            shown_by=frozenset({"num_prompts", "completed", "duration"}),
            refusal="the summary of a benchmark; its requests stand in the log of the server"),
)  # fmt: skip


def program_of(columns: Iterable[str]) -> Program | None:
    """Return the program that wrote a table, None where none is known by its columns."""
    there = set(columns)
    return next((each for each in PROGRAMS if each.shown_by <= there), None)
