"""Pages of what was launched, one module for each noun."""
