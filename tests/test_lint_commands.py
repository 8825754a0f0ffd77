"""Commands are read alike wherever they are written, and refused in fitting words."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.app.linting import lint_config
from bucketwise.errors import BucketwiseError, ConfigError
from bucketwise.lint.case import LintReport
from bucketwise.nouns.document import Document, Unknown
from bucketwise.read.configs.documents import read_documents
from bucketwise.read.configs.documents.excerpt import aligned, whole
from bucketwise.read.configs.documents.yaml_tree import yaml_trees
from bucketwise.read.configs.scenarios import named_model
from tests.command_forms import FORMS, TELLS_NO_COLUMN, Words

MODEL = "Qwen/Qwen2.5-VL-7B-Instruct"

CONFIGS = st.fixed_dictionaries(
    {
        "visual": st.fixed_dictionaries(
            {},
            optional={
                "max_seq_len": st.lists(st.integers(1, 20_000), max_size=3),
                "max_seq_lens": st.integers(1, 9_999),
                "num_devices": st.integers(1, 8),
            },
        )
    },
    optional={
        "batch_size": st.integers(1, 8),
        "decoder_batch_sizes": st.lists(st.integers(1, 8), max_size=3),
        "npu": st.sampled_from(["RBLN-CA25", "it's", "a  b", "é"]),
        "kvcache_partition_len": st.sampled_from([4096, 16384]),
    },
)
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": ")])
SINGLES = st.lists(
    st.sampled_from(
        [
            ("--block-size", "16384"),
            ("--max-num-seqs", "8"),
            ("--max-model-len=32768",),
            ("--trust-remote-code",),
            ("--mm-processor-kwargs", '{"min_pixels": 200704, "max_pixels": 1003520}'),
            ("--served-model-name", "our model"),
            ("--host", "0.0.0.0"),  # noqa: S104 - text that is read, nothing listens
        ]
    ),
    unique=True,
    max_size=5,
)


@st.composite
def serve_words(draw: st.DrawFn) -> tuple[list[str], dict[str, Any]]:
    """Return the words of a line that serves, and the configuration on it."""
    config = draw(CONFIGS)
    key = draw(st.sampled_from(["rbln_config", "optimum_overrides"]))
    held = json.dumps(
        {key: config}, separators=draw(SEPARATORS), ensure_ascii=draw(st.booleans())
    )
    singles = draw(SINGLES)
    at = draw(st.integers(0, len(singles)))
    model = draw(st.sampled_from([MODEL, "/models/Qwen2.5-VL-7B-Instruct"]))
    options = [*singles[:at], ("--additional-config", held), *singles[at:]]
    return ["vllm", "serve", model, *(w for each in options for w in each)], config


def written(folder: Path | str, form: str, words: Words) -> Path:
    path = Path(folder) / form
    path.write_text(FORMS[form](words))
    return path


def bare(document: Document) -> Document:
    """Return what a document says without where it says it."""
    limits = tuple(replace(each, source="") for each in document.limits)
    return replace(document, source="", places={}, path="", limits=limits)


def told(report: LintReport) -> list[tuple[object, ...]]:
    return [
        (each.rule, each.finding.severity, each.finding.path, each.finding.found)
        for judged in report.judged
        for each in judged.reported
    ]


@settings(max_examples=12, deadline=None)
@given(case=serve_words(), data=st.data())
def test_the_same_words_say_the_same_in_every_form(
    case: tuple[list[str], dict[str, Any]], data: st.DataObject
) -> None:
    words, config = case
    with TemporaryDirectory() as folder:
        [one] = read_documents(written(folder, "line.sh", words))
        assert one.config == config
        assert one.serve is not None
        for form in FORMS:
            path = written(folder, form, words)
            [document] = read_documents(path)
            assert bare(document) == bare(one), form
            if form not in TELLS_NO_COLUMN:
                lines = path.read_text().split("\n")
                for key in config:
                    place = document.place((key,))
                    if form.endswith(".ipynb"):
                        source = json.loads(path.read_text())["cells"][0]["source"]
                        lines = "".join(source).split("\n")
                    line, follows = (*lines[place.line - 1 :], "")[:2]
                    # YAML in double quotes may go on within a key.
                    split = line.endswith('"\\') and key in follows
                    assert key in line or split, (form, key)
        form = data.draw(st.sampled_from(sorted(FORMS)))
        assert told(lint_config(Path(folder) / form)) == told(
            lint_config(Path(folder) / "line.sh")
        )


@pytest.mark.parametrize("form", FORMS)
def test_what_is_wrong_is_told_at_its_line_in_every_form(
    form: str, tmp_path: Path
) -> None:
    config = {"visual": {"max_seq_lens": [1280, 16384]}, "batch_size": 8}
    held = json.dumps({"optimum_overrides": config})
    words = ["vllm", "serve", f"/models/{MODEL.partition('/')[2]}"]
    words += ["--block-size", "16384", "--max-num-seqs", "4"]
    path = written(tmp_path, form, [*words, "--additional-config", held])
    report = lint_config(path)
    rules = {rule for rule, *_ in told(report)}
    assert {"keys/wrong-key", "serving/overruled-option"} <= rules
    assert not {"serving/missing-block-size", "keys/unknown-class"} & rules
    [judged] = report.judged
    assert judged.subject.profile is not None
    assert judged.subject.profile.name == "qwen2.5-vl-7b"


# --- the vendor's compile line ---------------------------------------------------------

COMPILE = [
    "optimum-rbln-cli",
    "--model-id",
    MODEL,
    "-o",
    "./out",
    "--visual.max-seq-lens",
    "6400",
    "--batch_size",
    "4",
    "--decoder-batch-sizes",
    "1, 2",
    "--kvcache-partition-len",
    "16384",
    "--visual.npu",
    "RBLN-CA25",
    "--hf-dtype",
    "bfloat16",
    "--optimize",
]


@pytest.mark.parametrize("form", FORMS)
def test_a_compile_line_is_the_call_that_it_makes(form: str, tmp_path: Path) -> None:
    [document] = read_documents(written(tmp_path, form, COMPILE))
    assert document.config == {
        "visual": {"max_seq_lens": 6400, "npu": "RBLN-CA25"},
        "batch_size": 4,
        "decoder_batch_sizes": [1, 2],
        "kvcache_partition_len": 16384,
        "optimize": True,
        "create_runtimes": False,
    }
    assert (document.form, document.model) == ("compile", MODEL)
    call = (
        "from optimum.rbln import RBLNQwen2_5_VLForConditionalGeneration as Model\n"
        f"Model.from_pretrained({MODEL!r}, export=True, rbln_config={document.config!r})"
    )
    assert told(lint_config(Path(tmp_path) / form)) == told(lint_config(call))


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("1,2", [1, 2]),
        ("[1, 2]", [1, 2]),
        ("1024", 1024),
        ("-1", -1),
        ("0.5", 0.5),
        ("True", True),
        ("no", "no"),
        ("a,-2,1e3", ["a", -2, 1000.0]),
        ("inf", "inf"),
        ("9" * 5_000, "9" * 5_000),
        ('{"a": 1}', {"a": 1}),
        ("$X", Unknown("$X")),
    ],
)
def test_a_value_is_what_optimum_rbln_cli_makes_of_it(
    words: str, value: object
) -> None:
    quoted = words if words == "$X" else shlex.quote(words)
    [document] = read_documents(f"optimum-rbln-cli --model-id m --x {quoted}\n")
    assert document.config["x"] == value


def test_options_of_optimum_rbln_cli_itself_are_no_settings() -> None:
    line = "python -m optimum.rbln.cli --model a/b --class=RBLNQwen3VLForConditionalGeneration"
    [document] = read_documents(f"{line} stray --no-style --hf-token t --npu x\n")
    assert document.config == {"npu": "x", "create_runtimes": False}
    assert document.model == "a/b"
    assert document.family == "qwen3_vl"
    for other in (
        "--list-classes",
        "--get-kvcache-num-blocks",
        "--set-memory-budget 1",
    ):
        with pytest.raises(ConfigError, match="no configuration found in this script"):
            read_documents(f"optimum-rbln-cli --model-id m {other}\n")


# --- as people write them --------------------------------------------------------------

HELD = '{"rbln_config": {"visual": {"max_seq_len": [6400]}, "batch_size": 8}}'
CONFIG = {"visual": {"max_seq_len": [6400]}, "batch_size": 8}

CHART = f"""\
modelSpec:
- name: qwen
  repository: vllm/vllm-openai
  modelURL: {MODEL}
  vllmConfig:
    enablePrefixCaching: false
    maxModelLen: 32768
    extraArgs: ["--block-size", "16384", "--additional-config", '{HELD}']
