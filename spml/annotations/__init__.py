"""Raw annotations (scribbles, points, boxes, CAMs, colour masks, contours) turned into label maps."""
