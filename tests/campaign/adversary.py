"""Who strikes: at random, but from a seed, and not for ever."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from natrium.structures.errors import NatriumError

from .strikes import Ground, Hit, Strike


@dataclass(frozen=True)
class Struck:
    """One strike, as it happened."""

    at_s: float
    """Since the campaign's begin."""
    strike: str
    target: str


class Adversary:
    """Strikes one after the other, and lets heal what must heal.

    Args:
        ground: What it strikes.
        strikes: What it can do.
        seed: Of its choices. What there is to hit depends on the machine's speed too.
        number: Of strikes.
        pause_s: Shortest and longest time between two strikes, s.
    """

    def __init__(
        self,
        ground: Ground,
        strikes: Sequence[Strike],
        seed: int,
        number: int,
        pause_s: tuple[float, float] = (1.0, 3.0),
    ) -> None:
        self._ground = ground
        self._strikes = strikes
        self._random = Random(seed)
        self._number = number
        self._pause_s = pause_s
        self._healing: list[threading.Thread] = []
        self.struck: list[Struck] = []

    @property
    def counts(self) -> Counter[str]:
        """Strikes by kind."""
        return Counter(struck.strike for struck in self.struck)

    def rage(self, goes_on: Callable[[], bool], report: Callable[[Struck], None]) -> None:
        """Strike until the strikes are used up or `goes_on` says no; then everything is let heal."""
        began = time.monotonic()
        while len(self.struck) < self._number and goes_on():
            time.sleep(self._random.uniform(*self._pause_s))
            found = self._strike()
            if found is not None:
                strike, hit = found
                self.struck.append(Struck(time.monotonic() - began, strike.name, hit.target))
                report(self.struck[-1])
        for thread in self._healing:
            thread.join()

    def _strike(self) -> tuple[Strike, Hit] | None:
        """One strike that finds something to hit, if any does."""
        left = list(self._strikes)
        while left:
            strike = self._random.choices(left, [each.weight for each in left])[0]
            hit = strike.hit(self._ground, self._random)
            if hit is not None:
                if hit.heal is not None:
                    self._heal_later(strike, hit)
                return strike, hit
            left.remove(strike)
        return None

    def _heal_later(self, strike: Strike, hit: Hit) -> None:
        def heal() -> None:
            time.sleep(hit.after_s)
            assert hit.heal is not None
            try:
                hit.heal()
            except (NatriumError, OSError) as error:
                self._ground.wrong.append(f"{strike.name}: {hit.target} did not come back: {error}")

        thread = threading.Thread(target=heal, daemon=True)
        thread.start()
        self._healing.append(thread)
