"""The signed API: one door, verified by signature, answered in JSON."""
