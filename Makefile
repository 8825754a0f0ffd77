# Two commands do everything: `make demo` and `make test`. Each sets up .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Modules are compiled when they are imported: most never are.
INSTALL := -m pip install --quiet --disable-pip-version-check --no-compile

SAMPLES := docs_screenshots web_photos phone_photos chest_xrays qwen_vl_service
# What runs today in the sample reports: the three lengths vendor guides print, read as
# the runtime reads them.
GUIDE_BUCKETS := 1024,3136,16384
FUZZ_EXAMPLES ?= $(if $(CI),30,60)
FUZZED := tests/test_fuzz.py tests/test_report_any_traffic.py tests/test_emitted_lint.py \
  tests/test_safe_top.py::test_no_image_and_no_clip_outgrows_the_top_under_the_emitted_limits \
  tests/test_sources_evidence_tables.py::test_any_two_of_start_end_and_duration_tell_the_same \
  tests/test_sources_evidence_tables.py::test_the_order_of_rows_and_cuts_between_files_do_not_matter \
  tests/test_sources_tables.py::test_two_files_together_are_the_sum_of_each
# What a decoder carried, for the sample that shows both halves of a plan.
DECODER := --activity sample_traffic/azure_conversations.csv.gz --batch-size 8

.PHONY: help demo test fuzz conformance conformance-load servers check lint types contracts reports reports-check screenshots docs wheel-check lowest-check lock clean

help:
	@echo "make demo   run bucketwise on the shipped sample traffic"
	@echo "make test   run all tests"
	@echo "make check  tests, lint, types, import contracts, wheel, lowest versions, reports: what CI runs"

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "bucketwise needs Python 3.11 or newer; say which with: make PYTHON=python3.11"; exit 1; }
	@echo "Setting up $(VENV) from requirements.lock (first time: a minute or two) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(INSTALL) --require-hashes -r requirements.lock
	@$(BIN)/python $(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP)
	@echo "Running bucketwise on sample_traffic/docs_screenshots.csv ..."
	$(BIN)/bucketwise analyze sample_traffic/docs_screenshots.csv $(DECODER) \
	  --model qwen3-vl-2b --current $(GUIDE_BUCKETS) --out bucketwise-demo

test: $(STAMP)
	@echo "Running the tests ..."
	$(BIN)/python -m pytest -n auto --dist loadgroup

# Damaged input and any traffic, many times over: the budget of continuous integration,
# which draws the same each time; elsewhere each run draws anew.
fuzz: $(STAMP)
	BUCKETWISE_EXPLORE=$(if $(CI),,1) BUCKETWISE_FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest -n auto $(FUZZED)

# The real SDK judges what bucketwise emits, without a device: tests/conformance/README.md.
# What passed is not judged again while nothing it saw has changed; FORCE=1 does.
conformance: $(STAMP)
	@$(BIN)/python -m tests.conformance.run $(if $(FORCE),--again)
	@$(BIN)/python -m tests.conformance_vllm.run

# The parsers of load tools read what `export-load` writes: tests/conformance_load/run.py.
conformance-load: $(STAMP)
	@$(BIN)/python -m tests.conformance_load.run

# Databases, clusters and object stores on loopback, each compared with files read here.
# Their clients weigh a gigabyte, so they have a .venv of their own.
SERVERS := .venv-servers
$(SERVERS)/.installed: tests/servers/requirements.lock pyproject.toml
	$(PYTHON) -m venv $(SERVERS)
	$(SERVERS)/bin/python $(INSTALL) --require-hashes -r tests/servers/requirements.lock
	$(SERVERS)/bin/python $(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

servers: $(SERVERS)/.installed
	$(SERVERS)/bin/python -m pytest tests/servers

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

contracts: $(STAMP)
	$(BIN)/lint-imports

reports: $(STAMP)
	rm -rf $(SAMPLES:%=reports/%)
	for sample in $(SAMPLES); do \
	  $(BIN)/bucketwise analyze $$(ls sample_traffic/$$sample.csv sample_traffic/$$sample/* 2> /dev/null) \
	    $$(test $$sample = docs_screenshots && echo "$(DECODER)") --model qwen3-vl-2b \
	    --current $(GUIDE_BUCKETS) --out reports/$$sample --quiet || exit 1; \
	done

# The committed reports are what these sources give, byte for byte.
reports-check: reports
	@git diff --exit-code --stat -- reports && test -z "$$(git status --porcelain -- reports)" \
	  && echo "reports/ regenerates byte for byte"

# First screens of the committed reports, for the README; wants a Chromium.
screenshots: $(STAMP)
	$(BIN)/python scripts/screenshots reports reports

# The page of lint rules, made from the rules.
docs: $(STAMP)
	$(BIN)/python -c 'from bucketwise.engines import rules; from bucketwise.lint.formats.rules_page import rules_page; print(rules_page(rules()), end="")' > docs/rules.md
	$(BIN)/python scripts/write-targets

# The wheel works where the sources are not.
wheel-check: $(STAMP)
	rm -rf dist
	$(BIN)/python -m build --wheel --no-isolation --outdir dist > /dev/null
	scripts/smoke-test-wheel $(CURDIR)/$(BIN)/python dist/*.whl sample_traffic/docs_screenshots.csv

# So it does with the lowest versions of its dependencies that pyproject.toml admits.
LOWEST := .venv-lowest
lowest-check: wheel-check
	$(PYTHON) -m venv --clear $(LOWEST)
	$(BIN)/python scripts/lowest-versions > $(LOWEST)/pins.txt
	$(LOWEST)/bin/python $(INSTALL) --only-binary :all: -r $(LOWEST)/pins.txt
	scripts/smoke-test-wheel $(CURDIR)/$(LOWEST)/bin/python dist/*.whl sample_traffic/docs_screenshots.csv

check: test fuzz lint types contracts wheel-check lowest-check reports-check

# Adds what is new in requirements.in; `make lock UPGRADE=--upgrade` moves every pin.
# Of servers moto wants an older dateutil, and pip would try each release of its clients.
lock: $(STAMP)
	$(BIN)/python -m pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet $(UPGRADE) --generate-hashes --strip-extras --allow-unsafe \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	  --output-file requirements.lock requirements.in
	$(BIN)/python -m pip install --quiet uv
	grep '==' requirements.lock | sed 's/ .*//; /^python-dateutil=/d' > $(VENV)/pins.txt
	$(BIN)/uv pip compile --quiet $(UPGRADE) --generate-hashes --python-version 3.11 \
	  --no-header --no-emit-index-url --no-emit-find-links --constraint $(VENV)/pins.txt \
	  --output-file tests/servers/requirements.lock tests/servers/requirements.in

clean:
	rm -rf $(VENV) $(LOWEST) $(SERVERS) dist bucketwise-demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
