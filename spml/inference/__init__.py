"""From an image to its mask: windows and pyramids, retrieval, random walk, dense CRF, pseudo labels, CAMs."""
