"""The motion map (flow and strain) of the MEGC2019 composite, whole and cut into HTNet's four regions."""

from __future__ import annotations

from fleeting.errors import OptionError
from fleeting.faces.four_regions import four_regions
from fleeting.faces.optical_flow import motion_map
from fleeting.modalities import means, modalities
from fleeting.modalities._frames import flow_between
from fleeting.types import Clip, FloatArray


@modalities.register("flow-map")
@means("u", "v", "strain", rest=127.5)
def flow_map(clip: Clip, *, side: int = 28, backend: str = "tvl1") -> FloatArray:
    """Horizontal and vertical flow and strain from onset to apex: (3, side, side), each channel 0 to 255.

    TV-L1 flow on the tight gray face crop, shrunk by area, each channel min-max scaled, as the published maps
    of the composite were made; ``backend`` chooses another flow of `fleeting.faces.optical_flow.flow`. A
    still clip is 127.5 in u and v and 0 in strain. Raises OptionError on a side of less than 1 and on an
    unknown backend.
    """
    return _map(clip, side, backend)


@modalities.register("region-map")
@means("u", "v", "strain", rest=127.5, tiles=2)
def region_map(clip: Clip, *, side: int = 28, backend: str = "tvl1") -> FloatArray:
    """The flow-map cut into squares around the eyes and the corners of the mouth (HTNet): (3, side, side).

    ``backend`` is one of the backends of `fleeting.faces.optical_flow.flow`. Raises OptionError on a side
    that is odd or less than 2, and on an unknown backend.
    """
    return four_regions(_map(clip, side, backend))


def _map(clip: Clip, side: int, backend: str) -> FloatArray:
    if side < 1:
        raise OptionError(f"the side of a map is {side}, expected 1 or more")
    return motion_map(*flow_between(clip, clip.onset, clip.apex, backend), side)
