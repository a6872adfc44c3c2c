"""Offboarding of users: their holdings, the transfer and its undo."""
