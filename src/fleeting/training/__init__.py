"""The training side of a fold in, a fitted model out; nothing here is ever given the test side."""
