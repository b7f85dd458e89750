"""The parts of the matched spotter: a timeline, its noise, templates, and what confirms a peak."""
