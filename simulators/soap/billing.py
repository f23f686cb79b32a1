"""A simulated billing service of the legacy kind, for SOAP in general.

It books credits under a reference that it stores and does not keep unique, so that a repetition is a second credit; it
speaks SOAP 1.1 and 1.2, document/literal and rpc/literal, has a one-way operation, and lets callers in by
WS-Security, by a session in a header, or without any of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from ..faults import Plan
from ..kinds import Lane
from ..vocabulary import Traits
from ..wire import Reply
from .contract import Contract
from .envelope import SoapFault
from .kernel import TRAITS, SoapCall, SoapSimulator
from .security import Gate
from .settings import SoapSettings, UsernameToken
from .store import Fields, Transaction

OPERATIONS: Mapping[str, Lane] = {
    "Login": "auth",
    "GetAccount": "read",
    "FindCredits": "read",
    "BookCredit": "write",
    "ReverseCredit": "write",
    "NotifyCustomer": "write",
}
"""The names that a plan can match on, and the lane of each."""

_NS = "{urn:billing.example}"


class BillingSettings(SoapSettings):
    """One billing service.

    Args:
        system: The name that plans match on.
        security: How callers are let in.
        user: The user for `username_token` and for `Login`.
        session_life: Seconds that a session lives.
    """

    system: str = "billing"
    security: Literal["none", "username_token", "session"] = "none"
    user: UsernameToken = UsernameToken()
    session_life: float = Field(default=1800.0, gt=0)


class BillingSimulator(SoapSimulator):
    """One simulated billing service.

    Args:
        settings: The service.
        plan: Faults; None for none.
        seed: Seed in place of the plan's own.
        effects_path: File that the effect log is also written to.
        now: Clock in seconds since 1970; the system's by default.
    """

    contract: ClassVar[Contract] = Contract(Path(__file__).with_name("billing.wsdl"))
    operations = OPERATIONS

    def __init__(
        self,
        settings: BillingSettings | None = None,
        plan: Plan | None = None,
        seed: int | None = None,
        effects_path: str | Path | None = None,
        now: Callable[[], float] | None = None,
    ) -> None:
        self.settings = settings or BillingSettings()
        super().__init__(self.settings, plan, seed, effects_path, now)
        self._gate = Gate(self.settings.user, self.now)
        self._sessions: dict[str, float] = {}

    def add_account(self, account_no: str, name: str, balance: str = "0", currency: str = "EUR") -> None:
        """Open an account as if another user had; it is not in the effect log."""
        with self.store.transaction(logged=False) as tx:
            fields = {"name": name, "balance": Decimal(balance), "currency": currency, "openedOn": date(2016, 3, 1)}
            tx.insert("Account", account_no, fields, fields)

    def add_credit(self, account_no: str, reference: str, amount: str, **fields: Any) -> str:
        """Book a credit as if another user had; it is not in the effect log. The answer is its number.

        Args:
            account_no: An account that is there.
            reference: The reference; it need not be unique.
            amount: The amount, in the account's currency.
            **fields: Others of its fields, as in the WSDL.
        """
        with self.store.transaction(logged=False) as tx:
            currency = self.store.of("Account")[account_no]["currency"]
            written = {"accountNo": account_no, "reference": reference, "amount": Decimal(amount), "currency": currency}
            return self._insert(tx, {**written, **fields})

    def change_credit(self, credit_no: str, **fields: Any) -> None:
        """Change a credit as if another user had; it is not in the effect log."""
        with self.store.transaction(logged=False) as tx:
            tx.update("Credit", credit_no, fields, {})

    def respond(self, call: SoapCall, tx: Transaction) -> Mapping[str, Any] | None:
        """Apply a call."""
        values = call.values
        match call.operation:
            case "Login":
                return {"sessionId": self._log_in(values.user, values.password)}
            case "GetAccount":
                return {"account": self._account(values.accountNo)}
            case "FindCredits":
                found = [self._credit(one) for one, row in self._credits() if row["reference"] == values.reference]
                return {"credit": found}
            case "BookCredit":
                return self._book(call, tx)
            case "ReverseCredit":
                return self._reverse(tx, values.creditNo)
            case _:
                self._known(values.accountNo)
                run = self.store.next_id("Message")
                tx.invoke("NotifyCustomer", run, {"accountNo": values.accountNo, "text": values.text})
                return None

    def authenticate(self, call: SoapCall) -> None:
        """Check the caller, as the settings have it."""
        if self.settings.security == "username_token":
            self._gate.check(call.envelope)
        elif self.settings.security == "session" and call.operation != "Login":
            ends = self._sessions.get(_session_of(call))
            if ends is None or ends < self.now():
                raise self._fault("SESSION_EXPIRED", "The session is not valid")

    @property
    def traits(self) -> Traits:
        """With WS-Security, the faults of that too."""
        return {**TRAITS, "wss": None} if self.settings.security == "username_token" else TRAITS

    def locked(self, call: SoapCall) -> Reply:
        """The refusal of a write to an account that another one holds."""
        return self.refused(call, self._fault("ACCOUNT_LOCKED", "The account is being changed"))

    def throttled(self, call: SoapCall, status: int) -> Reply:
        """The refusal of one call too many."""
        fault = self._fault("TOO_BUSY", "Too many calls")
        return self.refused(call, SoapFault("Server", fault.text, fault.detail, status))

    def expire_session(self, call: SoapCall) -> Reply:
        """End the session of the call for good."""
        self._sessions.pop(_session_of(call), None)
        return self.refused(call, self._fault("SESSION_EXPIRED", "The session is not valid"))

    def touched(self, call: SoapCall) -> list[str]:
        """The account that a write is about to change."""
        account, credit = (getattr(call.values, name, None) for name in ("accountNo", "creditNo"))
        if credit and (booked := self.store.of("Credit").get(credit)) is not None:
            account = booked["accountNo"]
        return [f"Account/{account}"] if account else []

    def _book(self, call: SoapCall, tx: Transaction) -> Fields:
        values = call.values
        account = self._known(values.accountNo)
        if values.amount <= 0:
            raise self._fault("INVALID_AMOUNT", "The amount must be positive")
        if values.currency != account["currency"]:
            raise self._fault("INVALID_CURRENCY", f"The account is kept in {account['currency']}")
        tx.check(f"Account/{values.accountNo}")
        written = {
            "accountNo": values.accountNo,
            "reference": values.reference,
            "amount": values.amount,
            "currency": values.currency,
            **({"text": values.text} if getattr(values, "text", None) is not None else {}),
        }
        credit_no = self._insert(tx, written)
        booked_at = self.store.of("Credit")[credit_no]["bookedAt"]
        answer = {"creditNo": credit_no, "bookedAt": booked_at, "newBalance": account["balance"]}
        if call.port.path == "billing-rpc":
            del answer["bookedAt"]
        return answer

    def _insert(self, tx: Transaction, written: Fields) -> str:
        credit_no = f"CR{self.store.next_id('Credit')}"
        booked_at = datetime.fromtimestamp(int(self.now()), UTC)
        tx.insert("Credit", credit_no, {"bookedAt": booked_at, "state": "booked", **written}, written)
        self._add_to_balance(written["accountNo"], written["amount"])
        return credit_no

    def _reverse(self, tx: Transaction, credit_no: str) -> Fields:
        credit = self.store.of("Credit").get(credit_no)
        if credit is None:
            raise self._fault("NO_SUCH_CREDIT", f"There is no credit {credit_no}")
        if credit["state"] == "reversed":
            raise self._fault("ALREADY_REVERSED", f"The credit {credit_no} is reversed")
        tx.check(f"Account/{credit['accountNo']}")
        tx.update("Credit", credit_no, {"state": "reversed"}, {})
        return {"creditNo": credit_no, "newBalance": self._add_to_balance(credit["accountNo"], -credit["amount"])}

    def _add_to_balance(self, account_no: str, amount: Decimal) -> Decimal:
        account = self.store.of("Account")[account_no]
        account["balance"] += amount
        balance: Decimal = account["balance"]
        return balance

    def _log_in(self, user: str, password: str) -> str:
        if (user, password) != (self.settings.user.username, self.settings.user.password):
            raise self._fault("INVALID_LOGIN", "Unknown user or wrong password")
        session = f"S{len(self._sessions) + 1}"
        self._sessions[session] = self.now() + self.settings.session_life
        return session

    def _known(self, account_no: str) -> Fields:
        account = self.store.of("Account").get(account_no)
        if account is None:
            raise self._fault("NO_SUCH_ACCOUNT", f"There is no account {account_no}")
        return account

    def _account(self, account_no: str) -> Fields:
        return {"accountNo": account_no, "creditLimit": None, **self._known(account_no)}

    def _credits(self) -> list[tuple[str, Fields]]:
        return list(self.store.of("Credit").items())

    def _credit(self, credit_no: str) -> Fields:
        return {"creditNo": credit_no, **self.store.of("Credit")[credit_no]}

    def _fault(self, code: str, text: str) -> SoapFault:
        return SoapFault("Client", text, self.contract.element(f"{_NS}billingFault", code=code, text=text))


def _session_of(call: SoapCall) -> str:
    header = call.envelope.header("sessionHeader")
    found = None if header is None else header.find("{*}sessionId")
    return "" if found is None else (found.text or "").strip()
