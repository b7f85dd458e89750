"""An apex finder says where a clip's movement is largest: ``Clip -> index`` of a frame from onset to offset.

Register the function under its name. It looks only at the frames from onset to offset, and not at the clip's
own ``apex`` (`annotated` alone does). It imports no torch, draws no random numbers, and never changes its
clip.
"""

from __future__ import annotations

from collections.abc import Callable

from fleeting.registry import Registry
from fleeting.types import Clip

ApexFinder = Callable[[Clip], int]

apex_finders: Registry[ApexFinder] = Registry("apex finder", "fleeting.apex")
