"""Pictures in a row, written to a file one by one as they come: GIF and MP4."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from natrium.structures.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

Picture = NDArray[np.uint8]
"""Shape (height, width, 3), RGB; even numbers of pixels, as video asks for."""

MovieWriter = Callable[[Path, Iterable[Picture], float], None]
"""To a file, pictures, so many of them a second."""

MOVIES = (".gif", ".mp4")

FASTEST_PER_S = 50.0
"""Pictures last whole hundredths of a second in a GIF, and what lasts one of them is slowed down by browsers."""

_UNCHANGED, _WHITE = 95, 94
"""Indices of colours; the first of them is transparent. More colours would not be told apart, and take more space."""

_VISIBLE, _ALMOST_WHITE = 6, 246
"""Of 255: the difference of red, green or blue up to which a pixel stays as it is, and where white begins. Between
both nothing may be left: what stayed on the white background would be seen there as a trace."""


def movie_writer(suffix: str) -> MovieWriter:
    """What writes such a file.

    Raises:
        InputError: MP4 without ffmpeg.
    """
    if suffix.lower() == ".gif":
        return write_gif
    program = shutil.which("ffmpeg")
    if program is None:
        raise InputError(f"cannot write a {suffix} file: no ffmpeg on the PATH", "install ffmpeg, or write a .gif file")
    return partial(_write_mp4, program)


def write_gif(path: Path, pictures: Iterable[Picture], frames_per_s: float) -> None:
    """A GIF that repeats for ever, of which one picture is in memory at a time.

    The 95 colours are black, white and those of the first picture. A pixel stays as it is shown until its colour has
    changed visibly: shading that follows an atom's least motion would be most of the file. Durations are rounded so
    that their sum is right.
    """
    from PIL import GifImagePlugin, Image

    palette: Image.Image | None = None
    differ, shown = np.zeros((256, 256), dtype=bool), np.zeros(0, dtype=np.uint8)
    with path.open("wb") as file:
        for number, picture in enumerate(pictures):
            drawn = Image.fromarray(picture)
            if palette is None:
                palette, colours = _palette(drawn)
                differ = _visibly_different(colours)
                file.writelines(GifImagePlugin.getheader(palette.copy(), None, {"loop": 0})[0])
            new = np.minimum(np.asarray(drawn.quantize(palette=palette, dither=Image.Dither.NONE)), _WHITE)
            changed = differ[shown, new] if number else np.True_
            written = np.where(changed, new, np.uint8(_UNCHANGED))
            shown = np.where(changed, new, shown) if number else new
            until, since = (round(100 * count / frames_per_s) for count in (number + 1, number))
            file.writelines(
                GifImagePlugin.getdata(
                    Image.frombytes("P", drawn.size, written.tobytes()),
                    duration=10 * (until - since),
                    transparency=_UNCHANGED,
                    disposal=1,
                )
            )
        file.write(b";")


def _palette(picture: Image.Image) -> tuple[Image.Image, NDArray[np.int_]]:
    """A picture with 256 colours, and these, shape (256, 3): black first, white last and, so that it is free, twice."""
    from PIL import Image

    palette = picture.quantize(_WHITE - 1, Image.Quantize.MAXCOVERAGE, kmeans=4)
    fitted = np.array(palette.getpalette(), dtype=np.uint8).reshape(-1, 3)[: _WHITE - 1]
    # A background that is almost white would take the place of white.
    fitted[fitted.min(axis=1) >= _ALMOST_WHITE] = 255
    colours = np.full((256, 3), 255, dtype=np.uint8)
    colours[0] = 0
    colours[1 : 1 + len(fitted)] = fitted
    palette.putpalette(colours.tobytes())
    return palette, colours.astype(np.int_)


def _visibly_different(colours: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Whether a pixel of one colour has to be given the other one, shape (shown, new)."""
    return np.asarray(np.abs(colours[:, None] - colours[None]).max(axis=2) > _VISIBLE)


def _write_mp4(program: str, path: Path, pictures: Iterable[Picture], frames_per_s: float) -> None:
    """A film in the codec that this ffmpeg takes for MP4, in colours that all players know."""
    rest = iter(pictures)
    first = next(rest)
    height, width, _ = first.shape
    command = [program, "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
    command += ["-r", f"{frames_per_s:g}", "-i", "-", "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(path)]
    with tempfile.TemporaryFile() as complaints:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=complaints, stdout=complaints) as ffmpeg:
            _feed(ffmpeg, first, rest)
        if ffmpeg.returncode:
            complaints.seek(0)
            said = complaints.read().decode(errors="replace").strip()[-500:]
            raise InputError(
                f"{program} could not write {path.name} (exit {ffmpeg.returncode}): {said}", "write a .gif file instead"
            )


def _feed(ffmpeg: subprocess.Popen[bytes], first: Picture, rest: Iterator[Picture]) -> None:
    """Pictures until they or ffmpeg end; ffmpeg does not outlive a picture that fails."""
    assert ffmpeg.stdin is not None
    try:
        ffmpeg.stdin.write(first.tobytes())
        for picture in rest:
            ffmpeg.stdin.write(picture.tobytes())
        ffmpeg.stdin.close()
    except BrokenPipeError:
        # Its exit code and its words tell why. What is left in the buffer goes nowhere.
        with contextlib.suppress(BrokenPipeError):
            ffmpeg.stdin.close()
    except BaseException:
        ffmpeg.kill()
        raise
