"""Faces followed through a video: who is where, and how well seen."""
