"""Where settings come from, which ones are refused, and that no password is shown."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from natrium.hpc.configuration import load_configuration, physical_cores, redacted
from natrium.structures.errors import InputError


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("NATRIUM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "natrium").mkdir()
    return tmp_path / "natrium" / "natrium.yaml"


def test_defaults():
    configuration = load_configuration()
    assert configuration.database_uri is None
    assert configuration.database_name == "natrium"
    assert configuration.mpi_launcher == "mpiexec"
    assert 1 <= configuration.ranks == physical_cores() <= len(os.sched_getaffinity(0))
    assert configuration.embedded_folder == configuration.data_dir / "database"


def test_arguments_before_environment_before_file_before_defaults(file, monkeypatch):
    file.write_text("ranks: 3\nmpi_launcher: srun\ndatabase_name: file\ndata_dir: ~/from-file\n")
    monkeypatch.setenv("NATRIUM_RANKS", "5")
    monkeypatch.setenv("NATRIUM_DATABASE_NAME", "environment")
    monkeypatch.setenv("NATRIUM_MPI_LAUNCHER", "")
    configuration = load_configuration(database_name="argument")
    assert (configuration.ranks, configuration.mpi_launcher, configuration.database_name) == (5, "srun", "argument")
    assert str(configuration.data_dir) == os.path.expanduser("~/from-file")  # noqa: PTH111


def test_another_file(tmp_path, monkeypatch):
    (tmp_path / "other.yaml").write_text("ranks: 7")
    monkeypatch.setenv("NATRIUM_CONFIG", str(tmp_path / "other.yaml"))
    assert load_configuration().ranks == 7
    monkeypatch.setenv("NATRIUM_CONFIG", str(tmp_path / "missing.yaml"))
    with pytest.raises(InputError, match=r"missing\.yaml, which does not exist"):
        load_configuration()


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        ("rank: 3", "natrium.yaml: there is no setting 'rank'", "did you mean ranks?"),
        ("colour: red", "there is no setting 'colour'", "the settings are database_uri"),
        ("ranks: many", "the setting ranks: ", "ranks is: MPI processes"),
        ("ranks: 0", "the setting ranks: ", "MPI processes"),
        ("database_uri: postgres://me:s3cret@host/", "postgres://me:***@host/", "mongodb://"),
        ("database_name: a.b", "the setting database_name: ", "Name"),
        ("- ranks", "holds a list, not settings", "ranks: 8"),
        ("ranks: 3\ndatabase_uri: 'mongodb://me:s3cret@host", "natrium.yaml, line 2 cannot be read", "correct"),
    ],
)
def test_what_is_refused_in_the_file(file, text, problem, remedy):
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        load_configuration()
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("NATRIUM_RANK", "2", "NATRIUM_RANK is no setting"),
        ("NATRIUM_DATABASE_URL", "mongodb://h", "NATRIUM_DATABASE_URL is no setting"),
        ("NATRIUM_RANKS", "two", "NATRIUM_RANKS: "),
    ],
)
def test_what_is_refused_in_the_environment(monkeypatch, variable, value, problem):
    monkeypatch.setenv(variable, value)
    with pytest.raises(InputError, match=problem):
        load_configuration()


def test_variables_of_other_parts_pass(monkeypatch):
    monkeypatch.setenv("NATRIUM_DEADLINE", "12345")
    load_configuration()


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


def test_the_database_server_and_its_watch_import_nothing_heavy():
    heavy = "{'pymongo', 'pydantic', 'maggma', 'secantus'}"
    code = f"import sys, natrium.hpc.embedded.lifecycle; print(sorted({heavy} & {{*sys.modules}}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
