"""The parts of the matched spotter: timeline, templates, noise, and the tests that a movement has to pass."""
