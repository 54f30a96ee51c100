/** What one service has in one stage: artifact, phase, score, why it is not further, and what can be done about it. */
import type { OverviewService } from '../../../../lib/delivery/overview.ts';
import { hasStopped } from '../../../../lib/delivery/stage.ts';
import { ActionButton } from '../actions/action-button.tsx';
import { approve, decline } from '../actions/approval.tsx';
import { shortImage } from '../parts/names.ts';
import { Status, toneOfPhase } from '../parts/status.tsx';
import { Ago } from '../parts/time.tsx';
import { links, linkTo } from '../shell/router.ts';

export interface CellProps {
  project: string;
  service: OverviewService;
  stage: string;
  at: OverviewService['stages'][number] | undefined;
  /** Title of an open problem there. */
  problem: string | undefined;
}

export function Cell({ project, service, stage, at, problem }: CellProps) {
  if (!at) {
    return (
      <div class="cell cell-empty">
        <span aria-label={`${stage}: nothing yet`}>–</span>
      </div>
    );
  }
  const phase = at.paused ? 'Paused' : at.phase;
  const where = { project, service: service.name, stage, keptnContext: at.keptnContext, object: service.object };
  return (
    <div class={`cell cell-${toneOfPhase(phase)}`} data-phase={phase}>
      <div class="cell-line">
        <a class="artifact" href={links.sequence(at.keptnContext, stage)} title={at.image}>
          {at.image ? shortImage(at.image) : 'delivery'}
        </a>
        {at.score !== undefined && (
          <a
            class="score"
            href={linkTo('/evaluations', { project, stage, service: service.name })}
            title="Score of the last evaluation"
          >
            {Math.round(at.score)}
            <span class="only-read"> of 100</span>
          </a>
        )}
      </div>
      <div class="cell-line">
        <Status tone={toneOfPhase(phase)}>{phase === 'Approving' ? 'Waits for approval' : phase}</Status>
        <small>
          <Ago time={at.since} />
        </small>
      </div>
      {phase === 'Approving' ? (
        <div class="cell-line">
          <ActionButton action={approve({ ...where, image: at.image, triggeredId: at.triggeredId })} primary small />
          <ActionButton action={decline({ ...where, image: at.image, triggeredId: at.triggeredId })} small />
        </div>
      ) : (
        <p class={hasStopped(at) ? 'cell-why' : 'cell-note'} title={at.message}>
          {problem ? `Problem: ${problem}` : at.next ? `${shortImage(at.next.image)} waits` : at.message}
        </p>
      )}
    </div>
  );
}
