/**
 * The lighthouse-service: the quality gate. When tests are over, or somebody asks, it reads the objectives of the service
 * (slo.yaml), has the project's SLI provider fetch values, and says with evaluation-done whether they are good enough.
 */
import { z } from 'zod';
import type { Configuration } from '../../lib/configuration/client.ts';
import { eventTypes } from '../../lib/events/event.ts';
import { getSli, getSliDone, testsFinished, type GetSli, type GetSliDone } from '../../lib/events/workflow.ts';
import type { History } from '../../lib/history/client.ts';
import { dnsLabel } from '../../lib/model/names.ts';
import { on, type Handle, type Service } from '../../lib/service/service.ts';
import type { ProjectProvider } from './configured/port.ts';
import { evaluateValues } from './evaluation.ts';
import { jmeterProvider } from './providers/jmeter.ts';
import type { SliProvider } from './providers/port.ts';
import { prometheusProvider } from './providers/prometheus.ts';
import { startEvaluation } from './start.ts';
import { spanOf } from './span.ts';
import { commitOf } from '../../lib/configuration/versioned.ts';

export interface LighthouseSettings {
  configuration: Configuration;
  history: History;
  /** Those that are built in, by name; others are services of their own, which answer get-sli. */
  providers: ReadonlyMap<string, SliProvider>;
  projectProvider: ProjectProvider;
}

const monitoringConfigure = z.object({ type: z.string().min(1), project: dnsLabel });

export function lighthouseService({ configuration, history, providers, projectProvider }: LighthouseSettings): Service {
  const start = startEvaluation({ configuration, providers, projectProvider });
  return {
    name: 'lighthouse-service',
    maxWaits: 200,
    subscriptions: [
      on([eventTypes.testsFinished, eventTypes.startEvaluation], testsFinished, start),
      on(eventTypes.getSli, getSli, fetchValues(providers)),
      on(eventTypes.getSliDone, getSliDone, evaluateValues(configuration, history)),
      on(eventTypes.monitoringConfigure, monitoringConfigure, async ({ data: { type, project } }, { log }) => {
        await projectProvider.set(project, type);
        const told = `the SLI provider of project ${project} is ${type}`;
        // Who waits is to hear of what a service of its own sets up for the provider; that is there in any installation.
        if (providers.has(type) && type !== 'prometheus') log.last(told);
        else log.info(told);
      }),
    ],
  };
}

export function builtInProviders(configuration: Configuration, prometheusUrl: string): Map<string, SliProvider> {
  return new Map([
    ['prometheus', prometheusProvider(configuration, prometheusUrl)],
    ['jmeter', jmeterProvider],
  ]);
}

function fetchValues(providers: ReadonlyMap<string, SliProvider>): Handle<GetSli> {
  return async (event, { log, signal }) => {
    const { data, shkeptncontext: keptnContext } = event;
    const provider = providers.get(data.sliProvider);
    if (!provider) return [];
    const indicators = data.indicators ?? [];
    const span = spanOf(event);
    const indicatorValues = await provider.valuesOf(
      { ...data, ...span, indicators, keptnContext, commit: commitOf(event) },
      signal,
    );
    for (const { metric, success, message } of indicatorValues) {
      if (!success) log.warn(`${data.sliProvider} has no value of ${metric}: ${message ?? ''}`);
    }
    const { project, stage, service, teststrategy, deploymentstrategy, deployment, labels } = data;
    const done: GetSliDone = {
      ...{ project, stage, service, teststrategy, deploymentstrategy, deployment, ...span },
      labels: labels ?? null,
      indicatorValues,
    };
    return [{ type: eventTypes.getSliDone, data: done }];
  };
}
