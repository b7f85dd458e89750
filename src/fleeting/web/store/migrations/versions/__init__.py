"""One migration a file, in the order of their numbers; what was released is never edited."""
