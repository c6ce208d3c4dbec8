/** The demo case: its images come from the service and are sent like any others. */
import { tasks } from "../activity/tasks";
import { API, errorOf } from "../api/client";
import { t } from "../strings";
import { uploads } from "../upload/manager";

const FIELDS = 8;

/** Add the demo case and have it analysed. */
export async function addDemoCase(): Promise<void> {
  const files = await tasks.run(t.firstRun.demo, async () => {
    const found: File[] = [];
    for (let number = 1; number <= FIELDS; number++) {
      const answer = await fetch(`${API}/demo/${number}.jpg`, { credentials: "same-origin" });
      if (!answer.ok) throw await errorOf(answer);
      found.push(new File([await answer.blob()], `field-${number}.jpg`, { type: "image/jpeg" }));
    }
    return found;
  });
  await uploads.start(t.firstRun.demoName, null, files, {});
}
