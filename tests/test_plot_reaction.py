"""Bond lengths over time as figures: read back from the SVG file, where every curve and label has its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image
from synthetic_trajectories import TIMES, bond, c_f, fec_on_sodium, moving, noise, ramp, ring_opened

from natrium.analysis.plot_reaction import plot_reaction, plot_reactions
from natrium.analysis.reaction import Reaction, ReactionSettings
from natrium.analysis.reaction_analysis import analyse
from natrium.structures.errors import InputError


class Text(NamedTuple):
    text: str
    x: float
    y: float
    """Downwards, points."""
    colour: str


class Drawn:
    """An SVG figure."""

    def __init__(self, path: Path) -> None:
        self.svg = path.read_text()
        self.texts = []
        for style, places, text in re.findall(r"<text style=\"([^\"]*)\"([^>]*)>([^<]+)</text>", self.svg):
            place = re.search(r"translate\(([-\d.]+) ([-\d.]+)\)", places) or re.search(
                r'x="([-\d.]+)" y="([-\d.]+)"', places
            )
            assert place is not None, (text, places)
            colour = re.search(r"fill: (#\w+)", style)
            shown = text.replace("&#8211;", "–").strip()
            self.texts.append(Text(shown, float(place[1]), float(place[2]), colour[1] if colour else ""))

    def all(self, pattern: str) -> list[Text]:
        return [text for text in self.texts if re.fullmatch(pattern, text.text)]

    def one(self, pattern: str) -> Text:
        (found,) = self.all(pattern)
        return found

    def x_of(self, time_fs: float) -> float:
        """From the numbers below the time axis, the last row of texts but its title."""
        low = self.one("time .*").y
        ticks = [text for text in self.all(r"\d+") if 0 < low - text.y < 20]
        slope, start = np.polyfit([float(text.text) for text in ticks], [text.x for text in ticks], 1)
        return float(slope * time_fs + start)

    def colours(self) -> list[str]:
        """Of the curves that have many points."""
        paths = re.findall(r'<path d="([^"]*)"[^>]*style="fill: none; stroke: (#\w+)[^>]*/>', self.svg)
        dashed = re.findall(
            r'<path d="([^"]*)"[^>]*style="fill: none; stroke-dasharray[^>]*stroke: (#\w+)[^>]*/>', self.svg
        )
        return [colour for points, colour in paths + dashed if points.count("L") > 5]


@pytest.fixture(scope="module")
def reacting() -> Reaction:
    """FEC on sodium: C46–O47 passes 2 Å at about 72 fs, C49–F50 at about 107 fs."""
    return fec(70, 95)


def fec(opens_fs: float, leaves_fs: float) -> Reaction:
    symbols, start, cell = fec_on_sodium(3.0)
    away = (start[50] - start[49]) / np.linalg.norm(start[50] - start[49])

    def motion(times: np.ndarray) -> np.ndarray:
        moved = ring_opened(start, ramp(times, opens_fs, opens_fs + 20), first=45)
        moved[:, 50] += ramp(times, leaves_fs, leaves_fs + 40)[:, None] * away
        shaken = 0.02 * np.sin(0.4 * times[:, None] + np.arange(10))
        moved[:, 45:] += shaken[:, :, None] * away
        return moved

    return analyse(moving(symbols, motion, np.arange(0, 150, 0.5), cell=cell, pbc=(True, True, False)), range(45, 55))


def test_what_broke_is_coloured_and_named(reacting: Reaction, tmp_path: Path) -> None:
    drawn = Drawn(plot_reaction(tmp_path / "fec.svg", reacting, title="FEC on Na(110)"))
    opening, cleavage = reacting.covalent_events
    for event, title in ((opening, "ring opening C–O"), (cleavage, "C–F cleavage")):
        label, curve = drawn.one(rf"{title}, {event.crossing_fs:.0f} fs"), drawn.one(event.name)
        assert label.x == pytest.approx(drawn.x_of(event.crossing_fs), abs=4), "beside its line"
        assert label.colour == curve.colour
        assert drawn.colours().count(curve.colour) >= 1
        assert label.y < curve.y
    assert drawn.one("C46–O47").colour != drawn.one("C49–F50").colour
    grey = drawn.one("other bonds").colour
    named = {text.text for text in drawn.all(r"[A-Z][a-z]?\d+–[A-Z][a-z]?\d+")}
    longest = dict(zip(reacting.curves.names, np.max(reacting.curves.highest_a, axis=1), strict=True))
    assert named == {name for name in reacting.reference_bonds if longest[name] > 1.6} >= {opening.name, cleavage.name}
    assert drawn.colours().count(grey) == len(reacting.reference_bonds) - len(named)
    for once in ("broken: 2.0 Å", "NaF crystal: 2.317 Å", r"bond length \(Å\)", r"nearest F–Na \(Å\)", r"time \(fs\)"):
        drawn.one(once)
    assert drawn.one("F50–Na, nearest").colour == drawn.one("C49–F50").colour
    assert drawn.one(r"FEC on Na\(110\)").y < drawn.one("ring opening.*").y


def test_no_label_covers_another(tmp_path: Path) -> None:
    # all bonds of a cluster break within a few fs, in the end at nearly the same length
    def explodes(times: np.ndarray) -> np.ndarray:
        start = np.array([[0, 0, 0], [1.4, 0, 0], [-1.4, 0, 0], [0, 1.4, 0], [0, -1.4, 0], [0, 0, 1.4], [0, 0, -1.4]])
        growth = np.stack([ramp(times, 30 + 1.5 * atom, 70 + 1.5 * atom) / 1.4 for atom in range(7)], axis=1)
        return np.asarray(start * (1 + growth[:, :, None]))

    reaction = analyse(moving(["C", *"OOOOOO"], explodes, TIMES), range(7))
    assert len(reaction.events) == 6
    drawn = Drawn(plot_reaction(tmp_path / "cluster.svg", reaction))
    beside = sorted(text.y for text in drawn.all(r"C0–O\d|broken.*"))
    assert len(beside) == 7
    assert np.diff(beside).min() > 7, "size of the type, points"
    above = drawn.all("C–O cleavage, .*")
    assert len(above) == 6
    assert np.diff(sorted(text.y for text in above)).min() > 7
    assert max(text.y for text in above) < min(beside)
    with_height = float(re.search(r'height="([\d.]+)pt"', drawn.svg)[1])  # type: ignore[index]
    assert min(text.y for text in above) > 0
    assert max(text.y for text in drawn.texts) < with_height


def still(length_a: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda times: np.full(len(times), length_a)


def longer(begin_fs: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda times: 1.4 + ramp(times, begin_fs)


def two(symbols: str, length: Callable[[np.ndarray], np.ndarray]) -> Reaction:
    return analyse(moving(symbols, bond(length), TIMES), [0, 1], reference=[(0, 1)])


def on_sodium(symbol: str, molecule: Sequence[int] = (0,)) -> Reaction:
    """An atom 3 Å from Na1 and further from Na2."""
    positions = np.array([[0, 0, 0], [0, 0, 3], [5, 5, 5]])
    return analyse(moving([symbol, "Na", "Na"], lambda times: np.tile(positions, (len(times), 1, 1)), TIMES), molecule)


@pytest.mark.parametrize(
    ("reaction", "present", "absent"),
    [
        pytest.param(c_f(still(1.4)), ["other bond", "broken.*"], ["C0–F1", ".*crystal.*", ".*cleavage.*"], id="quiet"),
        pytest.param(c_f(still(1.65)), ["C0–F1"], ["other.*", ".*cleavage.*"], id="long-from-the-start"),
        pytest.param(c_f(still(1.4), [0.0]), ["other bond"], [".*cleavage.*"], id="one-frame"),
        pytest.param(c_f(longer(10)), ["C0–F1 ↑", "C–F cleavage, 22 fs"], ["C0–F1"], id="beyond-the-axis"),
        pytest.param(c_f(longer(3000), np.arange(0, 9000, 5.0)), ["C–F cleavage, 3.012 ps"], [r".*\bfs\b.*"], id="ps"),
        pytest.param(on_sodium("F"), ["F0–Na, nearest", "NaF crystal.*"], [".*bond.*", "broken.*"], id="no-bonds"),
        pytest.param(on_sodium("F", [0, 1]), ["F0–Na, nearest", "F0–Na1"], ["F0–Na2"], id="own-ion"),
        pytest.param(two("OH", still(1.0)), ["other bond", "broken: 1.6 Å"], ["O0–H1"], id="quiet-hydrogen"),
        pytest.param(two("OH", longer(10)), ["O0–H1 ↑", "broken: 1.6 Å"], ["broken: 2.0 Å"], id="hydrogen"),
    ],
)  # fmt: skip
def test_every_trajectory_has_a_figure(
    reaction: Reaction, present: list[str], absent: list[str], tmp_path: Path
) -> None:
    drawn = Drawn(plot_reaction(tmp_path / "one.svg", reaction))
    for pattern in present:
        drawn.one(pattern)
    for pattern in absent:
        assert drawn.all(pattern) == []


def test_many_fluorines_one_is_named(tmp_path: Path) -> None:
    directions = np.vstack([np.eye(3), -np.eye(3)]) * 1.6

    def leaves(times: np.ndarray) -> np.ndarray:
        placed = np.zeros((len(times), 8, 3))
        placed[:, 1:7], placed[:, 7, 2] = directions, -6
        placed[:, 6, 2] -= ramp(times, 30, 60)
        return placed

    reaction = analyse(moving(["P", *"FFFFFF", "Na"], leaves, TIMES), range(8))
    drawn = Drawn(plot_reaction(tmp_path / "pf6.svg", reaction))
    assert [text.text for text in drawn.all(".*Na.*")] == ["nearest F–Na (Å)", "F6–Na, nearest", "NaF crystal: 2.317 Å"]
    drawn.one("F6–P0")
    assert drawn.one("broken.*").text == f"broken: {reaction.first_breaks[0].threshold_a / 0.9:.3f} Å"


def test_thinned_curves_have_bands_that_keep_the_extremes(tmp_path: Path) -> None:
    spike = 600.5

    def length(times: np.ndarray) -> np.ndarray:
        return np.where(times == spike, 1.9, 1.4)

    times = np.arange(0, 1000, 0.5)
    exact, thinned = (c_f(length, times, settings={"most_bins": bins}.items()) for bins in (2048, 16))
    assert (exact.curves.frames_per_bin, thinned.curves.frames_per_bin) == (1, 128)
    for reaction, bands in ((exact, 0), (thinned, 1)):
        drawn = Drawn(plot_reaction(tmp_path / "thin.svg", reaction, overwrite=True))
        drawn.one("C0–F1")
        assert drawn.svg.count('id="FillBetweenPolyCollection') == bands


@pytest.mark.parametrize("count", [1, 4, 7])
def test_trajectories_beside_one_another(count: int, reacting: Reaction, tmp_path: Path) -> None:
    later, quiet = fec(100, 60), fec(1e6, 1e6)
    reactions: Mapping[str, Reaction] = {f"FEC, seed {n}": (reacting, later, quiet)[n % 3] for n in range(count)}
    drawn = Drawn(plot_reactions(tmp_path / "all.svg", reactions, title="na-fec-md"))
    names = drawn.all(r"FEC, seed \d")
    columns = 1 if count <= 4 else 2
    assert len({round(text.x) for text in names}) == columns
    order = sorted(names, key=lambda text: (round(text.y), text.x))
    assert [text.text for text in order] == list(reactions)
    # of each bond one colour everywhere
    assert len({text.colour for text in drawn.all("C49–F50")}) == 1
    assert len(drawn.all("C49–F50")) == count
    assert len(drawn.all("ring opening C–O, .* fs")) == sum(
        bool(one.first("ring opening")) for one in reactions.values()
    )
    assert len(drawn.all(r"time \(fs\)")) == columns
    drawn.one("na-fec-md")
    drawn.one(r"distance \(Å\)")


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_formats_and_existing_files(suffix: str, reacting: Reaction, tmp_path: Path) -> None:
    path = tmp_path / f"fec{suffix}"
    starts = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}
    assert plot_reaction(path, reacting) == path
    assert path.read_bytes().startswith(starts[suffix])
    for plot in (plot_reaction, lambda where, one: plot_reactions(where, {"one": one})):
        with pytest.raises(InputError, match="exists"):
            plot(path, reacting)
    plot_reactions(path, {"one": reacting}, overwrite=True)
    if suffix == ".png":
        with Image.open(path) as image:
            assert image.width == 1800
            assert len(set(image.convert("L").tobytes())) > 20, "something is drawn"


def test_what_cannot_be_drawn_leaves_no_file(tmp_path: Path) -> None:
    lonely = analyse(moving(["O", "Na"], bond(lambda times: 3 + 0 * times), TIMES), [0])
    with pytest.raises(InputError, match="neither bonds nor distances"):
        plot_reaction(tmp_path / "a.png", lonely)
    with pytest.raises(InputError, match="no trajectories"):
        plot_reactions(tmp_path / "a.png", {})
    with pytest.raises(InputError, match=r"cannot write a \.gif"):
        plot_reaction(tmp_path / "a.gif", lonely)
    assert list(tmp_path.iterdir()) == []


def test_a_noisy_trajectory_names_its_first_events_only(tmp_path: Path) -> None:
    times, positions, cells = noise(["C", "C", "O", "F", "N"], np.eye(3) * 5, 300)
    trajectory = moving(["C", "C", "O", "F", "N"], lambda _: positions, times, cell=cells, pbc=(True,) * 3, block=300)
    reaction = analyse(trajectory, range(5), ReactionSettings(dwell_fs=0), reference=[(0, 1), (1, 2)])
    assert len(reaction.covalent_events) > 12
    drawn = Drawn(plot_reaction(tmp_path / "noise.svg", reaction))
    labels = drawn.all(".* fs")
    assert len(labels) == 12
    last = sorted(event.crossing_fs for event in reaction.covalent_events)[11]
    assert max(text.x for text in labels) == pytest.approx(drawn.x_of(last), abs=4)


def test_of_many_stretched_bonds_those_that_broke_are_named_first(tmp_path: Path) -> None:
    places = np.zeros((40, 3))
    places[::2, 0] = places[1::2, 0] = 10.0 * np.arange(20)

    def motion(times: np.ndarray) -> np.ndarray:
        moved = np.tile(places, (len(times), 1, 1))
        moved[:, 1::2, 1] = 1.61 + 0.004 * np.arange(20)
        moved[:, 1, 1] += ramp(times, 30, 40)
        return moved

    reaction = analyse(moving("CO" * 20, motion, TIMES), range(40))
    assert [event.name for event in reaction.events] == ["C0–O1"]
    drawn = Drawn(plot_reaction(tmp_path / "many.svg", reaction))
    furthest = {f"C{2 * bond}–O{2 * bond + 1}" for bond in (0, *range(9, 20))}
    assert {text.text for text in drawn.all(r"C\d+–O\d+")} == furthest
    drawn.one("other bonds")
