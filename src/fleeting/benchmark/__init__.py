"""Recipes carried out on data: runs, a paper's tables, weights to use, long videos spotted, data checked."""
