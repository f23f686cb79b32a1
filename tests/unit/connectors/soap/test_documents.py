"""A WSDL and its imports come from the configured location, and from nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from seawall.connectors.soap import documents
from seawall.connectors.soap.documents import Documents, RefusedDocument, gather, read_file

START = "https://erp.example.com/wsdl/erp.wsdl"


def wsdl(*imports: str) -> bytes:
    inner = "".join(f'<w:import namespace="urn:x" location="{location}"/>' for location in imports)
    return f'<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/">{inner}</w:definitions>'.encode()


def schema(*imports: str, tag: str = "import") -> bytes:
    inner = "".join(f'<x:{tag} schemaLocation="{location}"/>' for location in imports)
    return f'<x:schema xmlns:x="http://www.w3.org/2001/XMLSchema">{inner}</x:schema>'.encode()


def gathered(start: str, contents: Mapping[str, bytes]) -> Documents:
    asked: list[str] = []

    async def fetch(location: str) -> bytes:
        asked.append(location)
        return contents[location]

    found = asyncio.run(gather(start, fetch))
    assert len(asked) == len(set(asked))
    return found


def from_folder(path: Path) -> Documents:
    async def fetch(location: str) -> bytes:
        return read_file(location)

    return asyncio.run(gather(str(path), fetch))


@pytest.mark.parametrize("tag", ["import", "include", "redefine"])
def test_imports_are_followed_once_each_though_they_import_each_other(tag: str) -> None:
    a, b = "https://erp.example.com/wsdl/a.xsd", "https://erp.example.com/b.xsd"
    found = gathered(START, {START: wsdl("a.xsd"), a: schema("../b.xsd", tag=tag), b: schema("/wsdl/a.xsd", tag=tag)})
    assert set(found.contents) == {START, a, b}


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example.com/a.xsd",
        "http://erp.example.com/a.xsd",
        "https://erp.example.com:8443/a.xsd",
        "//evil.example.com/a.xsd",
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
    ],
)
def test_a_url_is_followed_on_its_own_origin_only(elsewhere: str) -> None:
    with pytest.raises(RefusedDocument, match="elsewhere"):
        gathered(START, {START: wsdl(elsewhere)})


def test_the_usual_port_may_be_named() -> None:
    there = "https://erp.example.com:443/a.xsd"
    assert set(gathered(START, {START: wsdl(there), there: schema()}).contents) == {START, there}


def test_a_file_is_followed_in_its_own_folder_and_below(tmp_path: Path) -> None:
    (tmp_path / "types").mkdir()
    (tmp_path / "a.wsdl").write_bytes(wsdl("types/b.xsd"))
    (tmp_path / "types" / "b.xsd").write_bytes(schema("c.xsd"))
    (tmp_path / "types" / "c.xsd").write_bytes(schema("../a.wsdl"))
    assert len(from_folder(tmp_path / "a.wsdl").contents) == 3


@pytest.mark.parametrize(
    "elsewhere", ["../secret.xsd", "/etc/passwd", "https://evil.example.com/x", "file:///etc/passwd"]
)
def test_a_file_leads_nowhere_else(tmp_path: Path, elsewhere: str) -> None:
    folder = tmp_path / "wsdl"
    folder.mkdir()
    (tmp_path / "secret.xsd").write_bytes(schema())
    (folder / "a.wsdl").write_bytes(wsdl(elsewhere))
    with pytest.raises(RefusedDocument, match="elsewhere"):
        from_folder(folder / "a.wsdl")


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "wsdl"
    folder.mkdir()
    (tmp_path / "secret.xsd").write_bytes(schema())
    (folder / "link.xsd").symlink_to(tmp_path / "secret.xsd")
    (folder / "a.wsdl").write_bytes(wsdl("link.xsd"))
    with pytest.raises(RefusedDocument, match="elsewhere"):
        from_folder(folder / "a.wsdl")


def test_documents_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fetch(location: str) -> bytes:
        return schema(f"{location}x")

    with pytest.raises(RefusedDocument, match="more than 300 documents"):
        asyncio.run(gather(START, fetch))
    monkeypatch.setattr(documents, "MOST_BYTES", 100)
    with pytest.raises(RefusedDocument, match="more than 100 bytes"):
        gathered(START, {START: wsdl("https://erp.example.com/a-long-name-of-a-schema.xsd")})


def test_what_is_no_xml_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(RefusedDocument, match=START):
        gathered(START, {START: b"<html><p>maintenance"})
    with pytest.raises(RefusedDocument, match="document type"):
        gathered(START, {START: b"<!DOCTYPE html><html/>"})
    with pytest.raises(RefusedDocument, match="No such file"):
        from_folder(tmp_path / "none.wsdl")


def test_a_fingerprint_is_of_the_content_and_not_of_the_place() -> None:
    other = "https://other.example.com/wsdl"
    one, two = Documents(START, {START: wsdl()}), Documents(other, {other: wsdl()})
    assert one.fingerprint == two.fingerprint
    assert Documents(START, {START: wsdl() + b" "}).fingerprint != one.fingerprint


def test_zeep_gets_what_was_gathered_and_nothing_else() -> None:
    found = Documents(START, {START: wsdl()})
    assert found.load(START) == wsdl()
    assert b'name="lang"' in found.load("https://www.w3.org/2001/xml.xsd")
    with pytest.raises(RefusedDocument):
        found.load("https://www.w3.org/other.xsd")
