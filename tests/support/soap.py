"""What the tests of the SOAP connector share: a WSDL of their own, declared actions, answers as servers write them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel, Field

from seawall.connectors.soap.adapter import SoapPortAdapter, open_http
from seawall.connectors.soap.models import Look, SoapAction, Values, found
from seawall.connectors.soap.settings import SoapSettings
from seawall.connectors.soap.wire import Wire
from seawall.core.action import Action, ClientId, EffectClass, Mapped, NoDedupe, Reply, Request, fresh
from seawall.core.adapter import Attempt, Secrets, Surroundings
from seawall.core.clock import Clock, Sources
from seawall.core.errors import Conflict, NotFound, Throttled

from .clock import FakeClock

URL = "https://orders.example.com/soap"
NS = "urn:example:orders"
ENV_11 = "http://schemas.xmlsoap.org/soap/envelope/"
ENV_12 = "http://www.w3.org/2003/05/soap-envelope"
KEY = "sw-" + "a" * 26
OTHER_KEY = "sw-" + "b" * 26

ORDERS_WSDL = f"""\
<?xml version="1.0" encoding="utf-8"?>
<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:xsd="http://www.w3.org/2001/XMLSchema"
    xmlns:tns="{NS}" targetNamespace="{NS}">
  <wsdl:types>
    <xsd:schema targetNamespace="{NS}" elementFormDefault="qualified">
      <xsd:simpleType name="Priority">
        <xsd:restriction base="xsd:string">
          <xsd:enumeration value="low"/><xsd:enumeration value="high"/>
        </xsd:restriction>
      </xsd:simpleType>
      <xsd:complexType name="Line">
        <xsd:sequence>
          <xsd:element name="item" type="xsd:string"/>
          <xsd:element name="quantity" type="xsd:int"/>
          <xsd:element name="price" type="xsd:decimal" minOccurs="0"/>
        </xsd:sequence>
        <xsd:attribute name="lineNo" type="xsd:int" use="required"/>
      </xsd:complexType>
      <xsd:complexType name="Party"><xsd:sequence>
        <xsd:element name="name" type="xsd:string"/>
      </xsd:sequence></xsd:complexType>
      <xsd:complexType name="Company"><xsd:complexContent><xsd:extension base="tns:Party"><xsd:sequence>
        <xsd:element name="vatNumber" type="xsd:string"/>
      </xsd:sequence></xsd:extension></xsd:complexContent></xsd:complexType>
      <xsd:complexType name="Money"><xsd:simpleContent><xsd:extension base="xsd:decimal">
        <xsd:attribute name="currency" type="xsd:string" use="required"/>
      </xsd:extension></xsd:simpleContent></xsd:complexType>
      <xsd:complexType name="Order">
        <xsd:sequence>
          <xsd:element name="reference" type="xsd:string"/>
          <xsd:element name="priority" type="tns:Priority" minOccurs="0"/>
          <xsd:element name="due" type="xsd:date" minOccurs="0"/>
          <xsd:element name="buyer" type="tns:Party" minOccurs="0"/>
          <xsd:choice minOccurs="0">
            <xsd:element name="byPost" type="xsd:string"/>
            <xsd:element name="byMail" type="xsd:string"/>
          </xsd:choice>
          <xsd:element name="line" type="tns:Line" minOccurs="0" maxOccurs="unbounded"/>
          <xsd:element name="rush" type="xsd:boolean" minOccurs="0"/>
        </xsd:sequence>
      </xsd:complexType>
      <xsd:element name="createOrder"><xsd:complexType><xsd:sequence>
        <xsd:element name="key" type="xsd:string"/><xsd:element name="order" type="tns:Order"/>
      </xsd:sequence></xsd:complexType></xsd:element>
      <xsd:element name="createOrderResponse"><xsd:complexType><xsd:sequence>
        <xsd:element name="orderId" type="xsd:int"/>
        <xsd:element name="total" type="tns:Money" minOccurs="0"/>
        <xsd:element name="accepted" type="xsd:boolean" minOccurs="0"/>
        <xsd:element name="state" type="xsd:string" nillable="true"/>
      </xsd:sequence></xsd:complexType></xsd:element>
      <xsd:element name="findOrder"><xsd:complexType><xsd:sequence>
        <xsd:element name="key" type="xsd:string"/>
      </xsd:sequence></xsd:complexType></xsd:element>
      <xsd:element name="findOrderResponse"><xsd:complexType><xsd:sequence>
        <xsd:element name="found" minOccurs="0"><xsd:complexType><xsd:sequence>
          <xsd:element name="orderId" type="xsd:int"/>
          <xsd:element name="key" type="xsd:string"/>
          <xsd:element name="order" type="tns:Order"/>
        </xsd:sequence></xsd:complexType></xsd:element>
      </xsd:sequence></xsd:complexType></xsd:element>
      <xsd:element name="notify"><xsd:complexType><xsd:sequence>
        <xsd:element name="text" type="xsd:string"/>
      </xsd:sequence></xsd:complexType></xsd:element>
      <xsd:element name="login"><xsd:complexType><xsd:sequence>
        <xsd:element name="user" type="xsd:string"/><xsd:element name="password" type="xsd:string"/>
      </xsd:sequence></xsd:complexType></xsd:element>
      <xsd:element name="loginResponse"><xsd:complexType><xsd:sequence>
        <xsd:element name="session" type="xsd:string"/><xsd:element name="url" type="xsd:string" minOccurs="0"/>
      </xsd:sequence></xsd:complexType></xsd:element>
      <xsd:element name="SessionHeader"><xsd:complexType><xsd:sequence>
        <xsd:element name="sessionId" type="xsd:string"/>
      </xsd:sequence></xsd:complexType></xsd:element>
    </xsd:schema>
  </wsdl:types>
  <wsdl:message name="createOrderIn"><wsdl:part name="parameters" element="tns:createOrder"/></wsdl:message>
  <wsdl:message name="createOrderOut"><wsdl:part name="parameters" element="tns:createOrderResponse"/></wsdl:message>
  <wsdl:message name="findOrderIn"><wsdl:part name="parameters" element="tns:findOrder"/></wsdl:message>
  <wsdl:message name="findOrderOut"><wsdl:part name="parameters" element="tns:findOrderResponse"/></wsdl:message>
  <wsdl:message name="notifyIn"><wsdl:part name="parameters" element="tns:notify"/></wsdl:message>
  <wsdl:message name="loginIn"><wsdl:part name="parameters" element="tns:login"/></wsdl:message>
  <wsdl:message name="loginOut"><wsdl:part name="parameters" element="tns:loginResponse"/></wsdl:message>
  <wsdl:message name="header"><wsdl:part name="SessionHeader" element="tns:SessionHeader"/></wsdl:message>
  <wsdl:message name="addIn">
    <wsdl:part name="a" type="xsd:int"/><wsdl:part name="b" type="xsd:int"/>
  </wsdl:message>
  <wsdl:message name="addOut"><wsdl:part name="sum" type="xsd:int"/></wsdl:message>
  <wsdl:portType name="Orders">
    <wsdl:operation name="createOrder">
      <wsdl:input message="tns:createOrderIn"/><wsdl:output message="tns:createOrderOut"/>
    </wsdl:operation>
    <wsdl:operation name="findOrder">
      <wsdl:input message="tns:findOrderIn"/><wsdl:output message="tns:findOrderOut"/>
    </wsdl:operation>
    <wsdl:operation name="notify"><wsdl:input message="tns:notifyIn"/></wsdl:operation>
    <wsdl:operation name="login">
      <wsdl:input message="tns:loginIn"/><wsdl:output message="tns:loginOut"/>
    </wsdl:operation>
  </wsdl:portType>
  <wsdl:portType name="Sums">
    <wsdl:operation name="add"><wsdl:input message="tns:addIn"/><wsdl:output message="tns:addOut"/></wsdl:operation>
  </wsdl:portType>
  <wsdl:binding name="Orders11" type="tns:Orders">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <wsdl:operation name="createOrder"><soap:operation soapAction="{NS}/createOrder"/>
      <wsdl:input><soap:body use="literal"/>
        <soap:header message="tns:header" part="SessionHeader" use="literal"/></wsdl:input>
      <wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation>
    <wsdl:operation name="findOrder"><soap:operation soapAction="{NS}/findOrder"/>
      <wsdl:input><soap:body use="literal"/>
        <soap:header message="tns:header" part="SessionHeader" use="literal"/></wsdl:input>
      <wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation>
    <wsdl:operation name="notify"><soap:operation soapAction="{NS}/notify"/>
      <wsdl:input><soap:body use="literal"/></wsdl:input></wsdl:operation>
    <wsdl:operation name="login"><soap:operation soapAction="{NS}/login"/>
      <wsdl:input><soap:body use="literal"/></wsdl:input>
      <wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation>
  </wsdl:binding>
  <wsdl:binding name="Orders12" type="tns:Orders">
    <soap12:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <wsdl:operation name="createOrder"><soap12:operation soapAction="{NS}/createOrder"/>
      <wsdl:input><soap12:body use="literal"/></wsdl:input>
      <wsdl:output><soap12:body use="literal"/></wsdl:output></wsdl:operation>
    <wsdl:operation name="findOrder"><soap12:operation soapAction="{NS}/findOrder"/>
      <wsdl:input><soap12:body use="literal"/></wsdl:input>
      <wsdl:output><soap12:body use="literal"/></wsdl:output></wsdl:operation>
  </wsdl:binding>
  <wsdl:binding name="Sums11" type="tns:Sums">
    <soap:binding style="rpc" transport="http://schemas.xmlsoap.org/soap/http"/>
    <wsdl:operation name="add"><soap:operation soapAction="{NS}/add"/>
      <wsdl:input><soap:body use="literal" namespace="{NS}"/></wsdl:input>
      <wsdl:output><soap:body use="literal" namespace="{NS}"/></wsdl:output></wsdl:operation>
  </wsdl:binding>
  <wsdl:service name="OrderService">
    <wsdl:port name="Orders11" binding="tns:Orders11"><soap:address location="{URL}"/></wsdl:port>
    <wsdl:port name="Orders12" binding="tns:Orders12"><soap12:address location="{URL}"/></wsdl:port>
    <wsdl:port name="Sums11" binding="tns:Sums11"><soap:address location="{URL}/sums"/></wsdl:port>
  </wsdl:service>
