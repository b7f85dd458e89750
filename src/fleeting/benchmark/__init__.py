"""Recipes carried out on data: runs, a paper's tables, weights to be used, spotting in long videos, a check
of the data.
"""
