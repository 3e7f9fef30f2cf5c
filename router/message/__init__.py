"""One mail, from bytes to `Message`. The door is `read.read`."""
