"""Signing in: sessions, second factors, single sign-on, and one's own account pages."""
