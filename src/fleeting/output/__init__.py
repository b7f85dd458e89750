"""An output is a folder or a file that a command writes; here it is decided what may be written where.

A folder may be written if it is new, empty, or was made by this package from the same input for the same
purpose; a file, if it is new or was written by this package. Anything else is refused unless the user asked
for it (``--replace``). A file that was changed since it was written is never lost: it is kept aside.
"""
