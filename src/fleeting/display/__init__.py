"""A display shows a value in a notebook: a pandas table, a matplotlib figure, or a few lines of HTML."""
