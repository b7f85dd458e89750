"""An input is an array that a model sees of a clip; arrays are made from frames once and kept on disk."""
