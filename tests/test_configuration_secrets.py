"""The password of the database: where it may lie, and that it is never shown."""

from __future__ import annotations

import os

import pytest

from natrium.hpc.configuration import load_configuration, redacted
from natrium.structures.errors import InputError

ADDRESS = "mongodb://me:s3cret@host/"


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("NATRIUM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "natrium").mkdir()
    (tmp_path / "natrium" / "natrium.yaml").touch(mode=0o600)
    return tmp_path / "natrium" / "natrium.yaml"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("mongodb://me:s3cret@host:27017/db", "mongodb://me:***@host:27017/db"),
        ("mongodb://me:p@ss/w:rd@a:1,b:2/?tls=true", "mongodb://me:***@a:1,b:2/?tls=true"),
        ("mongodb+srv://me:s3cret@host", "mongodb+srv://me:***@host"),
        (
            "mongodb://host/?tlsCertificateKeyFilePassword=s3cret&w=1",
            "mongodb://host/?tlsCertificateKeyFilePassword=***&w=1",
        ),
        ("mongodb://host:27017/", "mongodb://host:27017/"),
    ],
)
def test_passwords_are_not_shown(uri, shown):
    assert redacted(uri) == shown
    configuration = load_configuration(database_uri=uri)
    assert configuration.database_shown == shown
    for text in (
        repr(configuration),
        str(configuration),
        str(configuration.model_dump()),
        configuration.model_dump_json(),
    ):
        assert "s3cret" not in text
        assert "p@ss" not in text


@pytest.mark.parametrize(
    ("content", "mode", "problem", "remedy"),
    [
        (ADDRESS + "\n", 0o600, "", ""),
        (ADDRESS, 0o400, "", ""),
        (ADDRESS, 0o640, "others may read", "chmod 600 "),
        (ADDRESS, 0o604, "others may read", "chmod 600 "),
        (ADDRESS, 0o620, "others may read", "chmod 600 "),
        ("", 0o600, "has 0 lines", "write one line"),
        (f"{ADDRESS}\n{ADDRESS}\n", 0o600, "has 2 lines", "write one line"),
        ("postgres://me:s3cret@host/", 0o600, "no MongoDB address", "mongodb://"),
    ],
)
def test_the_address_in_a_file_of_its_own(file, content, mode, problem, remedy):
    secret = file.parent / "address"
    secret.write_text(content)
    secret.chmod(mode)
    file.write_text("database_uri_file: address")  # relative to natrium.yaml
    if not problem:
        configuration = load_configuration()
        assert configuration.database_uri.get_secret_value() == ADDRESS
        assert configuration.database_uri_file == secret
        assert configuration.database_shown == "mongodb://me:***@host/"
        return
    with pytest.raises(InputError) as caught:
        load_configuration()
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy
    assert "s3cret" not in str(caught.value)


def test_an_address_file_must_be_a_file_of_this_user(file):
    file.write_text("database_uri_file: address")
    secret = file.parent / "address"
    with pytest.raises(InputError, match="address cannot be read: No such file"):
        load_configuration()
    os.mkfifo(secret, 0o600)
    with pytest.raises(InputError, match="is no regular file"):
        load_configuration()
    secret.unlink()
    secret.symlink_to("/proc/1/environ" if os.geteuid() else _of_another_user(file.parent))
    with pytest.raises(InputError, match=r"belongs to another user|cannot be read"):
        load_configuration()


def _of_another_user(folder):
    theirs = folder / "theirs"
    theirs.write_text(ADDRESS)
    theirs.chmod(0o600)
    os.chown(theirs, 65534, 65534)
    return theirs


def test_the_variable_wins_over_the_address_file_which_is_not_even_read(file, monkeypatch):
    file.write_text("database_uri_file: /nowhere")
    monkeypatch.setenv("NATRIUM_DATABASE_URI", "mongodb://other/")
    assert load_configuration().database_shown == "mongodb://other/"
    monkeypatch.delenv("NATRIUM_DATABASE_URI")
    file.write_text("database_uri: mongodb://file/")
    secret = file.parent / "address"
    secret.touch(mode=0o600)
    secret.write_text(ADDRESS)
    monkeypatch.setenv("NATRIUM_DATABASE_URI_FILE", str(secret))
    assert load_configuration().database_shown == "mongodb://me:***@host/"


@pytest.mark.parametrize(
    ("uri", "mode", "accepted"),
    [(ADDRESS, 0o600, True), (ADDRESS, 0o644, False), (ADDRESS, 0o660, False), ("mongodb://host/", 0o644, True)],
)
def test_a_password_in_natrium_yaml_wants_a_private_file(file, uri, mode, accepted):
    file.write_text(f"database_uri: {uri}")
    file.chmod(mode)
    if accepted:
        assert load_configuration().database_uri.get_secret_value() == uri
        return
    with pytest.raises(InputError) as caught:
        load_configuration()
    assert "holds a password" in caught.value.problem
    assert f"chmod 600 {file}" in caught.value.remedy
    assert "database_uri_file" in caught.value.remedy
    assert "s3cret" not in str(caught.value)
