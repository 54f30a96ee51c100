/** What becomes of bodies that are no Keptn events: Alertmanager's, Dynatrace's, and those of mappings that users write. */
import { expect } from 'chai';
import { Terminal } from '../lib/errors/classes.ts';
import type { KeptnEvent } from '../lib/events/event.ts';
import { eventsOf } from '../services/eventbroker/handler.ts';
import { noMappings, parseMappings } from '../services/eventbroker/mapping.ts';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function eventsFor(body: unknown, mappings = noMappings, headers = {}): KeptnEvent[] {
  return eventsOf(headers, Buffer.from(JSON.stringify(body)), { types: ['sh.keptn.>'], mappings });
}

function onlyEventFor(...given: Parameters<typeof eventsFor>): KeptnEvent {
  const [event, ...others] = eventsFor(...given);
  if (event === undefined || others.length > 0) throw new Error(`${others.length + 1} events`);
  return event;
}

describe("Alertmanager's webhook", () => {
  const alert = {
    status: 'firing',
    labels: { alertname: 'response_time_p90', project: 'sockshop', stage: 'prod', service: 'carts', pod: 'carts-1' },
    annotations: { summary: 'slow', description: 'p90 is above 1 s' },
    startsAt: '2026-11-23T10:00:00.123Z',
    endsAt: '0001-01-01T00:00:00Z',
    generatorURL: 'http://prometheus/graph',
    fingerprint: 'c0ffee',
  };
  const webhook = (...alerts: object[]): object => ({ version: '4', receiver: 'keptn', status: 'firing', alerts });

  it("becomes a problem with the fields that 0.6.2's remediation-service reads", () => {
    const event = onlyEventFor(webhook(alert));
    expect(event).to.include({ type: 'sh.keptn.event.problem.open', source: 'prometheus', time: alert.startsAt });
    expect(event.data).to.deep.include({
      State: 'OPEN',
      ProblemTitle: 'response_time_p90',
      PID: 'c0ffee',
      ImpactedEntity: 'carts-1',
      Tags: 'keptn_project:sockshop, keptn_stage:prod, keptn_service:carts',
      project: 'sockshop',
      stage: 'prod',
      service: 'carts',
    });
  });

  it('is one event for each alert, and the same event when it is repeated', () => {
    const body = webhook(alert, { ...alert, fingerprint: 'beef' });
    const ids = (): string[] => eventsFor(body).map(({ id }) => id);
    expect(ids()).to.deep.equal(ids());
    expect(new Set(ids()).size).to.equal(2);
  });

  it('tells the end of an alert as another event in the same keptn context', () => {
    const open = onlyEventFor(webhook(alert));
    const end = onlyEventFor(webhook({ ...alert, status: 'resolved', endsAt: '2026-11-23T10:05:00Z' }));
    expect(end.data).to.include({ State: 'RESOLVED' });
    expect([end.shkeptncontext, end.time]).to.deep.equal([open.shkeptncontext, '2026-11-23T10:05:00Z']);
    expect(end.id).not.to.equal(open.id);
    expect(open.shkeptncontext).to.match(uuid);
  });

  it('begins a new keptn context when the alert comes back later', () => {
    const [first, later] = eventsFor(webhook(alert, { ...alert, startsAt: '2026-11-24T10:00:00Z' }));
    expect(later?.shkeptncontext).not.to.equal(first?.shkeptncontext);
  });

  it('without an alert, or with one that is none, is refused', () => {
    for (const body of [webhook(), webhook({ ...alert, status: 'maybe' }), webhook({ ...alert, labels: [] })]) {
      expect(() => eventsFor(body)).to.throw(Terminal, /no CloudEvent, no known notification/);
    }
  });
});

describe("Dynatrace's problem notification", () => {
  const problem = {
    State: 'OPEN',
    PID: '-762_1',
    ProblemID: 'P-7',
    ProblemTitle: 'Response time degradation',
    ProblemDetails: { ClientIP: '10.0.0.1' },
    Tags: 'team:a, keptn_project:sockshop, keptn_stage:prod, keptn_service:carts',
  };

  it('becomes a problem whose project, stage and service are those of its tags', () => {
    const event = onlyEventFor(problem);
    expect(event).to.include({ type: 'sh.keptn.event.problem.open', source: 'dynatrace' });
    expect(event.data).to.deep.include({ ...problem, project: 'sockshop', stage: 'prod', service: 'carts' });
  });

  it('is the same event when it is repeated, and another one in the same context when it ends', () => {
    const [open, again, end] = [problem, problem, { ...problem, State: 'RESOLVED' }].map((body) => onlyEventFor(body));
    expect(again?.id).to.equal(open?.id);
    expect(end?.id).not.to.equal(open?.id);
    expect(end?.shkeptncontext).to.equal(open?.shkeptncontext);
  });

  it("in Dynatrace's own template for Keptn, which gives open and resolved one id, makes two events", () => {
    const sent = (State: string): object => ({
      specversion: '0.2',
      type: 'sh.keptn.events.problem',
      source: 'dynatrace',
      id: '-762_1',
      time: '',
      shkeptncontext: '-762_1',
      data: { ...problem, State },
    });
    const [open, end] = [onlyEventFor(sent('OPEN')), onlyEventFor(sent('RESOLVED'))];
    expect(open.type).to.equal('sh.keptn.events.problem');
    expect(open.id).not.to.equal(end.id);
    expect(open.id).to.equal(onlyEventFor(sent('OPEN')).id);
  });
});

