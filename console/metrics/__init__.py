"""`/metrics`: what Prometheus asks for, from the database and from all web processes."""
