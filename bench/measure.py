"""Timing: one client in interleaved rounds, and 16 clients at the same time."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.operations import Operation, Session, Side, members_in

CLIENTS = 16
SAMPLE_SECONDS = 0.25
MOST_SAMPLES = 40
SLOW_SECONDS = 1.0
ENOUGH_SLOW_ROUNDS = 2


class WrongAnswer(Exception):
    """A server answered something else than what is measured."""


Times = dict[tuple[str, str], float]
"""Seconds a request takes, by names of operation and server."""


@dataclass(frozen=True)
class Result:
    """Seconds a request takes on stock Radicale and on ours."""

    operation: Operation
    stock: float
    ours: float

    @property
    def ratio(self) -> float:
        """Our time over stock's."""
        return self.ours / self.stock

    @property
    def good(self) -> bool:
        """Whether the required ratio is kept."""
        within = self.ratio <= self.operation.limit
        return within if self.operation.limit < 1 else self.ratio < 1


def one_client(sides: Sequence[Side], wanted: Sequence[Operation], rounds: int) -> Times:
    """Medians over ``rounds``; in each round every request goes to one server after the other.

    What takes seconds is not asked for again once two rounds have said so.
    """
    sessions = {side.name: Session(side) for side in sides}
    for session in sessions.values():
        session.sync("")
    samples: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds + 1):
        for operation in wanted:
            for name, session in sessions.items():
                before = samples.setdefault((operation.name, name), [])
                if len(before) >= ENOUGH_SLOW_ROUNDS and min(before) > SLOW_SECONDS:
                    continue
                taken = _sample(operation, session, check=number == 0)
                if number > 0:  # the first round warms up
                    before.extend(taken)
    return {key: statistics.median(values) for key, values in samples.items()}


def _sample(operation: Operation, session: Session, check: bool) -> list[float]:
    taken: list[float] = []
    while not taken or (sum(taken) < SAMPLE_SECONDS and len(taken) < MOST_SAMPLES):
        operation.prepare(session)
        begin = time.perf_counter()
        answer = operation.run(session)
        taken.append(time.perf_counter() - begin)
        if check and operation.members is not None and members_in(answer) != operation.members:
            raise WrongAnswer(
                f"{session.side.name}, {operation.name}: {members_in(answer)} members"
                f" instead of {operation.members}"
            )
    return taken


def many_clients(sides: Sequence[Side], wanted: Sequence[Operation], single: Times) -> Times:
    """Seconds of the whole group for one request, with ``CLIENTS`` clients at once."""
    return {
        (operation.name, side.name): _group(operation, side, single[operation.name, side.name])
        for operation in wanted
        for side in sides
    }


def _group(operation: Operation, side: Side, expected: float) -> float:
    """Wall time over the number of requests; quick requests are sent several times by each client."""
    times = max(1, min(20, int(SAMPLE_SECONDS / expected)))
    sessions = [Session(side) for _ in range(CLIENTS)]
    failures: list[Exception] = []
    total = 0.0
    for _ in range(times):
        _prepare(operation, sessions)
        gate = threading.Barrier(CLIENTS + 1)
        threads = [
            threading.Thread(target=_one, args=(operation, session, gate, failures)) for session in sessions
        ]
        for thread in threads:
            thread.start()
        gate.wait()
        begin = time.perf_counter()
        for thread in threads:
            thread.join()
        total += time.perf_counter() - begin
    for session in sessions:
        session.client.close()
    if failures:
        raise failures[0]
    return total / (times * CLIENTS)


def _prepare(operation: Operation, sessions: Sequence[Session]) -> None:
    """Tokens are the calendar's, so one client's preparation of a listing is good for all."""
    if not operation.shared_preparation:
        for session in sessions:
            operation.prepare(session)
        return
    operation.prepare(sessions[0])
    for session in sessions:
        session.token = sessions[0].token


def _one(operation: Operation, session: Session, gate: threading.Barrier, failures: list[Exception]) -> None:
    gate.wait()
    try:
        operation.run(session)
    except Exception as error:
        failures.append(error)
