"""XML from elsewhere is read without DTDs, entities, network or unbounded size."""

from __future__ import annotations

from pathlib import Path

import pytest

from seawall.connectors.soap import xml
from seawall.connectors.soap.security import WSSE, WSU, put_username_token

BOMB = b"""<?xml version="1.0"?>
<!-- a comment --> <!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<x>&b;</x>"""


def refuses(content: bytes) -> str:
    with pytest.raises(xml.UnreadableXml) as raised:
        xml.parse(content)
    return str(raised.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-7"])
def test_a_document_type_declaration_is_refused_in_any_encoding(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'
    assert refuses(text.encode(encoding))


def test_an_entity_bomb_is_refused_before_it_is_read() -> None:
    assert refuses(BOMB) == "it has a document type declaration"


def test_an_external_entity_reads_no_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary")
    text = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]><x>&e;</x>'
    assert "canary" not in refuses(text.encode())


def test_a_text_that_only_speaks_of_a_doctype_is_read() -> None:
    root = xml.parse(b"<x><![CDATA[<!DOCTYPE html>]]></x>")
    assert xml.text_of(root) == "<!DOCTYPE html>"


@pytest.mark.parametrize(
    "content", [b"", b"<x>", b"plain", b"<x></y>", b"\xff\xfe", b"<a/><b/>", b"<x>&undeclared;</x>"]
)
def test_what_is_not_well_formed_is_unreadable(content: bytes) -> None:
    assert refuses(content)


def test_a_prefix_that_is_not_declared_is_the_only_mistake_that_is_forgiven() -> None:
    root = xml.parse(b'<x><y xsi:nil="true"/><p:z>1</p:z><w/></x>')
    assert [xml.is_nil(one) for one in xml.children(root)] == [True, False, False]
    for broken in (b'<x><y xsi:nil="true"/>', b'<x><y xsi:nil="true"></x>', b'<x xsi:nil="true"><a b="1" b="2"/></x>'):
        assert refuses(broken)


def test_a_tree_deeper_than_any_message_is_refused() -> None:
    assert refuses(b"<x>" * 5000 + b"</x>" * 5000)


def test_comments_and_instructions_are_no_part_of_a_text() -> None:
    root = xml.parse(b"<x>a<!-- b -->c<?d e?>f</x>")
    assert xml.text_of(root) == "acf"


def test_a_qualified_name_is_resolved_by_the_prefixes_at_its_place() -> None:
    root = xml.parse(b'<x xmlns="urn:d" xmlns:p="urn:p">p:code</x>')
    assert xml.qualified("p:code", root) == ("urn:p", "code")
    assert xml.qualified("code", root) == ("urn:d", "code")
    assert xml.qualified("q:code", root) == ("", "code")


def token(how: str) -> dict[str, str]:
    envelope = xml.element(xml.SOAP_11, "Envelope")
    xml.child(envelope, xml.SOAP_11, "Body")
    put_username_token(envelope, "ada", "pass word", how=how, now=1_772_359_500.25, nonce=b"0123456789abcdef")  # type: ignore[arg-type]
    assert [xml.local(one) for one in xml.children(envelope)] == ["Header", "Body"]
    security = envelope.find(f".//{{{WSSE}}}Security")
    assert security.get(f"{{{xml.SOAP_11}}}mustUnderstand") == "1"
    found = security.find(f"{{{WSSE}}}UsernameToken")
    assert found.find(f"{{{WSU}}}Created").text == "2026-03-01T10:05:00.250Z"
    return {xml.local(one): one.text for one in xml.children(found)} | {"type": found[1].get("Type")}


def test_a_username_token_in_text_carries_the_password() -> None:
    found = token("text")
    assert (found["Username"], found["Password"]) == ("ada", "pass word")
    assert found["type"].endswith("#PasswordText")


def test_a_digest_is_sha1_of_nonce_created_and_password() -> None:
    found = token("digest")
    # printf '0123456789abcdef2026-03-01T10:05:00.250Zpass word' | openssl dgst -sha1 -binary | base64
    assert found["Password"] == "8bGPPvKaHaWAQFoIIvNqURjJqW8="
    assert found["type"].endswith("#PasswordDigest")
