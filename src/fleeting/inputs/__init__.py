"""The arrays that a model sees of a clip, made from frames once and kept on disk."""
