"""The errors of natrium: each says what is wrong and what to do about it."""

from __future__ import annotations


class NatriumError(Exception):
    """Base of every error that natrium raises on purpose.

    Args:
        problem: What is wrong and where: the value, the file, the setting.
        remedy: What the user can do next.
    """

    exit_code = 1

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}\n  what to do: {self.remedy}"


class InputError(NatriumError):
    """A request that cannot be right, found before anything expensive started.

    Not a ValueError: pydantic would wrap it and hide the remedy.
    """

    exit_code = 2
