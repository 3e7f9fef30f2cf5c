"""A whole archive decided by old and new rules (or models): what differs, and what each rule did."""
