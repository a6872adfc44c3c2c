"""The project: settings, URLs, accounts, API and audit log. It may import every app."""
