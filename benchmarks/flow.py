"""Measures each optical flow backend on small movements of a face: its error, and the strain it invents.

Two photographs (astronaut, Grace Hopper) are cropped as clips are, and warped by fields that are known
exactly: a shift, a turn, a stretch, and bumps at a brow and both corners of the mouth. Both pictures of a
pair are drawn from the photograph, with noise of 2 grey levels. The table has the mean endpoint error in
pixels, for a largest displacement of 0.3, 1 and 2 px; the median strain found after a shift and a turn of 1
px, where the true strain is 0; and the time for a crop of 139x170.

    python benchmarks/flow.py
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import fmean, median

import cv2
import matplotlib.cbook
import numpy as np
import numpy.typing as npt
import skimage.data

from fleeting.faces.alignment import crop_matrix, crop_size
from fleeting.faces.optical_flow import FLOWS, flow, optical_strain
from fleeting.faces.tracking import find_face
from fleeting.video.pictures import read_picture

Array = npt.NDArray[np.float32]
AMPLITUDES = (0.3, 1.0, 2.0)
INSIDE = np.s_[8:-8, 8:-8]
WIDTH, HEIGHT = crop_size()
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)


def photographs() -> list[npt.NDArray[np.uint8]]:
    """The two photographs."""
    return [
        skimage.data.astronaut(),
        read_picture(matplotlib.cbook.get_sample_data("grace_hopper.jpg", False)),
    ]


def fields(most: float) -> dict[str, tuple[Array, Array]]:
    """The true displacement fields by name, u right and v down, of about ``most`` pixels at their largest."""
    still, x, y = np.zeros_like(COLUMNS), COLUMNS - WIDTH / 2, ROWS - HEIGHT / 2
    bumps = [still, still]
    for column, row, right, down in ((0.28, 0.77, -0.7, -0.7), (0.73, 0.77, 0.7, -0.7), (0.2, 0.14, 0, -1)):
        away = np.hypot(COLUMNS - column * WIDTH, ROWS - row * HEIGHT) / (0.2 * WIDTH)
        bump = most * (0.5 + 0.5 * np.cos(np.pi * np.minimum(away, 1)))
        bumps = [bumps[0] + right * bump, bumps[1] + down * bump]
    return {
        "shift": (still + 0.8 * most, still - 0.6 * most),
        "turn": (-y * most / HEIGHT * 2, x * most / HEIGHT * 2),
        "stretch": (x * most / WIDTH * 2, still),
        "bumps": (bumps[0], bumps[1]),
    }


def drawn(photograph: npt.NDArray[np.uint8], x: Array, y: Array, seed: int) -> npt.NDArray[np.uint8]:
    """The crop in gray, sampled at its places x and y, with noise."""
    face = find_face(photograph)
    assert face is not None
    inverse = cv2.invertAffineTransform(crop_matrix(face.mesh))
    soft = cv2.GaussianBlur(photograph.astype(np.float32), (0, 0), max(0.01, 0.5 * np.hypot(*inverse[:, 0])))
    where = [(row[0] * x + row[1] * y + row[2]).astype(np.float32) for row in inverse]
    picture = cv2.remap(soft, *where, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    picture += np.random.default_rng(seed).normal(0, 2, picture.shape)
    return cv2.cvtColor(np.clip(np.rint(picture), 0, 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)


def moved(photograph: npt.NDArray[np.uint8], u: Array, v: Array) -> npt.NDArray[np.uint8]:
    """The crop after the movement: each pixel is sampled at the place that it came from."""
    x, y = COLUMNS, ROWS
    for _ in range(20):  # solves x + u(x) = pixel by iteration
        right, down = (cv2.remap(d, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for d in (u, v))
        x, y = COLUMNS - right, ROWS - down
    return drawn(photograph, x, y, 1)


def pairs(
    kind: str, most: float
) -> Iterator[tuple[Array, Array, npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]:
    """For each photograph the true flow u and v, and the pictures before and after the movement."""
    u, v = fields(most)[kind]
    for photograph in photographs():
        yield u, v, drawn(photograph, COLUMNS, ROWS, 0), moved(photograph, u, v)


def main() -> None:
    """Measure every backend on every pair and print the table."""
    cv2.setNumThreads(1)
    kinds = list(fields(1.0))
    cases = {(kind, most): list(pairs(kind, most)) for kind in kinds for most in AMPLITUDES}
    print("backend    " + "".join(f"{kind:^24}" for kind in kinds) + "strain   strain      ms")
    print("           " + ("".join(f"{most:7.1f}" for most in AMPLITUDES) + "   ") * 4 + "of shift of turn")
    for backend in FLOWS:
        off: dict[tuple[str, float], float] = {}
        strain: dict[str, float] = {}
        times = []
        for (kind, most), known in cases.items():
            errors, strains = [], []
            for u, v, before, after in known:
                began = time.perf_counter()
                found_u, found_v = flow(before, after, backend)
                times.append(time.perf_counter() - began)
                errors.append(float(np.hypot(found_u - u, found_v - v)[INSIDE].mean()))
                strains.append(float(np.median(optical_strain(found_u, found_v)[INSIDE])))
            off[kind, most] = fmean(errors)
            if most == 1.0:
                strain[kind] = fmean(strains)
        row = "".join("".join(f"{off[kind, most]:7.3f}" for most in AMPLITUDES) + "   " for kind in kinds)
        print(f"{backend:11}{row}{strain['shift']:8.4f}{strain['turn']:8.4f}{1000 * median(times):8.1f}")


if __name__ == "__main__":
    main()
