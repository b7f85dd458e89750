"""Drawing: data with known truth, free of licences and of anybody's face. It knows no dataset.

`maps` draws motion maps; `script` writes down what a face video shows and `rendering` draws it and knows how
every point of the skin moved.
"""

from fleeting.drawing.people import TWO_PEOPLE, Identity, identity

__all__ = ["TWO_PEOPLE", "Identity", "identity"]
