/** The artifact that an evaluation was about: what was tested is what is promoted, whatever has come since. */
import { parse } from 'yaml';
import { z } from 'zod';
import type { Configuration } from '../../lib/configuration/client.ts';
import { commitOf, readText } from '../../lib/configuration/versioned.ts';
import { Terminal } from '../../lib/errors/classes.ts';
import { imageOf } from '../../lib/delivery/image.ts';
import { eventTypes, type KeptnEvent } from '../../lib/events/event.ts';
import { deploymentFinished, type EvaluationDone } from '../../lib/events/workflow.ts';
import type { History } from '../../lib/history/client.ts';

const values = z.looseObject({ image: z.string().min(1) });

/**
 * From the chart at the commit that travels with the events; without it, since a service of 0.6.2 does not pass it on,
 * from the deployment of this context; else, as in 0.6.2, from the chart as it is now.
 */
export async function artifactOf(
  { configuration, history }: { configuration: Configuration; history: History },
  event: KeptnEvent & { data: EvaluationDone },
): Promise<string> {
  const { data, shkeptncontext: keptnContext } = event;
  const { project, stage, service } = data;
  const commit = commitOf(event);
  if (commit === undefined) {
    const search = { keptnContext, project, stage, service, type: eventTypes.deploymentFinished };
    const deployment = await history.newest(search);
    const image = imageOf(deploymentFinished.safeParse(deployment?.data).data ?? { image: '', tag: '' });
    if (image !== '') return image;
  }
  const file = `helm/${service}/values.yaml`;
  const content = await readText(configuration, { project, stage, service }, file, commit);
  const parsed = values.safeParse(content === undefined ? undefined : parse(content));
  if (parsed.success) return parsed.data.image;
  throw new Terminal('NotFound', `${service} in ${stage} of ${project}: no image to promote, ${file} has none`);
}
