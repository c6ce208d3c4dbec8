// English texts of the administration pages and of personal settings.

export const admin = {
  title: "Administration",
  users: "Users", tokens: "Access tokens", audit: "History", display: "Display",
  addUser: "Add user",
  username: "User name", name: "Name", role: "Role", password: "Password", active: "Active", lastSeen: "Last seen",
  passwordHint: "At least 10 characters",
  resetPassword: "Set password",
  deactivate: "Deactivate", activate: "Activate",
  addToken: "New token",
  tokenName: "Used by", scopes: "Permissions", expires: "Valid for (days)",
  created: "Created", expiry: "Expires", never: "never",
  tokenOnce: "Copy this token now. It will not be shown again.",
  revoke: "Revoke",
  scopeNames: { read: "read", write: "change", admin: "administer" } as Record<string, string>,
  you: "you",
};

export const password = { title: "Change password", old: "Current password", new: "New password", done: "Your password has been changed." };

export const display = {
  title: "Display",
  theme: "Colours",
  themes: { system: "System default", light: "Light", dark: "Dark", contrast: "High contrast" },
  text: "Text size",
  texts: { small: "Small", medium: "Medium", large: "Large", larger: "Larger" },
  motion: "These settings are stored on this computer only.",
};
