"""The simulated systems by name: how each is made, and what a client must know to use it. Loaded when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .effects import EffectLog
from .faults import Plan
from .injector import FaultInjector
from .wire import Receive, Scope, Send


class Simulated(Protocol):
    """What every simulated system has, for whoever runs it."""

    effects: EffectLog
    faults: FaultInjector

    @property
    def requests(self) -> int:
        """How many requests arrived."""
        ...

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application."""
        ...

    async def settle(self) -> None:
        """Wait until no late commit is outstanding."""
        ...

    def close(self) -> None:
        """Close the files."""
        ...


@dataclass(frozen=True, slots=True)
class Running:
    """How a system is run.

    Args:
        plan: Faults; None for none.
        seed: Seed in place of the plan's own.
        effects: File of the effect log.
        data: File that keeps the records over a restart, for those systems that have one.
    """

    plan: Plan | None = None
    seed: int | None = None
    effects: Path | None = None
    data: Path | None = None


Credentials = Mapping[str, str]


def _salesforce(run: Running) -> tuple[Simulated, Credentials]:
    from .salesforce import SalesforceSimulator

    made = SalesforceSimulator(None, run.plan, run.seed, run.effects, run.data)
    client, user = made.settings.clients[0], made.settings.users[0]
    return made, {
        "client_id": client.client_id,
        "client_secret": client.client_secret or "",
        "username": user.username,
        "password": user.password,
    }


def _hubspot(run: Running) -> tuple[Simulated, Credentials]:
    from .hubspot import HubSpotSimulator

    made = HubSpotSimulator(None, run.plan, run.seed, run.effects, run.data)
    app = made.settings.oauth_apps[0]
    return made, {
        "token": made.settings.private_apps[0].token,
        "client_id": app.client_id,
        "client_secret": app.client_secret,
    }


def _suitecrm(run: Running) -> tuple[Simulated, Credentials]:
    from .suitecrm import SuiteCrmSimulator

    made = SuiteCrmSimulator(None, run.plan, run.seed, run.effects, run.data)
    user, client = made.settings.users[0], made.settings.clients[0]
    return made, {
        "username": user.user_name,
        "password": user.password,
        "client_id": client.client_id,
        "client_secret": client.client_secret,
    }


def _erp(run: Running) -> tuple[Simulated, Credentials]:
    from .soap import ErpSimulator

    made = ErpSimulator(None, run.plan, run.seed, run.effects)
    passport = made.settings.passports[0]
    return made, {
        "wsdl": "/services/ErpPort?wsdl",
        "email": passport.email,
        "password": passport.password,
        "account": passport.account,
    }


def _billing(run: Running) -> tuple[Simulated, Credentials]:
    from .soap import BillingSimulator

    made = BillingSimulator(None, run.plan, run.seed, run.effects)
    made.add_account("A1", "Acme", "100")
    return made, {"wsdl": "/billing?wsdl", "account": "A1"}


SYSTEMS: Mapping[str, Callable[[Running], tuple[Simulated, Credentials]]] = {
    "salesforce": _salesforce,
    "hubspot": _hubspot,
    "suitecrm": _suitecrm,
    "erp": _erp,
    "billing": _billing,
}
"""Name → makes the system, and tells what a client needs beside its URL."""
