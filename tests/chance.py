"""Seeds of the proofs that choose at random: a fixed one, and one that is another each time.

``SOAK_SEED`` in the environment repeats a run; the seed of the random one is said at the end of the session
(``conftest``) and by each failure, also with ``-q`` and in xdist's workers.
"""

from __future__ import annotations

import os
import random

FIXED = 20261121
VARIABLE = "SOAK_SEED"


def choose() -> int:
    """Choose the random seed for this session and its worker processes, unless the environment has one."""
    return int(os.environ.setdefault(VARIABLE, str(random.SystemRandom().randrange(10**9))))


def seed_of(which: str) -> int:
    """The seed of a proof's run ``fixed`` or ``random``."""
    return FIXED if which == "fixed" else choose()
