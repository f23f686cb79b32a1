"""A connector that is broken on purpose: it sends again by itself what was lost, under a key of its own making."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from seawall.core.adapter import Action, Adapter, Attempt, Sent, Surroundings
from seawall.core.errors import IntegrationError
from seawall.simulators.chaos.subjects.soap import BillingSubject


class RepeatingSubject(BillingSubject):
    """The billing service, through a connector that repeats."""

    name = "repeating"

    def adapter(self, target: Any, around: Surroundings) -> Adapter:
        """The connector, with its mistake."""
        made = super().adapter(target, around)
        real = made.send

        async def send(action: Action, attempt: Attempt) -> Sent[Any]:
            try:
                return await real(action, attempt)
            except IntegrationError:
                if action.name != "book_credit":
                    raise
                return await real(action, replace(attempt, key=f"{attempt.key[:-1]}z"))

        vars(made)["send"] = send
        return made
