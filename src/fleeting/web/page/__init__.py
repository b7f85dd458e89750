"""The page is what people see of `fleeting serve`: HTML, scripts, styles, and every text once a language."""
