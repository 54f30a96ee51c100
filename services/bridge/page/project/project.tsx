/** A project: stages as columns in the order of promotion, services as rows, and in each cell what is there. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Overview, OverviewService, OverviewStage } from '../../../../lib/delivery/overview.ts';
import { ActionButton } from '../actions/action-button.tsx';
import { newArtifact } from '../actions/new-artifact.tsx';
import { startEvaluation } from '../actions/start-evaluation.tsx';
import { FilterField } from '../parts/filter-field.tsx';
import { Empty, Show } from '../parts/states.tsx';
import { VirtualList } from '../parts/virtual.tsx';
import { links, linkTo } from '../shell/router.ts';
import { useOpenProblems } from '../problems/open.ts';
import { Cell } from './cell.tsx';
import { useOverview } from './state.ts';

const ROW = 104;

export function Project({ project }: { project: string }) {
  const loaded = useOverview(project);
  useEffect(() => void (document.title = `${project} · Keptn`), [project]);
  return (
    <div class="page fill">
      <Show of={loaded}>{(overview) => <Environment overview={overview} />}</Show>
    </div>
  );
}

function Environment({ overview }: { overview: Overview }) {
  const { project, stages, services } = overview;
  const filter = useSignal('');
  const problems = useOpenProblems(project);
  const shown = services.filter(({ name }) => name.includes(filter.value.trim().toLowerCase()));
  const open = problems.value.length;
  return (
    <>
      <div class="title-row">
        <h1>{project}</h1>
        {open > 0 && (
          <a class="problem-link" href={linkTo('/problems', { project })}>
            {open === 1 ? '1 open problem' : `${open} open problems`}
          </a>
        )}
        <span class="grow" />
        {services.length > 8 && <FilterField label="Filter services" placeholder="Filter services" value={filter} />}
        <a class="button" href={linkTo('/compare', { project, from: stages[0]?.name, to: stages.at(-1)?.name })}>
          Compare stages
        </a>
        {services.length > 0 && (
          <>
            <ActionButton action={startEvaluation({ project, services, stages })} />
            <ActionButton action={newArtifact({ project, services, stages })} primary />
          </>
        )}
      </div>
      {!overview.ready && <p class="notice">{overview.message}</p>}
      {services.length === 0 ? (
        <Empty title="This project has no services yet.">
          <p>
            Declare a Service with <code>project: {project}</code>, or{' '}
            <code>keptn onboard service NAME --project={project} --chart=./chart</code>
          </p>
        </Empty>
      ) : (
        <VirtualList
          class="matrix"
          label={`Services of ${project} in each stage`}
          items={shown}
          rowHeight={ROW}
          keyOf={({ name }) => name}
          head={<Head stages={stages} />}
          row={(service) => <Row project={project} service={service} stages={stages} problems={problems.value} />}
        />
      )}
    </>
  );
}

function Head({ stages }: { stages: readonly OverviewStage[] }) {
  return (
    <div class="matrix-head">
      <span class="matrix-name">Service</span>
      {stages.map((stage, nth) => (
        <span key={stage.name} class="matrix-stage">
          <b>
            {nth > 0 && <span class="arrow">→ </span>}
            {stage.name}
          </b>
          <small>{aboutStage(stage)}</small>
        </span>
      ))}
    </div>
  );
}

function aboutStage({
  deploymentStrategy,
  testStrategy,
  approvalStrategy,
  remediationStrategy,
}: OverviewStage): string {
  const strategy = deploymentStrategy === 'direct' ? 'direct' : 'blue/green';
  const approval = approvalStrategy === 'manual' ? 'approval by hand' : undefined;
  const remediation = remediationStrategy === 'automated' ? 'remediation' : undefined;
  return [strategy, testStrategy, approval, remediation].filter(Boolean).join(' · ');
}

interface RowProps {
  project: string;
  service: OverviewService;
  stages: readonly OverviewStage[];
  problems: readonly { stage: string; service: string; title: string }[];
}

function Row({ project, service, stages, problems }: RowProps) {
  return (
    <div class="matrix-row">
      <span class="matrix-name">
        <a href={links.service(project, service.name)}>{service.name}</a>
      </span>
      {stages.map(({ name }) => (
        <Cell
          key={name}
          project={project}
          service={service}
          stage={name}
          at={service.stages.find((one) => one.name === name)}
          problem={problems.find((one) => one.stage === name && one.service === service.name)?.title}
        />
      ))}
    </div>
  );
}
