# The front door; the work is done by meson (tools/build) and the scripts in tools/.
N ?= 10
LOAD ?= 2
SUITE ?=
FUZZ_SECONDS ?= 60

.PHONY: build run test test-slow repeat mutants model asan asan-e2e tsan lint format bench fuzz clean bootstrap-tests
build:
	@tools/bootstrap
	@tools/build release

run: build
	@exec build/bin/filesure up

bootstrap-tests:
	@tools/bootstrap --tests

test: bootstrap-tests
	@tools/run-tests $(SUITE)

test-slow: tsan
	@tools/run-tests $(or $(SUITE),e2e ui) -- -m slow

repeat: bootstrap-tests
	@tools/repeat --runs $(N) --load $(LOAD) $(SUITE)

mutants: bootstrap-tests
	@ONLY='$(ONLY)' tools/mutants

model:
	@tools/bootstrap
	@tools/build test tests/model.test_model
	@"$${BUILD_DIR:-build/test}/tests/model.test_model" --all

asan: bootstrap-tests
	@FILESURE_BUILD=build/asan tools/run-tests unit contract fuzz

asan-e2e: bootstrap-tests
	@FILESURE_BUILD=build/asan tools/run-tests e2e

tsan: bootstrap-tests
	@FILESURE_BUILD=build/tsan tools/run-tests unit contract

lint: bootstrap-tests
	@tools/lint

format:
	@tools/lint --format

bench: bootstrap-tests
	@tools/build release
	@bench/run

fuzz: bootstrap-tests
	@tools/fuzz $(FUZZ_SECONDS)

clean:
	@rm -rf build