"""
TEMPLATE = """\
{{- if .Values.enabled }}
kind: Deployment
metadata:
  labels:
    {{- include "x.labels" . | nindent 4 }}
spec:
  containers:
    - name: vlm
      command: [vllm, serve]
      args:
        - {{ .Values.model | quote }}
        - --max-model-len={{ .Values.length }}
        - --additional-config
        - '{"rbln_config": {"visual": {"max_seq_len": [6400]}, "batch_size": {{ .Values.batch }}}}'
        {{- range .Values.more }}
        - {{ . }}
        {{- end }}
{{- end }}
"""
ANCHORS = f"""\
x-vlm: &vlm
  image: example.com/vllm-rbln:${{TAG:-0.11.2}}
  environment: &env {{VLLM_RBLN_TP_SIZE: 8, HOME: /hf}}
  entrypoint: [vllm, serve]
services:
  one:
    <<: *vlm
    command:
      - ${{MODEL:-{MODEL}}}
      - --block-size=${{BLOCK:-16384}}
      - --max-model-len
      - 32768
      - --additional-config={HELD.replace(" ", "")}
  web: {{image: nginx, command: [nginx, -g, daemon off;]}}
"""
POD = f"""\
kind: PersistentVolumeClaim
metadata: {{name: hf}}
---
spec:
  containers:
  - image: example.com/vllm-rbln:0.11.2
    command: [/bin/bash, -ec]
    args:
    - |
      # it's slow
      export VLLM_RBLN_TP_SIZE=8
      exec vllm serve $(MODEL) \\
        --max-model-len $LENGTH --block-size 16384 \\
        --additional-config '{HELD}'
    env:
    - {{name: MODEL, value: {MODEL}}}
    - {{name: LENGTH, value: "32768"}}
    - {{name: TOKEN, valueFrom: {{secretKeyRef: {{name: hf, key: token}}}}}}
