"""What each process of the miss-nothing proof knows: its database, its chance, when it begins and ends."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from multiprocessing.synchronize import Barrier
from typing import Any

LEAST = 20
"""A writer goes on until it has written so often, however slow the machine is."""


@dataclass
class Run:
    """One writer's run of ``seconds``. ``reports`` (a queue) gets its failures and at last its numbers."""

    url: str
    name: str
    seed: str
    seconds: float
    barrier: Barrier
    reports: Any
    done: int = 0
    retried: int = 0
    refused: int = 0
    dice: random.Random = field(init=False)
    until: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def begin(self) -> None:
        """Wait for all others."""
        self.barrier.wait()
        self.until = time.monotonic() + self.seconds

    def goes_on(self) -> bool:
        """Whether there is time left, or too little was done."""
        return time.monotonic() < self.until or self.done < LEAST

    def report(self, failure: str) -> None:
        """A failure of the proof."""
        self.reports.put((self.name, failure))

    def end(self) -> None:
        """Say what was done."""
        self.reports.put((self.name, (self.done, self.refused, self.retried)))
