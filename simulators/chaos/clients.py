"""What clients ask for and are told, written down, with the effects by which each logical operation is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...core.action import Action
from ...core.clock import Clock
from ...core.identity import digest, identify
from ...core.outcome import Outcome
from .answers import told
from .entries import Asked, Compensated, Wanted
from .recording import Journal, undoing
from .samples import as_model
from .subject import Sample


class Clients:
    """The clients' side of a journal.

    Args:
        clock: The virtual clock.
        journal: Where it is written down.
        folder: Where the ledger is; it has another name in each run of the same seed, and is not written down.
    """

    def __init__(self, clock: Clock, journal: Journal, folder: str) -> None:
        self.wanted: dict[str, tuple[Wanted, ...]] = {}
        """Logical operation → the effects by which it is known."""
        self.reads: dict[int, Mapping[str, Any]] = {}
        """Number of a reading call → what its answer must hold."""
        self._clock = clock
        self._journal = journal
        self._folder = folder
        self._calls = 0

    def ask(
        self,
        system: str,
        action: Action,
        sample: Sample,
        *,
        client: str,
        deadline: float,
        request: Any = None,
        operation: str = "",
        supersedes: tuple[str, ...] = (),
        worker: str = "",
    ) -> Asked:
        """Write down that a client asks for a sample.

        Args:
            system: The system.
            action: The action.
            sample: What it asks for.
            client: Who.
            deadline: Seconds.
            request: Another wording than the sample's own request.
            operation: Name of the logical operation; made from the sample if empty.
            supersedes: Operations on the same record whose answers the client has seen.
            worker: The process that it asks.
        """
        self._calls += 1
        asked_for = as_model(action, request or sample.request)
        items: tuple[str, ...] = ()
        if action.batch is not None:
            of = action.batch.of
            keys = [identify(system, of, as_model(of, one.request)).key for one in sample.items]
            items = tuple(self._know(system, of.name, key, one) for key, one in zip(keys, sample.items, strict=True))
        elif action.writes:
            key = identify(system, action, asked_for).key
            operation = self._know(system, action.name, key, sample, operation)
        else:
            self.reads[self._calls] = dict(sample.reply)
        asked = Asked(
            self._clock.now(),
            self._calls,
            client,
            system,
            action.name,
            operation if action.writes else "",
            digest(asked_for.model_dump_json(exclude_defaults=True)),
            deadline,
            items,
            supersedes,
            request is not None,
            worker,
        )
        self._journal.write(asked)
        return asked

    def undo(self, system: str, undone: str, wanted: tuple[Wanted, ...], *, deadline: float, worker: str = "") -> int:
        """Write down that somebody asks for an operation to be undone; the answer is the number of the call.

        Args:
            system: The system.
            undone: The logical operation.
            wanted: By which effects the undoing is known.
            deadline: Seconds.
            worker: The process that is asked.
        """
        self._calls += 1
        name, now = undoing(undone), self._clock.now()
        self.wanted[name] = wanted
        action = f"undo {undone.partition('.')[2]}"
        self._journal.write(Asked(now, self._calls, "c1", system, action, name, "", deadline, worker=worker))
        self._journal.write(Compensated(now, name, undone))
        return self._calls

    def tell(self, call: int, outcome: Outcome[Any], target: str, items: tuple[str, ...] = ()) -> None:
        """Write down what was answered.

        Args:
            call: Number of the call.
            outcome: The answer.
            target: `system.action`.
            items: The logical operations of a batch's items.
        """
        answer = told(self._clock.now(), call, outcome, target, items)
        self._journal.write(replace(answer, text=answer.text.replace(self._folder, "<folder>")))

    def _know(self, system: str, action: str, key: str, sample: Sample, operation: str = "") -> str:
        name = operation or f"{system}.{action}/{key[-6:]}"
        self._journal.name(system, key, name)
        self.wanted.setdefault(name, sample.wanted)
        return name
