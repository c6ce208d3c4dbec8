// Administration and the settings of one person: part of the catalogue of English texts.

export const admin = {
  title: "Administration",
  users: "Users", tokens: "Access tokens", audit: "History", display: "Display",
  addUser: "Add user",
  username: "User name", name: "Name", role: "Role", password: "Password", active: "Active", lastSeen: "Last seen",
  passwordHint: "At least 10 characters",
  resetPassword: "Set password",
  deactivate: "Deactivate", activate: "Activate",
  addToken: "New token",
  tokenName: "Used by", scopes: "May", expires: "Valid for (days)",
  created: "Created", expiry: "Expires", never: "never",
  tokenOnce: "Copy this token now: it is not shown again.",
  revoke: "Revoke",
  scopeNames: { read: "read", write: "change", admin: "administer" } as Record<string, string>,
  you: "you",
};

export const password = { title: "Change password", old: "Current password", new: "New password", done: "The password is changed." };

export const display = {
  title: "Display",
  theme: "Colours",
  themes: { system: "As the system", light: "Light", dark: "Dark", contrast: "High contrast" },
  text: "Text size",
  texts: { small: "Small", medium: "Medium", large: "Large", larger: "Larger" },
  motion: "These settings stay on this computer.",
};
