"""A video is a sequence of frames with times: from a file, a folder of pictures, a camera or an array."""
