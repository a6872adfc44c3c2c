"""The kernel every app stands on. Imports Django, the standard library and cryptography only."""
