"""Own recordings: videos or folders of pictures, and a table or ELAN files that say what moves when."""
