// English texts of the administration pages and of personal settings.
import type { Token } from "../api/shapes";

export const admin = {
  title: "Administration",
  users: "Users", tokens: "Access tokens",
  addUser: "Add user",
  name: "Name", role: "Role", lastSeen: "Last seen",
  passwordHint: "At least 10 characters",
  resetPassword: "Set password",
  deactivate: "Deactivate", activate: "Activate",
  addToken: "New token",
  tokenName: "Used by", scopes: "Permissions", expires: "Valid for (days)",
  created: "Created", expiry: "Expires", never: "never",
  tokenOnce: "Copy this token now. It will not be shown again.",
  revoke: "Revoke",
  scopeNames: { read: "read", write: "change", admin: "administer" } satisfies Record<Token["scopes"][number], string>,
  you: "you",
};

export const password = { title: "Change password", old: "Current password", new: "New password", done: "Your password has been changed." };

export const display = {
  title: "Display settings",
  language: "Language",
  ofBrowser: "Language of the browser",
  theme: "Colours",
  themes: { system: "System default", light: "Light", dark: "Dark", contrast: "High contrast" },
  text: "Text size",
  texts: { small: "Small", medium: "Medium", large: "Large", larger: "Larger" },
  where: "These settings are stored on this computer only.",
};
