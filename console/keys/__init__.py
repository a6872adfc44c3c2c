"""The keys of the installation: creation at the first start, and rotation."""
