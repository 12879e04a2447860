# Vernissage. `make` shows what there is to do; every target does its own set-up.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
ALL := .venv/bin/python
KIOSK := .venv-kiosk/bin/python

DATA ?=
PHOTOS ?=
RECIPE ?= kiosk
RUN ?=
OUT ?=
BUNDLE ?= models/default
KEY ?=
GROUPS ?= 4
ARGS ?=
UNSEEN ?=
BEYOND ?=
PUBLISHED = cnn cnn_weighted resnet50 resnet50_weighted resnet50_pretrained resnet50_fine_tuned
BEYOND_PUBLISHED = vgg16 inception_v3 efficientnet_v2_b0 efficientnet_lite0 resnet50_distilled
export DATA PHOTOS

.PHONY: help kiosk test test-slow lint data explore train hold-outs ablate reproduce report export bench recommend bench-locate bench-pipeline locator lock clean

help: ## show this
	@echo 'Vernissage tells which style a painting belongs to. Start with: make kiosk'
	@echo
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16
	@echo
	@echo 'examples:'
	@echo '  make kiosk ARGS="--port 8090 --source demo"'
	@echo '  make train RECIPE=kiosk DATA="FOLDER FOLDER" PHOTOS=FOLDER'
	@echo '  make export RUN=kiosk ARGS="--target all"'
	@echo '  make bench DATA="FOLDER FOLDER" PHOTOS=FOLDER'

kiosk: $(KIOSK).stamp $(if $(KEY),$(KIOSK).signing.stamp) ## run the kiosk (ARGS="--help" lists its options; KEY=FILE: signed bundles alone)
	$(KIOSK) -m kiosk $(if $(KEY),--key $(KEY)) $(ARGS)

test: $(ALL).stamp ## run the fast tests (DATA="FOLDER ..." adds those on real paintings)
	$(ALL) -m pytest -m 'not slow' $(ARGS)

test-slow: $(ALL).stamp ## run the slow tests
	$(ALL) -m pytest -m slow $(ARGS)

lint: $(ALL).stamp ## ruff, mypy and the import contracts
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

data: $(ALL).stamp ## fetch and verify the data set; or check folders of your own (DATA="FOLDER ...")
	$(ALL) -m train $(if $(DATA),--check --data $(DATA) $(if $(PHOTOS),--photos $(PHOTOS)),download) $(ARGS)

explore: $(ALL).stamp ## look at DATA="FOLDER ...": runs/explore/index.html
	$(ALL) -m train explore --data $(DATA) $(ARGS)

train: $(ALL).stamp ## train RECIPE on DATA="FOLDER ..." (PHOTOS=FOLDER: what is no painting); resumes
	$(ALL) -m train --recipe $(RECIPE) --data $(DATA) $(if $(PHOTOS),--photos $(PHOTOS)) $(ARGS)

locator: $(ALL).stamp ## train the network that finds the painting, on scenes with DATA and PHOTOS; put it into BUNDLE
	$(ALL) -m train locator --data $(DATA) $(if $(PHOTOS),--photos $(PHOTOS)) $(ARGS)
	$(ALL) -m export locator locator --bundle $(BUNDLE)

hold-outs: $(ALL).stamp ## train and export RECIPE with each of GROUPS groups of artists held out in turn
	for group in $$(seq $(GROUPS)); do \
	  $(ALL) -m train --recipe $(RECIPE) --data $(DATA) $(if $(PHOTOS),--photos $(PHOTOS)) --hold-out-artists $$group/$(GROUPS); \
	  $(ALL) -m export $(RECIPE)-$$group-of-$(GROUPS) --agreement 98 --budget 1.5 --out runs/$(RECIPE)-$$group-of-$(GROUPS)/bundle; \
	done

ablate: $(ALL).stamp ## measure what each part of the recipe kiosk gives, on DATA="FOLDER ..." and PHOTOS
	$(ALL) -m train ablate --data $(DATA) $(if $(PHOTOS),--photos $(PHOTOS)) $(ARGS)

