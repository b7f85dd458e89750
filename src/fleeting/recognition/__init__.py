"""A recogniser is trained weights at work: a clip in, a class with a calibrated confidence out."""
