"""Frames with their presentation times, one after another: files, folders of pictures, cameras, arrays."""
