"""TV-L1 optical flow of many pairs of pictures at once, in torch: on a GPU, where there is one.

The method is that of Zach, Pock & Bischof 2007 in the form of Sanchez, Meinhardt-Llopis & Facciolo (IPOL
2013), with the settings and the rounding of OpenCV's DualTVL1OpticalFlow, so that both find the same flow.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fleeting.errors import OptionError
from fleeting.optional import later
from fleeting.types import FloatArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = later("torch", "train")

TAU, LAMBDA, THETA = 0.25, 0.15, 0.3
"""The step of the dual variables, the weight of the data, the tightness between data and smoothness."""
SCALES, STEP, WARPS, INNER, OUTER = 5, 0.8, 5, 30, 10
EPSILON = 0.01
"""A pair is done with a warp when its flow changes by less than this, root mean square, in pixels."""
MEDIAN = 5
LEAST = 16
"""Fewest rows and columns of a scale."""
FINENESS = 32
"""OpenCV looks between pixels at places that are rounded to this part of one."""
SMALL = 1e-12


def tvl1(
    before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8], device: str | None = None
) -> FloatArray:
    """How far each pixel moved in n pairs of gray pictures (n, height, width): (n, 2, height, width), pixels.

    Channels are u, right, and v, down. ``device`` is one of torch's; without it, ``cuda`` where there is one.
    What a pair gives does not depend on the others, roundings aside. On the CPU it takes many times as long
    as `fleeting.faces.optical_flow.flow`. Raises OptionError on pictures that are not gray uint8 of one size
    of at least 16x16, MissingExtraError without torch.
    """
    for pictures in (before, after):
        if pictures.dtype != np.uint8 or pictures.shape != before.shape or pictures.ndim != 3:
            found = f"{before.dtype} {before.shape} and {after.dtype} {after.shape}"
            raise OptionError(f"flow between {found}, expected two arrays uint8 (n, height, width)")
    if min(before.shape[1:]) < LEAST:
        raise OptionError(f"flow in pictures of {before.shape[1:]}, expected at least {LEAST}x{LEAST}")
    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    with torch.inference_mode():
        pyramid = [tuple(torch.from_numpy(p).to(where, torch.float32)[:, None] for p in (before, after))]
        while len(pyramid) < SCALES and round(STEP * min(before.shape[1:])) >= LEAST:
            pyramid.append(tuple(_shrunk(picture) for picture in pyramid[-1]))
        flow = torch.zeros_like(pyramid[-1][0]).repeat(1, 2, 1, 1)
        for one, other in reversed(pyramid):
            if flow.shape[2:] != one.shape[2:]:
                ratios = [old / new for old, new in zip(flow.shape[2:], one.shape[2:], strict=True)]
                flow = _resized(flow, one.shape[2:], ratios) / STEP
            flow = _at_one_scale(one, other, flow)
        return np.asarray(flow.cpu().numpy())


def _shrunk(pictures: Tensor) -> Tensor:
    size = [round(STEP * side) for side in pictures.shape[2:]]
    return _resized(pictures, size, [1 / STEP, 1 / STEP])


def _resized(pictures: Tensor, size: Sequence[int], ratios: Sequence[float]) -> Tensor:
    """Pictures (n, channels, height, width) at another size, linear between the two nearest pixels."""
    down, across = (
        _nearest_two(old, new, ratio).to(pictures)
        for old, new, ratio in zip(pictures.shape[2:], size, ratios, strict=True)
    )
    return down @ pictures @ across.T


def _nearest_two(old: int, new: int, ratio: float) -> Tensor:
    """The share that each old pixel has in each new one: (new, old), rows summing to 1."""
    places = ((torch.arange(new) + 0.5) * ratio - 0.5).clamp(0, old - 1)
    distance = (places[:, None] - torch.arange(old)).abs()
    return (1 - distance).clamp(min=0)


def _at_one_scale(one: Tensor, other: Tensor, flow: Tensor) -> Tensor:
    """Refine a flow (n, 2, height, width) between pictures (n, 1, height, width)."""
    enough = EPSILON**2 * one[0].numel()
    seen = torch.cat([other, _slope(other)], dim=1)
    dual = torch.zeros_like(flow[:, :, None]).repeat(1, 1, 2, 1, 1)  # (n, u and v, x and y, height, width)
    for _ in range(WARPS):
        looked = _looked_at(seen, flow)
        slope = looked[:, 1:]
        rest = looked[:, :1] - one - (slope * flow).sum(1, keepdim=True)
        left = torch.arange(len(flow), device=flow.device)  # the pairs that still change
        for _ in range(OUTER):
            part = _median(flow[left]), dual[left]
            flow[left], dual[left], changing = _rounds(*part, slope[left], rest[left], enough)
            left = left[changing]
            if not len(left):
                break
    return flow


def _rounds(
    flow: Tensor, dual: Tensor, slope: Tensor, rest: Tensor, enough: float
) -> tuple[Tensor, Tensor, Tensor]:
    """INNER steps, fewer for pairs that no longer change: the flow, the dual variables, which still do."""
    changing = torch.ones(len(flow), dtype=torch.bool, device=flow.device)
    for _ in range(INNER):
        moved, turned = _step(flow, dual, slope, rest)
        live = changing[:, None, None, None]
        changing = changing & ((moved - flow).square().sum((1, 2, 3)) > enough)
        flow = torch.where(live, moved, flow)
        dual = torch.where(live[..., None], turned, dual)
        if not changing.any():
            break
    return flow, dual, changing


def _step(flow: Tensor, dual: Tensor, slope: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
    """One step of the flow towards the data and smoothness, and of the dual variables."""
    steep = slope.square().sum(1, keepdim=True)
    wrong = rest + (slope * flow).sum(1, keepdim=True)
    most = LAMBDA * THETA
    back = torch.where(steep > SMALL, -wrong / steep.clamp(min=SMALL), 0.0).clamp(-most, most)
    moved = flow + back * slope + THETA * _divergence(dual)
    bend = _forward(moved)
    pace = TAU / THETA
    return moved, (dual + pace * bend) / (1 + pace * bend.norm(dim=2, keepdim=True))


def _slope(pictures: Tensor) -> Tensor:
    """Half the difference of each pixel's neighbours, of which the border is its own: (n, x and y, ...)."""
    wide = torch.nn.functional.pad(pictures, (1, 1, 1, 1), mode="replicate")
    across = wide[:, :, 1:-1, 2:] - wide[:, :, 1:-1, :-2]
    down = wide[:, :, 2:, 1:-1] - wide[:, :, :-2, 1:-1]
    return torch.cat([across, down], dim=1) / 2


