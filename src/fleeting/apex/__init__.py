"""An apex finder says where a clip's movement is largest: ``Clip -> index`` of a frame from onset to offset.

Register the function under its name. It looks only at the frames from onset to offset, and not at the clip's
own ``apex`` (`annotated` alone does). It imports no torch, draws no random numbers, and never changes its
clip. A recipe names a rule (`apex_rule`): a finder, or the annotation and a finder for clips that have none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fleeting.errors import UnknownNameError
from fleeting.registry import Registry
from fleeting.types import Clip

ApexFinder = Callable[[Clip], int]

apex_finders: Registry[ApexFinder] = Registry("apex finder", "fleeting.apex")

ANNOTATED = "annotated"


@dataclass(frozen=True)
class ApexRule:
    """Where clips' apexes come from: with ``annotated``, the sheet's where it has one; else ``finder``."""

    annotated: bool
    finder: str


def apex_rule(name: str) -> ApexRule:
    """The rule of that name: ``annotated``, ``annotated-or-FINDER``, or the name of a finder.

    Where nothing is annotated, ``annotated`` takes the middle frame, and ``annotated-or-dc-rois`` asks the
    finder dc-rois. Raises UnknownNameError on any other name.
    """
    if name == ANNOTATED:
        return ApexRule(annotated=True, finder="middle")
    finder = name.removeprefix(f"{ANNOTATED}-or-")
    known = [found for found in apex_finders if found != ANNOTATED]
    if finder not in known:
        raise UnknownNameError("apex finder", finder, [ANNOTATED, *known])
    return ApexRule(annotated=finder != name, finder=finder)
