import { expect, it } from "vitest";
import { t } from "../src/strings";

it("every type that is told apart from another has its own criteria", () => {
  const types = new Set(t.lookAlikes.flatMap(([a, b]) => [a, b]));
  expect([...types].filter((type) => !t.morphology[type])).toEqual([]);
});

it("all criteria have a source", () => {
  expect(Object.entries(t.morphology).filter(([, { text, source }]) => !text || !source)).toEqual([]);
});

it("the tour takes at most two minutes at the pace of a slow reader", () => {
  const words = t.tour.steps.reduce((sum, step) => sum + step.text.split(" ").length, 0);
  expect(words / 150).toBeLessThan(2);
});
