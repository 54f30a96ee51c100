/** What every event bus refuses, with which code and naming which field: a part of its contract. */
import assert from 'node:assert/strict';
import { KeptnError } from '../errors/classes.ts';
import { eventOf, recorder } from './contract-parts.ts';
import type { EventBus, SubscribeOptions } from './port.ts';

const usual: SubscribeOptions = { durable: 'test', filters: ['sh.keptn.>'], from: 'all' };

export function busRefusals(bus: () => EventBus): void {
  for (const type of ['sh.keptn.>', 'sh.keptn.*', 'sh.keptn.a b', 'sh.keptn..a', 'dead.sh.keptn.a', '$JS.API.INFO']) {
    it(`refuses a type that would escape sh.keptn.: ${type}`, async () => {
      await assert.rejects(bus().publish(eventOf(type)), hasCode('InvalidField', /^type: /));
    });
  }

  const wrong: [string, Partial<SubscribeOptions>][] = [
    ['durable', { durable: 'a.b' }],
    ['filters', { filters: [] }],
    ['filters', { filters: ['>'] }],
    ['filters', { filters: ['sh.keptn.>', 'dead.>'] }],
    ['filters', { filters: ['sh.keptn.*.b', 'sh.keptn.a.*'] }],
    ['concurrency', { concurrency: 0 }],
  ];
  for (const [field, options] of wrong) {
    it(`refuses a subscription with ${JSON.stringify(options)}`, async () => {
      await assert.rejects(
        bus().subscribe({ ...usual, ...options }, recorder().handle),
        hasCode('InvalidField', new RegExp(`^${field}`)),
      );
    });
  }

  it('refuses an event that is too large for good, and after the close any for now', async () => {
    await assert.rejects(
      bus().publish(eventOf('sh.keptn.a', 'x'.repeat(9 * 1024 * 1024))),
      hasCode('TooLarge', /bytes/),
    );
    await bus().close();
    assert.equal(bus().ready(), false);
    await assert.rejects(bus().publish(eventOf('sh.keptn.a')), hasCode('Unavailable', /closed/));
  });
}

function hasCode(code: string, message: RegExp) {
  return (error: unknown): boolean => error instanceof KeptnError && error.code === code && message.test(error.message);
}
