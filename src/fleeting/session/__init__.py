"""Frames pushed in, events out: one code path for cameras and for files."""
