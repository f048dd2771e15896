"""Samples: data lists, data sets, paired image/label transforms."""
