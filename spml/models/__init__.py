"""Networks: dilated backbone, heads, embedding network, classifier, weight loading."""
