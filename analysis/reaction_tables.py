"""A reaction as tables for people: rows with a text for each column."""

from __future__ import annotations

from collections.abc import Iterable

from natrium.analysis.reaction import BondEvent, Reaction

Rows = list[dict[str, str]]


def event_rows(reaction: Reaction) -> Rows:
    """Covalent events, in the order of confirmation."""
    return [
        {
            "first crossing (fs)": _fs(event.crossing_fs),
            "confirmed (fs)": _fs(event.confirmed_fs),
            "what": event.title + (", back as it was" if event.kind == "healed" else ""),
            "atoms": event.name,
        }
        for event in reaction.covalent_events
    ]


def contact_rows(reaction: Reaction) -> Rows:
    """Contacts between metal and the molecule: for each two elements the first that formed, and how many came and went.

    Contacts of the first frame are no events; they are those of the first fragments.
    """
    kinds: dict[str, list[BondEvent]] = {}
    for event in sorted((one for one in reaction.events if one.contact), key=lambda one: one.crossing_fs):
        kinds.setdefault("–".join(event.symbols), []).append(event)
    rows = []
    for kind, events in kinds.items():
        formed = [event for event in events if event.kind == "formed"]
        rows.append(
            {
                "contact": kind,
                "first formed (fs)": _fs(formed[0].crossing_fs if formed else None),
                "atoms": formed[0].name if formed else "–",
                "formed": str(len(formed)),
                "lost": str(len(events) - len(formed)),
            }
        )
    return rows


def sensitivity_rows(reaction: Reaction) -> Rows:
    """First crossing, fs, of each reference bond that broke at any of the cutoffs; of the ring first, if there is one.

    A dash: it did not break at this cutoff.
    """
    breaks = reaction.first_breaks
    cutoffs = reaction.settings.cutoffs_a
    broken = dict.fromkeys(one.name for one in breaks if one.crossing_fs is not None)
    if not broken:
        return []
    times = {(one.name, one.cutoff_a): one.crossing_fs for one in breaks}
    rows = [{"bond": name} | {f"{cutoff:g} Å (fs)": _fs(times[name, cutoff]) for cutoff in cutoffs} for name in broken]
    if any(one.in_ring for one in breaks):
        ring = {f"{cutoff:g} Å (fs)": _fs(reaction.ring_opening_fs(cutoff)) for cutoff in cutoffs}
        rows.insert(0, {"bond": "any of the ring", **ring})
    return rows


def fragment_rows(reaction: Reaction) -> Rows:
    """What the molecule consists of at the start, after each covalent event and at the end."""
    return [
        {
            "time (fs)": _fs(state.time_fs),
            "after": "; ".join(state.after),
            "fragments": _counted(one.description for one in state.fragments),
        }
        for state in reaction.fragments
    ]


def crystal_rows(reaction: Reaction) -> Rows:
    """Distances to the nearest metal atom against that in their crystal."""
    metal, element = reaction.settings.crystal
    return [
        {
            "atom": one.name,
            **{
                f"at {mean.at_fs:g} fs (Å)": "–" if mean.mean_a is None else f"{mean.mean_a:.3f} to {mean.nearest}"
                for mean in one.at
            },
            "shortest (Å)": f"{one.shortest_a:.3f} at {_fs(one.shortest_fs)} fs",
            f"first below {metal}{element} (fs)": _fs(one.first_below_fs),
            f"{metal} around it at the end": str(one.neighbours_end),
        }
        for one in reaction.crystal_contacts
    ]


def pending_rows(reaction: Reaction) -> Rows:
    """Excursions of bonds that the end cut off; those of contacts are no more than vibrations."""
    return [
        {
            "first crossing (fs)": _fs(one.crossing_fs),
            "lasted (fs)": _fs(one.lasted_fs),
            "what": one.kind,
            "atoms": one.name,
        }
        for one in reaction.pending
        if not one.contact
    ]


def _counted(names: Iterable[str]) -> str:
    """Names with equal ones counted: '32 H2O, F bound to 3 Na'."""
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(name if count == 1 else f"{count} {name}" for name, count in counts.items())


def _fs(time_fs: float | None) -> str:
    return "–" if time_fs is None else f"{time_fs:.1f}"
