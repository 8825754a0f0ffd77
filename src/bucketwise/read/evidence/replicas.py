"""Which engine a record is of, as a number: names and addresses stay behind."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from bucketwise.errors import InputError
from bucketwise.nouns.traffic import FloatArray, IntArray

MAX_REPLICAS = 1_000
"""Far more engines than stand behind one load balancer."""


class Replicas:
    """Numbers for engines, in the order they are first seen.

    Parameters
    ----------
    source : str
        Base name of the file, for messages.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._codes: dict[Hashable, int] = {}

    def code(self, engine: Hashable) -> int:
        """Return the number of an engine.

        Parameters
        ----------
        engine : hashable
            Whatever tells it from others.

        Raises
        ------
        InputError
            When there are more than `MAX_REPLICAS`.
        """
        found = self._codes.get(engine)
        if found is None:
            found = len(self._codes)
            if found == MAX_REPLICAS:
                raise InputError(
                    f"{self._source}: more than {MAX_REPLICAS:,} engines are named; "
                    "give the logs of fewer at a time"
                )
            self._codes[engine] = found
        return found


@dataclass(frozen=True, slots=True)
class Succession:
    """Readings put in order: process after process of each replica.

    Attributes
    ----------
    order : ndarray of int64, shape (n,)
        Positions of the readings, replica by replica.
    replica : ndarray of int64, shape (n,)
        In that order.
    restarts : tuple of int
        Positions in that order at which another process of the same replica begins.
    """

    order: IntArray
    replica: IntArray
    restarts: tuple[int, ...]


def succession(
    replicas: Replicas, engine: IntArray, process: IntArray, time_s: FloatArray
) -> Succession:
    """Tell a replica that starts anew from two that run at the same time.

    A process that is first heard of after another of the same engine fell silent takes
    its place; one that is heard of before is a further replica.

    Parameters
    ----------
    replicas : Replicas
        Where numbers come from.
    engine : ndarray of int64, shape (n,)
        Number of the engine each reading names.
    process : ndarray of int64, shape (n,)
        Number of the process it is of, from 0; a process has one engine.
    time_s : ndarray of float64, shape (n,)
        When.

    Returns
    -------
    Succession
        The readings of a process in the order they were.
    """
    known, at, process = np.unique(process, return_index=True, return_inverse=True)
    first_s = np.full(known.size, np.inf)
    last_s = np.full(known.size, -np.inf)
    np.minimum.at(first_s, process, time_s)
    np.maximum.at(last_s, process, time_s)
    by_start = np.argsort(first_s, kind="stable")
    ended: dict[int, list[tuple[float, int]]] = {}
    replica_of = np.zeros(known.size, dtype=np.int64)
    for each in by_start.tolist():
        name = int(engine[at[each]])
        before = ended.setdefault(name, [])
        if before and before[0][0] < first_s[each]:
            replica_of[each] = heapq.heappop(before)[1]
        else:
            replica_of[each] = replicas.code((name, len(before)))
        heapq.heappush(before, (float(last_s[each]), int(replica_of[each])))
    rank = np.argsort(by_start)
    order = np.lexsort((rank[process], replica_of[process]))
    replica, process = replica_of[process][order], process[order]
    anew = (np.diff(process) != 0) & (np.diff(replica) == 0)
    return Succession(order, replica, tuple((np.flatnonzero(anew) + 1).tolist()))
