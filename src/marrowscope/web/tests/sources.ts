/** The page's sources except its texts, as they are written. */
const all = import.meta.glob<string>("../src/**/*.{ts,tsx}", { query: "?raw", import: "default", eager: true });

export const SOURCES_OF_TEXTS = Object.entries(all)
  .filter(([path]) => !path.startsWith("../src/texts/") && path !== "../src/strings.ts")
  .map(([, source]) => source);
