/** Much of everything, for tests and benches of what has to stay fast: 1,000 stages, and a history as long as wanted. */
import type { Standalone } from './standalone.ts';

const [PROJECTS, STAGES, AT_ONCE] = [20, 50, 32];
const apiVersion = 'keptn.sh/v1alpha1';

/** 20 projects of 50 stages, each with one service. */
export function manyStages(): object[] {
  return Array.from({ length: PROJECTS }, (_, nth) => {
    const stages = Array.from({ length: STAGES }, (_stage, at) => ({ name: `s${at}`, deployment_strategy: 'direct' }));
    const project = { apiVersion, kind: 'Project', metadata: { name: `p${nth}` }, spec: { shipyard: { stages } } };
    const spec = { project: `p${nth}`, name: 'web' };
    return [project, { apiVersion, kind: 'Service', metadata: { name: `p${nth}-web` }, spec }];
  }).flat();
}

/** Events of a project `filled`, put straight into the datastore. */
export async function fillHistory(keptn: Standalone, count: number): Promise<void> {
  const [, address = ''] = /^Find events +(\S+)\/event\?/m.exec(keptn.process.output()) ?? [];
  let next = 0;
  const start = Date.now() - count * 1_000;
  const fill = async (): Promise<void> => {
    while (next < count) {
      const nth = next++;
      const response = await fetch(`${address}/event`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          ...{ specversion: '0.2', type: 'sh.keptn.events.tests-finished', source: 'filler', id: `filled-${nth}` },
          ...{ time: new Date(start + nth * 1_000).toISOString(), shkeptncontext: `context-${nth % 5_000}` },
          data: { project: 'filled', stage: 'dev', service: `service-${nth % 50}`, result: 'pass' },
        }),
      });
      if (!response.ok) throw new Error(`the datastore answers ${response.status}`);
      await response.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, fill));
}
