"""Secrets come from outside the definitions, in a fixed order, and are shown to nobody."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from engine.deferred import SecretRef
from engine.errors import SecretMissing
from engine.language.references import parsed
from engine.language.secrets import Secrets, names
from tests.language.projects import FILES, PUSHED, read
from transports.base import Secret

VALUE = "canary-env-value"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secrets.env"
    path.write_text("# ours\nONE=canary-file-one\nexport TWO = 'canary two'\nFEEDS_SECRET_THREE=a=b#c\nEMPTY=\n")
    path.chmod(0o600)
    return path


def revealed(secrets: Secrets, name: str) -> str:
    return secrets.value(name).reveal()


def test_the_environment_stands_before_the_file_and_the_keyring(file: Path) -> None:
    secrets = Secrets({"FEEDS_SECRET_ONE": VALUE}, file, {"ONE": "canary-ring", "RING": "canary-ring"}.get)
    assert revealed(secrets, "ONE") == VALUE
    assert revealed(secrets, "TWO") == "canary two"
    assert revealed(secrets, "THREE") == "a=b#c"
    assert revealed(secrets, "RING") == "canary-ring"


@pytest.mark.parametrize("name", ["ABSENT", "EMPTY"])
def test_a_name_without_a_value_is_said_with_where_it_was_looked_for(file: Path, name: str) -> None:
    with pytest.raises(SecretMissing) as caught:
        Secrets({}, file).value(name)
    assert f"FEEDS_SECRET_{name}" in str(caught.value)
    assert str(file) in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("suffix", "text"),
    [(".json", json.dumps({"ONE": "canary-1"})), (".yaml", "ONE: canary-1\n"), (".yml", "'ONE': 'canary-1'\n")],
)
def test_the_file_may_be_json_or_yaml(tmp_path: Path, suffix: str, text: str) -> None:
    path = tmp_path / f"secrets{suffix}"
    path.write_text(text)
    path.chmod(0o600)
    assert revealed(Secrets({}, path), "ONE") == "canary-1"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(SecretMissing, match="chmod 600"):
        Secrets({}, file).value("ONE")


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".env", "canary-without-a-name\n"),
        (".json", '{"ONE": "canary-1"'),
        (".json", '["canary-1"]'),
        (".json", '{"ONE": {"canary": 1}}'),
        (".yaml", "ONE: 1.10\n"),
        (".yaml", "ONE: canary\nONE: canary-2\n"),
        (".yaml", "- canary\n"),
    ],
)
def test_a_file_that_cannot_be_used_is_said_without_what_it_holds(tmp_path: Path, suffix: str, text: str) -> None:
    path = tmp_path / f"secrets{suffix}"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SecretMissing) as caught:
        Secrets({}, path).value("ONE")
    assert str(path) in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SecretMissing, match="cannot be read"):
        Secrets({}, tmp_path / "none.env").value("ONE")
    # The environment needs no file.
    assert revealed(Secrets({"FEEDS_SECRET_ONE": VALUE}, tmp_path / "none.env"), "ONE") == VALUE


def settings() -> dict[str, Any]:
    return {
        "host": "sftp.example.com",
        "auth": {"password": SecretRef("ONE")},
        "headers": [{"Authorization": parsed("Bearer ${secret.ONE}"), "X-Since": parsed("${run.date}")}],
    }


def test_settings_are_filled_and_everything_that_holds_a_secret_stays_masked() -> None:
    filled = Secrets({"FEEDS_SECRET_ONE": VALUE}).filled(settings())
    assert filled["host"] == "sftp.example.com"
    assert filled["auth"]["password"].reveal() == VALUE
    header = filled["headers"][0]["Authorization"]
    assert isinstance(header, Secret)
    assert header.reveal() == f"Bearer {VALUE}"
    assert filled["headers"][0]["X-Since"] == parsed("${run.date}")
    assert VALUE not in repr(filled)
    assert VALUE not in f"{filled}"


def test_a_secret_that_is_missing_stops_the_filling() -> None:
    with pytest.raises(SecretMissing, match="ONE"):
        Secrets({}).filled(settings())


def test_a_secret_is_never_left_open_beside_a_value_of_the_run() -> None:
    with pytest.raises(SecretMissing):
        Secrets({"FEEDS_SECRET_ONE": VALUE}).filled({"url": parsed("/${run.date}?key=${secret.ONE}")})


def test_the_redactor_hears_of_every_value_that_was_looked_up() -> None:
    secrets = Secrets({"FEEDS_SECRET_ONE": VALUE, "FEEDS_SECRET_TWO": "canary-unused"})
    assert secrets.known == ()
    secrets.filled(settings())
    assert secrets.known == (VALUE,)
    assert VALUE not in repr(secrets)


def test_a_secret_is_not_pickled() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secrets({"FEEDS_SECRET_ONE": VALUE}).value("ONE"))


def test_a_feed_names_its_secrets_and_which_have_no_value(tmp_path: Path) -> None:
    feeds = read(tmp_path, {**FILES, **PUSHED}).feeds
    sales = feeds["acme-rv/ids-sales"]
    assert names(sales) == ("FILES_USER", "FILES_PASSWORD", "FILES_HOSTKEY")
    assert names(feeds["clear-glass/glass-events"]) == ("CLEAR_HOOK",)
    secrets = Secrets({"FEEDS_SECRET_FILES_USER": "canary-user"})
    assert secrets.missing(sales) == ("FILES_PASSWORD", "FILES_HOSTKEY")
