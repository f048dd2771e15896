"""Scores: mean IoU and per-instance IoU."""
