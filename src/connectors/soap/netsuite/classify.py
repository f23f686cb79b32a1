"""NetSuite's codes, in faults and in the status of a record, and what they mean.

Sources: NetSuite Help Center, "SOAP Web Services Error Status Codes" and "SOAP Faults". A request that ends in a fault
was not processed as a whole; a record whose status says `isSuccess="false"` was not written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ....core.adapter import Mapped
from ....core.errors import (
    BusinessRule,
    Conflict,
    Forbidden,
    GatewayError,
    NotFound,
    PreconditionFailed,
    Throttled,
    Unauthenticated,
)

DUPLICATE: Final = "DUP_RCRD"
NOT_THERE: Final = "RCRD_DSNT_EXIST"
STILL_RUNNING: Final = "RCRD_HAS_BEEN_CHANGED"

SESSION_ENDED: Final = frozenset({"SESSION_TIMED_OUT", "WS_LOG_IN_REQD", "INVALID_SESSION", "invalidSessionFault"})

_BUSY: Final = Mapped(Throttled)
_UNCLEAR: Final = Mapped(GatewayError)  # "unexpected" says of the effect nothing that can be relied on

ERRORS: Final[Mapping[str, Mapped]] = {
    **dict.fromkeys(SESSION_ENDED, Mapped(Unauthenticated)),
    "INVALID_LOGIN_CREDENTIALS": Mapped(Unauthenticated),
    "INVALID_LOGIN_ATTEMPT": Mapped(Unauthenticated),
    "USER_DISABLED": Mapped(Unauthenticated),
    "WS_CONCUR_SESSION_DISALLWD": _BUSY,
    "WS_REQUEST_BLOCKED": _BUSY,
    "WS_EXCEEDED_CONCURRENT_USERS_ALLWD": _BUSY,
    "SSS_REQUEST_LIMIT_EXCEEDED": _BUSY,
    "INSUFFICIENT_PERMISSION": Mapped(Forbidden),
    DUPLICATE: Mapped(Conflict),
    NOT_THERE: Mapped(NotFound),
    STILL_RUNNING: Mapped(PreconditionFailed),
    "MAX_RCRDS_EXCEEDED": Mapped(BusinessRule),
    "UNEXPECTED_ERROR": _UNCLEAR,
    # The fault's element, for codes that are not here.
    "exceededConcurrentRequestLimitFault": _BUSY,
    "exceededRequestLimitFault": _BUSY,
    "exceededUsageLimitFault": _BUSY,
    "exceededRecordCountFault": Mapped(BusinessRule),
    "insufficientPermissionFault": Mapped(Forbidden),
    "invalidCredentialsFault": Mapped(Unauthenticated),
    "unexpectedErrorFault": _UNCLEAR,
}
"""A status whose codes are not here is a `BusinessRule`."""
