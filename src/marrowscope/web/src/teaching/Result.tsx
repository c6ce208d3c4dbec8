import { useState, type ReactNode } from "react";
import { post } from "../api/client";
import type { ActiveNetworks, Estimate, Taught, Teaching } from "../api/shapes";
import { ReasonDialog } from "../patient/ReasonDialog";
import { number } from "../locale";
import { Table } from "../parts/lists";
import { t } from "../strings";

const FEW_PATIENTS = 10; // below which a resampled interval is rough

/** What a teaching gave, what follows from activating it, and the decision. */
export function Result({ teaching, networks, onDecided }: { teaching: Teaching; networks: ActiveNetworks; onDecided: () => void }): ReactNode {
  const [asked, setAsked] = useState<"activate" | "decline" | null>(null);
  const words = t.teaching.result;
  const decide = async (activate: boolean, reason: string): Promise<void> => {
    await post(`/teachings/${teaching.id}/decision`, { activate, reason });
    setAsked(null);
    onDecided();
  };
  return (
    <section className="card padded stack" aria-labelledby="teaching-result" data-testid="teaching-result">
      <h2 id="teaching-result">{words.title(teaching.number)}</h2>
      {teaching.result ? <Comparison taught={teaching.result} patients={teaching.kept_out} /> : null}
      <h3>{words.decide}</h3>
      <ul className="points">
        <li>{words.consequences}</li>
        {networks.is_validated ? <li>{words.validation}</li> : null}
        {networks.laboratories > 0 ? <li>{words.noLaboratories(networks.laboratories)}</li> : null}
        <li>{words.own}</li>
      </ul>
      <div className="row">
        <button type="button" className="button primary" onClick={() => setAsked("activate")}>
          {words.activate}
        </button>
        <button type="button" className="button" onClick={() => setAsked("decline")}>
          {words.decline}
        </button>
      </div>
      {asked === "activate" ? (
        <ReasonDialog title={words.activateTitle} lead={words.consequences} label={words.reason} submit={words.activate} onSubmit={(reason) => decide(true, reason)} onClose={() => setAsked(null)} />
      ) : null}
      {asked === "decline" ? (
        <ReasonDialog title={words.declineTitle} lead={words.declineLead} label={words.reason} submit={words.decline} danger onSubmit={(reason) => decide(false, reason)} onClose={() => setAsked(null)} />
      ) : null}
    </section>
  );
}

/** Both networks on the cells kept out, and what is kept of earlier laboratories. */
export function Comparison({ taught, patients }: { taught: Taught; patients: number }): ReactNode {
  const words = t.teaching.result;
  return (
    <>
      {taught.is_better ? null : <p>{words.noGain}</p>}
      <p>{words.keptOut(taught.asked, patients)}</p>
      <Table heads={[words.figure, { number: words.n }, { number: words.present }, { number: words.new }, { number: words.gain }]}>
        {taught.figures.map((figure) => (
          <tr key={figure.name}>
            <td>{words.names[figure.name] ?? figure.name}</td>
            <td className="number">{number(figure.n)}</td>
            <td className="number">{told(figure.before)}</td>
            <td className="number">{told(figure.after)}</td>
            <td className="number">{told(figure.gain, true)}</td>
          </tr>
        ))}
      </Table>
      <p className="small soft">
        {words.intervals} {patients < FEW_PATIENTS ? words.fewPatients(patients) : ""}
      </p>
      {taught.background_auc !== null && taught.background_balanced_accuracy !== null ? (
        <p className="small soft">{words.background(two(taught.background_auc), two(taught.background_balanced_accuracy))}</p>
      ) : null}
      <p>{words.replay}</p>
      <Table heads={[words.figure, { number: words.n }, { number: words.share }]}>
        {taught.replay.map((kept) => (
          <tr key={kept.name}>
            <td>{words.kept[kept.name] ?? kept.name}</td>
            <td className="number">{number(kept.n)}</td>
            <td className="number">{told(kept.share)}</td>
          </tr>
        ))}
      </Table>
    </>
  );
}

const two = (value: number): string => number(value, 2);

/** A figure with its interval; a gain with its sign. */
function told(estimate: Estimate, isGain = false): string {
  const { value, low, high } = estimate;
  if (value === null) return t.unavailable;
  const said = isGain ? signed : two;
  return low === null || high === null ? said(value) : t.teaching.result.interval(said(value), said(low), said(high));
}

const signed = (value: number): string => `${value < -0.004 ? "−" : value > 0.004 ? "+" : ""}${two(Math.abs(value))}`;
