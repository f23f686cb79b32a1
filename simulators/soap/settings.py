"""What a simulated SOAP service is configured with, its departures from its own contract included."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """Base of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Drift(Frozen):
    """How answers come to differ from what the WSDL says.

    Args:
        since: Seconds after the start from which they do.
        operations: Only answers to these operations; empty for all.
        added: An element that the WSDL does not know is added to every structure of the answer.
        removed: Local names of elements that are left out.
        renamed: Local name → the name that it has instead.
        replaced: Local name → text that stands in its place.
        nil: Local names of elements that are said to be nil.
        entities: The answer has a document type, whose entity is a file of the reader's machine (`file`) or grows
            without end (`bomb`).
    """

    since: float = Field(default=0.0, ge=0)
    operations: tuple[str, ...] = ()
    added: bool = False
    removed: tuple[str, ...] = ()
    renamed: dict[str, str] = Field(default_factory=dict)
    replaced: dict[str, str] = Field(default_factory=dict)
    nil: tuple[str, ...] = ()
    entities: Literal["none", "file", "bomb"] = "none"


class Change(Frozen):
    """One change of the contract: what requests may hold from then on, and what the WSDL says.

    Args:
        kind: `added`: one more required element, at the end. `removed`: no more. `renamed`: it has another name.
        within: The type, or the element with a type of its own, that it is in.
        element: The element.
        name: Its new name, for `renamed`.
    """

    kind: Literal["added", "removed", "renamed"]
    within: str
    element: str
    name: str = ""


class Wsdl(Frozen):
    """What is served as the WSDL.

    Args:
        kind: `faithful`: the contract. `unavailable`: 503. `changed`: the contract with `changes`, and requests are
            held to it. `imports_elsewhere`: it includes a schema from `elsewhere`. `doctype`: it declares an entity
            that is a file of the reader's machine. `bomb`: its entities grow without end.
        since: Seconds after the start from which it is so; before, it is faithful.
        changes: What `changed` means.
        elsewhere: Where `imports_elsewhere` points to.
        split: Its schemas are documents of their own, which it imports from beside itself (`?xsd=`), as many
            vendors' are.
    """

    kind: Literal["faithful", "unavailable", "changed", "imports_elsewhere", "doctype", "bomb"] = "faithful"
    since: float = Field(default=0.0, ge=0)
    changes: tuple[Change, ...] = ()
    elsewhere: str = "http://127.0.0.1:9/elsewhere.xsd"
    split: bool = False


class UsernameToken(Frozen):
    """A user of WS-Security.

    Args:
        username: Name.
        password: Password.
        digest_only: Refuse passwords that are sent as they are.
    """

    username: str = "integration"
    password: str = "correct-horse"  # noqa: S105 - a simulator's default
    digest_only: bool = False


class SoapSettings(Frozen):
    """What every simulated SOAP service has.

    Args:
        system: The name that plans match on.
        fault_status: HTTP status of faults: 500 by the WS-I profile; 400 and 200 occur in the wild.
        sender_fault_status: HTTP status of faults that blame the client; None for `fault_status`.
        wrong_fault_strings: Fault strings that contradict the code in the detail.
        soap_action: What becomes of the SOAPAction header of SOAP 1.1: `ignored`; `required`, whatever it says (as
            Axis does); or `checked`: it must name the operation that the body asks for (as ASP.NET does).
        drift: Departures from the contract, one after the other.
        wsdl: What is served as the WSDL.
    """

    system: str
    fault_status: Literal[200, 400, 500] = 500
    sender_fault_status: Literal[200, 400, 500] | None = None
    wrong_fault_strings: bool = False
    soap_action: Literal["ignored", "required", "checked"] = "required"
    drift: tuple[Drift, ...] = ()
    wsdl: Wsdl = Wsdl()
