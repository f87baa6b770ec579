"""`natrium studies`: what can be calculated, with which settings."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def studies(
    name: Annotated[str | None, typer.Argument(help="A study, to see its presets and settings.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """List the studies, or the presets and settings of one."""
    from natrium.commands.output import console, print_json, table
    from natrium.workflows.study import presets
    from natrium.workflows.study import studies as installed
    from natrium.workflows.study import study as find

    if name is None:
        rows = [
            {"study": found.name, "what it delivers": found.summary, "presets": ", ".join(presets(found))}
            for _, found in sorted(installed().items())
        ]
        print_json(rows) if as_json else table(rows)
        return
    chosen = find(name)
    known = presets(chosen)
    if as_json:
        print_json({"study": name, "presets": known, "settings": _settings(chosen.settings)})
        return
    console.print(f"[bold]{name}[/]: {chosen.summary}\n")
    table(
        [{"preset": preset, "about": values["about"], "quality": values["quality"]} for preset, values in known.items()]
    )
    console.print("\nSettings of the study, changed with --set NAME=VALUE:")
    table(_settings(chosen.settings))
    from natrium.workflows.calculation import Calculation

    sections = ", ".join(section for section in next(iter(known.values()))["calculations"] if section != "all")
    console.print(
        f"\nSettings of its calculations ({sections}); --set NAME=VALUE for all, --set SECTION.NAME=VALUE for one:"
    )
    table(_settings(Calculation))


def _settings(model: Any) -> list[dict[str, str]]:
    from natrium.workflows.study import StudySettings

    inherited = set() if model is StudySettings else set(StudySettings.model_fields)
    return [
        {
            "setting": name,
            "meaning": field.description or "",
            "default": "" if field.is_required() else str(field.get_default(call_default_factory=True)),
        }
        for name, field in model.model_fields.items()
        if name not in inherited
    ]
