"""One command, written in every form that people write commands in."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from textwrap import indent

import yaml

Words = Sequence[str]


def _lines(words: Words) -> list[list[str]]:
    """Return words in lines, as people break them: an option to a line."""
    lines: list[list[str]] = [[]]
    for word in words:
        if word.startswith("--"):
            lines.append([])
        lines[-1].append(word)
    return lines


def broken(
    words: Words, end: str = " \\\n  ", quote: Callable[[str], str] = shlex.quote
) -> str:
    return end.join(" ".join(map(quote, line)) for line in _lines(words))


def powershell(word: str) -> str:
    bare = word.replace("'", "''").replace('"', '\\"')
    return f"'{bare}'" if set(word) & set(' "{}[],;@') else word


def cmd(word: str) -> str:
    bare = word.replace('"', '\\"')
    return f'"{bare}"' if set(word) & set(' "{}[]^&|<>%') else word


def compose(**service: object) -> str:
    return yaml.safe_dump(
        {"services": {"vlm": {"image": "x:1", **service, "ports": ["80:80"]}}},
        sort_keys=False,
        width=60,
    )


def pod(*containers: dict[str, object], key: str = "containers") -> str:
    own = [{"name": "a", "image": "x:1"} | each for each in containers]
    spec = {"template": {"spec": {key: own, "restartPolicy": "Never"}}}
    return yaml.safe_dump(
        {"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec}, sort_keys=False
    )


def scalar(style: str) -> Callable[[Words], str]:
    def write(words: Words) -> str:
        text = yaml.safe_dump(shlex.join(words), default_style=style, width=50)
        return f"services:\n  vlm:\n    command: {indent(text, '      ').strip()}\n"

    return write


def literal(words: Words) -> str:
    return "services:\n  vlm:\n    command: |\n" + indent(broken(words), " " * 6) + "\n"


def folded(words: Words) -> str:
    lines = broken(words, end="\n").split("\n")
    return "services:\n  vlm:\n    command: >-  # serve\n" + "".join(
        f"      {line}\n" for line in lines
    )


def fenced(language: str, mark: str = "```", before: str = "") -> Callable[[str], str]:
    def write(body: str) -> str:
        block = f"{mark}{language}\n{body}\n{mark}\n"
        return f"# Serving\n\nDon't do it from here, but so:\n\n{indent(block, before)}\nDone.\n"

    return write


def unit(words: Words) -> str:
    return (
        "[Unit]\nDescription=It's a server\n\n[Service]\nUser=vlm\nExecStart="
        + broken(words)
        + "\nRestart=always\n"
    )


def docker(words: Words) -> str:
    return f"FROM ubuntu:24.04\nENTRYPOINT {json.dumps(list(words[:2]))}\nCMD {json.dumps(list(words[2:]))}\n"


def docker_shell(words: Words) -> str:
    first, *rest = broken(words).split("\n")
    middle = "\n    # so many\n".join([first, *rest])
    return f"# syntax=docker/dockerfile:1\nFROM ubuntu:24.04\nRUN echo it\\'s\nCMD {middle}\n"


def workflow(words: Words) -> str:
    return (
        "on: push\njobs:\n  serve:\n    runs-on: ubuntu-latest\n    steps:\n"
        "      - uses: actions/checkout@v4\n      - name: Serve it\n        run: |\n"
        "          set -e\n"
        + indent(broken(words), " " * 10)
        + " &\n          sleep 1\n"
    )


def makefile(words: Words) -> str:
    return (
        ".PHONY: serve\n# don't\nserve: build  ## Serve\n\t@echo serving\n\t@"
        + broken(words, end=" \\\n\t  ")
        + "\n"
    )


def supervisor(words: Words) -> str:
    return (
        "[supervisord]\nnodaemon=true\n\n[program:vlm]\ncommand="
        + broken(words, end="\n  ")
        + "\nautostart=true\n"
    )


def playbook(words: Words) -> str:
    task = {"name": "Serve", "ansible.builtin.command": {"argv": list(words)}}
    return yaml.safe_dump([{"hosts": "all", "tasks": [task]}], sort_keys=False)


def notebook(words: Words) -> str:
    source = ["%%bash\n", *broken(words).splitlines(keepends=True)]
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": source}]
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5}, indent=1)


FORMS: dict[str, Callable[[Words], str]] = {
    "line.sh": shlex.join,
    "lines.sh": lambda words: f"#!/bin/sh\n{broken(words)}\n",
    "stdin": lambda words: f"{broken(words)}\n",
    "literal.yaml": literal,
    "folded.yaml": folded,
    "single.yaml": scalar("'"),
    "double.yml": scalar('"'),
    "list.yaml": lambda words: compose(command=list(words)),
    "flow.yaml": lambda words: (
        f"services:\n  vlm:\n    command: {json.dumps(list(words))}\n"
    ),
    "parts.yaml": lambda words: compose(
        entrypoint=list(words[:2]), command=list(words[2:])
    ),
    "pod.yaml": lambda words: pod(
        {"command": list(words[:2]), "args": list(words[2:])},
        {"args": ["--verbose"]},
    ),
    "init.yaml": lambda words: pod(
        {"command": ["sh", "-c"], "args": [broken(words)]}, key="initContainers"
    ),
    "argo.yaml": lambda words: yaml.safe_dump(
        {"spec": {"templates": [{"script": {"source": f"set -e\n{broken(words)}\n"}}]}}
    ),
    "config-map.yaml": lambda words: yaml.safe_dump(
        {"kind": "ConfigMap", "data": {"serve.sh": f"#!/bin/sh\n{broken(words)}\n"}}
    ),
    "Dockerfile": docker,
    "Dockerfile.npu": docker_shell,
    "README.md": lambda words: fenced("bash")(f"# it's this\n$ {broken(words)}"),
    "tilde.md": lambda words: fenced("", "~~~~")(broken(words)),
    "item.md": lambda words: fenced("console", before="   ")(broken(words)),
    "yaml.md": lambda words: fenced("yaml")(folded(words)),
    "docker.md": lambda words: fenced("dockerfile")(docker(words)),
    "ps.md": lambda words: fenced("powershell")(broken(words, " `\n  ", powershell)),
    "serve.ps1": lambda words: broken(words, " `\n  ", powershell),
    "serve.cmd": lambda words: "@echo off\nREM don't\n" + broken(words, " ^\n  ", cmd),
    "vlm.service": unit,
    "supervisord.conf": supervisor,
    "workflow.yml": workflow,
    "Makefile": makefile,
    "Procfile": lambda words: f"web: {shlex.join(words)}\n",
    "playbook.yml": playbook,
    "package.json": lambda words: json.dumps(
        {"name": "x", "scripts": {"serve": shlex.join(words)}}, indent=2
    ),
    "tasks.toml": lambda words: f"[tasks]\nserve = {json.dumps(shlex.join(words))}\n",
    "cells.ipynb": notebook,
}
"""Name of a file -> what writes the command there."""

TELLS_NO_COLUMN = frozenset({"tasks.toml"})
"""Forms whose parser tells the line of a key alone."""
