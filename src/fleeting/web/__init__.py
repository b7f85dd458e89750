"""The web is the page and the REST API of `fleeting serve`: jobs, reviews, a live socket, and their store."""
