"""Media are what the page shows of a recording: a video that browsers play, and pictures of its frames."""
