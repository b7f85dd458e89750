"""Labels, predictions or intervals in, numbers out: MEGC scores, their intervals, tests between systems."""
