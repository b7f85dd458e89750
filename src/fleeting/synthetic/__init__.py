"""Synthetic data are drawn face videos and dataset folders whose every movement is known: ``truth.json``."""
