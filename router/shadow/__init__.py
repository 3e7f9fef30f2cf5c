"""Live mail decided once more by other rules or another model, after its answer; only what differs is told."""
