"""Status inside an answer: HTTP 200, no fault, and yet a record was not written.

NetSuite says it as `<status isSuccess="false"><statusDetail type="ERROR"><code>…`, the Salesforce partner API as
`<success>false</success><errors><statusCode>…`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...core.adapter import Mapped
from ...core.errors import BusinessRule, ContractBroken, IntegrationError
from .values import dig

_LONGEST_MESSAGE = 500


class Detail(NamedTuple):
    """One reason that a status gives."""

    code: str
    message: str
    kind: str


@dataclass(frozen=True, slots=True)
class RecordStatus:
    """Where an answer says for a record whether it was done.

    Args:
        at: Dotted path of the status in the record's answer; empty where it is the record's answer itself.
        success: The name of its boolean.
        details: The name of its list of reasons.
        code: The name of a reason's code.
        message: The name of a reason's text.
        kind: The name of what tells errors from warnings, if there is one.
        errors: The kinds that are errors.
    """

    at: str = "status"
    success: str = "isSuccess"
    details: str = "statusDetail"
    code: str = "code"
    message: str = "message"
    kind: str | None = "type"
    errors: frozenset[str] = frozenset({"ERROR"})

    def error(self, answer: Any, mapped: Mapping[str, Mapped], **facts: Any) -> IntegrationError | None:
        """Why a record was not done; None if it was.

        Several reasons come together: the one that leaves most in doubt decides, then the first that is declared.

        Args:
            answer: The record's part of the answer.
            mapped: The declared codes.
            facts: Further keyword arguments of `IntegrationError`.
        """
        status = dig(answer, self.at)
        success = status.get(self.success) if isinstance(status, Mapping) else None
        if not isinstance(success, bool):
            return ContractBroken("the answer does not say whether it was done", code="status")
        reasons = self._reasons(status)
        if success:
            if any(self.kind is not None and reason.kind in self.errors for reason in reasons):
                return ContractBroken("the answer says both that it was done and that it was not", code="status")
            return None
        if self.kind is not None:
            reasons = [reason for reason in reasons if reason.kind in self.errors] or reasons
        return _refusal(reasons, mapped, **facts)

    def _reasons(self, status: Mapping[str, Any]) -> list[Detail]:
        raw = status.get(self.details)
        details = raw if isinstance(raw, list) else [raw]
        return [
            Detail(
                str(one.get(self.code) or ""),
                str(one.get(self.message) or ""),
                str(one.get(self.kind) or "") if self.kind else "",
            )
            for one in details
            if isinstance(one, Mapping)
        ]


def _refusal(reasons: Sequence[Detail], mapped: Mapping[str, Mapped], **facts: Any) -> IntegrationError:
    facts["evidence"] = {**facts.get("evidence", {}), "codes": [reason.code for reason in reasons]}
    message = "; ".join(filter(None, (reason.message for reason in reasons)))[:_LONGEST_MESSAGE]
    message = message or "the target says that it was not done, and no reason"
    known = [reason for reason in reasons if reason.code in mapped]
    doubtful = [reason for reason in known if mapped[reason.code].error.default_effect != "none"]
    for reason in (*doubtful, *known):
        return mapped[reason.code].build(message, code=reason.code, **facts)
    return BusinessRule(message, code=reasons[0].code or "refused" if reasons else "refused", **facts)
