"""The version of this package, which is written into results, weights and runs."""

__version__ = "0.1.0"
