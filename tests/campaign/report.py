"""The report of a campaign, for people: docs/chaos.md."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable

from .campaign import Account
from .checks import Check
from .strikes import STRIKES
from .workload import ENERGY_TOLERANCE_EV, WORK_FUNCTION_TOLERANCE_EV

_INTRODUCTION = """\
# Chaos

Many small workflows go to a SLURM cluster of two nodes on one machine, while an adversary kills what they depend on.
One `natrium watch` runs and is started again when it is killed, as systemd or cron would do. Nobody does anything else:
no rerun, no repair. Written by `python benchmarks/chaos.py`, which repeats it.
"""


def markdown(account: Account, undisturbed: Account | None) -> str:
    """The report.

    Args:
        account: The campaign.
        undisturbed: The same workflows without an adversary.
    """
    parts = [
        _INTRODUCTION,
        _summary(account, undisturbed),
        "## Strikes\n",
        _table(("strike", "times"), [(name, account.struck_by_kind[name]) for name in (each.name for each in STRIKES)]),
        *(f"{line}.\n" for line in account.left_out),
        "## How SLURM jobs ended\n",
        _table(("outcome", "jobs"), account.outcomes.most_common()),
        f"{account.reruns} of them were reruns that the policy decided on; {account.light} steps of plain Python needed"
        " no SLURM job.\n",
        "## What was checked\n",
        _table(("check", "looked at", "result"), [_row(check) for check in account.checks]),
        f"Energies must be within {1e6 * ENERGY_TOLERANCE_EV:g} µeV and work functions within"
        f" {1e3 * WORK_FUNCTION_TOLERANCE_EV:g} meV of those of an undisturbed run;\ndigests of chains and heights of"
        " ladders are the same.\n",
    ]
    return "\n".join(parts)


def _summary(account: Account, undisturbed: Account | None) -> str:
    kinds = Counter(workflow.study for workflow in account.plan.workflows)
    rows: list[tuple[object, object]] = [
        ("result", "passed" if account.passed else "**failed**"),
        ("workflows", ", ".join(f"{count} {study}" for study, count in kinds.most_common())),
        ("seed", account.plan.seed),
        ("strikes", len(account.struck)),
        ("machine", f"{os.cpu_count()} cores"),
        ("wall time", f"{account.wall_time_s:.0f} s"),
    ]
    if undisturbed is not None:
        slower = account.wall_time_s / undisturbed.wall_time_s
        rows.append(("undisturbed", f"{undisturbed.wall_time_s:.0f} s: the strikes made it {slower:.2f} times as long"))
    rows.append(("`natrium submit` repeated, for a dead database or a full disk", account.submitted_again))
    return _table(("", ""), rows)


def _row(check: Check) -> tuple[str, str, str]:
    return check.what, check.looked_at, "passed" if check.passed else f"**failed**: {'; '.join(check.wrong[:3])}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines)
