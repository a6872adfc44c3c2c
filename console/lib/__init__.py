"""Shared code of all apps. It imports only Django, the standard library and cryptography."""
