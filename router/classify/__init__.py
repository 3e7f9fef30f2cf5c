"""The classifier: features, prediction, training, registry of models."""
