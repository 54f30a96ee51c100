/** What of a service was deployed when, by whom, and how far it came. */
import { useEffect } from 'preact/hooks';
import { eventTypes, textIn, type KeptnEvent } from '../../../../lib/events/event.ts';
import { imageOf } from '../../../../lib/delivery/image.ts';
import { newImage } from '../../../../lib/delivery/stage.ts';
import type { Overview } from '../../../../lib/delivery/overview.ts';
import { deploymentFinished } from '../../../../lib/events/workflow.ts';
import { ActionButton } from '../actions/action-button.tsx';
import { byHand } from '../actions/by-hand.tsx';
import { findAll, findEvents } from '../api/events.ts';
import { onEvent } from '../api/live.ts';
import { useLoaded, useSoon } from '../api/load.ts';
import { shortImage } from '../parts/names.ts';
import { Empty, Show } from '../parts/states.tsx';
import { Status, toneOfResult } from '../parts/status.tsx';
import { Ago } from '../parts/time.tsx';
import { readOverview } from '../project/state.ts';
import { whoBegan } from '../sequence/state.ts';
import { links, linkTo } from '../shell/router.ts';

interface Row {
  keptnContext: string;
  time: string;
  image: string | undefined;
  by: string;
  /** By stage. */
  ends: Map<string, { result: string; message: string }>;
  commits: Map<string, string>;
}

interface HistoryData {
  overview: Overview;
  /** Of the service, newest first: what is promoted or brought back is chosen by them. */
  events: KeptnEvent[];
  rows: Row[];
}

/** Events that are looked through for what a stage had before. */
const PAST = 500;

async function read(project: string, service: string, signal: AbortSignal): Promise<HistoryData> {
  const of = { project, service };
  const [overview, roots, ends, deployments, past] = await Promise.all([
    readOverview(project, signal),
    findEvents({ ...of, root: 'true' }, undefined, signal),
    findEvents({ ...of, type: eventTypes.deliveryFinished }, undefined, signal),
    findEvents({ ...of, type: eventTypes.deploymentFinished }, undefined, signal),
    findAll((after) => findEvents(of, after, signal), PAST),
  ]);
  return { overview, events: past.items, rows: rowsOf(roots.items, ends.items, deployments.items) };
}

/** A row for each keptn context that has brought an artifact, newest first. */
export function rowsOf(
  roots: readonly KeptnEvent[],
  ends: readonly KeptnEvent[],
  deployments: readonly KeptnEvent[],
): Row[] {
  const rows = new Map<string, Row>();
  for (const event of roots) {
    const image = newImage(event);
    const isDelivery = image !== undefined || deployments.some((one) => one.shkeptncontext === event.shkeptncontext);
    if (!isDelivery) continue;
    const { shkeptncontext: keptnContext, time } = event;
    rows.set(keptnContext, { keptnContext, time, image, by: whoBegan(event), ends: new Map(), commits: new Map() });
  }
  for (const { shkeptncontext, data, extensions } of deployments) {
    const [row, done] = [rows.get(shkeptncontext), deploymentFinished.safeParse(data).data];
    if (!row || !done) continue;
    row.image ??= imageOf(done);
    if (extensions?.['gitcommitid']) row.commits.set(done.stage, extensions['gitcommitid']);
  }
  for (const { shkeptncontext, data } of ends) {
    const end = { result: textIn(data, 'result') ?? '', message: textIn(data, 'message') ?? '' };
    rows.get(shkeptncontext)?.ends.set(textIn(data, 'stage') ?? '', end);
  }
  return [...rows.values()];
}

export function ServiceHistory({ project, service }: { project: string; service: string }) {
  const loaded = useLoaded(`history ${project} ${service}`, (signal) => read(project, service, signal));
  const again = useSoon(loaded.reload);
  useEffect(
    () =>
      onEvent(({ data }) => {
        if (textIn(data, 'project') === project && textIn(data, 'service') === service) again();
      }),
    [again, project, service],
  );
  useEffect(() => void (document.title = `${service} · Keptn`), [service]);
  return (
    <div class="page">
      <p class="crumbs">
        <a href={links.project(project)}>{project}</a> /
      </p>
      <div class="title-row">
        <h1>{service}</h1>
        <span class="grow" />
        <ByHand project={project} service={service} data={loaded.data.value} />
        <a class="button" href={linkTo('/evaluations', { project, service })}>
          Evaluations
        </a>
        <a class="button" href={linkTo('/compare', { project, service })}>
          Compare stages
        </a>
        <a class="button" href={linkTo('/resources', { project, service })}>
          Configuration
        </a>
      </div>
      <Show of={loaded}>{(data) => <Deployments project={project} service={service} data={data} />}</Show>
    </div>
  );
}

function ByHand({ project, service, data }: { project: string; service: string; data: HistoryData | undefined }) {
  if (!data || data.rows.length === 0) return null;
  const past = { project, service, order: data.overview.stages.map(({ name }) => name), events: data.events };
  return (
    <>
      <ActionButton action={byHand('rollback', past)} />
      <ActionButton action={byHand('promote', past)} />
    </>
  );
}

function Deployments({
  project,
  service,
  data: { overview, rows },
}: {
  project: string;
  service: string;
  data: HistoryData;
}) {
  if (rows.length === 0) {
    return (
      <Empty title={`Nothing of ${service} has been delivered yet.`}>
        <p>
          <code>
            keptn send event new-artifact --project={project} --service={service} --image=IMAGE
          </code>{' '}
          begins a delivery; so does “Deliver an artifact” in <a href={links.project(project)}>{project}</a>.
        </p>
      </Empty>
    );
  }
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label={`Deliveries of ${service}`}>
      <table>
        <thead>
          <tr>
            <th>Artifact</th>
            <th>When</th>
            <th>By</th>
            {overview.stages.map(({ name }) => (
              <th key={name}>{name}</th>
            ))}
            <th>Configuration</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, nth) => (
            <tr key={row.keptnContext}>
              <td>
                <a href={links.sequence(row.keptnContext)} title={row.image}>
                  {row.image ? shortImage(row.image) : 'delivery'}
                </a>
              </td>
              <td>
                <Ago time={row.time} />
              </td>
              <td>{row.by}</td>
              {overview.stages.map(({ name }) => (
                <End key={name} row={row} stage={name} />
              ))}
              <td>
                <Changes row={row} before={rows[nth + 1]} project={project} service={service} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function End({ row, stage }: { row: Row; stage: string }) {
  const end = row.ends.get(stage);
  const isThere = end !== undefined || row.commits.has(stage);
  if (!isThere) return <td class="nothing">–</td>;
  return (
    <td>
      <a class="end" href={links.sequence(row.keptnContext, stage)} title={end?.message}>
        <Status tone={end ? toneOfResult(end.result) : 'run'}>{end?.result || 'on its way'}</Status>
      </a>
    </td>
  );
}

interface ChangesProps {
  row: Row;
  before: Row | undefined;
  project: string;
  service: string;
}

/** The configuration that it was deployed with, beside that of the delivery before, in the first stage that both reached. */
function Changes({ row, before, project, service }: ChangesProps) {
  const stage = [...row.commits.keys()].find((name) => before?.commits.has(name));
  const [from, to] = [stage && before?.commits.get(stage), stage && row.commits.get(stage)];
  if (!from || !to) return <span class="nothing">–</span>;
  return <a href={linkTo('/compare', { project, service, from, to })}>what changed</a>;
}
