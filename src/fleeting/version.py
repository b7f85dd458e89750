"""The version of this package, which is written into results, weights and runs."""

__version__ = "0.1.0"
"""The version of the package, such as 0.1.0."""
