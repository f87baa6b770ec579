"""The command line: fast, complete, and clear when something is wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from natrium.commands.output import short, spoken, with_unit
from natrium.commands.progress import described
from natrium.commands.run import _deadline
from natrium.commands.study_options import parsed
from natrium.hpc.embedded.folder import DatabaseError
from natrium.structures.errors import InputError

if TYPE_CHECKING:
    from conftest import CommandLine

COMMANDS = (
    *("studies", "run", "submit", "status", "watch", "logs", "rerun", "cancel", "results", "show", "plot", "doctor"),
    *("density", "orbital", "movie", "analyse-trajectory", "db", "config", "cluster"),
)
SUBCOMMANDS = (
    *("db start", "db stop", "db status", "config init", "config check", "config show"),
    *("cluster up", "cluster down", "cluster status", "cluster kill-node", "cluster start-node"),
)


def test_help_is_instant() -> None:
    natrium = Path(sysconfig.get_path("scripts")) / "natrium"
    seconds = []
    for _ in range(5):
        begin = time.perf_counter()
        told = subprocess.run([natrium, "--help"], capture_output=True, text=True, check=True).stdout
        seconds.append(time.perf_counter() - begin)
    assert all(command in told for command in COMMANDS)
    assert "Exit codes" in told
    # 0.16 s on an idle machine; twice the promised 0.3 s for a machine that others use too
    assert min(seconds) < 0.6


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    heavy = {"numpy", "ase", "pydantic", "jobflow", "pymongo", "maggma", "custodian", "matplotlib", "pymatgen", "yaml"}
    code = "import natrium.__main__, json, sys; print(json.dumps(sorted({n.partition('.')[0] for n in sys.modules})))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert "typer" in loaded
    assert heavy.isdisjoint(loaded)


@pytest.mark.parametrize("command", [*COMMANDS, *SUBCOMMANDS])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    assert run_here([*command.split(), "--help"], monkeypatch) == 0
    assert "Usage" in capsys.readouterr().out


def run_here(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """The command line in this process, for its messages and exit codes."""
    from natrium.__main__ import main

    monkeypatch.setattr(sys, "argv", ["natrium", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("arguments", "problem", "remedy"),
    [
        ("run", "which study?", "natrium studies"),
        ("run na11", "no study 'na11'", "did you mean na110"),
        ("run na110 --preset prevew", "no preset 'prevew'", "did you mean preview"),
        ("run na110 --engine vasq", "no engine 'vasq'", "natrium doctor"),
        ("run na110 --set layers", "--set layers: no value", "--set NAME=VALUE"),
        ("run na110 --set layers=", "no value", "--set NAME=VALUE"),
        ("run na110 --set layer=5", "no setting 'layer'", "did you mean layers"),
        ("run na110 --set layers=5 --set layers=7", "given twice", "leave one of them out"),
        ("run na110 --set kpoints=[1,2", "cannot read the value", "quote it"),
        ("run na110 --set cutoff_ev=high", "cutoff_ev = 'high'", "Plane-wave cutoff energy, eV"),
        ("run na110 --set slab_relax.kpoints=[4,4,4]", "4 k-points along z", "1 along z"),
        ("run na110 --set kpoints=[12,12,1]", "crystals and slabs alike", "slab_static.kpoints"),
        ("run na110 --dry-run --set fixed_layers=7", "fixed_layers=7", "0 to 6"),
        ("run na110-o2 --dry-run --set starts_from=[nowhere.json]", "nowhere.json", "name a file that is there"),
        ("run na110 --wall-time 90", "--wall-time 90", "90m"),
        ("run na110 --wall-time 0s", "--wall-time 0s", "90m"),
        ("run --resume --set layers=5", "continues a run as it was planned", "leave --set"),
        ("studies na11", "no study 'na11'", "did you mean na110"),
    ],
)
def test_a_request_that_cannot_be_right_is_refused_before_anything_starts(
    arguments: str,
    problem: str,
    remedy: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NATRIUM_DATA_DIR", str(tmp_path / "data"))
    assert run_here(arguments.split(), monkeypatch) == 2
    captured = capsys.readouterr()
    assert problem in captured.err
    assert remedy in captured.err.partition("what to do:")[2]
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


def test_what_nobody_foresaw_is_one_line_and_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("in the middle")

    monkeypatch.setattr("natrium.workflows.study.studies", broken)
    assert run_here(["studies"], monkeypatch) == 1
    told = capsys.readouterr().err
    assert "ZeroDivisionError: in the middle" in told
    assert "Traceback" not in told
    log = Path(re.search(r"traceback in (\S+)", told)[1])  # type: ignore[index]
    assert "in the middle" in log.read_text()
    log.unlink()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("400", 400),
        ("1e-6", 1e-6),
        ("1.0e-6", 1e-6),
        ("[12, 12, 1]", [12, 12, 1]),
        ("true", True),
        ("null", None),
        ("dzp", "dzp"),
        ("{Na: 7}", {"Na": 7}),
        ("d3-zero", "d3-zero"),
    ],
)
def test_values_are_read_as_yaml(text: str, value: object) -> None:
    assert parsed([f"name={text}"]) == {"name": value}
    assert parsed([f" name = {text} "]) == {"name": value}


@pytest.mark.parametrize(("text", "seconds"), [("20s", 20), ("90m", 5400), ("1.5h", 5400), ("2d", 172800)])
def test_wall_times(text: str, seconds: float) -> None:
    deadline = _deadline(text)
    assert deadline is not None
    assert deadline - time.time() == pytest.approx(seconds, abs=1)
    assert _deadline(None) is None


@pytest.mark.parametrize("text", ["", "h", "5", "5x", "-5m", "nan h", "1e3s"])
def test_wall_times_that_are_none(text: str) -> None:
    with pytest.raises(InputError):
        _deadline(text)


@pytest.mark.parametrize(
    ("name", "value", "words", "told"),
    [
        ("work_function_ev", 2.8262351, "work function", "2.82624 eV"),
        ("energy_ev", -12345.678912, "energy", "-12345.6789 eV"),
        ("energy_ev_a2", 0.0140131, "energy", "0.0140131 eV/Å²"),
        ("max_force_ev_a", 1.3e-33, "max force", "0 eV/Å"),
        ("cutoff_ev", 250.0, "cutoff", "250 eV"),
        ("change_percent", -1.25, "change", "-1.25 %"),
        ("z_a", [0.1] * 200, "z", "200 values, Å"),
        ("kpoints", (6, 6, 1), "kpoints", "[6, 6, 1]"),
        ("agrees", True, "agrees", "yes"),
        ("versions", {"ase": "3.29"}, "versions", "ase=3.29"),
        ("homo_ev", None, "homo", "– eV"),
    ],
)
def test_numbers_are_told_with_their_unit(name: str, value: Any, words: str, told: str) -> None:
    assert spoken(name) == words
    assert with_unit(name, value) == told


def test_progress_is_told_in_words() -> None:
    assert described({}) == "starting"
    facts = {"phase": "scf", "task": "relax", "step": 2, "iteration": 7, "density_error_e": 1.23e-4}
    assert described(facts) == "geometry step 2, SCF iteration 7, density error 1.2e-04 e"
    assert described(facts | {"density_error_e": float("inf")}) == "geometry step 2, SCF iteration 7"
    assert described({"phase": "relaxing", "max_force_ev_a": 0.02}) == "relaxing, largest force 0.020 eV/Å"
    assert short({}) == "–"


def test_a_dry_run_starts_nothing(natrium: CommandLine) -> None:
    told = natrium("run", "na110", "--dry-run").stdout
    assert not (natrium.folder / "data").exists()  # no database
    folder = natrium.the_run()
    assert str(folder) in told
    assert [path.name for path in sorted(folder.iterdir())] == [
        "01-bulk",
        "02-slab-relax",
        "03-slab-static",
        "settings.json",
    ]
    for step in ("01-bulk", "02-slab-relax", "03-slab-static"):
        task = json.loads((folder / step / "input.json").read_text())
        assert task["gpaw"]["mode"] == {"name": "pw", "ecut": 250.0}
    assert all(words in told for words in ("k-points", "wall time", "a model", "Nothing was started"))


def test_studies(natrium: CommandLine) -> None:
    (row,) = [row for row in natrium.json("studies") if row["study"] == "na110"]
    assert "work function" in row["what it delivers"]
    of_one = natrium.json("studies", "na110")
    assert of_one["presets"]["published"]["size"] == [3, 3]
    told = natrium("studies", "na110").stdout
    assert all(word in told for word in ("slab_relax", "vacuum_a", "smearing_width_ev", "preview", "Å", "eV"))


def test_the_database_without_anything_in_it(natrium: CommandLine) -> None:
    assert natrium.json("db", "status")["running"] is False
    done = natrium("results")
    assert done.stdout == ""
    assert "no results like this" in done.stderr
    assert natrium.json("results") == []
    assert "no result 'na110-000000'" in natrium("show", "na110-000000", code=2).stderr
    assert natrium.json("db", "status")["running"] is True
    assert natrium.json("db", "stop")["running"] is False


def test_a_dry_run_does_without_a_database_that_does_not_answer(natrium: CommandLine) -> None:
    elsewhere = natrium.with_variables(NATRIUM_DATABASE_URI="mongodb://me:secret@127.0.0.1:9/")
    assert "a model" in elsewhere("run", "na110", "--dry-run").stdout


def test_a_run_does_not_wait_long_for_a_database_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, object]] = []

    def refuse(_: object, **options: object) -> None:
        asked.append(options)
        raise DatabaseError("nobody there", "start it")

    monkeypatch.setenv("NATRIUM_DATABASE_URI", "mongodb://127.0.0.1:9/")
    monkeypatch.setattr("natrium.hpc.databases.results_store", refuse)
    monkeypatch.chdir(tmp_path)
    assert run_here(["run", "na110"], monkeypatch) == 4
    assert asked == [{}]  # the patience of a person, not that of a job that has computed for hours
    assert "nobody there" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# What follows looks at one finished na110.


@pytest.fixture
def address(finished: CommandLine) -> str:
    (row,) = finished.json("results")
    return str(row["address"])


@pytest.mark.gpaw
def test_a_run_ends_with_its_number(finished: CommandLine, address: str, small_na110: tuple[str, ...]) -> None:
    run = finished.the_run()
    assert run.name == address
    picture = (run / f"{address}.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    settings = json.loads((run / "settings.json").read_text())
    changed = {
        *("layers", "vacuum_a", "cutoff_ev", "bulk.kpoints", "slab_relax.kpoints", "slab-static.kpoints"),
        *("energy_ev", "bulk.force_ev_a", "slab_relax.force_ev_a"),
    }
    document = finished.json("show", address)
    assert settings["overrides"].keys() == document["output"]["overrides"].keys() == changed


@pytest.mark.gpaw
@pytest.mark.parametrize("columns", [80, None])
def test_nothing_is_ever_cut_off(columns: int | None, finished: CommandLine, address: str) -> None:
    sized = finished.with_variables(**({"COLUMNS": str(columns)} if columns else {}))
    document = finished.json("show", address)["output"]
    told = sized("show", address).stdout
    assert "…" not in told
    for part in document["calculations"].values():
        assert part["provenance"]["folder"] in told
        for sha256 in (*part["provenance"]["inputs_sha256"].values(), *part["provenance"]["datasets"].values()):
            assert sha256 in told
    rows = [line for line in sized("results").stdout.splitlines() if line.startswith(address)]
    assert len(rows) == 1
    steps = sized("results", "--calculations").stdout
    assert all(f"{address}/{step} " in steps for step in ("bulk", "slab-relax", "slab-static"))
    for line in sized("results").stdout.splitlines():
        assert len(line) <= (columns or 10_000)


@pytest.mark.gpaw
def test_show_begins_with_the_numbers_of_the_study(finished: CommandLine, address: str) -> None:
    told = finished("show", address).stdout
    work_function_ev = finished.json("show", address)["output"]["work_functions"]["top"]["work_function_ev"]
    lines = told.splitlines()
    assert lines[0].startswith(address)
    assert f"{work_function_ev:.3f} eV (top)" in lines[1]
    order = [told.index(f"\n{part}\n") for part in ("numbers", "settings", "calculations", "provenance")]
    assert order == sorted(order)
    assert told.index("work functions") < told.index("lattice constant")
    assert re.search(rf"work function +{work_function_ev:.6g} eV +Vacuum level of this side minus the Fermi", told)
    assert "slab_relax.force_ev_a=0.002" in told
    assert "kpoints=[3, 3, 1]" in told
    assert "basis=" not in told  # only what is set
    assert "attempt 1: finished" in told


@pytest.mark.gpaw
def test_show_of_a_calculation(finished: CommandLine, address: str) -> None:
    told = finished("show", f"{address[:-2]}/slab-relax").stdout
    assert told.startswith(f"{address}/slab-relax")
    result = finished.json("show", f"{address}/slab-relax")["output"]
    assert re.search(rf"energy +{result['energy_ev']:.6g} eV +Total energy", told)
    assert re.search(rf"relaxation steps +{result['relaxation_steps']}", told)
    assert "array " in told  # the potential on the grid is counted, not printed


@pytest.mark.gpaw
def test_addresses_that_are_wrong(finished: CommandLine, address: str) -> None:
    told = finished("show", f"{address}/slab-relx", code=2).stderr
    assert f"{address}/slab-relax" in told
    assert "begins several addresses" in finished("show", f"{address}/slab-", code=2).stderr


@pytest.mark.gpaw
def test_results_are_found_by_what_they_are(finished: CommandLine, address: str) -> None:
    for arguments, count in (
        (("--formula", "Na3"), 1),
        (("--formula", "Na7"), 0),
        (("--preset", "preview", "--study", "na110", "--engine", "gpaw"), 1),
        (("--calculations",), 3),
        (("--until", "2020-01-01"), 0),
    ):
        assert len(finished.json("results", *arguments)) == count
    assert "preview (changed)" in finished("results").stdout


@pytest.mark.gpaw
def test_plots_are_not_overwritten_by_accident(finished: CommandLine, address: str, tmp_path: Path) -> None:
    picture = tmp_path / "potential.svg"
    assert str(picture) in finished("plot", address, "-o", str(picture)).stdout
    assert "svg" in picture.read_text()[:500]
    assert "--force" in finished("plot", address, "-o", str(picture), code=2).stderr
    finished("plot", address, "-o", str(picture), "--force")
    assert picture.stat().st_size > 1000
