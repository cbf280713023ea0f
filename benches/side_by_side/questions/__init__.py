"""The questions, one file each; the number in a file's name is the order of the report."""
