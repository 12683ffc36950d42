#!/usr/bin/env bash
# All tests with a fixed seed, then the property tests once more with a random one; both are printed.
# usage: test.sh BIN [pytest arguments]
set -euo pipefail
bin=$1; shift
fixed=20261121
random=${HYPOTHESIS_SEED:-$((RANDOM * 32768 + RANDOM))}
echo "fixed seed: $fixed, random seed: $random (HYPOTHESIS_SEED=$random repeats it)"
"$bin/pytest" tests --ignore=tests/clients --ignore=tests/soak -n 2 --dist loadscope --hypothesis-seed="$fixed" "$@"
"$bin/pytest" tests --ignore=tests/clients --ignore=tests/soak -m hypothesis -n 2 --hypothesis-seed="$random" "$@"
