"""The columns that the user names, by role, and whether all of them were read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from bucketwise.errors import InputError, UsageError, raise_all
from bucketwise.read.tables.names import LOAD, SIZES, Vocabulary, unit_s

Chosen = Mapping[str, str] | None
"""Role to the column that the user names for it, or to a position from 1."""

ROLES = tuple(dict.fromkeys((*SIZES.aliases, *LOAD.aliases)))
"""Every role that a reader knows."""

SHARED = SIZES.aliases.keys() & LOAD.aliases.keys()
"""Roles that tell of sizes in one table and of the load in another."""

_TOGETHER = ({"time", "start"}, {"time", "end"})
"""The hour of an image may be the start or the end of its request."""

_MOST_UNUSED = 8
"""Columns that are told where they are not used."""

_SHOWN = 40
"""Characters of a name that a message shows."""


class Naming(Mapping[str, str]):
    """The columns a user names by role, and which of them were read.

    Whoever makes one looks at the end whether all of it was read, with `check`.
    Keys are roles or their aliases, values names or positions from 1; "" leaves a role
    unread. `apart` says that sizes and load are read from different inputs, so that one
    name may mean a column in each.
    """

    def __init__(self, chosen: Chosen = None, *, apart: bool = False) -> None:
        self._chosen = dict(chosen or {})
        self._roles = {key: roles_named(key) for key in self._chosen}
        self._read: set[str] = set()
        self._there: set[str] = set()
        self._names: dict[str, None] = {}
        self.apart = apart
        self.unserved = ""
        raise_all([*self._unknown(), *self._twice()], UsageError)

    def __getitem__(self, key: str) -> str:
        """Return the column named under a key."""
        return self._chosen[key]

    def __iter__(self) -> Iterator[str]:
        """Yield the keys as they were typed."""
        return iter(self._chosen)

    def __len__(self) -> int:
        """Return how many roles are named."""
        return len(self._chosen)

    @classmethod
    def of(cls, chosen: Chosen) -> Naming:
        """Return the naming itself, or one made of a mapping."""
        return chosen if isinstance(chosen, Naming) else cls(chosen)

    @property
    def tells_load(self) -> bool:
        """Whether a column is named that tells nothing but the load."""
        return any(
            column and self.role(key, SIZES) is None for key, column in self.items()
        )

    def role(self, key: str, vocabulary: Vocabulary) -> str | None:
        """Return the role that a key names in a vocabulary, or None."""
        return self._roles[key][vocabulary is LOAD]

    def wanted(self, vocabulary: Vocabulary) -> dict[str, str]:
        """Return the key of each role of a vocabulary that the user names."""
        roles = {self.role(key, vocabulary): key for key in self}
        return {role: key for role, key in roles.items() if role}

    def units_s(self) -> dict[str, float]:
        """Return seconds in a unit by role, where the user names the role with one."""
        named = {role: unit_s(key) for role, key in self.wanted(LOAD).items()}
        return {role: unit for role, unit in named.items() if unit}

    def places(self, names: Sequence[str], source: str) -> dict[str, int]:
        """Return where the columns stand that a table has, by key."""
        self._names.update(dict.fromkeys(names))
        found = {
            key: _position(names, f"{source}: --columns {key}={column}", column)
            for key, column in self.items()
            if column
        }
        places = {key: at for key, at in found.items() if at is not None}
        self._there |= places.keys()
        for one, other in combinations(places, 2):
            if places[one] == places[other] and not self._may_share(
                one, other, names[places[one]]
            ):
                raise UsageError(
                    f"{source}: --columns names {_short(names[places[one]])} for "
                    f"{one} and for {other}; a column has one role"
                    f"{_for_sides({one, other}, self[one])}"
                )
        return places

    def mark(
        self, vocabulary: Vocabulary, places: Mapping[str, int], read: Iterable[int]
    ) -> None:
        """Note which of the named columns a reader takes."""
        taken = set(read)
        self._read |= {
            key
            for key, at in places.items()
            if at in taken and self.role(key, vocabulary)
        }

    def mark_role(self, role: str) -> None:
        """Note that a field was read that was named for a role, outside a table."""
        self._read |= {key for key in self if role in self._roles[key]}

    def learn(self, other: Naming) -> None:
        """Take over what the same naming met in another process."""
        self._read |= other._read
        self._there |= other._there
        self._names |= other._names
        self.unserved = other.unserved or self.unserved

    def check(self, *, of_load: bool = True) -> None:
        """Look, once everything is read, whether all that is named was."""
        unread = {
            key: column
            for key, column in self.items()
            if column and key not in self._read
        }
        found = (
            f"found {listed([*self._names])}" if self._names else "no table was read"
        )
        raise_all(
            [
                f"--columns {key}={column}: there is no such column; {found}"
                for key, column in unread.items()
                if key not in self._there
            ],
            InputError,
        )
        why = f" ({self.unserved})" if self.unserved else ""
        raise_all(
            [
                f"--columns {key}={column}: nothing reads it beside the other columns"
                f"{why}; leave it out, or name what goes with it"
                for key, column in unread.items()
                if of_load or self.role(key, SIZES)
            ],
            UsageError,
        )

    def _unknown(self) -> Iterator[str]:
        for key, roles in self._roles.items():
            if not any(roles):
                yield (
                    f"--columns: {key!r} is not something a column can be; use one of "
                    f"{', '.join(ROLES)}"
                )

    def _twice(self) -> Iterator[str]:
        for one, other in combinations(self, 2):
            pairs = zip(self._roles[one], self._roles[other], strict=True)
            role = next((a for a, b in pairs if a and a == b), None)
            if role and self[one] != self[other]:
                yield (
                    f"--columns: {one}={self[one]} and {other}={self[other]} both name "
                    f"the column of {role}; name one"
                )

    def _may_share(self, one: str, other: str, name: str) -> bool:
        """Say whether two keys may name one column."""
        pairs = [*zip(self._roles[one], self._roles[other], strict=True)]
        named = {role for pair in pairs for role in pair if role}
        if any(a and a == b for a, b in pairs) or named in _TOGETHER:
            return True
        if named == {"width", "height"}:
            return SIZES.role_of(name) == "resolution"
        return self.apart and not any(a and b for a, b in pairs)


def learn(naming: Chosen, other: Chosen) -> None:
    """Have a naming take over what a copy of it met in another process."""
    if isinstance(naming, Naming) and isinstance(other, Naming):
        naming.learn(other)


def roles_named(key: str) -> tuple[str | None, str | None]:
    """Return the roles that a key names among those of sizes and of the load."""
    if key in ROLES:
        # What is called a role is that alone, and no usual name of another.
        sizes, load = (key if key in each.aliases else None for each in (SIZES, LOAD))
        return sizes, load
    return SIZES.role_of(key), LOAD.role_of(key)


def listed(names: Sequence[str], most: int = 30) -> str:
    """Return names in a sentence."""
    quoted = ", ".join(map(_short, names[:most]))
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (quoted or "no columns") + more


def unused(names: Sequence[str], roles: Mapping[str, int], purpose: str) -> str:
    """Return what to say of the columns that are read for no role; "" without any."""
    read = {names[at] for at in roles.values()}
    left = [
        name
        for name in names
        if name
        and not any(each == name or each.startswith(f"{name}.") for each in read)
    ]
    return f"; not used for {purpose}: {listed(left, _MOST_UNUSED)}" if left else ""


def said_of_unfit(names: Sequence[str], unfit: Mapping[int, str]) -> str:
    """Return what to say of columns that are not what their names suggest."""
    said = [f"{_short(names[at])} {why}" for at, why in unfit.items()]
    return f" ({'; '.join(said[:_MOST_UNUSED])})" if said else ""


def _position(names: Sequence[str], asked: str, column: str) -> int | None:
    """Return where the column stands that a user means by name or position, or None."""
    folded = column.strip().casefold()
    for same in (
        [at for at, name in enumerate(names) if name == column],
        [at for at, name in enumerate(names) if name.strip().casefold() == folded],
    ):
        if len(same) > 1:
            at = " and ".join(str(each + 1) for each in same)
            raise InputError(f"{asked}: columns {at} bear that name; give a position")
        if same:
            return same[0]
    if column.isdecimal() and 1 <= int(column) <= len(names):
        return int(column) - 1
    return None


def _for_sides(keys: set[str], column: str) -> str:
    named = {roles_named(key)[0] for key in keys}
    if named == {"width", "height"}:
        return f"; for cells such as 640x480 write resolution={column}"
    return ""


def _short(name: str) -> str:
    return repr(name if len(name) <= _SHOWN else f"{name[: _SHOWN - 3]}...")
