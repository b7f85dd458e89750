"""Fits how a head has turned between two pictures of it, from points of its skin of which some moved."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fleeting.faces.warping import tukey

Array = npt.NDArray[np.floating]
ROUNDS, SETTLED = 8, 1e-5
"""Most rounds of each fit, and the step, in radians and shares of the scale, below which it has settled."""
FURTHEST = 30.0
"""Hundredths of a radian, or percent of scale, beyond which a turn from one frame to the next is an error."""


def fitted_head(solid: Array, flat: Array, trust: Array) -> tuple[Array, Array]:
    """How points ``solid`` (n, 3) came to lie at ``flat`` (n, 2), as parts of one rigid head, seen from afar.

    Returns the head's scaled rotation, its first two rows (2, 3), and each point's residual (n, 2) in the
    unit of ``flat``. Weighted least squares with Tukey's weights times ``trust`` (n,): an affine map first,
    which starts Gauss-Newton steps over scale, rotation and shift.
    """
    rotation, shift = _affine(solid, flat, trust)
    rotation = _rigid(rotation)
    for _ in range(ROUNDS):
        rotation, shift, step = _stepped(solid, flat, trust, rotation, shift)
        if np.abs(step[:4]).max() < SETTLED:
            break
    return rotation, flat - solid @ rotation.T - shift


def _rigid(matrix: Array) -> Array:
    """The scaled rotation that is nearest to a matrix (2 or 3, 3)."""
    left, sizes, right = np.linalg.svd(matrix, full_matrices=False)
    return np.asarray(left @ right * sizes.mean())


def _affine(solid: Array, flat: Array, trust: Array) -> tuple[Array, Array]:
    """The affine map from ``solid`` to ``flat``: a matrix (2, 3) and a shift (2,)."""
    known = np.column_stack([solid, np.ones(len(solid))])
    weights = trust
    for _ in range(ROUNDS):
        weighted = known.T * weights
        found = np.linalg.solve(weighted @ known, weighted @ flat)
        weights = trust * _weights(flat - known @ found)
    return found[:3].T, found[3]


def _stepped(
    solid: Array, flat: Array, trust: Array, rotation: Array, shift: Array
) -> tuple[Array, Array, Array]:
    """One Gauss-Newton step: the new scaled rotation, the new shift, and the step (6,) itself.

    The step is the change of the scale's logarithm, three rotations in radians, and the shift.
    """
    third = _cross(rotation[0], rotation[1]) / np.linalg.norm(rotation[0])
    base, depth = solid @ rotation.T, solid @ third
    residuals = flat - base - shift
    slopes = np.zeros((len(flat), 2, 6))
    slopes[:, :, 0] = base
    slopes[:, 1, 1], slopes[:, 0, 2] = -depth, depth
    slopes[:, 0, 3], slopes[:, 1, 3] = -base[:, 1], base[:, 0]
    slopes[:, 0, 4] = slopes[:, 1, 5] = 1
    table = slopes.reshape(-1, 6)
    weighted = table.T * np.repeat(trust * _weights(residuals), 2)
    step = np.linalg.solve(weighted @ table + 1e-9 * np.eye(6), weighted @ residuals.ravel())
    a, b, c = step[1:4]
    small = np.array([[1, -c, b], [c, 1, -a], [-b, a, 1]])
    turned = _rigid(small @ np.vstack([rotation, third]) * (1 + step[0]))
    return turned[:2], shift + step[4:], step


def _weights(residuals: Array) -> Array:
    return tukey(np.hypot(residuals[:, 0], residuals[:, 1]))


def turn(before: Array, after: Array) -> Array:
    """How a head turned from one scaled rotation (2, 3) to another of the same points.

    (4,): yaw, pitch and roll in hundredths of a radian, and the logarithm of the scale in percent. All are 0
    where one exceeds FURTHEST.
    """
    first, second = _square(before), _square(after)
    both = second @ first.T
    angles = [both[0, 2] - both[2, 0], both[2, 1] - both[1, 2], both[1, 0] - both[0, 1]]
    grown = 100 * np.log(np.linalg.norm(after) / np.linalg.norm(before))
    found = np.array([*(50 * angle for angle in angles), grown])
    return found if np.abs(found).max() <= FURTHEST else np.zeros(4)


def _square(rotation: Array) -> Array:
    """The whole rotation (3, 3), without its scale, whose first two rows are given with theirs."""
    rows = rotation / np.linalg.norm(rotation, axis=1, keepdims=True)
    return np.vstack([rows, _cross(rows[0], rows[1])])


def _cross(one: Array, other: Array) -> Array:
    """The cross product of two vectors (3,): NumPy's, in a tenth of its time."""
    (a, b, c), (x, y, z) = one, other
    return np.array([b * z - c * y, c * x - a * z, a * y - b * x])