"""
WORKFLOW = f"""\
on: {{push: {{branches: [main]}}}}
env: {{LENGTH: 32768}}
jobs:
  serve:
    steps:
    - run: pip install vllm-rbln==0.11.2
    - env: {{HELD: '{HELD}', MODEL: "{MODEL}"}}
      run: |
        echo "vllm serve is coming"
        nohup vllm serve ${{{{ env.MODEL }}}} --block-size 16384 \\
          --max-model-len $LENGTH --additional-config "$HELD" > log 2>&1 &
"""
MAKEFILE = f"""\
MODEL ?= {MODEL}
ARGS = --max-model-len 32768 \\
       --block-size 16384
HELD := '{HELD}'
serve: ## Don't
\t@test -n "$(MODEL)" || (echo "vllm serve what?" && exit 1)
\tvllm serve $(MODEL) $(ARGS) --additional-config $(HELD)
"""
PLAYBOOK = f"""\
- hosts: all
  vars: {{model: {MODEL}, length: 32768}}
  tasks:
  - community.docker.docker_container:
      image: example.com/vllm-rbln:0.11.2
      command: >-
        --model {{{{ model }}}} --max-model-len {{{{ length }}}}
        --block-size 16384 --additional-config '{HELD}'
"""
DOCKER_RUN = f"""\
# Vision

Don't run it twice:

``` bash
docker run --rm -it \\
    --name vllm-vlm -v /srv/vllm:/srv \\
    -e VLLM_RBLN_TP_SIZE=8 --env=HOME=/hf \\
    example.com/vllm-rbln:0.11.2 \\
    --model {MODEL} --max-model-len 32768 \\
    --block-size 16384 --additional-config '{HELD}'
```

```python
print(client.models.list(   # and so on
```
"""
UNIT = f"""\
[Service]
Environment="VLLM_RBLN_TP_SIZE=8" MODEL={MODEL}
ExecStartPre=/usr/bin/test -d /models
ExecStart=-/opt/bin/vllm serve ${{MODEL}} \\
  --max-model-len 32768 \\
# of a block
  --block-size 16384 --additional-config '{HELD}'
"""
SUPERVISOR = f"""\
[program:vlm]
command=/opt/bin/vllm serve {MODEL} --max-model-len 32768
    --block-size 16384 --additional-config '{HELD}'
environment=HOME="/hf",VLLM_RBLN_TP_SIZE="8"
"""
BATCH = f"""\
@echo off
set MODEL={MODEL}
docker run --rm -p 80:80 ^
  example.com/vllm-rbln:0.11.2 --model %MODEL% --max-model-len 32768 ^
  --block-size 16384 --additional-config "{HELD.replace('"', chr(92) + '"')}"
