"""A benchmark runs recipes on data: scores, paper tables, trained weights, spotting, checks of the data."""
