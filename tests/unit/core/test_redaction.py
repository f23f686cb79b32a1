from __future__ import annotations

import base64
import json

from seawall.core.redaction import MASK, Secrets


def test_registered_secret_is_masked_in_each_form_it_travels_in() -> None:
    secrets = Secrets()
    secrets.add("s3cr&t/value")
    encoded = base64.b64encode(b"s3cr&t/value").decode()
    text = f"plain s3cr&t/value quoted s3cr%26t%2Fvalue basic {encoded}"
    assert secrets.scrub(text) == f"plain {MASK} quoted {MASK} basic {MASK}"


def test_secret_of_several_lines_is_masked_inside_json_too() -> None:
    secrets = Secrets()
    secrets.add('-----BEGIN "KEY"-----\ncänary\n')
    for ensure_ascii in (True, False):
        dumped = json.dumps({"key": '-----BEGIN "KEY"-----\ncänary\n'}, ensure_ascii=ensure_ascii)
        assert secrets.scrub(dumped) == f'{{"key": "{MASK}"}}'


def test_longer_secret_is_masked_before_one_it_contains() -> None:
    secrets = Secrets()
    secrets.add("secret-token", "secret-token-extended")
    assert secrets.scrub("secret-token-extended") == MASK


def test_nested_values_and_keys_are_masked() -> None:
    secrets = Secrets()
    secrets.add("canary-1234")
    dirty = {"canary-1234": ["x canary-1234", {"k": ("canary-1234", 7, None)}]}
    assert "canary" not in repr(secrets.scrub_all(dirty))


def test_short_and_missing_values_are_not_registered() -> None:
    secrets = Secrets()
    secrets.add("abc", None, "")
    assert secrets.scrub("abc None") == "abc None"


def test_what_no_database_can_hold_is_replaced_and_what_is_no_json_becomes_text() -> None:
    dirty = {"a\ud800": ["\x00", object, 1.5, None, True]}
    told = Secrets().scrub_all(dirty)
    json.dumps(told).encode()
    assert list(told) == ["a\ufffd"]
    assert told["a\ufffd"] == ["\ufffd", str(object), 1.5, None, True]
