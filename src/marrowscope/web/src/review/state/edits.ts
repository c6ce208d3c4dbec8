/** Edits of cells as values: how they are shown, sent and undone. */
import type { Cell, Change } from "../../api/shapes";

/** A reader's answer for a cell: its type (null: none, the prediction stands), and whether it is deleted. */
export interface Answer {
  type: string | null;
  deleted: boolean;
}

/** A change of one cell, with its previous state. */
export interface Edit {
  id: string;
  before: Answer;
  after: Answer;
}

/** The changes made by one keypress or drop, undone and redone together. */
export type Step = readonly Edit[];

export const answerOf = (cell: Cell): Answer => ({ type: cell.reviewed_type, deleted: cell.deleted });

export const sameAnswer = (a: Answer, b: Answer): boolean => a.type === b.type && a.deleted === b.deleted;

/** The cell as shown with an answer that is not saved yet; whether it counts then, the service has yet to say. */
export function withAnswer(cell: Cell, answer: Answer): Cell {
  const type = answer.type ?? cell.model_type ?? cell.type;
  return { ...cell, reviewed_type: answer.type, type, deleted: answer.deleted, counted: null };
}

/** The change to send so that the service's cell gets this answer. */
export function changeTo(cell: Cell, answer: Answer): Change | null {
  const change: Change = { id: cell.id, revision: cell.revision };
  if (answer.type !== cell.reviewed_type) change.type = answer.type;
  if (answer.deleted !== cell.deleted) change.deleted = answer.deleted;
  return "type" in change || "deleted" in change ? change : null;
}

export const reversed = (step: Step): Step => step.map(({ id, before, after }) => ({ id, before: after, after: before }));

/** Steps done and steps undone. */
export class History {
  private done: Step[] = [];
  private undone: Step[] = [];

  add(step: Step): void {
    this.done.push(step);
    this.undone = [];
  }

  /** The edits that undo the last step, null if there is none. */
  undo(): Step | null {
    const step = this.done.pop();
    if (!step) return null;
    this.undone.push(step);
    return reversed(step);
  }

  redo(): Step | null {
    const step = this.undone.pop();
    if (!step) return null;
    this.done.push(step);
    return step;
  }

  /** Forget the steps that affect a cell, because someone else's answer is now in force. */
  forget(id: string): void {
    const without = (steps: Step[]): Step[] =>
      steps.map((step) => step.filter((edit) => edit.id !== id)).filter((step) => step.length > 0);
    this.done = without(this.done);
    this.undone = without(this.undone);
  }

  get canUndo(): boolean {
    return this.done.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }
}
