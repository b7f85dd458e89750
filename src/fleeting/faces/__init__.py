"""A face is found in pictures, followed, cropped into a steady clip, and measured for how its skin moves."""
