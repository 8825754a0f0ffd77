"""Names of columns, and the role each plays: for sizes, and for a decoder's load."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

LENGTH = "length"
"""The role of the tokens of a text: what a text encoder is run at."""

ALIASES: Mapping[str, tuple[str, ...]] = {
    "height": (
        "image_height", "img_height", "img_h", "imgheight", "imageheight", "height",
        "height_px", "pixel_height", "rows_px", "photo_height", "original_height",
        "orig_height", "frame_height", "video_height", "h",
    ),
    "width": (
        "image_width", "img_width", "img_w", "imgwidth", "imagewidth", "width",
        "width_px", "pixel_width", "cols_px", "photo_width", "original_width",
        "orig_width", "frame_width", "video_width", "w",
    ),
    "resolution": (
        "resolution", "dimensions", "image_size", "image_resolution", "img_size",
        "image_dimensions", "size", "wxh", "widthxheight",
    ),
    "shape": (
        "shape", "image_shape", "img_shape", "array_shape", "np_shape", "original_shape",
        "ori_shape", "frame_shape", "hw", "image_hw", "img_hw", "hxw", "heightxwidth",
    ),
    "tokens": (
        "image_tokens", "visual_tokens", "vision_tokens", "num_image_tokens",
        "n_image_tokens", "image_token_count", "mm_tokens", "merged_patches",
    ),
    "prompt": (
        "prompt_tokens", "input_tokens", "context_tokens", "num_prompt_tokens",
        "prompt_len", "input_len", "input_length",
    ),
    "text": ("text_tokens", "text_input_tokens", "num_text_tokens", "text_len"),
    "images": ("num_images", "image_count", "n_images", "images", "images_count"),
    "count": (
        "count", "weight", "n", "cnt", "counts", "weights", "freq", "frequency",
        "prob", "probability", "pdf",
    ),
    "frames": (
        "frames", "num_frames", "n_frames", "frame_count", "nb_frames", "nframes",
    ),
    "fps": ("fps", "frame_rate", "framerate", "video_fps", "r_frame_rate"),
    "time": (
        "timestamp", "time", "ts", "datetime", "date", "created_at", "@timestamp",
        "timestamp_s", "timestamp_ms", "created", "date_time", "event_time", "time_s",
        "arrival_time", "exif_datetime", "window_start_s", "asctime", "time_generated",
        "timegenerated", "time_generated_utc", "eventtime", "timestamp_utc",
    ),
    "request": (
        "request_id", "req_id", "reqid", "requestid", "request_uuid", "x_request_id",
        "request_index", "request_idx", "request_no",
    ),
    "label": ("tenant", "label", "endpoint", "customer", "client", "source"),
    LENGTH: (),
}  # fmt: skip
"""Names in lower case, the more telling first; punctuation is read as `_`. Those of the
two sides go together, place by place.

