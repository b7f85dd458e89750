"""From frames to an aligned Clip."""
