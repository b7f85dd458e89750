"""Frames with their times, from anywhere: files, folders of pictures, cameras, arrays."""
