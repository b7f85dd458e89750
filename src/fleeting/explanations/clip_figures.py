"""Draws two figures of a clip: the maps of what a model looked at, and all of the clip's input images."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from math import ceil

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from fleeting.display.figures import OTHER, STYLE, shown
from fleeting.errors import OptionError
from fleeting.faces.optical_flow import gray
from fleeting.inputs.view import resized
from fleeting.modalities import kind_of, modalities
from fleeting.types import Clip, FloatArray, Image

HEAT, DIVERGING, ARROWS = "inferno", "RdBu_r", "#b42a0a"
ACROSS = 5
"""Most panels in a row of the explanation figure."""
APART = 10
"""Pixels between two arrows of a flow."""
USUAL = 0.995
"""Quantile of an input's values at which the colour scale ends; larger values get the last colour."""


@dataclass(frozen=True, eq=False)
class Look:
    """One map (height, width) of which places counted in a model's answer, and a caption that explains it.

    ``where`` is the layer or channel that the map is of. In a ``signed`` map, values below zero speak against
    the class. ``caption`` says what the map shows and what it does not.
    """

    name: str
    where: str
    values: npt.NDArray[np.floating]
    caption: str
    signed: bool = False


def explanation_figure(
    title: str, lines: Sequence[str], under: Image, over: str, looks: Sequence[Look]
) -> Figure:
    """The figure of an explanation: the picture (height, width, 3) alone, then with each map over it.

    ``over`` is the picture's title. The captions of the maps and ``lines`` stand below.
    """
    notes = list(dict.fromkeys([*(look.caption for look in looks), *lines]))
    count = len(looks) + 1
    columns = min(ACROSS, max(count, 3))
    rows = ceil(count / columns)
    width = 2.6 * columns
    text = "\n".join(line for note in notes for line in textwrap.wrap(note, int(15.5 * width)))
    high = 2.05 * under.shape[0] / under.shape[1] + 0.5
    below = 0.17 * (text.count("\n") + 1) + 0.2
    with mpl.rc_context(STYLE):
        share = below / (height := rows * high + below + 0.5)
        figure = Figure((width, height), layout=ConstrainedLayoutEngine(rect=(0, share, 1, 1 - share)))
        figure.suptitle(shown(title, 110), fontsize=11)
        places = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in places:
            axes.set_axis_off()
        places[0].imshow(under)
        places[0].set_title(over, fontsize=9)
        for axes, look in zip(places[1:], looks, strict=False):
            axes.imshow(overlaid(under, look))
            axes.set_title(shown(f"{look.name}\n{look.where}"), fontsize=8)
            _bar(figure, axes, _range(look), DIVERGING if look.signed else HEAT)
        figure.text(0.01, 0.08 / height, text, fontsize=8, color=OTHER, va="bottom")
        return figure


def overlaid(under: Image, look: Look) -> Image:
    """The picture in pale gray with the map's colours over it: (height, width, 3)."""
    size = under.shape[0], under.shape[1]
    values = resized(look.values[None].astype(np.float32), size)[0]
    colours = mpl.colormaps[DIVERGING if look.signed else HEAT](_range(look)(values))[..., :3]
    light = 1 - (255 - gray(under).astype(np.float64)) / 400
    return np.asarray(np.rint(255 * (0.55 * colours + 0.45 * light[..., None])), dtype=np.uint8)


def _range(look: Look) -> Normalize:
    """The values at the ends of the colour scale: zero and the largest, or minus and plus the largest."""
    high = max(float(np.abs(look.values).max()), 1e-12)
    return Normalize(-high if look.signed else 0, high)


def inputs_figure(clip: Clip, names: Sequence[str] | None = None) -> Figure:
    """All input images of one clip side by side; ``names`` are modalities, by default all that can be made.

    Flow is drawn as arrows over the onset frame. Other measures are drawn in colours, which diverge from
    white for values with a sign. Raises UnknownNameError on an unknown modality.

    >>> clip = fleeting.cut("interview.mp4", 1.0, 1.2)
    >>> figure = fleeting.inputs_figure(clip, ["onset", "apex"])
    >>> figure.savefig("inputs.png")
    """
    made = list(_made(clip, modalities.names() if names is None else names))
    panels = [panel for name, array in made for panel in _panels(clip, name, array)]
    columns = min(6, len(panels)) or 1
    rows = ceil(len(panels) / columns) or 1
    high = 1.55 * clip.frames.shape[1] / clip.frames.shape[2] + 0.3
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.1 * columns, rows * high), layout="constrained")
        places = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in places:
            axes.set_axis_off()
        for axes, panel in zip(places, panels, strict=False):
            panel(figure, axes)
        return figure


def png(figure: Figure, dpi: int = 110) -> bytes:
    """The figure as the bytes of a PNG file; the same figure gives the same bytes."""
    written = BytesIO()
    figure.savefig(written, format="png", dpi=dpi, metadata={"Software": None})
    return written.getvalue()


