"""Training: loop, optimiser, checkpoints, processes."""
