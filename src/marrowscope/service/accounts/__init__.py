"""Who may come in: users, passwords, sessions, tokens, single sign-on."""
