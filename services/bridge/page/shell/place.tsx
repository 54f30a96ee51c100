/** Which project, stage and service a page is about: chosen in the address, by three lists that know what there is. */
import { useEffect } from 'preact/hooks';
import { z } from 'zod';
import type { Overview } from '../../../../lib/delivery/overview.ts';
import { get } from '../api/client.ts';
import { useLoaded } from '../api/load.ts';
import { readOverview } from '../project/state.ts';
import { ask, query } from './router.ts';

export interface PlaceState {
  project: string | undefined;
  stage: string | undefined;
  service: string | undefined;
  projects: readonly string[];
  overview: Overview | undefined;
}

const namesSchema = z.object({ projects: z.array(z.object({ project: z.string() })) });

/** `first`: what is not chosen is the first that there is. */
export function usePlace({ first = true } = {}): PlaceState {
  const given = (name: string): string | undefined => query.value.get(name) ?? undefined;
  const all = useLoaded('project names', (signal) => get('/v1/overview', namesSchema, signal));
  const projects = all.data.value?.projects.map(({ project }) => project) ?? [];
  const project = given('project') ?? (first ? projects[0] : undefined);
  const loaded = useLoaded(`place ${project ?? ''}`, async (signal) =>
    project === undefined ? undefined : readOverview(project, signal),
  );
  const overview = loaded.data.value;
  const stage = given('stage') ?? (first ? overview?.stages[0]?.name : undefined);
  const service = given('service') ?? (first ? overview?.services[0]?.name : undefined);
  // So that the address says what is seen.
  useEffect(() => {
    if (first && overview && (!given('project') || !given('stage') || !given('service')))
      ask({ project, stage, service });
  }, [project, stage, service, overview]);
  return { project, stage, service, projects, overview };
}

export function PlacePicker({ place, optional = false }: { place: PlaceState; optional?: boolean }) {
  const { project, stage, service, projects, overview } = place;
  const lists = [
    ['Project', 'project', project, projects],
    ['Stage', 'stage', stage, overview?.stages.map(({ name }) => name) ?? []],
    ['Service', 'service', service, overview?.services.map(({ name }) => name) ?? []],
  ] as const;
  return (
    <div class="picker">
      {lists.map(([label, name, value, names]) => (
        <label key={name}>
          <span class="only-read">{label}</span>
          <select
            value={value ?? ''}
            disabled={names.length === 0}
            onChange={(event) =>
              ask({ ...(name === 'project' && { stage: '', service: '' }), [name]: event.currentTarget.value })
            }
          >
            {(optional || value === undefined) && <option value="">{`any ${name}`}</option>}
            {value !== undefined && !names.includes(value) && <option value={value}>{value}</option>}
            {names.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
      ))}
    </div>
  );
}
