# Thin on purpose: each target is one line that calls the real thing. Without make: the same line by hand.
PYTHON ?= python3
.PHONY: demo test test-postgres test-kills test-crash test-races test-dead lint bench

demo:
	@exec $(PYTHON) -m app.bootstrap demo
test:
	@exec $(PYTHON) -m app.bootstrap test
test-postgres:
	@exec $(PYTHON) -m app.bootstrap test-postgres
test-kills:
	@exec $(PYTHON) -m app.bootstrap test-kills
test-crash:
	@exec $(PYTHON) -m app.bootstrap test-crash
test-races:
	@exec $(PYTHON) -m app.bootstrap test-races
test-dead:
	@exec $(PYTHON) -m app.bootstrap test-dead
lint:
	@exec $(PYTHON) -m app.bootstrap lint
bench:
	@exec $(PYTHON) -m app.bootstrap bench
