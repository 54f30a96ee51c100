/**
 * shipyard-service: makes a project with its stages in Git, and removes it, when an event asks for it as 0.6.2's api does.
 * Each step is told as a log message; the last one ends the wait of the command line. What the operator announces it has
 * done itself.
 */
import { z } from 'zod';
import type { Configuration } from '../../lib/configuration/client.ts';
import { parseShipyard } from '../../lib/configuration/shipyard.ts';
import { Terminal } from '../../lib/errors/classes.ts';
import { eventTypes, type KeptnEvent } from '../../lib/events/event.ts';
import { goText as text } from '../../lib/model/go-text.ts';
import { dnsLabel } from '../../lib/model/names.ts';
import { on, type Context, type Outgoing, type Service } from '../../lib/service/service.ts';

const OPERATOR = 'keptn-operator';

const projectCreate = z.object({
  project: dnsLabel,
  shipyard: z.base64(),
  gitUser: text,
  gitToken: text,
  gitRemoteURL: text,
});
const projectDelete = z.object({ project: dnsLabel });

type Creation = KeptnEvent & { data: z.infer<typeof projectCreate> };

export function shipyardService(configuration: Configuration): Service {
  async function create(event: Creation, { log }: Context): Promise<Outgoing[]> {
    if (event.source === OPERATOR) return [];
    const { project, shipyard, gitUser: user, gitToken: token, gitRemoteURL: url } = event.data;
    const cause = { context: event.shkeptncontext };
    try {
      const content = Buffer.from(shipyard, 'base64');
      const { stages } = parseShipyard(content.toString('utf8'));
      await configuration.ensureProject(project, url === '' ? undefined : { url, user, token }, cause);
      log.info(`Project ${project} created`);
      for (const { name } of stages) {
        await configuration.ensureStage(project, name, cause);
        log.info(`Stage ${name} created`);
      }
      await configuration.write({ project }, 'shipyard.yaml', content, cause);
    } catch (error) {
      if (!(error instanceof Terminal)) throw error;
      log.last(error.message);
      return [done('error', error)];
    }
    log.last('Shipyard successfully processed');
    return [done('success')];
  }

  async function remove(event: KeptnEvent & { data: z.infer<typeof projectDelete> }, { log }: Context): Promise<void> {
    if (event.source === OPERATOR) return;
    const { project } = event.data;
    await configuration.remove({ project }, { context: event.shkeptncontext });
    log.last(`Project ${project} deleted. Its namespaces and Helm releases stay: remove them with kubectl and helm.`);
  }

  return {
    name: 'shipyard-service',
    maxWaits: 200,
    subscriptions: [
      on(eventTypes.projectCreate, projectCreate, create),
      on(eventTypes.projectDelete, projectDelete, remove),
    ],
  };
}

function done(result: 'success' | 'error', error?: Terminal): Outgoing {
  const message = error?.message ?? 'Shipyard successfully processed';
  return { type: eventTypes.done, data: { result, message, version: '' } };
}
