// English texts of the administration pages and of personal settings.
import type { Delivery, Token } from "../api/shapes";

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

export const outbox = {
  tab: "Outbox",
  lead: "Signed reports on their way to the hospital’s system. What was refused waits until you send it again.",
  none: "Nothing was sent yet. The setting MARROWSCOPE_OUTBOX names where signed reports go.",
  report: "Report", target: "To", status: "State", attempts: "Attempts", signed: "Signed",
  version: (number: number) => `version ${number}`,
  statuses: { waiting: "waiting", sent: "sent", refused: "refused" } satisfies Record<Delivery["status"], string>,
  next: (at: string) => `next attempt ${at}`,
  again: "Send again",
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