</wsdl:definitions>
"""


class OrderCreated(Reply):
    """An order that exists now."""

    order_id: int = Field(alias="orderId")


class CreateOrder(Request[OrderCreated]):
    """Create an order."""

    reference: str
    priority: str | None = None


class Notified(Reply):
    """It was handed over."""


class Notify(Request[Notified]):
    """Tell somebody something."""

    text: str


def _order(attempt: Attempt) -> Values:
    order = attempt.request.model_dump(exclude_none=True)
    return {"key": attempt.key, "order": order}


CREATE_ORDER = SoapAction(
    action=Action(
        name="create_order",
        description="Creates an order.",
        request=CreateOrder,
        reply=OrderCreated,
        effect=EffectClass.CREATE,
        identity=("reference",),
        dedupe=ClientId("key"),
        probe=fresh(),
        horizon=60.0,
        errors={"TooBusy": Mapped(Throttled), "KeyTaken": Mapped(Conflict), "NoOrder": Mapped(NotFound)},
    ),
    operation="createOrder",
    arguments=_order,
    record="orderId",
    repeated=frozenset({"KeyTaken"}),
    look=Look(
        operation="findOrder",
        arguments=lambda attempt: {"key": attempt.key},
        judge=found(
            "found",
            "key",
            lambda record: OrderCreated.model_validate(record),
            content={"reference": "order.reference", "priority": "order.priority"},
        ),
        absent=frozenset({"NoOrder"}),
    ),
)
NOTIFY = SoapAction(
    action=Action(
        name="notify",
        description="Tells somebody something.",
        request=Notify,
        reply=Notified,
        effect=EffectClass.SEND,
        identity=("text",),
        dedupe=NoDedupe(),
    ),
    operation="notify",
)
ACTIONS: Mapping[str, SoapAction] = {"create_order": CREATE_ORDER, "notify": NOTIFY}
REQUEST = CreateOrder(reference="order-17")

Answers = Callable[[httpx.Request], httpx.Response]


class Orders(SoapPortAdapter):
    """The connector with the actions of these tests."""

    kind = "orders"
    version = "1"
    settings_model = SoapSettings

    @classmethod
    def open(cls, settings: Any, surroundings: Surroundings, **how: Any) -> Orders:
        actions = how.pop("actions", ACTIONS)
        http = open_http(settings, surroundings, how.pop("transport", None))
        return cls(Wire(settings, surroundings, http, auth=settings.auth, **how), actions)


def write_wsdl(folder: Path, text: str = ORDERS_WSDL, name: str = "orders.wsdl") -> str:
    """A WSDL as a file; its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return str(path)


