"""The shell: settings, URLs, sign-in, navigation, the signed API door. May import every app."""
