/** The pretended service behind Vite's development server. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { MockService } from "./service";

interface Middlewares {
  use(handle: (request: IncomingMessage, response: ServerResponse, next: () => void) => void): void;
}

export function attach(middlewares: Middlewares): void {
  const service = new MockService(Number(process.env["MOCK_CELLS"] ?? 480));
  middlewares.use((request, response, next) => {
    const url = request.url ?? "/";
    if (!url.startsWith("/api/v1/")) return next();
    if (url.endsWith("/events")) {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      return;
    }
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const text = Buffer.concat(parts).toString("utf8");
      const body: unknown = text.startsWith("{") ? JSON.parse(text) : undefined;
      const answer = service.handle(request.method ?? "GET", url, body);
      response.writeHead(answer.status, { "Content-Type": answer.type ?? "application/json" });
      response.end(typeof answer.body === "string" ? answer.body : answer.body === undefined ? "" : JSON.stringify(answer.body));
    });
  });
}
