"""Security tests: hostile requests, users without permission, hostile templates."""
