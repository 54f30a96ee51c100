import { expect } from 'chai';
import fc from 'fast-check';
import { join, normalize } from 'node:path/posix';
import { dnsLabel, resourceUri } from '../lib/model/names.ts';
import { idOf } from '../lib/events/id.ts';

describe('names from outside', () => {
  const segment = fc.oneof(
    fc.constantFrom('..', '.', '.git', '.GIT', '', 'a', 'helm', '\\', '\n', '\0', ' ', 'ä'),
    fc.string({ maxLength: 6 }),
  );

  it('never let a resource URI leave its folder or reach .git', () => {
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 6 }), (segments) => {
        const uri = segments.join('/');
        if (!resourceUri.safeParse(uri).success) return;
        const path = normalize(join('/root', uri));
        expect(path).to.equal(`/root/${uri}`);
        expect(path.toLowerCase().split('/')).not.to.include('.git');
      }),
      { numRuns: 2000 },
    );
  });

  for (const uri of ['a', 'helm/carts/values.yaml', '.gitignore', 'a b/ü.txt', '...', 'x..y']) {
    it(`allow the URI ${uri}`, () => void expect(resourceUri.safeParse(uri).success).to.be.true);
  }
  for (const name of ['a', 'sockshop', 'carts-db', 'a1'])
    it(`allow the name ${name}`, () => void expect(dnsLabel.safeParse(name).success).to.be.true);
  for (const name of ['', '-a', 'a-', '1a', 'A', 'a.b', 'a/b', '../a', 'a'.repeat(64), 'a\n']) {
    it(`refuse the name ${JSON.stringify(name)}`, () => void expect(dnsLabel.safeParse(name).success).to.be.false);
  }
});

describe('an event id', () => {
  it('is a UUID that follows from its cause', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.array(fc.string()), (a, b) => {
        expect(idOf(...a)).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(idOf(...a) === idOf(...b)).to.equal(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });
});