The tokens of a text have no usual name: no table is taken for one of texts unless the
user says so."""

NGINX_CLOCKS = ("msec", "time_msec", "time_iso8601", "time_local")
"""What nginx calls the moment a line is written, in seconds however it is named
(ngx_http_log_module, `$msec`, `$time_iso8601`, `$time_local`)."""

NGINX_DURATIONS = ("request_time", "upstream_response_time")
"""What nginx calls how long a request took, known when it is done (ibid.)."""

LOGGED_WHEN_DONE: Mapping[str, Mapping[str, str]] = {
    "time": dict.fromkeys(NGINX_CLOCKS, "nginx"),
    "duration": {
        **dict.fromkeys(NGINX_DURATIONS, "nginx"),
        # IIS, W3C logging; CloudFront, standard logging reference.
        "time_taken": "a web server",
    },
}
"""Names of times, and of durations beside a time, that tell that it is the end, and who
writes them."""

LOAD_ALIASES: Mapping[str, tuple[str, ...]] = {
    "time": (
        "timestamp", "time", "ts", "datetime", "date_time", "event_time", "t",
        "timestamp_utc", "time_utc", "log_time", "logged_at", "timestamp_mmdd",
        "asctime", "time_generated", "timegenerated", "time_generated_utc", "eventtime",
        *NGINX_CLOCKS, "date", "epoch", "unix_time", "created_at", "created",
        "created_time", "request_time",
    ),
    "start": (
        "start", "start_time", "started_at", "start_ts", "start_timestamp", "started",
        "starttime", "request_start", "request_start_time", "request_creation_time",
        "arrival", "arrival_time", "arrived_at", "arrival_ts", "arrival_timestamp",
        "received_at", "received", "request_received_at", "submitted_at", "submitted",
        "submit_time", "submission_time", "queued_at", "sent_at", "send_time",
        "request_timestamp", "begin", "begin_time", "request_created_at", "start_utc",
        "start_local", "start_time_unix_nano", "edge_start_timestamp",
        "request_time_epoch", "request_start_timestamp",
    ),
    "end": (
        "end", "end_time", "ended_at", "end_ts", "end_timestamp", "endtime",
        "request_end", "request_end_time", "finish", "finish_time", "finished_at",
        "finish_ts", "finish_timestamp", "completed_at", "completion_time",
        "completion_ts", "completion_timestamp", "done_at", "stop_time", "stopped_at",
        "last_token_time", "last_token_at", "response_created_at", "end_time_unix_nano",
        "edge_end_timestamp", "response_timestamp",
    ),
    "duration": (
        "duration", "latency", "e2e_latency", "end_to_end_latency", "e2e",
        "request_latency", "request_duration", "elapsed", "elapsed_time",
        "request_time", "response_time", "total_time", "total_latency",
        "total_duration", "time_taken", "took", "processing_time", "service_time",
        "execution_time", "wall_time", "runtime", "upstream_response_time", "use_time",
        "response_latency", "generation_time", "delay",
    ),
    "replica": (
        "replica", "replica_id", "upstream_addr", "upstream_host", "target_ip",
        "instance", "instance_id", "pod", "pod_name", "worker", "worker_id", "server",
        "server_id", "node", "node_name", "backend", "target", "hostname",
    ),
    "engine": ("engine", "engine_id"),
    "path": (
        "request_uri", "request_path", "uri", "path", "url_path", "http_path", "request",
        "request_url",
    ),
    "prompt": (
        *ALIASES["prompt"], "request_tokens", "num_context_tokens",
        "num_input_tokens", "n_prompt_tokens", "prompt_token_count",
        "input_token_count", "prompt_length", "context_length", "context_len",
        "num_prefill_tokens", "prefill_tokens", "tokens_prompt",
    ),
    "text": ALIASES["text"],
    "tokens": ALIASES["tokens"],
    "output": (
        "output_tokens", "generated_tokens", "completion_tokens", "response_tokens",
        "num_output_tokens", "num_generated_tokens", "num_completion_tokens",
        "n_output_tokens", "output_token_count", "completion_token_count",
        "output_len", "output_length", "completion_len", "completion_length",
        "generation_tokens", "decode_tokens", "num_decode_tokens", "tokens_completion",
    ),
    "running": (
        "num_requests_running", "vllm_num_requests_running", "num_running", "running",
        "num_running_reqs", "sglang_num_running_reqs", "running_reqs",
        "running_requests", "num_running_requests", "running_seqs",
        "num_running_seqs", "active_requests", "num_active_requests",
    ),
    "waiting": (
        "num_requests_waiting", "vllm_num_requests_waiting", "num_waiting", "waiting",
        "num_waiting_reqs", "waiting_reqs", "waiting_requests", "num_pending",
        "pending", "pending_requests", "num_queue_reqs", "sglang_num_queue_reqs",
        "queue_reqs", "queued", "num_queued", "queued_requests", "queue_length",
        "queue_size",
    ),
    "swapped": (
        "num_requests_swapped", "vllm_num_requests_swapped", "num_swapped", "swapped",
        "swapped_requests",
    ),
}  # fmt: skip
"""The same for the load of a decoder, without the unit that a name may end in."""

UNITS = (
    (r"s|secs?|seconds?", 1.0),
    (r"ms|msecs?|millis|milliseconds?", 1e-3),
    ("[u\u00b5\u03bc]s|usecs?|micros|microseconds?", 1e-6),
    (r"ns|nsecs?|nanos|nanoseconds?", 1e-9),
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What columns are called that a reader looks for."""

    aliases: Mapping[str, tuple[str, ...]]
    """Role to its usual names."""
    plain: Callable[[str], tuple[str, ...]]
    """A name as it is written to the names to compare with, the likeliest first."""

    def role_of(self, name: str) -> str | None:
        """Return the role whose alias a column name is, or None."""
        for role, aliases in self.aliases.items():
            if any(plain in aliases for plain in self.plain(name)):
                return role
        return None

    def find(self, names: Sequence[str], role: str) -> list[int]:
        """Return the positions of the columns that may play a role, the best first.

        Those of two sides that are named alike go before one that is alone.
        """
        other = {"width": "height", "height": "width"}.get(role, "")
        twins = {
            (alias, names[at].rpartition(".")[0])
            for _, alias, at in self._named(names, other)
        }
        found = [
            ((alias, names[at].rpartition(".")[0]) not in twins, depth, alias, at)
            for depth, alias, at in self._named(names, role)
        ]
        return [at for *_, at in sorted(found)]

    def _named(self, names: Sequence[str], role: str) -> Iterator[tuple[int, int, int]]:
        """Yield how deep a column is named for a role, by which alias, and where."""
        aliases = self.aliases.get(role, ())
        for at, name in enumerate(names):
            plain = self.plain(name)
            last = self.plain(name.rpartition(".")[2])
            for depth, written in ((0, plain), (1, last)):
                known = [each for each in written if each in aliases]
                if known:
                    yield depth, aliases.index(known[0]), at
                    break


_MOST_NAMES = 4_096
"""Names whose forms are kept: those of many files are the same."""


def unit_s(name: str) -> float | None:
    """Return the seconds in the unit that a name ends in; None where it names none."""
    return _split_unit(_snake(name))[1]


@lru_cache(_MOST_NAMES)
def _plain(name: str) -> tuple[str, ...]:
    """Return a name as words between underscores, with and without its unit."""
    folded = name.strip().casefold().replace(" ", "_").replace("-", "_")
    whole = _snake(name)
    return folded, whole, re.sub("_(px|pixels?)$", "", whole)


@lru_cache(_MOST_NAMES)
def _plain_load(name: str) -> tuple[str, ...]:
    """Return a name as words between underscores, with and without its unit."""
    whole = _snake(name)
    return whole, _split_unit(whole)[0]


@lru_cache(_MOST_NAMES)
def _snake(name: str) -> str:
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^\w.]+", "_", parted).strip("_").casefold()


@lru_cache(_MOST_NAMES)
def _split_unit(name: str) -> tuple[str, float | None]:
    if name not in NGINX_CLOCKS:
        for pattern, seconds in UNITS:
            found = re.fullmatch(f"(.+)_(?:{pattern})", name)
            if found:
                return found[1], seconds
    return name, None


SIZES = Vocabulary(ALIASES, _plain)
LOAD = Vocabulary(LOAD_ALIASES, _plain_load)
