"""linear-images: logistic regression on three images of one clip that show different aspects of it."""

from __future__ import annotations

from typing import ClassVar

from fleeting.models import Shape, models
from fleeting.models.linear_flow import LinearFlow


@models.register("linear-images")
class LinearImages(LinearFlow):
    """Logistic regression on three images of a clip side by side: how it moved, its MESTI, how it moved back.

    Each image is z-scored, blurred and shrunk as in linear-flow; one regression weights all their numbers.
    """

    inputs: ClassVar[dict[str, Shape]] = {"there": (3, 28, 28), "mesti": (3, 28, 28), "back": (2, 28, 28)}
    paper: ClassVar[str] = "this project; a baseline, not a published system"
    sideways: ClassVar[tuple[int, ...]] = (0, 6)

    def __init__(
        self,
        classes: int,
        *,
        strength: float = 0.01,
        sigma: float = 1.0,
        symmetric: bool = False,
        channels: tuple[int, ...] = (3, 3, 2),
    ) -> None:
        super().__init__(classes, strength=strength, sigma=sigma, symmetric=symmetric, channels=sum(channels))
