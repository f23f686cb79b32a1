"""The login call of the SOAP partner API, which many clients use to open a session.

Source: SOAP API Developer Guide, "login()" and "API Faults".
"""

from __future__ import annotations

from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from ..request import HttpRequest
from ..wire import Reply
from .sessions import Sessions
from .settings import SalesforceSettings
from .values import make_id

_XML = b"text/xml;charset=utf-8"
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
)


def login(settings: SalesforceSettings, sessions: Sessions, request: HttpRequest, version: str) -> Reply:
    """POST /services/Soap/u/{version}: ``login``, and no other call."""
    try:
        # Entities are expanded by no more than expat allows; the peer is a test on the same machine.
        envelope = ET.fromstring(request.body)  # noqa: S314
    except ET.ParseError as error:
        return _fault("INVALID_SOAP_HEADER", f"the request is not XML: {error}")
    found = {element.tag.rpartition("}")[2]: (element.text or "").strip() for element in envelope.iter()}
    if "login" not in found:
        return _fault("UNKNOWN_EXCEPTION", "the simulator knows the login call only")
    token = sessions.password_login(found.get("username", ""), found.get("password", ""))
    if token is None:
        return _fault("INVALID_LOGIN", "Invalid username, password, security token; or user locked out.")
    url = f"{request.base_url}/services/Soap/u/{version}/{settings.organization_id[:15]}"
    user = escape(found["username"])
    body = (
        f'{_HEAD}xmlns="urn:partner.soap.sforce.com"><soapenv:Body><loginResponse><result>'
        f"<metadataServerUrl>{escape(url.replace('/u/', '/m/'))}</metadataServerUrl>"
        "<passwordExpired>false</passwordExpired><sandbox>false</sandbox>"
        f"<serverUrl>{escape(url)}</serverUrl><sessionId>{escape(token)}</sessionId>"
        f"<userId>{make_id('005', 1)}</userId><userInfo><organizationId>{settings.organization_id}</organizationId>"
        f"<sessionSecondsValid>{int(settings.session_life)}</sessionSecondsValid>"
        f"<userEmail>{user}</userEmail><userFullName>{user}</userFullName><userName>{user}</userName>"
        "</userInfo></result></loginResponse></soapenv:Body></soapenv:Envelope>"
    )
    return Reply(200, body.encode(), _XML)


def _fault(code: str, message: str) -> Reply:
    text = escape(message)
    body = (
        f'{_HEAD}xmlns:sf="urn:fault.partner.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<soapenv:Body><soapenv:Fault><faultcode>sf:{code}</faultcode>"
        f"<faultstring>{code}: {text}</faultstring><detail><sf:LoginFault xsi:type='sf:LoginFault'>"
        f"<sf:exceptionCode>{code}</sf:exceptionCode><sf:exceptionMessage>{text}</sf:exceptionMessage>"
        "</sf:LoginFault></detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>"
    )
    return Reply(500, body.encode(), _XML)
