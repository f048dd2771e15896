"""Segments of an image and their prototypes: k-means, dataclasses, memory bank."""
