"""HTNet's four crops of a map: around both eyes and both corners of the mouth."""
