"""The contrastive loss, its four relations, and the weighted objective."""
