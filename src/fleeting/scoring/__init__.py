"""Scoring turns labels, predictions or intervals into numbers: MEGC scores, confidence intervals, tests."""
