"""Training turns the training side of a fold into a fitted model; it is never given the test side."""
