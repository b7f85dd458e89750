# One environment at the root, .venv, from the pins in constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help demo demo-benchmark quick test format check docs tables soak picture benchmark benchmark-video benchmark-gpu weights pins clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-17s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP)  ## draw a video with known micro-expressions, analyse it, print found beside true
	$(BIN)/fleeting demo --out runs/demo

demo-benchmark: $(STAMP)  ## a benchmark on drawn motion maps, clean beside the oracle
	$(BIN)/fleeting run drawn/ststnet --executor processes --out runs/demo-benchmark

quick: $(STAMP)  ## the tests that are not marked slow, while you work
	$(BIN)/pytest -n auto --dist worksteal -m "not slow"

test: $(STAMP)  ## every test, slow ones too
	$(BIN)/pytest -n auto --dist worksteal --durations=40 --durations-min=5

format: $(STAMP)  ## lay the code out, mend what ruff can mend, print the rest
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .

GENERATORS := docs/make/tables.py docs/make/api.py docs/make/layers.py

check: $(STAMP)  ## style, types, layers, generated tables, documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	for script in $(GENERATORS); do $(BIN)/python $$script --check || exit 1; done
	$(MAKE) --no-print-directory docs

docs: $(STAMP)  ## build the documentation as a site, into site/
	$(BIN)/zensical build --strict --clean

tables: $(STAMP)  ## write the generated parts of the documentation anew
	for script in $(GENERATORS); do $(BIN)/python $$script || exit 1; done

benchmark: $(STAMP)  ## composite LOSO of STSTNet against a plain loop (needs the motion maps: MAPS=PATH)
	$(BIN)/python benchmarks/composite_loso.py $(MAPS)

benchmark-video: $(STAMP)  ## decoding, faces, flow, drawing, the whole way: each against its alternative
	for part in decode faces flow drawing end_to_end; do \
	  echo "== $$part"; $(BIN)/python benchmarks/$$part.py || exit 1; done

benchmark-gpu: $(STAMP)  ## what a GPU does faster: flow, bfloat16, many folds as one computation
	$(BIN)/python benchmarks/gpu.py
	$(BIN)/python benchmarks/stacked.py

soak: $(STAMP)  ## 200 broken videos, 50 kills each of analyze and run, wild inputs, all papers' tables
	$(BIN)/python studies/soak.py
	HYPOTHESIS_PROFILE=soak $(BIN)/pytest -q -k fuzz
	$(BIN)/python studies/all_tables.py

picture: $(STAMP)  ## the README's picture, anew, from what `make demo` writes (needs chromium)
	rm -rf build/demo
	$(BIN)/fleeting demo --out build/demo
	$(BIN)/python docs/make/report.py build/demo

SHIPPED := src/fleeting/assets/recogniser/megc2019-symmetric-flow

weights: $(STAMP)  ## train the shipped recogniser anew, the same to the byte (needs the motion maps: MAPS=PATH)
	rm -rf build/weights
	$(BIN)/fleeting train megc2019/symmetric-flow --data megc2019-flow=$(MAPS) --out build/weights
	cp build/weights/weights.safetensors build/weights/README.md $(SHIPPED)

pins: $(STAMP)  ## do the pins resolve for the Pythons we do not run on? (downloads metadata, installs nothing)
	for version in 3.12 3.13; do \
	  $(BIN)/pip install --dry-run --quiet --ignore-installed --only-binary=:all: --target build/none \
	    --python-version $$version --requirement constraints.txt && echo "the pins resolve for $$version" || exit 1; \
	done

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all]' --group dev
	touch $@

clean:  ## remove .venv, the site, builds and the tools' caches; runs/ stays
	rm -rf $(VENV) site build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
