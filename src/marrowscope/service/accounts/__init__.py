"""Authentication: users, passwords, sessions, tokens, single sign-on."""
