import { describe, expect, it } from "vitest";
import { SOURCES_OF_TEXTS } from "./sources";
import { t } from "../src/strings";

type Branch = { [name: string]: unknown };
const isBranch = (value: unknown): value is Branch => typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether a text is named in full, or a table that holds it is used as a whole. */
function isUsed(path: string[]): boolean {
  const whole = (parts: string[]): RegExp => new RegExp(`\\bt\\.${parts.join("\\.")}\\b(?!\\??\\.[a-zA-Z])`);
  return path.some((_, depth) => SOURCES_OF_TEXTS.some((source) => whole(path.slice(0, depth + 1)).test(source)))
    || SOURCES_OF_TEXTS.some((source) => new RegExp(`\\bt\\.${path.join("\\.")}\\b`).test(source));
}

function unused(branch: Branch, above: string[] = []): string[] {
  return Object.entries(branch).flatMap(([name, value]) => {
    const path = [...above, name];
    if (isBranch(value) && Object.keys(value).length > 0) return unused(value, path);
    return isUsed(path) ? [] : [path.join(".")];
  });
}

const leaves = (branch: Branch): string[] => Object.entries(branch).flatMap(([name, value]) => (name === "source" ? [] : typeof value === "string" ? [value] : isBranch(value) ? leaves(value) : []));

describe("texts", () => {
  it("are all shown somewhere", () => {
    expect(unused(t as Branch)).toEqual([]);
  });

  it("say nothing twice", () => {
    const sentences = leaves(t as Branch).filter((text) => text.split(" ").length >= 3);
    expect(sentences.filter((text, at) => sentences.indexOf(text) !== at)).toEqual([]);
  });

  it("the tour takes at most two minutes at the pace of a slow reader", () => {
    const words = Object.values(t.tour.steps).reduce((sum, step) => sum + step.text.split(" ").length, 0);
    expect(words / 150).toBeLessThan(2);
  });
});

describe("criteria", () => {
  it("every type that is told apart from another has its own", () => {
    const types = new Set(Object.keys(t.lookAlikes).flatMap((pair) => pair.split(" ")));
    expect([...types].filter((type) => !(type in t.morphology))).toEqual([]);
  });

  it("all have a source", () => {
    expect(Object.entries(t.morphology).filter(([, { text, source }]) => !text || !source)).toEqual([]);
  });
});
