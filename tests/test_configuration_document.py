"""docs/configuration.md says what the models say."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from natrium.hpc import cluster as cluster_models
from natrium.hpc.configuration import Configuration, load_configuration
from natrium.hpc.job_outcome import JobOutcome
from natrium.hpc.policy import RULES, Policy, Rule

ADDRESS = "mongodb://me:s3cret@host/"


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("NATRIUM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "natrium").mkdir()
    (tmp_path / "natrium" / "natrium.yaml").touch(mode=0o600)
    return tmp_path / "natrium" / "natrium.yaml"


DOCUMENT = (Path(__file__).parent.parent / "docs" / "configuration.md").read_text(encoding="utf-8")
MODELS = {
    "natrium.yaml": Configuration,
    "clusters.NAME": cluster_models.Cluster,
    "clusters.NAME.node": cluster_models.NodeShape,
    "clusters.NAME.limits": cluster_models.Limits,
    "clusters.NAME.packing": cluster_models.Packing,
    "clusters.NAME.engines.ENGINE": cluster_models.EngineCommand,
    "resource_classes.NAME": cluster_models.ResourceClass,
    "policy": Policy,
    "policy.rules.OUTCOME": Rule,
}


def table_below(title: str) -> list[list[str]]:
    """The cells of the first table below a heading, without the table's own head."""
    below = re.split(rf"^#+ `?{re.escape(title)}`?$", DOCUMENT, flags=re.MULTILINE)[1]
    lines = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)
    assert lines is not None
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in lines[0].splitlines()[2:]]


@pytest.mark.parametrize("title", MODELS)
def test_the_document_names_every_setting(title):
    fields = MODELS[title].model_fields
    rows = table_below(title)
    assert [row[0].strip("`") for row in rows] == list(fields)
    assert [row[2] for row in rows] == [(field.description or "").replace("|", "\\|") for field in fields.values()]
    for name, default, _ in rows:
        field = fields[name.strip("`")]
        if field.is_required():
            assert default == "required", name
        elif field.default_factory is None:
            shown = "" if field.default in (None, "", ()) else str(yaml.safe_load(default.strip("`")))
            assert shown == ("" if field.default in (None, "", ()) else str(field.default)), name


def test_every_model_of_the_configuration_is_in_the_document():
    found: set[type[BaseModel]] = set()

    def collect(annotation) -> None:
        for part in (annotation, *getattr(annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel) and part not in found:
                found.add(part)
                for field in part.model_fields.values():
                    collect(field.annotation)

    collect(Configuration)
    assert found == set(MODELS.values())


def test_the_document_has_the_policy():
    told = {row[0]: row[1:] for row in table_below("The table of natrium")}
    rules = {
        str(outcome): [rule.action, *(f"{value:g}" for value in (rule.tries, rule.factor, rule.wait_s))]
        for outcome, rule in RULES.items()
    }
    assert told == rules
    assert set(RULES) == set(JobOutcome)


def test_the_examples_of_the_document_are_accepted(file):
    examples = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
    assert len(examples) >= 2
    (file.parent / "database-uri").touch(mode=0o600)
    (file.parent / "database-uri").write_text(ADDRESS)
    for example in examples:
        file.write_text(example)
        load_configuration()
