"""A small procedural data set with every kind of weak label."""
