"""Lines of the access logs of AWS application load balancers."""

from __future__ import annotations

import re

from bucketwise.reasons import NO_TIME, NOT_SERVED, RAGGED
from bucketwise.sources.evidence.served import Served, is_completion
from bucketwise.sources.evidence.stamps import iso_s

_STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z"
_HEAD = re.compile(
    rf"(?:https?|h2|grpcs|wss?) ({_STAMP}) \S+ \S+ (\S+) "
    r"(-?[\d.]{1,20}) (-?[\d.]{1,20}) (-?[\d.]{1,20}) \S+ \S+ \S+ \S+ "
    r'"([^" ]*) ([^" ]*)[^"]*"'
)
"""type time elb client:port target:port request_processing_time target_processing_time
response_processing_time elb_status_code target_status_code received_bytes sent_bytes
"request" ...: Elastic Load Balancing, "Access log entries" (Syntax)."""

_CREATED = re.compile(rf'" (?:-|-?\d{{1,6}}) ({_STAMP})(?: "|\s*$)')
"""... "chosen_cert_arn" matched_rule_priority request_creation_time ..."""


def read_balancer_line(line: str) -> Served | str | None:
    """Return the request of a line, why it cannot be used, or None for another form.

    Parameters
    ----------
    line : str
        A line, with or without its end.
    """
    head = _HEAD.match(line)
    if head is None:
        return None
    time, target, *processing, method, url = head.groups()
    asked = is_completion(method, url)
    created = _CREATED.search(line, head.end())
    if created is None:
        return RAGGED
    start_s, end_s = iso_s(created[1]), iso_s(time)
    if start_s is None or end_s is None:
        return NO_TIME
    if asked and (target == "-" or any(each.startswith("-") for each in processing)):
        return NOT_SERVED
    return Served(start_s, end_s, target, asked, by_second=False)
