"""Raw annotations (scribbles, points, boxes, CAMs, colour masks, contours) and toy sets, turned into label maps."""
