/** The overview of a project, kept up to date in the page by the same function that the operator folds events with. */
import { useEffect } from 'preact/hooks';
import { deliveryTypes } from '../../../../lib/delivery/stage.ts';
import { overviewSchema, type Overview } from '../../../../lib/delivery/overview.ts';
import { stagesAfter } from '../../../../lib/delivery/service-status.ts';
import { eventTypes, textIn, type KeptnEvent } from '../../../../lib/events/event.ts';
import { get } from '../api/client.ts';
import { onEvent } from '../api/live.ts';
import { useLoaded, useSoon, type Loaded } from '../api/load.ts';

const concerned = new Set(deliveryTypes);
const structural = new Set<string>([eventTypes.projectCreate, eventTypes.serviceCreate, eventTypes.done]);

export function readOverview(project: string, signal?: AbortSignal): Promise<Overview> {
  return get(`/v1/project/${encodeURIComponent(project)}/overview`, overviewSchema, signal);
}

export function useOverview(project: string): Loaded<Overview> {
  const loaded = useLoaded(`overview ${project}`, (signal) => readOverview(project, signal));
  // What the status of the Services says is the truth: it is read again when the events have come to rest.
  const again = useSoon(loaded.reload);
  useEffect(
    () =>
      onEvent((event) => {
        if (textIn(event.data, 'project') !== project) return;
        const known = loaded.data.value;
        if (known && concerned.has(event.type)) loaded.data.value = overviewAfter(known, event);
        if (concerned.has(event.type) || structural.has(event.type)) again();
      }),
    [loaded, again, project],
  );
  return loaded;
}

export function overviewAfter(overview: Overview, event: KeptnEvent): Overview {
  const name = textIn(event.data, 'service');
  const order = overview.stages.map((stage) => stage.name);
  const services = overview.services.map((service) =>
    service.name === name ? { ...service, stages: stagesAfter(service.stages, event, order) } : service,
  );
  return { ...overview, services };
}
