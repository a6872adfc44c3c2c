"""What can be launched: products, versions, templates, portfolios, grants. Knows nothing of instances."""
