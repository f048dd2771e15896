"""What scripts do: flags, what is read and written, worker processes, shares of ranks."""
