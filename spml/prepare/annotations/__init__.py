"""Annotations as people have them: readers of many formats, one model of shapes, label maps and back."""
