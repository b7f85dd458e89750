"""Reading: the code by which dataset adapters read sheets and folders, check them, and write miniatures."""