"""
POWERSHELL = f"""\
$Model = "{MODEL}"
$env:VLLM_RBLN_TP_SIZE = "8"
docker run -e HOME=$env:HOME `
  example.com/vllm-rbln:0.11.2 --model $Model --max-model-len 32768 `
  --block-size 16384 --additional-config '{HELD.replace('"', chr(92) + '"')}'
"""
IMAGE = f"""\
ARG BASE=example.com/vllm-rbln:0.11.2
FROM ${{BASE}} AS base
ENV MODEL {MODEL}
ENV VLLM_RBLN_TP_SIZE=8 \\
    HOME=/hf
RUN apt-get update && \\
    # it's needed
    apt-get install -y curl
FROM base
CMD vllm serve $MODEL --max-model-len 32768 \\
    --block-size 16384 --additional-config '{HELD}'
"""
INSTALL = f"""\
cat > serve.sh <<'EOF'
vllm serve {MODEL} --max-model-len 32768 --block-size 16384 --additional-config '{HELD}'
EOF
chmod +x serve.sh
"""
APPLY = f"""\
kubectl apply -f - <<EOF
spec:
  containers:
  - args: [--model, {MODEL}, --max-model-len, "32768", --block-size, "16384",
           --additional-config, '{HELD}']
EOF
"""
BOOK = f"""\
Serving
=======

It's easy::

    vllm serve {MODEL} --max-model-len 32768 \\
        --block-size 16384 --additional-config '{HELD}'

Done.
"""
RUN = f"""\
import json, subprocess
MODEL = "{MODEL}"
HELD = {HELD!r}
subprocess.run(["vllm", "serve", MODEL, "--max-model-len", str(32768),
                "--block-size", "16384", "--additional-config", HELD])
"""
SYSTEM = f"""\
import os
os.system("vllm serve {MODEL} --max-model-len 32768 --block-size 16384 "
          + {f"--additional-config '{HELD}'"!r})
