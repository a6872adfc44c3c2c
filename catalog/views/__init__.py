"""Pages of the catalogue, one module for each noun."""
