"""Metrics for Prometheus from the database and from all web processes."""