def frame_of(clip: Clip, index: int) -> Image:
    """One frame as RGB (height, width, 3)."""
    frame = clip.frames[index]
    return np.asarray(frame if frame.shape[2] == 3 else frame.repeat(3, axis=2))


def picture_of(array: FloatArray) -> Image:
    """An input (channels, height, width) as an RGB picture: its three channels, or else its first in gray."""
    chosen = array if len(array) == 3 else array[:1].repeat(3, axis=0)
    low, high = float(chosen.min()), float(chosen.max())
    scaled = np.rint((chosen - low) * (255 / max(high - low, 1e-12)))
    return np.asarray(scaled.transpose(1, 2, 0), dtype=np.uint8)


Draw = Callable[[Figure, Axes], None]


def _made(clip: Clip, names: Sequence[str]) -> Iterator[tuple[str, FloatArray]]:
    """The inputs that can be made of this clip, by name; a clip may be too small or too short for others."""
    for name in names:
        make = modalities[name]
        with suppress(OptionError):
            yield name, make(clip)


def _panels(clip: Clip, name: str, array: FloatArray) -> list[Draw]:
    """The panels that draw one input."""
    kind, colours = kind_of(name, len(array)), clip.frames.shape[3]
    if kind.channels == ("u", "v") and kind.rest == 0:
        return [partial(_arrows, title=name, under=frame_of(clip, clip.onset), flow=array)]
    if len(set(kind.channels)) > 1:
        return [
            partial(
                _values,
                title=f"{name}: {channel}",
                values=values,
                rest=kind.rest if channel in "uv" else None,
            )
            for channel, values in zip(kind.channels, array, strict=True)
        ]
    if kind.channels[0] != "picture":
        signed = bool(array.min() < 0)
        return [partial(_values, title=name, values=array.mean(axis=0), rest=kind.rest if signed else None)]
    if len(array) <= colours or len(array) % colours:
        return [partial(_shown, title=name, image=picture_of(array))]
    pictures = [picture_of(part) for part in np.split(array, len(array) // colours)]
    if len(pictures) == 2:
        return [partial(_shown, title=f"{name}, {n}", image=one) for n, one in enumerate(pictures, start=1)]
    return [partial(_shown, title=f"{name}, {len(pictures)} frames", image=_sheet(pictures))]


def _sheet(pictures: Sequence[Image]) -> Image:
    """Pictures of one size tiled in rows, about as many down as across."""
    across = ceil(len(pictures) ** 0.5)
    blank = [np.full_like(pictures[0], 255)] * (-len(pictures) % across)
    filled = [*pictures, *blank]
    return np.vstack([np.hstack(filled[at : at + across]) for at in range(0, len(filled), across)])


def _shown(_figure: Figure, axes: Axes, *, title: str, image: Image) -> None:
    axes.imshow(image)
    axes.set_title(title, fontsize=8)


def _values(figure: Figure, axes: Axes, *, title: str, values: FloatArray, rest: float | None) -> None:
    """Numbers as colours with a colour bar: centred on ``rest`` if given, else from the least to the most."""
    low, high = np.quantile(values, [1 - USUAL, USUAL]).tolist()
    if rest is not None:
        reach = max(float(np.quantile(np.abs(values - rest), USUAL)), 1e-6)
        low, high = rest - reach, rest + reach
    norm, colours = Normalize(low, max(high, low + 1e-6)), HEAT if rest is None else DIVERGING
    axes.imshow(values, cmap=colours, norm=norm)
    axes.set_title(title, fontsize=8)
    _bar(figure, axes, norm, colours)


def _arrows(_figure: Figure, axes: Axes, *, title: str, under: Image, flow: FloatArray) -> None:
    """A flow (2, height, width) as arrows over the pale picture; the longest arrow is 2 * APART pixels."""
    axes.imshow(
        128 + gray(under) // 2, cmap="gray", vmin=0, vmax=255, extent=(0, flow.shape[2], flow.shape[1], 0)
    )
    rows, columns = np.mgrid[APART // 2 : flow.shape[1] : APART, APART // 2 : flow.shape[2] : APART]
    right, down = flow[:, rows, columns]
    longest = max(float(np.hypot(right, down).max()), 1e-6)
    axes.quiver(
        columns,
        rows,
        right,
        down,
        angles="xy",
        scale_units="xy",
        scale=longest / (2 * APART),
        color=ARROWS,
        width=0.008,
    )
    axes.set_title(f"{title}, longest {longest:.1f} px", fontsize=8)


def _bar(figure: Figure, axes: Axes, norm: Normalize, colours: str) -> None:
    bar = figure.colorbar(ScalarMappable(norm, colours), ax=axes, fraction=0.04, pad=0.02)
    bar.ax.tick_params(labelsize=6)
    bar.outline.set_visible(False)
