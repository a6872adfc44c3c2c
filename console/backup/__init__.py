"""Backup and restore of the whole database in one file."""
