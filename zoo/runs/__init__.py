"""Training runs from the command line: folder, progress, report."""
