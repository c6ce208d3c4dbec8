import type { ReactNode } from "react";
import { post } from "../api/client";
import type { ListedDelivery } from "../api/shapes";
import { useAction, usePages } from "../hooks";
import { Link, Problem } from "../parts/basics";
import { More, Table } from "../parts/lists";
import { t, when } from "../strings";

/** Signed reports on their way to the hospital's system. */
export function Outbox(): ReactNode {
  const { items, error: refusal, reload, more } = usePages<ListedDelivery>("/outbox");
  const { busy, error, run } = useAction();
  const again = (delivery: ListedDelivery): void =>
    run(async () => {
      await post(`/outbox/${delivery.id}/again`, {});
      reload();
    });
  return (
    <>
      <Problem message={refusal ?? error} />
      <p className="soft">{items?.length === 0 ? t.outbox.none : t.outbox.lead}</p>
      {items && items.length > 0 ? (
        <div className="card">
          <Table heads={[t.outbox.signed, t.outbox.report, t.outbox.target, t.outbox.status, t.outbox.attempts, null]}>
            {items.map((delivery) => (
              <tr key={delivery.id}>
                <td>{when(delivery.created_at)}</td>
                <td>
                  <Link to={`/patients/${delivery.patient_id}/versions`}>{delivery.patient}</Link>, {t.outbox.version(delivery.number)}
                </td>
                <td>
                  <code>{delivery.target}</code>
                </td>
                <td>
                  {t.outbox.statuses[delivery.status]}
                  {delivery.status === "sent" ? ` ${when(delivery.sent_at)}` : ""}
                  {delivery.status === "waiting" && delivery.attempts > 0 ? `, ${t.outbox.next(when(delivery.next_at))}` : ""}
                  {delivery.message ? <div className="small soft">{delivery.message}</div> : null}
                </td>
                <td>{delivery.attempts}</td>
                <td>
                  {delivery.status === "sent" ? null : (
                    <button type="button" className="button compact" disabled={busy} onClick={() => again(delivery)}>
                      {t.outbox.again}
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </Table>
        </div>
      ) : null}
      <More more={more} />
    </>
  );
}
