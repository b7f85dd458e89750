"""One canonical, steady crop of a face."""
