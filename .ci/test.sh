#!/usr/bin/env bash
# All tests with a fixed seed, then the property tests once more with a random one; both are printed.
# usage: test.sh BIN [pytest arguments]; TEST_MINUTES: how long they may take, 15 unless set
set -euo pipefail
bin=$1; shift
export CI=true # what the tests need is installed by now: a missing server is a failure, never a skip
fixed=20261121
random=${HYPOTHESIS_SEED:-$((RANDOM * 32768 + RANDOM))}
limit=$((${TEST_MINUTES:-15} * 60))
begun=$SECONDS

# In memory where there is room for it (some 200 MB are used): the tests make thousands of databases, and would
# wait for the disk.
room=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1) || room=0
if [ -w /dev/shm ] && [ "${room:-0}" -ge $((1024 * 1024)) ]; then
  TMPDIR=$(mktemp -d /dev/shm/radicale-practice.XXXXXX)
  export TMPDIR
  trap 'rm -rf "$TMPDIR"' EXIT
  chmod 0711 "$TMPDIR" # PostgreSQL runs as another user
fi

# In the foreground, so that Ctrl-C reaches the tests; a first SIGINT lets them end what they started.
run() {
  local left=$((limit - SECONDS + begun)) code=0
  timeout --foreground --signal=INT --kill-after=60 "$((left > 0 ? left : 1))" \
    "$bin/pytest" tests --ignore=tests/clients --ignore=tests/soak -n 2 "$@" || code=$?
  if [ $((SECONDS - begun)) -ge "$limit" ]; then
    echo "the tests took more than $((limit / 60)) minutes; on a busy machine: TEST_MINUTES=30 make test" >&2
    exit 1
  fi
  [ "$code" = 0 ] || exit "$code"
}

echo "fixed seed: $fixed, random seed: $random (HYPOTHESIS_SEED=$random repeats it)"
run --dist loadscope --hypothesis-seed="$fixed" "$@"
run -m hypothesis --hypothesis-seed="$random" "$@"
