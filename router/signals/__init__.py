"""What this text alone shows: one file, one `find`."""
