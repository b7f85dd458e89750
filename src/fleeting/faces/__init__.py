"""A face found in pictures, followed, cropped into a steady clip, and the motion of its skin measured."""
