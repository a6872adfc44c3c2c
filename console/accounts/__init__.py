"""Authentication of users: sign-in, sessions, MFA, single sign-on and the account pages."""
