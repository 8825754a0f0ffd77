"""A plan.json that was kept, and the histogram beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bucketwise.core.analysis import Analysis
from bucketwise.core.plan import READ_SCHEMAS, Plan
from bucketwise.errors import ConfigError
from bucketwise.nouns.traffic import Traffic
from bucketwise.read.configs.documents.text import PLAN_FILE
from bucketwise.read.json_text import load_json, parse_json
from bucketwise.read.traffic import read_traffic

PREVIOUS = "plan.previous.json"
"""What a plan is kept as once a newer one stands in its folder."""

HISTOGRAM = "histogram.parquet"


def beside(plan: str) -> str:
    """Return the name of the histogram that a plan of some name was made from."""
    return HISTOGRAM.replace(".", ".previous.", 1) if plan == PREVIOUS else HISTOGRAM


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPlan:
    """A plan as JSON has it, whatever it was read from.

    Attributes
    ----------
    name : str
        What messages call it.
    said : mapping
        What it says; of a schema that is read.
    traffic : Traffic or None
        What it was made from; None where that was not kept with it.
    """

    name: str
    said: dict[str, Any]
    traffic: Traffic | None = None

    def __post_init__(self) -> None:
        """Check that it is a plan."""
        schema = self.said.get("schema")
        if schema not in READ_SCHEMAS:
            known = " or ".join(map(repr, READ_SCHEMAS))
            raise ConfigError(
                f"{self.name}: expected a plan.json of schema {known}, got "
                f"{str(schema)[:50]!r}"
            )

    @property
    def options(self) -> Mapping[str, Any]:
        """What it was asked."""
        with self.whole():
            return dict(self.said["provenance"]["options"])

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Say of what a plan lacks that it is damaged."""
        try:
            yield
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                f"{self.name}: a damaged plan ({error}); make it anew"
            ) from error


def read_plan(given: str | Path | Plan | Analysis) -> KeptPlan:
    """Return a plan from its file, the folder that holds it, or a value."""
    if isinstance(given, Analysis):
        kept = read_plan(given.plan)
        return KeptPlan(name=kept.name, said=kept.said, traffic=given.traffic)
    if isinstance(given, Plan):
        return KeptPlan(name="the plan", said=parse_json(given.to_json(), "the plan"))
    path = Path(given)
    file = path / PLAN_FILE if path.is_dir() else path
    said = _object(load_json(file))
    histogram = file.parent / beside(file.name)
    traffic = None
    if histogram.is_file():
        traffic = read_traffic([histogram.resolve()], max_bad_rows=1.0)
    if traffic is not None and not _made_from(said, traffic):
        traffic = None
    return KeptPlan(name=str(given), said=said, traffic=traffic)


def _made_from(said: Mapping[str, Any], traffic: Traffic) -> bool:
    """Return whether a plan was made from a traffic, and not another one beside it."""
    try:
        inputs = {each["sha256"] for each in said["provenance"]["inputs"]}
    except (KeyError, TypeError):
        return False
    return inputs.issuperset(each.sha256 for each in traffic.inputs)


def _object(found: Any) -> dict[str, Any]:
    """Return a JSON object; what is none is as one that says nothing."""
    return found if isinstance(found, dict) else {}
