"""Pages of administrators: products, portfolios, constraints, tag options and regions."""
