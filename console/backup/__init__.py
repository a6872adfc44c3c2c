"""Backup and restore: the whole database in one file, and what may be taken up after a restore."""
