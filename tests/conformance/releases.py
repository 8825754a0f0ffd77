"""The releases of optimum-rbln the checks run against."""

from __future__ import annotations

from dataclasses import dataclass

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release.

    Attributes
    ----------
    version : str
        As on PyPI.
    dialect : str
        The dialect of bucketwise whose text it must take.
    libraries : str
        Which requirements file holds the libraries it runs on.
    sha256 : str
        Of its wheel.
    serving, serving_sha256 : str
        The vllm-rbln that serves it, and the digest of its wheel; "" for one whose serve
        lines are not tried.
    """

    version: str
    dialect: str
    libraries: str
    sha256: str
    serving: str = ""
    serving_sha256: str = ""

    @property
    def parsed(self) -> Version:
        """The numbers of the version, for comparison."""
        return parse_version(self.version)


def parse_version(text: str) -> Version:
    """Return the numbers of a version such as "0.11.0.post1"."""
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _release(
    version: str, dialect: str, libraries: str, sha256: str, *serving: str
) -> Release:
    name, digest = serving or ("", "")
    return Release(
        version=version,
        dialect=dialect,
        libraries=libraries,
        sha256=sha256,
        serving=name,
        serving_sha256=digest,
    )


RELEASES: dict[str, Release] = {
    release.version: release
    for release in (
        _release(
            "0.10.2",
            "0.10.3",
            "0.10.4",
            "8c22b768d4188ad62f49e4142c46a6fddba8adbeec4f30febf52eca6de6aa966",
        ),
        _release(
            "0.10.3",
            "0.10.3",
            "0.10.4",
            "72eed355ed9f4cc096c06bb4348c3127af76545870928fcae8e931e97b1a1d98",
        ),
        _release(
            "0.10.4",
            "0.10.4",
            "0.10.4",
            "483970ee9b4de89be75808600ed036e586b994ef4ded2fa567e94cb9809f7b4a",
        ),
        _release(
            "0.11.0.post1",
            "0.11.2",
            "0.11.2",
            "b3d3c10b3778e41b63adb5461578be8d6b947e14b42c2fd4fbf18a5b697a4cbe",
        ),
        _release(
            "0.11.1",
            "0.11.2",
            "0.11.2",
            "29924640f285f122e87bb1939d38ca9440ffbbb8e47e916b8d242955789608a7",
        ),
        _release(
            "0.11.2",
            "0.11.2",
            "0.11.2",
            "b8e3802ce08d91b5e02ba917224c96e015c7cf9f6be6f124c1147d3a582e3c00",
            "0.11.2.post1",
            "ae9e531996da349d3495c16238dae7e5094b359b108fe5b5cea88d97d02a2f64",
        ),
        _release(
            "0.12.0",
            "0.12.0",
            "0.12.0",
            "f41708005ff2233a5611bf4c38d914549403a70c9f5bd05dd6b52409ee6d20fd",
            "0.12.0",
            "0af77bcf84421b15ffbb9625b880ce2184f6afa4cc720e91dd2c904d19ee2263",
        ),
    )
}
"""Every release some dialect of bucketwise covers, oldest first."""
