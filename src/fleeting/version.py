"""The version of this package, which results, weights and runs carry."""

__version__ = "0.1.0"
