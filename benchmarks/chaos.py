"""What becomes of many workflows while everything around them is killed again and again.

`python benchmarks/chaos.py --workflows 100 --seed 1 --report docs/chaos.md`: first undisturbed, then with an adversary.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from campaign.campaign import Account, Plan, carry_out
from campaign.laptop import Laptop
from campaign.report import markdown
from campaign.workload import Workflow, workload


def main() -> int:
    arguments = _arguments()
    undisturbed: Account | None = None
    if arguments.undisturbed:
        plan = Plan(_workflows(arguments, {}), arguments.seed, strikes=0, patience_s=arguments.patience_s)
        undisturbed = _carry_out("undisturbed", plan)
        if not undisturbed.passed:
            print(undisturbed.failure)
            return 1
    workflows = _workflows(arguments, undisturbed.na110 if undisturbed else {})
    strikes = arguments.workflows * 2 if arguments.strikes is None else arguments.strikes
    account = _carry_out("chaos", Plan(workflows, arguments.seed, strikes, patience_s=arguments.patience_s))
    if arguments.report:
        arguments.report.write_text(markdown(account, undisturbed))
    for check in account.checks:
        print("passed" if check.passed else "FAILED", check)
    if not account.passed:
        print(account.failure)
    return 0 if account.passed else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workflows", type=int, default=20, help="chains, ladders and calculations together")
    parser.add_argument("--gpaw", type=int, help="of which work functions by GPAW; default: one in ten")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--strikes", type=int, help="most strikes; default: twice the number of workflows")
    parser.add_argument("--patience-s", type=float, default=7200.0, help="longest time of a campaign, s")
    parser.add_argument("--report", type=Path, help="where to write the report")
    parser.add_argument("--undisturbed", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args()


def _workflows(arguments: argparse.Namespace, undisturbed: dict[str, float | str]) -> list[Workflow]:
    na110s = arguments.workflows // 10 if arguments.gpaw is None else arguments.gpaw
    ladders = max(1, arguments.workflows // 10)
    chains = arguments.workflows - na110s - ladders
    return workload(chains, ladders, na110s, undisturbed, small_disk=os.geteuid() == 0)


def _carry_out(name: str, plan: Plan) -> Account:
    began = time.monotonic()

    def report(line: str) -> None:
        print(f"{name} {time.monotonic() - began:7.1f} s  {line}", flush=True)

    # a short path: there are sockets in it
    folder = Path(tempfile.mkdtemp(prefix="chaos-", dir="/tmp"))
    account = carry_out(plan, Laptop(folder), report)
    if account.passed:
        shutil.rmtree(folder, ignore_errors=True)
    report("passed" if account.passed else f"FAILED; its files are in {folder}")
    return account


if __name__ == "__main__":
    sys.exit(main())
