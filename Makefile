# One environment at the root, .venv, from the pins in constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo demo-benchmark test check docs benchmark benchmark-video weights pins clean

demo: $(STAMP)  ## draw a video with known micro-expressions, analyse it, print found beside true
	$(BIN)/fleeting demo --out runs/demo

demo-benchmark: $(STAMP)  ## a benchmark on drawn motion maps, clean beside the oracle
	$(BIN)/fleeting run drawn/ststnet --executor processes --out runs/demo-benchmark

test: $(STAMP)  ## every test, slow ones too
	$(BIN)/pytest -n auto --dist worksteal

check: $(STAMP)  ## style, types, layers, generated tables, documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python docs/make/tables.py --check
	$(BIN)/zensical build --strict --clean

benchmark: $(STAMP)  ## composite LOSO of STSTNet against a plain loop (needs the motion maps: MAPS=PATH)
	$(BIN)/python benchmarks/composite_loso.py $(MAPS)

benchmark-video: $(STAMP)  ## decoding, faces, alignment, flow, apexes, drawing: each against its alternative
	for part in decode faces align flow drawn_flow apex drawing recogniser; do \
	  echo "== $$part"; $(BIN)/python benchmarks/$$part.py || exit 1; done

SHIPPED := src/fleeting/assets/recogniser/megc2019-symmetric-flow

weights: $(STAMP)  ## train the shipped recogniser anew, the same to the byte (needs the motion maps: MAPS=PATH)
	rm -rf build/weights
	$(BIN)/fleeting train megc2019/symmetric-flow --data megc2019-flow=$(MAPS) --out build/weights
	cp build/weights/weights.safetensors build/weights/README.md $(SHIPPED)

docs: $(STAMP)  ## write the generated tables anew
	$(BIN)/python docs/make/tables.py

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

clean:
	rm -rf $(VENV) site build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
