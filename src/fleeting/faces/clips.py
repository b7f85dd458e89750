"""Makes a `Clip` from frames: finds, follows and aligns the face, unless the frames are crops already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from fleeting.errors import FaceError, OptionError, UnknownNameError
from fleeting.faces.alignment import align, is_tight
from fleeting.faces.tracking import FaceTracker, find_face
from fleeting.types import Clip, FloatArray, Image

Crop = Literal["auto", "face", "as-is"]
How = Literal["aligned", "unsteady", "tight", "as-is"]
LOOKS = 5
"""Frames, spread evenly over the clip, that are examined for a face and for being a tight crop already."""
PORTRAIT, ROWS = 0.95, 400
"""A picture in which no face is found counts as a ready-made crop where its width is below PORTRAIT times its
height and it has at most ROWS rows."""


def clip_of(
    images: Sequence[Image],
    times: npt.ArrayLike,
    onset: int,
    apex: int,
    offset: int,
    *,
    crop: Crop = "auto",
    height: int = 170,
    meshes: Sequence[FloatArray | None] | None = None,
) -> tuple[Clip, How]:
    """A Clip of the face in these frames, and a word for what was done to them.

    Frames are uint8 of one size, RGB (height, width, 3) or gray (height, width) or (height, width, 1);
    ``times`` are in seconds; ``onset``, ``apex`` and ``offset`` index them. ``crop`` decides what is done:

    - ``face`` follows the largest face and aligns it to ``height`` rows (`fleeting.faces.alignment`). The
      word is ``aligned``, or ``unsteady`` where the face was lost in some frames or they could not be
      registered.
    - ``as-is`` keeps the frames without searching for a face.
    - ``auto`` keeps crops that are close to the canonical one (``tight``: their owners registered them, and
      resampling costs sharpness) and portraits in which no face is found (``as-is``), and aligns the rest.

    ``meshes``, (468, 3) each in pixels of its frame, None where the face is lost, are those of a face that
    was followed before; without them it is searched for. Raises FaceError where a face is needed and none is
    found, OptionError on frames of other kinds or of several kinds and on another number of meshes, and
    UnknownNameError on another ``crop``.
    """
    if crop not in get_args(Crop):
        raise UnknownNameError("crop", crop, get_args(Crop))
    _refuse_others(images, meshes)
    how: How | None = "as-is" if crop == "as-is" else None
    if crop == "auto":
        how = _left(images, meshes)
    if how is None:
        frames, how = _aligned(images, _followed(images) if meshes is None else meshes, height)
    else:
        frames = np.stack([image.reshape(*image.shape[:2], -1) for image in images])
    return Clip(frames, np.asarray(times, dtype=np.float64), onset, apex, offset), how


def _left(images: Sequence[Image], meshes: Sequence[FloatArray | None] | None) -> How | None:
    """Why these frames are kept as they are, or None where they are to be aligned.

    Raises FaceError where no face is found and the frames cannot pass for ready-made crops.
    """
    looks = sorted({round(i) for i in np.linspace(0, len(images) - 1, LOOKS)})
    found = [_found(images[i]) for i in looks] if meshes is None else [meshes[i] for i in looks]
    faces = [mesh for mesh in found if mesh is not None]
    height, width = images[0].shape[:2]
    if faces:
        tight = sum(is_tight(mesh, width, height) for mesh in faces)
        return "tight" if tight > len(faces) / 2 else None
    if width < PORTRAIT * height and height <= ROWS:
        return "as-is"
    what = f"no face was found in any of {len(looks)} frames looked at, of {len(images)} of {width}x{height}"
    raise FaceError(f"{what}; choose frames that show one, or crop=as-is to take them whole")


def _found(image: Image) -> FloatArray | None:
    face = find_face(_rgb(image))
    return None if face is None else face.mesh


def _aligned(images: Sequence[Image], meshes: Sequence[FloatArray | None], height: int) -> tuple[Image, How]:
    aligned = align([_rgb(image) for image in images], meshes, height=height)
    channels = 1 if images[0].ndim == 2 else images[0].shape[2]
    return aligned.frames[..., :channels], "unsteady" if aligned.lost or aligned.by_mesh else "aligned"


def _followed(images: Sequence[Image]) -> list[FloatArray | None]:
    """The mesh, frame by frame, of the face that is seen in most frames; None where it is lost."""
    tracker = FaceTracker(most=1)
    seen = [{face.id: face.mesh for face in tracker.push(_rgb(image))} for image in images]
    counts = Counter(id_ for faces in seen for id_ in faces)
    (one, _), *_ = counts.most_common(1) or [(0, 0)]
    return [faces.get(one) for faces in seen]


def _rgb(image: Image) -> Image:
    colours = image.reshape(*image.shape[:2], -1)
    return colours if colours.shape[2] == 3 else colours.repeat(3, axis=2)


def _refuse_others(images: Sequence[Image], meshes: Sequence[FloatArray | None] | None) -> None:
    if meshes is not None and len(meshes) != len(images):
        found = f"{len(images)} frames with {len(meshes)} meshes"
        raise OptionError(f"{found}, expected one each; give None where the face is lost")
    kinds = sorted({f"{image.dtype} {image.shape}" for image in images})
    what = f"{len(kinds)} kinds of frames ({', '.join(kinds[:3])})"
    if len(kinds) != 1:
        raise OptionError(f"{what}, expected one; give frames of one size and kind")
    image = images[0]
    if (
        image.dtype != np.uint8
        or image.ndim not in (2, 3)
        or 0 in image.shape
        or image.shape[2:] not in ((), (1,), (3,))
    ):
        raise OptionError(
            f"frames are {kinds[0]}, expected RGB or gray uint8 (height, width, 3 or 1); convert them"
        )
