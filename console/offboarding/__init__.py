"""Somebody leaves: what they own, approve and hold, and handing all of it over."""
