"""Data drawn with known truth: face videos, dataset folders, the demonstration."""
