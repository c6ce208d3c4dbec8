/** Texts of what goes on beside the page: uploads, files in the making, fields being read. */
import { number } from "../locale";

export const activity = {
  title: "In progress",
  over: "Done",
  working: (name: string, seconds: number) => `${name}: being made for ${number(seconds)} s`,
  receiving: (name: string, bytes: number) => `${name}: ${number(bytes / 1e6, 1)} MB received`,
  done: (name: string) => `${name}: done`,
  failed: (name: string, reason: string) => `${name}: ${reason}`,
  left: (seconds: number) => (seconds < 90 ? `about ${Math.max(Math.round(seconds / 10) * 10, 10)} s left` : `about ${Math.round(seconds / 60)} min left`),
  live: "You can look at the cells found so far. Answers can be given once all fields are read.",
};