def orders(
    wsdl: str,
    answers: Answers,
    *,
    clock: Clock | None = None,
    secrets: Secrets | None = None,
    actions: Mapping[str, SoapAction] = ACTIONS,
    errors: Mapping[str, Mapped] | None = None,
    **settings: Any,
) -> Orders:
    """A connector whose requests are answered by a function."""
    around = Surroundings("orders", Sources(clock=clock or FakeClock()), secrets or Secrets())
    made = SoapSettings.model_validate({"wsdl": wsdl, "actions": "support.soap", **settings})
    return Orders.open(made, around, transport=httpx.MockTransport(answers), actions=actions, errors=errors)


def attempt(request: BaseModel = REQUEST, key: str = KEY, **changes: Any) -> Attempt:
    """An attempt at a request."""
    return Attempt(**{"operation_id": "op_1", "key": key, "request": request, **changes})


def envelope(body: str, soap: str = ENV_11) -> bytes:
    """A SOAP envelope around the XML of a body."""
    head = f'<?xml version="1.0" encoding="utf-8"?><e:Envelope xmlns:e="{soap}" xmlns:o="{NS}">'
    return f"{head}<e:Header/><e:Body>{body}</e:Body></e:Envelope>".encode()


def xml_reply(content: bytes, status: int = 200, content_type: str = "text/xml; charset=utf-8") -> httpx.Response:
    """An HTTP answer with XML in it."""
    return httpx.Response(status, content=content, headers={"Content-Type": content_type})


