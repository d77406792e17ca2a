# Every command a person needs. Each recipe runs in the environment that setup/ prepares.
.DEFAULT_GOAL := help
.PHONY: help run dev build test check prove bench clean

# SQL is checked against `.sqlx`, build products stay in the cache folder: see setup/env.sh.
IN := . ./setup/env.sh &&
SAY := printf '\033[1m==> %s\033[0m\n'
# The product, native. The browser's half has other features and xtask another profile: each is built alone.
NATIVE := --workspace --exclude frontend --exclude xtask
WASM := --package frontend --target wasm32-unknown-unknown
XTASK := --package xtask --profile xtask

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.* ## /\1\t/p' Makefile | awk -F '\t' '{ printf "  make %-7s %s\n", $$1, $$2 }'

run: build ## set up what is missing, build and start Watchbill; ARGS="--listen …" reach `serve`
	@$(IN) exec "$$CARGO_TARGET_DIR/release/watchbill" serve $(ARGS)

build: ## build the release: one file, with the site inside
	@./setup/run
	@$(IN) $(SAY) "Building the site" && cargo xtask site --release
	@$(IN) $(SAY) "Building the server" && cargo build --release --package server
	@$(IN) $(SAY) "Built $$CARGO_TARGET_DIR/release/watchbill"

dev: ## build quickly, without optimisation, and start
	@./setup/run
	@$(IN) cargo xtask site && cargo build --package server
	@$(IN) exec "$$CARGO_TARGET_DIR/debug/watchbill" serve $(ARGS)

check: ## formatting, lints, SQL against the schema, layers, licences
	@./setup/run check
	@$(SAY) "Formatting" && $(IN) cargo fmt --all --check
	@$(SAY) "Layers, sizes, documents" && $(IN) cargo xtask check
	@$(SAY) "Lints" && $(IN) cargo clippy $(NATIVE) --all-targets -- --deny warnings && \
		cargo clippy $(XTASK) --all-targets -- --deny warnings
	@$(SAY) "Lints of the browser's half" && $(IN) cargo clippy $(WASM) -- --deny warnings
	@$(SAY) "SQL against the schema" && $(IN) ./setup/with-database cargo xtask sqlx-prepare --check
	@$(SAY) "Licences and bans" && $(IN) cargo-deny --log-level error check licenses bans sources

test: ## set up what is missing and run every check and every test, the browser's included
	@./setup/run test
	@$(MAKE) --no-print-directory check
	@$(SAY) "Tests" && $(IN) ./setup/with-database ./setup/cargo-test $(NATIVE)
	@$(IN) cargo test --quiet $(XTASK)
	@$(SAY) "Tests of the demonstration's steps" && $(IN) npm test --silent
	@$(SAY) "The site for the browser's tests" && $(IN) cargo xtask site --release
	@$(SAY) "Tests in the browser" && $(IN) ./setup/with-database ./setup/browser-test

prove: ## put the gate through the large sizes: a million sequences of verbs, a hundred thousand patches
	@./setup/run test
	@$(IN) WATCHBILL_PROVE_SEQUENCES=$${SEQUENCES:-1000000} WATCHBILL_PROVE_PATCHES=$${PATCHES:-100000} \
	    ./setup/with-database cargo test --release --package engine -- --nocapture sequences against_git

bench: ## measure speed against the limits of this machine; asserts nothing; ARGS="--rows 10000000" for more
	@./setup/run
	@$(IN) cargo xtask site --release && cargo build --release --package server --package benches
	@$(IN) DURABLE=yes WATCHBILL_BINARY="$$CARGO_TARGET_DIR/release/watchbill" \
	    ./setup/with-database "$$CARGO_TARGET_DIR/release/benches" $(ARGS)

clean: ## remove what builds made, for every checkout; data stays
	@$(IN) rm -rf node_modules "$$CARGO_TARGET_DIR"
