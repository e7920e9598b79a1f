# The book's commands. `make` alone lists them. Works with GNU make 3.81 (macOS) and later.
#   PYTHON=python3.12  use this interpreter      ARGS="..."  more arguments for the command
#   GPU=1              take torch with CUDA      REDRAW=1    make book: draw measured pictures anew

PYTHON ?= python3
VENV_PYTHON := .venv/bin/python
NOTEBOOKS := notebooks/en
export GPU

# A Python that was named on the command line or in the environment is used as it is, never replaced.
THIS_PYTHON := $(if $(filter file,$(origin PYTHON)),,--this-python)
QUIET := LLMASOS_PROGRESS=0 OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1}
PYTEST := $(QUIET) $(VENV_PYTHON) -m pytest --nbval --nbval-current-env -rs

.PHONY: help install serve lab test check mutants kills workloads book load models figures bench clean

help:  ## list these commands
	@sed -n 's/^\([a-z]*\):.*##\(.*\)/  make \1	\2/p' Makefile

install:  ## make .venv and install the book into it (does nothing when all is there)
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "There is no $(PYTHON) on this machine. Install Python 3.11" \
	  "or later (Debian, Ubuntu, WSL: sudo apt install python3 python3-venv; macOS: brew install python@3.12)."; exit 1; }
	@$(PYTHON) -I llmasos_edu/install.py $(THIS_PYTHON)

lab: install  ## open the book in JupyterLab
	@$(VENV_PYTHON) -m llmasos_edu.book lab $(ARGS)

serve: install  ## a model for the whole class: OpenAI's interface, and a control room in the browser, texts running
	$(VENV_PYTHON) -m llmasos_edu serve --demo $(ARGS)

test: install  ## everything that is checked on every change: style, tests, all notebook cells, browser
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	.venv/bin/lint-imports --no-cache --no-logo
	$(VENV_PYTHON) tests/browser/chromium.py
	$(PYTEST) tests $(NOTEBOOKS) -n 2 --dist loadscope --no-loadscope-reorder $(ARGS)

check: install  ## some tests or one notebook: make check ARGS=notebooks/en/04_1_attention.ipynb
	$(PYTEST) $(if $(ARGS),$(ARGS),tests/notebooks)

mutants: install  ## break a module on purpose, list what its tests miss: make mutants MODULE=layers/positional
	@$(VENV_PYTHON) -c "import mutmut" 2>/dev/null || \
	  $(VENV_PYTHON) -m pip install -q --disable-pip-version-check -e ".[mutation]" -c constraints.txt
	$(QUIET) $(VENV_PYTHON) tests/mutants.py $(MODULE) $(ARGS)

kills: install  ## kill trainings 100 times while they compute and save: all resume bit for bit
	LLMASOS_KILLS=$${LLMASOS_KILLS:-50} $(PYTEST) tests/training/test_checkpoint.py -k killed_at_random -s $(ARGS)

workloads: install  ## 10,000 random workloads through the kernel: all its invariants hold
	LLMASOS_WORKLOADS=$${LLMASOS_WORKLOADS:-10000} $(PYTEST) tests/kernel/test_invariants.py -n 2 $(ARGS)

load: install  ## 64 clients at once, with cancels and kills, three minutes for each of three settings
	LLMASOS_LOAD_SECONDS=$${LLMASOS_LOAD_SECONDS:-180} $(PYTEST) tests/serving/test_load.py -s $(ARGS)

book: install  ## run all chapters and store their outputs; ARGS=notebooks/en/... for one
	$(QUIET) $(VENV_PYTHON) -m llmasos_edu.book execute $(if $(REDRAW),--redraw) $(ARGS)

evidence: install  ## compute what the verdicts rest on, ARGS=4.1 for one section; if stopped, it goes on
	$(QUIET) $(VENV_PYTHON) -m llmasos_edu.book evidence $(ARGS)

models: install  ## train the shipped models anew; if it is stopped, the same command goes on
	$(VENV_PYTHON) -m llmasos_edu.pretrained $(ARGS)

figures: install  ## draw the still pictures of README and chapters anew
	$(VENV_PYTHON) figures/draw.py

bench: install  ## measure the library beside its peers
	$(VENV_PYTHON) benchmarks/attention.py
	$(VENV_PYTHON) benchmarks/train.py
	$(VENV_PYTHON) benchmarks/generate.py
	$(VENV_PYTHON) benchmarks/moe.py
	$(VENV_PYTHON) benchmarks/kernel.py

clean:  ## remove .venv and all that tests and builds left behind
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
