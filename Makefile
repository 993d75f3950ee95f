# The commands of this repository. `make run` and `make test` are the two that a newcomer needs; both install what they
# miss, or say exactly what to install.

.DEFAULT_GOAL := help
.PHONY: help run test accept accept-fast console fuzz bench clean

help: ## lists these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name what; do \
		printf 'make %-12s %s\n' "$$name" "$$what"; done

run: ## builds Countersign and plays the demo
	@scripts/need.sh build
	cargo run --profile ci --package countersign -- demo

test: ## runs every check: tools, format, house rules, lints, tests, the fast acceptance runs
	@scripts/test.sh

accept: ## runs all acceptance runs against software from elsewhere, the slow ones too
	@scripts/need.sh
	acceptance/all.sh

accept-fast: ## runs the acceptance runs that `make test` includes
	@scripts/need.sh
	acceptance/fast.sh

console: ## builds the console's types and pages anew, which are checked in
	@scripts/console.sh write

fuzz: ## fuzzes every parser that reads what others wrote, 1,000,000 executions each
	@scripts/fuzz.sh

bench: ## measures speed on the checked-in workload, with the binary as it is shipped
	@scripts/bench.sh $(ARGS)

clean: ## removes everything that was built or fetched
	cargo clean