def created(order_id: str = "<o:orderId>17</o:orderId>", rest: str = "<o:state>open</o:state>") -> bytes:
    """What createOrder answers."""
    return envelope(f"<o:createOrderResponse>{order_id}{rest}</o:createOrderResponse>")


def fault(code: str = "e:Client", text: str = "no", detail: str = "") -> bytes:
    """A SOAP 1.1 fault."""
    inner = f"<detail>{detail}</detail>" if detail else ""
    return envelope(f"<e:Fault><faultcode>{code}</faultcode><faultstring>{text}</faultstring>{inner}</e:Fault>")


def fault_12(code: str = "e:Sender", subcode: str = "", text: str = "no", detail: str = "") -> bytes:
    """A SOAP 1.2 fault."""
    sub = f"<e:Subcode><e:Value>{subcode}</e:Value></e:Subcode>" if subcode else ""
    inner = f"<e:Detail>{detail}</e:Detail>" if detail else ""
    reason = f'<e:Reason><e:Text xml:lang="en">{text}</e:Text></e:Reason>'
    return envelope(f"<e:Fault><e:Code><e:Value>{code}</e:Value>{sub}</e:Code>{reason}{inner}</e:Fault>", ENV_12)


def found_order(key: str = KEY, reference: str = "order-17") -> bytes:
    """What findOrder answers when there is one."""
    order = f"<o:order><o:reference>{reference}</o:reference></o:order>"
    record = f"<o:found><o:orderId>17</o:orderId><o:key>{key}</o:key>{order}</o:found>"
    return envelope(f"<o:findOrderResponse>{record}</o:findOrderResponse>")


NOTHING_FOUND = envelope("<o:findOrderResponse/>")
