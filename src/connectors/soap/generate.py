"""A package of models and declared actions to begin with, made from a WSDL.

Nothing is guessed: every operation becomes an `opaque` action without dedupe means, which is never sent again by
itself. What to decide is written beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...core.errors import InvalidRequest
from .documents import Documents
from .drafts import Drafts
from .naming import Unique, field_name
from .shapes import shapes_of
from .source import names_in, plain, quoted
from .wsdl import UNUSABLE, Contract

_MODEL_IMPORTS: Final = (("dt", "import datetime as dt"), ("Decimal", "from decimal import Decimal"))
_WIDTH: Final = 96
_TYPING: Final = ("Any", "Literal", "TypeAlias")
_BASES: Final = ("Part", "PartRead", "SoapRequest")


def generate(
    documents: Documents,
    *,
    service: str | None = None,
    port: str | None = None,
    operations: Sequence[str] = (),
) -> Mapping[str, str]:
    """The files of the package, by name.

    Args:
        documents: The WSDL with its imports.
        service: The name of the service; the first one with a SOAP port if None.
        port: The name of the port; the first SOAP port if None.
        operations: Those wanted; all of the port if empty.

    Raises:
        InvalidRequest: The WSDL cannot be used, or has no such port or operation.
    """
    contract = Contract(documents, service=service, port=port)
    if not contract.operations:
        raise InvalidRequest("nothing can be drafted from the WSDL: its port has no operations", code=UNUSABLE)
    shapes = shapes_of(documents)
    drafts = Drafts(contract.schema, shapes)
    names, actions = Unique(), []
    for name in operations or sorted(contract.operations):
        operation = contract.operation(name)
        output = operation.output.body if operation.output is not None else None
        text = shapes.texts.get(name, "")
        reply = drafts.reply(name, output)
        request, fields = drafts.request(name, operation.input.body, reply, text)
        actions.append(
            _action(names.name(_action_name(name)), operation, request, reply, fields, text, contract.one_way(name))
        )
    title = plain(next(iter(documents.contents)).rpartition("/")[2])[:40]
    return {
        "__init__.py": f'"""{title} over SOAP."""\n',
        "models.py": _models(title, drafts.sources),
        "actions.py": _actions(title, contract.fingerprint, actions),
    }


def _action_name(operation: str) -> str:
    name = re.sub(r"[^a-z0-9_]", "", field_name(operation).rstrip("_"))
    return name if name[:1].isalpha() else f"x{name}"


def _models(title: str, sources: Sequence[str]) -> str:
    text = "\n\n\n".join(sources)
    used = names_in(text)
    imports = [line for name, line in _MODEL_IMPORTS if name in used]
    if typing := [name for name in _TYPING if name in used]:
        imports.append(f"from typing import {', '.join(typing)}")
    third = ["from pydantic import Field"] if "Field" in used else []
    bases = [name for name in _BASES if name in used]
    third.append(f"from seawall.connectors.soap.models import {', '.join(bases)}")
    head = f'"""What the operations of {title} take and answer. Drafted by `seawall new`: edit it."""'
    blocks = [head, "from __future__ import annotations", "\n".join(imports), "\n".join(third)]
    return "\n\n".join(block for block in blocks if block) + f"\n\n\n{text}\n"


def _actions(title: str, fingerprint: str, actions: Sequence[str]) -> str:
    return f'''"""Actions of {title}. Drafted by `seawall new`: decide what each comment asks for.

As they are, nothing is sent a second time: after a lost reply a person must look. The facts that you can prove of the
target change that; docs/soap.md says which there are.
"""

from __future__ import annotations

from collections.abc import Mapping

from seawall.connectors.soap.models import SoapAction
from seawall.core.adapter import Action, EffectClass, Mapped, NoDedupe

from . import models

# Put it into the settings as `wsdl_fingerprint`: nothing is sent if the WSDL is another one.
WSDL_FINGERPRINT = "{fingerprint}"

# Decide: fault codes and status codes of the whole system, such as {{"SESSION_TIMED_OUT": Mapped(Unauthenticated)}}.
ERRORS: Mapping[str, Mapped] = {{}}

ACTIONS: Mapping[str, SoapAction] = {{
{"".join(actions)}}}
'''


def _action(
    name: str,
    operation: Any,
    request: str,
    reply: str,
    fields: Sequence[str],
    text: str,
    one_way: bool,  # noqa: FBT001
) -> str:
    described = plain(text)[:300] or f"{plain(operation.name)}: say what it does and what it changes."
    pieces = [described[start : start + 90] for start in range(0, len(described), 90)]
    parts = "".join(f'                "{piece}"\n' for piece in pieces)
    description = f'"{described}"' if len(pieces) == 1 else f"(\n{parts}            )"
    identity = ", ".join(f'"{one}"' for one in fields) + ("," if len(fields) == 1 else "")
    if len(identity) > _WIDTH:
        identity = "".join(f'\n                "{one}",' for one in fields) + "\n            "
    without = "        arguments=lambda _attempt: {},\n" if operation.input.body is None or not _has(operation) else ""
    accepted = (
        "        # Decide: it has no answer. Is its acceptance all that you ask for? Otherwise it stays in doubt.\n"
        "        accepted_is_applied=False,\n"
        if one_way
        else ""
    )
    return f'''    "{name}": SoapAction(
        action=Action(
            name="{name}",
            description={description},
            request=models.{request},
            reply=models.{reply},
            # Decide: READ if it changes nothing (then drop identity and dedupe), else CREATE, SET, CHANGE, …
            effect=EffectClass.OPAQUE,
            # Decide: the business facts that make two requests the same request. These are all the fields.
            identity=({identity}),
            # Decide: what keeps the target from doing it twice, and with `probe` and `look` how to find out.
            dedupe=NoDedupe(),
        ),
        operation={quoted(operation.name)},
{without}{accepted}    ),
'''


def _has(operation: Any) -> bool:
    body = operation.input.body
    return not hasattr(body.type, "elements") or bool(body.type.elements or body.type.attributes)
