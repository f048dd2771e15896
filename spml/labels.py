"""Values of 8-bit label maps that are no class: classes are 0..K−1, everything from K to 254 is unlabelled."""

UNLABELLED = 254
VOID = 255