def _forward(flow: Tensor) -> Tensor:
    """The difference to the next pixel, 0 at the border: (n, u and v, x and y, height, width)."""
    across, down = torch.zeros_like(flow), torch.zeros_like(flow)
    across[..., :-1] = flow[..., 1:] - flow[..., :-1]
    down[..., :-1, :] = flow[..., 1:, :] - flow[..., :-1, :]
    return torch.stack([across, down], dim=2)


def _divergence(dual: Tensor) -> Tensor:
    """The difference to the pixel before, which beyond the border is 0: (n, u and v, height, width)."""
    across, down = dual[:, :, 0].clone(), dual[:, :, 1].clone()
    across[..., 1:] -= dual[:, :, 0, :, :-1]
    down[..., 1:, :] -= dual[:, :, 1, :-1]
    return across + down


def _median(flow: Tensor) -> Tensor:
    """The median of MEDIAN times MEDIAN pixels around each, borders repeated."""
    half = MEDIAN // 2
    wide = torch.nn.functional.pad(flow, (half,) * 4, mode="replicate")
    around = wide.unfold(2, MEDIAN, 1).unfold(3, MEDIAN, 1).flatten(4)
    return around.median(dim=-1).values


def _looked_at(pictures: Tensor, flow: Tensor) -> Tensor:
    """The pictures where the flow points, cubic between pixels, 0 outside: (n, channels, height, width)."""
    channels, height, width = pictures.shape[1:]
    rows, down = _place(torch.arange(height, device=flow.device)[:, None] + flow[:, 1])
    columns, across = _place(torch.arange(width, device=flow.device) + flow[:, 0])
    values, found = pictures.flatten(2), torch.zeros_like(pictures)
    for i, j in product(range(4), repeat=2):
        row, column = rows + i - 1, columns + j - 1
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        place = (row.clamp(0, height - 1) * width + column.clamp(0, width - 1)).flatten(1)[:, None]
        taken = values.gather(2, place.expand(-1, channels, -1)).view_as(pictures)
        found += taken * (down[i] * across[j] * inside)[:, None]
    return found


def _place(places: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The pixel before each place, and the weights of the four pixels around (Keys 1981)."""
    rounded = (places * FINENESS).round() / FINENESS
    before = rounded.floor()
    return before.long(), [_share(rounded - before - distance) for distance in (-1, 0, 1, 2)]


def _share(distance: Tensor) -> Tensor:
    """What a pixel at this distance counts in cubic interpolation, with OpenCV's -0.75 (Keys 1981)."""
    x, a = distance.abs(), -0.75
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return torch.where(x <= 1, near, far)
