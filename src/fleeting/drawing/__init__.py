"""A drawing is a motion map or a face video whose every movement is known exactly, free of licences.

No subject's face is used: all people are warps of two photographs in the public domain. `maps` draws motion
maps; `script` decides what a face video shows, and `rendering` draws it and computes how every point of the
skin moved. Nothing here knows a dataset.
"""

from fleeting.drawing.people import TWO_PEOPLE, Identity, identity

__all__ = ["TWO_PEOPLE", "Identity", "identity"]
