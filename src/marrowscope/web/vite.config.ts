import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** `npm run mock`: the page against the pretended service of the tests, for work on its looks. */
function mockService(): Plugin {
  return {
    name: "mock-service",
    async configureServer(server) {
      const { attach } = (await server.ssrLoadModule("/tests/mock/attach.ts")) as typeof import("./tests/mock/attach");
      attach(server.middlewares);
    },
  };
}

export default defineConfig(({ mode }) => ({
  plugins: [react(), ...(mode === "mock" ? [mockService()] : [])],
  // Nothing is inlined: the service's Content-Security-Policy allows files of its own only.
  build: { assetsInlineLimit: 0, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 900 },
  server: { proxy: mode === "mock" ? {} : { "/api": "http://127.0.0.1:8000" } },
  test: { environment: "happy-dom", isolate: false, include: ["tests/**/*.test.{ts,tsx}"] },
}));