describe('a mapping that a user writes', () => {
  const mappings = parseMappings(
    `mappings:
- name: push
  type: com.github.push
  event:
    type: sh.keptn.event.configuration.change
    source: github
    id: $.id
    shkeptncontext: $.data.after
    data:
      project: $.data.repository.name
      stage: ""
      valuesCanary: { image: "$.data['image']", pull: true }
      missing: $.data.nothing
      labels: null
- name: pages
  has: $.pages[?@.severity == 'high']
  forEach: $.pages[?@.severity == 'high']
  event:
    type: sh.keptn.event.problem.open
    source: pager
    id: $.key
    data: { State: OPEN, ProblemTitle: $.title, all: [$.key, constant] }
`,
    'mappings.yaml',
  );
  const push = (id: string): object => ({
    specversion: '1.0',
    type: 'com.github.push',
    source: 'https://github.com',
    id,
    data: { after: 'f00', repository: { name: 'sockshop' }, image: 'carts:1' },
  });

  it('makes a Keptn event of a CloudEvent of another type', () => {
    const event = onlyEventFor(push('1'), mappings);
    expect(event).to.include({ type: 'sh.keptn.event.configuration.change', source: 'github' });
    expect(event.data).to.deep.equal({
      project: 'sockshop',
      stage: '',
      valuesCanary: { image: 'carts:1', pull: true },
      labels: null,
    });
  });

  it('makes the same event of the same id, and one context of equal values', () => {
    const [one, again, other] = ['1', '1', '2'].map((id) => onlyEventFor(push(id), mappings));
    expect(one?.id).to.equal(again?.id).and.match(uuid);
    expect(one?.id).not.to.equal(other?.id);
    expect(one?.shkeptncontext).to.equal(other?.shkeptncontext).and.match(uuid);
  });

  it('makes an event of each thing that it finds in another body, and leaves bodies without one', () => {
    const pages = ['high', 'low', 'high'].map((severity, n) => ({ severity, key: n, title: `page ${n}` }));
    expect(eventsFor({ pages }, mappings).map(({ data }) => data)).to.deep.equal([
      { State: 'OPEN', ProblemTitle: 'page 0', all: [0, 'constant'] },
      { State: 'OPEN', ProblemTitle: 'page 2', all: [2, 'constant'] },
    ]);
    expect(() => eventsFor({ pages: pages.slice(1, 2) }, mappings)).to.throw(Terminal);
  });

  it('takes nothing from the prototype of an object', () => {
    const body = { specversion: '1.0', type: 'com.github.push', source: 's', id: '3', data: { after: 'a' } };
    const reaching = parseMappings(
      `mappings: [{ name: a, type: com.github.push, event: { type: sh.keptn.event.a, source: s, data: { a: $.constructor.name, b: $.__proto__ } } }]`,
      'a.yaml',
    );
    expect(onlyEventFor(body, reaching).data).to.deep.equal({});
  });

  const mistakes: [string, RegExp][] = [
    [
      'mappings:\n- name: a\n  event:\n    type: com.example\n    source: s\n    data: {}',
      /^m\.yaml:4 mappings\.0\.event\.type: must be sh\.keptn/,
    ],
    [
      'mappings:\n- name: a\n  event:\n    type: sh.keptn.a\n    source: s\n    data:\n      x: $.[',
      /^m\.yaml:7 .*data\.x: is no JSONPath/,
    ],
    [
      'mappings:\n- name: a\n  has: pages\n  event:\n    type: sh.keptn.a\n    source: s\n    data: {}',
      /^m\.yaml:3 .*has: must be a JSONPath/,
    ],
    [
      'mappings:\n- name: a\n  event:\n    type: sh.keptn.a\n    source: s\n    data: {}\n    extra: 1',
      /^m\.yaml:\d .*extra/,
    ],
    ['mappings:\n- name: a', /^m\.yaml:2 .*event: is missing/],
    ['mappings:\n - a: [', /^m\.yaml:2 /],
  ];
  for (const [content, message] of mistakes) {
    it(`is refused at the start with the line of the mistake: ${String(message)}`, () => {
      expect(() => parseMappings(content, 'm.yaml')).to.throw(Terminal, message);
    });
  }
});