"""

AS_PEOPLE_WRITE = {
    "values.yaml": CHART,
    "compose.yaml": ANCHORS,
    "pod.yaml": POD,
    "ci.yml": WORKFLOW,
    "Makefile": MAKEFILE,
    "playbook.yml": PLAYBOOK,
    "README.md": DOCKER_RUN,
    "vlm.service": UNIT,
    "vlm.ini": SUPERVISOR,
    "serve.bat": BATCH,
    "serve.ps1": POWERSHELL,
    "Dockerfile": IMAGE,
    "install.sh": INSTALL,
    "apply.sh": APPLY,
    "serving.rst": BOOK,
    "run.py": RUN,
    "system.py": SYSTEM,
}


@pytest.mark.parametrize("name", AS_PEOPLE_WRITE)
def test_files_are_read_as_people_write_them(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(AS_PEOPLE_WRITE[name])
    [document] = read_documents(path)
    assert document.config == CONFIG
    assert document.model == MODEL
    assert document.notes == ()
    assert document.serve is not None
    flags = document.serve.flags
    assert (flags["block-size"], flags["max-model-len"]) == ("16384", "32768")
    content = AS_PEOPLE_WRITE[name]
    stated = document.version == (0, 11, 2)
    assert stated == ("0.11.2" in content)
    devices = document.serve.environment.get("VLLM_RBLN_TP_SIZE")
    assert devices == ("8" if "TP_SIZE" in content else None)
    line = content.split("\n")[document.place(("batch_size",)).line - 1]
    assert "max_seq_len" in line or name in ("system.py", "run.py")


def test_what_a_template_fills_in_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "deployment.yaml"
    path.write_text(TEMPLATE)
    [document] = read_documents(path)
    assert document.serve is not None
    assert document.config == CONFIG | {"batch_size": Unknown("{{ .Values.batch }}")}
    assert document.serve.flags["max-model-len"] == "{{ .Values.length }}"
    assert document.model == "{{ .Values.model | quote }}"
    assert not document.serve.is_folder
    path.write_text("batch_size: {{ batch }}\nvisual: {max_seq_len: [64]}\n")
    [plain] = read_documents(path)
    assert plain.config["batch_size"] == Unknown("{{ batch }}")


def test_commands_of_one_file_know_their_own_surroundings() -> None:
    first, second = read_documents(
        "services:\n"
        "  a: {environment: [A=1], command: 'vllm serve x/a --seed $A'}\n"
        "  b: {environment: {A: 2}, command: 'vllm serve x/b --seed $A'}\n"
    )
    assert first.serve is not None
    assert second.serve is not None
    assert (first.serve.flags["seed"], second.serve.flags["seed"]) == ("1", "2")
    assert (first.serve.environment, second.serve.environment) == (
        {"A": "1"},
        {"A": "2"},
    )


def test_files_within_files_are_read_by_their_names() -> None:
    script, server = read_documents(
        "kind: ConfigMap\ndata:\n"
        "  serve.sh: |\n    vllm serve a/b --seed 1\n"
        "  vllm.yaml: |\n    model: a/b\n    additional-config: {rbln_config: {npu: x}}\n"
        "  notes.md: |\n    no more than words\n"
    )
    assert script.model == server.model == "a/b"
    assert server.config == {"npu": "x"}
    assert server.place(("npu",)).line == 7


def test_files_within_files_within_files_come_to_an_end() -> None:
    text = "vllm serve a/b"
    for depth in range(12):
        inner = "\n".join(f"  {line}" for line in text.split("\n"))
        text = f"serve{depth}.{'yaml' if depth else 'sh'}: |\n{inner}"
    with pytest.raises(ConfigError, match="no command in it"):
        read_documents(text)
    loop = 'A=\'vllm serve a/b; sh -c "$A"\'\nsh -c "$A"\n'
    assert len(read_documents(loop)) > 1


def test_an_option_and_its_value_in_one_word_is_told() -> None:
    [document] = read_documents(
        "command: [vllm, serve, a/b, --seed 1, --block-size=64]\n"
    )
    assert document.serve is not None
    assert document.serve.flags == {"block-size": "64"}
    assert "'seed 1' is one word" in document.notes[0]


# --- models by their paths -------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("/models/Qwen2.5-VL-7B-Instruct", "qwen2.5-vl-7b"),
        ("/models/Qwen2.5-VL-7B-Instruct/", "qwen2.5-vl-7b"),
        ("./Qwen3-VL-2B-Instruct", "qwen3-vl-2b"),
        ("$ROOT/Qwen3-VL-2B-Instruct", "qwen3-vl-2b"),
        ("C:\\\\models\\\\Qwen3-VL-2B-Instruct", "qwen3-vl-2b"),
        ("s3://bucket/Qwen3-VL-2B-Instruct", "qwen3-vl-2b"),
        (
            "/hub/models--Qwen--Qwen2.5-VL-7B-Instruct/snapshots/cc594898137f460bfe9f",
            "qwen2.5-vl-7b",
        ),
        ("models--Qwen--Qwen3-VL-2B-Instruct", "qwen3-vl-2b"),
        ("somebody/Qwen3-VL-2B-Instruct", ""),
        ("/models/compiled", ""),
    ],
)
def test_a_model_is_known_by_the_last_name_of_its_path(model: str, name: str) -> None:
    [document] = read_documents(f"vllm serve {model} --block-size 16384\n")
    assert named_model(document) == name
    assert document.serve is not None
    assert document.serve.is_folder == (model == "/models/compiled")


def test_a_text_that_compiles_serves_what_it_makes() -> None:
    compiles = f"optimum-rbln-cli --model-id {MODEL} -o ./Qwen2.5-VL-7B-Instruct\n"
    serves = "vllm serve ./Qwen2.5-VL-7B-Instruct\n"
    _, served = read_documents(compiles + serves)
    [alone] = read_documents(serves)
    _, same = read_documents(f"{compiles}vllm serve {MODEL}\n")
    found = [each.serve.is_folder for each in (served, alone, same) if each.serve]
    assert found == [True, False, False]


# --- what is none ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "Dockerfile",
            "FROM node:20\nCMD [npm, start]\n",
            "in this Dockerfile; expected ENTRYP",
        ),
        (
            "Dockerfile.x",
            "FROM python\nRUN pip install x\n",
            "in this Dockerfile; expected ENTRYP",
        ),
        (
            "README.md",
            "# x\n\nfrom here import it, don't\n",
            "in this Markdown text; expected a bl",
        ),
        (
            "README.md",
            "```python\nfrom x import y\n```\n",
            "in this Markdown text; expected a bl",
        ),
        ("x.sh", "echo 'vllm serve'\n", "in this script; expected vllm serve or"),
        (
            "x.ps1",
            "Write-Host 'vllm serve it'\n",
            "in this PowerShell script; expected vllm",
        ),
        ("x.bat", "echo vllm serve it\n", "in this batch file; expected vllm"),
        (
            "x.service",
            "[Service]\nExecStart=/bin/true\n",
            "in this unit; expected ExecStart or",
        ),
        ("x.py", "x = 1\n", r"in this Python file; expected from_pretrained\(rbln"),
        ("x.py", "from x import (\n", "line 1: not Python"),
        ("x.json", "[]x", "x.json: not JSON"),
        ("x.yaml", "- a\n- b\n", "in this YAML file; expected settings"),
        ("x.yaml", "a: [\n", "neither JSON nor YAML"),
        (
            "compose.yaml",
            "services: {a: {command: sh}}\n",
            r"\(services\), and no command",
        ),
        (
            "compose.yaml",
            "a: {command: vllm serve 'x}\n",
            "line 1: a quote is not closed",
        ),
        (
            "main.tf",
            'resource "x" "y" {\n  a = ["--b"]\n}\n',
            "found in this text.*not TOML",
        ),
        (
            "notes",
            "from time to time\nwe serve\n",
            "no configuration found in this text",
        ),
        (
            "README.md",
            "```python\nrbln_config = {\n```\n",
            "README.md: line 2: not Python",
        ),
    ],
)
def test_what_holds_none_is_refused_in_words_that_fit_it(
    name: str, content: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(ConfigError, match=words) as caught:
        read_documents(path)
    assert caught.value.problems[0].startswith(name)
    kinds = {"Python", "Dockerfile", "JSON", "Markdown"}
    told_of = {
        kind for kind in kinds if kind in str(caught.value) and kind not in words
    }
    assert not told_of - {"JSON"} or "found in this text" in words


# --- where what is read stands ---------------------------------------------------------

TEXTS = st.text("ab \"'\\\n\t:#é😀{}-", max_size=40)


@given(text=TEXTS, style=st.sampled_from([None, "'", '"', "|", ">"]))
def test_every_character_of_a_scalar_is_found_where_it_is_written(
    text: str, style: str | None
) -> None:
    content = yaml.safe_dump({"key": [text]}, default_style=style, width=10)
    [tree] = yaml_trees(whole(content, "x.yaml"), "x.yaml")
    said = aligned(tree.value["key"][0], whole(content, "x.yaml"))
    assert said.text == text
    assert list(said.starts) == sorted(said.starts)
    for index, char in enumerate(text):
        found = said.written(index, index + 1)
        if not char.isspace() and found[:1] != "\\":
            assert found in (char, char * 2)


# --- blocks of other kinds, and damaged texts ------------------------------------------


def test_blocks_of_markdown_are_read_each_as_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(
        "# All\n\n```json\n"
        + json.dumps(CONFIG, indent=2)
        + "\n```\n\n1. So:\n\n   ~~~yaml\n   visual:\n     max_seq_len: [6400]\n"
        "   batch_size: 8\n   ~~~\n\n> ```toml\n> batch_size = 8\n> "
        "visual.max_seq_len = [6400]\n> ```\n\n```py\nCONFIG = "
        + repr(CONFIG)
        + "\n```\n\n```python\nf(rbln_config=CONFIG)\n```\n\n```json\n"
        '{"model": "x", "max_tokens": 5}\n```\n'
    )
    documents = read_documents(path)
    assert [each.config for each in documents] == [CONFIG] * 4
    lines = path.read_text().split("\n")
    for document in documents:
        line = lines[document.place(("batch_size",)).line - 1]
        assert "batch_size" in line


@settings(max_examples=60, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(AS_PEOPLE_WRITE)))
def test_damaged_texts_of_every_kind_are_read_or_refused_and_nothing_else(
    data: st.DataObject, name: str
) -> None:
    seed = AS_PEOPLE_WRITE[name]
    start = data.draw(st.integers(0, len(seed)))
    end = data.draw(st.integers(start, min(len(seed), start + 40)))
    put = data.draw(
        st.text("{}[]()'\"\\$`^#\n\t =:,-&*!%<>|;~ax1é\ue000\x00", max_size=6)
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(f"{seed[:start]}{put}{seed[end:]}")
        try:
            lint_config(path)
        except BucketwiseError:
            return