reproduce: $(ALL).stamp ## train the published models on DATA=FOLDER, judged by UNSEEN too (BEYOND=1: the others as well)
	for recipe in $(PUBLISHED) $(if $(BEYOND),$(BEYOND_PUBLISHED)); do \
	  $(ALL) -m train --recipe $$recipe --data $(DATA) $(if $(UNSEEN),--unseen $(UNSEEN)) $(ARGS) || echo "$$recipe: not trained"; \
	done

report: $(ALL).stamp ## write docs/reproduction.md and runs/report/index.html from all finished runs
	$(ALL) -m train report $(ARGS)

export: $(ALL).stamp ## turn RUN (default: the best ResNet50) into a bundle, models/RUN or OUT
	$(ALL) -m export $(RUN) $(if $(OUT),--out $(OUT)) $(ARGS)

bench: $(ALL).stamp ## every file of BUNDLE in every runtime: latency, memory; accuracy on DATA and PHOTOS; a report
	$(ALL) -m benchmarks run $(BUNDLE) $(if $(DATA),--data $(DATA)) $(if $(PHOTOS),--photos $(PHOTOS)) $(ARGS)

recommend: $(ALL).stamp ## in two minutes: which file of BUNDLE, with how many threads; written to the kiosk's settings
	$(ALL) -m benchmarks recommend $(BUNDLE) $(if $(DATA),--data $(DATA)) $(ARGS)

bench-locate: $(ALL).stamp ## does the kiosk find the painting? Synthetic scenes, drawn canvases or those of DATA
	$(ALL) -m benchmarks locate $(BUNDLE) $(if $(DATA),--data $(DATA)) $(ARGS)

bench-pipeline: $(ALL).stamp ## from a frame's arrival to its label: delay, processor time, memory, label changes
	$(ALL) -m benchmarks pipeline $(BUNDLE) $(if $(DATA),--data $(DATA)) $(ARGS)

lock: $(ALL).stamp ## pin the newest versions again, with hashes, for x86-64 and aarch64
	for lock in "kiosk" "kiosk-signing --extra signing" "all --extra train --extra export --extra qat --extra signing --extra benchmarks --extra dev"; do \
	  set -- $$lock; name=$$1; shift; \
	  .venv/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --upgrade --quiet \
	    --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' "$$@" -o requirements/$$name.lock; \
	done

clean: ## remove environments and caches; runs and models stay
	rm -rf .venv .venv-kiosk .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

# Debian and Ubuntu have what makes environments in a package of its own.
define check_python
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Vernissage needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo '$(PYTHON) cannot make environments: sudo apt-get install python3-venv (Debian, Ubuntu), then make again' >&2; exit 1; }
endef

# An environment is made anew when its lock file changes. A lock file is complete, so nothing is to be resolved;
# and some versions of pip cannot resolve hash-pinned extras (pydantic[email]).
$(KIOSK).stamp: requirements/kiosk.lock
	@$(check_python)
	$(PYTHON) -m venv --clear .venv-kiosk
	$(KIOSK) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/kiosk.lock
	@touch $@

# What verifies signatures is as large as all the rest of the kiosk: it comes where a key is given.
$(KIOSK).signing.stamp: requirements/kiosk-signing.lock $(KIOSK).stamp
	$(KIOSK) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/kiosk-signing.lock
	@touch $@

# LoadGen has wheels for x86-64; elsewhere pip compiles it.
$(ALL).stamp: requirements/all.lock
	@$(check_python)
	@[ "$$(uname -m)" = x86_64 ] || command -v c++ >/dev/null || { echo 'MLCommons LoadGen is compiled on this machine: sudo apt-get install g++ python3-dev, then make again' >&2; exit 1; }
	@echo 'setting up .venv (about 3 GB, minutes on the first run) ...'
	$(PYTHON) -m venv --clear .venv
	$(ALL) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/all.lock
	@touch $@
