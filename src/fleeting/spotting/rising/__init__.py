"""The parts of the rising spotter: how far skin rises, what stands out, and how likely it is."""
