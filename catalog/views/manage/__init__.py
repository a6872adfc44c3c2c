"""The administrator's pages: what can be launched, by whom, and within which limits."""
