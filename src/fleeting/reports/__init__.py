"""A report shows runs to people: HTML and Markdown pages, tables beside a paper's numbers, figures."""
