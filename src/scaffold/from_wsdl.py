"""A package around the generic SOAP connector, drafted from a WSDL."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..connectors.soap.declared import load
from ..connectors.soap.drafting import read_wsdl
from ..connectors.soap.generate import generate
from ..connectors.soap.models import as_asked
from ..connectors.soap.moved import moved
from ..connectors.soap.source import plain, quoted
from ..connectors.soap.wsdl import Contract
from .examples import NoExample, example_of
from .naming import Names
from .package import NOTHING_TRIED, Package, listed, literal, package

_FOLDER = "/package"


async def from_wsdl(
    names: Names, wsdl: str, *, service: str | None = None, port: str | None = None, operations: Sequence[str] = ()
) -> Package:
    """Draft a package.

    Args:
        names: Its names.
        wsdl: Path or URL of the WSDL.
        service: The WSDL's service; its first one with a SOAP port if None.
        port: The service's port; its first SOAP port if None.
        operations: Those wanted; all if empty.

    Raises:
        IntegrationError: The WSDL is not available or cannot be used.
    """
    documents = moved(await read_wsdl(wsdl), _FOLDER, names.module)
    drafted = generate(documents, service=service, port=port, operations=operations)
    contract = Contract(documents, service=service, port=port)
    actions = _loaded(drafted)
    tried, skipped = [], []
    for name, one in actions.items():
        if problem := _problem(contract, one):
            skipped.append(f"no test for {name}: {problem}")
        else:
            tried.append(name)
    if not tried:
        skipped.append(NOTHING_TRIED)
    chosen = {key: value for key, value in (("service", service), ("port", port)) if value is not None}
    replies = {
        one.operation: one.action.reply.__name__ for one in actions.values() if not contract.one_way(one.operation)
    }
    slots = {
        "EXTRAS": "simulators,soap",
        "DEFAULTS": "\n".join(
            f'            "{key}": {value},'
            for key, value in {
                "wsdl": "str(WSDL)",
                "actions": quoted(f"{names.module}.actions"),
                **{key: quoted(value) for key, value in chosen.items()},
            }.items()
        ),
        "OPERATIONS": literal([f'{quoted(one.operation)}: "write"' for one in actions.values()], "{}"),
        "PORT": "".join(f", {key}={quoted(value)}" for key, value in chosen.items()),
        "MODELS": "from . import models\n" if replies else "",
        "REPLIES": literal(
            [f"{quoted(operation)}: models.{reply}" for operation, reply in replies.items()], "{}", " " * 4
        ),
        "TRIED": literal([f'"{name}"' for name in tried], "[]"),
        "ACTIONS": "\n".join(f"- `{name}`: {plain(one.operation)}" for name, one in actions.items()),
        "LEFT_OUT": listed(skipped),
    }
    files = {f"src/acme_erp/{name}": text for name, text in drafted.items() if name != "__init__.py"}
    files |= {
        f"src/acme_erp/{location.rpartition('/')[2]}": content.decode()
        for location, content in documents.contents.items()
    }
    return package(names, "wsdl", slots, drafted=files, skipped=tuple(skipped), tried=bool(tried))


def _loaded(drafted: Any) -> Any:
    """The drafted actions, imported: what cannot be imported is not handed out."""
    with tempfile.TemporaryDirectory(prefix="seawall-new-") as folder:
        for name, text in drafted.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        before = set(sys.modules)
        try:
            return load(Path(folder) / "actions.py").actions
        finally:
            for module in set(sys.modules) - before:
                if module.startswith("seawall_actions_"):
                    del sys.modules[module]


def _problem(contract: Contract, declared: Any) -> str:
    """Why an action cannot be tried by an example; empty if it can."""
    if contract.one_way(declared.operation):
        return "it has no answer, so that nothing ever proves that it was done"
    if declared.arguments is not as_asked:
        return "it takes no arguments, so that nothing tells one request from another"
    try:
        made = example_of(declared.action.request)
        asked = declared.action.request.model_validate(made.fields)
        if not made.place:
            return "nothing in its request tells one from another"
        contract.message(declared.operation, asked.model_dump(by_alias=True, exclude_none=True), {})
        reply = declared.action.reply
        shown = reply.model_validate(example_of(reply).fields).model_dump(by_alias=True, exclude_unset=True)
        contract.operation(declared.operation).output.serialize(**shown)
    except NoExample as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 -- zeep and pydantic have many ways to refuse an example
        return f"no example of it can be made ({type(error).__name__})"
    return ""
