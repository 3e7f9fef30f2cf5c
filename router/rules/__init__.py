"""rules.yaml: from bytes to a compiled `Ruleset`, and from facts to a `Decision`."""
