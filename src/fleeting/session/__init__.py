"""A session takes frames one by one and gives events out: the same code path for cameras and for files."""
