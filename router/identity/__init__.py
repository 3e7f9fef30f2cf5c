"""Who is writing, and how far that is proven."""
