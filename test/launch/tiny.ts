/** A project with small services: dev, staging and prod, tests of one request, objectives that a working service meets. */
import { custom } from './world.ts';

/** Its chart, as files of a service. */
export const tinyChart = (name: string): Record<string, string> => ({
  [`helm/${name}/Chart.yaml`]: `apiVersion: v2\nname: ${name}\nversion: 0.1.0\n`,
  [`helm/${name}/values.yaml`]: 'image: none\nreplicaCount: 1\n',
  [`helm/${name}/templates/all.yaml`]: `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  replicas: {{ .Values.replicaCount }}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers: [{ name: app, image: {{ .Values.image | quote }}, resources: { requests: { cpu: {{ .Values.cpu | default "10m" }} } } }]
---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec:
  selector: { app: ${name} }
  ports: [{ name: http, port: 80, targetPort: 8080 }]
{{- if .Values.hold }}
---
# A hook that never ends: no node has this label.
apiVersion: batch/v1
kind: Job
metadata: { name: hold, annotations: { helm.sh/hook: post-upgrade } }
spec:
  template:
    spec: { restartPolicy: Never, nodeSelector: { nowhere: 'true' }, containers: [{ name: hold, image: hold }] }
{{- end }}
`,
});

const plan = `<?xml version="1.0" encoding="UTF-8"?>
<jmeterTestPlan version="1.2"><hashTree><TestPlan testname="tiny"/><hashTree>
<ThreadGroup testname="users"><elementProp name="ThreadGroup.main_controller" elementType="LoopController">
<stringProp name="LoopController.loops">\${__P(LoopCount,1)}</stringProp></elementProp>
<stringProp name="ThreadGroup.num_threads">\${__P(VUCount,1)}</stringProp></ThreadGroup><hashTree>
<HTTPSamplerProxy testname="look"><stringProp name="HTTPSampler.domain">\${__P(SERVER_URL,localhost)}</stringProp>
<stringProp name="HTTPSampler.port">\${__P(SERVER_PORT,80)}</stringProp>
<stringProp name="HTTPSampler.protocol">\${__P(PROTOCOL,http)}</stringProp>
<stringProp name="HTTPSampler.path">/</stringProp><stringProp name="HTTPSampler.method">GET</stringProp></HTTPSamplerProxy><hashTree/>
</hashTree></hashTree></hashTree></jmeterTestPlan>
`;

/** Nobody measures real users here, so with them there are no objectives. */
const files = (name: string, realUser: boolean): Record<string, string> => ({
  ...tinyChart(name),
  'jmeter/load.jmx': plan,
  'jmeter/jmeter.conf.yaml': 'workloads: [{ teststrategy: performance, vuser: 2, loopcount: 2, thinktime: 10 }]\n',
  ...(!realUser && {
    'slo.yaml': `objectives:
  - { sli: response_time_p95, pass: [{ criteria: ['<500'] }] }
total_score: { pass: 90% }
`,
  }),
});

export interface TinyOptions {
  /** All stages directly, without a canary. */
  direct?: boolean;
  /** Of prod, whose deployment is direct then. */
  realUser?: boolean;
  /** remediation.yaml: what is to be done about problems in prod. */
  remediation?: string;
}

/** Objects of a project and its services, named `{project}-{service}`, each with artifact 1.0. */
export function tinyProject(
  project: string,
  services: readonly string[],
  { direct = false, realUser = false, remediation }: TinyOptions = {},
): object[] {
  const strategy = direct ? 'direct' : 'blue_green_service';
  const stages = [
    { name: 'dev', deployment_strategy: 'direct', test_strategy: 'functional' },
    { name: 'staging', deployment_strategy: strategy, test_strategy: 'performance' },
    realUser
      ? { name: 'prod', deployment_strategy: 'direct', test_strategy: 'real-user' }
      : { name: 'prod', deployment_strategy: strategy, ...(remediation && { remediation_strategy: 'automated' }) },
  ];
  const resource = (name: string, spec: object): object =>
    custom('Resource', `${project}-${name}`, { project, ...spec });
  return [
    custom('Project', project, { shipyard: { stages } }),
    resource('lighthouse', { uri: 'lighthouse.yaml', text: 'sli-provider: jmeter\n' }),
    ...services.flatMap((service) => [
      ...Object.entries(files(service, realUser)).map(([uri, text], nth) =>
        resource(`${service}-${nth}`, { service, uri, text }),
      ),
      ...(remediation
        ? [resource(`${service}-remediation`, { service, uri: 'remediation.yaml', text: remediation })]
        : []),
      custom('Service', `${project}-${service}`, {
        project,
        name: service,
        artifact: { image: `docker.io/example/${service}:1.0` },
      }),
    ]),
  ];
}
